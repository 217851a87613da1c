/* SPDX-License-Identifier: MIT */
/* Which payloads each message must, may and must not have. */
#include "vectors.h"

#include "ike/message.h"

/* A message by hand: '|' opens the SK payload, other letters are payloads. */
static void compose(struct ike_message *m, uint8_t exchange, bool response, const char *letters)
{
	static const struct {
		char letter;
		struct ike_payload p;
	} rows[] = {
		{'S', {.type = IKE_P_SA}},
		{'K', {.type = IKE_P_KE}},
		{'n', {.type = IKE_P_NONCE}},
		{'I', {.type = IKE_P_IDI}},
		{'R', {.type = IKE_P_IDR}},
		{'A', {.type = IKE_P_AUTH}},
		{'i', {.type = IKE_P_TSI}},
		{'r', {.type = IKE_P_TSR}},
		{'D', {.type = IKE_P_DELETE}},
		{'V', {.type = IKE_P_VENDOR}},
		{'C', {.type = IKE_P_CP}},
		{'P', {.type = IKE_P_EAP}},
		{'c', {.type = IKE_P_CERT}},
		{'q', {.type = IKE_P_CERTREQ}},
		{'?', {.type = 200}},
		{'F', {.type = IKE_P_SKF}},
		{'|', {.type = IKE_P_SK}},
		{'N', {.type = IKE_P_NOTIFY, .u.notify.kind = IKE_N_INITIAL_CONTACT}},
		{'E', {.type = IKE_P_NOTIFY, .u.notify.kind = IKE_N_NO_PROPOSAL_CHOSEN}},
		{'O', {.type = IKE_P_NOTIFY, .u.notify.kind = IKE_N_COOKIE}},
		{'o', {.type = IKE_P_NOTIFY, .u.notify.kind = IKE_N_OPTIMIZED_REKEY}},
	};

	*m = (struct ike_message){.hdr = {.spi_i = {1}, .exchange = exchange}};
	m->hdr.flags = response ? IKE_FLAG_RESPONSE : 0;
	m->hdr.spi_r[0] = exchange != IKE_X_SA_INIT || response;
	for (; *letters; letters++) {
		size_t i = 0;

		while (rows[i].letter != *letters)
			assert_true(++i < sizeof(rows) / sizeof(rows[0]));
		m->p[m->n++] = rows[i].p;
	}
}

enum { REQUEST = false, RESPONSE = true };

