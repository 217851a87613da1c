/* SPDX-License-Identifier: MIT */
#include "fake_controller.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int controller_conn_load(struct controller *c, uint64_t now, struct conf_conn *conf)
{
	unsigned int i = 0;

	(void)now;
	while (i < c->n_conns && strcmp(c->conns[i]->ike.name, conf->ike.name) != 0)
		i++;
	if (i == FAKE_MAX)
		return -ENOMEM;
	conf_conn_ref(conf);
	if (i < c->n_conns)
		conf_conn_unref(c->conns[i]);
	else
		c->n_conns++;
	c->conns[i] = conf;
	return 0;
}

int controller_conn_unload(struct controller *c, uint64_t now, const char *name, bool close)
{
	(void)now;
	(void)close;
	for (unsigned int i = 0; i < c->n_conns; i++) {
		if (strcmp(c->conns[i]->ike.name, name) != 0)
			continue;
		conf_conn_unref(c->conns[i]);
		c->conns[i] = c->conns[--c->n_conns];
		return 0;
	}
	return -ENOENT;
}

void controller_conn_each(struct controller *c, void (*each)(void *ctx, const struct conf_conn *conn), void *ctx)
{
	for (unsigned int i = 0; i < c->n_conns; i++)
		each(ctx, c->conns[i]);
}

int controller_secret_load(struct controller *c, const struct conf_secret *secret)
{
	unsigned int i = 0;

	while (i < c->n_secrets && strcmp(c->secrets[i].name, secret->name) != 0)
		i++;
	if (i == FAKE_MAX)
		return -ENOMEM;
	c->secrets[i] = *secret;
	c->n_secrets += i == c->n_secrets;
	return 0;
}

int controller_secret_unload(struct controller *c, const char *name)
{
	for (unsigned int i = 0; i < c->n_secrets; i++) {
		if (strcmp(c->secrets[i].name, name) != 0)
			continue;
		c->secrets[i] = c->secrets[--c->n_secrets];
		return 0;
	}
	return -ENOENT;
}

void controller_secret_each(struct controller *c, void (*each)(void *ctx, const char *name), void *ctx)
{
	for (unsigned int i = 0; i < c->n_secrets; i++)
		each(ctx, c->secrets[i].name);
}

static void command(struct controller *c, controller_done done, void *ctx)
{
	c->calls++;
	if (c->at_once) {
		done(ctx, c->err, c->text ? c->text : "");
	} else {
		if (c->done) /* nobody waits for the one before any more */
			c->done(c->ctx, -ECANCELED, "replaced");
		c->done = done;
		c->ctx = ctx;
	}
}

void controller_initiate(struct controller *c, uint64_t now, const char *conn, const char *child, uint64_t timeout_ns,
			 controller_done done, void *ctx)
{
	(void)now;
	snprintf(c->conn, sizeof(c->conn), "%s", conn ? conn : "");
	snprintf(c->child, sizeof(c->child), "%s", child ? child : "");
	c->timeout_ns = timeout_ns;
	command(c, done, ctx);
}

static void match_keep(struct controller *c, const struct controller_match *m)
{
	snprintf(c->conn, sizeof(c->conn), "%s", m->ike ? m->ike : "");
	snprintf(c->child, sizeof(c->child), "%s", m->child ? m->child : "");
	c->match = *m;
}

void controller_terminate(struct controller *c, uint64_t now, const struct controller_match *match, bool force,
			  uint64_t timeout_ns, controller_done done, void *ctx, unsigned int *matches)
{
	(void)now;
	match_keep(c, match);
	c->force = force;
	c->timeout_ns = timeout_ns;
	*matches = c->matches;
	command(c, done, ctx);
}

int controller_rekey(struct controller *c, uint64_t now, const struct controller_match *match, unsigned int *matches)
{
	(void)now;
	match_keep(c, match);
	c->calls++;
	*matches = c->matches;
	return c->err;
}

void fake_controller_done(struct controller *c, int err, const char *text)
{
	controller_done done = c->done;

	c->done = NULL;
	done(c->ctx, err, text);
}

