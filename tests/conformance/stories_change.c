/* SPDX-License-Identifier: MIT */
/* What comes of one request after another: full tables, updates, larval SAs, batches, and which SA a packet gets. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "rack.h"
#include "suite.h"

#define FULL "ENOSPC: krnic: the SA table is full"

static const struct request get = {.base = BASE_SA_ID};

static void fill(struct card *c)
{
	card_drain(c);
	for (unsigned int i = 0; i < CARD_SLOTS; i++)
		card_ask(c, LEFT, &(struct request){.spi = 0x1000 + i}, "ok");
}

static void full(struct card *c)
{
	fill(c);
	card_ask(c, LEFT, &(struct request){.spi = 0x2000}, FULL);
	assert_int_equal(card_states(c, LEFT), CARD_SLOTS);
	card_ask(c, LEFT, &(struct request){.from = RIGHT, .in = true, .spi = 0x2000}, "ok");
	card_ask(c, LEFT, &(struct request){.spi = 0x2000, .software = true}, "ok");
	card_ask(c, LEFT, &(struct request){.base = BASE_SA_ID, .type = XFRM_MSG_DELSA, .spi = 0x1007}, "ok");
	rack_until(c, LEFT, &(struct request){.spi = 0x2001}, "ok");
	card_ask(c, LEFT, &(struct request){.spi = 0x2002}, FULL);
}

static void full_for_a_moment(struct card *c)
{
	fill(c);
	/* the card is asked before the kernel looks whether the SPI is free */
	card_ask(c, LEFT, &(struct request){.spi = 0x1000}, FULL);
	card_ask(c, LEFT, &(struct request){.spi = 0x1000, .type = XFRM_MSG_UPDSA}, FULL);
	card_ask(c, LEFT, &(struct request){.base = BASE_SA_ID, .type = XFRM_MSG_DELSA, .spi = 0x1001}, "ok");
	rack_until(c, LEFT, &(struct request){.spi = 0x1000, .type = XFRM_MSG_UPDSA}, "ok");
	rack_until(c, LEFT, &(struct request){.spi = 0x1000}, "EEXIST");
	rack_until(c, LEFT, &(struct request){.spi = 0x1001}, "ok"); /* neither has kept a slot */
	card_ask(c, LEFT, &(struct request){.spi = 0x1002, .reqid = 9}, FULL);
}

static void other_direction(struct card *c)
{
	card_ask(c, LEFT, &(struct request){0}, "ok");
	card_ask(c, LEFT, &(struct request){.in = true}, "EEXIST"); /* an SPI and a destination are one SA */
	card_ask(c, LEFT, &(struct request){.six = true}, "ok");
}

static void larval_updated(struct card *c)
{
	const struct request spi = {
		.base = BASE_SPI, .from = RIGHT, .in = true, .edit = {SET(struct xfrm_userspi_info, max, 0x400)}};

	card_ask(c, LEFT, &spi, "ok");
	card_ask(c, LEFT, &(struct request){.from = RIGHT, .in = true, .spi = 0x400}, "EEXIST");
	card_ask(c, LEFT, &(struct request){.from = RIGHT, .in = true, .spi = 0x400, .type = XFRM_MSG_UPDSA}, "ok");
	assert_int_equal(card_states(c, LEFT), 1);
	rack_shows(c, LEFT, &(struct request){.base = BASE_SA_ID, .from = RIGHT, .spi = 0x400},
		   "NEWSA 192.0.2.2>192.0.2.1 esp 00000400 tunnel reqid 7 sel v4 flags 80 added | KEY | "
		   "esn out 0:0 in 0:0 window 64 seen 0,0 | offload card flags 6 | SA_DIR 1");
	card_wait_ms(CARD_ACQUIRE_SECONDS * 1500);
	assert_int_equal(card_states(c, LEFT), 1); /* the larval one's time has been forgotten */
}

static void update(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){.soft_packets = 2});
	card_send(c, &(struct flow){.from = LEFT, .bytes = 72}, 3, 3);
	card_ask(c, LEFT,
		 &(struct request){.type = XFRM_MSG_UPDSA, .soft_packets = 100, .hard_bytes = 9000, .reqid = 8}, "ok");
	/* limits are new, the rest is as it was */
	rack_shows(c, LEFT, &get,
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 soft 100p hard 9000B has 3p "
		   "300B added "
		   "used | LASTUSED | KEY | esn out 0:0 in 0:0 window 0 | offload card flags 4 | SA_DIR 2");
	card_send(c, &(struct flow){.from = LEFT, .bytes = 72}, 3, 3);
}

