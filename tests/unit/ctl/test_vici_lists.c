/* SPDX-License-Identifier: MIT */
/* What is listed and announced, field by field, with charon's names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "ike/message.h"
#include "vici_talk.h"

#define S 1000000000ull

/* One IKE SA "gw" #1 with two Child SAs "net": #11 the fallback, #12 on queue 0. */
struct scene {
	struct ike_child_cfg net;
	struct ike_conn_cfg gw;
	struct ike_id local, remote;
	struct ike_ts ts[2];
	struct ike_child_sa sa[2];
};

static struct scene scene;

/* Child SAs 11 and 12: one for any queue, one for queue 0. */
static void children_make(struct controller *c)
{
	c->n_children = 2;
	for (uint32_t i = 0; i < 2; i++) {
		scene.sa[i] = (struct ike_child_sa){
			.id = 11 + i,
			.ike_sa = 1,
			.spi_in = 0xc0000001 + i,
			.spi_out = 0x0000abcd + i,
			.conn = &scene.gw,
			.cfg = &scene.net,
			.encr = IKE_ENCR_AES_GCM_16,
			.encr_bits = 128,
			.esn = i == 1,
			.optimized = i == 1,
			.count = {.agreed = i == 1, .rekeyer = IKE_REKEYER_THEM, .bytes = UINT64_MAX},
			.encap = true,
			.path = {.remote = {.family = AF_INET, .ip = {192, 0, 2, 2}}},
			.n_local_ts = 1,
			.n_remote_ts = 1,
			.local_ts = &scene.ts[0],
			.remote_ts = &scene.ts[1],
		};
		c->children[i] = (struct controller_child){
			.id = 11 + i,
			.ike_sa = 1,
			.reqid = 7,
			.ike = &scene.sa[i],
			.queue = i ? 0 : UINT32_MAX,
			.cpu = i ? 0 : UINT32_MAX,
			.mode = OFFLOAD_PACKET,
			.state = CHILD_INSTALLED,
			.installed_ns = 995 * S,
			.rekey_in_ns = i ? 60 * S + S / 2 : UINT64_MAX,
			.hard_in_ns = i ? 90 * S : UINT64_MAX,
			.wear_soft = 0.25,
			.wear_hard = 0.125,
			.in = {.spi = 0xc0000001 + i,
			       .mode = OFFLOAD_PACKET,
			       .bytes = 1000,
			       .packets = 10,
			       .use_time = 1699999997},
			/* as on a card that tells outbound SAs apart by reqid alone */
			.out = {.spi = 0x0000abcd + i,
				.mode = i ? OFFLOAD_CRYPTO : OFFLOAD_PACKET,
				.bytes = 2000,
				.packets = 20},
		};
	}
}

static void scene_make(struct talk *t)
{
	struct controller *c = &t->controller;
	char why[160];

	scene = (struct scene){.net = {.name = "net"}, .gw = {.name = "gw"}};
	assert_int_equal(conf_id_read("left.example.org", &scene.local), 0);
	assert_int_equal(conf_id_read("192.0.2.2", &scene.remote), 0);
	assert_int_equal(conf_ts_read("10.1.0.0/16", &scene.ts[0]), 0);
	assert_int_equal(conf_ts_read("10.2.0.0/16[tcp/80]", &scene.ts[1]), 0);
	t->now = 1000 * S;
	c->n_sas = 1;
	c->sas[0] = (struct ike_sa_info){
		.id = 1,
		.state = IKE_SA_ESTABLISHED,
		.conn = &scene.gw,
		.initiator = true,
		.spi_i = {1, 2, 3, 4, 5, 6, 7, 8},
		.spi_r = {0xf8, 7, 6, 5, 4, 3, 2, 1},
		.path = {.local = {.family = AF_INET, .port = 4500, .ip = {192, 0, 2, 1}},
			 .remote = {.family = AF_INET, .port = 4501, .ip = {192, 0, 2, 2}}},
		.local_id = &scene.local,
		.remote_id = &scene.remote,
		.nat_remote = true,
		.encap = true,
		.established_ns = 990 * S,
		.rekey_ns = 1100 * S,
		.count_sa = true,
		.optimized_rekey = true,
		.window_ours = 64,
		.window_peer = 1,
	};
	assert_int_equal(ike_proposal_read(&c->sas[0].proposal, IKE_PROTO_IKE, "aes256-sha384-prfsha256-ecp256", why,
					   sizeof(why)),
			 0);
	children_make(c);
}