void fake_controller_clear(struct controller *c)
{
	if (c->done)
		fake_controller_done(c, -ECANCELED, "cleared");
	for (unsigned int i = 0; i < c->n_conns; i++)
		conf_conn_unref(c->conns[i]);
	c->n_conns = c->n_secrets = 0;
	slots_free(c->slots);
	c->slots = NULL;
}

/* ---- views ---- */

const char *child_state_name(enum child_state state)
{
	return state == CHILD_INSTALLED ? "INSTALLED" : state == CHILD_REKEYED ? "REKEYED" : "OTHER";
}

void controller_ike_each(struct controller *c, void (*each)(void *ctx, const struct ike_sa_info *sa), void *ctx)
{
	for (unsigned int i = 0; i < c->n_sas; i++)
		each(ctx, &c->sas[i]);
}

void controller_child_each(struct controller *c, uint64_t now, uint32_t ike_sa,
			   void (*each)(void *ctx, const struct controller_child *child), void *ctx)
{
	(void)now;
	for (unsigned int i = 0; i < c->n_children; i++)
		if (c->children[i].ike_sa == ike_sa)
			each(ctx, &c->children[i]);
	for (unsigned int i = 0; c->n_children && i < c->many; i++) {
		struct controller_child copy = c->children[0];

		copy.id = 1000 + i;
		each(ctx, &copy);
	}
}

struct slot_each {
	struct controller *c;
	void (*each)(void *ctx, const struct slots_view *slot, const struct controller_child *child);
	void *ctx;
};

static void slot_each(void *ctx, const struct slots_view *slot)
{
	struct slot_each *e = ctx;

	e->each(e->ctx, slot, slot->owner);
}

void controller_slot_each(struct controller *c, uint64_t now,
			  void (*each)(void *ctx, const struct slots_view *slot, const struct controller_child *child),
			  void *ctx)
{
	struct slot_each e = {c, each, ctx};

	(void)now;
	if (c->slots)
		slots_each(c->slots, slot_each, &e);
}

const struct slots *controller_slots(const struct controller *c)
{
	return c->slots;
}

const struct conf_nic *controller_nic_conf(const struct controller *c)
{
	return &c->nic;
}

/* Backwards, so that it counts that they are sorted. */
void controller_queue_each(struct controller *c, uint64_t now,
			   void (*each)(void *ctx, const struct controller_queue *queue), void *ctx)
{
	(void)now;
	for (unsigned int i = c->n_children; i-- > 0;) {
		struct controller_queue q = {
			.queue = c->children[i].queue,
			.child = &c->children[i],
			.tx = 3,
			.rx = i ? 4 : -1,
			.out = "xps",
			.in = "any",
			.steering_out = "sent by hand",
			.steering_in = "received by hand",
			.mode_why = "",
			.why = "no reason",
			.poor = "eyes",
			.byte_rate = 125000,
			.packet_rate = 100,
			.share = 0.25,
			.bytes_in = 5000,
			.packets_in = 50,
			.bytes_out = 6000,
			.packets_out = 60,
		};

		each(ctx, &q);
	}
}

void controller_unserved_each(struct controller *c, uint64_t now,
			      void (*each)(void *ctx, const struct controller_unserved *queue), void *ctx)
{
	(void)now;
	if (c->n_conns && c->n_children) {
		struct controller_unserved q = {&c->conns[0]->ike, c->conns[0]->ike.children[0], 1, 3, "it is asleep"};

		each(ctx, &q);
	}
}

void controller_policy_each(struct controller *c, void (*each)(void *ctx, const struct controller_policy *policy),
			    void *ctx)
{
	for (unsigned int i = 0; i < c->n_conns; i++) {
		struct controller_policy p = {c->conns[i]->ike.children[0], &c->conns[i]->ike, 7, OFFLOAD_PACKET, true};

		each(ctx, &p);
	}
}

void controller_counters_get(const struct controller *c, struct controller_counters *out)
{
	*out = c->counters;
}
