/* SPDX-License-Identifier: MIT */
/* A table of mistakes, each with the one sentence that an operator reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/conf.h"

#define AUTH "  local { auth = psk }\n  remote { auth = psk }\n"

/* Lines 1 and 2 open the connection, so the first key stands in line 3. */
#define CONN(keys) "connections {\n gw {\n" keys AUTH "  children { net { } }\n }\n}\n"
/* ... and here in line 6. */
#define CHILD(keys) "connections {\n gw {\n" AUTH "  children { net {\n" keys " } }\n }\n}\n"

static const struct {
	const char *text, *error;
} rows[] = {
	/* unknown */
	{"charon { }\n", "x.conf:1: charon: unknown section"},
	{"conections { }\n", "x.conf:1: conections: unknown section; did you mean connections?"},
	{"pools { }\n",
	 "x.conf:1: pools: is not possible: keyrack does not do virtual addresses (configuration payloads)"},
	{CONN("local_adrs = 10.0.0.1\n"),
	 "x.conf:3: connections.gw.local_adrs: unknown key; did you mean local_addrs?"},
	{CONN("frobnicate = yes\n"), "x.conf:3: connections.gw.frobnicate: unknown key"},
	{CHILD("hw_ofload = packet\n"),
	 "x.conf:6: connections.gw.children.net.hw_ofload: unknown key; did you mean hw_offload?"},
	/* words */
	{CHILD("hw_offload = packt\n"),
	 "x.conf:6: connections.gw.children.net.hw_offload: \"packt\" is not one of packet, crypto, auto, no"},
	{CHILD("mode = beet\n"),
	 "x.conf:6: connections.gw.children.net.mode: \"beet\" is not one of tunnel, transport"},
	{CHILD("start_action = restart\n"),
	 "x.conf:6: connections.gw.children.net.start_action: \"restart\" is not one of none, trap, start"},
	{CHILD("per_cpu_sas = some\n"),
	 "x.conf:6: connections.gw.children.net.per_cpu_sas: \"some\" is not one of no, yes, or a number up to 1024"},
	{CHILD("policies = maybe\n"),
	 "x.conf:6: connections.gw.children.net.policies: \"maybe\" is not one of yes, no"},
	{CONN("encap = on\n"), "x.conf:3: connections.gw.encap: \"on\" is not one of yes, no"},
	/* numbers, times, bytes */
	{CONN("window = 257\n"), "x.conf:3: connections.gw.window: \"257\" is not a number from 1 to 256"},
	{"nic {\n event_buffer = 4095\n}\n",
	 "x.conf:2: nic.event_buffer: \"4095\" is not a number of bytes from 4096 to 536870912"},
	{CONN("remote_port = 0\n"), "x.conf:3: connections.gw.remote_port: \"0\" is not a number from 1 to 65535"},
	{CONN("window = many\n"), "x.conf:3: connections.gw.window: \"many\" is not a number from 1 to 256"},
	{CONN("dpd_delay = 30 minutes\n"),
	 "x.conf:3: connections.gw.dpd_delay: \"30 minutes\" is not a time from 0s to 86400s (units: ms, s, m, h, d)"},
	{CONN("dpd_delay = 2d\n"),
	 "x.conf:3: connections.gw.dpd_delay: \"2d\" is not a time from 0s to 86400s (units: ms, s, m, h, d)"},
	{CHILD("rekey_bytes = 10G5\n"),
	 "x.conf:6: connections.gw.children.net.rekey_bytes: \"10G5\" is not a number of bytes "
	 "below 2^64 (units: k, m, g, t)"},
	{CHILD("replay_window = 8192\n"),
	 "x.conf:6: connections.gw.children.net.replay_window: \"8192\" is not a number from 0 to 4096"},
	/* addresses, selectors, identities, proposals */
	{CONN("remote_addrs = gw.example.org\n"), "x.conf:3: connections.gw.remote_addrs: \"gw.example.org\" is not an "
						  "IPv4 or IPv6 address or %any (names, subnets and "
						  "ranges are not possible)"},
	{CONN("remote_addrs = 192.0.2.1, 192.0.2.2\n"),
	 "x.conf:3: connections.gw.remote_addrs: \"192.0.2.2\" is one more than the 1 possible"},
	{CONN("remote_addrs = 192.0.2.1, %any\n"),
	 "x.conf:3: connections.gw.remote_addrs: %any stands alone or not at all"},
	{CONN("local_addrs = ::1\n  remote_addrs = 192.0.2.1\n"),
	 "x.conf:2: connections.gw: local_addrs and remote_addrs mix IPv4 and IPv6"},
	{CHILD("local_ts = 10.0.0.0/33\n"), "x.conf:6: connections.gw.children.net.local_ts: \"10.0.0.0/33\" is not a "
					    "traffic selector: dynamic, or ADDR, ADDR/BITS "
					    "or ADDR-ADDR, with [PROTO], [PROTO/PORT] or [PROTO/PORT-PORT] after it"},
	{CHILD("remote_ts = 10.0.0.0/8, dynamic\n"),
	 "x.conf:6: connections.gw.children.net.remote_ts: dynamic stands alone or not at all"},
	{CHILD("remote_ts = dynamic, 10.0.0.0/8\n"),
	 "x.conf:6: connections.gw.children.net.remote_ts: dynamic and %any stand alone or not at all"},
	{CHILD("remote_ts = ,\n"), "x.conf:6: connections.gw.children.net.remote_ts: is an empty list"},
	/* what swanctl has and keyrack does not do */
	{CONN("mobike = yes\n"),
	 "x.conf:3: connections.gw.mobike: \"yes\" is not possible: keyrack does not do MOBIKE; allowed: no"},
	{CONN("version = 1\n"),
	 "x.conf:3: connections.gw.version: \"1\" is not possible: keyrack speaks IKEv2 only; allowed: 2"},
	{CONN("fragmentation = force\n"),
	 "x.conf:3: connections.gw.fragmentation: \"force\" is not possible: keyrack does not "
	 "fragment IKE messages; allowed: no, accept"},
	{CONN("reauth_time = 1h\n"),
	 "x.conf:3: connections.gw.reauth_time: \"1h\" is not possible: keyrack rekeys IKE SAs and "
	 "does not reauthenticate them; allowed: 0, 0s"},
	{CONN("vips = 0.0.0.0\n"),
	 "x.conf:3: connections.gw.vips: is not possible: keyrack does not do virtual addresses "
	 "(configuration payloads)"},
	{CHILD("updown = /bin/true\n"),
	 "x.conf:6: connections.gw.children.net.updown: is not possible: keyrack runs no scripts; "
	 "use `keyrack monitor`"},
	{CHILD("ah_proposals = sha256\n"),
	 "x.conf:6: connections.gw.children.net.ah_proposals: is not possible: keyrack does ESP only"},
	{CHILD("mark_out = 42\n"),
	 "x.conf:6: connections.gw.children.net.mark_out: \"42\" is not possible: keyrack does not set "
	 "marks; allowed: 0, 0/0x00000000"},
	/* authentication */
	{"connections {\n gw {\n  local { auth = pubkey }\n }\n}\n",
	 "x.conf:3: connections.gw.local.auth: \"pubkey\" is not possible: keyrack authenticates by pre-shared key "
	 "only; "
	 "allowed: psk"},
	{"connections {\n gw {\n  local { id = a }\n }\n}\n",
	 "x.conf:3: connections.gw.local: auth = psk is missing: keyrack authenticates by pre-shared key only"},
	{"connections {\n gw {\n  local { auth = psk }\n  children { net { } }\n }\n}\n",
	 "x.conf:2: connections.gw: section remote { auth = psk ... } is missing"},
	{"connections {\n gw {\n  local { auth = psk }\n  local-2 { auth = psk }\n }\n}\n",
	 "x.conf:4: connections.gw.local-2: a second round of authentication: keyrack does one, with psk"},
	{"connections {\n gw {\n  local { auth = psk\n  certs = a.pem\n }\n }\n}\n",
	 "x.conf:4: connections.gw.local.certs: is not possible: keyrack authenticates by pre-shared key only"},
	{"connections {\n gw {\n  local { auth = psk\n  id = *.example.org\n }\n }\n}\n",
	 "x.conf:4: connections.gw.local.id: \"*.example.org\" is not an identity: an address, a name, a mail address, "
	 "%any, or "
	 "keyid: and text or #hex (no patterns, no distinguished names)"},
	/* shape */
	{"connections {\n gw = 1\n}\n", "x.conf:2: connections.gw: is a section: write gw { ... }"},
	{"connections = 1\n", "x.conf:1: connections: is a section: write connections { ... }"},
	{CHILD("mode { }\n"), "x.conf:6: connections.gw.children.net.mode: is a key: write mode = ..."},
	{"connections {\n gw {\n" AUTH " }\n}\n",
	 "x.conf:2: connections.gw: section children { NAME { ... } } is missing or empty"},
	{"connections {\n gw {\n" AUTH "  children { net = 1 }\n }\n}\n",
	 "x.conf:5: connections.gw.children.net: is a section: write net { ... }"},
	/* values that contradict each other */
	{CHILD("start_action = start\n"),
	 "x.conf:2: connections.gw: children.net.start_action = start needs remote_addrs"},
	{CHILD("start_action = trap\n"),
	 "x.conf:2: connections.gw: children.net.start_action = trap needs remote_addrs"},
	{CONN("rekey_time = 1m\n  rand_time = 1m\n"),
	 "x.conf:2: connections.gw: rand_time (60s) leaves nothing of rekey_time (60s)"},
	{CHILD("per_cpu_sas = 4\n policies = no\n"),
	 "x.conf:5: connections.gw.children.net: per_cpu_sas needs policies = yes: the policies choose the SA by CPU"},
	{"nic {\n backend = hwsim\n}\n", "x.conf:1: nic: socket is missing: the path that keyrack-hwsim --netlink has"},
	{"nic {\n backend = hwsim\n socket = /s\n device = eth0\n}\n",
	 "x.conf:1: nic: device = eth0 is for backend = xfrm; hwsim is found by its socket"},
	{"nic {\n socket = /s\n}\n", "x.conf:1: nic: socket = /s is for backend = hwsim"},
	{"nic {\n ifindex = 3\n}\n",
	 "x.conf:1: nic: ifindex = 3 is for backend = hwsim; with xfrm it follows from device"},
	{"nic {\n slots = 8\n reserve = 8\n}\n", "x.conf:1: nic: reserve = 8 leaves none of the 8 slots"},
	{"nic {\n profile = tiny-33\n slots = 3\n}\n",
	 "x.conf:1: nic: slots = 3: must be at least 4, for one SA each way and the reserve"},
	{"nic {\n profile = tiny-33\n slots = 4\n reserve = 3\n}\n",
	 "x.conf:1: nic: slots = 4: must be at least 5, for one SA each way and the reserve"},
	{"nic {\n device = a-name-that-no-kernel-has\n}\n",
	 "x.conf:2: nic.device: \"a-name-that-no-kernel-has...\" is longer than 15 characters"},
	{"daemon {\n port = 4500\n}\n", "x.conf:1: daemon: port and port_nat_t are both 4500"},
	{"daemon {\n rekey_policy = none\n}\n",
	 "x.conf:2: daemon.rekey_policy: \"none\" is not one of keyrack, fixed, strongswan, libreswan, draft"},
	{"daemon {\n log_level = loud\n}\n",
	 "x.conf:2: daemon.log_level: \"loud\" is not one of error, warning, notice, info, debug"},
	{"daemon {\n retransmit_base = 0.5\n}\n",
	 "x.conf:2: daemon.retransmit_base: \"0.5\" is not a number from 1 to 10"},
	{CONN("local_port = 5000\n"), "x.conf:2: connections.gw: local_port = 5000 is neither daemon.port (500) nor "
				      "daemon.port_nat_t (4500)"},
	/* secrets: the value is never in the sentence */
	{"secrets {\n ike-1 { secret = 0xabc }\n}\n",
	 "x.conf:2: secrets.ike-1.secret: is not text, 0x and hexadecimal, or 0s and "
	 "base64, of 1 to 256 octets"},
	{"secrets {\n ike-1 { secret = 0s!!! }\n}\n",
	 "x.conf:2: secrets.ike-1.secret: is not text, 0x and hexadecimal, or 0s and "
	 "base64, of 1 to 256 octets"},
	{"secrets {\n ike-1 { secret = \n }\n}\n", "x.conf:2: secrets.ike-1: secret is missing"},
	{"secrets {\n eap-1 { secret = a }\n}\n",
	 "x.conf:2: secrets.eap-1: is not an IKE secret: names begin with ike, other kinds are not possible"},
	{"secrets {\n ike { file = a }\n}\n", "x.conf:2: secrets.ike.file: unknown key"},
};

