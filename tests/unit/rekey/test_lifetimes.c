/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rekey/rekey.h"

enum { AES_CBC = 12, AES_GCM = 20, CHACHA = 28, AES_CCM_12 = 15 };

static const struct rekey_ceiling no_ceiling = {REKEY_INF, REKEY_INF};

static struct rekey_config packets_config(uint64_t rekey, uint64_t life, uint64_t rnd)
{
	return (struct rekey_config){.packets = {rekey, life, rnd}};
}

static void ceilings_have_a_row_per_cipher(void **state)
{
	static const struct {
		uint16_t encr, bits;
		int rc;
		uint64_t bytes;
	} rows[] = {
		{AES_CBC, 128, 0, UINT64_C(1) << 52},
		{AES_CBC, 256, 0, UINT64_C(1) << 52},
		{AES_GCM, 128, 0, UINT64_C(1) << 52},
		{AES_GCM, 256, 0, UINT64_C(1) << 52},
		{CHACHA, 0, 0, REKEY_INF},
		{CHACHA, 256, 0, REKEY_INF},
		{AES_CCM_12, 128, -ENOENT, 0},
		{AES_GCM, 0, -ENOENT, 0},
		{3, 0, -ENOENT, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int esn = 0; esn < 2; esn++) {
			struct rekey_ceiling c;

			assert_int_equal(rekey_ceiling_find(rows[i].encr, rows[i].bits, esn, &c), rows[i].rc);
			if (rows[i].rc)
				continue;
			assert_true(c.bytes == rows[i].bytes);
			assert_true(c.packets == (esn ? REKEY_INF : UINT64_C(0xffffffff)));
		}
}

static void config_check_quotes_what_is_wrong(void **state)
{
	static const struct {
		struct rekey_config config;
		const char *text; /* NULL: accepted */
	} rows[] = {
		{{.packets = {0, 0, 0}}, NULL},
		{{.packets = {100, 0, REKEY_INF}}, NULL},
		{{.packets = {0, 100, REKEY_INF}}, NULL},
		{{.packets = {100, 200, 100}}, NULL},
		{{.packets = {1, 0, REKEY_INF}}, NULL},
		{{.packets = {UINT64_MAX - 2, UINT64_MAX - 1, 0}}, NULL},
		{{.packets = {200, 100, 0}}, "life_packets is 100: it must be above rekey_packets, which is 200"},
		{{.bytes = {200, 200, 0}}, "life_bytes is 200: it must be above rekey_bytes, which is 200"},
		{{.bytes = {200, 300, 201}}, "rand_bytes is 201: it must be at most rekey_bytes, which is 200"},
		{{.time = {60000000000, 30000000000, 0}},
		 "life_time is 30 s: it must be above rekey_time, which is 60 s"},
		{{.packets = {0, 0, 7}}, "rand_packets is 7, but neither rekey_packets nor life_packets is set"},
		{{.packets = {0, 1, 0}}, "life_packets is 1: it must be at least 2"},
		{{.bytes = {UINT64_MAX - 1, 0, 0}}, "rekey_bytes is 18446744073709551614: it must be below"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200] = "";
		int rc = rekey_config_check(&rows[i].config, text, sizeof(text));

		assert_int_equal(rc, rows[i].text ? -EINVAL : 0);
		if (rows[i].text && strncmp(text, rows[i].text, strlen(rows[i].text)) != 0)
			fail_msg("row %zu: \"%s\"", i, text);
	}
}

static void defaults_are_those_of_swanctl_conf(void **state)
{
	static const struct {
		struct rekey_config config;
		uint64_t soft_least, soft_most, hard;
	} rows[] = {
		{{.packets = {1000, 0, REKEY_INF}}, 900, 1000, 1100},
		{{.packets = {0, 1000, REKEY_INF}}, 800, 900, 1000},
		{{.packets = {1000, 1500, REKEY_INF}}, 500, 1000, 1500},
		{{.packets = {1000, 1500, 0}}, 1000, 1000, 1500},
		{{.packets = {1000, 5000, 1000}}, 1, 1000, 5000},
	};
	struct prng rng = prng_init(3);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t least = UINT64_MAX, most = 0;
		struct rekey_limits l;

		for (int n = 0; n < 20000; n++) {
			assert_int_equal(rekey_limits_draw(&rows[i].config, &no_ceiling, 0, 1, 0, 0, &rng, &l), 0);
			assert_true(l.hard_packets == rows[i].hard);
			least = l.soft_packets < least ? l.soft_packets : least;
			most = l.soft_packets > most ? l.soft_packets : most;
		}
		assert_true(least == rows[i].soft_least);
		assert_true(most == rows[i].soft_most);
		assert_true(l.soft_bytes == REKEY_INF && l.hard_bytes == REKEY_INF);
		assert_true(l.soft_ns == REKEY_INF && l.hard_ns == REKEY_INF);
	}
}

