/* SPDX-License-Identifier: MIT */
#include "hwsim/netlink_reply.h"

#include <stdio.h>
#include <string.h>

#include "hwsim/lifetime.h"

enum { AEVENT_RSEQTH = 2, AEVENT_ETIME = 10 }; /* net.core.xfrm_aevent_rseqth and _etime as they are by default */

static struct nlmsghdr *put_header(void *buf, struct nl_id id)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = id.type;
	nlh->nlmsg_flags = id.flags;
	nlh->nlmsg_seq = id.seq;
	nlh->nlmsg_pid = id.pid;
	return nlh;
}

static uint64_t seconds(uint64_t ns)
{
	return ns == UINT64_MAX ? 0 : ns / NS_PER_SEC;
}

static struct xfrm_lifetime_cur current_lifetime(const struct sa *sa, const struct sa_counts *c)
{
	return (struct xfrm_lifetime_cur){
		.bytes = c->bytes,
		.packets = c->packets,
		.add_time = seconds(sa->add_time),
		.use_time = seconds(c->first_use),
	};
}

static struct xfrm_usersa_info sa_info(const struct hwsim *card, const struct sa *sa)
{
	struct sa_counts c = lifetime_shown(card, sa, card->now);
	struct xfrm_usersa_info info = sa->info;

	info.curlft = current_lifetime(sa, &c);
	info.stats = (struct xfrm_stats){
		.replay_window = sa->window_failed,
		.replay = sa->replay_failed,
		.integrity_failed = sa->integrity_failed,
	};
	return info;
}

/* Sequence numbers and window, as far as the kernel knows them. */
struct replay_shown {
	uint64_t oseq, top;
	uint32_t window, words;
	const uint32_t *bitmap; /* NULL: no bit is set */
};

static struct replay_shown replay_shown(const struct sa *sa)
{
	const struct replay *r = &sa->replay;
	struct replay_shown s = {sa->oseq, r->top, r->window, (r->window + 31) / 32, r->bitmap};

	if (sa->packet) {
		s.oseq = sa->oseq_given;
		s.top = sa->top_given;
		s.bitmap = sa->bitmap_given;
	}
	return s;
}

static void put_replay_esn(struct nlmsghdr *nlh, const struct sa *sa)
{
	struct replay_shown s = replay_shown(sa);
	struct xfrm_replay_state_esn *v;
	uint8_t room[sizeof(*v) + sizeof(sa->replay.bitmap)] = {0};

	v = (void *)room;
	v->bmp_len = s.words;
	v->oseq = (uint32_t)s.oseq;
	v->oseq_hi = (uint32_t)(s.oseq >> 32);
	v->seq = (uint32_t)s.top;
	v->seq_hi = (uint32_t)(s.top >> 32);
	v->replay_window = s.window;
	if (s.bitmap)
		memcpy(v->bmp, s.bitmap, s.words * sizeof(uint32_t));
	mnl_attr_put(nlh, XFRMA_REPLAY_ESN_VAL, sizeof(*v) + s.words * sizeof(uint32_t), v);
}

/* The legacy bitmap counts back from the top: bit n is packet top - n. */
static void put_replay(struct nlmsghdr *nlh, const struct sa *sa)
{
	struct replay_shown s = replay_shown(sa);
	struct xfrm_replay_state v = {.oseq = (uint32_t)s.oseq, .seq = (uint32_t)s.top};

	for (uint32_t n = 0; s.bitmap && n < s.window && n < 32 && n < s.top; n++) {
		uint64_t bit = (s.top - n - 1) % s.window;

		if (s.bitmap[bit / 32] >> bit % 32 & 1)
			v.bitmap |= 1u << n;
	}
	mnl_attr_put(nlh, XFRMA_REPLAY_VAL, sizeof(v), &v);
}

