/* SPDX-License-Identifier: MIT */
/* SAs: install with its read-back, update, delete, get, dump, and SPIs from the kernel. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "offload/xfrm_priv.h"

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
		.seq = info.seq,
		.cpu = UINT32_MAX,
		.mode = back->mode,
		.bytes = info.curlft.bytes,
		.packets = info.curlft.packets,
		.use_time = info.curlft.use_time,
		.replay = info.stats.replay,
		.replay_window = info.replay_window,
		.integrity_failed = info.stats.integrity_failed,
	};
	(void)xfrm_attr_get(nlh, sizeof(info), KR_XFRMA_SA_PCPU, &out->cpu, sizeof(out->cpu));
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

	if ((err = xfrm_sa_check(x, sa, key)))
		return err;
	xfrm_msg_init(&m);
	if (sa->larval)
		xfrm_sa_put(x, &m, XFRM_MSG_UPDSA, NLM_F_ACK, sa, key);
	else
		xfrm_sa_put(x, &m, XFRM_MSG_NEWSA, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sa, key);
	if (sa->mode != OFFLOAD_SOFTWARE)
		xfrm_sa_put_offload(&m, sa);
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

	if ((err = xfrm_sa_check(x, sa, key)))
		return err;
	xfrm_msg_init(&m);
	xfrm_sa_put(x, &m, XFRM_MSG_UPDSA, NLM_F_ACK, sa, key);
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

/* A request that is nothing but an SA's id. NULL and errno. */
static struct xfrm_op *id_op_new(struct xfrm *x, const struct xfrm_op_kind *kind, uint16_t type,
				 const struct xfrm_sa_id *id, xfrm_done done, void *ctx)
{
	struct xfrm_msg m;
	int err = check_id(x, id);

	if (err) {
		errno = -err;
		return NULL;
	}
	xfrm_msg_init(&m);
	put_id(&m, type, id);
	return xfrm_op_new(x, kind, &m, done, ctx);
}

int xfrm_sa_delete(struct xfrm *x, const struct xfrm_sa_id *id, xfrm_done done, void *ctx)
{
	struct xfrm_op *op = id_op_new(x, &delete_kind, XFRM_MSG_DELSA, id, done, ctx);

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
	struct xfrm_op *op = id_op_new(x, &get_kind, XFRM_MSG_GETSA, id, NULL, ctx);

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
	struct xfrm_op *op = xfrm_op_new_dump(x, &dump_kind, XFRM_MSG_GETSA, done, ctx);

	if (!op)
		return -errno;
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
