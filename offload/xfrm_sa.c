/* SPDX-License-Identifier: MIT */
/*
 * SAs: NEWSA and UPDSA with what each kind of SA needs, the read-back, GETSA, DELSA, ALLOCSPI, dumps.
 *
 * Linux net/xfrm/xfrm_user.c: verify_newsa_info(), xfrm_state_construct(); xfrm_device.c: xfrm_dev_state_add().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/udp.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "offload/xfrm_priv.h"

/* ---- checks ---- */

static int invalid(struct xfrm *x, const struct xfrm_sa *sa, const char *what, uint64_t value)
{
	log_at(x->log, LOG_LEVEL_ERROR, "sa.invalid", "SPI 0x%08x: %s %" PRIu64, sa->spi, what, value);
	return -EINVAL;
}

/* The encryption key with its salt, and the integrity key, must have the length of the algorithms. */
static int check_keys(struct xfrm *x, const struct xfrm_sa *sa, const struct xfrm_key *key)
{
	const struct xfrm_alg *encr = xfrm_alg_encr(sa->encr, sa->encr_bits), *integ = xfrm_alg_integ(sa->integ);
	unsigned int bits;

	if (!encr) {
		log_at(x->log, LOG_LEVEL_ERROR, "sa.invalid", "SPI 0x%08x: no encryption algorithm %u with %u bits",
		       sa->spi, sa->encr, sa->encr_bits);
		return -EINVAL;
	}
	if (encr->aead ? sa->integ != 0 : !integ)
		return invalid(x, sa, "wrong integrity algorithm for the cipher:", sa->integ);
	bits = sa->encr_bits ? sa->encr_bits : encr->key_bits[0];
	if (key->encr_len != (bits + encr->salt_bits) / 8)
		return invalid(x, sa, "wrong length in octets of the encryption key:", key->encr_len);
	if (key->integ_len != (encr->aead ? 0 : integ->key_bits[0] / 8))
		return invalid(x, sa, "wrong length in octets of the integrity key:", key->integ_len);
	return 0;
}

static int check_sa(struct xfrm *x, const struct xfrm_sa *sa)
{
	const struct xfrm_limits *l = &sa->limits;

	if (!xfrm_family_ok(sa->dst.family) || sa->src.family != sa->dst.family)
		return invalid(x, sa, "not one address family: destination", sa->dst.family);
	if (!sa->tunnel && sa->sel.family && sa->sel.family != sa->dst.family)
		return invalid(x, sa, "transport mode selector of family", sa->sel.family);
	if (!sa->spi)
		return invalid(x, sa, "reserved SPI", sa->spi);
	if (!l->soft_bytes || !l->hard_bytes || !l->soft_packets || !l->hard_packets)
		return invalid(x, sa, "a byte or packet limit of", 0);
	if (!sa->out && sa->replay_window > XFRM_WINDOW_MAX)
		return invalid(x, sa, "replay window of", sa->replay_window);
	if (sa->mode != OFFLOAD_SOFTWARE && sa->ifindex <= 0)
		return invalid(x, sa, "offload without a device:", 0); /* the kernel would guess one by route */
	return 0;
}

/* ---- writing ---- */

static uint64_t seconds(uint64_t s)
{
	return s == UINT64_MAX ? 0 : s; /* XFRM's "no time limit" */
}

/* Offloaded SAs say their direction; and an SA_PCPU needs it. Not more, so that old kernels are not asked for it. */
static bool wants_dir(const struct xfrm *x, const struct xfrm_sa *sa)
{
	return x->sa_dir && (sa->mode != OFFLOAD_SOFTWARE || (sa->out && sa->cpu != UINT32_MAX));
}

/* The replay window as sent: an outbound SA has none, unless the kernel cannot be told that it is outbound. */
static uint32_t window(const struct xfrm *x, const struct xfrm_sa *sa)
{
	if (!sa->out)
		return sa->replay_window;
	return sa->esn && !wants_dir(x, sa) ? 32 : 0;
}

/* XFRMA_REPLAY_ESN_VAL: always with ESN, and for windows too large for the old structure. */
static bool wants_replay_esn(const struct xfrm *x, const struct xfrm_sa *sa)
{
	return sa->esn || window(x, sa) > 32;
}

