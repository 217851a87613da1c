/* SPDX-License-Identifier: MIT */
/* What to change: each row of advice, when it applies and when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan_cases.h"

static const uint64_t giga = 1000000000u, ms = 1000000u;

static void too_many(struct plan_case *c)
{
	c->ask.size_in = 60;
}

static void little_budget(struct plan_case *c)
{
	c->group.limits.bytes.life = 104 * giga;
	c->ask.size_in = 60;
	c->ask.reserve = 4;
}

static void small_bytes(struct plan_case *c)
{
	c->group.limits.bytes = (struct rekey_band){3 * giga, 4 * giga, 0};
}

static void small_packets(struct plan_case *c)
{
	c->group.limits.packets = (struct rekey_band){3000000, 4000000, 0};
}

static void small_time(struct plan_case *c)
{
	c->group.limits.time = (struct rekey_band){10 * giga, 11 * giga, 0};
}

static void no_esn(struct plan_case *c)
{
	c->group.esn = false;
	c->group.ceiling.packets = UINT32_MAX;
	c->group.limits.bytes = (struct rekey_band){0, 0, REKEY_INF};
}

static void no_esn_no_card(struct plan_case *c)
{
	no_esn(c);
	c->ask.card_esn = false;
}

static void no_esn_too_fast(struct plan_case *c)
{
	no_esn(c);
	c->group.packet_peak = 1e9;
}

/* Replacements hold their slots for long, and few have room. */
static void long_drain(struct plan_case *c)
{
	c->group.limits.bytes.life = 104 * giga;
	c->ask.drain_ns = 5000 * ms;
	c->ask.size_in = 70;
	c->ask.reserve = 4;
}

static void narrow_band(struct plan_case *c)
{
	c->group.limits.bytes.life = 104 * giga;
	c->group.limits.bytes.rand = giga;
	c->ask.size_in = 60;
	c->ask.reserve = 4;
}

static void small_reserve(struct plan_case *c)
{
	c->group.limits.bytes.life = 104 * giga;
	c->ask.reserve = 4;
}

static void beyond_cipher(struct plan_case *c)
{
	c->group.ceiling.bytes = 150 * giga;
}

static void by_reqid(struct plan_case *c)
{
	c->ask.tx_by_reqid = true;
}

static void by_reqid_without_queues(struct plan_case *c)
{
	c->ask.tx_by_reqid = true;
	c->group.queues = 0;
}

static void nothing(struct plan_case *c)
{
	(void)c;
}

static const struct advice_test {
	void (*change)(struct plan_case *c);
	const char *codes; /* all of them, in order; "!" before those that must be followed */
	const char *says;  /* in one of them */
} rows[] = {
	{nothing, "", ""},
	{too_many, "!slots",
	 "50 SA pairs take 50 slots in each direction and 16 are kept for replacements, but there are 60: "
	 "use a card or a nic.slots of 66, or 3 queues a tunnel instead of 4, or 8 tunnels instead of 10"},
	{little_budget, "!budget band",
	 "replacements need 14 pairs of slots at once, 10 are free: use a card or a nic.slots of 64, or 3 queues a "
	 "tunnel "
	 "instead of 4, or 9 tunnels instead of 10, or larger limits"},
	{small_bytes, "!limit-bytes",
	 "life_bytes = 4000000000 is too small for the fastest queue: what it sends in 2.10 s "
	 "(counter poll, exchange, one retransmission) must fit between soft and hard: at least "
	 "8400000000, with rekey_bytes and rand_bytes in proportion"},
	{small_packets, "!limit-packets", "life_packets = 4000000 is too small"},
	{small_time, "!limit-time", "life_time must be at least 2.10 s above rekey_time, which is 10.00 s"},
	{no_esn, "esn",
	 "without ESN a queue has used its 2^32 sequence numbers after 4295 s, and its keys last 3542 s: use esn"},
	{no_esn_no_card, "esn", "this card cannot do ESN: spread the traffic over more queues"},
	{no_esn_too_fast, "!esn", "use esn in esp_proposals"},
	{long_drain, "!budget drain band",
	 "of the 5.50 s for which a replacement holds its slots 5.00 s are nic.drain: with 0.20 s, 14 instead of 40"},
	{narrow_band, "!budget drain band", "with rand_bytes at half of the soft limit (50000000000), 3 instead of 1"},
	{small_reserve, "band reserve",
	 "only 4 slots are kept for replacements: nic.reserve = 14 would keep further SAs off the slots"},
	{beyond_cipher, "cipher",
	 "life_bytes = 200000000000 is more than one key of this cipher may encrypt: 150000000000 is used"},
	{by_reqid, "reqid", "outbound queue SAs run in crypto mode"},
	{by_reqid_without_queues, "", ""},
};

static void codes_join(const struct plan_advice *a, size_t n, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s%s", i ? " " : "", a[i].must ? "!" : "", a[i].code);
}

static bool says(const struct plan_advice *a, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(a[i].text, text))
			return true;
	return !text[0];
}

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plan_advice advice[PLAN_ADVICE_MAX];
		struct plan_case c;
		struct plan_part part;
		struct plan p;
		char codes[200];
		size_t n;

		plan_case_make(&c);
		rows[i].change(&c);
		p = plan_case_plan(&c, &part);
		n = plan_advise(&c.ask, &p, &part, advice, PLAN_ADVICE_MAX);
		codes_join(advice, n, codes, sizeof(codes));
		if (strcmp(codes, rows[i].codes) != 0 || !says(advice, n, rows[i].says))
			fail_msg("row %zu: \"%s\"; %s", i, codes, n ? advice[0].text : "");
		/* it fits exactly when nothing must be changed */
		assert_int_equal(p.fits, !strchr(codes, '!'));
	}
}

static void several_groups_are_named(void **state)
{
	struct plan_group groups[2];
	struct plan_advice advice[PLAN_ADVICE_MAX];
	struct plan_part parts[2];
	struct plan_case c;
	struct plan p;

	(void)state;
	plan_case_make(&c);
	groups[0] = c.group;
	small_bytes(&c);
	groups[1] = c.group;
	memcpy(groups[1].name, "second", sizeof("second"));
	c.ask.groups = groups;
	c.ask.n_groups = 2;
	assert_int_equal(plan_make(&c.ask, &p, parts), 0);
	assert_int_equal(p.tunnels_max, 0);
	assert_int_equal(plan_advise(&c.ask, &p, parts, advice, PLAN_ADVICE_MAX), 1);
	assert_non_null(strstr(advice[0].text, "second: life_bytes = 4000000000 is too small"));
	assert_int_equal(plan_advise(&c.ask, &p, parts, advice, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(several_groups_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
