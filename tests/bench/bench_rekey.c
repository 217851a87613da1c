/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler and the slot ledger cost per event, with a thousand SAs and with many. Aims: 1000 ns an event,
 * with a million SAs at most twice that with a thousand; 256 bytes an SA.
 *
 * The mix is that of a controller's day, in virtual time, and the same at both sizes. Each SA lives about an hour and
 * is read once a minute, so 60 of its events are readings; which SA is read next is random. A tenth of the SAs also get
 * a soft event from the card; the others are noticed by their counts. Then the replacement: the scheduler is asked
 * after every single event, as the controller does (timed, but not counted); it starts one, two slots are reserved, one
 * in twenty is refused and tried again; 200 ms later the two slots are committed, the new SA is added and takes over
 * its predecessor's rate, the old one is done and removed, its two slots are drained, gone, and free after a second.
 * Rates differ by a factor of a hundred between SAs, and by five within each two minutes of one.
 *
 * The counters of 16 SAs are asked for at a time and the answers come after that, as in ctl/controller_read.c; asking
 * brings their entries into the cache (rekey_entry_prefetch, timed). What an event costs if each answer comes out of
 * the blue is measured as well (lone_event_ns): then a million SAs cost a miss of the TLB and of the caches more, which
 * is several times what an event costs otherwise.
 *
 * A world of each size is built first, at the age of days. Then they run in turns, 50,000 readings at a time, in one
 * process; what is printed is the median of all turns, CPU time. Which SAs are read is decided before and not timed,
 * from memory of its own, so that it does not warm the cache.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/prng.h"
#include "offload/slots.h"
#include "rekey/rekey.h"

enum {
	SAS_FEW = 1000,
	TURN = 50000, /* readings in a turn */
	PLAN = 400,   /* readings that are decided at a time; a divisor of TURN */
	TURNS = 21,   /* odd: the median is one of them */
	WARM = 3,     /* turns before */
	SAS_MOST = 50000000,
	ASKED = 16, /* SAs whose counters are asked for before an answer comes */
	FLYING_MAX = 1 << 16,
	LIFE_S = 3600,
	READ_S = 60,
	REFUSED = 20, /* one in so many */
};

static const uint64_t second_ns = 1000000000u, exchange_ns = 200000000u;

struct sa {
	struct rekey_entry entry;
	uint32_t slot[2], fresh_slot[2];
	uint32_t index; /* of its place */
};

/* The traffic's side of an SA: kept apart, so that deciding what is read does not bring the SA into the cache. */
struct place {
	struct sa *sa;
	uint64_t born_ns;
	float rate; /* packets a second */
};

struct flight {
	struct sa *old;
	uint64_t lands_ns;
};

/* An SA whose counters come next. */
struct reading {
	struct sa *sa;
	uint64_t packets;
};

struct world {
	uint32_t n;
	struct rekey_sched *sched;
	struct slots *slots;
	struct sa *sa;       /* n, and as many again as may be in flight */
	struct place *place; /* [n] */
	struct sa **spare;   /* a ring of those that serve no place: the one longest unused is next */
	uint32_t n_spare, next_spare;
	struct flight *flying; /* a ring */
	uint32_t head, tail;
	struct prng rng;
	uint64_t now;
	size_t bytes; /* of the scheduler's and the ledger's memory */
	struct reading *plan;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_rekey: %s\n", what);
	exit(1);
}

static void *must(void *p)
{
	if (!p)
		die("no memory");
	return p;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * second_ns + (uint64_t)t.tv_nsec;
}

