/* SPDX-License-Identifier: MIT */
/* Two hosts, the network between them, and the clock. */
#include "bench_occupancy.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* All must be up by then; after that the traffic starts. */
static const uint64_t start_most = 600 * OCC_S;

struct occ_datagram {
	struct heap_node due;
	unsigned int to;
	struct ike_path path; /* as the receiver sees it */
	size_t len;
	uint8_t data[];
};

/* ---- the controllers' environment ---- */

static void env_random(void *ctx, uint8_t *out, size_t n)
{
	struct occ_side *s = ctx;

	prng_fill(&s->rng, out, n);
}

static void env_emit(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len)
{
	struct occ_side *s = ctx;
	struct occ_world *w = s->w;
	unsigned int side = 0;
	uint32_t n = occ_tunnel_of(path->remote.ip, &side);
	const struct occ_tunnel *t = &w->plan->tunnels[n];
	struct occ_datagram *d;

	if (n >= w->plan->n_tunnels)
		abort();
	if (prng_unit(&w->rng) < t->loss)
		return;
	d = malloc(sizeof(*d) + len);
	if (!d)
		abort();
	*d = (struct occ_datagram){.to = side, .path = {.local = path->remote, .remote = path->local}, .len = len};
	memcpy(d->data, datagram, len);
	if (heap_set(&w->wire, &d->due, w->now + t->delay_ns))
		abort();
}

static void env_event(void *ctx, const struct controller_event *ev)
{
	struct occ_side *s = ctx;

	s->ups += ev->kind == CONTROLLER_CHILD_UP;
	s->ups -= ev->kind == CONTROLLER_CHILD_DOWN;
}

/* What went wrong is told at once by what the controller logs. */
static void side_log(void *ctx, enum log_level level, const char *event, const char *text)
{
	struct occ_side *s = ctx;

	s->card_refused += !strcmp(event, "sa.refused");
	s->ledger_refused += !strcmp(event, "child.refused");
	s->hard_expired += !strcmp(event, "child.hard_expired");
	if (s->w->options->verbose)
		fprintf(stderr, "%12.6f %c %-7s %s: %s\n", (double)s->w->now / 1e9, "AB"[s->i], log_level_name(level),
			event, text);
}

/* ---- the card ---- */

/* Slots held beyond one for each direction of each pair, added up over time. */
static void held_update(struct occ_side *s)
{
	struct occ_world *w = s->w;
	uint32_t needed = 2 * w->plan->pairs;

	if (w->measuring) {
		s->area += (double)(s->held > needed ? s->held - needed : 0) * (double)(w->now - s->area_at);
		s->area_at = w->now;
	}
	s->held = hwsim_slots_held(s->nic.card);
	if (w->measuring && s->held > s->held_peak)
		s->held_peak = s->held;
}

static int request_send(void *ctx, const void *buf, size_t len)
{
	struct occ_side *s = ctx;
	int err;

	occ_traffic_before(s->w, s->i, buf, len);
	err = s->nic.requests.send(s->nic.requests.ctx, buf, len);
	if (occ_traffic_after(s->w, s->i, buf, len))
		held_update(s);
	return err;
}

static ssize_t request_recv(void *ctx, void *buf, size_t size)
{
	struct occ_side *s = ctx;

	return s->nic.requests.recv(s->nic.requests.ctx, buf, size);
}

static void card_event(void *ctx, unsigned int group, const void *msg, size_t len)
{
	struct occ_side *s = ctx;

	nic_event(&s->nic, group, msg, len);
}

static void card_make(struct occ_side *s)
{
	const struct occ_options *o = s->w->options;
	struct hwsim_config card = {
		.profile = hwsim_profile_find("tiny-33"),
		.slots = o->slots,
		.policies = 65536,
		.queues = OCC_QUEUES,
		.ifindex = (int)s->i + 1,
		.seed = prng_next(&s->w->rng),
	};
	struct hwsim_ops ops = {.event = card_event, .ctx = s};

	nic_init(&s->nic, &s->w->now, prng_next(&s->w->rng), 0);
	s->nic.card = hwsim_new(&card, &ops);
	if (!s->nic.card || hwsim_fault(s->nic.card, "counter_lag", 1, o->poll_ns / OCC_MS) ||
	    hwsim_fault(s->nic.card, "delayed_free", UINT32_MAX, o->free_ns / OCC_MS))
		abort();
}

