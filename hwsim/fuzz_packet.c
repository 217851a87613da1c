/* SPDX-License-Identifier: MIT */
/*
 * What the network and the host may send. The first byte chooses an SA, and says what the rest is: a packet, which goes
 * out through the SA and in, or the text of an ESP packet, which is sealed here as a peer with the key would, so that
 * what is behind the ICV is reached as well.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "hwsim/esp.h"
#include "hwsim/hwsim.h"
#include "hwsim/sadb.h"

enum { TEXT_MAX = 2000 };

static const uint8_t key[52] = "a key that is known to all, and so is good for this";

/* An inbound SA: over IPv4 or IPv6, tunnel or transport. */
static struct sa *sa_make(unsigned int which, const char *aead)
{
	struct esp_suite suite = {.aead = aead, .key = key, .key_len = 20, .icv_bits = 128};
	struct sa *sa = sa_new();
	const char *why;

	if (!sa)
		abort();
	if (!aead) {
		suite = (struct esp_suite){.cipher = "cbc(aes)",
					   .key = key,
					   .key_len = 16,
					   .auth = "hmac(sha256)",
					   .auth_key = key,
					   .auth_key_len = 32,
					   .icv_bits = 128};
	}
	sa->info.family = which & 1 ? AF_INET6 : AF_INET;
	sa->info.mode = which & 2 ? XFRM_MODE_TRANSPORT : XFRM_MODE_TUNNEL;
	sa->info.flags = which & 1 ? XFRM_STATE_ESN : 0;
	replay_init(&sa->replay, 64, which & 1, 0);
	if (esp_crypto_new(&sa->crypto, &suite, true, true, &why))
		abort();
	return sa;
}

/* The outer packet around a sealed text; its length. */
static size_t wrap(struct sa *sa, uint8_t *out, const uint8_t *text, size_t len)
{
	static const uint8_t addr[16];
	const struct esp_shape *shape = esp_crypto_shape(sa->crypto);
	size_t header = sa->info.family == AF_INET ? IPV4_HEADER : IPV6_HEADER, total;

	len = len / shape->block * shape->block;
	total = header + ESP_HEADER + shape->iv + len + shape->icv;
	ip_write_header(out, sa->info.family, total, addr, addr, IPPROTO_ESP, text[0], 64, true, 1);
	put_be32(out + header, 1);
	put_be32(out + header + 4, 1);
	memcpy(out + header + ESP_HEADER + shape->iv, text, len);
	if (esp_crypto_seal(sa->crypto, out + header, len, 1, sa->info.flags & XFRM_STATE_ESN))
		abort();
	return total;
}

static void opened(unsigned int which, const uint8_t *text, size_t len)
{
	struct sa *sa = sa_make(which, which & 4 ? NULL : "rfc4106(gcm(aes))");
	uint8_t wire[TEXT_MAX + 200], out[HWSIM_MAX_PACKET];
	struct packet p, inner;
	size_t n = wrap(sa, wire, text, len);

	if (!packet_parse(&p, wire, n) && p.l4)
		esp_open(sa, &p, p.l4, out, &inner);
	sa_free(sa);
}

/* Both ways through an SA, whatever the packet is. */
static void passed(unsigned int which, const uint8_t *data, size_t size)
{
	struct sa *sa = sa_make(which, "rfc4106(gcm(aes))");
	uint8_t out[HWSIM_MAX_PACKET], back[HWSIM_MAX_PACKET];
	struct packet p, q, inner;
	int len;

	if (!packet_parse(&p, data, size)) {
		len = esp_protect(sa, &p, out);
		/* what a tunnel took in must come out as it was */
		if (len > 0 && !(which & 2) &&
		    (packet_parse(&q, out, (size_t)len) || esp_open(sa, &q, q.l4, back, &inner) != ESP_OK ||
		     inner.len != p.len || memcmp(back, data, p.len) != 0))
			abort();
		if (p.l4)
			esp_open(sa, &p, p.l4, out, &inner);
	}
	sa_free(sa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int which;

	if (size < 2 || size > TEXT_MAX)
		return 0;
	which = data[0];
	if (which & 8)
		opened(which, data + 1, size - 1);
	else
		passed(which, data + 1, size - 1);
	return 0;
}
