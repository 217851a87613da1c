/* SPDX-License-Identifier: MIT */
/* What a host is told without having asked: notifications, limits, acquires. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "rack.h"
#include "suite.h"

enum {
	EVERYTHING = XFRMGRP_ACQUIRE | XFRMGRP_EXPIRE | XFRMGRP_SA | XFRMGRP_POLICY,
	BYTES = 72 /* makes packets of 100 */
};

#define SA_OUT      "192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80"
#define GONE        "ESRCH"
#define FLOW(sport) "sel 10.1.0.1/32[" sport "/ffff]>10.2.0.1/32[9000/ffff] proto 17 if card"
#define ACQUIRE(sport, flags)                                                          \
	"[seq-0 pid-0] ACQUIRE 192.0.2.1>192.0.2.2 esp 00000000 seq set " FLOW(        \
		sport) " algs ffffffff/ffffffff/ffffffff policy "                      \
		       "out sel 10.1.0.0/16>10.2.0.0/16 priority 100 " flags           \
		       "added | tmpl 192.0.2.1>192.0.2.2 esp 00000000 tunnel reqid 7 " \
		       "share 3 algs ffffffff/ffffffff/ffffffff | policy-type 0 | offload card flags 4"

static const struct request get = {.base = BASE_SA_ID}, del = {.base = BASE_SA_ID, .type = XFRM_MSG_DELSA};
static const struct flow flow = {.from = LEFT, .bytes = BYTES};

/* ---- notifications ---- */

static void sa_notifications(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_SA);
	card_ask(c, LEFT, &(struct request){0}, "ok");
	rack_tells(c, LEFT,
		   "NEWSA " SA_OUT " added | KEY | esn out 0:0 in 0:0 window 0 | offload card flags 4 | SA_DIR 2");
	card_ask(c, LEFT, &(struct request){.type = XFRM_MSG_UPDSA, .soft_packets = 5}, "ok");
	rack_tells(c, LEFT,
		   "UPDSA " SA_OUT
		   " soft 5p added | KEY | esn out 0:0 in 0:0 window 0 | offload card flags 4 | SA_DIR 2");
	card_ask(c, LEFT, &del, "ok");
	rack_tells(c, LEFT,
		   "DELSA >192.0.2.2 esp 00000100 | sa " SA_OUT
		   " soft 5p added | KEY | esn out 0:0 in 0:0 window 0 | offload card "
		   "flags 4 | SA_DIR 2");
	card_ask(c, LEFT, &(struct request){0}, "ok");
	rack_tells(c, LEFT,
		   "NEWSA " SA_OUT " added | KEY | esn out 0:0 in 0:0 window 0 | offload card flags 4 | SA_DIR 2");
	card_ask(c, LEFT, &(struct request){.base = BASE_FLUSH_SA}, "ok");
	card_event(c, LEFT, "FLUSHSA esp");
	card_ask(c, LEFT, &(struct request){.base = BASE_FLUSH_SA}, "ok");
	card_silence(c, LEFT);
}

static void policy_notifications(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_POLICY);
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY}, "ok");
	card_event(
		c, LEFT,
		"NEWPOLICY out sel 10.1.0.0/16>10.2.0.0/16 priority 100 added | tmpl 192.0.2.1>192.0.2.2 esp 00000000 "
		"tunnel reqid 7 share 3 algs ffffffff/ffffffff/ffffffff | policy-type 0 | offload card flags 4");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY, .type = XFRM_MSG_UPDPOLICY}, "ok");
	card_event(
		c, LEFT,
		"UPDPOLICY out sel 10.1.0.0/16>10.2.0.0/16 priority 100 added | tmpl 192.0.2.1>192.0.2.2 esp 00000000 "
		"tunnel reqid 7 share 3 algs ffffffff/ffffffff/ffffffff | policy-type 0 | offload card flags 4");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY_ID, .type = XFRM_MSG_DELPOLICY}, "ok");
	card_event(c, LEFT,
		   "DELPOLICY out sel 10.1.0.0/16>10.2.0.0/16 | policy out sel 10.1.0.0/16>10.2.0.0/16 priority 100 "
		   "added | tmpl 192.0.2.1>192.0.2.2 esp 00000000 tunnel reqid 7 share 3 algs "
		   "ffffffff/ffffffff/ffffffff | policy-type 0 | offload card flags 4");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY}, "ok");
	card_event(
		c, LEFT,
		"NEWPOLICY out sel 10.1.0.0/16>10.2.0.0/16 priority 100 added | tmpl 192.0.2.1>192.0.2.2 esp 00000000 "
		"tunnel reqid 7 share 3 algs ffffffff/ffffffff/ffffffff | policy-type 0 | offload card flags 4");
	card_ask(c, LEFT, &(struct request){.base = BASE_NOTHING}, "ok");
	card_event(c, LEFT, "FLUSHPOLICY | policy-type 0");
	card_ask(c, LEFT, &(struct request){.base = BASE_NOTHING}, "ok");
	card_silence(c, LEFT);
}

