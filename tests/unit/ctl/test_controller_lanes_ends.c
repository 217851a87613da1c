/* SPDX-License-Identifier: MIT */
/* Queue SAs (RFC 9611) as two ends see them: both start, one has fewer, one deletes, both let idle ones go. */
#include <stdlib.h>

#include "ctl/controller_internal.h"
#include "lanes_view.h"

static struct world_config queues_config(const char *n)
{
	struct world_config config = rig_config();

	config.side[0].per_cpu_sas = config.side[1].per_cpu_sas = n;
	return config;
}

static struct ctl_tunnel *tunnel_of(struct side *s)
{
	struct ctl_tunnel *t = s->c->tunnels;

	assert_non_null(t);
	return t;
}

/* ---- both start ---- */

/* How many Child SAs a queue has, on average over those that have any, in hundredths. */
static unsigned int crowding(struct side *s)
{
	const struct ctl_tunnel *t = tunnel_of(s);
	unsigned int lanes = 0, sas = 0;

	for (unsigned int i = 0; i < t->n_lanes; i++) {
		lanes += t->lanes[i]->fresh > 0;
		sas += t->lanes[i]->fresh;
	}
	return lanes ? 100 * sas / lanes : 0;
}

/* Whatever the numbers of queues: it settles, nothing is lost, no queue of the end that has more has two. */
static void both_ends_start_at_once(void **state)
{
	static const struct {
		const char *a, *b;
		uint32_t queues[2];
		double loss;
	} rows[] = {
		{"4", "4", {4, 4}, 0},  {"8", "8", {8, 8}, 0.05}, {"8", "3", {8, 3}, 0},    {"3", "8", {3, 8}, 0},
		{"8", "no", {8, 4}, 0}, {"no", "8", {4, 8}, 0},   {"3", "8", {3, 8}, 0.05}, {"8", "3", {8, 3}, 0.05},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = rig_config();
		unsigned int ups, queues[2] = {(unsigned int)strtoul(rows[i].a, NULL, 10),
					       (unsigned int)strtoul(rows[i].b, NULL, 10)};
		struct world w;

		config.net.loss = rows[i].loss;
		config.side[0].per_cpu_sas = rows[i].a;
		config.side[1].per_cpu_sas = rows[i].b;
		for (unsigned int n = 0; n < 2; n++) {
			config.side[n].queues = rows[i].queues[n];
			config.side[n].start_action = "start";
		}
		rig_make(&w, &config);
		rig_run(&w, 30000);
		ups = w.side[0].ups + w.side[1].ups;
		w.strict = w.closed = true;
		world_streams(&w, 3, 30);
		rig_run(&w, 100000);
		if (w.side[0].ups + w.side[1].ups != ups)
			fail_msg("row %zu: it does not settle: %u SAs came up, then %u", i, ups,
				 w.side[0].ups + w.side[1].ups);
		assert_int_equal(rig_counters(&w.side[0]).ike.sas, 1);
		assert_int_equal(lane_halves_in(&w.side[0]), lane_halves_in(&w.side[1]));
		assert_int_equal(lane_halves_in(&w.side[0]), tunnel_of(&w.side[0])->n_up);
		for (unsigned int n = 0; n < 2; n++) {
			if (queues[n] >= queues[!n] && crowding(&w.side[n]) != 100)
				fail_msg("row %zu: %c has two SAs for one queue", i, w.side[n].name);
			if (queues[!n] &&
			    side_children(&w.side[n]) < 1 + (queues[n] < queues[!n] ? queues[n] : queues[!n]))
				fail_msg("row %zu: %c has SAs for %u queues", i, w.side[n].name,
					 side_children(&w.side[n]));
		}
		rig_free(&w);
	}
}

/* The kernel asks for an SA of each of these CPUs. */
static void cpus_send(struct side *s, uint32_t from, uint32_t to)
{
	for (uint32_t cpu = from; cpu <= to; cpu++) {
		struct xfrm_acquire a = {.cpu = cpu, .reqid = tunnel_of(s)->reqid};

		controller_enter(s->c, s->w->now);
		lane_acquired(tunnel_of(s), &a);
		controller_leave(s->c);
	}
}

