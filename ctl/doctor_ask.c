/* SPDX-License-Identifier: MIT */
/* The asynchronous drivers, waited for: poll() until the answer is there or the deadline has passed. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ctl/doctor_priv.h"

enum { ANSWER_MS = 5000 }; /* firmware commands take tens of ms, and may queue behind others */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Until *done; `turn` has the driver read what there is. 0 or -ETIMEDOUT. */
static int wait_done(int fd, void (*turn)(struct doctor *d), bool (*wants_write)(const struct doctor *d),
		     struct doctor *d, const bool *done)
{
	int64_t deadline = now_ms() + ANSWER_MS;

	for (turn(d); !*done; turn(d)) {
		struct pollfd p = {.fd = fd, .events = wants_write(d) ? POLLIN | POLLOUT : POLLIN};
		int64_t left = deadline - now_ms();

		if (fd < 0 || left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

/* ---- ethtool ---- */

static void ethtool_turn(struct doctor *d)
{
	ethtool_process(d->ethtool);
}

static bool ethtool_blocked(const struct doctor *d)
{
	return ethtool_wants_write(d->ethtool);
}

int doctor_ethtool_open(struct doctor *d, int ifindex)
{
	const struct doctor_door *door = &d->config->ethtool;
	struct ethtool_events none = {0};

	doctor_ethtool_close(d);
	if (door->err)
		return door->err;
	d->ethtool = ethtool_new(&door->requests, NULL, &none, ifindex, NULL);
	return d->ethtool ? 0 : -errno;
}

void doctor_ethtool_close(struct doctor *d)
{
	ethtool_free(d->ethtool);
	d->ethtool = NULL;
}

struct ethtool_wait {
	bool done;
	int err;
	void *out;
	size_t size; /* of *out */
};

static void ethtool_take(struct ethtool_wait *w, const struct ethtool_result *r, const void *value)
{
	w->done = true;
	w->err = r->err;
	if (!r->err)
		memcpy(w->out, value, w->size);
}

static void on_features(void *ctx, const struct ethtool_result *r, const struct nic_features *value)
{
	ethtool_take(ctx, r, value);
}

static void on_channels(void *ctx, const struct ethtool_result *r, const struct nic_channels *value)
{
	ethtool_take(ctx, r, value);
}

static void on_rss(void *ctx, const struct ethtool_result *r, const struct nic_rss *value)
{
	ethtool_take(ctx, r, value);
}

static void on_driver(void *ctx, const struct ethtool_result *r, const char *name)
{
	struct ethtool_wait *w = ctx;

	w->done = true;
	w->err = r->err;
	if (!r->err)
		snprintf(w->out, w->size, "%s", name);
}

/* asked: what the request function said. The driver ends before `w` does, when it has not answered in time. */
static int ethtool_wait(struct doctor *d, struct ethtool_wait *w, int asked)
{
	int err = asked;

	if (!err)
		err = wait_done(d->config->ethtool.fd, ethtool_turn, ethtool_blocked, d, &w->done);
	if (err && !asked)
		doctor_ethtool_close(d);
	return err ? err : w->err;
}

int doctor_ask_features(struct doctor *d, struct nic_features *out)
{
	struct ethtool_wait w = {.out = out, .size = sizeof(*out)};

	return d->ethtool ? ethtool_wait(d, &w, ethtool_features_get(d->ethtool, on_features, &w)) : -ETIMEDOUT;
}

int doctor_ask_channels(struct doctor *d, struct nic_channels *out)
{
	struct ethtool_wait w = {.out = out, .size = sizeof(*out)};

	return d->ethtool ? ethtool_wait(d, &w, ethtool_channels_get(d->ethtool, on_channels, &w)) : -ETIMEDOUT;
}

int doctor_ask_rss(struct doctor *d, struct nic_rss *out)
{
	struct ethtool_wait w = {.out = out, .size = sizeof(*out)};

	return d->ethtool ? ethtool_wait(d, &w, ethtool_rss_get(d->ethtool, on_rss, &w)) : -ETIMEDOUT;
}

int doctor_ask_driver(struct doctor *d, char out[ETHTOOL_NAME])
{
	struct ethtool_wait w = {.out = out, .size = ETHTOOL_NAME};

	return d->ethtool ? ethtool_wait(d, &w, ethtool_driver_get(d->ethtool, on_driver, &w)) : -ETIMEDOUT;
}

static void on_map(void *ctx, const char *what)
{
	(void)what;
	*(bool *)ctx = true;
}

int doctor_ask_queues(struct doctor *d, const struct queues_config *config, struct queues **out)
{
	bool done = false;
	struct queues_events events = {&done, on_map};
	int err;

	*out = NULL;
	if (!d->ethtool)
		return -ETIMEDOUT;
	*out = queues_new(config, d->ethtool, &events);
	if (!*out)
		return -ENOMEM;
	err = queues_refresh(*out);
	if (!err)
		err = wait_done(d->config->ethtool.fd, ethtool_turn, ethtool_blocked, d, &done);
	if (!err)
		return 0;
	doctor_ethtool_close(d); /* so that nothing comes to `done` any more */
	queues_free(*out);
	*out = NULL;
	return err;
}

/* ---- XFRM ---- */

static int quiet_send(void *ctx, const void *buf, size_t len)
{
	(void)ctx, (void)buf, (void)len;
	return -EINVAL;
}

static ssize_t quiet_recv(void *ctx, void *buf, size_t size)
{
	(void)ctx, (void)buf, (void)size;
	return -EAGAIN;
}

static void xfrm_turn(struct doctor *d)
{
	xfrm_process(d->xfrm);
}

static bool xfrm_blocked(const struct doctor *d)
{
	return xfrm_wants_write(d->xfrm);
}

/* No groups are joined: who listens to acquires changes what the kernel does when there is no SA. */
int doctor_xfrm_open(struct doctor *d)
{
	const struct doctor_door *door = &d->config->xfrm;
	const struct xfrm_transport quiet = {NULL, quiet_send, quiet_recv};
	const struct xfrm_events none = {0};

	if (d->xfrm)
		return 0;
	if (door->err)
		return door->err;
	d->xfrm = xfrm_new(&door->requests, &quiet, &none, NULL);
	if (!d->xfrm)
		return -errno;
	xfrm_sa_dir_set(d->xfrm, doctor_release_is(d->config->release, 6, 10, 0));
	return 0;
}

void doctor_xfrm_close(struct doctor *d)
{
	xfrm_free(d->xfrm);
	d->xfrm = NULL;
}

struct xfrm_wait {
	bool done;
	struct doctor_answer answer;
	/* of a dump */
	void (*each)(void *ctx, const struct xfrm_policy_cfg *policy);
	void *ctx;
};

static void on_xfrm(void *ctx, const struct xfrm_result *r)
{
	struct xfrm_wait *w = ctx;

	w->done = true;
	w->answer.err = r->err;
	w->answer.mode = r->mode;
	snprintf(w->answer.text, sizeof(w->answer.text), "%s", r->text ? r->text : "");
}

/* asked: what the request function said. */
static int xfrm_wait(struct doctor *d, struct xfrm_wait *w, int asked)
{
	if (asked)
		return w->answer.err = asked;
	if (wait_done(d->config->xfrm.fd, xfrm_turn, xfrm_blocked, d, &w->done))
		w->answer.err = -ETIMEDOUT;
	return w->answer.err;
}

struct doctor_answer doctor_ask_trial(struct doctor *d, const struct xfrm_sa *sa, const struct xfrm_key *key)
{
	struct xfrm_sa_id id = {sa->spi, sa->dst, sa->src};
	struct xfrm_wait add = {.done = false}, removal = {.done = false};
	int err = doctor_xfrm_open(d);

	if (err)
		return (struct doctor_answer){.err = err};
	if (xfrm_wait(d, &add, xfrm_sa_add(d->xfrm, sa, key, on_xfrm, &add)) == -EEXIST)
		return add.answer; /* it is somebody's */
	/* an install that failed, or has not been answered, may be there all the same: requests are done in order */
	err = xfrm_wait(d, &removal, xfrm_sa_delete(d->xfrm, &id, on_xfrm, &removal));
	if (xfrm_pending(d->xfrm))
		doctor_xfrm_close(d); /* while what it would call is still there */
	if (!add.answer.err && err) {
		add.answer.err = err;
		snprintf(add.answer.text, sizeof(add.answer.text), "installed, and not removed (%.64s)",
			 removal.answer.text[0] ? removal.answer.text : strerror(-err));
	}
	return add.answer;
}

static void on_policy(void *ctx, const struct xfrm_policy_cfg *policy)
{
	struct xfrm_wait *w = ctx;

	w->each(w->ctx, policy);
}

int doctor_ask_policies(struct doctor *d, void (*each)(void *ctx, const struct xfrm_policy_cfg *policy), void *ctx)
{
	struct xfrm_wait w = {.each = each, .ctx = ctx};
	int err = doctor_xfrm_open(d);

	if (err)
		return err;
	err = xfrm_wait(d, &w, xfrm_policy_dump(d->xfrm, on_policy, on_xfrm, &w));
	if (xfrm_pending(d->xfrm))
		doctor_xfrm_close(d);
	return err;
}
