/* SPDX-License-Identifier: MIT */
/* The answer to `stats`: every counter of the card, the ports, the watcher, the generator and the sockets. */
#include <stdlib.h>

#include "hwsim/process.h"

struct field {
	const char *name;
	size_t offset;
};

#define FIELD(name)                                       \
	{                                                 \
#name, offsetof(struct hwsim_stats, name) \
	}

static const struct field fields[] = {
	FIELD(installs),       FIELD(deletes),      FIELD(refused),  FIELD(soft_expired), FIELD(hard_expired),
	FIELD(events_lost),    FIELD(tx_esp),       FIELD(tx_plain), FIELD(tx_no_sa),     FIELD(tx_drop),
	FIELD(rx_esp),         FIELD(rx_plain),     FIELD(rx_no_sa), FIELD(rx_auth_fail), FIELD(rx_replay),
	FIELD(rx_policy_drop), FIELD(rx_malformed), FIELD(tx_bytes), FIELD(rx_bytes),
};

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* jansson frees what it cannot store: out of memory shows as a missing key. */
static void put(json_t *o, const char *name, uint64_t v)
{
	json_object_set_new(o, name, number(v));
}

static json_t *card_json(struct process *p)
{
	struct hwsim_stats s;
	json_t *o = json_object();

	hwsim_stats(p->card, &s);
	json_object_set_new(o, "profile", json_string(p->options->card.profile->name));
	json_object_set_new(o, "link", json_boolean(p->link));
	json_object_set_new(o, "in",
			    json_pack("{s:i, s:i, s:i, s:i}", "size", s.in.size, "used", s.in.used, "freeing",
				      s.in.freeing, "peak", s.in.peak));
	json_object_set_new(o, "out",
			    json_pack("{s:i, s:i, s:i, s:i}", "size", s.out.size, "used", s.out.used, "freeing",
				      s.out.freeing, "peak", s.out.peak));
	json_object_set_new(o, "total",
			    json_pack("{s:i, s:i, s:i, s:i}", "size", s.total.size, "used", s.total.used, "freeing",
				      s.total.freeing, "peak", s.total.peak));
	put(o, "policies", s.policies);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put(o, fields[i].name, *(const uint64_t *)(const void *)((const char *)&s + fields[i].offset));
	return o;
}

static json_t *queues_json(struct process *p)
{
	json_t *list = json_array();

	for (unsigned int q = 0; q < p->options->card.queues; q++) {
		uint64_t tx, rx;
		json_t *o = json_object();

		hwsim_queue_stats(p->card, q, &tx, &rx);
		put(o, "queue", q);
		put(o, "tx_packets", tx);
		put(o, "rx_packets", rx);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *port_json(struct port *port)
{
	json_t *o = json_object();

	port->ops->refresh(port);
	json_object_set_new(o, "kind", json_string(port->ops->name));
	for (int c = 0; c < PORT_COUNTERS; c++)
		put(o, port_counter_name((enum port_counter)c), port->counter[c]);
	return o;
}

static json_t *watch_json(struct watch *w)
{
	json_t *o = json_object();

	for (int dir = 0; dir < WATCH_DIRS; dir++) {
		json_t *d = json_object();

		for (int c = 0; c < WATCH_COUNTERS; c++)
			put(d, watch_counter_name((enum watch_counter)c), w->count[dir][c]);
		json_object_set_new(o, watch_dir_name((enum watch_dir)dir), d);
	}
	return o;
}

static json_t *arrived_json(const struct gen_check *c, unsigned int stream)
{
	json_t *list = json_array();

	for (unsigned int q = 0; q < c->queues; q++) {
		uint64_t n = c->arrived[(size_t)stream * c->queues + q];
		json_t *o;

		if (!n)
			continue;
		o = json_object();
		put(o, "queue", q);
		put(o, "packets", n);
		json_array_append_new(list, o);
	}
	return list;
}

static void put_received(json_t *o, const struct gen_check_stream *s)
{
	put(o, "received", s->received);
	put(o, "received_bytes", s->bytes);
	put(o, "gaps", gen_check_gaps(s));
	put(o, "duplicates", s->duplicates);
	put(o, "reordered", s->reordered);
	put(o, "late", s->late);
	put(o, "misrouted", s->misrouted);
}

static json_t *streams_json(struct gen *g, const struct gen_check *c, struct gen_check_stream *sum,
			    struct gen_stream_status *sent)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < GEN_MAX_STREAMS; i++) {
		const struct gen_check_stream *s = &c->stream[i];
		struct gen_stream_status st = {0};
		json_t *o;

		if (i < gen_queues(g))
			gen_stream_status(g, i, &st);
		if (i >= gen_queues(g) && !s->seen)
			continue;
		o = json_object();
		put(o, "stream", i);
		put(o, "sent", st.sent);
		put(o, "sent_bytes", st.sent_bytes);
		put_received(o, s);
		json_object_set_new(o, "arrived", arrived_json(c, i));
		json_array_append_new(list, o);
		sent->running |= st.running;
		sent->sent += st.sent;
		sent->sent_bytes += st.sent_bytes;
		/* gap = highest + 1 - received, summed over the streams seen */
		sum->seen |= s->seen;
		sum->highest += s->seen ? s->highest + 1 : 0;
		sum->received += s->received;
		sum->bytes += s->bytes;
		sum->duplicates += s->duplicates;
		sum->reordered += s->reordered;
		sum->late += s->late;
		sum->misrouted += s->misrouted;
	}
	if (sum->seen)
		sum->highest--; /* so that gen_check_gaps is right for the sum as well */
	return list;
}

static json_t *gen_json(struct gen *g)
{
	struct gen_check_stream *sum = calloc(1, sizeof(*sum));
	struct gen_stream_status sent = {0};
	const struct gen_check *c;
	json_t *o, *streams;

	if (!sum)
		return NULL;
	c = gen_check_lock(g);
	o = json_object();
	streams = streams_json(g, c, sum, &sent);
	json_object_set_new(o, "running", json_boolean(sent.running));
	put(o, "run", gen_run(g));
	put(o, "sent", sent.sent);
	put(o, "sent_bytes", sent.sent_bytes);
	put(o, "received_run", c->run);
	put_received(o, sum);
	put(o, "payload_errors", c->payload_errors);
	put(o, "foreign", c->foreign);
	put(o, "stale", c->stale);
	if (sum->received) {
		json_t *ns = json_object();

		put(ns, "min", c->latency_min);
		put(ns, "avg", c->latency_sum / sum->received);
		put(ns, "max", c->latency_max);
		json_object_set_new(o, "latency_ns", ns);
	}
	gen_check_release(g);
	json_object_set_new(o, "streams", streams);
	free(sum);
	return o;
}

static json_t *netlink_json(struct process *p)
{
	struct server_netlink_stats s;
	json_t *o = json_object();

	server_netlink_stats(p->netlink, &s);
	put(o, "clients", s.clients);
	put(o, "event_clients", s.event_clients);
	put(o, "requests", s.requests);
	put(o, "events", s.events);
	put(o, "overruns", s.overruns);
	put(o, "events_lost", event_queue_lost(p->events));
	return o;
}

json_t *process_stats(struct process *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "card", card_json(p));
	json_object_set_new(o, "queues", queues_json(p));
	json_object_set_new(o, "wire", port_json(p->wire));
	json_object_set_new(o, "host", port_json(p->host));
	json_object_set_new(o, "watch", watch_json(&p->watch));
	if (p->gen)
		json_object_set_new(o, "gen", gen_json(p->gen));
	json_object_set_new(o, "netlink", netlink_json(p));
	return o;
}