/* ---- a side ---- */

static void side_make(struct occ_world *w, unsigned int i, const struct occ_policy *policy)
{
	struct occ_side *s = &w->side[i];
	struct controller_env env = {.ctx = s, .random = env_random, .emit = env_emit, .event = env_event};

	s->w = w;
	s->i = i;
	s->rng = prng_init(prng_next(&w->rng));
	s->log = (struct log){.max = LOG_LEVEL_WARN, .ctx = s, .line = side_log};
	card_make(s);
	s->requests = (struct xfrm_transport){.ctx = s, .send = request_send, .recv = request_recv};
	s->conf = occ_conf(w->options, policy, w->plan, i);
	if (!s->conf)
		exit(2);
	s->c = controller_new(&s->conf->daemon, &s->conf->nic, &env, &s->requests, &s->nic.multicast,
			      prng_next(&w->rng), &s->log);
	if (!s->c)
		abort();
}

static void side_load(struct occ_side *s)
{
	for (unsigned int i = 0; i < s->conf->n_secrets; i++)
		if (controller_secret_load(s->c, &s->conf->secrets[i]))
			abort();
	for (unsigned int i = 0; i < s->conf->n_conns; i++)
		if (controller_conn_load(s->c, s->w->now, s->conf->conns[i]))
			abort();
}

static void world_free(struct occ_world *w)
{
	struct heap_node *n;

	for (unsigned int i = 0; i < 2; i++) {
		controller_free(w->side[i].c);
		conf_free(w->side[i].conf);
		nic_free(&w->side[i].nic);
	}
	while ((n = heap_first(&w->wire))) {
		heap_remove(&w->wire, n);
		free(heap_entry(n, struct occ_datagram, due));
	}
	heap_free(&w->wire);
	occ_traffic_free(w);
}

/* ---- time ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t world_next(const struct occ_world *w)
{
	struct heap_node *first = heap_first(&w->wire);
	uint64_t at = least(first ? first->key : UINT64_MAX, occ_traffic_next(w));

	for (unsigned int i = 0; i < 2; i++) {
		at = least(at, controller_next(w->side[i].c));
		at = least(at, nic_next(&w->side[i].nic));
		at = least(at, hwsim_next(w->side[i].nic.card));
	}
	return at;
}

static void wire_run(struct occ_world *w)
{
	struct heap_node *n;

	while ((n = heap_first(&w->wire)) && n->key <= w->now) {
		struct occ_datagram *d = heap_entry(n, struct occ_datagram, due);

		heap_remove(&w->wire, n);
		controller_receive(w->side[d->to].c, w->now, &d->path, d->data, d->len);
		free(d);
	}
}

static void world_step(struct occ_world *w)
{
	occ_traffic_run(w);
	for (unsigned int i = 0; i < 2; i++) {
		struct occ_side *s = &w->side[i];

		if (hwsim_next(s->nic.card) <= w->now) {
			hwsim_tick(s->nic.card, w->now);
			held_update(s);
		}
		if (nic_next(&s->nic) <= w->now)
			controller_nic(s->c, w->now);
		if (controller_next(s->c) <= w->now)
			controller_tick(s->c, w->now);
	}
	wire_run(w);
}

static bool in_trouble(const struct occ_world *w)
{
	const struct occ_side *a = &w->side[0], *b = &w->side[1];

	return a->card_refused || b->card_refused || a->ledger_refused || b->ledger_refused || a->hard_expired ||
	       b->hard_expired;
}

static bool all_up(const struct occ_world *w)
{
	return w->side[0].ups == w->plan->pairs && w->side[1].ups == w->plan->pairs;
}

/* Something that is due again and again at the same time would stop the world. */
enum { STUCK = 1000000 };

