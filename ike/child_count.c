/* SPDX-License-Identifier: MIT */
/*
 * Count-based SAs: how many bytes a Child SA may carry, and who replaces it
 * (draft-liu-ipsecme-ikev2-rekey-redundant-sas sections 3, 4). Child SAs only: what the draft's appendix shows for IKE
 * SAs has no meaning. Nothing here can fail an exchange: what does not fit is ignored, and each end goes on with limits
 * of its own.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "ike/engine.h"

/* Both know the numbers, and this end wants it. */
static bool count_wanted(const struct ike_child *c)
{
	return c->sa->keyrack && c->sa->conn->cfg->count_sa && c->sa->ike->env.child_count;
}

static bool count_range(const struct ike_child *c, const struct ike_transform *encr, struct ike_count_range *out)
{
	const struct ike_env *env = &c->sa->ike->env;

	*out = (struct ike_count_range){0};
	return env->child_count(env->ctx, &c->pub, encr->id, encr->key_bits, out) && out->min && out->min <= out->max;
}

/* 0 says "I do not rekey", so it is not one of the random ones. */
static uint16_t count_value(struct ike *ike, bool passive, uint8_t eager)
{
	const unsigned int quarter = 1u << 14;
	uint16_t value = 0;

	while (!passive && !value) {
		ike_random(ike, &value, sizeof(value));
		if (eager)
			value = (uint16_t)(value % quarter + (eager - 1u) % IKE_EAGER_MAX * quarter);
	}
	return value;
}

static void count_ignore(struct ike_child *c, const char *notify, const char *why)
{
	c->sa->ike->counters.count_ignored++;
	ike_child_log(c, LOG_LEVEL_WARN, "child.count", "%s is ignored: %s", notify, why);
}

static void count_agree(struct ike_child *c, uint16_t ours, uint16_t theirs, uint64_t bytes)
{
	static const char *const who[] = {"nobody", "this side", "the peer"};
	struct ike_count *n = &c->pub.count;

	*n = (struct ike_count){.agreed = true, .ours = ours, .theirs = theirs, .bytes = bytes};
	if (ours != theirs)
		n->rekeyer = ours > theirs ? IKE_REKEYER_US : IKE_REKEYER_THEM;
	else if (ours) /* "in case of equality, the current initiator remains the initiator" */
		n->rekeyer = c->pub.initiator ? IKE_REKEYER_US : IKE_REKEYER_THEM;
	c->sa->ike->counters.count_agreed++;
	ike_child_log(c, LOG_LEVEL_INFO, "child.count", "count-based: %" PRIu64 " bytes, replaced by %s", bytes,
		      who[n->rekeyer]);
}

static struct ike_count_entry *offer_find(struct ike_count_offer *o, uint16_t encr)
{
	for (unsigned int i = 0; i < o->n; i++)
		if (o->entry[i].encr == encr)
			return &o->entry[i];
	return NULL;
}

/*
 * One entry for each transform id. It does not carry the key length, though the limit may depend on it, and two entries
 * of one id would make a responder ignore both: so it is the range that all of them can accept.
 */
static void offer_add(struct ike_count_offer *o, const struct ike_child *c, const struct ike_transform *encr)
{
	struct ike_count_entry *e = offer_find(o, encr->id);
	struct ike_count_range range;
	bool fresh = !e;

	if (fresh && o->n == IKE_COUNT_ENTRIES_MAX)
		return;
	if (fresh) {
		e = &o->entry[o->n++];
		*e = (struct ike_count_entry){.encr = encr->id, .max = UINT64_MAX};
	}
	if (!count_range(c, encr, &range))
		range = (struct ike_count_range){.min = 1}; /* an empty one: this transform id is not offered */
	if (range.min > e->min)
		e->min = range.min;
	if (range.max < e->max)
		e->max = range.max;
	o->passive |= range.passive;
	if (range.eager > o->eager)
		o->eager = range.eager;
}

static void offer_collect(struct ike_count_offer *o, const struct ike_child *c, const struct ike_proposal *p,
			  unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < p[i].n; j++)
			if (p[i].t[j].type == IKE_T_ENCR)
				offer_add(o, c, &p[i].t[j]);
	for (unsigned int i = 0; i < o->n; i++)
		if (o->entry[i].min <= o->entry[i].max)
			o->entry[kept++] = o->entry[i];
	o->n = kept;
}

