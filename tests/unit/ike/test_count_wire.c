/* SPDX-License-Identifier: MIT */
/* Count-based SAs on the wire: octets made by hand from the draft's figures, and every defect of a peer. */
#include "vectors.h"

#include "ike/count.h"
#include "ike/payload.h"
#include "ike/vendor.h"

/* GCM-16, Rekey Value 0x1234, 2^30 to 2^40 bytes; then ChaCha20-Poly1305, 0xffff, 1 to 2^64-1. */
#define GCM      "0014 1234 0000000040000000 0000010000000000 "
#define CHACHA   "001c ffff 0000000000000001 ffffffffffffffff "
#define BACKWARD "0014 1234 0000010000000000 0000000040000000 "
#define NOUGHT   "0014 1234 0000000000000000 0000000000000000 "

struct note {
	uint16_t kind;
	uint8_t protocol, spi_size;
	const char *data;
};

/* A message whose notifies are these, unprotected: only its payloads matter. */
static void message(const struct note *notes, unsigned int n, struct ike_message *m)
{
	static const struct ike_header hdr = {
		.spi_i = {1}, .spi_r = {2}, .version = 0x20, .exchange = IKE_X_CREATE_CHILD_SA};
	static uint8_t buf[4096];
	struct ike_parse_error err;
	struct ike_builder b;
	int len;

	ike_build_start(&b, buf, sizeof(buf), &hdr);
	for (unsigned int i = 0; i < n; i++) {
		struct octets data = hex(notes[i].data);

		ike_build_notify(&b, notes[i].protocol, (const uint8_t *)"spi!", notes[i].spi_size, notes[i].kind,
				 data.p, data.len);
	}
	len = ike_build_finish(&b);
	assert_true(len > 0);
	if (ike_message_parse(buf, (size_t)len, m, &err))
		fail_msg("%s", err.text);
}

static void test_octets(void **state)
{
	static const struct ike_count_entry entries[] = {
		{20, 0x1234, UINT64_C(1) << 30, UINT64_C(1) << 40},
		{28, 0xffff, 1, UINT64_MAX},
	};
	static const struct ike_count_selected selected = {0x00ff, UINT64_C(0x0102030405060708)};
	struct octets proposed = hex(GCM CHACHA), answer = hex("00ff 0102030405060708");
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		ike_count_entry_encode(&entries[i], &w);
	assert_int_equal(w.len, 2 * IKE_COUNT_ENTRY_LEN);
	assert_memory_equal(buf, proposed.p, w.len);
	w = wr_init(buf, sizeof(buf));
	ike_count_selected_encode(&selected, &w);
	assert_int_equal(w.len, IKE_COUNT_SELECTED_LEN);
	assert_memory_equal(buf, answer.p, w.len);
}

#define PROPOSED IKE_N_COUNT_BASED_SA_PROPOSED
#define SELECTED IKE_N_COUNT_BASED_SA_SELECTED

static void test_proposed(void **state)
{
	static const struct {
		struct note notes[2];
		uint16_t encr;
		enum ike_count_found found;
		const char *why;
	} rows[] = {
		{{{PROPOSED, 0, 0, GCM}}, 20, IKE_COUNT_GOOD, NULL},
		{{{PROPOSED, 0, 0, GCM CHACHA}}, 20, IKE_COUNT_GOOD, NULL},
		{{{PROPOSED, 0, 0, CHACHA GCM}}, 20, IKE_COUNT_GOOD, NULL},
		{{{PROPOSED, 0, 0, CHACHA}, {PROPOSED, 0, 0, GCM}}, 20, IKE_COUNT_GOOD, NULL}, /* several notifies */
		{{{SELECTED, 0, 0, GCM}}, 20, IKE_COUNT_ABSENT, NULL},
		{{{0}}, 20, IKE_COUNT_ABSENT, NULL},
		{{{PROPOSED, 0, 0, ""}}, 20, IKE_COUNT_BAD, "its length is not a multiple of 20 octets"},
		{{{PROPOSED, 0, 0, GCM "00"}}, 20, IKE_COUNT_BAD, "its length is not a multiple of 20 octets"},
		{{{PROPOSED, 0, 0, "0014 1234 0000000040000000 00000100000000"}},
		 20,
		 IKE_COUNT_BAD,
		 "its length is not a multiple of 20 octets"},
		{{{PROPOSED, 0, 0, GCM}, {PROPOSED, 0, 0, "00"}},
		 20,
		 IKE_COUNT_BAD,
		 "its length is not a multiple of 20 octets"},
		{{{PROPOSED, 0, 0, CHACHA}}, 20, IKE_COUNT_BAD, "the chosen cipher is not in it"},
		{{{PROPOSED, 0, 0, GCM GCM}}, 20, IKE_COUNT_BAD, "the chosen cipher is in it more than once"},
		{{{PROPOSED, 0, 0, GCM}, {PROPOSED, 0, 0, GCM}},
		 20,
		 IKE_COUNT_BAD,
		 "the chosen cipher is in it more than once"},
		{{{PROPOSED, 0, 0, BACKWARD}}, 20, IKE_COUNT_BAD, "its minimum is above its maximum"},
		{{{PROPOSED, 0, 0, NOUGHT}}, 20, IKE_COUNT_BAD, "its lifetime is zero"},
		{{{PROPOSED, 0, 0, CHACHA NOUGHT}}, 28, IKE_COUNT_GOOD, NULL}, /* only the chosen one matters */
		{{{PROPOSED, 3, 0, GCM}}, 20, IKE_COUNT_BAD, "it names a protocol or an SPI"},
		{{{PROPOSED, 0, 4, GCM}}, 20, IKE_COUNT_BAD, "it names a protocol or an SPI"},
	};
	struct ike_count_entry e;
	struct ike_message m;
	const char *why;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned int n = 0;

		while (n < 2 && rows[i].notes[n].data)
			n++;
		message(rows[i].notes, n, &m);
		assert_int_equal(ike_count_proposed(&m, rows[i].encr, &e, &why), rows[i].found);
		if (rows[i].why)
			assert_string_equal(why, rows[i].why);
		else
			assert_null(why);
		if (rows[i].found != IKE_COUNT_GOOD)
			continue;
		assert_int_equal(e.encr, rows[i].encr);
		assert_int_equal(e.value, rows[i].encr == 20 ? 0x1234 : 0xffff);
		assert_int_equal(e.min, rows[i].encr == 20 ? UINT64_C(1) << 30 : 1);
		assert_int_equal(e.max, rows[i].encr == 20 ? UINT64_C(1) << 40 : UINT64_MAX);
	}
}

