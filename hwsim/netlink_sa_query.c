/* SPDX-License-Identifier: MIT */
/* The other requests about SAs: get, dump, delete, flush, SPI allocation, totals. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ipsec.h>
#include <netinet/in.h>
#include <string.h>

#include "hwsim/events.h"
#include "hwsim/netlink.h"

enum { SPI_TRIES = 4096 };

static struct sa *find(const struct hwsim *card, const struct xfrm_usersa_id *id)
{
	return sadb_find(card, &id->daddr, id->spi, id->proto, id->family);
}

/* xfrm_user_state_lookup: a protocol without SPIs is looked for by its source address, and this host has none. */
static int find_error(const struct request *r, const struct xfrm_usersa_id *id)
{
	bool has_spi = id->proto == IPPROTO_ESP || id->proto == IPPROTO_AH || id->proto == IPPROTO_COMP;

	return has_spi || r->attr[XFRMA_SRCADDR] ? -ESRCH : -EINVAL;
}

/* What a dump leaves out (xfrm_dump_sa, __xfrm_state_filter_match). */
struct sa_filter {
	uint8_t proto; /* 0: any */
	struct xfrm_address_filter address;
};

/* The attributes of a dump come right after the header. */
static int filter_read(const struct request *r, struct sa_filter *f)
{
	const struct nlattr *attr;

	*f = (struct sa_filter){0};
	mnl_attr_for_each (attr, r->nlh, 0) {
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == XFRMA_PROTO && len >= sizeof(f->proto))
			f->proto = mnl_attr_get_u8(attr);
		if (mnl_attr_get_type(attr) == XFRMA_ADDRESS_FILTER && len >= sizeof(f->address))
			memcpy(&f->address, mnl_attr_get_payload(attr), sizeof(f->address));
	}
	return f->address.splen > 128 || f->address.dplen > 128 ? -EINVAL : 0;
}

static bool bits_equal(const xfrm_address_t *a, const xfrm_address_t *b, uint8_t bits)
{
	const uint8_t *p = (const uint8_t *)a, *q = (const uint8_t *)b;

	return !memcmp(p, q, bits / 8) && (bits % 8 == 0 || !((p[bits / 8] ^ q[bits / 8]) >> (8 - bits % 8)));
}

static bool filter_passes(const struct sa_filter *f, const struct sa *sa)
{
	uint16_t family = f->address.family;

	if (f->proto && f->proto != IPSEC_PROTO_ANY && f->proto != sa->info.id.proto)
		return false;
	if ((family == AF_INET || family == AF_INET6) && family != sa->info.family)
		return false;
	return bits_equal(&sa->info.saddr, &f->address.saddr, f->address.splen) &&
	       bits_equal(&sa->info.id.daddr, &f->address.daddr, f->address.dplen);
}

static int sa_dump(struct request *r)
{
	struct dump d = {.request = r};
	struct hwsim *card = r->card;
	struct sa_filter filter;
	struct sa *sa;
	int err = filter_read(r, &filter);

	if (err)
		return err;
	TAILQ_FOREACH (sa, &card->sadb.all, entry)
		if (filter_passes(&filter, sa))
			dump_added(&d, nl_put_sa(dump_room(&d), request_id(r, XFRM_MSG_NEWSA, NLM_F_MULTI), card, sa));
	dump_end(&d);
	return 0;
}

int request_get_sa(struct request *r)
{
	struct hwsim *card = r->card;
	struct sa *sa;

	if (r->nlh->nlmsg_flags & NLM_F_DUMP)
		return sa_dump(r);
	sa = find(card, r->body);
	if (!sa)
		return find_error(r, r->body);
	request_reply(r, nl_put_sa(card->message, request_id(r, XFRM_MSG_NEWSA, 0), card, sa));
	return 0;
}

int request_del_sa(struct request *r)
{
	struct hwsim *card = r->card;
	struct sa *sa = find(card, r->body);

	if (!sa)
		return find_error(r, r->body);
	card_stop(card);
	card->deletes += sa->offloaded;
	event_sa_changed(card, XFRM_MSG_DELSA, sa, r->nlh->nlmsg_seq, r->nlh->nlmsg_pid);
	sadb_remove(card, sa);
	return 0;
}

int request_flush_sa(struct request *r)
{
	const struct xfrm_usersa_flush *flush = r->body;
	struct hwsim *card = r->card;
	struct sa *sa, *next;
	bool any = false;

	card_stop(card);
	for (sa = TAILQ_FIRST(&card->sadb.all); sa; sa = next) {
		next = TAILQ_NEXT(sa, entry);
		if (flush->proto && flush->proto != IPSEC_PROTO_ANY && flush->proto != sa->info.id.proto)
			continue;
		card->deletes += sa->offloaded;
		sadb_remove(card, sa);
		any = true;
	}
	if (any) /* an empty table is no error, and no news */
		event_flushed(card, XFRM_MSG_FLUSHSA, flush->proto, r->nlh->nlmsg_seq, r->nlh->nlmsg_pid);
	return 0;
}

