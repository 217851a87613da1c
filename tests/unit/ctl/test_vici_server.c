/* SPDX-License-Identifier: MIT */
/* Sessions and commands that change something, against a controller that only remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vici_talk.h"

#define MS 1000000ull /* ns */

static void version_and_unknown(void **state)
{
	struct talk *t = *state;
	struct vici_counters c;

	assert_int_equal(talk_command(t, "version"), 0);
	assert_memory_equal(talk_next(t), "response daemon=keyrackd version=", 33);
	assert_int_equal(talk_command(t, "redirect"), 0);
	assert_string_equal(talk_next(t), "unknown");
	assert_null(talk_next(t));
	vici_server_counters(t->server, &c);
	assert_int_equal(c.commands, 1);
	assert_int_equal(c.unknown, 1);
}

static void events_are_registered_by_name(void **state)
{
	struct talk *t = *state;

	vici_start(&t->w, VICI_EVENT_REGISTER, "ike-updown");
	assert_string_equal(talk_ask(t), "confirm");
	vici_start(&t->w, VICI_EVENT_UNREGISTER, "ike-updown");
	assert_string_equal(talk_ask(t), "confirm");
	vici_start(&t->w, VICI_EVENT_REGISTER, "nonsense");
	assert_string_equal(talk_ask(t), "no-event");
}

/* Octet by octet, and several packets at once. */
static void packets_may_come_in_any_pieces(void **state)
{
	struct talk *t = *state;
	uint8_t stream[64];
	size_t len = 0;

	for (int i = 0; i < 3; i++) {
		talk_begin(t, "get-keys");
		assert_int_equal(vici_finish(&t->w), 0);
		memcpy(stream + len, t->w.buf, t->w.len);
		len += t->w.len;
		vici_writer_free(&t->w);
	}
	for (size_t i = 0; i < len; i++)
		assert_int_equal(vici_session_receive(t->session, t->now, stream + i, 1), 0);
	for (int i = 0; i < 3; i++)
		assert_string_equal(talk_next(t), "response keys[]");
	assert_int_equal(vici_session_receive(t->session, t->now, stream, len), 0);
	for (int i = 0; i < 3; i++)
		assert_string_equal(talk_next(t), "response keys[]");
	assert_null(talk_next(t));
}

static void malformed_packets_end_the_session(void **state)
{
	static const struct {
		uint8_t bytes[16];
		size_t len;
		int err;
	} rows[] = {
		{{0, 8, 0, 1}, 4, -EMSGSIZE},                   /* longer than 512 KiB */
		{{0, 0, 0, 0}, 4, -EBADMSG},                    /* nothing in it */
		{{0, 0, 0, 1, VICI_CMD_RESPONSE}, 5, -EBADMSG}, /* what only a server says */
		{{0, 0, 0, 3, VICI_EVENT, 1, 'a'}, 7, -EBADMSG},
		{{0, 0, 0, 4, VICI_CMD_REQUEST, 1, 'a', 9}, 8, 0}, /* unknown commands are not looked into */
		{{0, 0, 0, 10, VICI_CMD_REQUEST, 7, 'v', 'e', 'r', 's', 'i', 'o', 'n', 2}, 14, -EBADMSG},
	};
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		vici_session_free(t->session);
		t->session = vici_session_new(t->server, t);
		assert_int_equal(vici_session_receive(t->session, t->now, rows[i].bytes, rows[i].len), rows[i].err);
	}
}

/* ---- connections and secrets ---- */

static void conn_write(struct talk *t, const char *name, const char *auth)
{
	talk_begin(t, "load-conn");
	vici_section(&t->w, name);
	vici_text(&t->w, "version", "2");
	vici_list(&t->w, "remote_addrs"); /* swanctl sends lists for what has commas in the file */
	vici_item(&t->w, "192.0.2.9");
	vici_list_end(&t->w);
	vici_section(&t->w, "local");
	vici_text(&t->w, "auth", auth);
	vici_section_end(&t->w);
	vici_section(&t->w, "remote");
	vici_text(&t->w, "auth", "psk");
	vici_section_end(&t->w);
	vici_section(&t->w, "children");
	vici_section(&t->w, "net");
	vici_list(&t->w, "esp_proposals");
	vici_item(&t->w, "aes128gcm16");
	vici_item(&t->w, "aes256gcm16");
	vici_list_end(&t->w);
	vici_section_end(&t->w);
	vici_section_end(&t->w);
	vici_section_end(&t->w);
}

