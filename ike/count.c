/* SPDX-License-Identifier: MIT */
#include "ike/count.h"

void ike_count_entry_encode(const struct ike_count_entry *e, struct wr *w)
{
	wr_be16(w, e->encr);
	wr_be16(w, e->value);
	wr_be64(w, e->min);
	wr_be64(w, e->max);
}

void ike_count_selected_encode(const struct ike_count_selected *s, struct wr *w)
{
	wr_be16(w, s->value);
	wr_be64(w, s->bytes);
}

bool ike_count_entry_decode(const struct ike_payload *p, unsigned int n, struct ike_count_entry *out)
{
	struct rd r = rd_init(p->data, p->data_len);

	rd_bytes(&r, (size_t)n * IKE_COUNT_ENTRY_LEN);
	out->encr = rd_be16(&r);
	out->value = rd_be16(&r);
	out->min = rd_be64(&r);
	out->max = rd_be64(&r);
	return !r.bad;
}

static bool is_notify(const struct ike_payload *p, uint16_t kind)
{
	return p->type == IKE_P_NOTIFY && p->u.notify.kind == kind;
}

/* Every notify of this kind counts into *n; a fault of one of them is a fault of all. */
static const char *proposed_add(const struct ike_payload *p, uint16_t encr, struct ike_count_entry *out,
				unsigned int *matches)
{
	struct ike_count_entry e;

	if (p->u.notify.protocol || p->u.notify.spi_size)
		return "it names a protocol or an SPI";
	if (!p->data_len || p->data_len % IKE_COUNT_ENTRY_LEN)
		return "its length is not a multiple of 20 octets";
	for (unsigned int i = 0; ike_count_entry_decode(p, i, &e); i++)
		if (e.encr == encr) {
			*out = e;
			(*matches)++;
		}
	return NULL;
}

enum ike_count_found ike_count_proposed(const struct ike_message *m, uint16_t encr, struct ike_count_entry *out,
					const char **why)
{
	unsigned int notifies = 0, matches = 0;

	*why = NULL;
	for (unsigned int i = 0; i < m->n && !*why; i++)
		if (is_notify(&m->p[i], IKE_N_COUNT_BASED_SA_PROPOSED)) {
			notifies++;
			*why = proposed_add(&m->p[i], encr, out, &matches);
		}
	if (!notifies)
		return IKE_COUNT_ABSENT;
	if (!*why && !matches)
		*why = "the chosen cipher is not in it";
	if (!*why && matches > 1)
		*why = "the chosen cipher is in it more than once";
	if (!*why && !out->max)
		*why = "its lifetime is zero";
	if (!*why && out->min > out->max)
		*why = "its minimum is above its maximum";
	return *why ? IKE_COUNT_BAD : IKE_COUNT_GOOD;
}

enum ike_count_found ike_count_selected(const struct ike_message *m, struct ike_count_selected *out, const char **why)
{
	const struct ike_payload *p = NULL;
	struct rd r;

	*why = NULL;
	for (unsigned int i = 0; i < m->n; i++)
		if (is_notify(&m->p[i], IKE_N_COUNT_BASED_SA_SELECTED)) {
			if (p)
				*why = "there is more than one";
			p = &m->p[i];
		}
	if (!p)
		return IKE_COUNT_ABSENT;
	r = rd_init(p->data, p->data_len);
	out->value = rd_be16(&r);
	out->bytes = rd_be64(&r);
	if (!*why && (p->u.notify.protocol || p->u.notify.spi_size))
		*why = "it names a protocol or an SPI";
	if (!*why && p->data_len != IKE_COUNT_SELECTED_LEN)
		*why = "its length is not 10 octets";
	if (!*why && !out->bytes)
		*why = "its lifetime is zero";
	return *why ? IKE_COUNT_BAD : IKE_COUNT_GOOD;
}
