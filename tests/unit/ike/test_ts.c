/* SPDX-License-Identifier: MIT */
/* Traffic selectors: lengths by type, ranges, unknown types. */
#include "vectors.h"

#include "ike/message.h"

static int parse(const char *selectors, uint8_t count, struct ike_ts *out, unsigned int max,
		 struct ike_parse_error *err)
{
	struct octets raw = hex(selectors);
	struct ike_payload p = {.type = IKE_P_TSI, .data = raw.p, .data_len = (uint16_t)raw.len, .u.ts.count = count};

	return ike_ts_parse(&p, out, max, err);
}

#define V4 "07 11 0010 0035 0035 0a000000 0a0000ff"
#define V6 "08 00 0028 0000 ffff fd000000000000000000000000000000 fd0000000000000000000000000000ff"

static void accepted(void **state)
{
	struct ike_parse_error err;
	struct ike_ts ts[4];

	(void)state;
	assert_int_equal(parse(V4 V6, 2, ts, 4, &err), 2);
	assert_int_equal(ts[0].type, IKE_TS_IPV4);
	assert_int_equal(ts[0].protocol, 17);
	assert_int_equal(ts[0].start_port, 53);
	assert_memory_equal(ts[0].end, "\12\0\0\xff\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(ts[1].type, IKE_TS_IPV6);
	assert_int_equal(ts[1].end_port, 65535);
	/* a type we do not know is skipped, so is what does not fit */
	assert_int_equal(parse("0a 00 0006 aabb" V4, 2, ts, 4, &err), 1);
	assert_int_equal(ts[0].start_port, 53);
	assert_int_equal(parse(V4 V4 V4, 3, ts, 2, &err), 2);
	/* OPAQUE */
	assert_int_equal(parse("07 00 0010 ffff 0000 0a000000 0a0000ff", 1, ts, 4, &err), 1);
}

static void refused(void **state)
{
	static const struct {
		const char *hex;
		uint8_t count;
		const char *text;
	} rows[] = {
		{"07 00 0003", 1, "TSi payload: selector length 3 with 4 octets left"},
		{"07 00 0010 0000", 1, "TSi payload: selector length 16 with 6 octets left"},
		{"07 00 000c 0000 ffff 0a000000", 1, "TSi payload: selector of type 7 with length 12"},
		{"08 00 0010 0000 ffff 0a000000 0a000000", 1, "TSi payload: selector of type 8 with length 16"},
		{"07 00 0028 0000 ffff fd000000000000000000000000000000 fd000000000000000000000000000000", 1,
		 "TSi payload: selector of type 7 with length 40"},
		{V4, 2, "TSi payload: selector length 0 with 4 octets left"},
		{V4 V4, 1, "TSi payload: 16 octets after 1 selectors"},
		{"07 00 0010 0050 0035 0a000000 0a0000ff", 1, "TSi payload: ports 80 to 53"},
		{"07 00 0010 0000 ffff 0a000001 0a000000", 1, "TSi payload: a range that ends before it starts"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_parse_error err = {.text = "accepted"};
		struct ike_ts ts[4];
		int n = parse(rows[i].hex, rows[i].count, ts, 4, &err);

		assert_string_equal(err.text, rows[i].text);
		assert_true(n < 0);
		assert_int_equal(err.notify, IKE_N_INVALID_SYNTAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
