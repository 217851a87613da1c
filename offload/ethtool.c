/* SPDX-License-Identifier: MIT */
#include "offload/ethtool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "offload/ethtool_priv.h"

static void op_free(struct op *op)
{
	free(op->rss);
	free(op->names);
	free(op);
}

/* Calls the op's `done`, once. */
static void tell(struct ethtool *e, struct op *op, const struct ethtool_result *r)
{
	const struct nic_value *v = &e->value;

	switch (op->kind) {
	case OP_FAMILY:
		return;
	case OP_CHANNELS_GET:
		op->done.channels(op->ctx, r, r->err ? NULL : &v->channels);
		return;
	case OP_RSS_GET:
		op->done.rss(op->ctx, r, r->err ? NULL : &v->rss);
		return;
	case OP_FEATURES_GET:
		op->done.features(op->ctx, r, r->err ? NULL : &v->features);
		return;
	case OP_DRIVER_GET:
		op->done.driver(op->ctx, r, r->err ? NULL : v->driver);
		return;
	case OP_RSS_SET:
	case OP_STATS_GET:
	case OP_RULE_ADD:
	case OP_RULE_DELETE:
		op->done.plain(op->ctx, r);
		return;
	}
}

/* Ends the first op. */
static void finish(struct ethtool *e, int err, const char *text)
{
	struct op *op = STAILQ_FIRST(&e->ops);
	struct ethtool_result r = {.err = err, .text = text, .location = e->value.location};

	STAILQ_REMOVE_HEAD(&e->ops, link);
	e->sent = false;
	e->pending -= op->kind != OP_FAMILY;
	e->counters.errors += err != 0;
	tell(e, op, &r);
	op_free(op);
}

static void close_all(struct ethtool *e)
{
	if (e->closed)
		return;
	e->closed = true;
	while (!STAILQ_EMPTY(&e->ops))
		finish(e, -EPIPE, "the transport is closed");
	if (e->events.closed)
		e->events.closed(e->events.ctx);
}

static struct op *op_new(struct ethtool *e, enum op_kind kind, void *ctx)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->kind = kind;
	op->ctx = ctx;
	op->step = kind == OP_STATS_GET ? STEP_IOCTL : STEP_NETLINK;
	STAILQ_INSERT_TAIL(&e->ops, op, link);
	e->pending += kind != OP_FAMILY;
	return op;
}

struct ethtool *ethtool_new(const struct xfrm_transport *requests, const struct xfrm_transport *multicast,
			    const struct ethtool_events *events, int ifindex, const struct log *log)
{
	struct ethtool *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->requests = *requests;
	if (multicast)
		e->multicast = *multicast;
	if (events)
		e->events = *events;
	e->ifindex = ifindex;
	e->log = log;
	STAILQ_INIT(&e->ops);
	if (!op_new(e, OP_FAMILY, NULL)) {
		free(e);
		errno = ENOMEM;
		return NULL;
	}
	return e;
}

void ethtool_free(struct ethtool *e)
{
	if (!e)
		return;
	e->closed = true; /* a `done` that asks for more is refused */
	while (!STAILQ_EMPTY(&e->ops))
		finish(e, -ECANCELED, NULL);
	free(e);
}

/* Sends the first op's message, if it is not under way. Ops that cannot be asked end here. */
static void pump(struct ethtool *e)
{
	struct op *op;
	int err;

	while (!e->sent && !e->closed && (op = STAILQ_FIRST(&e->ops))) {
		err = ethtool_ask(e, op);
		if (err) {
			finish(e, err, err == -EOPNOTSUPP ? "the kernel has no ethtool netlink family" : NULL);
			continue;
		}
		err = e->requests.send(e->requests.ctx, &e->out, e->out.nlh.nlmsg_len);
		e->wants_write = err == -EAGAIN;
		if (err == -EAGAIN)
			return;
		if (err == -EPIPE || err == -ECONNRESET) {
			close_all(e);
			return;
		}
		if (err) {
			finish(e, err, NULL);
			continue;
		}
		e->sent = true;
		e->counters.requests++;
	}
}

