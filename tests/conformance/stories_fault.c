/* SPDX-License-Identifier: MIT */
/*
 * Faults, which the card is asked for: by the control socket of keyrack-hwsim (docs/hwsim.md), by debugfs of the
 * module. Last of all come those that take the link down: a kernel then forgets its routes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rack.h"
#include "suite.h"

enum { BYTES = 72 /* makes packets of 100 */, ALWAYS = -1 };

#define SA_OUT "192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80"
#define SOFT   "[seq-0 pid-0] EXPIRE soft " SA_OUT " soft 3p hard 5p has 3p 300B added used | SA_DIR 2"
#define HARD   "[seq-0 pid-0] EXPIRE hard " SA_OUT " soft 3p hard 5p has 5p 500B added used | SA_DIR 2"

static const struct request sa = {.base = BASE_SA}, get = {.base = BASE_SA_ID};
static const struct request all_policies = {.base = BASE_DUMP_POLICY};
static const struct flow flow = {.from = LEFT, .bytes = BYTES};

static void refuse(struct card *c)
{
	card_fault(c, LEFT, "refuse", 1, ENOMEM);
	card_ask(c, LEFT, &sa, "ENOMEM: Device failed to offload this state");
	assert_int_equal(card_states(c, LEFT), 0);
	card_ask(c, LEFT, &sa, "ok");
}

static void refuse_nth(struct card *c)
{
	card_fault(c, LEFT, "refuse_nth", 1, 2);
	card_ask(c, LEFT, &sa, "ok");
	card_ask(c, LEFT, &(struct request){.spi = 0x101}, "EINVAL: Device failed to offload this state");
	card_ask(c, LEFT, &(struct request){.spi = 0x101}, "ok");
}

static void full(struct card *c)
{
	card_fault(c, LEFT, "full", 1, 0);
	card_ask(c, LEFT, &sa, "ENOSPC: krnic: the SA table is full");
	card_ask(c, LEFT, &sa, "ok");
}

static void silent(struct card *c)
{
	card_fault(c, LEFT, "silent_no_offload", 2, 0);
	card_ask(c, LEFT, &sa, "ok");
	rack_shows(c, LEFT, &get, "NEWSA " SA_OUT " added | KEY | esn out 0:0 in 0:0 window 0 | SA_DIR 2");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY}, "ok");
	card_reply(c, LEFT, &(struct request){.base = BASE_POLICY_ID},
		   "NEWPOLICY out sel 10.1.0.0/16>10.2.0.0/16 priority 100 added | tmpl 192.0.2.1>192.0.2.2 esp "
		   "00000000 tunnel "
		   "reqid 7 share 3 algs ffffffff/ffffffff/ffffffff | policy-type 0");
}

static void delayed_free(struct card *c)
{
	card_drain(c);
	for (unsigned int i = 0; i < CARD_SLOTS; i++)
		card_ask(c, LEFT, &(struct request){.spi = 0x1000 + i}, "ok");
	card_fault(c, LEFT, "delayed_free", 1, 1500);
	card_ask(c, LEFT, &(struct request){.base = BASE_SA_ID, .type = XFRM_MSG_DELSA, .spi = 0x1007}, "ok");
	card_ask(c, LEFT, &(struct request){.spi = 0x2000}, "ENOSPC: krnic: the SA table is full");
	rack_until(c, LEFT, &(struct request){.spi = 0x2000}, "ok");
}

static void lost(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_EXPIRE);
	card_fault(c, LEFT, "lose_event", 1, 1);
	rack_connect(c, LEFT, &(struct request){.soft_packets = 3, .hard_packets = 5});
	card_send(c, &flow, 3, 3);
	card_silence(c, LEFT);
	card_send(c, &flow, 2, 2);
	card_event(c, LEFT, HARD);
}