#define IKE_FIELDS                                                                                                 \
	"uniqueid=1 version=2 state=ESTABLISHED local-host=192.0.2.1 local-port=4500 local-id=left.example.org "   \
	"remote-host=192.0.2.2 remote-port=4501 remote-id=192.0.2.2 initiator=yes initiator-spi=0102030405060708 " \
	"responder-spi=f807060504030201 nat-remote=yes nat-any=yes encr-alg=AES_CBC encr-keysize=256 "             \
	"integ-alg=HMAC_SHA2_384_192 prf-alg=PRF_HMAC_SHA2_256 dh-group=ECP_256 established=10 rekey-time=100 "    \
	"count-sa=yes optimized-rekey=yes window-ours=64 window-peer=1 requests-in-flight=0 requests-queued=0"

#define CHILD_11                                                                                                     \
	"name=net uniqueid=11 reqid=7 state=INSTALLED mode=TUNNEL protocol=ESP encap=yes spi-in=c0000001 "           \
	"spi-out=0000abcd encr-alg=AES_GCM_16 encr-keysize=128 bytes-in=1000 packets-in=10 use-in=3 bytes-out=2000 " \
	"packets-out=20 install-time=5 offload=packet local-ts[10.1.0.0/16] remote-ts[10.2.0.0/16[tcp/80]]"

#define CHILD_12                                                                                                     \
	"name=net uniqueid=12 reqid=7 state=INSTALLED mode=TUNNEL protocol=ESP encap=yes spi-in=c0000002 "           \
	"spi-out=0000abce encr-alg=AES_GCM_16 encr-keysize=128 esn=1 count-bytes=18446744073709551615 "              \
	"count-rekeyer=peer optimized=yes bytes-in=1000 packets-in=10 use-in=3 "                                     \
	"bytes-out=2000 packets-out=20 rekey-time=60 life-time=90 install-time=5 offload=packet offload-out=crypto " \
	"cpu=0 "                                                                                                     \
	"local-ts[10.1.0.0/16] remote-ts[10.2.0.0/16[tcp/80]]"

static void list_sas(void **state)
{
	struct talk *t = *state;

	scene_make(t);
	talk_begin(t, "list-sas"); /* not registered: nothing is streamed */
	assert_string_equal(talk_ask(t), "response");
	talk_register(t, "list-sa");
	assert_int_equal(talk_command(t, "list-sas"), 0);
	assert_string_equal(talk_next(t),
			    "event list-sa gw{" IKE_FIELDS " child-sas{net-11{" CHILD_11 "} net-12{" CHILD_12 "}}}");
	assert_string_equal(talk_next(t), "response");
}

static void list_sas_filters(void **state)
{
	static const struct {
		const char *key, *value;
		bool shown;
	} rows[] = {{"ike", "gw", true}, {"ike", "other", false}, {"ike-id", "1", true}, {"ike-id", "2", false}};
	struct talk *t = *state;

	scene_make(t);
	talk_register(t, "list-sa");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		talk_begin(t, "list-sas");
		vici_text(&t->w, rows[i].key, rows[i].value);
		assert_int_equal(talk_send(t), 0);
		if (rows[i].shown)
			assert_memory_equal(talk_next(t), "event list-sa gw{", 17);
		assert_string_equal(talk_next(t), "response");
	}
	talk_begin(t, "list-sas");
	vici_text(&t->w, "child-id", "12");
	assert_int_equal(talk_send(t), 0);
	assert_string_equal(talk_next(t), "event list-sa gw{" IKE_FIELDS " child-sas{net-12{" CHILD_12 "}}}");
}

