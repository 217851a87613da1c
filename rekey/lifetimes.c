/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "rekey/lifetimes.h"
#include "rekey/rekey.h"

/*
 * How much one key may encrypt. The rule for the birthday-bound ciphers: an observer's advantage stays below 2^-32.
 * With a 128-bit block, s blocks give s^2 / 2^129 for GCM (McGrew and Viega; the single-key bound of
 * draft-irtf-cfrg-aead-limits) and s^2 / 2^128 for CBC (Bellare, Desai, Jokipii, Rogaway), so 2^48 blocks of 16 octets
 * are within it for both: 4.5 PB, or four days at 100 Gbit/s. That is far below what RFC 4106 and RFC 8750 make
 * possible (2^64 packets, each with its own nonce, as SP 800-38D 8.2.1 wants it).
 */
enum { CIPHER_BLOCK = 16 };

static const uint64_t birthday_bytes = (UINT64_C(1) << 48) * CIPHER_BLOCK;

static const struct cipher_row {
	uint16_t encr; /* IANA, IKEv2 transform type 1 */
	uint16_t key_bits;
	uint64_t bytes;
	const char *source;
} ciphers[] = {
	{12, 128, birthday_bytes, "AES-CBC, RFC 3602: birthday bound of a 128-bit block"},
	{12, 192, birthday_bytes, "AES-CBC, RFC 3602: the block decides, not the key"},
	{12, 256, birthday_bytes, "AES-CBC, RFC 3602: the block decides, not the key"},
	{20, 128, birthday_bytes, "AES-GCM-16, RFC 4106 with SP 800-38D 8.2.1 nonces"},
	{20, 192, birthday_bytes, "AES-GCM-16, RFC 4106: the block decides, not the key"},
	{20, 256, birthday_bytes, "AES-GCM-16, RFC 4106: the block decides, not the key"},
	{28, 0, REKEY_INF, "ChaCha20-Poly1305, RFC 7634: a PRF, no birthday bound; packets bound it"},
	{28, 256, REKEY_INF, "ChaCha20-Poly1305 with its only key length spelled out"},
};

int rekey_ceiling_find(uint16_t encr, uint16_t key_bits, bool esn, struct rekey_ceiling *out)
{
	for (unsigned int i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		if (ciphers[i].encr != encr || ciphers[i].key_bits != key_bits)
			continue;
		out->bytes = ciphers[i].bytes;
		/* RFC 4303 3.3.3: the first packet has number 1 and the counter must not wrap. */
		out->packets = esn ? REKEY_INF : UINT32_MAX;
		return 0;
	}
	return -ENOENT;
}

bool rekey_band_resolve(const struct rekey_band *in, struct rekey_band *out)
{
	*out = *in;
	if (!in->rekey && !in->life)
		return false;
	if (!out->life) {
		uint64_t room = REKEY_INF - 1 - out->rekey;
		uint64_t tenth = out->rekey / 10 ? out->rekey / 10 : 1;

		out->life = out->rekey + (tenth < room ? tenth : room);
	}
	if (!out->rekey) {
		uint64_t tenth = out->life / 10 ? out->life / 10 : 1;

		out->rekey = out->life - tenth;
	}
	if (out->rand == REKEY_INF) {
		out->rand = out->life - out->rekey;
		if (out->rand > out->rekey)
			out->rand = out->rekey;
	}
	return true;
}

/* How a dimension is written in the configuration, and how its values are shown. */
struct dimension {
	const char *name;
	const struct rekey_band *band;
	uint64_t unit;
	const char *suffix;
};

static int band_check(const struct dimension *d, char *text, unsigned int size)
{
	const struct rekey_band *b = d->band;
	uint64_t rekey = b->rekey / d->unit, life = b->life / d->unit, rnd = b->rand / d->unit;
	struct rekey_band r;

	if (!rekey_band_resolve(b, &r)) {
		if (!b->rand || b->rand == REKEY_INF)
			return 0;
		snprintf(text, size, "rand_%s is %" PRIu64 "%s, but neither rekey_%s nor life_%s is set", d->name, rnd,
			 d->suffix, d->name, d->name);
		return -EINVAL;
	}
	if (b->life == 1) {
		snprintf(text, size, "life_%s is 1: it must be at least 2, so that a soft limit fits below it",
			 d->name);
		return -EINVAL;
	}
	if (b->rekey >= REKEY_INF - 1) {
		snprintf(text, size, "rekey_%s is %" PRIu64 ": it must be below %" PRIu64, d->name, b->rekey,
			 REKEY_INF - 1);
		return -EINVAL;
	}
	if (r.life <= r.rekey) {
		snprintf(text, size, "life_%s is %" PRIu64 "%s: it must be above rekey_%s, which is %" PRIu64 "%s",
			 d->name, life, d->suffix, d->name, rekey, d->suffix);
		return -EINVAL;
	}
	if (r.rand > r.rekey) {
		snprintf(text, size, "rand_%s is %" PRIu64 "%s: it must be at most rekey_%s, which is %" PRIu64 "%s",
			 d->name, rnd, d->suffix, d->name, r.rekey / d->unit, d->suffix);
		return -EINVAL;
	}
	return 0;
}

int rekey_config_check(const struct rekey_config *config, char *text, unsigned int size)
{
	const struct dimension dimensions[] = {
		{"bytes", &config->bytes, 1, ""},
		{"packets", &config->packets, 1, ""},
		{"time", &config->time, 1000000000u, " s"},
	};

	for (unsigned int i = 0; i < sizeof(dimensions) / sizeof(dimensions[0]); i++) {
		int rc = band_check(&dimensions[i], text, size);

		if (rc)
			return rc;
	}
	return 0;
}
