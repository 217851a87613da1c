/* SPDX-License-Identifier: MIT */
#include "hwsim/process.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	/* The card's timers are looked at no later than this: data threads may bring the next one forward unseen. */
	TICK_MAX_MS = 10,
	WHY_SIZE = 256,
};

uint64_t process_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The card's ops. Events can come on any thread, the packets on their queue's. */

static void on_wire_out(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	data_wire_out(((struct process *)ctx)->data, queue, packet, len);
}

static void on_host_in(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	data_host_in(((struct process *)ctx)->data, queue, packet, len);
}

static void on_event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	struct process *p = ctx;

	if (p->stopping)
		return;                              /* nobody is left to be told, and the handle is closing */
	event_queue_put(p->events, group, msg, len); /* a loss is told to clients by the drain */
	uv_async_send(&p->events_ready);
}

/* The link is not NETLINK_XFRM's to tell: the same bytes that NETLINK_ROUTE has, for those who joined
 * NETLINK_GROUP_LINK. */
static void on_link(void *ctx, bool up)
{
	struct process *p = ctx;
	struct {
		struct nlmsghdr nlh;
		struct ifinfomsg info;
	} msg = {
		.nlh = {.nlmsg_len = sizeof(msg), .nlmsg_type = RTM_NEWLINK},
		.info = {.ifi_index = p->options->card.ifindex,
			 .ifi_flags = up ? IFF_UP | IFF_RUNNING : 0,
			 .ifi_change = UINT32_MAX},
	};

	p->link = up;
	on_event(ctx, NETLINK_GROUP_LINK, &msg, sizeof(msg));
	log_at(p->log, LOG_LEVEL_NOTICE, "hwsim.link", "the link is %s", up ? "up" : "down");
}

static void send_event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	server_netlink_event(((struct process *)ctx)->netlink, group, msg, len);
}

static void drain_events(struct process *p)
{
	if (event_queue_drain(p->events, send_event, p))
		server_netlink_overrun(p->netlink);
}

static void on_events_ready(uv_async_t *async)
{
	struct process *p = async->data;

	if (!p->stopping)
		drain_events(p);
}

static void on_tick(uv_timer_t *timer)
{
	struct process *p = timer->data;
	uint64_t now = process_clock(), next, ms = TICK_MAX_MS;

	if (p->quit) {
		process_stop(p);
		return;
	}
	if (hwsim_next(p->card) <= now)
		hwsim_tick(p->card, now);
	next = hwsim_next(p->card);
	if (next < now + TICK_MAX_MS * UINT64_C(1000000))
		ms = next > now ? (next - now + 999999) / 1000000 : 1;
	uv_timer_start(&p->tick, on_tick, ms, 0);
}

static void on_netlink(void *ctx, const void *buf, size_t len, netlink_reply_fn *reply, void *reply_ctx)
{
	struct process *p = ctx;

	hwsim_netlink(p->card, process_clock(), buf, len, reply, reply_ctx);
}

static void on_generic(void *ctx, const void *buf, size_t len, netlink_reply_fn *reply, void *reply_ctx)
{
	struct process *p = ctx;

	hwsim_generic(p->card, process_clock(), buf, len, reply, reply_ctx);
}

static void on_signal(uv_signal_t *sig, int number)
{
	struct process *p = sig->data;

	log_at(p->log, LOG_LEVEL_INFO, "hwsim.signal", "%s", strsignal(number));
	process_stop(p);
}

static void close_handle(uv_handle_t *h, void *ctx)
{
	struct process *p = ctx;

	/* The servers close what is theirs; these four are the process's own. */
	if (h == (uv_handle_t *)&p->events_ready || h == (uv_handle_t *)&p->tick || h == (uv_handle_t *)&p->on_term ||
	    h == (uv_handle_t *)&p->on_int)
		uv_close(h, NULL);
}

void process_quit(struct process *p)
{
	p->quit = true;
	uv_timer_start(&p->tick, on_tick, 0, 0);
}

void process_stop(struct process *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	/* Before the handle they wake is closed. */
	if (p->data)
		data_stop(p->data);
	server_control_close(p->control);
	server_netlink_close(p->netlink);
	uv_walk(&p->loop, close_handle, p);
}

static int fail(struct process *p, const char *what, const char *why)
{
	log_at(p->log, LOG_LEVEL_ERROR, "hwsim.start", "%s: %s", what, why);
	return -EINVAL;
}

