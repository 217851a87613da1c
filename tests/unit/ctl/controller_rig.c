/* SPDX-License-Identifier: MIT */
#include "controller_rig.h"

struct world_config rig_config(void)
{
	struct world_config c = {.net = {.delay_ns = 5 * sim_ms}, .nic_delay_ns = 100000};

	for (unsigned int i = 0; i < 2; i++)
		c.side[i] = (struct side_config){.queues = 4, .slots = 64};
	return c;
}

void rig_make(struct world *w, const struct world_config *config)
{
	world_make(w, 1, config, false);
}

void rig_free(struct world *w)
{
	char why[200];

	for (unsigned int i = 0; i < 2; i++)
		if (controller_check(w->side[i].c, why, sizeof(why)))
			fail_msg("%c: %s", w->side[i].name, why);
	world_free(w);
}

void rig_run(struct world *w, uint64_t ms)
{
	if (!world_run(w, ms * sim_ms))
		fail_msg("%s", w->why);
}

void rig_done(void *ctx, int err, const char *text)
{
	struct rig_answer *a = ctx;

	a->calls++;
	a->err = err;
	snprintf(a->text, sizeof(a->text), "%s", text);
}

int rig_up(struct world *w)
{
	struct rig_answer a = {0};

	controller_initiate(w->side[0].c, w->now, "peer", "net", 0, rig_done, &a);
	for (unsigned int i = 0; i < 1000 && !a.calls; i++)
		rig_run(w, 10);
	assert_int_equal(a.calls, 1);
	rig_run(w, 100);
	return a.err;
}

struct controller_counters rig_counters(struct side *s)
{
	struct controller_counters c;

	controller_counters_get(s->c, &c);
	return c;
}

struct slots_count rig_slots(struct side *s)
{
	struct slots_count c;

	slots_count_get(controller_slots(s->c), 0, &c);
	return c;
}

struct pick {
	unsigned int left;
	bool found;
	struct controller_child child;
};

static void pick(void *ctx, const struct controller_queue *q)
{
	struct pick *p = ctx;

	if (p->left-- == 0) {
		p->child = *q->child;
		p->found = true;
	}
}

struct controller_child rig_child(struct side *s, unsigned int n)
{
	struct pick p = {.left = n};

	controller_queue_each(s->c, s->w->now, pick, &p);
	assert_true(p.found);
	return p.child;
}