/* On one IKE SA: both ask for all queues in the same moment; those that the responder has asked for go. */
static void asked_for_from_both_ends_one_stays(void **state)
{
	struct world_config config = queues_config("4");
	struct world w;

	(void)state;
	config.side[0].child_extra = config.side[1].child_extra = "per_cpu_start = demand";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	for (unsigned int n = 0; n < 2; n++)
		cpus_send(&w.side[n], 0, 3);
	rig_run(&w, 200);
	for (unsigned int n = 0; n < 2; n++)
		assert_int_equal(tunnel_of(&w.side[n])->n_up, 9);
	rig_run(&w, 20000);
	for (unsigned int n = 0; n < 2; n++) {
		const struct ctl_tunnel *t = tunnel_of(&w.side[n]);

		assert_int_equal(lane_halves_in(&w.side[n]), 5);
		assert_int_equal(side_children(&w.side[n]), 5);
		for (unsigned int i = 0; i < 5; i++)
			assert_int_equal(lane_current(t->lanes[i])->ours, n == 0);
	}
	assert_int_equal(w.side[0].ups, 9);
	rig_run(&w, 100000);
	assert_int_equal(w.side[0].ups, 9);
	rig_free(&w);
}

/* A queue that lacks an SA takes one that the peer has asked for, if another queue has two and does not use both yet.
 */
static void an_sa_too_many_goes_to_a_queue_that_lacks_one(void **state)
{
	struct world_config config = queues_config("4");
	struct ctl_tunnel *t;
	struct world w;

	(void)state;
	config.side[0].child_extra = config.side[1].child_extra = "per_cpu_start = demand";
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	t = tunnel_of(&w.side[1]);
	for (unsigned int i = 2; i < t->n_lanes; i++)
		t->lanes[i]->offline = true; /* as B sees its CPUs for the moment */
	cpus_send(&w.side[0], 0, 1);
	rig_run(&w, 500);
	assert_int_equal(t->lanes[1]->fresh, 2);
	t->lanes[2]->offline = false;
	cpus_send(&w.side[1], 1, 1);
	rig_run(&w, 500);
	assert_true(log_has(&w, "queue.moved"));
	assert_int_equal(t->lanes[1]->fresh, 1);
	assert_int_equal(t->lanes[2]->fresh, 1);
	assert_int_equal(w.side[1].ups, 3); /* none was asked for */
	w.strict = w.closed = true;
	rig_run(&w, 15000);
	world_streams(&w, 2, 100);
	rig_run(&w, 3000);
	assert_true(lane_packets_out(&w.side[1], 0) > 100 && lane_packets_out(&w.side[1], 1) > 100);
	rig_free(&w);
}

/* ---- the peer deletes ---- */

/* In use: not again for a while, and then it is. Idle: not until there is traffic. */
static void what_the_peer_deletes_is_not_made_at_once(void **state)
{
	(void)state;
	for (int in_use = 0; in_use < 2; in_use++) {
		struct world_config config = queues_config("4");
		struct controller_match match = {0};
		struct world w;

		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		stream_only(&w, 0, 2, 50);
		rig_run(&w, 20000);
		w.strict = w.closed = true;
		/* B's queue n is A's, since A has asked for them in order */
		match.child_id = lane_current(tunnel_of(&w.side[1])->lanes[in_use ? 3 : 1])->id;
		controller_terminate(w.side[1].c, w.now, &match, false, 0, NULL, NULL, NULL);
		rig_run(&w, 25000);
		assert_int_equal(side_children(&w.side[0]), 4);
		rig_run(&w, 70000);
		assert_int_equal(side_children(&w.side[0]), 5);
		rig_free(&w);
	}
}

/* ---- idle ---- */

