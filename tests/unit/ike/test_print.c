/* SPDX-License-Identifier: MIT */
/* Messages for people: the one-line form, the full dump, names, and buffers too small for either. */
#include "vectors.h"

#include "ike/message.h"

static void compose(uint8_t *buf, size_t size, struct ike_message *m)
{
	static const struct ike_ts ts = {.type = IKE_TS_IPV4,
					 .protocol = 17,
					 .start_port = 53,
					 .end_port = 53,
					 .start = {10, 1},
					 .end = {10, 1, 0, 255}};
	static const struct ike_header hdr = {.spi_i = {0xaa},
					      .spi_r = {0xbb},
					      .version = 0x20,
					      .msgid = 4,
					      .exchange = IKE_X_CREATE_CHILD_SA,
					      .flags = IKE_FLAG_INITIATOR};
	uint8_t nonce[16] = {0x5a};
	struct ike_parse_error err;
	struct ike_builder b;
	struct ike_proposal p;
	char text[128];

	assert_int_equal(ike_proposal_read(&p, IKE_PROTO_ESP, "aes128gcm16-esn", text, sizeof(text)), 0);
	p.spi_size = 4;
	p.spi[0] = 0xc1;
	ike_build_start(&b, buf, size, &hdr);
	ike_build_notify(&b, IKE_PROTO_ESP, (const uint8_t *)"\1\2\3\4", 4, IKE_N_REKEY_SA, NULL, 0);
	ike_build_sa(&b, &p, 1);
	ike_build_nonce(&b, nonce, sizeof(nonce));
	ike_build_ts(&b, IKE_P_TSI, &ts, 1);
	ike_build_ts(&b, IKE_P_TSR, &ts, 1);
	ike_build_notify(&b, 0, NULL, 0, 50000, "x", 1);
	ike_build_payload(&b, &(struct ike_payload){.type = 200, .data = nonce, .data_len = 2});
	assert_int_equal(ike_message_parse(buf, (size_t)ike_build_finish(&b), m, &err), 0);
}

static void one_line(void **state)
{
	static const char want[] = "CREATE_CHILD_SA request 4 [ N(REKEY_SA) SA No TSi TSr N(50000) (200) ]";
	struct ike_message m;
	uint8_t buf[512];
	char text[128];

	(void)state;
	compose(buf, sizeof(buf), &m);
	assert_string_equal(ike_message_print(&m, text, sizeof(text)), want);
	for (size_t size = 1; size < sizeof(want); size++) { /* cut off, ended, nothing past the end */
		memset(text, 'x', sizeof(text));
		ike_message_print(&m, text, size);
		assert_memory_equal(text, want, size - 1);
		assert_int_equal(text[size - 1], '\0');
		assert_int_equal(text[size], 'x');
	}
	m.hdr.exchange = 99;
	m.hdr.flags = IKE_FLAG_RESPONSE;
	m.n = 0;
	assert_string_equal(ike_message_print(&m, text, sizeof(text)), "EXCHANGE_99 response 4 [ ]");
}

static void collect(void *ctx, const char *text)
{
	char *all = ctx;
	size_t len = strlen(all);

	snprintf(all + len, 4096 - len, "%s\n", text);
}

static void every_field(void **state)
{
	char all[4096] = "";
	struct ike_message m;
	uint8_t buf[512];

	(void)state;
	compose(buf, sizeof(buf), &m);
	ike_message_dump(&m, collect, all);
	assert_string_equal(all, "aa00000000000000_i bb00000000000000_r, version 2.0, exchange CREATE_CHILD_SA (36), "
				 "request of the initiator, message ID 4, 159 octets\n"
				 "  N (notify), 12 octets, protocol ESP (3), spi size 4, kind REKEY_SA (16393), "
				 "spi of 4 octets 01020304, data of 0 octets\n"
				 "  SA (security association), 36 octets\n"
				 "    proposal 1, protocol ESP (3), spi of 4 octets c1000000: aes128gcm16-esn\n"
				 "  No (nonce), 20 octets, data of 16 octets 5a000000000000000000000000000000\n"
				 "  TSi (initiator's selectors), 24 octets, count 1\n"
				 "    10.1.0.0 - 10.1.0.255, protocol 17, ports 53 - 53\n"
				 "  TSr (responder's selectors), 24 octets, count 1\n"
				 "    10.1.0.0 - 10.1.0.255, protocol 17, ports 53 - 53\n"
				 "  N (notify), 9 octets, protocol 0, spi size 0, kind 50000, data of 1 octets 78\n"
				 "  type 200 (unknown), 6 octets, data of 2 octets 5a00\n");
}

/* What cannot be read is said so where it is, and what we do not know is a number. */
static void strange_contents(void **state)
{
	static const uint8_t raw[] =
		{
			0xaa,     0,  0,        0,    0,          0,    0,    0,  0xbb, 0,   0, 0, 0,         0,
			0,        0,  IKE_P_SA, 0x20, IKE_X_AUTH, 0x20, 0,    0,  0,    1,   0, 0, 0,         100,
			IKE_P_SA, 0,  0,        44, /* ENCR 23 with 160 bits, KE 40, type 9 */
			0,        0,  0,        40,   1,          3,    4,    3,  1,    2,   3, 4, 3,         0,
			0,        12, 1,        0,    0,          23,   0x80, 14, 0,    160, 3, 0, 0,         8,
			4,        0,  0,        40,   0,          0,    0,    8,  9,    0,   0, 7, IKE_P_TSI, 0,
			0,        12, 0,        0,    0,          9,    1,    3,  4,    3,   0, 0, 0,         16,
			1,        0,  0,        0,    7,          0,    0,    8,  0,    0,   0, 0,
		};
	struct ike_parse_error err;
	struct ike_message m;
	char all[4096] = "";

	(void)state;
	if (ike_message_parse(raw, sizeof(raw), &m, &err))
		fail_msg("%s", err.text);
	ike_message_dump(&m, collect, all);
	assert_non_null(strstr(all, "spi of 4 octets 01020304: ENCR_23_160-KE_40-TYPE_9_7\n"));
	assert_non_null(strstr(all, "malformed: SA payload: proposal length 9 with 8 octets left\n"));
	assert_non_null(strstr(all, "malformed: TSi payload: selector of type 7 with length 8\n"));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(ike_notify_name(IKE_N_TS_MAX_QUEUE), "TS_MAX_QUEUE");
	assert_string_equal(ike_notify_name(IKE_N_SA_RESOURCE_INFO), "SA_RESOURCE_INFO");
	assert_null(ike_notify_name(60000));
	assert_string_equal(ike_exchange_name(IKE_X_AUTH), "IKE_AUTH");
	assert_null(ike_exchange_name(1));
	assert_string_equal(ike_payload_name(IKE_P_TSR), "TSr");
	assert_null(ike_payload_name(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
		cmocka_unit_test(every_field),
		cmocka_unit_test(strange_contents),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
