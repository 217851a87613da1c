/* SPDX-License-Identifier: MIT */
/* Proposals as text, in strongSwan's spelling: "aes128gcm16-prfsha256-x25519". */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ike/payload.h"

static const char default_ike[] = "aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-"
				  "x25519-ecp256-ecp384-modp3072-modp2048";
static const char default_esp[] = "aes128gcm16-aes256gcm16-chacha20poly1305-noesn";

/* strongSwan's word for "KE may be left out": a transform, but no algorithm. */
static const char no_ke_keyword[] = "modpnone";

enum { KEYWORD_MAX = 32, SPEC_MAX = 512 };

struct reader {
	struct ike_proposal *p;
	const char *spec;
	struct ike_text error;
};

static int fail(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct reader *r, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ike_text_add(&r->error, "proposal \"%.*s\": %s", SPEC_MAX, r->spec, text);
	return -EINVAL;
}

/* Behind the last transform of a type not higher: types ascend, as everyone sends them. */
static int insert(struct reader *r, const char *keyword, struct ike_transform t)
{
	struct ike_proposal *p = r->p;
	unsigned int at = p->n;

	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == t.type && p->t[i].id == t.id && p->t[i].key_bits == t.key_bits)
			return fail(r, "\"%s\" is there twice", keyword);
	if (p->n == IKE_TRANSFORMS_MAX)
		return fail(r, "more than %d algorithms", IKE_TRANSFORMS_MAX);
	for (; at && p->t[at - 1].type > t.type; at--)
		p->t[at] = p->t[at - 1];
	p->t[at] = t;
	p->n++;
	return 0;
}

static int read_keyword(struct reader *r, const char *keyword)
{
	bool ike = r->p->protocol == IKE_PROTO_IKE;
	const struct ike_alg *alg = NULL;

	if (!strcmp(keyword, no_ke_keyword)) {
		if (ike)
			return fail(r, "\"%s\": an IKE SA needs a key exchange", keyword);
		return insert(r, keyword, (struct ike_transform){.type = IKE_T_KE, .id = IKE_KE_NONE});
	}
	for (uint8_t type = IKE_T_ENCR; type <= IKE_T_ESN && !alg; type++)
		alg = ike_alg_keyword(type, keyword);
	if (!alg)
		return fail(r, "\"%s\" is not an algorithm we know", keyword);
	if (alg->type == IKE_T_ESN && ike)
		return fail(r, "\"%s\" is for ESP, not for IKE", keyword);
	if (alg->type == IKE_T_PRF && !ike)
		return fail(r, "\"%s\" is for IKE, not for ESP", keyword);
	return insert(r, keyword, (struct ike_transform){.type = alg->type, .id = alg->id, .key_bits = alg->key_bits});
}

static int read_keywords(struct reader *r, const char *spec)
{
	while (true) {
		size_t len = strcspn(spec, "-");
		char keyword[KEYWORD_MAX];
		int err;

		if (!len || len >= sizeof(keyword))
			return fail(r, len ? "\"%.40s\" is not an algorithm we know" : "an empty name%.0s", spec);
		memcpy(keyword, spec, len);
		keyword[len] = '\0';
		err = read_keyword(r, keyword);
		if (err || !spec[len])
			return err;
		spec += len + 1;
	}
}

static bool has_type(const struct ike_proposal *p, uint8_t type)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			return true;
	return false;
}

/* Without a prf, the integrity algorithms' hashes are it. */
static int imply_prf(struct reader *r)
{
	static const struct {
		uint16_t integ, prf;
	} implied[] = {
		{IKE_INTEG_HMAC_SHA2_256_128, IKE_PRF_HMAC_SHA2_256},
		{IKE_INTEG_HMAC_SHA2_384_192, IKE_PRF_HMAC_SHA2_384},
		{IKE_INTEG_HMAC_SHA2_512_256, IKE_PRF_HMAC_SHA2_512},
	};
	struct ike_proposal given = *r->p;
	int err = 0;

	for (unsigned int i = 0; i < given.n && !err; i++)
		for (size_t j = 0; j < sizeof(implied) / sizeof(implied[0]) && !err; j++)
			if (given.t[i].type == IKE_T_INTEG && given.t[i].id == implied[j].integ)
				err = insert(r, "prf", (struct ike_transform){.type = IKE_T_PRF, .id = implied[j].prf});
	return err;
}

static void drop_integ(struct ike_proposal *p)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type != IKE_T_INTEG)
			p->t[n++] = p->t[i];
	for (unsigned int i = n; i < p->n; i++)
		p->t[i] = (struct ike_transform){0};
	p->n = (uint8_t)n;
}

/* What makes a list of algorithms a proposal (RFC 7296 3.3.3), and what strongSwan lets one leave out. */
static int complete(struct reader *r)
{
	struct ike_proposal *p = r->p;
	bool ike = p->protocol == IKE_PROTO_IKE;
	unsigned int aead = 0, encr = 0;
	int err = 0;

	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == IKE_T_ENCR) {
			encr++;
			aead += ike_alg_find(IKE_T_ENCR, p->t[i].id, p->t[i].key_bits)->aead;
		}
	if (!encr)
		return fail(r, "no encryption algorithm");
	if (aead && aead != encr)
		return fail(r, "combined ciphers (like aes128gcm16) and others need proposals of their own");
	if (!aead && !has_type(p, IKE_T_INTEG))
		return fail(r, "no integrity algorithm (like sha256)");
	if (ike && !has_type(p, IKE_T_PRF))
		err = imply_prf(r);
	if (err)
		return err;
	if (ike && !has_type(p, IKE_T_PRF))
		return fail(r, "no pseudo-random function (like prfsha256)");
	if (ike && !has_type(p, IKE_T_KE))
		return fail(r, "no key exchange (like x25519)");
	if (aead)
		drop_integ(p);
	if (!ike && !has_type(p, IKE_T_ESN))
		return insert(r, "noesn", (struct ike_transform){.type = IKE_T_ESN, .id = IKE_ESN_NO});
	return 0;
}

int ike_proposal_read(struct ike_proposal *out, uint8_t protocol, const char *spec, char *text, size_t size)
{
	struct reader r = {.p = out, .spec = spec, .error = ike_text_init(text, size)};
	int err;

	*out = (struct ike_proposal){.protocol = protocol};
	if (!strcmp(spec, "default"))
		spec = protocol == IKE_PROTO_IKE ? default_ike : default_esp;
	err = read_keywords(&r, spec);
	return err ? err : complete(&r);
}

const char *ike_proposal_print(const struct ike_proposal *p, char *buf, size_t size)
{
	struct ike_text t = ike_text_init(buf, size);

	for (unsigned int i = 0; i < p->n; i++) {
		const struct ike_transform *f = &p->t[i];
		const struct ike_alg *alg = f->unknown ? NULL : ike_alg_find(f->type, f->id, f->key_bits);
		const char *type = ike_transform_type_name(f->type), *dash = i ? "-" : "";

		if (alg) /* those we never offer have no keyword */
			ike_text_add(&t, "%s%s", dash, alg->keyword ? alg->keyword : alg->name);
		else if (f->type == IKE_T_KE && f->id == IKE_KE_NONE)
			ike_text_add(&t, "%s%s", dash, no_ke_keyword);
		else if (type)
			ike_text_add(&t, "%s%s_%u", dash, type, f->id);
		else
			ike_text_add(&t, "%sTYPE_%u_%u", dash, f->type, f->id);
		if (!alg && f->key_bits)
			ike_text_add(&t, "_%u", f->key_bits);
		if (f->unknown)
			ike_text_add(&t, "_?");
	}
	return buf;
}