static void policy_by_index(struct card *c)
{
	struct request by_index = {
		.base = BASE_POLICY_ID,
		.edit = {SET(struct xfrm_userpolicy_id, index, 8001), SET(struct xfrm_userpolicy_id, sel.family, 0)}};

	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY, .edit = {POLICY(index, 8001)}}, "ok");
	card_listen(c, LEFT, XFRMGRP_POLICY);
	card_ask(c, LEFT, &by_index, "ok");
	by_index.type = XFRM_MSG_DELPOLICY;
	card_ask(c, LEFT, &by_index, "ok");
	card_event(c, LEFT,
		   "DELPOLICY out index sel none | policy out sel 10.1.0.0/16>10.2.0.0/16 priority 100 added | tmpl "
		   "192.0.2.1>192.0.2.2 esp 00000000 tunnel reqid 7 share 3 algs ffffffff/ffffffff/ffffffff | "
		   "policy-type 0 | offload card flags 4");
}

static void refusals_are_silent(struct card *c)
{
	card_listen(c, LEFT, EVERYTHING);
	card_ask(c, LEFT, &(struct request){.edit = {SA(reqid, 0)}}, "EINVAL: krnic: an SA needs a reqid");
	card_silence(c, LEFT);
}

/* ---- limits ---- */

static void soft_packets(struct card *c)
{
	card_listen(c, LEFT, EVERYTHING & ~XFRMGRP_SA & ~XFRMGRP_POLICY);
	rack_connect(c, LEFT, &(struct request){.soft_packets = 3});
	card_send(c, &flow, 2, 2);
	card_silence(c, LEFT);
	card_send(c, &flow, 1, 1);
	card_event(c, LEFT, "[seq-0 pid-0] EXPIRE soft " SA_OUT " soft 3p has 3p 300B added used | SA_DIR 2");
	card_send(c, &flow, 3, 3);
	card_silence(c, LEFT); /* it is told once */
	assert_int_equal(rack_packets(c, LEFT, &get), 6);
}

static void soft_bytes(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_EXPIRE);
	rack_connect(c, LEFT, &(struct request){.soft_bytes = 250, .hard_bytes = 100000});
	card_send(c, &flow, 3, 3);
	card_event(c, LEFT,
		   "[seq-0 pid-0] EXPIRE soft " SA_OUT " soft 250B hard 100000B has 3p 300B added used | SA_DIR 2");
	card_silence(c, LEFT);
}

static void hard_packets(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){.hard_packets = 5});
	card_listen(c, LEFT, XFRMGRP_EXPIRE | XFRMGRP_SA);
	card_send(c, &flow, 8, 5);
	card_event(c, LEFT, "[seq-0 pid-0] EXPIRE hard " SA_OUT " hard 5p has 5p 500B added used | SA_DIR 2");
	card_ask(c, LEFT, &get, GONE);
	card_silence(c, LEFT); /* no DELSA */
}

static void hard_bytes(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_EXPIRE);
	rack_connect(c, LEFT, &(struct request){.hard_bytes = 450, .cpu = 1});
	card_send(c, &flow, 8, 5);
	card_event(c, LEFT,
		   "[seq-0 pid-0] EXPIRE hard " SA_OUT " hard 450B has 5p 500B added used | SA_PCPU 0 | SA_DIR 2");
	card_ask(c, LEFT, &get, GONE);
}

static void soft_then_hard(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_EXPIRE);
	rack_connect(c, LEFT, &(struct request){.soft_packets = 3, .hard_packets = 5});
	card_send(c, &flow, 3, 3);
	card_event(c, LEFT, "[seq-0 pid-0] EXPIRE soft " SA_OUT " soft 3p hard 5p has 3p 300B added used | SA_DIR 2");
	card_send(c, &flow, 3, 2);
	card_event(c, LEFT, "[seq-0 pid-0] EXPIRE hard " SA_OUT " soft 3p hard 5p has 5p 500B added used | SA_DIR 2");
	card_ask(c, LEFT, &get, GONE);
}