static void connections_come_and_go(void **state)
{
	struct talk *t = *state;

	conn_write(t, "gw", "psk");
	assert_string_equal(talk_ask(t), "response success=yes");
	assert_int_equal(t->controller.n_conns, 1);
	assert_int_equal(t->controller.conns[0]->ike.children[0]->n_proposals, 2);
	conn_write(t, "gw2", "pubkey");
	assert_string_equal(talk_ask(t),
			    "response success=no errmsg=gw2.local.auth: \"pubkey\" is not possible: keyrack "
			    "authenticates by pre-shared key only; allowed: psk");
	talk_begin(t, "get-conns");
	assert_string_equal(talk_ask(t), "response conns[gw]");
	talk_begin(t, "unload-conn");
	vici_text(&t->w, "name", "gw");
	assert_string_equal(talk_ask(t), "response success=yes");
	talk_begin(t, "unload-conn");
	vici_text(&t->w, "name", "gw");
	assert_string_equal(talk_ask(t), "response success=no errmsg=there is no connection \"gw\"");
	talk_begin(t, "get-conns");
	assert_string_equal(talk_ask(t), "response conns[]");
}

/* `swanctl --load-all` unloads what get-conns names and its file lacks: the daemon's own file must not be among it. */
static void the_files_connections_are_not_ours_to_unload(void **state)
{
	struct talk *t = *state;
	struct conf_conn *conn;

	conn_write(t, "gw", "psk");
	talk_ask(t);
	conn = t->controller.conns[0];
	conf_conn_ref(conn);
	talk_begin(t, "unload-conn");
	vici_text(&t->w, "name", "gw");
	talk_ask(t);
	controller_conn_load(&t->controller, t->now, conn); /* as the file does it */
	conf_conn_unref(conn);
	talk_begin(t, "get-conns");
	assert_string_equal(talk_ask(t), "response conns[]");
}

static void a_connection_may_not_be_admitted(void **state)
{
	struct talk *t = *state;

	t->admit_err = -EINVAL;
	conn_write(t, "gw", "psk");
	assert_string_equal(talk_ask(t), "response success=no errmsg=gw is not admitted");
	assert_int_equal(t->controller.n_conns, 0);
}

static void load_conn_takes_one_section(void **state)
{
	static const char expected[] = "response success=no errmsg=load-conn takes one section, the connection";
	struct talk *t = *state;

	talk_begin(t, "load-conn");
	assert_string_equal(talk_ask(t), expected);
	talk_begin(t, "load-conn");
	vici_text(&t->w, "gw", "?");
	assert_string_equal(talk_ask(t), expected);
	talk_begin(t, "load-conn");
	vici_section(&t->w, "a");
	vici_section_end(&t->w);
	vici_section(&t->w, "b");
	vici_section_end(&t->w);
	assert_string_equal(talk_ask(t), expected);
}

static void secret_write(struct talk *t, const char *id, const char *type, const char *owner)
{
	talk_begin(t, "load-shared");
	if (id)
		vici_text(&t->w, "id", id);
	vici_text(&t->w, "type", type);
	vici_value(&t->w, "data", "0x\0\xff", 4); /* raw: neither hex nor text */
	vici_list(&t->w, "owners");
	vici_item(&t->w, owner);
	vici_list_end(&t->w);
}