/* A packet holds 512 KiB; ten thousand Child SAs on one IKE SA come in several, and all of them come. */
static void an_ike_sa_with_very_many_children(void **state)
{
	struct talk *t = *state;
	unsigned int events = 0, children = 0;
	const char *text;

	scene_make(t);
	t->controller.many = 10000;
	talk_register(t, "list-sa");
	assert_int_equal(talk_command(t, "list-sas"), 0);
	while ((text = talk_next(t)) && strcmp(text, "response") != 0) {
		events++;
		for (text = strstr(text, "name=net"); text; text = strstr(text + 1, "name=net"))
			children++;
	}
	assert_non_null(text);
	assert_int_equal(children, 10002);
	assert_true(events > 5);
}

static const char conf_text[] =
	"connections { gw { local_addrs = 192.0.2.1\n remote_addrs = 192.0.2.2\n dpd_delay = 30s\n"
	"local { auth = psk\n id = left.example.org\n }\n remote { auth = psk }\n"
	"children { net { local_ts = 10.1.0.0/16\n rekey_packets = 1000\n life_packets = 3000\n rand_packets = 500\n "
	"per_cpu_sas = yes\n dpd_action = restart\n } "
	"} } }\n";

static void conf_add(struct talk *t)
{
	char error[CONF_ERROR_MAX];
	struct conf *c = conf_parse("x.conf", conf_text, strlen(conf_text), error);

	assert_non_null(c);
	assert_int_equal(controller_conn_load(&t->controller, t->now, c->conns[0]), 0);
	conf_free(c);
}

static void list_conns(void **state)
{
	struct talk *t = *state;

	conf_add(t);
	talk_register(t, "list-conn");
	assert_int_equal(talk_command(t, "list-conns"), 0);
	assert_string_equal(
		talk_next(t),
		"event list-conn gw{local_addrs[192.0.2.1] remote_addrs[192.0.2.2] remote_port=500 "
		"version=IKEv2 reauth_time=0 rekey_time=14400 dpd_delay=30 unique=UNIQUE_NO "
		"local-1{class=pre-shared key id=left.example.org} remote-1{class=pre-shared key} children{"
		"net{mode=TUNNEL rekey_time=3600 rekey_bytes=0 rekey_packets=1000 life_packets=3000 rand_packets=500 "
		"dpd_action=start "
		"close_action=none per_cpu_sas=yes per_cpu_start=all local-ts[10.1.0.0/16] remote-ts[dynamic]}}}");
	assert_string_equal(talk_next(t), "response");
	talk_begin(t, "list-conns");
	vici_text(&t->w, "ike", "other");
	assert_string_equal(talk_ask(t), "response");
}

static void list_policies(void **state)
{
	struct talk *t = *state;

	conf_add(t);
	talk_register(t, "list-policy");
	assert_int_equal(talk_command(t, "list-policies"), 0);
	assert_string_equal(talk_next(t),
			    "event list-policy gw/net{child=net ike=gw mode=TUNNEL reqid=7 offload=packet "
			    "installed=yes local-ts[10.1.0.0/16] remote-ts[dynamic]}");
	assert_string_equal(talk_next(t), "response");
	talk_begin(t, "list-policies");
	vici_text(&t->w, "drop", "yes");
	assert_string_equal(talk_ask(t), "response");
}

/* ---- the rack and the queues ---- */