static void test_selected(void **state)
{
	static const struct {
		struct note notes[2];
		enum ike_count_found found;
		const char *why;
	} rows[] = {
		{{{SELECTED, 0, 0, "abcd 0102030405060708"}}, IKE_COUNT_GOOD, NULL},
		{{{PROPOSED, 0, 0, "abcd 0102030405060708"}}, IKE_COUNT_ABSENT, NULL},
		{{{SELECTED, 0, 0, "abcd 01020304050607"}}, IKE_COUNT_BAD, "its length is not 10 octets"},
		{{{SELECTED, 0, 0, "abcd 0102030405060708 09"}}, IKE_COUNT_BAD, "its length is not 10 octets"},
		{{{SELECTED, 0, 0, ""}}, IKE_COUNT_BAD, "its length is not 10 octets"},
		{{{SELECTED, 0, 0, "abcd 0000000000000000"}}, IKE_COUNT_BAD, "its lifetime is zero"},
		{{{SELECTED, 0, 0, "abcd 0102030405060708"}, {SELECTED, 0, 0, "abcd 0102030405060708"}},
		 IKE_COUNT_BAD,
		 "there is more than one"},
		{{{SELECTED, 3, 4, "abcd 0102030405060708"}}, IKE_COUNT_BAD, "it names a protocol or an SPI"},
	};
	struct ike_count_selected s;
	struct ike_message m;
	const char *why;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		message(rows[i].notes, rows[i].notes[1].data ? 2 : 1, &m);
		assert_int_equal(ike_count_selected(&m, &s, &why), rows[i].found);
		if (rows[i].why)
			assert_string_equal(why, rows[i].why);
		else
			assert_null(why);
		if (rows[i].found == IKE_COUNT_GOOD) {
			assert_int_equal(s.value, 0xabcd);
			assert_int_equal(s.bytes, UINT64_C(0x0102030405060708));
		}
	}
}

/* Building and parsing are inverses, whatever the numbers. */
static void test_inverse(void **state)
{
	struct prng rng = prng_init(4);
	struct ike_count_entry in[IKE_COUNT_ENTRIES_MAX], out;
	uint8_t buf[sizeof(in) * 2];

	(void)state;
	for (int round = 0; round < 1000; round++) {
		unsigned int n = 1 + (unsigned int)prng_below(&rng, IKE_COUNT_ENTRIES_MAX);
		struct wr w = wr_init(buf, sizeof(buf));
		struct ike_payload p = {.type = IKE_P_NOTIFY, .data = buf};

		for (unsigned int i = 0; i < n; i++) {
			in[i] = (struct ike_count_entry){(uint16_t)prng_next(&rng), (uint16_t)prng_next(&rng),
							 prng_next(&rng), prng_next(&rng)};
			ike_count_entry_encode(&in[i], &w);
		}
		p.data_len = (uint16_t)w.len;
		for (unsigned int i = 0; i < n; i++) {
			assert_true(ike_count_entry_decode(&p, i, &out));
			assert_int_equal(out.encr, in[i].encr);
			assert_int_equal(out.value, in[i].value);
			assert_int_equal(out.min, in[i].min);
			assert_int_equal(out.max, in[i].max);
		}
		assert_false(ike_count_entry_decode(&p, n, &out));
	}
}

/* The Vendor ID is the first half of SHA-256("keyrack IKEv2 private-use notifies, version 1"). */
static void test_vendor(void **state)
{
	static const struct ike_header hdr = {.spi_i = {1}, .version = 0x20, .exchange = IKE_X_SA_INIT};
	struct octets id = hex("6264d9dca1045b07 a99a3645ff047a1c");
	struct ike_parse_error err;
	struct ike_builder b;
	struct ike_message m;
	uint8_t buf[256];
	int len;

	(void)state;
	for (unsigned int bit = 0; bit <= 128; bit++) { /* one of them wrong, the last time none */
		ike_build_start(&b, buf, sizeof(buf), &hdr);
		ike_build_vendor(&b, "strongSwan", 10);
		ike_vendor_build(&b);
		len = ike_build_finish(&b);
		assert_true(len > (int)id.len);
		assert_memory_equal(buf + len - (int)id.len, id.p, id.len);
		if (bit < 128)
			buf[(size_t)len - id.len + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(ike_message_parse(buf, (size_t)len, &m, &err), 0);
		assert_int_equal(ike_vendor_seen(&m), bit == 128);
	}
	ike_build_start(&b, buf, sizeof(buf), &hdr);
	ike_build_vendor(&b, id.p, id.len - 1);
	len = ike_build_finish(&b);
	assert_int_equal(ike_message_parse(buf, (size_t)len, &m, &err), 0);
	assert_false(ike_vendor_seen(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets),  cmocka_unit_test(test_proposed), cmocka_unit_test(test_selected),
		cmocka_unit_test(test_inverse), cmocka_unit_test(test_vendor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
