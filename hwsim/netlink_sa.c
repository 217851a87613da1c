/* SPDX-License-Identifier: MIT */
/* NEWSA and UPDSA: from a message to an SA in the tables (xfrm_add_sa, xfrm_state_construct, xfrm_state_add). */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/events.h"
#include "hwsim/faults.h"
#include "hwsim/lifetime.h"
#include "hwsim/netlink.h"

enum { LOOPBACK_IFINDEX = 1 /* of every network namespace, and no card */ };

/* The fixed part and the small attributes. */
static void sa_read(const struct request *r, struct sa *sa)
{
	const struct nlattr *dir = r->attr[KR_XFRMA_SA_DIR];

	memcpy(&sa->info, r->body, sizeof(sa->info));
	if (!sa->info.sel.family && !(sa->info.flags & XFRM_STATE_AF_UNSPEC))
		sa->info.sel.family = sa->info.family;
	sa->dir_attr = dir;
	sa->dir = dir ? mnl_attr_get_u8(dir) : 0;
	sa->pcpu = (int)request_u32(r, KR_XFRMA_SA_PCPU, (uint32_t)SA_ANY_CPU);
	sa->if_id = request_u32(r, XFRMA_IF_ID, 0);
	sa->has_if_id = r->attr[XFRMA_IF_ID];
	sa->extra_flags = request_u32(r, XFRMA_SA_EXTRA_FLAGS, 0);
	sa->tfcpad = request_u32(r, XFRMA_TFCPAD, 0);
	sa->set_mark = request_u32(r, XFRMA_SET_MARK, 0);
	sa->set_mark_mask = request_u32(r, XFRMA_SET_MARK_MASK, sa->set_mark ? UINT32_MAX : 0);
	sa->has_mark = r->attr[XFRMA_MARK];
	if (sa->has_mark)
		memcpy(&sa->mark, request_attr(r, XFRMA_MARK), sizeof(sa->mark));
	if (r->attr[XFRMA_ENCAP])
		memcpy(&sa->encap, request_attr(r, XFRMA_ENCAP), sizeof(sa->encap));
	if (r->attr[XFRMA_LTIME_VAL]) {
		struct xfrm_lifetime_cur cur;

		memcpy(&cur, request_attr(r, XFRMA_LTIME_VAL), sizeof(cur));
		sa->counts.packets = cur.packets;
		sa->counts.bytes = cur.bytes;
	}
}

/* Legacy window and XFRMA_REPLAY_VAL, or XFRMA_REPLAY_ESN_VAL; lengths were checked. */
static void sa_read_replay(const struct request *r, struct sa *sa)
{
	const struct xfrm_replay_state_esn *rs = request_attr(r, XFRMA_REPLAY_ESN_VAL);
	const struct xfrm_replay_state *legacy = request_attr(r, XFRMA_REPLAY_VAL);
	bool esn = sa->info.flags & XFRM_STATE_ESN;
	struct replay *rp = &sa->replay;
	uint8_t window = sa->info.replay_window < 32 ? sa->info.replay_window : 32;

	if (rs) {
		sa->esn_attr = true;
		replay_init(rp, rs->replay_window, esn, (uint64_t)(esn ? rs->seq_hi : 0) << 32 | rs->seq);
		sa->oseq = (uint64_t)(esn ? rs->oseq_hi : 0) << 32 | rs->oseq;
		if (mnl_attr_get_payload_len(r->attr[XFRMA_REPLAY_ESN_VAL]) >= sizeof(*rs) + rs->bmp_len * 4)
			memcpy(rp->bitmap, rs->bmp, (rs->replay_window + 31) / 32 * 4);
		return;
	}
	replay_init(rp, window, false, legacy ? legacy->seq : 0);
	if (!legacy)
		return;
	sa->oseq = legacy->oseq;
	for (uint32_t n = 0; n < window && n < rp->top; n++)
		if (legacy->bitmap >> n & 1)
			rp->bitmap[(rp->top - n - 1) % window / 32] |= 1u << (rp->top - n - 1) % window % 32;
}

/* What a dump shows of an SA in packet offload. */
static int sa_keep_given(struct sa *sa)
{
	uint32_t words = (sa->replay.window + 31) / 32, any = 0;

	sa->oseq_given = sa->oseq;
	sa->top_given = sa->replay.top;
	for (uint32_t i = 0; i < words; i++)
		any |= sa->replay.bitmap[i];
	if (!any)
		return 0;
	sa->bitmap_given = calloc(words, sizeof(*sa->bitmap_given));
	if (!sa->bitmap_given)
		return -ENOMEM;
	memcpy(sa->bitmap_given, sa->replay.bitmap, words * sizeof(*sa->bitmap_given));
	return 0;
}

static void name_copy(char to[64], const char from[64])
{
	memcpy(to, from, 63);
	to[63] = 0;
}