static void inbound_limit(struct card *c)
{
	card_listen(c, RIGHT, XFRMGRP_EXPIRE);
	rack_connect(c, LEFT, &(struct request){0});
	card_ask(c, RIGHT, &(struct request){.in = true, .type = XFRM_MSG_UPDSA, .soft_packets = 2}, "ok");
	card_send(c, &flow, 2, 2);
	card_event(c, RIGHT, "[seq-0 pid-0] EXPIRE soft " SA_OUT " soft 2p has 2p 200B added used | SA_DIR 1");
}

static void seconds(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_EXPIRE);
	card_ask(c, LEFT,
		 &(struct request){.edit = {SA(lft.soft_add_expires_seconds, 1), SA(lft.hard_add_expires_seconds, 2)}},
		 "ok");
	card_event(c, LEFT, "[seq-0 pid-0] EXPIRE soft " SA_OUT " add 1/2s added | SA_DIR 2");
	card_event(c, LEFT, "[seq-0 pid-0] EXPIRE hard " SA_OUT " add 1/2s added | SA_DIR 2");
	card_ask(c, LEFT, &get, GONE);
}

static void seconds_of_use(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_EXPIRE);
	rack_connect(c, LEFT, &(struct request){.edit = {SA(lft.hard_use_expires_seconds, 2)}});
	card_silence(c, LEFT);
	card_send(c, &flow, 1, 1);
	card_event(c, LEFT, "[seq-0 pid-0] EXPIRE hard " SA_OUT " use 0/2s has 1p 100B added used | SA_DIR 2");
	card_ask(c, LEFT, &get, GONE);
}

static void larval(struct card *c)
{
	card_listen(c, LEFT, EVERYTHING);
	card_ask(c, LEFT,
		 &(struct request){.base = BASE_SPI,
				   .from = RIGHT,
				   .in = true,
				   .cpu = 2,
				   .edit = {SET(struct xfrm_userspi_info, max, 0x400)}},
		 "ok");
	card_event(c, LEFT,
		   "[seq-0 pid-0] EXPIRE hard 192.0.2.2>192.0.2.1 esp 00000400 tunnel reqid 7 sel "
		   "192.0.2.2/32>192.0.2.1/32 add 0/3s added | SA_PCPU 1 | SA_DIR 1");
	assert_int_equal(card_states(c, LEFT), 0);
}

/* ---- acquires ---- */

static const struct request policy = {.base = BASE_POLICY};
static const struct request cpu_policy = {.base = BASE_POLICY, .edit = {POLICY(flags, KR_XFRM_POLICY_CPU_ACQUIRE)}};

static void acquire(struct card *c)
{
	card_listen(c, LEFT, EVERYTHING & ~XFRMGRP_SA & ~XFRMGRP_POLICY);
	card_ask(c, LEFT, &policy, "ok");
	card_send(c, &flow, 3, 0);
	card_event(c, LEFT, ACQUIRE("50000", ""));
	card_silence(c, LEFT);
	assert_int_equal(card_dump(c, LEFT, &(struct request){.base = BASE_DUMP_SA}).messages, 1);
	assert_string_equal(c->said, "NEWSA 192.0.2.1>192.0.2.2 esp 00000000 tunnel reqid 7 " FLOW(
					     "50000") " seq set add 0/3s added | "
						      "replay out 0 in 0 seen 0 | offload card flags 4 | SA_DIR 2");
	card_event(c, LEFT,
		   "[seq-0 pid-0] EXPIRE hard 192.0.2.1>192.0.2.2 esp 00000000 tunnel reqid 7 " FLOW(
			   "50000") " seq set add 0/3s added | "
				    "SA_DIR 2");
	assert_int_equal(card_states(c, LEFT), 0);
}