static void secrets_come_and_go(void **state)
{
	struct talk *t = *state;
	const struct conf_secret *s = &t->controller.secrets[0];

	secret_write(t, "ike-1", "ike", "gw.example.org");
	assert_string_equal(talk_ask(t), "response success=yes");
	assert_int_equal(s->len, 4);
	assert_memory_equal(s->secret, "0x\0\xff", 4);
	assert_int_equal(s->n_ids, 1);
	assert_int_equal(s->ids[0].kind, IKE_ID_FQDN);
	talk_begin(t, "get-shared");
	assert_string_equal(talk_ask(t), "response keys[ike-1]");
	talk_begin(t, "unload-shared");
	vici_text(&t->w, "id", "ike-1");
	assert_string_equal(talk_ask(t), "response success=yes");
	talk_begin(t, "unload-shared");
	vici_text(&t->w, "id", "ike-1");
	assert_string_equal(talk_ask(t), "response success=no errmsg=there is no secret \"ike-1\"");
	/* without a name: the owners name it, twice the same replaces */
	secret_write(t, NULL, "IKE", "a");
	assert_string_equal(talk_ask(t), "response success=yes");
	secret_write(t, NULL, "IKE", "a");
	talk_ask(t);
	secret_write(t, NULL, "IKE", "b");
	talk_ask(t);
	assert_int_equal(t->controller.n_secrets, 2);
	talk_begin(t, "clear-creds");
	assert_string_equal(talk_ask(t), "response success=yes");
	assert_int_equal(t->controller.n_secrets, 0);
	secret_write(t, "eap-1", "EAP", "a");
	assert_string_equal(talk_ask(t),
			    "response success=no errmsg=secrets of type \"EAP\" are not possible: keyrackd "
			    "authenticates by pre-shared key (type IKE) only");
}

static void what_keyrackd_does_not_do(void **state)
{
	static const char *const refused[] = {"load-cert",      "load-key",         "load-token",    "unload-key",
					      "load-authority", "unload-authority", "load-pool",     "unload-pool",
					      "install",        "uninstall",        "reset-counters"};
	static const struct {
		const char *command, *answer;
	} empty[] = {{"get-keys", "response keys[]"},  {"get-authorities", "response authorities[]"},
		     {"get-pools", "response"},        {"list-certs", "response"},
		     {"list-authorities", "response"}, {"flush-certs", "response success=yes"}};
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		talk_begin(t, refused[i]);
		assert_memory_equal(talk_ask(t), "response success=no errmsg=keyrackd", 35);
	}
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		talk_begin(t, empty[i].command);
		assert_string_equal(talk_ask(t), empty[i].answer);
	}
}

static void reload(void **state)
{
	struct talk *t = *state;

	talk_begin(t, "reload");
	assert_string_equal(talk_ask(t), "response success=yes");
	t->reload_text = "needs a restart: nic.slots";
	talk_begin(t, "reload");
	assert_string_equal(talk_ask(t), "response success=yes text=needs a restart: nic.slots");
	t->reload_err = -EINVAL;
	t->reload_text = "x.conf:1: a: unknown key";
	talk_begin(t, "reload-settings");
	assert_string_equal(talk_ask(t), "response success=no errmsg=x.conf:1: a: unknown key");
}

/* ---- commands that wait ---- */

static void initiate_write(struct talk *t, const char *timeout)
{
	talk_begin(t, "initiate");
	vici_text(&t->w, "child", "net");
	vici_text(&t->w, "ike", "gw");
	vici_text(&t->w, "timeout", timeout);
	vici_text(&t->w, "loglevel", "1");
}

static void initiate_is_answered_when_it_is_done(void **state)
{
	struct talk *t = *state;

	initiate_write(t, "2500");
	assert_int_equal(talk_send(t), 0);
	assert_null(talk_next(t));
	assert_string_equal(t->controller.child, "net");
	assert_string_equal(t->controller.conn, "gw");
	assert_int_equal(t->controller.timeout_ns, 2500 * MS);
	/* the next command waits behind it, as in charon */
	assert_int_equal(talk_command(t, "get-keys"), 0);
	assert_null(talk_next(t));
	t->wakes = 0;
	fake_controller_done(&t->controller, 0, "up");
	assert_true(t->wakes > 0);
	assert_string_equal(talk_next(t), "response success=yes");
	assert_null(talk_next(t));
	assert_int_equal(vici_session_receive(t->session, t->now, NULL, 0), 0);
	assert_string_equal(talk_next(t), "response keys[]");
}