static void put_info(const struct xfrm *x, struct xfrm_usersa_info *info, const struct xfrm_sa *sa)
{
	info->id.daddr = xfrm_address_put(&sa->dst);
	info->id.spi = htonl(sa->spi);
	info->id.proto = IPPROTO_ESP;
	info->saddr = xfrm_address_put(&sa->src);
	info->lft = (struct xfrm_lifetime_cfg){
		.soft_byte_limit = sa->limits.soft_bytes,
		.hard_byte_limit = sa->limits.hard_bytes,
		.soft_packet_limit = sa->limits.soft_packets,
		.hard_packet_limit = sa->limits.hard_packets,
		.soft_add_expires_seconds = seconds(sa->limits.soft_seconds),
		.hard_add_expires_seconds = seconds(sa->limits.hard_seconds),
	};
	info->seq = sa->seq;
	info->reqid = sa->reqid;
	info->family = sa->dst.family;
	info->mode = sa->tunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
	info->flags = sa->esn ? XFRM_STATE_ESN : 0;
	if (!wants_replay_esn(x, sa))
		info->replay_window = (uint8_t)window(x, sa);
	if (sa->tunnel)
		info->flags |= XFRM_STATE_AF_UNSPEC; /* carries IPv4 and IPv6 */
	else if (sa->sel.family)
		info->sel = xfrm_selector_put(&sa->sel);
	else
		info->sel.family = sa->dst.family;
}

static void put_aead(struct xfrm_msg *m, const struct xfrm_alg *alg, const struct xfrm_key *key)
{
	uint8_t buf[sizeof(struct xfrm_algo_aead) + sizeof(key->encr)];
	struct xfrm_algo_aead a = {.alg_key_len = key->encr_len * 8u, .alg_icv_len = alg->icv_bits};

	snprintf(a.alg_name, sizeof(a.alg_name), "%s", alg->name);
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), key->encr, key->encr_len);
	xfrm_msg_attr(m, XFRMA_ALG_AEAD, buf, sizeof(a) + key->encr_len);
	OPENSSL_cleanse(buf, sizeof(buf));
}

static void put_auth(struct xfrm_msg *m, const struct xfrm_alg *alg, const struct xfrm_key *key)
{
	uint8_t buf[sizeof(struct xfrm_algo_auth) + sizeof(key->integ)];
	struct xfrm_algo_auth a = {.alg_key_len = key->integ_len * 8u, .alg_trunc_len = alg->icv_bits};

	snprintf(a.alg_name, sizeof(a.alg_name), "%s", alg->name);
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), key->integ, key->integ_len);
	xfrm_msg_attr(m, XFRMA_ALG_AUTH_TRUNC, buf, sizeof(a) + key->integ_len);
	OPENSSL_cleanse(buf, sizeof(buf));
}

static void put_crypt(struct xfrm_msg *m, const struct xfrm_alg *alg, const struct xfrm_key *key)
{
	uint8_t buf[sizeof(struct xfrm_algo) + sizeof(key->encr)];
	struct xfrm_algo a = {.alg_key_len = key->encr_len * 8u};

	snprintf(a.alg_name, sizeof(a.alg_name), "%s", alg->name);
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), key->encr, key->encr_len);
	xfrm_msg_attr(m, XFRMA_ALG_CRYPT, buf, sizeof(a) + key->encr_len);
	OPENSSL_cleanse(buf, sizeof(buf));
}

static void put_replay_esn(struct xfrm_msg *m, uint32_t replay_window)
{
	uint8_t buf[sizeof(struct xfrm_replay_state_esn) + XFRM_WINDOW_MAX / 8] = {0};
	struct xfrm_replay_state_esn r = {.bmp_len = (replay_window + 31) / 32, .replay_window = replay_window};

	memcpy(buf, &r, sizeof(r));
	xfrm_msg_attr(m, XFRMA_REPLAY_ESN_VAL, buf, sizeof(r) + r.bmp_len * sizeof(uint32_t));
}

static void put_encap(struct xfrm_msg *m, const struct xfrm_sa *sa)
{
	struct xfrm_encap_tmpl e = {
		.encap_type = UDP_ENCAP_ESPINUDP,
		.encap_sport = htons(sa->encap_sport),
		.encap_dport = htons(sa->encap_dport),
	};

	xfrm_msg_attr(m, XFRMA_ENCAP, &e, sizeof(e));
}