static void list_slots(void **state)
{
	static const struct slots_config config = {
		.n_pools = 1, .pool = {{.name = "shared", .size = 8, .reserve = 2}}, .let_go_ns = S};
	struct talk *t = *state;
	struct controller *c = &t->controller;

	scene_make(t);
	c->slots = slots_new(&config);
	assert_non_null(c->slots);
	assert_int_equal(slots_reserve(c->slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_NEW, &c->children[1]), 0);
	slots_commit(c->slots, 0);
	assert_int_equal(slots_reserve(c->slots, SLOTS_OUT, SLOTS_IPV6, SLOTS_FOR_NEW, NULL), 1);
	talk_register(t, "list-slot");
	assert_int_equal(talk_command(t, "list-slots"), 0);
	assert_string_equal(
		talk_next(t),
		"event list-slot slot=0 pool=shared state=occupied dir=in family=ipv4 peer=192.0.2.2 ike=gw ike_id=1 "
		"child=net child_id=12 child_state=INSTALLED mode=packet queue=0 spi=c0000002 bytes=1000 "
		"packets=10 wear_soft=25.0 wear_hard=12.5 rekey_in=60.500");
	assert_string_equal(talk_next(t), "event list-slot slot=1 pool=shared state=reserved dir=out family=ipv6");
	assert_string_equal(talk_next(t),
			    "response pools{shared{size=8 occ=1 reserved=1 draining=0 free=6 peak=2 reserve=2 "
			    "configured=8 refused=0}}");
}

static void list_queues_sorts(void **state)
{
	struct talk *t = *state;

	scene_make(t); /* the fake shows them backwards */
	talk_register(t, "list-queue");
	assert_int_equal(talk_command(t, "list-queues"), 0);
	assert_string_equal(talk_next(t),
			    "event list-queue ike=gw ike_id=1 child=net child_id=11 child_state=INSTALLED "
			    "mode=packet mode_in=packet sends=no queue=any encr=AES_GCM_16 encr_bits=128 esn=no "
			    "spi_in=c0000001 spi_out=0000abcd byte_rate=125000 "
			    "packet_rate=100.0 share=25.0 bytes_in=1000 packets_in=10 bytes_out=2000 packets_out=20 "
			    "total_bytes_in=5000 total_packets_in=50 total_bytes_out=6000 total_packets_out=60 "
			    "wear_soft=25.0 wear_hard=12.5 age=5.000 tx=3 steered_out=xps steered_in=any "
			    "steering=sent by hand; received by hand unsteered=no reason map_lacks=eyes");
	assert_memory_equal(talk_next(t), "event list-queue ike=gw ike_id=1 child=net child_id=12", 53);
	assert_string_equal(talk_next(t), "response unserved{} unserved_queues=0");
}

static void list_queues_tells_who_has_none(void **state)
{
	struct talk *t = *state;

	scene_make(t);
	conf_add(t);
	assert_int_equal(talk_command(t, "list-queues"), 0);
	assert_string_equal(talk_next(t),
			    "response unserved{gw/net/1{ike=gw child=net queue=1 cpu=3 why=it is asleep}} "
			    "unserved_queues=1");
}

/* ---- the daemon itself ---- */

static void get_status(void **state)
{
	struct talk *t = *state;
	const char *text;

	t->controller.counters = (struct controller_counters){.rekeys_done = 5,
							      .ike = {.collisions = 6, .sas = 7},
							      .xfrm = {.acquires = 8},
							      .rekey = {.by_card = 9, .due = 10}};
	t->controller.nic =
		(struct conf_nic){.counter_poll_ns = 250000000, .drain_ns = 1000000000, .let_go_ns = 2000000};
	t->now += 1500000000;
	talk_begin(t, "get-status");
	text = talk_ask(t);
	assert_non_null(strstr(
		text, " uptime=1.500 backend=xfrm counter_poll=0.250 drain=1.000 let_go=0.002 ike_sas=7 half_open=0 "
		      "children=0 counters{rekeys_done=5 "));
	assert_non_null(strstr(text, " collisions=6 "));
	assert_non_null(strstr(text, " acquires=8 "));
	assert_non_null(strstr(text, " by_card=9 "));
	assert_non_null(strstr(text, " due=10 "));
	assert_non_null(strstr(text, " vici_counters{sessions=1 commands=1 "));
	assert_non_null(strstr(text, " pools{}"));
}

