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

int request_get_sa(struct request *r)
{
	struct dump d = {.request = r};
	struct hwsim *card = r->card;
	struct sa *sa;

	if (r->nlh->nlmsg_flags & NLM_F_DUMP) {
		TAILQ_FOREACH (sa, &card->sadb.all, entry)
			dump_added(&d, nl_put_sa(dump_room(&d), request_id(r, XFRM_MSG_NEWSA, NLM_F_MULTI), card, sa));
		dump_end(&d);
		return 0;
	}
	sa = find(card, r->body);
	if (!sa)
		return -ESRCH;
	request_reply(r, nl_put_sa(card->message, request_id(r, XFRM_MSG_NEWSA, 0), card, sa));
	return 0;
}

int request_del_sa(struct request *r)
{
	struct hwsim *card = r->card;
	struct sa *sa = find(card, r->body);

	if (!sa)
		return -ESRCH;
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

int request_alloc_spi(struct request *r)
{
	const struct xfrm_userspi_info *p = r->body;
	const struct nlattr *dir = r->attr[KR_XFRMA_SA_DIR];
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
	if (r->attr[KR_XFRMA_SA_PCPU] && !dir)
		return request_fail(r, -EINVAL, "SA_PCPU only supported with SA_DIR");
	if (request_u32(r, KR_XFRMA_SA_PCPU, 0) >= card->config.queues)
		return request_fail(r, -EINVAL, "pCPU number too big");
	spi = spi_choose(card, p);
	if (!spi)
		return request_fail(r, -ENOENT,
				    p->min == p->max ? "Requested SPI is already in use"
						     : "No SPI available in the requested range");
	sa = sa_new();
	if (!sa)
		return -ENOMEM;
	sa->info = p->info;
	sa->info.id.spi = htonl(spi);
	sa->larval = true;
	sa->dir_attr = dir;
	sa->dir = dir ? mnl_attr_get_u8(dir) : 0;
	sa->pcpu = (int)request_u32(r, KR_XFRMA_SA_PCPU, (uint32_t)SA_ANY_CPU);
	sa->if_id = request_u32(r, XFRMA_IF_ID, 0);
	sa->has_if_id = r->attr[XFRMA_IF_ID];
	sa->expires = card->now + CARD_ACQUIRE_SECONDS * NS_PER_SEC;
	card_stop(card);
	err = sadb_insert(card, sa);
	if (err) {
		sa_free(sa);
		return err;
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