static void idle_queue_sas_go_and_come_back(void **state)
{
	static const struct {
		const char *a, *b; /* per_cpu_idle of each */
		const char *start;
	} rows[] = {
		{"5s", "5s", "demand"}, {"5s", "0", "demand"}, {"0", "5s", "demand"},
		{"5s", "5s", "all"},    {"5s", "0", "all"},    {"0", "5s", "all"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = queues_config("4");
		bool all = !strcmp(rows[i].start, "all");
		char a[100], b[100];
		struct world w;
		unsigned int ups;

		snprintf(a, sizeof(a), "per_cpu_start = %s\nper_cpu_idle = %s", rows[i].start, rows[i].a);
		snprintf(b, sizeof(b), "per_cpu_start = %s\nper_cpu_idle = %s", rows[i].start, rows[i].b);
		config.side[0].child_extra = a;
		config.side[1].child_extra = b;
		config.side[0].start_action = "start";
		rig_make(&w, &config);
		stream_only(&w, 0, 1, 50);
		rig_run(&w, 2000);
		w.strict = w.closed = true;
		rig_run(&w, 30000);
		if (lanes_with_sa(&w.side[0]) != (LANE_ANY | LANE(1)))
			fail_msg("row %zu: queues %x of A have an SA after a while", i, lanes_with_sa(&w.side[0]));
		assert_int_equal(side_children(&w.side[1]), 2);
		ups = w.side[0].ups;
		rig_run(&w, 60000);
		assert_int_equal(w.side[0].ups, ups); /* nobody brings back what nobody uses */
		w.strict = all;                       /* on demand, CPUs without an SA wait for the answer */
		stream_only(&w, 0, 3, 50);
		rig_run(&w, 5000);
		if (!(lanes_with_sa(&w.side[0]) & LANE(3)))
			fail_msg("row %zu: queue 3 did not come back", i);
		w.strict = true;
		rig_run(&w, 40000);
		if (lanes_with_sa(&w.side[0]) != (LANE_ANY | LANE(3)))
			fail_msg("row %zu: queues %x of A have an SA in the end", i, lanes_with_sa(&w.side[0]));
		ups = w.side[0].ups;
		rig_run(&w, 100000);
		assert_int_equal(w.side[0].ups, ups);
		rig_free(&w);
	}
}

/* The fallback always carries something: queues that nobody uses come back ever more seldom. */
static void useless_queues_stay_away_longer(void **state)
{
	struct world_config config = queues_config("2");
	struct world w;
	unsigned int ups, later;

	(void)state;
	config.side[0].child_extra = config.side[1].child_extra = "per_cpu_idle = 5s";
	config.side[0].start_action = "start";
	rig_make(&w, &config);
	stream_only(&w, 0, 3, 20); /* a CPU beyond them */
	rig_run(&w, 2000);
	w.strict = w.closed = true;
	rig_run(&w, 400000);
	ups = w.side[0].ups;
	rig_run(&w, 400000);
	later = w.side[0].ups - ups;
	if (ups > 30 || later > 6)
		fail_msg("%u SAs came up in the first time, %u in the second", ups, later);
	rig_free(&w);
}

/* ---- the same kind ---- */

/* The peer's additional SAs must be like the first. */
static void an_additional_sa_that_differs_is_refused(void **state)
{
	static const struct {
		const char *what;
		bool narrow, other_cipher;
		uint16_t notify;
	} rows[] = {
		{"the same", false, false, 0},
		{"other selectors", true, false, IKE_N_TS_UNACCEPTABLE},
		{"another cipher", false, true, IKE_N_NO_PROPOSAL_CHOSEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = queues_config("4");
		static struct conf_child other; /* the engine keeps a pointer */
		struct ctl_tunnel *t;
		struct side *b;
		struct world w;
		char name[32];

		config.side[0].esp = config.side[1].esp = "aes128gcm16, aes256gcm16";
		config.side[0].child_extra = config.side[1].child_extra = "per_cpu_start = demand";
		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		b = &w.side[1];
		t = tunnel_of(b);
		other = *t->cfg;
		if (rows[i].narrow)
			other.ike.local_ts[0].end[3] = other.ike.local_ts[0].end[2] = 7;
		if (rows[i].other_cipher)
			other.ike.proposals[0] = other.ike.proposals[1];
		other.ike.n_proposals = 1;
		controller_enter(b->c, w.now);
		assert_int_equal(ike_child_create(b->c->ike, w.now, lane_current(t->lanes[0])->peer->id, &other.ike,
						  (const uint8_t *)"x", 1, t->lanes[2]),
				 0);
		controller_leave(b->c);
		rig_run(&w, 1000);
		assert_int_equal(side_children(&w.side[0]), rows[i].notify ? 1 : 2);
		if (rows[i].notify && !log_has(&w, ike_notify_text(rows[i].notify, name)))
			fail_msg("%s: not refused with %s", rows[i].what, name);
		rig_free(&w);
	}
}

static void count_children(void *ctx, const struct controller_child *child)
{
	unsigned int *n = ctx;

	*n += child->state == CHILD_INSTALLED;
}

static void newest_ike(void *ctx, const struct ike_sa_info *sa)
{
	uint32_t *id = ctx;

	if (sa->state == IKE_SA_ESTABLISHED && sa->id > *id)
		*id = sa->id;
}

/* Replacements stay on their queue; at an IKE rekey they move along; identifiers tell nothing of CPUs. */
static void replacements_stay_on_their_queue(void **state)
{
	struct world_config config = queues_config("4");
	struct controller_match child = {.child = "net"}, ike = {.ike = "peer"};
	struct world w;
	unsigned int n;
	uint32_t id;

	(void)state;
	rig_make(&w, &config);
	assert_int_equal(rig_up(&w), 0);
	w.strict = w.closed = true;
	world_streams(&w, 4, 50);
	for (unsigned int round = 0; round < 4; round++) {
		struct side *s = &w.side[round % 2];

		assert_int_equal(controller_rekey(s->c, w.now, round < 2 ? &child : &ike, NULL), 0);
		rig_run(&w, 5000);
		for (unsigned int i = 0; i < 2; i++) {
			const struct ctl_tunnel *t = tunnel_of(&w.side[i]);

			assert_int_equal(lanes_with_sa(&w.side[i]), LANE_ANY | 0xf);
			assert_int_equal(crowding(&w.side[i]), 100);
			for (unsigned int l = 1; l < t->n_lanes; l++)
				for (unsigned int m = 1; m < l; m++)
					assert_memory_not_equal(t->lanes[l]->resource, t->lanes[m]->resource,
								RESOURCE_ID_LEN);
		}
	}
	id = 0;
	controller_ike_each(w.side[0].c, newest_ike, &id);
	n = 0;
	controller_child_each(w.side[0].c, w.now, id, count_children, &n);
	assert_int_equal(n, 5);
	rig_free(&w);
}

/* ---- cards that find the outbound SA by reqid alone ---- */

/* In packet mode all queues use one SA; in crypto mode each its own. */
static void by_reqid_queues_collapse_in_packet_mode_only(void **state)
{
	static const struct {
		const char *profile, *mode;
		enum offload_mode out;
		bool collapses, explained;
	} rows[] = {
		{"cx7", "auto", OFFLOAD_CRYPTO, false, true},       {"cx7", "packet", OFFLOAD_PACKET, true, true},
		{"cx7", "crypto", OFFLOAD_CRYPTO, false, true},     {"tiny-33", "auto", OFFLOAD_PACKET, false, false},
		{"tiny-33", "packet", OFFLOAD_PACKET, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world_config config = queues_config("4");
		unsigned int used = 0;
		struct world w;
		char extra[64];

		snprintf(extra, sizeof(extra), "per_cpu_mode = %s", rows[i].mode);
		config.side[0].profile = rows[i].profile;
		config.side[0].child_extra = extra;
		config.side[0].esp = config.side[1].esp = "aes128gcm16-esn";
		rig_make(&w, &config);
		assert_int_equal(rig_up(&w), 0);
		w.strict = w.closed = true;
		world_streams(&w, 4, 100);
		rig_run(&w, 10000);
		for (unsigned int q = 0; q < 4; q++) {
			struct controller_child c = rig_child(&w.side[0], 1 + q);

			used += lane_packets_out(&w.side[0], q) > 0;
			assert_int_equal(c.out.mode, rows[i].out);
			assert_int_equal(c.in.mode, OFFLOAD_PACKET);
			assert_int_equal(lane_explains_mode(&w.side[0], q), rows[i].explained);
		}
		if (used != (rows[i].collapses ? 1 : 4))
			fail_msg("%s, per_cpu_mode = %s: %u of 4 queues used their SA", rows[i].profile, rows[i].mode,
				 used);
		rig_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_start_at_once),
		cmocka_unit_test(asked_for_from_both_ends_one_stays),
		cmocka_unit_test(an_sa_too_many_goes_to_a_queue_that_lacks_one),
		cmocka_unit_test(what_the_peer_deletes_is_not_made_at_once),
		cmocka_unit_test(idle_queue_sas_go_and_come_back),
		cmocka_unit_test(useless_queues_stay_away_longer),
		cmocka_unit_test(an_additional_sa_that_differs_is_refused),
		cmocka_unit_test(replacements_stay_on_their_queue),
		cmocka_unit_test(by_reqid_queues_collapse_in_packet_mode_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
