/* SPDX-License-Identifier: MIT */
/* list-slots and list-queues: the rack and the queues as they are now. docs/vici.md has the fields. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "ctl/vici_server_impl.h"
#include "ike/crypto.h"

/* ---- fields that both have ---- */

static void seconds_write(struct vici_writer *w, const char *key, uint64_t ns)
{
	if (ns != UINT64_MAX)
		vici_format(w, key, "%.3f", (double)ns / 1e9);
}

static void queue_write(struct vici_writer *w, uint32_t queue)
{
	if (queue == UINT32_MAX)
		vici_text(w, "queue", "any");
	else
		vici_format(w, "queue", "%u", queue);
}

static const char *conn_name(const struct controller_child *c)
{
	return c->ike && c->ike->conn ? c->ike->conn->name : "";
}

static const char *child_name(const struct controller_child *c)
{
	return c->ike && c->ike->cfg ? c->ike->cfg->name : "";
}

static void child_names_write(struct vici_writer *w, const struct controller_child *c)
{
	vici_text(w, "ike", conn_name(c));
	vici_format(w, "ike_id", "%u", c->ike_sa);
	vici_text(w, "child", child_name(c));
	vici_format(w, "child_id", "%u", c->id);
	vici_text(w, "child_state", child_state_name(c->state));
}

static void wear_write(struct vici_writer *w, const struct controller_child *c)
{
	vici_format(w, "wear_soft", "%.1f", 100 * c->wear_soft);
	vici_format(w, "wear_hard", "%.1f", 100 * c->wear_hard);
	seconds_write(w, "rekey_in", c->rekey_in_ns);
}

/* ---- slots ---- */

void vici_pools_write(struct vici_writer *w, const struct slots *slots)
{
	vici_section(w, "pools");
	for (unsigned int i = 0; slots && i < slots_pools(slots); i++) {
		struct slots_count c;

		slots_count_get(slots, i, &c);
		vici_section(w, c.name);
		vici_format(w, "size", "%u", c.size);
		vici_format(w, "occ", "%u", c.occ);
		vici_format(w, "reserved", "%u", c.reserved);
		vici_format(w, "draining", "%u", c.draining);
		vici_format(w, "free", "%u", c.free);
		vici_format(w, "peak", "%u", c.peak);
		vici_format(w, "reserve", "%u", c.reserve);
		vici_format(w, "configured", "%u", c.configured);
		if (c.learned != UINT32_MAX)
			vici_format(w, "learned", "%u", c.learned);
		vici_format(w, "refused", "%llu", (unsigned long long)c.refused);
		vici_section_end(w);
	}
	vici_section_end(w);
}

static void peer_write(struct vici_writer *w, const struct controller_child *c)
{
	char text[64];

	if (c->ike)
		vici_text(w, "peer", conf_addr_print(&c->ike->path.remote, text, sizeof(text)));
}

static void slot_event(void *ctx, const struct slots_view *slot, const struct controller_child *child)
{
	struct vici_request *r = ctx;
	const struct slots *slots = controller_slots(r->server->controller);
	struct slots_count pool;
	struct vici_writer w;

	slots_count_get(slots, slot->pool, &pool);
	vici_event_start(&w, VICI_EV_LIST_SLOT);
	vici_format(&w, "slot", "%u", slot->slot);
	vici_text(&w, "pool", pool.name);
	vici_text(&w, "state", slots_state_name(slot->state));
	vici_text(&w, "dir", slot->dir == SLOTS_IN ? "in" : "out");
	vici_text(&w, "family", slot->family == SLOTS_IPV4 ? "ipv4" : "ipv6");
	if (child) {
		const struct controller_half *half = slot->dir == SLOTS_IN ? &child->in : &child->out;

		peer_write(&w, child);
		child_names_write(&w, child);
		vici_text(&w, "mode", offload_mode_name(half->mode));
		queue_write(&w, child->queue);
		vici_format(&w, "spi", "%08x", half->spi);
		vici_format(&w, "bytes", "%llu", (unsigned long long)half->bytes);
		vici_format(&w, "packets", "%llu", (unsigned long long)half->packets);
		wear_write(&w, child);
	}
	vici_stream(r, VICI_EV_LIST_SLOT, &w);
}