/* A free SPI in [min, max] (host order), from a random place on; 0: none found. */
static uint32_t spi_choose(struct hwsim *card, const struct xfrm_userspi_info *p)
{
	uint64_t range = (uint64_t)p->max - p->min + 1, start = prng_below(&card->rng, range);

	for (uint64_t i = 0; i < range && i < SPI_TRIES; i++) {
		uint32_t spi = p->min + (uint32_t)((start + i) % range);

		if (spi && !sadb_find(card, &p->info.id.daddr, htonl(spi), p->info.id.proto, p->info.family))
			return spi;
	}
	return 0;
}

/* xfrm_find_acq: the larval SA of that sequence number, one that has no SPI yet, or a new one. NULL and *err. */
static struct sa *larval_get(struct request *r, int *err)
{
	const struct xfrm_userspi_info *p = r->body;
	const struct nlattr *dir = r->attr[KR_XFRMA_SA_DIR];
	uint8_t bits = p->info.family == AF_INET ? 32 : 128;
	struct hwsim *card = r->card;
	struct sa *sa = sa_new(), *old;

	*err = -ENOMEM;
	if (!sa)
		return NULL;
	sa->info = p->info;
	sa->info.id.spi = 0;
	sa->info.sel = (struct xfrm_selector){
		.daddr = p->info.id.daddr,
		.saddr = p->info.saddr,
		.family = p->info.family,
		.prefixlen_d = bits,
		.prefixlen_s = bits,
	};
	sa->dir_attr = dir;
	sa->dir = dir ? mnl_attr_get_u8(dir) : 0;
	sa->pcpu = (int)request_u32(r, KR_XFRMA_SA_PCPU, (uint32_t)SA_ANY_CPU);
	sa->if_id = request_u32(r, XFRMA_IF_ID, 0);
	sa->has_if_id = r->attr[XFRMA_IF_ID];
	sa_make_larval(card, sa);
	old = sadb_find_larval(card, sa);
	if (!old)
		*err = sadb_insert(card, sa);
	if (old || *err)
		sa_free(sa);
	return old ? old : *err ? NULL : sa;
}

int request_alloc_spi(struct request *r)
{
	const struct xfrm_userspi_info *p = r->body;
	struct hwsim *card = r->card;
	struct sa *sa;
	uint32_t spi;
	int err;

	if (p->info.id.proto != IPPROTO_ESP && p->info.id.proto != IPPROTO_AH)
		return request_fail(r, -EINVAL, "Invalid protocol, must be one of AH, ESP, IPCOMP");
	if (p->min > p->max)
		return request_fail(r, -EINVAL, "Invalid SPI range: min > max");
	if (p->info.family != AF_INET && p->info.family != AF_INET6)
		return -EAFNOSUPPORT;
	if (request_u32(r, KR_XFRMA_SA_PCPU, 0) >= card->config.queues)
		return request_fail(r, -EINVAL, "pCPU number too big");
	card_stop(card);
	sa = larval_get(r, &err);
	if (!sa)
		return err;
	if (!sa->info.id.spi) {
		spi = spi_choose(card, p);
		if (!spi) /* as in a kernel the larval SA stays until its time is over */
			return request_fail(r, -ENOENT, "No SPI available in the requested range");
		sadb_set_spi(card, sa, htonl(spi));
	}
	request_reply(r, nl_put_sa(card->message, request_id(r, XFRM_MSG_NEWSA, 0), card, sa));
	return 0;
}

int request_get_sadinfo(struct request *r)
{
	const struct sadb *db = &r->card->sadb;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->card->message);
	struct xfrmu_sadhinfo hash = {.sadhcnt = db->buckets, .sadhmcnt = db->buckets};
	uint32_t *flags = mnl_nlmsg_put_extra_header(nlh, sizeof(*flags));

	nlh->nlmsg_type = XFRM_MSG_NEWSADINFO;
	nlh->nlmsg_seq = r->nlh->nlmsg_seq;
	nlh->nlmsg_pid = r->nlh->nlmsg_pid;
	memcpy(flags, r->body, sizeof(*flags));
	mnl_attr_put_u32(nlh, XFRMA_SAD_CNT, db->count); /* software and larval SAs too: not the slots */
	mnl_attr_put(nlh, XFRMA_SAD_HINFO, sizeof(hash), &hash);
	request_reply(r, nlh);
	return 0;
}

int request_get_ae(struct request *r)
{
	const struct xfrm_aevent_id *p = r->body;
	struct hwsim *card = r->card;
	struct sa *sa = find(card, &p->sa_id);

	if (!sa)
		return -ESRCH;
	request_reply(r, nl_put_aevent(card->message, request_id(r, XFRM_MSG_NEWAE, 0), card, sa, p->flags));
	return 0;
}