static void world_run(struct occ_world *w, uint64_t until, bool up, bool stop)
{
	unsigned int stuck = 0;

	while (!(stop && in_trouble(w)) && !(up && all_up(w))) {
		uint64_t at = world_next(w);

		if (at > until) {
			w->now = until;
			return;
		}
		stuck = at > w->now ? 0 : stuck + 1;
		if (stuck == STUCK) {
			fprintf(stderr, "bench_occupancy: time stands still at %.6f s\n", (double)w->now / 1e9);
			exit(1);
		}
		w->now = at > w->now ? at : w->now;
		world_step(w);
	}
}

/* ---- a run ---- */

static void measure_begin(struct occ_world *w)
{
	w->measuring = true;
	w->measured_from = w->now;
	for (unsigned int i = 0; i < 2; i++)
		w->side[i].area_at = w->now;
	occ_traffic_start(w);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void __attribute__((format(printf, 2, 3))) why(struct occ_result *out, const char *fmt, ...)
{
	va_list ap;

	if (out->why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(out->why, sizeof(out->why), fmt, ap);
	va_end(ap);
}

static void side_result(struct occ_side *s, struct occ_result *out)
{
	const struct occ_world *w = s->w;
	double slots = w->options->slots, ran = (double)(w->now - w->measured_from);
	uint32_t needed = 2 * w->plan->pairs, more = s->held_peak > needed ? s->held_peak - needed : 0;
	struct controller_counters counters;
	struct hwsim_stats st;
	char text[OCC_WHY_MAX];

	hwsim_stats(s->nic.card, &st);
	controller_counters_get(s->c, &counters);
	out->card_refused += st.refused;
	out->ledger_refused += s->ledger_refused;
	out->hard_expired += st.hard_expired;
	out->rekeys += counters.rekeys_done;       /* at the other end it is rekeys_peer */
	if (counters.collisions > out->collisions) /* both ends see each of them */
		out->collisions = counters.collisions;
	if (w->measuring && ran > 0)
		out->redundant_avg += s->area / ran / slots / 2;
	if (more / slots > out->redundant_peak)
		out->redundant_peak = more / slots;
	if (st.total.peak / slots > out->used_peak)
		out->used_peak = st.total.peak / slots;
	if (hwsim_check(s->nic.card, text, sizeof(text)) || controller_check(s->c, text, sizeof(text)))
		why(out, "%c: %s", "AB"[s->i], text);
}

static void result_fill(struct occ_world *w, struct occ_result *out)
{
	if (w->measuring)
		occ_traffic_settle(w);
	for (unsigned int i = 0; i < 2; i++) {
		held_update(&w->side[i]);
		side_result(&w->side[i], out);
	}
	out->up = w->measuring;
	out->pairs = w->plan->pairs;
	out->tunnels = w->plan->n_tunnels;
	out->ran_ns = w->measuring ? w->now - w->measured_from : 0;
	out->packets_sent = w->sent;
	out->packets_lost = w->lost_tx + w->lost_rx;
	out->early_bytes = w->early_bytes;
	out->early_life = w->early_life;
	if (out->card_refused || out->ledger_refused)
		why(out, "%.1f s: an install was refused", (double)w->now / 1e9);
	if (out->hard_expired)
		why(out, "%.1f s: an SA has reached its hard limit", (double)w->now / 1e9);
	if (!out->up)
		why(out, "%.1f s: not all SAs are up", (double)w->now / 1e9);
	out->good = !out->why[0];
}

void occ_run(const struct occ_options *o, const struct occ_policy *policy, uint32_t pairs, uint64_t ns, bool stop,
	     struct occ_result *out)
{
	struct occ_plan plan = occ_plan_make(o, pairs);
	struct occ_world w = {.options = o, .plan = &plan, .now = OCC_S, .rng = prng_init(o->seed ^ 0x6b657972)};
	double began = cpu_s();

	*out = (struct occ_result){0};
	for (unsigned int i = 0; i < 2; i++)
		side_make(&w, i, policy);
	for (unsigned int i = 0; i < 2; i++)
		side_load(&w.side[i]);
	world_run(&w, start_most, true, stop);
	if (all_up(&w)) {
		measure_begin(&w);
		world_run(&w, w.now + ns, false, stop);
	}
	result_fill(&w, out);
	world_free(&w);
	occ_plan_free(&plan);
	out->cpu_s = cpu_s() - began;
}