static int open_ports(struct process *p)
{
	const struct options *o = p->options;
	char why[WHY_SIZE];

	if (o->host.kind == PORT_GEN && !(p->gen = gen_new(o->card.queues)))
		return fail(p, "gen", "out of memory");
	p->wire = port_open(&o->wire, o->card.queues, NULL, p->log, why, sizeof(why));
	if (!p->wire)
		return fail(p, o->wire_text, why);
	p->host = port_open(&o->host, o->card.queues, p->gen, p->log, why, sizeof(why));
	return p->host ? 0 : fail(p, o->host_text, why);
}

static unsigned int count_workers(unsigned int queues)
{
	unsigned int cpus = uv_available_parallelism();

	return queues < cpus ? queues : cpus;
}

static int open_card(struct process *p)
{
	struct hwsim_config config = p->options->card;
	struct hwsim_ops ops = {
		.wire_out = on_wire_out, .host_in = on_host_in, .event = on_event, .link = on_link, .ctx = p};
	struct data_config data = {
		.queues = config.queues,
		.workers = count_workers(config.queues),
		.wire = p->wire,
		.host = p->host,
		.watch = &p->watch,
		.clock = process_clock,
		.log = p->log,
	};
	int err;

	config.log = p->log;
	p->events = event_queue_new();
	p->data = data_new(&data);
	if (!p->events || !p->data)
		return fail(p, "data path", "out of memory");
	p->card = hwsim_new(&config, &ops);
	if (!p->card)
		return fail(p, config.profile->name, strerror(errno));
	err = data_start(p->data, p->card);
	return err < 0 ? fail(p, "data threads", strerror(-err)) : 0;
}

static int open_servers(struct process *p)
{
	struct server_netlink_config netlink = {&p->loop, p->options->netlink, on_netlink, on_generic, p, p->log};
	struct server_control_config control = {&p->loop, p->options->control, process_command, p, p->log};
	char why[WHY_SIZE];

	if (server_netlink_open(&p->netlink, &netlink, why, sizeof(why)) < 0)
		return fail(p, "--netlink", why);
	if (server_control_open(&p->control, &control, why, sizeof(why)) < 0)
		return fail(p, "--control", why);
	return 0;
}

static int open_loop(struct process *p)
{
	if (uv_async_init(&p->loop, &p->events_ready, on_events_ready) < 0 || uv_timer_init(&p->loop, &p->tick) < 0 ||
	    uv_signal_init(&p->loop, &p->on_term) < 0 || uv_signal_init(&p->loop, &p->on_int) < 0)
		return fail(p, "event loop", "out of memory");
	p->events_ready.data = p->tick.data = p->on_term.data = p->on_int.data = p;
	if (uv_timer_start(&p->tick, on_tick, TICK_MAX_MS, 0) < 0 ||
	    uv_signal_start(&p->on_term, on_signal, SIGTERM) < 0 || uv_signal_start(&p->on_int, on_signal, SIGINT) < 0)
		return fail(p, "event loop", "cannot watch signals");
	return 0;
}

/* The card's last word. */
static int check_card(struct process *p)
{
	struct hwsim_stats stats;
	char why[WHY_SIZE];

	if (!p->card)
		return 0;
	hwsim_stats(p->card, &stats);
	if (stats.total.used || stats.policies)
		log_at(p->log, LOG_LEVEL_NOTICE, "hwsim.left", "%u SAs and %u policies were still installed",
		       stats.total.used, stats.policies);
	if (hwsim_check(p->card, why, sizeof(why)) == 0)
		return 0;
	log_at(p->log, LOG_LEVEL_ERROR, "hwsim.invariant", "%s", why);
	return -EPROTO;
}

int process_run(const struct options *options, const struct log *log)
{
	struct process *p = calloc(1, sizeof(*p));
	int err;

	if (!p || uv_loop_init(&p->loop) < 0) {
		log_at(log, LOG_LEVEL_ERROR, "hwsim.start", "out of memory");
		free(p);
		return 1;
	}
	p->options = options;
	p->log = log;
	p->link = true;
	/* The loop comes first: the card's events need it. The sockets come last: who can connect finds a card that
	 * works. */
	if ((err = open_loop(p)) < 0 || (err = open_ports(p)) < 0 || (err = open_card(p)) < 0 ||
	    (err = open_servers(p)) < 0) {
		process_stop(p);
	} else {
		log_at(log, LOG_LEVEL_NOTICE, "hwsim.ready", "%s with %u queues, wire %s, host %s",
		       options->card.profile->name, options->card.queues, options->wire_text, options->host_text);
	}
	uv_run(&p->loop, UV_RUN_DEFAULT);
	if (err == 0)
		err = check_card(p);
	data_free(p->data);
	hwsim_free(p->card);
	event_queue_free(p->events);
	port_close(p->host);
	port_close(p->wire);
	gen_free(p->gen);
	uv_loop_close(&p->loop);
	free(p);
	return err < 0 ? 1 : 0;
}