/* Pearson's chi-square of `n` draws into 64 equal cells; 63 degrees of freedom, 99.99 % quantile 113. */
static void draw_is_uniform_over_the_band(void **state)
{
	static const struct {
		uint64_t rekey, life, rand;
	} bands[] = {
		{6400, 7000, 6399},
		{UINT64_C(1) << 40, UINT64_C(3) << 40, UINT64_C(1) << 39},
		{UINT64_MAX - 2, UINT64_MAX - 1, UINT64_MAX - 3},
		{UINT64_MAX / 4 * 3, UINT64_MAX - 1, UINT64_MAX / 4 * 3 - 1},
	};
	enum { CELLS = 64, PER_CELL = 2000 };
	struct prng rng = prng_init(11);

	(void)state;
	for (size_t b = 0; b < sizeof(bands) / sizeof(bands[0]); b++) {
		for (unsigned int strata = 1; strata <= 9; strata += 4) {
			struct rekey_config c = packets_config(bands[b].rekey, bands[b].life, bands[b].rand);
			unsigned __int128 width = (unsigned __int128)bands[b].rand + 1;
			uint64_t lo = bands[b].rekey - bands[b].rand;
			unsigned int cells[CELLS] = {0};
			double chi = 0;

			for (unsigned int i = 0; i < CELLS * PER_CELL; i++) {
				struct rekey_limits l;

				assert_int_equal(rekey_limits_draw(&c, &no_ceiling,
								   (unsigned int)prng_below(&rng, strata), strata, 0, 0,
								   &rng, &l),
						 0);
				assert_true(l.soft_packets >= lo && l.soft_packets <= bands[b].rekey);
				assert_true(l.hard_packets == bands[b].life);
				cells[(unsigned int)((l.soft_packets - lo) * (unsigned __int128)CELLS / width)]++;
			}
			for (int i = 0; i < CELLS; i++)
				chi += (cells[i] - (double)PER_CELL) * (cells[i] - (double)PER_CELL) / PER_CELL;
			if (chi > 113)
				fail_msg("band %zu, %u strata: chi-square %.1f", b, strata, chi);
		}
	}
}

/* For every count of siblings: the strata are disjoint, in order, without a gap, and lie in the band. */
static void siblings_never_share_a_stratum(void **state)
{
	static const unsigned int counts[] = {2, 3, 8, 9, 64, 255};
	static const uint64_t tops[] = {1000, 100003, UINT64_C(1) << 45, UINT64_MAX - 2};
	struct prng rng = prng_init(5);

	(void)state;
	for (size_t t = 0; t < sizeof(tops) / sizeof(tops[0]); t++) {
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
			struct rekey_config c = packets_config(tops[t], tops[t] + 1, tops[t] - 1);
			uint64_t below = 0, next_least;

			for (unsigned int st = 0; st < counts[k]; st++) {
				uint64_t most = 0;

				next_least = UINT64_MAX;
				for (int i = 0; i < 400; i++) {
					struct rekey_limits l;

					assert_int_equal(
						rekey_limits_draw(&c, &no_ceiling, st, counts[k], 0, 0, &rng, &l), 0);
					most = l.soft_packets > most ? l.soft_packets : most;
					next_least = l.soft_packets < next_least ? l.soft_packets : next_least;
				}
				assert_true(next_least > below); /* below: the previous stratum's largest */
				assert_true(most <= tops[t]);
				below = most;
			}
		}
	}
}

static void a_ceiling_scales_the_band_down(void **state)
{
	struct rekey_ceiling ceiling;
	struct rekey_config c = packets_config(8000000000, 10000000000, 2000000000);
	struct prng rng = prng_init(1);
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	assert_int_equal(rekey_ceiling_find(AES_GCM, 128, false, &ceiling), 0);
	for (int i = 0; i < 50000; i++) {
		struct rekey_limits l;

		assert_int_equal(rekey_limits_draw(&c, &ceiling, 0, 1, 0, 0, &rng, &l), 0);
		assert_true(l.hard_packets == UINT64_C(0xffffffff));
		assert_true(l.hard_bytes == UINT64_C(1) << 52);
		least = l.soft_packets < least ? l.soft_packets : least;
		most = l.soft_packets > most ? l.soft_packets : most;
	}
	/* 60..80 % of 2^32 - 1, as 6..8 of 10 was configured */
	assert_true(least >= UINT64_C(2576980377) && least < UINT64_C(2577500000));
	assert_true(most <= UINT64_C(3435973836) && most > UINT64_C(3435400000));
}