static void put_offload(struct xfrm_msg *m, const struct xfrm_sa *sa)
{
	struct xfrm_user_offload o = {
		.ifindex = sa->ifindex,
		.flags = (uint8_t)((sa->out ? 0 : XFRM_OFFLOAD_INBOUND) |
				   (sa->mode == OFFLOAD_PACKET ? KR_XFRM_OFFLOAD_PACKET : 0)),
	};

	xfrm_msg_attr(m, XFRMA_OFFLOAD_DEV, &o, sizeof(o));
}

/* Everything but the offload: the same for an install and for an update. */
static void put_sa(const struct xfrm *x, struct xfrm_msg *m, uint16_t type, uint16_t flags, const struct xfrm_sa *sa,
		   const struct xfrm_key *key)
{
	const struct xfrm_alg *encr = xfrm_alg_encr(sa->encr, sa->encr_bits);
	uint8_t dir = sa->out ? KR_XFRM_SA_DIR_OUT : KR_XFRM_SA_DIR_IN;

	put_info(x, xfrm_msg_begin(m, type, flags, sizeof(struct xfrm_usersa_info)), sa);
	if (encr->aead) {
		put_aead(m, encr, key);
	} else {
		put_auth(m, xfrm_alg_integ(sa->integ), key);
		put_crypt(m, encr, key);
	}
	if (wants_replay_esn(x, sa))
		put_replay_esn(m, window(x, sa));
	if (sa->encap)
		put_encap(m, sa);
	if (wants_dir(x, sa)) {
		xfrm_msg_attr(m, KR_XFRMA_SA_DIR, &dir, sizeof(dir));
		if (sa->out && sa->cpu != UINT32_MAX)
			xfrm_msg_attr(m, KR_XFRMA_SA_PCPU, &sa->cpu, sizeof(sa->cpu));
	}
}

/* GETSA and DELSA. */
static void put_id(struct xfrm_msg *m, uint16_t type, const struct xfrm_sa_id *id)
{
	struct xfrm_usersa_id *u = xfrm_msg_begin(m, type, NLM_F_ACK, sizeof(*u));
	xfrm_address_t src = xfrm_address_put(&id->src);

	u->daddr = xfrm_address_put(&id->dst);
	u->spi = htonl(id->spi);
	u->family = id->dst.family;
	u->proto = IPPROTO_ESP;
	if (id->src.family == id->dst.family)
		xfrm_msg_attr(m, XFRMA_SRCADDR, &src, sizeof(src));
}

/* ---- reading ---- */

/* An XFRM_MSG_NEWSA; false if it is too short to be one, or not of ESP. */
static bool get_sa(const struct nlmsghdr *nlh, struct xfrm_sa_counts *out, struct xfrm_readback *back)
{
	struct xfrm_usersa_info info;
	struct xfrm_replay_state_esn replay;
	bool inbound = true;
	uint8_t dir = 0;

	if (nlh->nlmsg_type != XFRM_MSG_NEWSA || !xfrm_body(nlh, &info, sizeof(info)))
		return false;
	if (info.id.proto != IPPROTO_ESP || !xfrm_family_ok(info.family))
		return false;
	*back = xfrm_readback_get(nlh, sizeof(info), &inbound);
	(void)xfrm_attr_get(nlh, sizeof(info), KR_XFRMA_SA_DIR, &dir, sizeof(dir));
	*out = (struct xfrm_sa_counts){
		.id = {ntohl(info.id.spi), xfrm_address_get(&info.id.daddr, info.family),
		       xfrm_address_get(&info.saddr, info.family)},
		.out = dir ? dir == KR_XFRM_SA_DIR_OUT : !inbound,
		.reqid = info.reqid,
		.mode = back->mode,
		.bytes = info.curlft.bytes,
		.packets = info.curlft.packets,
		.use_time = info.curlft.use_time,
		.replay = info.stats.replay,
		.replay_window = info.replay_window,
		.integrity_failed = info.stats.integrity_failed,
	};
	if (xfrm_attr_get(nlh, sizeof(info), XFRMA_REPLAY_ESN_VAL, &replay, sizeof(replay)))
		out->replay_window = replay.replay_window;
	return true;
}

/* ---- install ---- */