/* The kernel's sentence, or NULL. It is in the message, and ended by a NUL. */
static const char *extack_text(const struct nlmsghdr *nlh, const struct nlmsgerr *error)
{
	size_t skip = sizeof(*error);
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && error->msg.nlmsg_len >= sizeof(error->msg))
		skip += error->msg.nlmsg_len - sizeof(error->msg);
	if (skip > mnl_nlmsg_get_payload_len(nlh))
		return NULL;
	mnl_attr_for_each (attr, nlh, (unsigned int)skip) {
		const char *text = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && len && !text[len - 1])
			return text;
	}
	return NULL;
}

static void take_message(struct ethtool *e, const struct nlmsghdr *nlh)
{
	struct op *op = STAILQ_FIRST(&e->ops);
	const char *text = NULL;
	int next;

	if (!e->sent || !op || nlh->nlmsg_seq != op->seq) {
		e->counters.malformed++;
		return;
	}
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);

		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*error)) {
			next = -EPROTO;
		} else {
			text = extack_text(nlh, error);
			next = ethtool_read_error(e, op, error->error > 0 ? -EPROTO : error->error);
		}
	} else {
		next = ethtool_read_reply(e, op, nlh);
	}
	if (next == -EPROTO)
		e->counters.malformed++;
	e->sent = false;
	if (next <= 0)
		finish(e, next, next == -EPROTO ? "the answer makes no sense" : text);
}

/* Everything that waits on the request transport. True if there was anything. */
static bool read_answers(struct ethtool *e)
{
	bool any = false, bad = false;
	const struct nlmsghdr *nlh;

	while (!e->closed) {
		ssize_t n = e->requests.recv(e->requests.ctx, &e->in, sizeof(e->in));
		const uint8_t *p = e->in.room;
		size_t left = n > 0 ? (size_t)n : 0;

		if (n == -EAGAIN)
			return any;
		any = true;
		if (n == -ENOBUFS) {
			if (e->sent)
				finish(e, -ENOBUFS, "the answer was lost");
			continue;
		}
		if (n <= 0) {
			close_all(e);
			return true;
		}
		while (!e->closed && (nlh = ethtool_next(&p, &left, &bad)))
			take_message(e, nlh);
		e->counters.malformed += bad;
	}
	return any;
}

static void changed(struct ethtool *e, const char *what)
{
	if (e->events.changed)
		e->events.changed(e->events.ctx, what);
}

static const struct notification_row {
	uint8_t cmd;
	const char *what;
} notifications[] = {
	{ETHTOOL_MSG_CHANNELS_NTF, "channels"},
	{ETHTOOL_MSG_FEATURES_NTF, "features"},
	{KR_ETHTOOL_MSG_RSS_NTF, "RSS"},
};

static void take_notification(struct ethtool *e, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == NLMSG_OVERRUN) {
		e->counters.overruns++;
		changed(e, "notifications were lost");
		return;
	}
	if (!e->family || nlh->nlmsg_type != e->family || ethtool_ifindex(nlh) != e->ifindex)
		return;
	for (size_t i = 0; i < sizeof(notifications) / sizeof(notifications[0]); i++)
		if (notifications[i].cmd == genl->cmd) {
			e->counters.notifications++;
			changed(e, notifications[i].what);
		}
}

static void read_notifications(struct ethtool *e)
{
	const struct nlmsghdr *nlh;
	bool bad = false;

	while (!e->closed && e->multicast.recv) {
		ssize_t n = e->multicast.recv(e->multicast.ctx, &e->in, sizeof(e->in));
		const uint8_t *p = e->in.room;
		size_t left = n > 0 ? (size_t)n : 0;

		if (n == -EAGAIN)
			return;
		if (n == -ENOBUFS) {
			e->counters.overruns++;
			changed(e, "notifications were lost");
			continue;
		}
		if (n <= 0) {
			close_all(e);
			return;
		}
		while (!e->closed && (nlh = ethtool_next(&p, &left, &bad)))
			take_notification(e, nlh);
		e->counters.malformed += bad;
	}
}

void ethtool_process(struct ethtool *e)
{
	if (e->running)
		return; /* from a callback: the call that runs it goes on */
	e->running = true;
	do
		pump(e);
	while (read_answers(e));
	read_notifications(e);
	do /* a callback may have asked for something */
		pump(e);
	while (read_answers(e));
	e->running = false;
}