static void a_ceiling_alone_is_a_limit_too(void **state)
{
	struct rekey_config off = {.packets = {0, 0, REKEY_INF}};
	struct rekey_ceiling ceiling;
	struct rekey_limits l;
	struct prng rng = prng_init(1);

	(void)state;
	assert_int_equal(rekey_ceiling_find(CHACHA, 0, false, &ceiling), 0);
	assert_int_equal(rekey_limits_draw(&off, &ceiling, 0, 1, 0, 0, &rng, &l), 0);
	assert_true(l.hard_packets == UINT32_MAX);
	assert_true(l.soft_packets >= UINT32_MAX / 10 * 8 && l.soft_packets <= UINT32_MAX / 10 * 9 + 9);
	assert_true(l.soft_bytes == REKEY_INF && l.hard_bytes == REKEY_INF);
}

static void margins_move_the_band_down(void **state)
{
	static const struct {
		uint64_t margin, least, most;
	} rows[] = {
		{0, 800, 900},          /* as configured */
		{100, 800, 900},        /* there is room already */
		{150, 750, 850},        /* moved, as wide as before */
		{500, 400, 500},        /* half of hard */
		{501, 400, 500},        /* not more than that */
		{UINT64_MAX, 400, 500}, /* at no rate whatever */
	};
	struct rekey_config c = {.packets = {900, 1000, 100}, .bytes = {900, 1000, 100}};
	struct prng rng = prng_init(2);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t least = UINT64_MAX, most = 0;

		for (int n = 0; n < 5000; n++) {
			struct rekey_limits l;
			uint64_t soft;

			assert_int_equal(rekey_limits_draw(&c, &no_ceiling, 0, 1, n % 2 ? rows[i].margin : 0,
							   n % 2 ? 0 : rows[i].margin, &rng, &l),
					 0);
			soft = n % 2 ? l.soft_bytes : l.soft_packets;
			assert_true(l.hard_bytes == 1000 && l.hard_packets == 1000);
			least = soft < least ? soft : least;
			most = soft > most ? soft : most;
		}
		assert_true(least == rows[i].least && most == rows[i].most);
	}
}

/* Any accepted configuration, ceiling, stratum and margin: 1 <= soft < hard <= what was allowed. */
static void soft_is_always_below_hard(void **state)
{
	struct prng rng = prng_init(99);
	unsigned int accepted = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		uint64_t v[5];
		struct rekey_limits l;
		struct rekey_config c;
		struct rekey_ceiling ceiling;
		unsigned int strata = 1 + (unsigned int)prng_below(&rng, 300);

		for (int k = 0; k < 5; k++)
			v[k] = prng_next(&rng) >> prng_below(&rng, 64);
		c = packets_config(v[0], prng_below(&rng, 4) ? v[0] + v[1] : v[1],
				   prng_below(&rng, 2) ? REKEY_INF : v[2]);
		c.time = c.bytes = c.packets;
		ceiling = (struct rekey_ceiling){v[3], v[3]};
		if (rekey_limits_draw(&c, &ceiling, (unsigned int)prng_below(&rng, strata), strata, v[4], v[4], &rng,
				      &l))
			continue;
		accepted++;
		assert_true(l.hard_packets <= v[3]);
		assert_true(!c.packets.life || l.hard_packets <= c.packets.life);
		if (l.hard_packets != REKEY_INF)
			assert_true(l.soft_packets >= 1 && l.soft_packets < l.hard_packets);
		if (l.hard_ns != REKEY_INF)
			assert_true(l.soft_ns >= 1 && l.soft_ns < l.hard_ns);
		assert_true(l.hard_bytes == l.hard_packets);
	}
	assert_true(accepted > 100000);
}

static void nonsense_is_refused(void **state)
{
	struct rekey_config good = packets_config(100, 200, 0), bad = packets_config(200, 100, 0);
	struct rekey_ceiling one = {1, REKEY_INF};
	struct rekey_limits l;
	struct prng rng = prng_init(1);

	(void)state;
	assert_int_equal(rekey_limits_draw(&good, &no_ceiling, 0, 0, 0, 0, &rng, &l), -EINVAL);
	assert_int_equal(rekey_limits_draw(&good, &no_ceiling, 4, 4, 0, 0, &rng, &l), -EINVAL);
	assert_int_equal(rekey_limits_draw(&bad, &no_ceiling, 0, 1, 0, 0, &rng, &l), -EINVAL);
	assert_int_equal(rekey_limits_draw(&good, &one, 0, 1, 0, 0, &rng, &l), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ceilings_have_a_row_per_cipher),
		cmocka_unit_test(config_check_quotes_what_is_wrong),
		cmocka_unit_test(defaults_are_those_of_swanctl_conf),
		cmocka_unit_test(draw_is_uniform_over_the_band),
		cmocka_unit_test(siblings_never_share_a_stratum),
		cmocka_unit_test(a_ceiling_scales_the_band_down),
		cmocka_unit_test(a_ceiling_alone_is_a_limit_too),
		cmocka_unit_test(margins_move_the_band_down),
		cmocka_unit_test(soft_is_always_below_hard),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