/* Algorithms with as many zero bytes as the key has, as a kernel in lockdown gives them. */
static void put_algorithms(struct nlmsghdr *nlh, const struct sa *sa)
{
	uint8_t room[sizeof(struct xfrm_algo_aead) + 128] = {0};
	struct xfrm_algo_aead *aead = (void *)room;
	struct xfrm_algo *cipher = (void *)room;
	struct xfrm_algo_auth *auth = (void *)room;

	if (sa->aead_name[0]) {
		snprintf(aead->alg_name, sizeof(aead->alg_name), "%s", sa->aead_name);
		aead->alg_key_len = sa->key_bits;
		aead->alg_icv_len = sa->icv_bits;
		mnl_attr_put(nlh, XFRMA_ALG_AEAD, sizeof(*aead) + sa->key_bits / 8, room);
	}
	if (sa->auth_name[0]) { /* both attributes, for readers that know the older one only */
		memset(room, 0, sizeof(room));
		snprintf(cipher->alg_name, sizeof(cipher->alg_name), "%s", sa->auth_name);
		cipher->alg_key_len = sa->auth_key_bits;
		mnl_attr_put(nlh, XFRMA_ALG_AUTH, sizeof(*cipher) + sa->auth_key_bits / 8, room);
		memset(room, 0, sizeof(room));
		snprintf(auth->alg_name, sizeof(auth->alg_name), "%s", sa->auth_name);
		auth->alg_key_len = sa->auth_key_bits;
		auth->alg_trunc_len = sa->icv_bits;
		mnl_attr_put(nlh, XFRMA_ALG_AUTH_TRUNC, sizeof(*auth) + sa->auth_key_bits / 8, room);
	}
	if (sa->cipher_name[0]) {
		memset(room, 0, sizeof(room));
		snprintf(cipher->alg_name, sizeof(cipher->alg_name), "%s", sa->cipher_name);
		cipher->alg_key_len = sa->key_bits;
		mnl_attr_put(nlh, XFRMA_ALG_CRYPT, sizeof(*cipher) + sa->key_bits / 8, room);
	}
}

static void put_pcpu(struct nlmsghdr *nlh, const struct sa *sa)
{
	if (sa->has_if_id)
		mnl_attr_put_u32(nlh, XFRMA_IF_ID, sa->if_id);
	if (sa->pcpu != SA_ANY_CPU)
		mnl_attr_put_u32(nlh, KR_XFRMA_SA_PCPU, (uint32_t)sa->pcpu);
}

static void put_pcpu_and_dir(struct nlmsghdr *nlh, const struct sa *sa)
{
	put_pcpu(nlh, sa);
	if (sa->dir_attr)
		mnl_attr_put_u8(nlh, KR_XFRMA_SA_DIR, sa->dir);
}

static void put_sa_attributes(struct nlmsghdr *nlh, const struct sa *sa)
{
	if (sa->extra_flags)
		mnl_attr_put_u32(nlh, XFRMA_SA_EXTRA_FLAGS, sa->extra_flags);
	if (sa->counts.last_use)
		mnl_attr_put_u64(nlh, XFRMA_LASTUSED, seconds(sa->counts.last_use));
	put_algorithms(nlh, sa);
	if (sa->encap.encap_type)
		mnl_attr_put(nlh, XFRMA_ENCAP, sizeof(sa->encap), &sa->encap);
	if (sa->tfcpad)
		mnl_attr_put_u32(nlh, XFRMA_TFCPAD, sa->tfcpad);
	if (sa->has_mark)
		mnl_attr_put(nlh, XFRMA_MARK, sizeof(sa->mark), &sa->mark);
	if (sa->set_mark || sa->set_mark_mask) {
		mnl_attr_put_u32(nlh, XFRMA_SET_MARK, sa->set_mark);
		mnl_attr_put_u32(nlh, XFRMA_SET_MARK_MASK, sa->set_mark_mask);
	}
	if (sa->esn_attr)
		put_replay_esn(nlh, sa);
	else
		put_replay(nlh, sa);
	if (sa->offloaded || (sa->larval && sa->offload.ifindex))
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(sa->offload), &sa->offload);
	put_pcpu_and_dir(nlh, sa);
}

struct nlmsghdr *nl_put_sa(void *buf, struct nl_id id, const struct hwsim *card, struct sa *sa)
{
	struct nlmsghdr *nlh = put_header(buf, id);
	struct xfrm_usersa_info *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));

	pthread_mutex_lock(&sa->lock);
	*info = sa_info(card, sa);
	put_sa_attributes(nlh, sa);
	pthread_mutex_unlock(&sa->lock);
	return nlh;
}

