/* SPDX-License-Identifier: MIT */
/* An inbound SA that begins with numbers already seen: what its window still takes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "rack.h"
#include "suite.h"

/* Word n of the bitmap. Number N of an SA with ESN is bit (N - 1) modulo the window. */
#define SEEN(n, bits)                                                                                             \
	{                                                                                                         \
		EDIT_FIELD, XFRMA_REPLAY_ESN_VAL, sizeof(struct xfrm_replay_state_esn) + 4 * (n), 4, (bits), NULL \
	}
#define WORDS(n)                                         \
	ESN(bmp_len, (n)), ESN(replay_window, 32 * (n)), \
		LENGTH(XFRMA_REPLAY_ESN_VAL, sizeof(struct xfrm_replay_state_esn) + 4 * (size_t)(n))
#define BIT(n) (1u << (((n)-1) % 32))

/* Right has `in`, left sends what follows a number. */
static void take_over(struct card *c, const struct request *in, const struct request *out, unsigned int sent,
		      unsigned int arrive)
{
	card_ask(c, LEFT, out, "ok");
	card_ask(c, RIGHT, in, "ok");
	card_ask(c, LEFT, &(struct request){.base = BASE_POLICY}, "ok");
	card_ask(c, RIGHT, &(struct request){.base = BASE_POLICY, .in = true}, "ok");
	card_send(c, &(struct flow){.from = LEFT, .bytes = 72}, sent, arrive);
}

static const struct request get = {.base = BASE_SA_ID};

static void some_seen(struct card *c)
{
	take_over(c,
		  &(struct request){.in = true,
				    .edit = {ESN(seq, 8), SEEN(0, BIT(1) | BIT(3) | BIT(5) | BIT(8)), SEEN(1, 0)}},
		  &(struct request){0}, 10, 6);
	rack_shows(c, RIGHT, &get,
		   "NEWSA 192.0.2.1>192.0.2.2 esp 00000100 tunnel reqid 7 sel v4 flags 80 has 6p 600B added used stats "
		   "0/4/0 | LASTUSED | KEY | esn out 0:0 in 0:8 window 64 seen 95,0 | offload card flags 6 | SA_DIR 1");
}

static void all_seen(struct card *c)
{
	take_over(c, &(struct request){.in = true, .edit = {ESN(seq, 64), SEEN(0, ~0u), SEEN(1, ~0u)}},
		  &(struct request){.edit = {ESN(oseq, 60)}}, 6, 2);
}

static void none_seen(struct card *c)
{
	take_over(c, &(struct request){.in = true, .edit = {ESN(seq, 64)}}, &(struct request){0}, 8, 8);
}

static void over_the_edge(struct card *c)
{
	/* 0:fffffffd to 1:3, of which 0:ffffffff and 1:1 are seen; the last one is 1:4 */
	take_over(c,
		  &(struct request){.in = true,
				    .edit = {ESN(seq_hi, 1), ESN(seq, 4), SEEN(0, BIT(1)), SEEN(1, BIT(0xffffffff))}},
		  &(struct request){.edit = {ESN(oseq, 0xfffffffc)}}, 7, 5);
}

static void wide(struct card *c)
{
	take_over(c, &(struct request){.in = true, .edit = {WORDS(8), ESN(seq, 256), SEEN(6, BIT(200) | BIT(202))}},
		  &(struct request){.edit = {ESN(oseq, 195)}}, 8, 6);
}

static void slides(struct card *c)
{
	/* what is far ahead leaves nothing of the window behind */
	take_over(c, &(struct request){.in = true, .edit = {ESN(seq, 64), SEEN(0, ~0u), SEEN(1, ~0u)}},
		  &(struct request){.edit = {ESN(oseq, 1000)}}, 5, 5);
}

static void legacy(struct card *c)
{
	/* without ESN: number N is bit (the last one - N) */
	static const struct edit no_esn[] = {SA(flags, 0), DROP(XFRMA_REPLAY_ESN_VAL),
					     LENGTH(XFRMA_REPLAY_VAL, sizeof(struct xfrm_replay_state))};
	struct request in = {.in = true, .edit = {[3] = SA(replay_window, 32), REPLAY(seq, 8), REPLAY(bitmap, 0x15)}};
	struct request out = {0};

	memcpy(in.edit, no_esn, sizeof(no_esn));
	memcpy(out.edit, no_esn, sizeof(no_esn));
	take_over(c, &in, &out, 10, 7); /* 8, 6 and 4 are seen */
}

static const struct story stories[] = {
	{"some numbers are seen", some_seen},
	{"all numbers are seen", all_seen},
	{"no number of the window is seen", none_seen},
	{"seen before and after 2^32", over_the_edge},
	{"a window of 256", wide},
	{"a number far ahead", slides},
	{"32-bit numbers in the older attribute", legacy},
};

CHAPTER(window, "numbers that are seen before the SA begins", stories);