static void acquire_answered(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_ACQUIRE | XFRMGRP_EXPIRE);
	card_ask(c, LEFT, &policy, "ok");
	card_send(c, &flow, 1, 0);
	card_event(c, LEFT, ACQUIRE("50000", ""));
	card_ask(c, LEFT, &(struct request){0}, "ok");
	assert_int_equal(card_states(c, LEFT), 1); /* the larval one is gone */
	card_ask(c, RIGHT, &(struct request){.in = true}, "ok");
	card_ask(c, RIGHT, &(struct request){.base = BASE_POLICY, .in = true}, "ok");
	card_send(c, &flow, 3, 3);
	card_wait_ms(CARD_ACQUIRE_SECONDS * 1000);
	card_silence(c, LEFT);
}

static void acquire_of_a_cpu(struct card *c)
{
	const struct flow from_2 = {.from = LEFT, .bytes = BYTES, .cpu = 2};
	struct request update = cpu_policy;

	update.type = XFRM_MSG_UPDPOLICY;
	card_listen(c, LEFT, XFRMGRP_ACQUIRE | XFRMGRP_EXPIRE);
	rack_connect(c, LEFT, &(struct request){0});
	card_ask(c, LEFT, &update, "ok");
	card_send(c, &from_2, 1, 1); /* over the fallback */
	card_event(c, LEFT, ACQUIRE("50002", "flags 04 ") " | SA_PCPU 2");
	card_ask(c, LEFT, &(struct request){.spi = 0x101, .cpu = 3}, "ok");
	card_ask(c, RIGHT, &(struct request){.spi = 0x101, .in = true}, "ok");
	assert_int_equal(card_states(c, LEFT), 2);
	card_send(c, &from_2, 4, 4);
	assert_int_equal(rack_packets(c, LEFT, &(struct request){.base = BASE_SA_ID, .spi = 0x101}), 4);
	assert_int_equal(rack_packets(c, LEFT, &get), 1);
}

static void acquire_without_fallback(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_ACQUIRE);
	card_ask(c, LEFT, &cpu_policy, "ok");
	card_send(c, &(struct flow){.from = LEFT, .bytes = BYTES, .cpu = 2}, 1, 0);
	card_event(c, LEFT, ACQUIRE("50002", "flags 04 "));
}

static void no_acquire_with_fallback(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_ACQUIRE);
	rack_connect(c, LEFT, &(struct request){0});
	card_send(c, &(struct flow){.from = LEFT, .bytes = BYTES, .cpu = 2}, 2, 2);
	card_silence(c, LEFT);
}

static void acquire_of_six(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_ACQUIRE);
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY, .six = true, .transport = true}, "ok");
	card_send(c, &(struct flow){.from = LEFT, .bytes = BYTES, .six = true, .transport = true}, 1, 0);
	card_event(c, LEFT,
		   /* other than for IPv4, the kernel's flow does not name the device */
		   "[seq-0 pid-0] ACQUIRE fd00::1>fd00::2 esp 00000000 seq set sel "
		   "fd00::1/128[50000/ffff]>fd00::2/128[9000/ffff] "
		   "proto 17 algs ffffffff/ffffffff/ffffffff policy out sel fd00::1/128>fd00::2/128 priority "
		   "100 added | tmpl "
		   "::>:: esp 00000000 transport reqid 7 share 3 algs ffffffff/ffffffff/ffffffff | policy-type 0 | "
		   "offload card flags 4");
}

static const struct story stories[] = {
	{"of SAs that are made, changed, deleted and flushed", sa_notifications},
	{"of policies that are made, changed, deleted and flushed", policy_notifications},
	{"of a policy that is deleted by its index", policy_by_index},
	{"none of what is refused", refusals_are_silent},
	{"soft limit of packets, once", soft_packets},
	{"soft limit of bytes", soft_bytes},
	{"hard limit of packets, after the SA is gone", hard_packets},
	{"hard limit of bytes, SA of a CPU", hard_bytes},
	{"soft limit, then hard limit", soft_then_hard},
	{"soft limit that an update has brought, inbound", inbound_limit},
	{"limits of time", seconds},
	{"limit of time from the first use on", seconds_of_use},
	{"a larval SA expires", larval},
	{"an acquire, once, that nobody answers", acquire},
	{"an acquire that is answered", acquire_answered},
	{"an acquire of a CPU beside the fallback", acquire_of_a_cpu},
	{"an acquire of a policy per CPU without fallback", acquire_without_fallback},
	{"no acquire where there is a fallback", no_acquire_with_fallback},
	{"an acquire of IPv6 in transport mode", acquire_of_six},
};

CHAPTER(event, "notifications, limits, acquires", stories);
