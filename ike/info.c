/* SPDX-License-Identifier: MIT */
/* Looking in. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ike/engine.h"

static const struct ike_id *info_id(const struct ike_id *id, struct ike_id *full)
{
	if (!id)
		return NULL;
	memcpy(full, id, offsetof(struct ike_id, data) + id->len);
	return full;
}

static void info_fill(struct ike_sa *sa, struct ike_sa_info *out)
{
	*out = (struct ike_sa_info){
		.id = sa->id,
		.state = ike_sa_public_state(sa),
		.conn = sa->conn->cfg,
		.initiator = sa->initiator,
		.path = sa->path,
		.local_id = info_id(sa->local_id, &sa->ike->id_local),
		.remote_id = info_id(sa->remote_id, &sa->ike->id_remote),
		.nat_local = sa->nat_local,
		.nat_remote = sa->nat_remote,
		.encap = ike_nat_encap(sa),
		.keyrack = sa->keyrack,
		.optimized_rekey = sa->optimized,
		.count_sa = sa->keyrack && sa->conn->cfg->count_sa && sa->ike->env.child_count,
		.established_ns = sa->established,
		.rekey_ns = sa->due[IKE_DUE_REKEY],
		.expire_ns = sa->due[IKE_DUE_EXPIRE],
		.children = sa->n_children,
		.requests_in_flight = sa->win.n_flight,
		.requests_queued = sa->win.n_queued,
		.window_ours = sa->ans.size,
		.window_peer = sa->win.size,
	};
	memcpy(out->spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(out->spi_r, sa->spi_r, IKE_SPI_LEN);
	ike_suite_proposal(&sa->suite, &out->proposal);
}

static bool info_visible(const struct ike_sa *sa)
{
	return sa->phase != IKE_PHASE_GONE && sa->phase != IKE_PHASE_SPARE && (sa->known || sa->half_open);
}

void ike_sa_each(struct ike *ike, void (*each)(void *ctx, const struct ike_sa_info *sa), void *ctx)
{
	struct ike_sa_info info;
	struct ike_sa *sa;

	ike_enter(ike, ike->now); /* nothing is freed while the callbacks run */
	TAILQ_FOREACH (sa, &ike->sas, all)
		if (info_visible(sa)) {
			info_fill(sa, &info);
			each(ctx, &info);
		}
	ike_leave(ike);
}

bool ike_sa_get(struct ike *ike, uint32_t ike_sa, struct ike_sa_info *out)
{
	struct ike_sa *sa = ike_sa_by_id(ike, ike_sa);

	if (!sa || !info_visible(sa))
		return false;
	info_fill(sa, out);
	return true;
}

const struct ike_child_sa *ike_child_get(struct ike *ike, uint32_t child_sa)
{
	const struct ike_child *c = ike_child_by_id(ike, child_sa);

	return c ? &c->pub : NULL;
}

void ike_counters_get(const struct ike *ike, struct ike_counters *out)
{
	*out = ike->counters;
}

/* As Wireshark's packet-isakmp.c spells them in its preferences. */
static const struct {
	uint8_t type;
	uint16_t id, key_bits;
	const char *name;
} wireshark[] = {
	{IKE_T_ENCR, IKE_ENCR_AES_CBC, 128, "AES-CBC-128 [RFC3602]"},
	{IKE_T_ENCR, IKE_ENCR_AES_CBC, 192, "AES-CBC-192 [RFC3602]"},
	{IKE_T_ENCR, IKE_ENCR_AES_CBC, 256, "AES-CBC-256 [RFC3602]"},
	{IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 128, "AES-GCM-128 with 16 octet ICV [RFC5282]"},
	{IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 192, "AES-GCM-192 with 16 octet ICV [RFC5282]"},
	{IKE_T_ENCR, IKE_ENCR_AES_GCM_16, 256, "AES-GCM-256 with 16 octet ICV [RFC5282]"},
	{IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0, "HMAC_SHA2_256_128 [RFC4868]"},
	{IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_384_192, 0, "HMAC_SHA2_384_192 [RFC4868]"},
	{IKE_T_INTEG, IKE_INTEG_HMAC_SHA2_512_256, 0, "HMAC_SHA2_512_256 [RFC4868]"},
};

static const char *info_wireshark(const struct ike_alg *alg)
{
	if (!alg)
		return "NONE [RFC4306]";
	for (unsigned int i = 0; i < sizeof(wireshark) / sizeof(wireshark[0]); i++)
		if (wireshark[i].type == alg->type && wireshark[i].id == alg->id &&
		    wireshark[i].key_bits == alg->key_bits)
			return wireshark[i].name;
	return NULL;
}

static size_t info_hex(char *buf, size_t size, size_t at, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++, at += 2)
		if (at + 2 < size)
			snprintf(buf + at, 3, "%02x", p[i]);
	return at;
}

static size_t info_text(char *buf, size_t size, size_t at, const char *text)
{
	size_t len = strlen(text);

	if (at + len < size)
		memcpy(buf + at, text, len + 1);
	return at + len;
}

int ike_sa_wireshark_row(struct ike *ike, uint32_t ike_sa, char *buf, size_t size)
{
	const struct ike_sa *sa = ike_sa_by_id(ike, ike_sa);
	const struct ike_sk_key *i, *r;
	size_t e, a, at = 0;

	if (!sa || !sa->suite.encr)
		return -ENOENT;
	if (!info_wireshark(sa->suite.encr) || !info_wireshark(sa->suite.integ))
		return -ENOTSUP;
	i = sa->initiator ? &sa->key_out : &sa->key_in;
	r = sa->initiator ? &sa->key_in : &sa->key_out;
	e = (size_t)sa->suite.encr->key_len + sa->suite.encr->salt_len;
	a = sa->suite.integ ? sa->suite.integ->key_len : 0;
	at = info_hex(buf, size, at, sa->spi_i, IKE_SPI_LEN);
	at = info_text(buf, size, at, ",");
	at = info_hex(buf, size, at, sa->spi_r, IKE_SPI_LEN);
	at = info_text(buf, size, at, ",");
	at = info_hex(buf, size, at, i->encr, e);
	at = info_text(buf, size, at, ",");
	at = info_hex(buf, size, at, r->encr, e);
	at = info_text(buf, size, at, ",\"");
	at = info_text(buf, size, at, info_wireshark(sa->suite.encr));
	at = info_text(buf, size, at, "\",");
	at = info_hex(buf, size, at, i->integ, a);
	at = info_text(buf, size, at, ",");
	at = info_hex(buf, size, at, r->integ, a);
	at = info_text(buf, size, at, ",\"");
	at = info_text(buf, size, at, info_wireshark(sa->suite.integ));
	at = info_text(buf, size, at, "\"");
	return at < size ? 0 : -ENOSPC;
}