static void batch(struct card *c)
{
	const struct request requests[] = {{0},
					   {.edit = {SA(reqid, 0)}, .spi = 0x101},
					   {.spi = 0x102},
					   {.base = BASE_SA_ID, .spi = 0x102},
					   {.base = BASE_SA_ID, .spi = 0x101},
					   {.base = BASE_SA_ID, .type = XFRM_MSG_DELSA}};
	const char *const answers[] = {"ok", "EINVAL: krnic: an SA needs a reqid", "ok", "ok", "ESRCH", "ok"};

	card_batch(c, LEFT, requests, answers, 6);
	assert_int_equal(card_states(c, LEFT), 1);
}

/* ---- which SA a packet gets ---- */

static void one_more(struct card *c, uint32_t spi, int cpu)
{
	card_ask(c, LEFT, &(struct request){.spi = spi, .cpu = cpu}, "ok");
	card_ask(c, RIGHT, &(struct request){.spi = spi, .in = true}, "ok");
}

static void by_cpu(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){0});
	one_more(c, 0x101, 1);
	one_more(c, 0x102, 2);
	for (unsigned int cpu = 0; cpu < 3; cpu++)
		card_send(c, &(struct flow){.from = LEFT, .cpu = cpu}, 3 + cpu, 3 + cpu);
	assert_int_equal(rack_packets(c, LEFT, &(struct request){.base = BASE_SA_ID, .spi = 0x101}), 3);
	assert_int_equal(rack_packets(c, LEFT, &(struct request){.base = BASE_SA_ID, .spi = 0x102}), 4);
	assert_int_equal(rack_packets(c, LEFT, &get), 5);
	assert_int_equal(rack_packets(c, RIGHT, &(struct request){.base = BASE_SA_ID, .spi = 0x102}), 4);
}

static void newest(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){0});
	card_send(c, &(struct flow){.from = LEFT}, 2, 2);
	card_wait_ms(1100); /* of two SAs of one second a kernel may take either */
	one_more(c, 0x101, NO_CPU);
	card_send(c, &(struct flow){.from = LEFT}, 3, 3);
	assert_int_equal(rack_packets(c, LEFT, &get), 2);
	assert_int_equal(rack_packets(c, LEFT, &(struct request){.base = BASE_SA_ID, .spi = 0x101}), 3);
}

static void both_ways(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){0});
	rack_connect(c, RIGHT, &(struct request){.spi = 0x200});
	card_send(c, &(struct flow){.from = LEFT}, 3, 3);
	card_send(c, &(struct flow){.from = RIGHT}, 4, 4);
	assert_int_equal(rack_packets(c, LEFT, &get), 3);
	assert_int_equal(rack_packets(c, LEFT, &(struct request){.base = BASE_SA_ID, .from = RIGHT, .spi = 0x200}), 4);
}

static void kind(struct card *c, bool six, bool transport)
{
	rack_connect(c, LEFT, &(struct request){.six = six, .transport = transport});
	card_send(c, &(struct flow){.from = LEFT, .six = six, .transport = transport}, 3, 3);
	assert_int_equal(rack_packets(c, RIGHT, &(struct request){.base = BASE_SA_ID, .six = six}), 3);
}

static void tunnel_6(struct card *c)
{
	kind(c, true, false);
}

static void transport_4(struct card *c)
{
	kind(c, false, true);
}

static void transport_6(struct card *c)
{
	kind(c, true, true);
}

/* Both ends at the last numbers of the lower half. */
static void esn_rolls_over(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){.edit = {ESN(oseq, 0xfffffffd)}});
	card_ask(c, RIGHT, &(struct request){.base = BASE_SA_ID, .type = XFRM_MSG_DELSA}, "ok");
	card_ask(c, RIGHT, &(struct request){.in = true, .edit = {ESN(seq, 0xfffffff0)}}, "ok");
	card_send(c, &(struct flow){.from = LEFT}, 6, 6);
	assert_int_equal(rack_packets(c, RIGHT, &get), 6);
}

static void numbers_end(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){.edit = {SA(flags, 0), ESN(oseq, 0xfffffffd)}});
	card_ask(c, RIGHT, &(struct request){.base = BASE_SA_ID, .type = XFRM_MSG_DELSA}, "ok");
	card_ask(c, RIGHT, &(struct request){.in = true, .edit = {SA(flags, 0)}}, "ok");
	card_send(c, &(struct flow){.from = LEFT}, 6, 2);
}