static const char *or_none(const char *text)
{
	return text ? text : "the kernel says no more";
}

static void log_refused(struct xfrm *x, const struct xfrm_op *op)
{
	log_at(x->log, LOG_LEVEL_WARN, "sa.refused", "SPI 0x%08x, %s, reqid %u, %s mode: %s (%s): %s", op->u.sa.id.spi,
	       op->u.sa.out ? "out" : "in", op->u.sa.reqid, offload_mode_name(op->u.sa.mode), strerrorname_np(-op->err),
	       strerrordesc_np(-op->err), or_none(op->text));
}

static void install_data(struct xfrm *x, struct xfrm_op *op, const struct nlmsghdr *nlh)
{
	struct xfrm_sa_counts counts;

	if (!get_sa(nlh, &counts, &op->u.sa.back) || counts.id.spi != op->u.sa.id.spi) {
		op->u.sa.back.found = false;
		x->counters.malformed++;
	}
}

/* The SA that should not be there has been deleted, or was not there: what counts is why. */
static void undo_end(struct xfrm *x, struct xfrm_op *op)
{
	const struct xfrm_readback *back = &op->u.sa.back;
	char text[XFRM_TEXT_ROOM];
	struct xfrm_result result = {.err = op->lost ? -ENOBUFS : -EOPNOTSUPP, .text = text, .mode = back->mode};

	if (op->lost)
		snprintf(text, sizeof(text), "an answer was lost: the SA is removed again");
	else if (!back->found)
		snprintf(text, sizeof(text), "acknowledged, but the SA cannot be read back");
	else if (back->mode == op->u.sa.mode)
		snprintf(text, sizeof(text), "acknowledged, but offloaded to interface %d instead of %d", back->ifindex,
			 op->u.sa.ifindex);
	else
		snprintf(text, sizeof(text), "acknowledged but not offloaded: %s was asked for, the SA is in %s",
			 offload_mode_name(op->u.sa.mode), offload_mode_name(back->mode));
	log_at(x->log, LOG_LEVEL_WARN, op->lost ? "sa.lost" : "sa.not_offloaded", "SPI 0x%08x, %s, reqid %u: %s",
	       op->u.sa.id.spi, op->u.sa.out ? "out" : "in", op->u.sa.reqid, text);
	xfrm_op_finish(x, op, &result);
}

static const struct xfrm_op_kind undo_kind = {"DELSA (undo)", NULL, undo_end};

static bool is_where_asked(const struct xfrm_op *op)
{
	const struct xfrm_readback *back = &op->u.sa.back;

	return back->found && back->mode == op->u.sa.mode &&
	       (back->mode == OFFLOAD_SOFTWARE || back->ifindex == op->u.sa.ifindex);
}

static void install_end(struct xfrm *x, struct xfrm_op *op)
{
	struct xfrm_result result = {.text = op->text, .mode = op->u.sa.back.mode};
	struct xfrm_msg m;

	/* an error of the NEWSA leaves nothing behind; a read-back that failed does */
	if (op->err && !op->lost && op->err_at == 0) {
		log_refused(x, op);
		xfrm_op_finish_plain(x, op);
		return;
	}
	if (!op->err && is_where_asked(op)) {
		x->counters.installs++;
		xfrm_op_finish(x, op, &result);
		return;
	}
	if (!op->lost)
		x->counters.not_offloaded++;
	xfrm_msg_init(&m);
	put_id(&m, XFRM_MSG_DELSA, &op->u.sa.id);
	xfrm_op_again(x, op, &undo_kind, &m);
}

static const struct xfrm_op_kind install_kind = {"NEWSA", install_data, install_end};

int xfrm_sa_add(struct xfrm *x, const struct xfrm_sa *sa, const struct xfrm_key *key, xfrm_done done, void *ctx)
{
	struct xfrm_sa_id id = {sa->spi, sa->dst, sa->src};
	struct xfrm_msg m;
	struct xfrm_op *op;
	int err;

	if ((err = check_sa(x, sa)) || (err = check_keys(x, sa, key)))
		return err;
	xfrm_msg_init(&m);
	if (sa->larval)
		put_sa(x, &m, XFRM_MSG_UPDSA, NLM_F_ACK, sa, key);
	else
		put_sa(x, &m, XFRM_MSG_NEWSA, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sa, key);
	if (sa->mode != OFFLOAD_SOFTWARE)
		put_offload(&m, sa);
	put_id(&m, XFRM_MSG_GETSA, &id); /* in the same datagram: nothing can come between */
	op = xfrm_op_new(x, &install_kind, &m, done, ctx);
	if (!op)
		return -errno;
	op->u.sa.id = id;
	op->u.sa.out = sa->out;
	op->u.sa.reqid = sa->reqid;
	op->u.sa.mode = sa->mode;
	op->u.sa.ifindex = sa->ifindex;
	xfrm_op_send(x, op);
	return 0;
}