static void initiate_fails_at_once(void **state)
{
	struct talk *t = *state;

	t->controller.at_once = true;
	t->controller.err = -ENOENT;
	t->controller.text = "there is no child \"net\"";
	initiate_write(t, "0");
	assert_string_equal(talk_ask(t), "response success=no errmsg=there is no child \"net\"");
	initiate_write(t, "-1");
	assert_string_equal(talk_ask(t), "response success=no errmsg=there is no child \"net\"");
	talk_begin(t, "initiate");
	assert_string_equal(
		talk_ask(t),
		"response success=no errmsg=initiate needs child = NAME, or ike = NAME for its first child");
}

static void timeout_minus_one_does_not_wait(void **state)
{
	struct talk *t = *state;

	initiate_write(t, "-1");
	assert_string_equal(talk_ask(t), "response success=yes");
	assert_int_equal(talk_command(t, "get-keys"), 0);
	assert_string_equal(talk_next(t), "response keys[]");
	fake_controller_done(&t->controller, -ETIMEDOUT, "late");
	assert_null(talk_next(t)); /* nobody is told */
}

static void a_client_may_go_while_its_command_runs(void **state)
{
	struct talk *t = *state;

	initiate_write(t, "0");
	assert_int_equal(talk_send(t), 0);
	vici_session_free(t->session);
	fake_controller_done(&t->controller, 0, "up");
	t->session = vici_session_new(t->server, t);
	assert_null(talk_next(t));
}

static void what_waits_is_bounded(void **state)
{
	static const uint8_t zeros[65536];
	struct talk *t = *state;
	int err = 0;

	initiate_write(t, "0");
	assert_int_equal(talk_send(t), 0);
	while (vici_session_room(t->session) >= sizeof(zeros))
		assert_int_equal(vici_session_receive(t->session, t->now, zeros, sizeof(zeros)), 0);
	err = vici_session_receive(t->session, t->now, zeros, vici_session_room(t->session) + 1);
	assert_int_equal(err, -EMSGSIZE);
}

static void terminate_counts(void **state)
{
	struct talk *t = *state;

	t->controller.matches = 3;
	talk_begin(t, "terminate");
	vici_text(&t->w, "ike-id", "17");
	vici_text(&t->w, "force", "yes");
	assert_int_equal(talk_send(t), 0);
	assert_int_equal(t->controller.match.ike_id, 17);
	assert_true(t->controller.force);
	fake_controller_done(&t->controller, 0, "");
	assert_string_equal(talk_next(t), "response success=yes matches=3 terminated=3");
	t->controller.at_once = true;
	t->controller.matches = 0;
	t->controller.err = -ENOENT;
	t->controller.text = "no matching SAs";
	talk_begin(t, "terminate");
	vici_text(&t->w, "child", "net");
	assert_string_equal(talk_ask(t), "response success=no errmsg=no matching SAs matches=0 terminated=0");
	talk_begin(t, "terminate");
	assert_string_equal(talk_ask(t),
			    "response success=no errmsg=one of ike, child, ike-id, child-id and reqid must say "
			    "which SAs are meant");
}

static void rekey_counts(void **state)
{
	struct talk *t = *state;

	t->controller.matches = 2;
	talk_begin(t, "rekey");
	vici_text(&t->w, "child", "net");
	vici_text(&t->w, "reqid", "9");
	assert_string_equal(talk_ask(t), "response success=yes matches=2");
	assert_int_equal(t->controller.match.reqid, 9);
	t->controller.matches = 0;
	t->controller.err = -ENOENT;
	talk_begin(t, "rekey");
	vici_text(&t->w, "child-id", "9");
	assert_string_equal(talk_ask(t), "response success=no errmsg=no SA matches matches=0");
	talk_begin(t, "rekey");
	vici_text(&t->w, "ike", "gw");
	vici_text(&t->w, "reauth", "yes");
	assert_string_equal(talk_ask(t),
			    "response success=no errmsg=keyrackd rekeys IKE SAs and does not reauthenticate them");
}