unsigned int ethtool_pending(const struct ethtool *e)
{
	return e->pending;
}

bool ethtool_wants_write(const struct ethtool *e)
{
	return e->wants_write;
}

void ethtool_counters_get(const struct ethtool *e, struct ethtool_counters *out)
{
	*out = e->counters;
}

/* A new op, or NULL and *err. */
static struct op *request(struct ethtool *e, enum op_kind kind, void *ctx, int *err)
{
	struct op *op = NULL;

	*err = e->closed ? -EPIPE : e->pending >= ETHTOOL_PENDING_MAX ? -ENOBUFS : 0;
	if (!*err && !(op = op_new(e, kind, ctx)))
		*err = -ENOMEM;
	return op;
}

int ethtool_channels_get(struct ethtool *e,
			 void (*done)(void *ctx, const struct ethtool_result *result,
				      const struct nic_channels *channels),
			 void *ctx)
{
	int err;
	struct op *op = request(e, OP_CHANNELS_GET, ctx, &err);

	if (!op)
		return err;
	op->done.channels = done;
	ethtool_process(e);
	return 0;
}

int ethtool_rss_get(struct ethtool *e,
		    void (*done)(void *ctx, const struct ethtool_result *result, const struct nic_rss *rss), void *ctx)
{
	int err;
	struct op *op = request(e, OP_RSS_GET, ctx, &err);

	if (!op)
		return err;
	op->done.rss = done;
	ethtool_process(e);
	return 0;
}

int ethtool_rss_set(struct ethtool *e, const struct nic_rss *rss, bool indir_default, ethtool_done done, void *ctx)
{
	struct nic_rss *copy;
	struct op *op;
	int err;

	if (rss->indir_size > ETHTOOL_INDIR_MAX || rss->key_size > ETHTOOL_KEY_MAX)
		return -EINVAL;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *rss;
	op = request(e, OP_RSS_SET, ctx, &err);
	if (!op) {
		free(copy);
		return err;
	}
	op->rss = copy;
	op->indir_default = indir_default;
	op->done.plain = done;
	ethtool_process(e);
	return 0;
}

int ethtool_features_get(struct ethtool *e,
			 void (*done)(void *ctx, const struct ethtool_result *result,
				      const struct nic_features *features),
			 void *ctx)
{
	int err;
	struct op *op = request(e, OP_FEATURES_GET, ctx, &err);

	if (!op)
		return err;
	op->done.features = done;
	ethtool_process(e);
	return 0;
}

int ethtool_driver_get(struct ethtool *e,
		       void (*done)(void *ctx, const struct ethtool_result *result, const char *name), void *ctx)
{
	int err;
	struct op *op = request(e, OP_DRIVER_GET, ctx, &err);

	if (!op)
		return err;
	op->done.driver = done;
	ethtool_process(e);
	return 0;
}

int ethtool_stats_get(struct ethtool *e, void (*each)(void *ctx, const char *name, uint64_t value), ethtool_done done,
		      void *ctx)
{
	int err;
	struct op *op = request(e, OP_STATS_GET, ctx, &err);

	if (!op)
		return err;
	op->each = each;
	op->done.plain = done;
	ethtool_process(e);
	return 0;
}

int ethtool_rule_add(struct ethtool *e, const struct nic_rule *rule, ethtool_done done, void *ctx)
{
	struct op *op;
	int err;

	if ((rule->dst.family != AF_INET && rule->dst.family != AF_INET6) || !rule->spi) {
		log_at(e->log, LOG_LEVEL_ERROR, "ethtool.rule", "no rule for SPI 0x%08x and address family %u",
		       rule->spi, rule->dst.family);
		return -EINVAL;
	}
	op = request(e, OP_RULE_ADD, ctx, &err);
	if (!op)
		return err;
	op->rule = *rule;
	op->done.plain = done;
	ethtool_process(e);
	return 0;
}

int ethtool_rule_delete(struct ethtool *e, uint32_t location, ethtool_done done, void *ctx)
{
	int err;
	struct op *op = request(e, OP_RULE_DELETE, ctx, &err);

	if (!op)
		return err;
	op->location = location;
	op->done.plain = done;
	ethtool_process(e);
	return 0;
}