static void what_charon_tells_of_itself(void **state)
{
	struct talk *t = *state;

	t->controller.counters.ike = (struct ike_counters){.sas = 3,
							   .half_open = 1,
							   .invalid_spi = 4,
							   .info_out_resp = 5,
							   .child_rekey_init = 6,
							   .child_rekey_resp = 7};
	t->now += 3 * 3600 * S;
	talk_begin(t, "stats");
	assert_memory_equal(talk_ask(t), "response uptime{running=3 hours since=", 38);
	talk_begin(t, "stats");
	assert_non_null(strstr(talk_ask(t), " ikesas{total=3 half-open=1}"));
	talk_begin(t, "get-counters");
	assert_memory_equal(talk_ask(t), "response counters{{child-rekey=13 ike-rekey-init=0 ", 51);
	talk_begin(t, "get-counters");
	assert_non_null(strstr(talk_ask(t), " invalid-spi=4 "));
	talk_begin(t, "get-counters");
	assert_non_null(strstr(talk_ask(t), " info-out-resp=5}} success=yes"));
	talk_begin(t, "get-counters");
	vici_text(&t->w, "name", "gw");
	assert_string_equal(talk_ask(t), "response success=no errmsg=keyrackd counts for all connections together");
	talk_begin(t, "get-algorithms");
	assert_non_null(strstr(talk_ask(t), "aead{AES_GCM_16=openssl CHACHA20_POLY1305=openssl}"));
}

/* ---- events ---- */

static const char *raise_event(struct talk *t, struct controller_event e)
{
	e.conn = &scene.gw;
	vici_server_event(t->server, t->now, &e);
	return talk_next(t);
}

static void events_have_the_fields_of_the_lists(void **state)
{
	struct talk *t = *state;
	const struct controller_child *c = t->controller.children;

	scene_make(t);
	assert_null(raise_event(t, (struct controller_event){.kind = CONTROLLER_IKE_UP, .ike_sa = 1}));
	talk_register(t, "ike-updown");
	talk_register(t, "ike-rekey");
	talk_register(t, "child-updown");
	talk_register(t, "child-rekey");
	assert_string_equal(raise_event(t, (struct controller_event){.kind = CONTROLLER_IKE_UP, .ike_sa = 1}),
			    "event ike-updown up=yes gw{" IKE_FIELDS "}");
	assert_string_equal(raise_event(t, (struct controller_event){.kind = CONTROLLER_IKE_DOWN, .ike_sa = 99}),
			    "event ike-updown gw{uniqueid=99 version=2 state=DELETING}");
	assert_string_equal(
		raise_event(t, (struct controller_event){.kind = CONTROLLER_IKE_REKEYED, .ike_sa = 1, .old_ike_sa = 9}),
		"event ike-rekey gw{old{uniqueid=9 version=2 state=DELETING} new{" IKE_FIELDS "}}");
	assert_string_equal(
		raise_event(t, (struct controller_event){.kind = CONTROLLER_CHILD_UP, .ike_sa = 1, .child = &c[0]}),
		"event child-updown up=yes gw{" IKE_FIELDS " child-sas{net-11{" CHILD_11 "}}}");
	assert_string_equal(raise_event(t, (struct controller_event){.kind = CONTROLLER_CHILD_REKEYED,
								     .ike_sa = 1,
								     .child = &c[1],
								     .old_child = &c[0]}),
			    "event child-rekey gw{" IKE_FIELDS " child-sas{net{old{" CHILD_11 "} new{" CHILD_12 "}}}}");
	assert_null(raise_event(t, (struct controller_event){.kind = CONTROLLER_SLOT, .ike_sa = 1}));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, talk_setup, talk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(list_sas),
		TEST(list_sas_filters),
		TEST(an_ike_sa_with_very_many_children),
		TEST(list_conns),
		TEST(list_policies),
		TEST(list_slots),
		TEST(list_queues_sorts),
		TEST(list_queues_tells_who_has_none),
		TEST(get_status),
		TEST(what_charon_tells_of_itself),
		TEST(events_have_the_fields_of_the_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
