/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "text_priv.h"

static void say_key(struct text *t, const uint8_t *key, size_t bits)
{
	bool zero = true;

	for (size_t i = 0; i < (bits + 7) / 8; i++)
		zero = zero && !key[i];
	say(t, " %zu bits%s", bits, zero ? " of zeros" : "");
}

static void say_algorithm(struct text *t, const char *kind, const void *data, bool icv)
{
	struct xfrm_algo_auth a; /* as xfrm_algo_aead */
	struct xfrm_algo c;

	if (icv) {
		memcpy(&a, data, sizeof(a));
		say(t, "%s %s", kind, a.alg_name);
		say_key(t, (const uint8_t *)data + sizeof(a), a.alg_key_len);
		say(t, " icv %u", a.alg_trunc_len);
		return;
	}
	memcpy(&c, data, sizeof(c));
	say(t, "%s %s", kind, c.alg_name);
	say_key(t, (const uint8_t *)data + sizeof(c), c.alg_key_len);
}

static void say_aead(struct text *t, const void *data, size_t len)
{
	(void)len;
	say_algorithm(t, "aead", data, true);
}

static void say_auth_trunc(struct text *t, const void *data, size_t len)
{
	(void)len;
	say_algorithm(t, "auth-trunc", data, true);
}

static void say_auth(struct text *t, const void *data, size_t len)
{
	(void)len;
	say_algorithm(t, "auth", data, false);
}

static void say_crypt(struct text *t, const void *data, size_t len)
{
	(void)len;
	say_algorithm(t, "crypt", data, false);
}

static void say_esn(struct text *t, const void *data, size_t len)
{
	struct xfrm_replay_state_esn e;
	const uint8_t *bitmap = (const uint8_t *)data + sizeof(e);

	memcpy(&e, data, sizeof(e));
	say(t, "esn out %x:%x in %x:%x window %u", e.oseq_hi, e.oseq, e.seq_hi, e.seq, e.replay_window);
	if (len != sizeof(e) + e.bmp_len * 4)
		say(t, " in %zu octets", len);
	for (uint32_t i = 0; i < e.bmp_len; i++) {
		uint32_t word;

		memcpy(&word, bitmap + i * sizeof(word), sizeof(word));
		say(t, "%s%x", i ? "," : " seen ", word);
	}
}

static void say_replay(struct text *t, const void *data, size_t len)
{
	struct xfrm_replay_state r;

	(void)len;
	memcpy(&r, data, sizeof(r));
	say(t, "replay out %x in %x seen %x", r.oseq, r.seq, r.bitmap);
}

static void say_offload(struct text *t, const void *data, size_t len)
{
	struct xfrm_user_offload o;

	(void)len;
	memcpy(&o, data, sizeof(o));
	say(t, "offload %s flags %u", o.ifindex == t->ctx->ifindex ? "card" : "other", o.flags);
}

static void say_template(struct text *t, const void *data, size_t len)
{
	struct xfrm_user_tmpl m;

	for (size_t at = 0; at + sizeof(m) <= len; at += sizeof(m)) {
		memcpy(&m, (const uint8_t *)data + at, sizeof(m));
		say(t, "%stmpl ", at ? " " : "");
		say_address(t, &m.saddr, m.family);
		say(t, ">");
		say_address(t, &m.id.daddr, m.family);
		say(t, " %s %08x %s reqid %u", proto_name(m.id.proto), ntohl(m.id.spi), mode_name(m.mode), m.reqid);
		say(t, " share %u%s algs %x/%x/%x", m.share, m.optional ? " optional" : "", m.aalgos, m.ealgos,
		    m.calgos);
	}
}

static void say_encap(struct text *t, const void *data, size_t len)
{
	struct xfrm_encap_tmpl e;

	(void)len;
	memcpy(&e, data, sizeof(e));
	say(t, "encap type %u %u>%u", e.encap_type, ntohs(e.encap_sport), ntohs(e.encap_dport));
}

static void say_mark(struct text *t, const void *data, size_t len)
{
	struct xfrm_mark m;

	(void)len;
	memcpy(&m, data, sizeof(m));
	say(t, "mark %x/%x", m.v, m.m);
}

static void say_nested_sa(struct text *t, const void *data, size_t len)
{
	struct xfrm_usersa_info u;

	(void)len;
	memcpy(&u, data, sizeof(u));
	say(t, "sa");
	say_sa(t, &u);
}

static void say_nested_policy(struct text *t, const void *data, size_t len)
{
	struct xfrm_userpolicy_info p;

	(void)len;
	memcpy(&p, data, sizeof(p));
	say(t, "policy");
	say_policy(t, &p);
}

