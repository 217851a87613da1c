/* SPDX-License-Identifier: MIT */
/* What there is to read of SAs and policies that a card has. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "rack.h"
#include "suite.h"

static const struct request all = {.base = BASE_DUMP_SA}, all_policies = {.base = BASE_DUMP_POLICY};

static void outbound(struct card *c)
{
	card_ask(c, LEFT, &(struct request){.cpu = 3}, "ok");
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID},
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 added | KEY | "
		   "esn out 0:0 in 0:0 window 0 | offload card flags 4 | SA_PCPU 2 | SA_DIR 2");
}

static void inbound(struct card *c)
{
	card_ask(c, LEFT, &(struct request){.from = RIGHT, .in = true, .edit = {ESN(seq, 9), ESN(seq_hi, 1)}}, "ok");
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID, .from = RIGHT},
		   "NEWSA 192.0.2.2>192.0.2.1 esp 00000100 tunnel reqid 7 sel v4 flags 80 added | KEY | "
		   "esn out 0:0 in 1:9 window 64 seen 0,0 | offload card flags 6 | SA_DIR 1");
}

static void crypto(struct card *c)
{
	card_ask(c, LEFT, &(struct request){.crypto = true}, "ok");
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID},
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 added | KEY | "
		   "esn out 0:0 in 0:0 window 0 | offload card flags 0 | SA_DIR 2");
}

static void software(struct card *c)
{
	card_ask(c, LEFT, &(struct request){.software = true}, "ok");
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID},
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 added | KEY | "
		   "esn out 0:0 in 0:0 window 0 | SA_DIR 2");
}

static void no_esn(struct card *c)
{
	card_ask(c, LEFT,
		 &(struct request){.from = RIGHT,
				   .in = true,
				   .transport = true,
				   .soft_packets = 10,
				   .hard_bytes = 5000,
				   .edit = {DROP(XFRMA_REPLAY_ESN_VAL), SA(flags, XFRM_STATE_AF_UNSPEC),
					    SA(replay_window, 32), SA(lft.soft_add_expires_seconds, 100),
					    SA(lft.hard_add_expires_seconds, 200), SA(seq, 5)}},
		 "ok");
	rack_shows(
		c, LEFT, &(struct request){.base = BASE_SA_ID, .from = RIGHT},
		"NEWSA 192.0.2.2>192.0.2.1 esp 00000100 transport reqid 7 sel none window 32 flags 20 seq set soft 10p "
		"hard 5000B add 100/200s added | KEY | replay out 0 in 0 seen 0 | offload card flags 6 | SA_DIR 1");
}

static void everything(struct card *c)
{
	card_ask(c, LEFT,
		 &(struct request){.edit = {PUT32(XFRMA_IF_ID, 5), LENGTH(XFRMA_MARK, sizeof(struct xfrm_mark)),
					    FIELD(XFRMA_MARK, struct xfrm_mark, v, 3),
					    FIELD(XFRMA_MARK, struct xfrm_mark, m, 7), PUT32(XFRMA_SET_MARK, 9),
					    PUT32(XFRMA_SA_EXTRA_FLAGS, XFRM_SA_XFLAG_DONT_ENCAP_DSCP),
					    LENGTH(XFRMA_ENCAP, sizeof(struct xfrm_encap_tmpl)),
					    FIELD(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_type, 2),
					    FIELD_BE(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_sport, 4500),
					    FIELD_BE(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_dport, 4501)}},
		 "ok");
	rack_shows(
		c, LEFT,
		&(struct request){.base = BASE_SA_ID,
				  .edit = {LENGTH(XFRMA_MARK, sizeof(struct xfrm_mark)),
					   FIELD(XFRMA_MARK, struct xfrm_mark, v, 3),
					   FIELD(XFRMA_MARK, struct xfrm_mark, m, 7)}},
		"NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 added | EXTRA_FLAGS 1 | KEY | "
		"encap type 2 4500>4501 | mark 3/7 | SET_MARK 9 | SET_MARK_MASK ffffffff | "
		"esn out 0:0 in 0:0 window 0 | offload card flags 4 | IF_ID 5 | SA_DIR 2");
}

static void composed(struct card *c)
{
	card_ask(c, LEFT,
		 &(struct request){.software = true,
				   .edit = {DROP(XFRMA_ALG_AEAD), ALGORITHM(XFRMA_ALG_CRYPT, "cbc(aes)", 128, 0),
					    ALGORITHM(XFRMA_ALG_AUTH_TRUNC, "hmac(sha256)", 256, 128)}},
		 "ok");
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID},
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 added | auth hmac(sha256) "
		   "256 BITS | "
		   "auth-trunc hmac(sha256) 256 BITS icv 128 | crypt cbc(aes) 128 BITS | esn out 0:0 in 0:0 window 0 | "
		   "SA_DIR 2");
}

static void six(struct card *c)
{
	card_ask(c, LEFT, &(struct request){.six = true, .from = RIGHT, .in = true}, "ok");
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID, .six = true, .from = RIGHT},
		   "NEWSA fd00::2>fd00::1 esp 00000100 tunnel reqid 7 sel v6 flags 80 added | KEY | "
		   "esn out 0:0 in 0:0 window 64 seen 0,0 | offload card flags 6 | SA_DIR 1");
}

static void larval(struct card *c)
{
	card_reply(c, LEFT,
		   &(struct request){.base = BASE_SPI,
				     .from = RIGHT,
				     .in = true,
				     .cpu = 2,
				     .edit = {SET(struct xfrm_userspi_info, max, 0x400)}},
		   "NEWSA 192.0.2.2>192.0.2.1 esp 00000400 tunnel reqid 7 sel 192.0.2.2/32>192.0.2.1/32 add 0/3s added "
		   "| replay out 0 in 0 seen 0 | SA_PCPU 1 | SA_DIR 1");
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID, .from = RIGHT, .spi = 0x400},
		   "NEWSA 192.0.2.2>192.0.2.1 esp 00000400 tunnel reqid 7 sel 192.0.2.2/32>192.0.2.1/32 add 0/3s added "
		   "| replay out 0 in 0 seen 0 | SA_PCPU 1 | SA_DIR 1");
	assert_int_equal(card_states(c, LEFT), 1);
}

static void counts(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){0});
	card_send(c, &(struct flow){.from = LEFT, .bytes = 72}, 5, 5);
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID},
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 has 5p 500B added used | "
		   "LASTUSED | "
		   "KEY | esn out 0:0 in 0:0 window 0 | offload card flags 4 | SA_DIR 2");
	rack_shows(c, RIGHT, &(struct request){.base = BASE_SA_ID},
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 has 5p 500B added used | "
		   "LASTUSED | "
		   "KEY | esn out 0:0 in 0:0 window 64 seen 0,0 | offload card flags 6 | SA_DIR 1");
}

static void aevent(struct card *c)
{
	const struct request ae = {.base = BASE_AE, .edit = {SET(struct xfrm_aevent_id, flags, 0xf)}};

	rack_connect(c, LEFT, &(struct request){0});
	card_send(c, &(struct flow){.from = LEFT, .bytes = 72}, 5, 5);
	card_ask(c, LEFT, &ae, "ok");
	assert_non_null(strstr(c->said, difference(c, DIFFERS_AE_COUNTS)));
	assert_int_equal(rack_packets(c, LEFT, &(struct request){.base = BASE_SA_ID}), 5); /* the card is asked now */
	card_reply(c, LEFT, &ae,
		   "NEWAE >192.0.2.2 esp 00000100 from 192.0.2.1 reqid 7 flags f | esn out 0:0 in 0:0 window 0 | "
		   "lifetime has 5p 500B added used | REPLAY_THRESH 2 | ETIMER_THRESH a | SA_DIR 2");
}

