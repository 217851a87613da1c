/* SPDX-License-Identifier: MIT */
#include "rack.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

void rack_connect(struct card *c, enum side from, const struct request *like)
{
	enum side to = from == LEFT ? RIGHT : LEFT;
	struct request sa = *like, policy = {0};

	sa.base = BASE_SA;
	sa.from = from;
	card_ask(c, from, &sa, "ok");
	sa.in = true;
	sa.soft_packets = sa.hard_packets = sa.soft_bytes = sa.hard_bytes = 0;
	memset(sa.edit, 0, sizeof(sa.edit));
	sa.cpu = NO_CPU;
	card_ask(c, to, &sa, "ok");
	policy.base = BASE_POLICY;
	policy.from = from;
	policy.six = like->six;
	policy.transport = like->transport;
	policy.reqid = like->reqid;
	card_ask(c, from, &policy, "ok");
	policy.in = true;
	card_ask(c, to, &policy, "ok");
}

static void replace(char text[CARD_TEXT], const char *word, const char *by)
{
	char copy[CARD_TEXT], *at;

	while ((at = strstr(text, word))) {
		memcpy(copy, text, CARD_TEXT);
		snprintf(at, CARD_TEXT - (size_t)(at - text), "%s%s", by, copy + (at - text) + strlen(word));
	}
}

static void expand(const struct card *c, char out[CARD_TEXT], const char *text)
{
	snprintf(out, CARD_TEXT, "%s", text);
	replace(out, "KEY", "aead rfc4106(gcm(aes)) 160 BITS icv 128");
	replace(out, "BITS", difference(c, DIFFERS_KEYS));
}

void rack_shows(struct card *c, enum side side, const struct request *r, const char *reply)
{
	char want[CARD_TEXT];

	expand(c, want, reply);
	card_reply(c, side, r, want);
}

void rack_tells(struct card *c, enum side side, const char *event)
{
	char want[CARD_TEXT];

	expand(c, want, event);
	card_event(c, side, want);
}

unsigned int rack_packets(struct card *c, enum side side, const struct request *id)
{
	card_ask(c, side, id, "ok");
	return card_number(c, " has ");
}

void rack_until(struct card *c, enum side side, const struct request *r, const char *answer)
{
	for (unsigned int waited = 0; waited < CARD_WAIT_MS; waited += CARD_SILENCE_MS) {
		if (!strcmp(card_answer(c, side, r), answer))
			return;
		card_wait_ms(CARD_SILENCE_MS);
	}
	card_ask(c, side, r, answer);
}