static void accepted(void **state)
{
	static const struct {
		uint8_t exchange;
		bool response;
		const char *payloads;
	} rows[] = {
		{IKE_X_SA_INIT, REQUEST, "SKnNNV"},
		{IKE_X_SA_INIT, REQUEST, "OSKn"},
		{IKE_X_SA_INIT, REQUEST, "VNnKS"}, /* in any order */
		{IKE_X_SA_INIT, REQUEST, "?SKn"},
		{IKE_X_SA_INIT, RESPONSE, "SKnqN"},
		{IKE_X_SA_INIT, RESPONSE, "O"},
		{IKE_X_SA_INIT, RESPONSE, "E"},
		{IKE_X_AUTH, REQUEST, "|IcqRASirNN"},
		{IKE_X_AUTH, REQUEST, "|IA"},   /* RFC 6023 */
		{IKE_X_AUTH, REQUEST, "|ISir"}, /* EAP */
		{IKE_X_AUTH, REQUEST, "?|IACSir?"},
		{IKE_X_AUTH, RESPONSE, "|RcASir"},
		{IKE_X_AUTH, RESPONSE, "|RAE"}, /* the Child SA was refused */
		{IKE_X_AUTH, RESPONSE, "|E"},
		{IKE_X_CREATE_CHILD_SA, REQUEST, "|NSnKir"},
		{IKE_X_CREATE_CHILD_SA, REQUEST, "|SnK"},
		{IKE_X_CREATE_CHILD_SA, RESPONSE, "|Snir"},
		{IKE_X_CREATE_CHILD_SA, RESPONSE, "|E"},
		{IKE_X_INFORMATIONAL, REQUEST, "|"},
		{IKE_X_INFORMATIONAL, REQUEST, "|DDNC"},
		{IKE_X_INFORMATIONAL, RESPONSE, "|"},
		{IKE_X_INFORMATIONAL, RESPONSE, "|D"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_parse_error err = {.text = ""};
		struct ike_message m;

		compose(&m, rows[i].exchange, rows[i].response, rows[i].payloads);
		if (ike_message_check(&m, &err))
			fail_msg("%s: %s", rows[i].payloads, err.text);
	}
}

static void refused(void **state)
{
	static const struct {
		uint8_t exchange;
		bool response, drop;
		const char *payloads;
		const char *text;
	} rows[] = {
		{33, REQUEST, false, "", "exchange type 33 is unknown"},
		{IKE_X_SA_INIT, REQUEST, false, "SK", "IKE_SA_INIT request: no No payload"},
		{IKE_X_SA_INIT, REQUEST, false, "", "IKE_SA_INIT request: no SA payload"},
		{IKE_X_SA_INIT, REQUEST, false, "E", "IKE_SA_INIT request: no SA payload"},
		{IKE_X_SA_INIT, REQUEST, false, "SSKn", "IKE_SA_INIT request: more than 1 SA payloads"},
		{IKE_X_SA_INIT, REQUEST, false, "SKn|", "IKE_SA_INIT request: SK payload has no place in it"},
		{IKE_X_SA_INIT, REQUEST, false, "SKnD", "IKE_SA_INIT request: D payload has no place in it"},
		{IKE_X_SA_INIT, REQUEST, false, "SKnq", "IKE_SA_INIT request: CERTREQ payload has no place in it"},
		{IKE_X_SA_INIT, RESPONSE, false, "SKN", "IKE_SA_INIT response: no No payload"},
		{IKE_X_AUTH, REQUEST, true, "IASir", "IKE_AUTH request: IDi payload is not protected"},
		{IKE_X_AUTH, REQUEST, true, "N|IASir", "IKE_AUTH request: N payload is not protected"},
		{IKE_X_AUTH, REQUEST, true, "", "IKE_AUTH request: is not protected"},
		{IKE_X_AUTH, REQUEST, true, "?", "IKE_AUTH request: is not protected"},
		{IKE_X_AUTH, REQUEST, false, "|ASir", "IKE_AUTH request: no IDi payload"},
		{IKE_X_AUTH, REQUEST, false, "|IASi", "IKE_AUTH request: TSi payload without its counterpart"},
		{IKE_X_AUTH, RESPONSE, false, "|RSir", "IKE_AUTH response: no AUTH payload"},
		{IKE_X_AUTH, RESPONSE, true, "E", "IKE_AUTH response: N payload is not protected"},
		{IKE_X_AUTH, RESPONSE, false, "|N", "IKE_AUTH response: no IDr payload"},
		{IKE_X_AUTH, RESPONSE, false, "|IRA", "IKE_AUTH response: IDi payload has no place in it"},
		{IKE_X_CREATE_CHILD_SA, REQUEST, false, "|Sir", "CREATE_CHILD_SA request: no No payload"},
		{IKE_X_CREATE_CHILD_SA, REQUEST, false, "|SnKKir", "CREATE_CHILD_SA request: more than 1 KE payloads"},
		{IKE_X_CREATE_CHILD_SA, REQUEST, false, "|Snr",
		 "CREATE_CHILD_SA request: TSr payload without its counterpart"},
		{IKE_X_CREATE_CHILD_SA, REQUEST, false, "|E", "CREATE_CHILD_SA request: no SA payload"},
		{IKE_X_CREATE_CHILD_SA, REQUEST, false, "|SnAir",
		 "CREATE_CHILD_SA request: AUTH payload has no place in it"},
		{IKE_X_INFORMATIONAL, REQUEST, true, "D", "INFORMATIONAL request: D payload is not protected"},
		{IKE_X_INFORMATIONAL, REQUEST, true, "", "INFORMATIONAL request: is not protected"},
		{IKE_X_INFORMATIONAL, REQUEST, false, "|S", "INFORMATIONAL request: SA payload has no place in it"},
		{IKE_X_INFORMATIONAL, REQUEST, false, "F", "INFORMATIONAL request: SKF payload has no place in it"},
		{IKE_X_INFORMATIONAL, REQUEST, false, "|CC", "INFORMATIONAL request: more than 1 CP payloads"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_parse_error err = {.text = "accepted"};
		struct ike_message m;
		int rc;

		compose(&m, rows[i].exchange, rows[i].response, rows[i].payloads);
		rc = ike_message_check(&m, &err);
		assert_string_equal(err.text, rows[i].text);
		assert_int_not_equal(rc, 0);
		assert_int_equal(err.notify, rows[i].drop ? 0 : IKE_N_INVALID_SYNTAX);
	}
}

/* CREATE_CHILD_SA's other shape, and only with a peer that has sent our Vendor ID. */
static void optimized(void **state)
{
	static const struct {
		bool response;
		const char *payloads;
		uint16_t keyrack, other; /* from whom: 0: accepted, else the notify */
		const char *text;        /* from keyrack */
	} rows[] = {
		{REQUEST, "|Non", 0, IKE_N_INVALID_SYNTAX, NULL},
		{REQUEST, "|onK", 0, IKE_N_INVALID_SYNTAX, NULL},
		{REQUEST, "|NonKNV", 0, IKE_N_INVALID_SYNTAX, NULL},
		{RESPONSE, "|on", 0, IKE_N_INVALID_SYNTAX, NULL},
		{RESPONSE, "|onKN", 0, IKE_N_INVALID_SYNTAX, NULL},
		{RESPONSE, "|E", 0, 0, NULL},
		{REQUEST, "|NSnKir", 0, 0, NULL}, /* the regular way, always */
		{RESPONSE, "|SnKir", 0, 0, NULL},
		{REQUEST, "|No", IKE_N_NO_PROPOSAL_CHOSEN, IKE_N_INVALID_SYNTAX,
		 "CREATE_CHILD_SA request: no No payload"},
		{REQUEST, "|Nonn", IKE_N_NO_PROPOSAL_CHOSEN, IKE_N_INVALID_SYNTAX,
		 "CREATE_CHILD_SA request: more than 1 No payloads"},
		{REQUEST, "|NonKK", IKE_N_NO_PROPOSAL_CHOSEN, IKE_N_INVALID_SYNTAX,
		 "CREATE_CHILD_SA request: more than 1 KE payloads"},
		{REQUEST, "|NoSn", IKE_N_NO_PROPOSAL_CHOSEN, 0,
		 "CREATE_CHILD_SA request: SA payload has no place in it"},
		{REQUEST, "|Nonir", IKE_N_NO_PROPOSAL_CHOSEN, IKE_N_INVALID_SYNTAX,
		 "CREATE_CHILD_SA request: TSi payload has no place in it"},
		{RESPONSE, "|oSn", IKE_N_INVALID_SYNTAX, 0, "CREATE_CHILD_SA response: SA payload has no place in it"},
		{RESPONSE, "|o", IKE_N_INVALID_SYNTAX, IKE_N_INVALID_SYNTAX, "CREATE_CHILD_SA response: no No payload"},
		{REQUEST, "on", 0, 0, "CREATE_CHILD_SA request: N payload is not protected"},
	};
	struct ike_parse_error err;
	struct ike_message m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int keyrack = 0; keyrack < 2; keyrack++) {
			compose(&m, IKE_X_CREATE_CHILD_SA, rows[i].response, rows[i].payloads);
			m.keyrack = keyrack;
			err = (struct ike_parse_error){.text = ""};
			ike_message_check(&m, &err);
			assert_int_equal(err.notify, keyrack ? rows[i].keyrack : rows[i].other);
			if (keyrack)
				assert_string_equal(err.text, rows[i].text ? rows[i].text : "");
		}
}

static void headers(void **state)
{
	struct ike_parse_error err;
	struct ike_message m;

	(void)state;
	compose(&m, IKE_X_SA_INIT, REQUEST, "SKn");
	m.hdr.msgid = 7;
	assert_int_not_equal(ike_message_check(&m, &err), 0);
	assert_string_equal(err.text, "IKE_SA_INIT request: message ID 7, it is always 0");
	compose(&m, IKE_X_SA_INIT, REQUEST, "SKn");
	m.hdr.spi_r[7] = 1;
	assert_int_not_equal(ike_message_check(&m, &err), 0);
	assert_string_equal(err.text, "IKE_SA_INIT request: has a responder's SPI already");
	compose(&m, IKE_X_INFORMATIONAL, REQUEST, "|");
	m.hdr.spi_r[0] = 0;
	assert_int_not_equal(ike_message_check(&m, &err), 0);
	assert_string_equal(err.text, "INFORMATIONAL request: the responder's SPI is zero");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(optimized),
		cmocka_unit_test(headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