static void update_end(struct xfrm *x, struct xfrm_op *op)
{
	if (op->err)
		log_refused(x, op);
	xfrm_op_finish_plain(x, op);
}

static const struct xfrm_op_kind update_kind = {"UPDSA", NULL, update_end};

int xfrm_sa_update(struct xfrm *x, const struct xfrm_sa *sa, const struct xfrm_key *key, xfrm_done done, void *ctx)
{
	struct xfrm_msg m;
	struct xfrm_op *op;
	int err;

	if ((err = check_sa(x, sa)) || (err = check_keys(x, sa, key)))
		return err;
	xfrm_msg_init(&m);
	put_sa(x, &m, XFRM_MSG_UPDSA, NLM_F_ACK, sa, key);
	op = xfrm_op_new(x, &update_kind, &m, done, ctx);
	if (!op)
		return -errno;
	op->u.sa.id.spi = sa->spi;
	op->u.sa.out = sa->out;
	op->u.sa.reqid = sa->reqid;
	op->u.sa.mode = sa->mode;
	xfrm_op_send(x, op);
	return 0;
}

/* ---- delete, get, dump, allocate ---- */

static int check_id(struct xfrm *x, const struct xfrm_sa_id *id)
{
	if (xfrm_family_ok(id->dst.family))
		return 0;
	log_at(x->log, LOG_LEVEL_ERROR, "sa.invalid", "SPI 0x%08x: destination of family %u", id->spi, id->dst.family);
	return -EINVAL;
}

static void delete_end(struct xfrm *x, struct xfrm_op *op)
{
	if (!op->err)
		x->counters.deletes++;
	else
		log_at(x->log, op->err == -ESRCH ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "sa.delete", "SPI 0x%08x: %s: %s",
		       op->u.id.spi, strerrordesc_np(-op->err), or_none(op->text));
	xfrm_op_finish_plain(x, op);
}

static const struct xfrm_op_kind delete_kind = {"DELSA", NULL, delete_end};

int xfrm_sa_delete(struct xfrm *x, const struct xfrm_sa_id *id, xfrm_done done, void *ctx)
{
	struct xfrm_msg m;
	struct xfrm_op *op;
	int err = check_id(x, id);

	if (err)
		return err;
	xfrm_msg_init(&m);
	put_id(&m, XFRM_MSG_DELSA, id);
	op = xfrm_op_new(x, &delete_kind, &m, done, ctx);
	if (!op)
		return -errno;
	op->u.id = *id;
	xfrm_op_send(x, op);
	return 0;
}

static void get_data(struct xfrm *x, struct xfrm_op *op, const struct nlmsghdr *nlh)
{
	struct xfrm_readback back;

	op->u.get.found = get_sa(nlh, &op->u.get.counts, &back);
	if (!op->u.get.found)
		x->counters.malformed++;
}

static void get_end(struct xfrm *x, struct xfrm_op *op)
{
	if (!op->err && !op->u.get.found)
		op->err = -EPROTO;
	xfrm_op_finish_plain(x, op);
}

static const struct xfrm_op_kind get_kind = {"GETSA", get_data, get_end};

/* xfrm_op_finish() calls a plain `done`: this one hands the counters on. */
static void get_done(struct xfrm_op *op, const struct xfrm_result *result)
{
	op->u.get.done(op->ctx, result, &op->u.get.counts);
}

int xfrm_sa_get(struct xfrm *x, const struct xfrm_sa_id *id,
		void (*done)(void *ctx, const struct xfrm_result *result, const struct xfrm_sa_counts *counts),
		void *ctx)
{
	struct xfrm_msg m;
	struct xfrm_op *op;
	int err = check_id(x, id);

	if (err)
		return err;
	xfrm_msg_init(&m);
	put_id(&m, XFRM_MSG_GETSA, id);
	op = xfrm_op_new(x, &get_kind, &m, NULL, ctx);
	if (!op)
		return -errno;
	op->finish = get_done;
	op->u.get.counts.id = *id;
	op->u.get.done = done;
	xfrm_op_send(x, op);
	return 0;
}