static void many(struct card *c)
{
	struct card_dump d = card_dump(c, LEFT, &all);

	assert_int_equal(d.messages, 0);
	assert_true(d.done);
	card_drain(c);
	for (unsigned int i = 0; i < CARD_SLOTS; i++) {
		card_ask(c, LEFT, &(struct request){.spi = 0x1000 + i}, "ok");
		card_ask(c, LEFT, &(struct request){.from = RIGHT, .in = true, .spi = 0x1000 + i}, "ok");
	}
	d = card_dump(c, LEFT, &all);
	assert_int_equal(d.messages, 2 * CARD_SLOTS);
	assert_true(d.multi && d.done);
	assert_in_range(d.datagrams, 2, 2 * CARD_SLOTS);
}

#define FILTER(member, v) FIELD(XFRMA_ADDRESS_FILTER, struct xfrm_address_filter, member, v)
#define FILTER_DADDR      FIELD_BE(XFRMA_ADDRESS_FILTER, struct xfrm_address_filter, daddr.a4, 0xc0000202)
#define FILTER_ROOM       LENGTH(XFRMA_ADDRESS_FILTER, sizeof(struct xfrm_address_filter))

static void filtered(struct card *c)
{
	static const struct {
		struct request request;
		unsigned int messages;
	} filters[] = {
		{{.base = BASE_DUMP_SA, .edit = {PUT8(XFRMA_PROTO, IPPROTO_ESP)}}, 4},
		{{.base = BASE_DUMP_SA, .edit = {PUT8(XFRMA_PROTO, IPPROTO_AH)}}, 0},
		{{.base = BASE_DUMP_SA, .edit = {FILTER_ROOM, FILTER(family, AF_INET6)}}, 1},
		{{.base = BASE_DUMP_SA,
		  .edit = {FILTER_ROOM, FILTER(family, AF_INET), FILTER(dplen, 30), FILTER_DADDR}},
		 3},
		{{.base = BASE_DUMP_SA,
		  .edit = {FILTER_ROOM, FILTER(family, AF_INET), FILTER(dplen, 32), FILTER_DADDR}},
		 2},
	};

	card_ask(c, LEFT, &(struct request){0}, "ok");
	card_ask(c, LEFT, &(struct request){.spi = 0x101}, "ok");
	card_ask(c, LEFT, &(struct request){.from = RIGHT, .in = true}, "ok");
	card_ask(c, LEFT, &(struct request){.six = true}, "ok");
	for (unsigned int i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		assert_int_equal(card_dump(c, LEFT, &filters[i].request).messages, filters[i].messages);
	card_ask(c, LEFT, &(struct request){.base = BASE_DUMP_SA, .edit = {FILTER_ROOM, FILTER(splen, 129)}}, "EINVAL");
}

static void marked_policy(struct card *c)
{
	card_ask(c, LEFT,
		 &(struct request){.base = BASE_POLICY,
				   .hard_bytes = 1000,
				   .edit = {PUT32(XFRMA_IF_ID, 5), LENGTH(XFRMA_MARK, sizeof(struct xfrm_mark)),
					    FIELD(XFRMA_MARK, struct xfrm_mark, v, 3),
					    FIELD(XFRMA_MARK, struct xfrm_mark, m, 7),
					    POLICY(lft.hard_add_expires_seconds, 1000)}},
		 "ok");
	assert_int_equal(card_dump(c, LEFT, &all_policies).messages, 1);
	assert_string_equal(c->said,
			    "NEWPOLICY out sel 10.1.0.0/16>10.2.0.0/16 priority 100 hard 1000B add 0/1000s added | "
			    "tmpl 192.0.2.1>192.0.2.2 esp 00000000 tunnel reqid 7 share 3 algs "
			    "ffffffff/ffffffff/ffffffff | policy-type 0 | mark 3/7 | IF_ID 5 | offload card flags 4");
}

static void policy(struct card *c)
{
	const struct request id = {.base = BASE_POLICY_ID};

	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY, .edit = {POLICY(flags, KR_XFRM_POLICY_CPU_ACQUIRE)}},
		 "ok");
	card_reply(
		c, LEFT, &id,
		"NEWPOLICY out sel 10.1.0.0/16>10.2.0.0/16 priority 100 flags 04 added | tmpl 192.0.2.1>192.0.2.2 esp "
		"00000000 tunnel reqid 7 share 3 algs ffffffff/ffffffff/ffffffff | policy-type 0 | offload card flags "
		"4");
	card_ask(c, LEFT,
		 &(struct request){.base = BASE_POLICY, .type = XFRM_MSG_UPDPOLICY, .edit = {POLICY(priority, 9)}},
		 "ok");
	card_reply(c, LEFT, &id,
		   "NEWPOLICY out sel 10.1.0.0/16>10.2.0.0/16 priority 9 added | tmpl 192.0.2.1>192.0.2.2 esp "
		   "00000000 tunnel reqid 7 share 3 algs ffffffff/ffffffff/ffffffff | policy-type 0 | offload card "
		   "flags 4");
}