static void encapsulated(struct card *c)
{
	const struct request encap = {.transport = true,
				      .edit = {LENGTH(XFRMA_ENCAP, sizeof(struct xfrm_encap_tmpl)),
					       FIELD(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_type, 2),
					       FIELD_BE(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_sport, 4500),
					       FIELD_BE(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_dport, 4500)}};
	struct request in = encap;

	in.in = true;
	rack_connect(c, LEFT, &encap);
	card_ask(c, RIGHT, &(struct request){.base = BASE_SA_ID, .type = XFRM_MSG_DELSA}, "ok");
	card_ask(c, RIGHT, &in, "ok");
	card_send(c, &(struct flow){.from = LEFT, .transport = true}, 5, 5);
	assert_int_equal(rack_packets(c, RIGHT, &get), 5);
}

static void crypto(struct card *c)
{
	const struct request out = {.base = BASE_POLICY, .software = true};
	struct request in = out;

	in.in = true;
	card_ask(c, LEFT, &(struct request){.crypto = true}, "ok");
	card_ask(c, RIGHT, &(struct request){.crypto = true, .in = true}, "ok");
	card_ask(c, LEFT, &out, "ok");
	card_ask(c, RIGHT, &in, "ok");
	card_send(c, &(struct flow){.from = LEFT, .bytes = 72}, 5, 5);
	rack_shows(c, LEFT, &get,
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 has 5p 500B added used | "
		   "LASTUSED | KEY | esn out 0:5 in 0:0 window 0 | offload card flags 0 | SA_DIR 2");
	rack_shows(c, RIGHT, &get,
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 has 5p 500B added used | "
		   "LASTUSED | KEY | esn out 0:0 in 0:5 window 64 seen 1f,0 | offload card flags 2 | SA_DIR 1");
}

static void no_sa_inbound(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){0});
	card_ask(c, RIGHT, &(struct request){.base = BASE_SA_ID, .type = XFRM_MSG_DELSA}, "ok");
	card_send(c, &(struct flow){.from = LEFT}, 3, 0);
	assert_int_equal(rack_packets(c, LEFT, &get), 3);
}

static void too_old(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){0});
	card_ask(c, RIGHT, &(struct request){.base = BASE_SA_ID, .type = XFRM_MSG_DELSA}, "ok");
	/* the receiver has seen 66, and its window is 64 */
	card_ask(c, RIGHT, &(struct request){.in = true, .edit = {ESN(seq, 66)}}, "ok");
	card_send(c, &(struct flow){.from = LEFT, .bytes = 72}, 6, 4);
	rack_shows(c, RIGHT, &get,
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 has 4p 400B added used stats "
		   "0/0/2 | LASTUSED | KEY | esn out 0:0 in 0:42 window 64 seen 0,0 | offload card flags 6 | SA_DIR 1");
}

static void blocked(struct card *c)
{
	rack_connect(c, LEFT, &(struct request){0});
	card_ask(c, LEFT,
		 &(struct request){.base = BASE_POLICY,
				   .type = XFRM_MSG_UPDPOLICY,
				   .edit = {POLICY(action, XFRM_POLICY_BLOCK), DROP(XFRMA_TMPL)}},
		 "ok");
	card_send(c, &(struct flow){.from = LEFT}, 3, 0);
	assert_int_equal(rack_packets(c, LEFT, &get), 0);
}

static const struct story stories[] = {
	{"a table that is full", full},
	{"a duplicate and an update need a free slot for a moment", full_for_a_moment},
	{"the same SPI in the other direction and in the other family", other_direction},
	{"a larval SA that is updated", larval_updated},
	{"an update keeps all but the limits", update},
	{"several requests in a datagram", batch},
	{"the SA of the sending CPU, else the one of all", by_cpu},
	{"the newest of two", newest},
	{"both ways at once", both_ways},
	{"IPv6 in tunnel mode", tunnel_6},
	{"IPv4 in transport mode", transport_4},
	{"IPv6 in transport mode", transport_6},
	{"extended sequence numbers roll over", esn_rolls_over},
	{"sequence numbers of 32 bits end", numbers_end},
	{"in UDP", encapsulated},
	{"crypto offload: numbers and counts are the kernel's", crypto},
	{"what arrives without an SA", no_sa_inbound},
	{"what arrives too late for the window", too_old},
	{"a policy that blocks", blocked},
};

CHAPTER(change, "full tables, updates, batches, and which SA a packet gets", stories);