static void say_ltime(struct text *t, const void *data, size_t len)
{
	struct xfrm_lifetime_cur c;

	(void)len;
	memcpy(&c, data, sizeof(c));
	say(t, "lifetime");
	say_current(t, &c);
}

static void say_type(struct text *t, const void *data, size_t len)
{
	const struct xfrm_userpolicy_type *p = data;

	(void)len;
	say(t, "policy-type %u", p->type);
}

/* How an attribute is written: in words, as a number, or just that it is there. */
static const struct attribute_row {
	const char *name;
	size_t min; /* octets */
	void (*say)(struct text *t, const void *data, size_t len);
	bool number; /* u8 or u32 */
} attributes[KR_XFRMA_MAX] = {
	[XFRMA_ALG_AUTH] = {"AUTH", sizeof(struct xfrm_algo), say_auth, false},
	[XFRMA_ALG_CRYPT] = {"CRYPT", sizeof(struct xfrm_algo), say_crypt, false},
	[XFRMA_ENCAP] = {"ENCAP", sizeof(struct xfrm_encap_tmpl), say_encap, false},
	[XFRMA_TMPL] = {"TMPL", sizeof(struct xfrm_user_tmpl), say_template, false},
	[XFRMA_SA] = {"SA", sizeof(struct xfrm_usersa_info), say_nested_sa, false},
	[XFRMA_POLICY] = {"POLICY", sizeof(struct xfrm_userpolicy_info), say_nested_policy, false},
	[XFRMA_LTIME_VAL] = {"LTIME_VAL", sizeof(struct xfrm_lifetime_cur), say_ltime, false},
	[XFRMA_REPLAY_VAL] = {"REPLAY_VAL", sizeof(struct xfrm_replay_state), say_replay, false},
	[XFRMA_REPLAY_THRESH] = {"REPLAY_THRESH", 4, NULL, true},
	[XFRMA_ETIMER_THRESH] = {"ETIMER_THRESH", 4, NULL, true},
	[XFRMA_LASTUSED] = {"LASTUSED", 8, NULL, false},
	[XFRMA_POLICY_TYPE] = {"POLICY_TYPE", sizeof(struct xfrm_userpolicy_type), say_type, false},
	[XFRMA_ALG_AEAD] = {"AEAD", sizeof(struct xfrm_algo_aead), say_aead, false},
	[XFRMA_ALG_AUTH_TRUNC] = {"AUTH_TRUNC", sizeof(struct xfrm_algo_auth), say_auth_trunc, false},
	[XFRMA_MARK] = {"MARK", sizeof(struct xfrm_mark), say_mark, false},
	[XFRMA_TFCPAD] = {"TFCPAD", 4, NULL, true},
	[XFRMA_REPLAY_ESN_VAL] = {"REPLAY_ESN_VAL", sizeof(struct xfrm_replay_state_esn), say_esn, false},
	[XFRMA_SA_EXTRA_FLAGS] = {"EXTRA_FLAGS", 4, NULL, true},
	[XFRMA_OFFLOAD_DEV] = {"OFFLOAD_DEV", sizeof(struct xfrm_user_offload), say_offload, false},
	[XFRMA_SET_MARK] = {"SET_MARK", 4, NULL, true},
	[XFRMA_SET_MARK_MASK] = {"SET_MARK_MASK", 4, NULL, true},
	[XFRMA_IF_ID] = {"IF_ID", 4, NULL, true},
	[KR_XFRMA_SA_DIR] = {"SA_DIR", 1, NULL, true},
	[KR_XFRMA_SA_PCPU] = {"SA_PCPU", 4, NULL, true},
};

static void say_attribute(struct text *t, const struct nlattr *attr)
{
	uint16_t type = mnl_attr_get_type(attr), len = mnl_attr_get_payload_len(attr);
	const struct attribute_row *row = type < KR_XFRMA_MAX ? &attributes[type] : NULL;
	_Alignas(8) uint8_t data[1024]; /* of a copy: attributes are aligned to 4 octets only */

	say(t, " | ");
	if (!row || !row->name || len < row->min || len > sizeof(data)) {
		say(t, "attribute %u of %u octets", type, len);
		return;
	}
	memcpy(data, mnl_attr_get_payload(attr), len);
	if (row->say)
		row->say(t, data, len);
	else if (row->number)
		say(t, "%s %x", row->name, len == 1 ? mnl_attr_get_u8(attr) : mnl_attr_get_u32(attr));
	else
		say(t, "%s", row->name);
}

void say_attributes(struct text *t, const struct nlmsghdr *nlh, size_t body)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, nlh, body)
		say_attribute(t, attr);
}

const char *attribute_name(uint16_t type)
{
	return type < KR_XFRMA_MAX ? attributes[type].name : NULL;
}