void ike_count_offer(struct ike_request *r, struct ike_child *c, const struct ike_proposal *p, unsigned int n,
		     struct ike_builder *b)
{
	uint8_t data[IKE_COUNT_ENTRIES_MAX * IKE_COUNT_ENTRY_LEN];
	struct wr w = wr_init(data, sizeof(data));
	struct ike_count_offer *o;

	if (!count_wanted(c) || r->counts)
		return;
	o = calloc(1, sizeof(*o));
	if (!o)
		return;
	offer_collect(o, c, p, n);
	if (!o->n) {
		free(o);
		return;
	}
	o->value = count_value(c->sa->ike, o->passive, o->eager);
	for (unsigned int i = 0; i < o->n; i++) {
		o->entry[i].value = o->value;
		ike_count_entry_encode(&o->entry[i], &w);
	}
	ike_build_notify(b, 0, NULL, 0, IKE_N_COUNT_BASED_SA_PROPOSED, data, w.len);
	r->counts = o;
}

static const struct ike_transform *count_cipher(const struct ike_proposal *chosen)
{
	for (unsigned int i = 0; i < chosen->n; i++)
		if (chosen->t[i].type == IKE_T_ENCR)
			return &chosen->t[i];
	return NULL;
}

/* What is wrong with SELECTED for this cipher, NULL: nothing. */
static const char *answer_check(const struct ike_count_offer *o, const struct ike_transform *encr,
				const struct ike_count_selected *s)
{
	const struct ike_count_entry *e = NULL;

	if (!o)
		return "nothing was proposed";
	for (unsigned int i = 0; i < o->n && encr; i++)
		if (o->entry[i].encr == encr->id)
			e = &o->entry[i];
	if (!e)
		return "nothing was proposed for the chosen cipher";
	if (s->bytes < e->min || s->bytes > e->max)
		return "its lifetime is out of the range that was proposed";
	return NULL;
}

void ike_count_answered(const struct ike_request *r, struct ike_child *c, const struct ike_proposal *chosen,
			const struct ike_message *m)
{
	struct ike_count_selected s = {0};
	const char *why = NULL;

	if (!count_wanted(c) || ike_count_selected(m, &s, &why) == IKE_COUNT_ABSENT)
		return;
	if (!why)
		why = answer_check(r->counts, count_cipher(chosen), &s);
	if (why)
		count_ignore(c, "COUNT_BASED_SA_SELECTED", why);
	else
		count_agree(c, r->counts->value, s.value, s.bytes);
}

/* How many bytes both can accept, the most: the fewest rekeys. 0: *why says why there is no such number. */
static uint64_t decide_bytes(const struct ike_child *c, const struct ike_transform *encr,
			     const struct ike_count_entry *e, struct ike_count_range *range, const char **why)
{
	if (!count_range(c, encr, range)) {
		*why = "nothing can be agreed for the chosen cipher here";
		return 0;
	}
	if (e->max < range->min || e->min > range->max) {
		*why = "its range is not acceptable here";
		return 0;
	}
	return e->max < range->max ? e->max : range->max;
}

void ike_count_decide(struct ike_child *c, const struct ike_proposal *chosen, const struct ike_message *m)
{
	const struct ike_transform *encr = count_cipher(chosen);
	struct ike_count_range range = {0};
	struct ike_count_entry e = {0};
	const char *why = NULL;
	uint64_t bytes = 0;

	if (!count_wanted(c) || !encr || ike_count_proposed(m, encr->id, &e, &why) == IKE_COUNT_ABSENT)
		return;
	if (!why)
		bytes = decide_bytes(c, encr, &e, &range, &why);
	if (why)
		count_ignore(c, "COUNT_BASED_SA_PROPOSED", why);
	else
		count_agree(c, count_value(c->sa->ike, range.passive, range.eager), e.value, bytes);
}

void ike_count_select(const struct ike_child *c, struct ike_builder *b)
{
	const struct ike_count_selected s = {c->pub.count.ours, c->pub.count.bytes};
	uint8_t data[IKE_COUNT_SELECTED_LEN];
	struct wr w = wr_init(data, sizeof(data));

	if (!c->pub.count.agreed)
		return;
	ike_count_selected_encode(&s, &w);
	ike_build_notify(b, 0, NULL, 0, IKE_N_COUNT_BASED_SA_SELECTED, data, w.len);
}