/* ---- log ---- */

static void log_lines_reach_those_who_registered(void **state)
{
	struct talk *t = *state;

	vici_server_log(t->server, LOG_LEVEL_NOTICE, "ike.up", "nobody hears this");
	assert_null(talk_next(t));
	talk_register(t, "log");
	assert_int_equal(t->log_wanted, LOG_LEVEL_INFO);
	vici_server_log(t->server, LOG_LEVEL_WARN, "slots.full", "no slot");
	assert_string_equal(talk_next(t), "event log group=slots.full level=0 thread=1 msg=no slot");
	vici_server_log(t->server, LOG_LEVEL_DEBUG, "ike.message", "x");
	assert_string_equal(talk_next(t), "event log group=ike.message level=2 thread=1 msg=x");
	vici_start(&t->w, VICI_EVENT_UNREGISTER, "log");
	assert_string_equal(talk_ask(t), "confirm");
	assert_int_equal(t->log_wanted, LOG_LEVEL_NOTICE);
}

static void control_log_lasts_as_long_as_the_command(void **state)
{
	struct talk *t = *state;

	talk_register(t, "control-log");
	vici_server_log(t->server, LOG_LEVEL_NOTICE, "ike.up", "before");
	assert_null(talk_next(t));
	initiate_write(t, "0");
	assert_int_equal(talk_send(t), 0);
	vici_server_log(t->server, LOG_LEVEL_INFO, "ike.init", "while");
	vici_server_log(t->server, LOG_LEVEL_DEBUG, "ike.message", "too much"); /* loglevel = 1 */
	assert_string_equal(talk_next(t), "event control-log group=ike.init level=1 thread=1 msg=while");
	assert_null(talk_next(t));
	fake_controller_done(&t->controller, 0, "");
	assert_string_equal(talk_next(t), "response success=yes");
	vici_server_log(t->server, LOG_LEVEL_NOTICE, "ike.up", "after");
	assert_null(talk_next(t));
}

/* A client that does not read loses events, and nothing else happens to it. */
static void events_are_dropped_when_nobody_reads(void **state)
{
	struct talk *t = *state;
	struct vici_counters c;
	unsigned int n = 0;
	char text[900];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	talk_register(t, "log");
	for (int i = 0; i < 3000; i++)
		vici_server_log(t->server, LOG_LEVEL_NOTICE, "a.b", text);
	vici_server_counters(t->server, &c);
	assert_true(c.events_dropped > 1000 && c.events_dropped < 2500);
	assert_int_equal(talk_command(t, "get-keys"), 0); /* an answer still gets through */
	while (strcmp(talk_next(t), "response keys[]") != 0)
		n++;
	assert_int_equal(n + c.events_dropped, 3000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, talk_setup, talk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(version_and_unknown),
		TEST(events_are_registered_by_name),
		TEST(packets_may_come_in_any_pieces),
		TEST(malformed_packets_end_the_session),
		TEST(connections_come_and_go),
		TEST(the_files_connections_are_not_ours_to_unload),
		TEST(a_connection_may_not_be_admitted),
		TEST(load_conn_takes_one_section),
		TEST(secrets_come_and_go),
		TEST(what_keyrackd_does_not_do),
		TEST(reload),
		TEST(initiate_is_answered_when_it_is_done),
		TEST(initiate_fails_at_once),
		TEST(timeout_minus_one_does_not_wait),
		TEST(a_client_may_go_while_its_command_runs),
		TEST(what_waits_is_bounded),
		TEST(terminate_counts),
		TEST(rekey_counts),
		TEST(log_lines_reach_those_who_registered),
		TEST(control_log_lasts_as_long_as_the_command),
		TEST(events_are_dropped_when_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
