/* SPDX-License-Identifier: MIT */
#include "sim_world.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hwsim/gen_packet.h"
#include "sim_traffic.h"

/* ---- log and failure ---- */

static void __attribute__((format(printf, 2, 3))) line_print(struct world *w, const char *fmt, ...)
{
	char *line = w->lines[w->line++ % WORLD_LINES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, WORLD_LINE, fmt, ap);
	va_end(ap);
	if (w->verbose)
		printf("%s\n", line);
}

static void side_log(void *ctx, enum log_level level, const char *event, const char *text)
{
	struct side *s = ctx;

	line_print(s->w, "%12.6f %c %-7s %s: %s", (double)s->w->now / 1e9, s->name, log_level_name(level), event, text);
}

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->failed)
		return;
	w->failed = true;
	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	line_print(w, "%12.6f   FAILED  %s", (double)w->now / 1e9, w->why);
}

/* ---- the controllers' environment ---- */

static void env_random(void *ctx, uint8_t *out, size_t n)
{
	struct side *s = ctx;

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)prng_next(&s->rng);
}

static void env_emit(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len)
{
	struct side *s = ctx;
	struct net_packet head = {
		.kind = NET_IKE,
		.to = !s->i,
		.tag = NET_UNTAGGED,
		.path = {.local = path->remote, .remote = path->local},
	};

	net_send(&s->w->net, s->w->now, &head, datagram, len);
}

static void sa_note(struct side *s, const struct controller_child *child)
{
	s->sas[s->next_sa++ % SIDE_SAS] = (struct side_sa){
		.spi = child->in.spi,
		.rx = child->steered == QUEUES_IN_ANY ? -1 : child->rx,
		.rule = child->steered == QUEUES_IN_RULE,
		.from_ns = s->w->now,
	};
}

static void queue_note(void *ctx, const struct controller_queue *q)
{
	sa_note(ctx, q->child);
}

void side_sas_read(struct side *s)
{
	memset(s->sas, 0, sizeof(s->sas));
	controller_queue_each(s->c, s->w->now, queue_note, s);
}

static void env_event(void *ctx, const struct controller_event *ev)
{
	struct side *s = ctx;

	s->ups += ev->kind == CONTROLLER_CHILD_UP;
	s->downs += ev->kind == CONTROLLER_CHILD_DOWN;
	s->rekeys += ev->kind == CONTROLLER_CHILD_REKEYED;
	if (ev->kind == CONTROLLER_CHILD_UP || ev->kind == CONTROLLER_CHILD_REKEYED)
		sa_note(s, ev->child);
}

/* ---- the cards' ---- */

static void card_wire_out(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct side *s = ctx;

	(void)queue;
	traffic_on_wire(s, packet, len);
}

static void card_host_in(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct side *s = ctx;

	traffic_arrived(s, queue, packet, len);
}

static void card_event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	struct side *s = ctx;

	nic_event(&s->nic, group, msg, len);
}

/* ---- configuration ---- */

static const char *word(const char *given, const char *otherwise)
{
	return given ? given : otherwise;
}

static int limits_text(const struct side_config *k, char *out, size_t size)
{
	if (k->rekey_s)
		return snprintf(out, size, "rekey_time = %us\nlife_time = %us\n", k->rekey_s, 2 * k->rekey_s);
	if (!k->rekey_packets)
		return snprintf(out, size, "rekey_time = 0\n");
	return snprintf(out, size,
			"rekey_time = 0\nrekey_packets = %" PRIu64 "\nlife_packets = %" PRIu64
			"\nrand_packets = %" PRIu64 "\n",
			k->rekey_packets, k->life_packets, k->wide ? k->rekey_packets : k->rekey_packets / 4);
}