/* The key schedule is made here, before any lane is stopped for it. */
static int sa_read_keys(struct request *r, struct sa *sa)
{
	const struct xfrm_algo_aead *aead = request_attr(r, XFRMA_ALG_AEAD);
	const struct xfrm_algo_auth *trunc = request_attr(r, XFRMA_ALG_AUTH_TRUNC);
	const struct xfrm_algo *crypt = request_attr(r, XFRMA_ALG_CRYPT), *auth = request_attr(r, XFRMA_ALG_AUTH);
	struct esp_suite suite = {0};
	const char *why;
	int err;

	if (sa->info.id.proto != IPPROTO_ESP) /* known to a kernel, but this host has no module for it */
		return request_fail(r, -EPROTONOSUPPORT, "Requested type not found");
	if (aead) {
		name_copy(sa->aead_name, aead->alg_name);
		sa->key_bits = aead->alg_key_len;
		sa->icv_bits = aead->alg_icv_len;
		suite.aead = sa->aead_name;
		suite.key = (const uint8_t *)aead->alg_key;
	}
	if (crypt) {
		name_copy(sa->cipher_name, crypt->alg_name);
		sa->key_bits = crypt->alg_key_len;
		suite.cipher = sa->cipher_name;
		suite.key = (const uint8_t *)crypt->alg_key;
	}
	if (trunc || auth) {
		name_copy(sa->auth_name, trunc ? trunc->alg_name : auth->alg_name);
		sa->auth_key_bits = trunc ? trunc->alg_key_len : auth->alg_key_len;
		sa->icv_bits = trunc ? trunc->alg_trunc_len : 0;
		suite.auth = sa->auth_name;
		suite.auth_key = (const uint8_t *)(trunc ? trunc->alg_key : auth->alg_key);
	}
	suite.key_len = sa->key_bits / 8;
	suite.auth_key_len = sa->auth_key_bits / 8;
	suite.icv_bits = sa->icv_bits;
	err = esp_crypto_new(&sa->crypto, &suite, sa->dir != KR_XFRM_SA_DIR_IN, sa->dir != KR_XFRM_SA_DIR_OUT, &why);
	if (err && why && auth && !trunc && !strcmp(why, ESP_NO_AUTH))
		why = "Requested AUTH algorithm not found";
	if (err)
		return why ? request_fail(r, err, why) : err;
	sa->icv_bits = esp_crypto_shape(sa->crypto)->icv * 8u;
	if (!EVP_Digest(suite.key, suite.key_len, sa->key_digest, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	return 0;
}

/* What a driver that has no room says. */
static int table_full(struct request *r, const struct sa *sa)
{
	const struct hwsim_profile *p = &r->card->profile;
	bool other = sa->dir == KR_XFRM_SA_DIR_OUT && p->full_text_out;

	return request_fail(r, -p->full_errno, other ? p->full_text_out : p->full_text);
}

/* What is said when the driver says nothing: the kernel does, but for mlx5, which has the same words of its own. */
static int refused(struct request *r, int err)
{
	static const char text[] = "Device failed to offload this state";

	if (!strcmp(r->card->profile.driver, "mlx5_core"))
		return request_fail_driver(r, err, text);
	return request_fail(r, err, text);
}

/* xdo_dev_state_add: checks, faults, a slot. Stopped. */
static int driver_add(struct request *r, struct sa *sa)
{
	struct hwsim *card = r->card;
	uint64_t arg;
	int err = offload_check_sa(r, sa, sa->packet);

	if (err)
		return err;
	if (fault_strikes(card, FAULT_SILENT_NO_OFFLOAD, NULL)) {
		sa->packet = false;
		return -EOPNOTSUPP;
	}
	if (fault_strikes(card, FAULT_REFUSE, &arg))
		return refused(r, -(int)arg);
	if (fault_strikes(card, FAULT_REFUSE_NTH, NULL))
		return refused(r, -EINVAL);
	if (fault_strikes(card, FAULT_FULL, NULL) || slot_take(card, sa))
		return table_full(r, sa);
	sa->offloaded = true;
	if (fault_strikes(card, FAULT_SLOW_INSTALL, &arg)) {
		sa->active = false;
		sa->active_at = card->now + arg * NS_PER_MS;
	}
	return 0;
}

/* Modes that a kernel has and the ESP of this host has not. */
static int sa_in_software(struct request *r, const struct sa *sa)
{
	if (sa->info.mode != XFRM_MODE_TRANSPORT && sa->info.mode != XFRM_MODE_TUNNEL)
		return request_fail(r, -EPROTONOSUPPORT, "Requested mode not found");
	return 0;
}

/* xfrm_dev_state_add. Stopped. */
static int sa_offload(struct request *r, struct sa *sa)
{
	const struct xfrm_user_offload *xuo = request_attr(r, XFRMA_OFFLOAD_DEV);
	uint8_t known = XFRM_OFFLOAD_IPV6 | XFRM_OFFLOAD_INBOUND | KR_XFRM_OFFLOAD_PACKET, dir;
	struct hwsim *card = r->card;
	int err;

	if (!xuo)
		return sa_in_software(r, sa);
	if (xuo->flags & ~known)
		return request_fail(r, -EINVAL, "Unrecognized flags in offload request");
	dir = xuo->flags & XFRM_OFFLOAD_INBOUND ? KR_XFRM_SA_DIR_IN : KR_XFRM_SA_DIR_OUT;
	if (sa->dir && sa->dir != dir)
		return request_fail(r, -EINVAL, "Mismatched SA and offload direction");
	if (dir == KR_XFRM_SA_DIR_IN && sa->if_id)
		return request_fail(r, -EINVAL, "XFRM if_id is not supported in RX path");
	if (sa->tfcpad)
		return request_fail(r, -EINVAL, "TFC padding can't be offloaded");
	sa->dir = dir;
	sa->packet = xuo->flags & KR_XFRM_OFFLOAD_PACKET;
	sa->offload.ifindex = card->config.ifindex;
	sa->offload.flags = xuo->flags & (XFRM_OFFLOAD_INBOUND | KR_XFRM_OFFLOAD_PACKET);
	/* no such device: the kernel looks for a route, and every route of this host is through the card */
	if (xuo->ifindex == LOOPBACK_IFINDEX && xuo->ifindex != card->config.ifindex)
		err = sa->packet ? -EINVAL : -EOPNOTSUPP;
	else if (!sa->packet && !card->profile.crypto_offload)
		err = -EOPNOTSUPP;
	else
		err = driver_add(r, sa);
	if (err == -EOPNOTSUPP && !sa->packet)
		return sa_in_software(r, sa); /* and nobody is told */
	if (err) {
		card->refused++;
		log_at(card->config.log, LOG_LEVEL_INFO, "hwsim.sa.refused", "SPI 0x%08x: error %d: %s",
		       ntohl(sa->info.id.spi), -err, r->text);
	}
	return err;
}

/* Undoes sa_offload for an SA that did not get into the tables. */
static void sa_discard(struct hwsim *card, struct sa *sa)
{
	if (sa->slot)
		slot_release(card, sa->slot, 0);
	sa_free(sa);
}

/* xfrm_state_update for an SA that carries traffic: limits and encapsulation are taken over, the rest is thrown away.
 */
static void sa_update(struct hwsim *card, struct sa *old, const struct sa *sa)
{
	old->info.lft = sa->info.lft;
	if (old->encap.encap_type && sa->encap.encap_type)
		old->encap = sa->encap;
	if (sa->has_mark) {
		old->set_mark = sa->set_mark;
		old->set_mark_mask = sa->set_mark_mask;
	}
	old->dying = false;
	lifetime_arm(old);
	/* limits that the counts have passed already take effect with the next packet, not before */
	sadb_arm(card, old);
}

/* xfrm_state_add and xfrm_state_update, once the SA is complete. Owns sa. Stopped. */
static int sa_enter(struct request *r, struct sa *sa)
{
	const struct xfrm_usersa_info *s = &sa->info;
	bool update = r->nlh->nlmsg_type == XFRM_MSG_UPDSA;
	struct hwsim *card = r->card;
	struct sa *old = sadb_find(card, &s->id.daddr, s->id.spi, s->id.proto, s->family);
	int err = 0;

	if (update && (!old || (!old->larval && old->dir_attr && sa->dir_attr && old->dir != sa->dir)))
		err = -ESRCH;
	else if (old && !old->larval && update) {
		sa_update(card, old, sa);
		event_sa_changed(card, XFRM_MSG_UPDSA, old, r->nlh->nlmsg_seq, r->nlh->nlmsg_pid);
		sa_discard(card, sa);
		return 0;
	} else if (old && !(old->larval && update))
		err = -EEXIST;
	if (!err && !old)
		old = sadb_find_larval(card, sa); /* what an ACQUIRE left behind */
	if (!err)
		err = sadb_insert(card, sa);
	if (err) {
		sa_discard(card, sa);
		return err;
	}
	if (old)
		sadb_remove(card, old);
	card->installs += sa->offloaded;
	event_sa_changed(card, r->nlh->nlmsg_type, sa, r->nlh->nlmsg_seq, r->nlh->nlmsg_pid);
	return 0;
}

int request_new_sa(struct request *r)
{
	struct sa *sa;
	int err = verify_new_sa(r, r->body);

	if (err)
		return err;
	sa = sa_new();
	if (!sa)
		return -ENOMEM;
	sa_read(r, sa);
	err = sa_read_keys(r, sa);
	if (!err)
		err = verify_construct(r, &sa->info);
	if (!err) {
		sa_read_replay(r, sa);
		err = sa_keep_given(sa);
	}
	if (err) {
		sa_free(sa);
		return err;
	}
	card_stop(r->card);
	/* The slot is taken before it is known whether the SPI is free (xfrm_state_construct comes before
	 * xfrm_state_add), so a full table also refuses duplicates and updates. */
	err = sa_offload(r, sa);
	if (err) {
		sa_discard(r->card, sa);
		return err;
	}
	return sa_enter(r, sa);
}