static void dump_data(struct xfrm *x, struct xfrm_op *op, const struct nlmsghdr *nlh)
{
	struct xfrm_sa_counts counts;
	struct xfrm_readback back;

	if (nlh->nlmsg_type != XFRM_MSG_NEWSA || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct xfrm_usersa_info))
		x->counters.malformed++;
	else if (get_sa(nlh, &counts, &back)) /* others than ESP are not ours */
		op->u.dump.each(op->ctx, &counts);
}

static void plain_end(struct xfrm *x, struct xfrm_op *op)
{
	xfrm_op_finish_plain(x, op);
}

static const struct xfrm_op_kind dump_kind = {"GETSA (dump)", dump_data, plain_end};

int xfrm_sa_dump(struct xfrm *x, void (*each)(void *ctx, const struct xfrm_sa_counts *counts), xfrm_done done,
		 void *ctx)
{
	struct xfrm_msg m;
	struct xfrm_op *op;

	xfrm_msg_init(&m);
	xfrm_msg_begin(&m, XFRM_MSG_GETSA, NLM_F_DUMP, 0); /* the kernel reads attributes right after the header */
	op = xfrm_op_new(x, &dump_kind, &m, done, ctx);
	if (!op)
		return -errno;
	op->dump = true;
	op->u.dump.each = each;
	xfrm_op_send(x, op);
	return 0;
}

static void spi_data(struct xfrm *x, struct xfrm_op *op, const struct nlmsghdr *nlh)
{
	struct xfrm_usersa_info info;

	if (nlh->nlmsg_type == XFRM_MSG_NEWSA && xfrm_body(nlh, &info, sizeof(info)))
		op->u.spi = ntohl(info.id.spi);
	else
		x->counters.malformed++;
}

static void spi_end(struct xfrm *x, struct xfrm_op *op)
{
	struct xfrm_result result = {.err = op->err, .text = op->text, .spi = op->u.spi};

	if (!result.err && !result.spi)
		result.err = -EPROTO;
	if (result.err)
		log_at(x->log, LOG_LEVEL_WARN, "spi.refused", "%s: %s", strerrordesc_np(-result.err),
		       or_none(op->text));
	xfrm_op_finish(x, op, &result);
}

static const struct xfrm_op_kind spi_kind = {"ALLOCSPI", spi_data, spi_end};

int xfrm_spi_alloc(struct xfrm *x, const struct xfrm_addr *src, const struct xfrm_addr *dst, uint32_t reqid,
		   uint32_t min, uint32_t max, xfrm_done done, void *ctx)
{
	uint8_t dir = KR_XFRM_SA_DIR_IN;
	struct xfrm_userspi_info *u;
	struct xfrm_msg m;
	struct xfrm_op *op;

	if (!xfrm_family_ok(dst->family) || src->family != dst->family || min > max || !min) {
		log_at(x->log, LOG_LEVEL_ERROR, "spi.invalid", "families %u and %u, range 0x%08x-0x%08x", src->family,
		       dst->family, min, max);
		return -EINVAL;
	}
	xfrm_msg_init(&m);
	u = xfrm_msg_begin(&m, XFRM_MSG_ALLOCSPI, NLM_F_ACK, sizeof(*u));
	u->info.id.daddr = xfrm_address_put(dst);
	u->info.id.proto = IPPROTO_ESP;
	u->info.saddr = xfrm_address_put(src);
	u->info.reqid = reqid;
	u->info.family = dst->family;
	u->info.mode = XFRM_MODE_TUNNEL;
	u->min = min;
	u->max = max;
	if (x->sa_dir) /* an UPDSA with a direction only finds a larval state that has the same one */
		xfrm_msg_attr(&m, KR_XFRMA_SA_DIR, &dir, sizeof(dir));
	op = xfrm_op_new(x, &spi_kind, &m, done, ctx);
	if (!op)
		return -errno;
	xfrm_op_send(x, op);
	return 0;
}