void vici_list_slots(struct vici_request *r)
{
	if (vici_registered(r->session, VICI_EV_LIST_SLOT))
		controller_slot_each(r->server->controller, r->now, slot_event, r);
	vici_pools_write(&r->reply, controller_slots(r->server->controller));
}

/* ---- queues ---- */

struct queue_row {
	struct controller_queue queue;
	struct controller_child child;
	/* the texts of `queue`, which are not there any more when it is written */
	char out[QUEUES_TEXT], in[QUEUES_TEXT], why[QUEUES_TEXT], poor[QUEUES_TEXT], mode_why[QUEUES_TEXT];
};

struct queue_rows {
	struct queue_row *at;
	size_t n, room;
	bool failed; /* no memory */
};

static void text_copy(char to[QUEUES_TEXT], const char *from)
{
	snprintf(to, QUEUES_TEXT, "%s", from ? from : "");
}

/* A copy, because they are to be sorted; names and selectors in it stay where they are until the command has ended. */
static void queue_add(void *ctx, const struct controller_queue *q)
{
	struct queue_rows *rows = ctx;
	struct queue_row *row;

	if (!q->child || rows->failed)
		return;
	if (rows->n == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 64;
		struct queue_row *more = reallocarray(rows->at, room, sizeof(*more));

		if (!more) {
			rows->failed = true;
			return;
		}
		rows->at = more;
		rows->room = room;
	}
	row = &rows->at[rows->n++];
	row->queue = *q;
	row->child = *q->child;
	text_copy(row->out, q->steering_out);
	text_copy(row->in, q->steering_in);
	text_copy(row->why, q->why);
	text_copy(row->poor, q->poor);
	text_copy(row->mode_why, q->mode_why);
}