static size_t allocated(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* ---- a world ---- */

static uint32_t budget(const struct world *w)
{
	return slots_room(w->slots, SLOTS_IN, SLOTS_IPV4, SLOTS_FOR_REPLACEMENT) / 2;
}

static double soft_share(struct world *w)
{
	return 0.8 + 0.1 * prng_unit(&w->rng);
}

static void sa_add(struct world *w, struct sa *sa, double share, const struct rekey_entry *old)
{
	struct place *p = &w->place[sa->index];
	const struct rekey_limits l = {REKEY_INF,
				       REKEY_INF,
				       (uint64_t)((double)p->rate * LIFE_S * share),
				       (uint64_t)((double)p->rate * LIFE_S),
				       REKEY_INF,
				       REKEY_INF};

	p->sa = sa;
	p->born_ns = w->now;
	if (rekey_sched_add(w->sched, &sa->entry, &l, w->now))
		die("an SA is not taken");
	if (old)
		rekey_sched_inherit(w->sched, &sa->entry, old, w->now);
}

/* Bursts: in each two minutes, half a minute at five times the rate of the rest. */
static uint64_t carried(const struct place *p, uint64_t now)
{
	uint64_t age = now - p->born_ns, in_cycle = age % (120 * second_ns);
	double phase = (double)in_cycle / 1e9, t = (double)(age - in_cycle) / 1e9;

	t += phase < 30 ? 2.5 * phase : 75 + 0.5 * (phase - 30);
	return (uint64_t)(t * (double)p->rate);
}

static uint32_t slot_reserve(struct world *w, enum slots_dir dir, struct sa *sa, enum slots_purpose purpose)
{
	int64_t slot = slots_reserve(w->slots, dir, SLOTS_IPV4, purpose, sa);

	if (slot < 0)
		die("no slot");
	return (uint32_t)slot;
}

static void world_slots(struct world *w)
{
	uint32_t reserve = 2 * (w->n / 50 + 4); /* replacements of two percent at once */
	const struct slots_config config = {
		.n_pools = 1,
		.pool = {{.name = "shared", .size = 2 * w->n + reserve, .reserve = reserve}},
		.let_go_ns = second_ns,
	};

	w->slots = must(slots_new(&config));
	for (uint32_t i = 0; i < w->n; i++)
		for (int dir = 0; dir < 2; dir++) {
			w->sa[i].slot[dir] = slot_reserve(w, (enum slots_dir)dir, &w->sa[i], SLOTS_FOR_NEW);
			slots_commit(w->slots, w->sa[i].slot[dir]);
		}
}

/* n SAs of all ages, as after days. */
static struct world *world_new(uint32_t n)
{
	struct world *w = must(calloc(1, sizeof(*w)));
	struct rekey_settings settings;
	size_t before;

	w->n = n;
	w->rng = prng_init(n);
	w->n_spare = n / 50 + 4;
	w->sa = must(calloc(n + w->n_spare, sizeof(*w->sa)));
	w->place = must(calloc(n, sizeof(*w->place)));
	w->spare = must(calloc(w->n_spare, sizeof(*w->spare)));
	w->flying = must(calloc(FLYING_MAX, sizeof(*w->flying)));
	w->plan = must(calloc(PLAN, sizeof(*w->plan)));
	before = allocated();
	rekey_settings_default(&settings);
	w->sched = must(rekey_sched_new(&settings, n));
	rekey_sched_servers_set(w->sched, n / 50 + 4, 2 * second_ns);
	world_slots(w);
	for (uint32_t i = 0; i < n; i++) {
		double u = prng_unit(&w->rng), share = soft_share(w);

		w->place[i].rate = (float)(100 * (1 + 99 * u * u * u));
		w->now = LIFE_S * second_ns - (uint64_t)(prng_unit(&w->rng) * share * LIFE_S * 1e9);
		w->sa[i].index = i;
		sa_add(w, &w->sa[i], share, NULL);
	}
	w->now = LIFE_S * second_ns;
	for (uint32_t i = 0; i < n; i++)
		rekey_sched_count(w->sched, &w->sa[i].entry, 0, carried(&w->place[i], w->now), w->now);
	w->bytes = allocated() - before;
	for (uint32_t i = 0; i < w->n_spare; i++)
		w->spare[i] = &w->sa[n + i];
	return w;
}

static void world_free(struct world *w)
{
	rekey_sched_free(w->sched);
	slots_free(w->slots);
	free(w->sa);
	free(w->place);
	free(w->spare);
	free(w->flying);
	free(w->plan);
	free(w);
}

/* ---- what happens: each returns how many events it was ---- */

static unsigned int started(struct world *w, struct sa *old)
{
	struct flight *f = &w->flying[w->tail % FLYING_MAX];

	if (w->tail - w->head == FLYING_MAX)
		die("too many replacements at once");
	for (int dir = 0; dir < 2; dir++)
		old->fresh_slot[dir] = slot_reserve(w, (enum slots_dir)dir, old, SLOTS_FOR_REPLACEMENT);
	if (!prng_below(&w->rng, REFUSED)) {
		for (int dir = 0; dir < 2; dir++)
			slots_release(w->slots, old->fresh_slot[dir]);
		rekey_sched_done(w->sched, &old->entry, false, w->now);
		return 1 + 2 + 2 + 1;
	}
	*f = (struct flight){old, w->now + exchange_ns};
	w->tail++;
	return 1 + 2;
}

static unsigned int landed(struct world *w, struct sa *old)
{
	struct sa *sa;

	sa = w->spare[w->next_spare];
	w->spare[w->next_spare] = old;
	w->next_spare = (w->next_spare + 1) % w->n_spare;
	sa->index = old->index;
	for (int dir = 0; dir < 2; dir++) {
		sa->slot[dir] = old->fresh_slot[dir];
		slots_commit(w->slots, sa->slot[dir]);
	}
	sa_add(w, sa, soft_share(w), &old->entry);
	rekey_sched_done(w->sched, &old->entry, true, w->now);
	rekey_sched_remove(w->sched, &old->entry);
	for (int dir = 0; dir < 2; dir++) {
		slots_drain(w->slots, old->slot[dir]);
		slots_gone(w->slots, old->slot[dir], w->now, false);
	}
	return 2 + 1 + 1 + 1 + 4;
}

/* After every event, as the controller does it. */
static unsigned int settle(struct world *w)
{
	unsigned int events = 0;
	struct rekey_entry *e;

	slots_tick(w->slots, w->now);
	while (w->head != w->tail && w->flying[w->head % FLYING_MAX].lands_ns <= w->now)
		events += landed(w, w->flying[w->head++ % FLYING_MAX].old);
	while ((e = rekey_sched_start(w->sched, budget(w), w->now)))
		events += started(w, heap_entry(e, struct sa, entry));
	return events;
}

static unsigned int read_one(struct world *w, const struct reading *r)
{
	struct rekey_entry *e = &r->sa->entry;
	unsigned int events = 1;

	rekey_sched_count(w->sched, e, r->packets * 1000, r->packets, w->now);
	if (r->packets >= e->limits.soft_packets && r->sa->index % 10 == 0) {
		rekey_sched_want(w->sched, e, REKEY_CARD, w->now);
		events++;
	}
	return events;
}

/* Which SAs are read next, and what they will have carried by then. */
static void plan_make(struct world *w, uint64_t step)
{
	for (uint32_t i = 0; i < PLAN; i++) {
		const struct place *p = &w->place[prng_below(&w->rng, w->n)];

		w->plan[i] = (struct reading){p->sa, carried(p, w->now + (i + 1) * step)};
	}
}

/* CPU ns per event. asked: see above. */
static double turn_run(struct world *w, bool asked)
{
	uint64_t step = READ_S * second_ns / w->n, spent = 0, events = 0;

	for (uint32_t turn = 0; turn < TURN / PLAN; turn++) {
		uint64_t begun;

		plan_make(w, step);
		begun = cpu_ns();
		for (uint32_t i = 0; i < PLAN; i++) {
			for (uint32_t k = i; asked && i % ASKED == 0 && k < i + ASKED; k++)
				rekey_entry_prefetch(&w->plan[k].sa->entry);
			w->now += step;
			events += read_one(w, &w->plan[i]);
			events += settle(w);
		}
		spent += cpu_ns() - begun;
	}
	return (double)spent / (double)events;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- the report ---- */

struct result {
	uint32_t sas;
	double event_ns, lone_event_ns, bytes_per_sa;
	struct rekey_counters counters;
};

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

static void measure(uint32_t many, struct result r[2])
{
	struct world *w[2] = {world_new(SAS_FEW), world_new(many)};
	double ns[2][TURNS], lone[2][TURNS];

	for (int side = 0; side < 2; side++)
		for (int i = 0; i < WARM; i++)
			(void)turn_run(w[side], true);
	for (int i = 0; i < TURNS; i++)
		for (int side = 0; side < 2; side++) {
			ns[side][i] = turn_run(w[side], true);
			lone[side][i] = turn_run(w[side], false);
		}
	for (int side = 0; side < 2; side++) {
		r[side] = (struct result){
			.sas = w[side]->n,
			.event_ns = median(ns[side], TURNS),
			.lone_event_ns = median(lone[side], TURNS),
			.bytes_per_sa = (double)sizeof(struct rekey_entry) + (double)w[side]->bytes / w[side]->n,
		};
		rekey_sched_counters(w[side]->sched, &r[side].counters);
		world_free(w[side]);
	}
}

static void report_json(const struct result r[2])
{
	json_t *at = json_array(), *root;
	char *text;

	for (int side = 0; side < 2; side++)
		json_array_append_new(at, json_pack("{s:i, s:f, s:f}", "sas", (int)r[side].sas, "event_ns",
						    r[side].event_ns, "lone_event_ns", r[side].lone_event_ns));
	root = json_pack("{s:o, s:f, s:i}", "at", at, "bytes_per_sa", r[1].bytes_per_sa, "entry_bytes",
			 (int)sizeof(struct rekey_entry));
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	if (!text)
		die("no memory");
	puts(text);
	free(text);
	json_decref(root);
}

static void report_text(const struct result r[2])
{
	for (int side = 0; side < 2; side++) {
		const struct rekey_counters *c = &r[side].counters;

		printf("%8u SAs: %6.1f ns an event, %6.1f ns if it comes out of the blue (%llu replaced, %llu refused, "
		       "%llu early)\n",
		       r[side].sas, r[side].event_ns, r[side].lone_event_ns, (unsigned long long)c->done,
		       (unsigned long long)c->failed, (unsigned long long)c->early);
	}
	printf("ratio %.2f (%.2f); %.0f bytes an SA in scheduler and ledger, %zu of them in its owner\n",
	       r[1].event_ns / r[0].event_ns, r[1].lone_event_ns / r[0].lone_event_ns, r[1].bytes_per_sa,
	       sizeof(struct rekey_entry));
}

int main(int argc, char **argv)
{
	uint32_t many = 1000000;
	bool json = false;
	struct result r[2];

	for (int i = 1; i < argc; i++) {
		char *end = NULL;

		if (!strcmp(argv[i], "--json")) {
			json = true;
			continue;
		}
		if (!strcmp(argv[i], "--sas") && i + 1 < argc) {
			unsigned long v = strtoul(argv[++i], &end, 10);

			if (!*end && v >= SAS_FEW && v <= SAS_MOST) {
				many = (uint32_t)v;
				continue;
			}
		}
		fprintf(stderr, "usage: bench_rekey [--sas N] [--json]: N is %d to %d, not %s\n", SAS_FEW, SAS_MOST,
			argv[i]);
		return 2;
	}
	measure(many, r);
	if (json)
		report_json(r);
	else
		report_text(r);
	return 0;
}