static void one_sentence_each(void **state)
{
	char error[CONF_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = conf_parse("x.conf", rows[i].text, strlen(rows[i].text), error);

		if (c)
			fail_msg("this was read: %s", rows[i].text);
		assert_string_equal(error, rows[i].error);
	}
}

/* These sentences are written elsewhere; here it counts that they arrive with their place. */
static void sentences_of_others_have_their_place(void **state)
{
	static const struct {
		const char *text, *start;
	} places[] = {
		{CONN("proposals = aes129gcm16-prfsha256-x25519\n"),
		 "x.conf:3: connections.gw.proposals: \"aes129gcm16-prfsha256-x25519\": "},
		{CHILD("esp_proposals = rot13\n"), "x.conf:6: connections.gw.children.net.esp_proposals: \"rot13\": "},
		{CHILD("rekey_packets = 100\n life_packets = 50\n"), "x.conf:5: connections.gw.children.net: "},
		{"nic {\n profile = nonsense\n}\n", "x.conf:2: nic.profile: \"nonsense\" is not one of "},
	};
	char error[CONF_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_null(conf_parse("x.conf", places[i].text, strlen(places[i].text), error));
		assert_memory_equal(error, places[i].start, strlen(places[i].start));
		assert_true(strlen(error) > strlen(places[i].start));
	}
}

static void a_secret_is_never_quoted(void **state)
{
	static const char text[] = "secrets {\n ike-1 {\n  secret = 0xHUSHHUSH\n }\n}\n";
	char error[CONF_ERROR_MAX];

	(void)state;
	assert_null(conf_parse("x.conf", text, strlen(text), error));
	assert_null(strstr(error, "HUSH"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sentence_each),
		cmocka_unit_test(sentences_of_others_have_their_place),
		cmocka_unit_test(a_secret_is_never_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