static void repeated(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_EXPIRE);
	card_fault(c, LEFT, "repeat_event", 1, 1);
	rack_connect(c, LEFT, &(struct request){.soft_packets = 3, .hard_packets = 5});
	card_send(c, &flow, 3, 3);
	card_event(c, LEFT, SOFT);
	card_event(c, LEFT, SOFT);
	card_silence(c, LEFT);
}

static void late(struct card *c)
{
	card_listen(c, LEFT, XFRMGRP_EXPIRE);
	card_fault(c, LEFT, "late_event", 1, 1500);
	rack_connect(c, LEFT, &(struct request){.soft_packets = 3, .hard_packets = 5});
	card_send(c, &flow, 3, 3);
	card_silence(c, LEFT);
	card_event(c, LEFT, SOFT);
}

static void counter_lag(struct card *c)
{
	unsigned int sent = 4, seen;

	rack_connect(c, LEFT, &(struct request){0});
	card_fault(c, LEFT, "counter_lag", (uint32_t)ALWAYS, 60000);
	assert_int_equal(rack_packets(c, LEFT, &get), 0);
	card_send(c, &flow, 4, 4);
	seen = rack_packets(c, LEFT, &get);
	if (seen == sent) { /* the minute was over just now; the next one is long */
		card_send(c, &flow, 4, 4);
		sent += 4;
		seen = rack_packets(c, LEFT, &get);
	}
	assert_in_range(seen, 0, sent - 1);
	card_fault(c, LEFT, "counter_lag", (uint32_t)ALWAYS, 0);
	assert_int_equal(rack_packets(c, LEFT, &get), sent);
}

static void slow(struct card *c)
{
	card_fault(c, LEFT, "slow_install", 1, 3000);
	rack_connect(c, LEFT, &(struct request){0});
	card_send(c, &flow, 2, 0);
	card_wait_ms(3500);
	card_send(c, &flow, 2, 2);
}

/* What is offloaded is gone, and nobody is told; what is the kernel's own stays. */
static void flushed(struct card *c, const char *fault, uint64_t arg)
{
	card_ask(c, LEFT, &sa, "ok");
	card_ask(c, LEFT, &(struct request){.spi = 0x101, .crypto = true}, "ok");
	card_ask(c, LEFT, &(struct request){.spi = 0x102, .software = true}, "ok");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY}, "ok");
	card_ask(c, LEFT,
		 &(struct request){.base = BASE_POLICY, .software = true, .edit = {POLICY(dir, XFRM_POLICY_FWD)}},
		 "ok");
	card_listen(c, LEFT, XFRMGRP_EXPIRE | XFRMGRP_SA | XFRMGRP_POLICY);
	card_fault(c, LEFT, fault, 1, arg);
	card_silence(c, LEFT);
	card_ask(c, LEFT, &get, "ESRCH");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY_ID}, "ENOENT");
	card_ask(c, LEFT, &(struct request){.base = BASE_SA_ID, .spi = 0x102}, "ok");
	assert_int_equal(card_states(c, LEFT), 1);
	assert_int_equal(card_dump(c, LEFT, &all_policies).messages, 1);
	card_wait_ms(CARD_SILENCE_MS);
	rack_until(c, LEFT, &sa, "ok"); /* it is up again */
}

static void link_down(struct card *c)
{
	flushed(c, "link_down", 100);
}

static void reset(struct card *c)
{
	flushed(c, "reset", 0);
}

static const struct story stories[] = {
	{"refuse: once, with an errno", refuse},
	{"refuse_nth: the second", refuse_nth},
	{"full: once", full},
	{"silent_no_offload: an SA and a policy", silent},
	{"delayed_free: a slot is free later", delayed_free},
	{"lose_event: a soft event", lost},
	{"repeat_event: a soft event", repeated},
	{"late_event: a soft event", late},
	{"counter_lag: old counts in dumps", counter_lag},
	{"slow_install: traffic later", slow},
	{"link_down: all that is offloaded is gone", link_down},
	{"reset: all that is offloaded is gone", reset},
};

CHAPTER(fault, "faults", stories);