static void policies(struct card *c)
{
	struct card_dump d = card_dump(c, LEFT, &all_policies);

	assert_int_equal(d.messages, 0);
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY}, "ok");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY, .from = RIGHT, .in = true}, "ok");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY, .six = true}, "ok");
	card_ask(c, LEFT,
		 &(struct request){.base = BASE_POLICY, .software = true, .edit = {POLICY(dir, XFRM_POLICY_FWD)}},
		 "ok");
	d = card_dump(c, LEFT, &all_policies);
	assert_int_equal(d.messages, 4);
	assert_true(d.multi && d.done);
}

static const struct story stories[] = {
	{"an outbound SA of a CPU", outbound},
	{"an inbound SA", inbound},
	{"an SA in crypto offload", crypto},
	{"an SA in software", software},
	{"an SA without ESN, with limits", no_esn},
	{"an SA with all that an SA can have", everything},
	{"an SA of CBC and HMAC", composed},
	{"an SA of IPv6", six},
	{"a larval SA", larval},
	{"counts after traffic, at both ends", counts},
	{"replay state after traffic, by GETAE", aevent},
	{"of many SAs", many},
	{"of some SAs, by protocol and address", filtered},
	{"a policy, and the policy updated", policy},
	{"of several policies", policies},
	{"a policy with a mark, an interface id and limits", marked_policy},
};

CHAPTER(dump, "what dumps show", stories);