static int number_compare(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* By connection, child and queue, the fallback (UINT32_MAX + 1 = 0) first. */
static int queue_compare(const void *a, const void *b)
{
	const struct queue_row *x = a, *y = b;
	int order = strcmp(conn_name(&x->child), conn_name(&y->child));

	if (!order)
		order = strcmp(child_name(&x->child), child_name(&y->child));
	if (!order)
		order = number_compare(x->queue.queue + 1, y->queue.queue + 1);
	return order ? order : number_compare(x->child.id, y->child.id);
}

static void cipher_write(struct vici_writer *w, const struct ike_child_sa *sa)
{
	const struct ike_alg *encr = sa ? ike_alg_find(IKE_T_ENCR, sa->encr, sa->encr_bits) : NULL;

	if (!encr)
		return;
	vici_text(w, "encr", encr->name);
	vici_format(w, "encr_bits", "%u", sa->encr_bits);
	vici_text(w, "esn", sa->esn ? "yes" : "no");
}

/* Only what there is. */
static void text_write(struct vici_writer *w, const char *key, const char *text)
{
	if (text && text[0])
		vici_text(w, key, text);
}

static void steering_write(struct vici_writer *w, const struct queue_row *row)
{
	const struct controller_queue *q = &row->queue;
	char both[2 * QUEUES_TEXT + 4];

	if (row->child.cpu != UINT32_MAX)
		vici_format(w, "cpu", "%u", row->child.cpu);
	if (q->tx >= 0)
		vici_format(w, "tx", "%d", q->tx);
	if (q->rx >= 0)
		vici_format(w, "rx", "%d", q->rx);
	text_write(w, "steered_out", q->out);
	text_write(w, "steered_in", q->in);
	snprintf(both, sizeof(both), "%s%s%s", row->out, row->out[0] && row->in[0] ? "; " : "", row->in);
	text_write(w, "steering", both);
	text_write(w, "unsteered", row->why);
	text_write(w, "map_lacks", row->poor);
}

static void totals_write(struct vici_writer *w, const struct controller_queue *q)
{
	vici_format(w, "total_bytes_in", "%llu", (unsigned long long)q->bytes_in);
	vici_format(w, "total_packets_in", "%llu", (unsigned long long)q->packets_in);
	vici_format(w, "total_bytes_out", "%llu", (unsigned long long)q->bytes_out);
	vici_format(w, "total_packets_out", "%llu", (unsigned long long)q->packets_out);
}

static void queue_event(struct vici_request *r, const struct queue_row *row)
{
	const struct controller_child *c = &row->child;
	const struct controller_queue *q = &row->queue;
	struct vici_writer w;

	vici_event_start(&w, VICI_EV_LIST_QUEUE);
	child_names_write(&w, c);
	vici_text(&w, "mode", offload_mode_name(c->out.mode)); /* it is sending that the queue is chosen for */
	vici_text(&w, "mode_in", offload_mode_name(c->in.mode));
	text_write(&w, "mode_why", row->mode_why);
	vici_text(&w, "sends", c->out.installed ? "yes" : "no");
	queue_write(&w, q->queue);
	cipher_write(&w, c->ike);
	vici_format(&w, "spi_in", "%08x", c->in.spi);
	vici_format(&w, "spi_out", "%08x", c->out.spi);
	vici_format(&w, "byte_rate", "%.0f", q->byte_rate);
	vici_format(&w, "packet_rate", "%.1f", q->packet_rate);
	vici_format(&w, "share", "%.1f", 100 * q->share);
	vici_format(&w, "bytes_in", "%llu", (unsigned long long)c->in.bytes);
	vici_format(&w, "packets_in", "%llu", (unsigned long long)c->in.packets);
	vici_format(&w, "bytes_out", "%llu", (unsigned long long)c->out.bytes);
	vici_format(&w, "packets_out", "%llu", (unsigned long long)c->out.packets);
	totals_write(&w, q);
	wear_write(&w, c);
	if (c->installed_ns)
		seconds_write(&w, "age", r->now > c->installed_ns ? r->now - c->installed_ns : 0);
	steering_write(&w, row);
	vici_stream(r, VICI_EV_LIST_QUEUE, &w);
}

/* ---- queues without an SA, in the answer ---- */

enum { UNSERVED_MAX = 1000 }; /* an answer is one packet, of at most VICI_PACKET_MAX */

struct unserved {
	struct vici_writer *w;
	unsigned int n;
};

static void unserved_write(void *ctx, const struct controller_unserved *q)
{
	struct unserved *u = ctx;
	char name[2 * CONF_NAME_MAX + 16];

	if (u->n++ >= UNSERVED_MAX)
		return;
	snprintf(name, sizeof(name), "%s/%s/%u", q->conn->name, q->child->name, q->queue);
	vici_section(u->w, name);
	vici_text(u->w, "ike", q->conn->name);
	vici_text(u->w, "child", q->child->name);
	vici_format(u->w, "queue", "%u", q->queue);
	vici_format(u->w, "cpu", "%u", q->cpu);
	vici_text(u->w, "why", q->why);
	vici_section_end(u->w);
}

static void unserved_list(struct vici_request *r)
{
	struct unserved u = {&r->reply, 0};

	vici_section(&r->reply, "unserved");
	controller_unserved_each(r->server->controller, r->now, unserved_write, &u);
	vici_section_end(&r->reply);
	vici_format(&r->reply, "unserved_queues", "%u", u.n);
}

static void queues_list(struct vici_request *r)
{
	struct queue_rows rows = {0};

	controller_queue_each(r->server->controller, r->now, queue_add, &rows);
	if (rows.failed) {
		vici_refuse(&r->reply, "out of memory");
	} else if (rows.n) {
		qsort(rows.at, rows.n, sizeof(rows.at[0]), queue_compare);
		for (size_t i = 0; i < rows.n; i++)
			queue_event(r, &rows.at[i]);
	}
	free(rows.at);
}

void vici_list_queues(struct vici_request *r)
{
	unserved_list(r);
	if (vici_registered(r->session, VICI_EV_LIST_QUEUE))
		queues_list(r);
}