struct nlmsghdr *nl_put_sa_deleted(void *buf, struct nl_id id, const struct hwsim *card, struct sa *sa)
{
	struct nlmsghdr *nlh = put_header(buf, id);
	struct xfrm_usersa_id *key = mnl_nlmsg_put_extra_header(nlh, sizeof(*key));
	struct xfrm_usersa_info info;

	*key = (struct xfrm_usersa_id){
		.daddr = sa->info.id.daddr,
		.spi = sa->info.id.spi,
		.family = sa->info.family,
		.proto = sa->info.id.proto,
	};
	pthread_mutex_lock(&sa->lock);
	info = sa_info(card, sa);
	mnl_attr_put(nlh, XFRMA_SA, sizeof(info), &info);
	put_sa_attributes(nlh, sa);
	pthread_mutex_unlock(&sa->lock);
	return nlh;
}

struct nlmsghdr *nl_put_expire(void *buf, const struct hwsim *card, struct sa *sa, bool hard)
{
	struct nlmsghdr *nlh = put_header(buf, (struct nl_id){.type = XFRM_MSG_EXPIRE});
	struct xfrm_user_expire *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	pthread_mutex_lock(&sa->lock);
	e->state = sa_info(card, sa);
	e->state.curlft = current_lifetime(sa, &sa->counts); /* the driver reads the card before it reports */
	pthread_mutex_unlock(&sa->lock);
	e->hard = hard;
	if (sa->has_mark)
		mnl_attr_put(nlh, XFRMA_MARK, sizeof(sa->mark), &sa->mark);
	put_pcpu_and_dir(nlh, sa);
	return nlh;
}

static struct xfrm_userpolicy_info policy_info(const struct policy *policy)
{
	struct xfrm_userpolicy_info info = policy->info;

	info.curlft.add_time = seconds(policy->add_time);
	return info;
}

void nl_put_policy_type(struct nlmsghdr *nlh)
{
	struct xfrm_userpolicy_type type = {.type = XFRM_POLICY_TYPE_MAIN};

	mnl_attr_put(nlh, XFRMA_POLICY_TYPE, sizeof(type), &type);
}

struct nlmsghdr *nl_put_acquire(void *buf, const struct hwsim *card, struct sa *larval, const struct policy *policy)
{
	struct nlmsghdr *nlh = put_header(buf, (struct nl_id){.type = XFRM_MSG_ACQUIRE});
	struct xfrm_user_acquire *a = mnl_nlmsg_put_extra_header(nlh, sizeof(*a));

	(void)card;
	a->id = larval->info.id;
	a->saddr = larval->info.saddr;
	a->sel = larval->info.sel;
	a->policy = policy_info(policy);
	a->aalgos = policy->tmpl.aalgos;
	a->ealgos = policy->tmpl.ealgos;
	a->calgos = policy->tmpl.calgos;
	a->seq = larval->info.seq;
	mnl_attr_put(nlh, XFRMA_TMPL, sizeof(policy->tmpl), &policy->tmpl);
	nl_put_policy_type(nlh);
	if (policy->has_mark)
		mnl_attr_put(nlh, XFRMA_MARK, sizeof(policy->mark), &policy->mark);
	if (policy->packet) /* 6.17 */
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(policy->offload), &policy->offload);
	put_pcpu(nlh, larval); /* but no direction, which is that of every acquire */
	return nlh;
}

struct nlmsghdr *nl_put_aevent(void *buf, struct nl_id id, const struct hwsim *card, struct sa *sa, uint32_t flags)
{
	struct nlmsghdr *nlh = put_header(buf, id);
	struct xfrm_aevent_id *a = mnl_nlmsg_put_extra_header(nlh, sizeof(*a));
	struct xfrm_lifetime_cur lifetime;
	struct sa_counts c;

