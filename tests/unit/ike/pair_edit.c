/* SPDX-License-Identifier: MIT */
/* Protected messages on their way, opened with their sender's keys: to look into and to write anew. */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "ike/engine.h"

/* No two messages of one IKE SA are sealed with the same one, neither by the engine nor here. */
static uint64_t edit_iv = UINT64_C(0xedededed00000000);

static struct ike_sa *edit_sender(struct pair *p, const struct pair_datagram *d)
{
	size_t marker = d->path.local.port == p->settings.port_natt ? IKE_MARKER_LEN : 0;
	const uint8_t *spi = d->bytes + marker;
	struct ike *ike = p->side[d->from].ike;
	struct ike_sa *sa = ike_sa_by_spi(ike, spi);

	return sa ? sa : ike_sa_by_spi(ike, spi + IKE_SPI_LEN);
}

static void edit_open(struct pair *p, const struct pair_datagram *d, struct ike_message *m)
{
	static uint8_t copy[IKE_MARKER_LEN + IKE_MESSAGE_MAX];
	size_t marker = d->path.local.port == p->settings.port_natt ? IKE_MARKER_LEN : 0;
	struct ike_sa *sa = edit_sender(p, d);
	struct ike_parse_error err;

	assert_non_null(sa);
	memcpy(copy, d->bytes + marker, d->len - marker);
	assert_int_equal(ike_message_parse(copy, d->len - marker, m, &err), 0);
	assert_int_equal(ike_message_open(sa->ike->crypto, &sa->suite, &sa->key_out, copy, m, &err), 0);
}

static struct pair_datagram *edit_first(struct pair *p, int from)
{
	struct pair_datagram *d;

	TAILQ_FOREACH (d, &p->net, link)
		if (d->from == from)
			return d;
	fail_msg("nothing is on the way from %c", 'A' + from);
	return NULL;
}

void pair_look(struct pair *p, int from, struct ike_message *m)
{
	edit_open(p, edit_first(p, from), m);
}

void pair_rewrite(struct pair *p, int from, pair_edit *edit, void *ctx)
{
	static uint8_t out[IKE_MARKER_LEN + IKE_MESSAGE_MAX];
	struct pair_datagram *d = edit_first(p, from), *anew;
	size_t marker = d->path.local.port == p->settings.port_natt ? IKE_MARKER_LEN : 0;
	struct ike_sa *sa = edit_sender(p, d);
	struct ike_builder b;
	struct ike_message m;
	uint8_t iv[16];
	int len;

	edit_open(p, d, &m);
	ike_build_start(&b, out + marker, IKE_MESSAGE_MAX, &m.hdr);
	ike_build_sk(&b, &sa->suite);
	for (unsigned int i = 0; i < m.n; i++)
		if (m.p[i].type != IKE_P_SK)
			edit(&b, &m.p[i], ctx);
	edit(&b, NULL, ctx);
	put_be64(iv, edit_iv++);
	len = ike_build_seal(&b, sa->ike->crypto, &sa->suite, &sa->key_out, iv);
	assert_true(len > 0);
	anew = malloc(sizeof(*anew) + marker + (size_t)len);
	assert_non_null(anew);
	memcpy(anew, d, sizeof(*d));
	anew->len = marker + (size_t)len;
	memset(out, 0, marker);
	memcpy(anew->bytes, out, anew->len);
	TAILQ_INSERT_BEFORE(d, anew, link);
	TAILQ_REMOVE(&p->net, d, link);
	free(d);
}