static const char *const host_addr[2][2] = {{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8::2"}};
static const char *const net_addr[2][2] = {{"10.1.0.0/16", "10.2.0.0/16"}, {"2001:db8:1::/48", "2001:db8:2::/48"}};

static int nic_text(const struct side *s, char *out, size_t size)
{
	const struct side_config *k = &s->config;

	return snprintf(
		out, size,
		"nic {\nbackend = hwsim\nsocket = /nowhere\nifindex = %u\nprofile = %s\nslots = %u\n%squeues = %u\n"
		"counter_poll = %" PRIu64 "ms\ncounter_gap = %" PRIu64 "ms\ndrain = %" PRIu64 "ms\n%s\n}\n"
		"daemon {\nretransmit_timeout = %ums\nretransmit_base = 1.3\nretransmit_tries = 12\n}\n"
		"secrets {\nike-sim {\nsecret = \"two hosts and one secret\"\n}\n}\n",
		s->i + 1, word(k->profile, "tiny-33"), k->believed ? k->believed : k->slots, k->queues_open ? "# " : "",
		k->queues ? k->queues : 1, k->counter_poll_ms ? k->counter_poll_ms : 1000, k->counter_gap_ms,
		k->drain_ms ? k->drain_ms : 500, word(k->nic_extra, ""), k->retransmit_ms ? k->retransmit_ms : 300);
}

static int child_text(const struct world *w, const struct side *s, char *out, size_t size)
{
	const struct side_config *k = &s->config;
	char limits[200];

	limits_text(k, limits, sizeof(limits));
	return snprintf(
		out, size,
		"net {\nlocal_ts = %s\nremote_ts = %s\nmode = %s\nesp_proposals = %s\n%shw_offload = %s\n"
		"start_action = %s\ndpd_action = %s\nclose_action = %s\nper_cpu_sas = %s\nreplay_window = 128\n%s\n}\n",
		w->transport ? "dynamic" : net_addr[w->v6][s->i], w->transport ? "dynamic" : net_addr[w->v6][!s->i],
		w->transport ? "transport" : "tunnel", word(k->esp, "aes128gcm16"), limits,
		word(k->hw_offload, "packet"), word(k->start_action, "none"), word(k->dpd_action, "none"),
		word(k->close_action, "none"), word(k->per_cpu_sas, "no"), word(k->child_extra, ""));
}

static int conn_text(const struct world *w, const struct side *s, char *out, size_t size)
{
	const struct side_config *k = &s->config;
	char child[1000];

	child_text(w, s, child, sizeof(child));
	return snprintf(
		out, size,
		"connections {\npeer {\nlocal_addrs = %s\nremote_addrs = %s\nproposals = aes128gcm16-prfsha256-x25519\n"
		"rekey_time = 0\nkeyingtries = 0\n%s\nlocal {\nauth = psk\nid = %c.sim\n}\n"
		"remote {\nauth = psk\nid = %c.sim\n}\nchildren {\n%s}\n}\n}\n",
		host_addr[w->v6][s->i], host_addr[w->v6][!s->i], word(k->conn_extra, ""), 'a' + (char)s->i,
		'b' - (char)s->i, child);
}

void side_text(const struct world *w, const struct side *s, char *out, size_t size)
{
	int n = nic_text(s, out, size), m;

	if (n < 0 || (size_t)n >= size)
		abort();
	m = s->config.connections ? snprintf(out + n, size - (size_t)n, "%s", s->config.connections)
				  : conn_text(w, s, out + n, size - (size_t)n);
	if (m < 0 || (size_t)m >= size - (size_t)n)
		abort();
}

static struct conf *side_conf(struct side *s)
{
	char text[4096], error[CONF_ERROR_MAX];
	struct conf *conf;

	side_text(s->w, s, text, sizeof(text));
	conf = conf_parse("sim", text, strlen(text), error);
	if (!conf) {
		fprintf(stderr, "%s\n%s", error, text);
		abort();
	}
	conf->nic.no_sa_dir = s->config.no_sa_dir;
	return conf;
}

void side_reload(struct side *s)
{
	struct conf *conf = side_conf(s);
	char text[200];
	int err = controller_reload(s->c, s->w->now, conf, text, sizeof(text));

	if (err)
		world_fail(s->w, "%c: reload: %s", s->name, strerror(-err));
	conf_free(s->conf);
	s->conf = conf;
}

static void count_child(void *ctx, const struct controller_queue *q)
{
	uint32_t *n = ctx;

	(void)q;
	++*n;
}

uint32_t side_children(struct side *s)
{
	uint32_t n = 0;

	controller_queue_each(s->c, s->w->now, count_child, &n);
	return n;
}

/* ---- making and ending ---- */

static void side_boot(struct side *s)
{
	struct controller_env env = {.ctx = s, .random = env_random, .emit = env_emit, .event = env_event};

	s->c = controller_new(&s->conf->daemon, &s->conf->nic, &env, &s->nic.requests, &s->nic.multicast,
			      prng_next(&s->w->rng), &s->log);
	if (!s->c || controller_queues_open(s->c, s->w->now, &s->nic.generic_requests, &s->nic.generic_multicast,
					    s->config.root))
		abort();
}

static void side_make(struct world *w, unsigned int i, const struct world_config *config)
{
	struct side *s = &w->side[i];
	struct hwsim_config card = {
		.profile = hwsim_profile_find(word(config->side[i].profile, "tiny-33")),
		.slots = config->side[i].slots,
		.queues = config->side[i].queues ? config->side[i].queues : 1,
		.ifindex = (int)i + 1,
		.seed = prng_next(&w->rng),
	};
	struct hwsim_ops ops = {.wire_out = card_wire_out, .host_in = card_host_in, .event = card_event, .ctx = s};

	s->w = w;
	s->i = i;
	s->name = "AB"[i];
	s->config = config->side[i];
	s->rng = prng_init(prng_next(&w->rng));
	s->log = (struct log){.max = LOG_LEVEL_INFO, .ctx = s, .line = side_log};
	nic_init(&s->nic, &w->now, prng_next(&w->rng), config->nic_delay_ns);
	s->nic.ifindex = i + 1;
	s->nic.no_ethtool = config->side[i].no_ethtool;
	s->nic.card = hwsim_new(&card, &ops);
	if (!s->nic.card)
		abort();
	s->conf = side_conf(s);
	side_boot(s);
}

static void side_load(struct side *s)
{
	for (unsigned int i = 0; i < s->conf->n_secrets; i++)
		if (controller_secret_load(s->c, &s->conf->secrets[i]))
			abort();
	for (unsigned int i = 0; i < s->conf->n_conns; i++)
		if (controller_conn_load(s->c, s->w->now, s->conf->conns[i]))
			abort();
}

void side_restart(struct side *s)
{
	controller_free(s->c);
	nic_forget(&s->nic);
	side_boot(s);
	side_load(s);
}

void world_make(struct world *w, uint64_t seed, const struct world_config *config, bool verbose)
{
	*w = (struct world){.seed = seed,
			    .now = sim_s,
			    .rng = prng_init(seed),
			    .verbose = verbose,
			    .v6 = config->v6,
			    .transport = config->transport};
	w->current = NET_UNTAGGED;
	w->lines = calloc(WORLD_LINES, sizeof(*w->lines));
	if (!w->lines)
		abort();
	w->net.config = config->net;
	w->net.rng = prng_init(prng_next(&w->rng));
	for (unsigned int i = 0; i < 2; i++)
		side_make(w, i, config);
	for (unsigned int i = 0; i < 2; i++)
		side_load(&w->side[i]);
}

void world_free(struct world *w)
{
	net_free(&w->net);
	for (unsigned int i = 0; i < 2; i++) {
		controller_free(w->side[i].c);
		nic_free(&w->side[i].nic);
		conf_free(w->side[i].conf);
	}
	free(w->packet);
	free(w->lines);
}

/* ---- invariants ---- */

static void check_ledger(struct side *s)
{
	const struct slots *slots = controller_slots(s->c);
	uint32_t occ = 0, draining = 0;
	struct hwsim_stats st;

	if (!nic_is_idle(&s->nic))
		return; /* what the card has done and what the controller knows differ by what is under way */
	for (unsigned int i = 0; i < slots_pools(slots); i++) {
		struct slots_count count;

		slots_count_get(slots, i, &count);
		occ += count.occ;
		draining += count.draining;
	}
	hwsim_stats(s->nic.card, &st);
	if (!s->flushed && !s->w->starved && (st.total.used != occ || st.total.freeing > draining))
		world_fail(s->w, "%c: the card has %u SAs and frees %u, the ledger says %u and %u", s->name,
			   st.total.used, st.total.freeing, occ, draining);
}

void world_check(struct world *w, bool deep)
{
	char why[200];

	for (unsigned int i = 0; i < 2; i++) {
		struct side *s = &w->side[i];

		check_ledger(s);
		if (!deep)
			continue;
		if (controller_check(s->c, why, sizeof(why)))
			world_fail(w, "%c: controller: %s", s->name, why);
		if (hwsim_check(s->nic.card, why, sizeof(why)))
			world_fail(w, "%c: card: %s", s->name, why);
	}
}

/* ---- time ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t world_next(const struct world *w)
{
	uint64_t at = least(net_next(&w->net), traffic_next(w));

	for (unsigned int i = 0; i < 2; i++) {
		at = least(at, controller_next(w->side[i].c));
		at = least(at, nic_next(&w->side[i].nic));
		at = least(at, nic_generic_next(&w->side[i].nic));
		at = least(at, hwsim_next(w->side[i].nic.card));
	}
	return at;
}

static void deliver(struct world *w, struct net_packet *p)
{
	struct side *s = &w->side[p->to];

	switch (p->kind) {
	case NET_IKE:
		controller_receive(s->c, w->now, &p->path, p->data, p->len);
		break;
	case NET_ESP:
		traffic_deliver(s, p);
		break;
	}
}

static void world_step(struct world *w)
{
	struct net_packet *p;

	for (unsigned int i = 0; i < 2; i++) {
		struct side *s = &w->side[i];

		if (hwsim_next(s->nic.card) <= w->now)
			hwsim_tick(s->nic.card, w->now);
		if (nic_next(&s->nic) <= w->now)
			controller_nic(s->c, w->now);
		if (nic_generic_next(&s->nic) <= w->now)
			controller_ethtool(s->c, w->now);
		if (controller_next(s->c) <= w->now)
			controller_tick(s->c, w->now);
	}
	while ((p = net_take(&w->net, w->now))) {
		deliver(w, p);
		free(p);
	}
	traffic_run(w);
	if (w->now >= w->check_at) {
		bool deep = w->now >= w->deep_at;

		world_check(w, deep);
		w->check_at = w->now + 2 * sim_ms;
		w->deep_at = deep ? w->now + 200 * sim_ms : w->deep_at;
	}
}

static void stuck_tell(struct world *w)
{
	const struct side *a = &w->side[0], *b = &w->side[1];
	const struct {
		const char *what;
		uint64_t at;
	} rows[] = {
		{"the network", net_next(&w->net)},         {"the traffic", traffic_next(w)},
		{"A's controller", controller_next(a->c)},  {"B's controller", controller_next(b->c)},
		{"A's netlink", nic_next(&a->nic)},         {"B's netlink", nic_next(&b->nic)},
		{"A's ethtool", nic_generic_next(&a->nic)}, {"B's ethtool", nic_generic_next(&b->nic)},
		{"A's card", hwsim_next(a->nic.card)},      {"B's card", hwsim_next(b->nic.card)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].at <= w->now)
			world_fail(w, "time stands still: %s is always due", rows[i].what);
	world_fail(w, "time stands still");
}

/* Something that is due again and again at the same time would stop the world. */
enum { STUCK = 100000 };

bool world_run(struct world *w, uint64_t ns)
{
	uint64_t end = w->now + ns;
	unsigned int stuck = 0;

	while (!w->failed) {
		uint64_t at = world_next(w);

		if (at > end) {
			w->now = end;
			return true;
		}
		stuck = at > w->now ? 0 : stuck + 1;
		w->now = at > w->now ? at : w->now;
		if (stuck > STUCK)
			stuck_tell(w);
		world_step(w);
	}
	return false;
}

bool world_until(struct world *w, bool (*condition)(struct world *w), uint64_t ns, const char *what)
{
	uint64_t end = w->now + ns;

	while (!w->failed && !condition(w)) {
		if (w->now >= end) {
			world_fail(w, "in %" PRIu64 " ms: not %s", ns / sim_ms, what);
			return false;
		}
		world_run(w, 5 * sim_ms);
	}
	return !w->failed;
}