	a->sa_id = (struct xfrm_usersa_id){
		.daddr = sa->info.id.daddr,
		.spi = sa->info.id.spi,
		.family = sa->info.family,
		.proto = sa->info.id.proto,
	};
	a->saddr = sa->info.saddr;
	a->reqid = sa->info.reqid;
	a->flags = flags;
	pthread_mutex_lock(&sa->lock);
	if (sa->esn_attr)
		put_replay_esn(nlh, sa);
	else
		put_replay(nlh, sa);
	c = lifetime_shown(card, sa, card->now);
	pthread_mutex_unlock(&sa->lock);
	lifetime = current_lifetime(sa, &c);
	mnl_attr_put(nlh, XFRMA_LTIME_VAL, sizeof(lifetime), &lifetime);
	if (flags & XFRM_AE_RTHR)
		mnl_attr_put_u32(nlh, XFRMA_REPLAY_THRESH, AEVENT_RSEQTH);
	if (flags & XFRM_AE_ETHR)
		mnl_attr_put_u32(nlh, XFRMA_ETIMER_THRESH, AEVENT_ETIME);
	put_pcpu_and_dir(nlh, sa);
	return nlh;
}

static void put_policy_attributes(struct nlmsghdr *nlh, const struct policy *policy)
{
	if (policy->has_tmpl)
		mnl_attr_put(nlh, XFRMA_TMPL, sizeof(policy->tmpl), &policy->tmpl);
	nl_put_policy_type(nlh);
	if (policy->has_mark)
		mnl_attr_put(nlh, XFRMA_MARK, sizeof(policy->mark), &policy->mark);
	if (policy->has_if_id)
		mnl_attr_put_u32(nlh, XFRMA_IF_ID, policy->if_id);
	if (policy->packet)
		mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof(policy->offload), &policy->offload);
}

struct nlmsghdr *nl_put_policy(void *buf, struct nl_id id, const struct policy *policy)
{
	struct nlmsghdr *nlh = put_header(buf, id);
	struct xfrm_userpolicy_info *info = mnl_nlmsg_put_extra_header(nlh, sizeof(*info));

	*info = policy_info(policy);
	put_policy_attributes(nlh, policy);
	return nlh;
}

struct nlmsghdr *nl_put_policy_deleted(void *buf, struct nl_id id, const struct policy *policy, bool by_index)
{
	struct nlmsghdr *nlh = put_header(buf, id);
	struct xfrm_userpolicy_id *key = mnl_nlmsg_put_extra_header(nlh, sizeof(*key));
	struct xfrm_userpolicy_info info = policy_info(policy);

	if (by_index)
		key->index = policy->info.index;
	else
		key->sel = policy->info.sel;
	key->dir = policy->info.dir;
	mnl_attr_put(nlh, XFRMA_POLICY, sizeof(info), &info);
	put_policy_attributes(nlh, policy);
	return nlh;
}

/* netlink_policy_dump_write_attr, as far as numbers go. */
static void put_number_policy(struct nlmsghdr *nlh, const struct nl_number_policy *policy)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NLMSGERR_ATTR_POLICY);

	mnl_attr_put_u32(nlh, NL_POLICY_TYPE_ATTR_TYPE, policy->size == 1 ? NL_ATTR_TYPE_U8 : NL_ATTR_TYPE_U32);
	mnl_attr_put_u64(nlh, NL_POLICY_TYPE_ATTR_MIN_VALUE_U, policy->min);
	mnl_attr_put_u64(nlh, NL_POLICY_TYPE_ATTR_MAX_VALUE_U, policy->max);
	mnl_attr_nest_end(nlh, nest);
}

struct nlmsghdr *nl_put_ack(void *buf, const struct nlmsghdr *request, int error, const char *text, uint32_t offset,
			    const struct nl_number_policy *policy)
{
	struct nlmsghdr *nlh =
		put_header(buf, (struct nl_id){NLMSG_ERROR, NLM_F_CAPPED, request->nlmsg_seq, request->nlmsg_pid});
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = error;
	e->msg = *request;
	if (text || offset)
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
	if (text)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	if (offset)
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, offset);
	if (policy && policy->size)
		put_number_policy(nlh, policy);
	return nlh;
}

struct nlmsghdr *nl_put_done(void *buf, const struct nlmsghdr *request)
{
	struct nlmsghdr *nlh =
		put_header(buf, (struct nl_id){NLMSG_DONE, NLM_F_MULTI, request->nlmsg_seq, request->nlmsg_pid});
	int32_t *error = mnl_nlmsg_put_extra_header(nlh, sizeof(*error));

	*error = 0;
	return nlh;
}
