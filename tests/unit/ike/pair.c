/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/message.h"

/* ---- the owner of one side ---- */

static void side_random(void *ctx, uint8_t *out, size_t n)
{
	struct pair_side *s = ctx;

	if (n == 32 && s->forced_at < s->n_forced) { /* a nonce */
		memset(out, s->forced[s->forced_at++], n);
		return;
	}
	if (n == sizeof(uint16_t) && s->values_at < s->n_values) { /* a Rekey Value */
		memcpy(out, &s->values[s->values_at++], n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)prng_next(&s->pair->prng);
}

static void side_emit(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len)
{
	struct pair_side *s = ctx;
	struct pair_datagram *d = malloc(sizeof(*d) + len);

	assert_non_null(d);
	d->from = s->n;
	d->seq = s->pair->seq++;
	d->faulted = false;
	d->path = *path;
	d->len = len;
	memcpy(d->bytes, datagram, len);
	TAILQ_INSERT_TAIL(&s->pair->net, d, link);
	s->pair->sent[s->n]++;
}

static int side_psk(void *ctx, const struct ike_conn_cfg *conn, const struct ike_id *local, const struct ike_id *remote,
		    uint8_t *out)
{
	struct pair_side *s = ctx;

	(void)conn;
	(void)local;
	(void)remote;
	if (!s->psk)
		return -ENOENT;
	memcpy(out, s->psk, strlen(s->psk));
	return (int)strlen(s->psk);
}

static uint16_t side_reserve(void *ctx, const struct ike_child_offer *offer, uint32_t *spi_in, void **user)
{
	struct pair_side *s = ctx;
	struct pair_child *c;

	assert_non_null(offer->conn);
	assert_non_null(offer->cfg);
	assert_int_not_equal(offer->child_sa, 0);
	if (s->refuse)
		return s->refuse;
	c = calloc(1, sizeof(*c));
	assert_non_null(c);
	c->side = s;
	c->id = offer->child_sa;
	c->rekey = offer->rekeys_user != NULL;
	c->initiator = offer->initiator;
	c->resource = offer->resource;
	c->hint = offer->hint;
	c->spi_in = *spi_in = s->next_spi++;
	*user = c;
	TAILQ_INSERT_TAIL(&s->children, c, link);
	s->reserves++;
	return 0;
}

static void side_install(struct pair_side *s, struct pair_child *c, const struct ike_event *ev)
{
	assert_false(c->in);
	assert_non_null(ev->keys);
	assert_int_not_equal(ev->child->spi_out, 0);
	c->in = !s->install_err;
	c->out = ev->outbound && !s->install_err;
	c->redundant = ev->redundant;
	c->spi_out = ev->child->spi_out;
	c->keys = *ev->keys;
	if (!s->hold_installs)
		assert_int_equal(ike_child_installed(s->ike, s->pair->now, c->id, s->install_err), 0);
}

static void side_delete_old(struct pair_side *s, uint32_t id)
{
	int err = ike_child_delete(s->ike, s->pair->now, id);

	assert_true(!err || err == -EALREADY); /* the test may have done it before */
}

static void side_child_event(struct pair_side *s, const struct ike_event *ev)
{
	struct pair_child *c = ev->child->user;

	assert_non_null(c);
	assert_int_equal(c->id, ev->child->id);
	assert_false(c->down);
	switch (ev->kind) {
	case IKE_EV_CHILD_INSTALL:
		side_install(s, c, ev);
		break;
	case IKE_EV_CHILD_UP:
		assert_true(c->in);
		assert_false(c->up);
		c->up = true;
		c->delete_old = ev->delete_old;
		if (ev->delete_old)
			assert_non_null(ev->replaces);
		if (ev->delete_old && !s->keep_old)
			side_delete_old(s, ev->replaces->id);
		break;
	case IKE_EV_CHILD_OUTBOUND:
		assert_true(c->in);
		assert_false(c->out);
		c->out = true;
		break;
	case IKE_EV_CHILD_DOWN:
		c->down = true;
		c->why = ev->down;
		c->notify = ev->notify;
		c->crossed = ev->redundant && ev->down == IKE_DOWN_REDUNDANT;
		s->downs++;
		break;
	case IKE_EV_SA_UP:
	case IKE_EV_SA_REKEYED:
	case IKE_EV_SA_MOVED:
	case IKE_EV_SA_DOWN:
		fail_msg("not a Child SA's event: %d", ev->kind);
	}
}

static void side_event(void *ctx, const struct ike_event *ev)
{
	struct pair_side *s = ctx;

	assert_ptr_equal(ev->conn, s->conn_now);
	switch (ev->kind) {
	case IKE_EV_SA_UP:
		s->sas_up++;
		s->sa = ev->ike_sa;
		break;
	case IKE_EV_SA_REKEYED:
		s->sas_rekeyed++;
		s->sa = ev->ike_sa;
		s->old_sa = ev->old_ike_sa;
		break;
	case IKE_EV_SA_DOWN:
		s->sas_down++;
		s->sa_why = ev->down;
		s->sa_notify = ev->notify;
		break;
	case IKE_EV_SA_MOVED:
		s->moved++;
		break;
	case IKE_EV_CHILD_INSTALL:
	case IKE_EV_CHILD_UP:
	case IKE_EV_CHILD_OUTBOUND:
	case IKE_EV_CHILD_DOWN:
		side_child_event(s, ev);
		break;
	}
}

static bool side_count(void *ctx, const struct ike_child_sa *child, uint16_t encr, uint16_t key_bits,
		       struct ike_count_range *out)
{
	const struct pair_side *s = ctx;

	assert_ptr_equal(((struct pair_child *)child->user)->side, s);
	assert_int_not_equal(encr, 0);
	*out = key_bits == 256 && s->range_256.max ? s->range_256 : s->range;
	return out->max != 0;
}

static void side_line(void *ctx, enum log_level level, const char *event, const char *text)
{
	struct pair_side *s = ctx;

	printf("%6llu.%03llu %c %-7s %-16s %s\n", (unsigned long long)(s->pair->now / SEC),
	       (unsigned long long)(s->pair->now % SEC / MS), 'A' + s->n, log_level_name(level), event, text);
}

/* ---- configuration ---- */

void pair_proposal(struct ike_proposal *out, unsigned int *n, uint8_t protocol, const char *spec)
{
	char text[200] = "";

	if (ike_proposal_read(&out[*n], protocol, spec, text, sizeof(text)))
		fail_msg("%s: %s", spec, text);
	(*n)++;
}

void pair_addr(struct ike_addr *a, const char *ip, uint16_t port)
{
	*a = (struct ike_addr){.family = strchr(ip, ':') ? AF_INET6 : AF_INET, .port = port};
	assert_int_equal(inet_pton(a->family, ip, a->ip), 1);
}

void pair_ts(struct ike_ts *ts, const char *from, const char *to, uint8_t protocol, uint16_t port_from,
	     uint16_t port_to)
{
	struct ike_addr a, b;

	pair_addr(&a, from, 0);
	pair_addr(&b, to, 0);
	*ts = (struct ike_ts){
		.type = a.family == AF_INET6 ? IKE_TS_IPV6 : IKE_TS_IPV4,
		.protocol = protocol,
		.start_port = port_from,
		.end_port = port_to,
	};
	memcpy(ts->start, a.ip, 16);
	memcpy(ts->end, b.ip, 16);
}

void pair_id(struct ike_id *id, uint8_t kind, const char *text)
{
	id->kind = kind;
	id->len = (uint16_t)strlen(text);
	memcpy(id->data, text, id->len);
}

static void side_config(struct pair *p, int n)
{
	static const char *const ip[] = {"192.0.2.1", "192.0.2.2"}, *const id[] = {"a.example", "b.example"};
	static const char *const net[][2] = {{"10.1.0.0", "10.1.255.255"}, {"10.2.0.0", "10.2.255.255"}};
	static const char *const names[] = {"net", "net2", "net3", "net4"};
	struct pair_side *s = &p->side[n];

	*s = (struct pair_side){
		.pair = p, .n = n, .psk = "a key that both of them know", .next_spi = n ? 0xb0000001 : 0xa0000001};
	TAILQ_INIT(&s->children);
	s->conn_now = &s->conn;
	s->conn.name = "pair";
	pair_addr(&s->conn.local, ip[n], 0);
	pair_addr(&s->conn.remote, ip[!n], 0);
	pair_id(&s->conn.local_id, IKE_ID_FQDN, id[n]);
	pair_id(&s->conn.remote_id, IKE_ID_FQDN, id[!n]);
	pair_proposal(s->conn.proposals, &s->conn.n_proposals, IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519");
	s->conn.window = 64;
	s->conn.children_max = 256;
	s->conn.children = s->child_ptr;
	s->conn.n_children = 1;
	for (unsigned int i = 0; i < PAIR_CHILD_CFGS; i++) {
		struct ike_child_cfg *c = &s->child[i];

		c->name = names[i];
		pair_proposal(c->proposals, &c->n_proposals, IKE_PROTO_ESP, "aes128gcm16");
		c->n_local_ts = c->n_remote_ts = 1;
		pair_ts(&c->local_ts[0], net[n][0], net[n][1], 0, 0, 65535);
		pair_ts(&c->remote_ts[0], net[!n][0], net[!n][1], 0, 0, 65535);
		s->child_ptr[i] = c;
	}
}

void pair_config(struct pair *p)
{
	*p = (struct pair){.now = SEC, .prng = prng_init(7)};
	TAILQ_INIT(&p->net);
	TAILQ_INIT(&p->late);
	TAILQ_INIT(&p->very_late);
	ike_settings_default(&p->settings);
	side_config(p, A);
	side_config(p, B);
	p->verbose = getenv("VERBOSE") != NULL;
}

static struct log logs[2];

static void side_start(struct pair_side *s)
{
	struct ike_env env = {s, side_random, side_emit, side_psk, side_reserve, side_event, side_count};

	logs[s->n] = (struct log){LOG_LEVEL_DEBUG, s, side_line};
	s->ike = ike_new(&s->pair->settings, &env, s->pair->verbose ? &logs[s->n] : NULL);
	assert_non_null(s->ike);
	assert_int_equal(ike_conn_add(s->ike, &s->conn), 0);
}

void pair_start(struct pair *p)
{
	side_start(&p->side[A]);
	side_start(&p->side[B]);
}

void pair_restart(struct pair *p, int side)
{
	struct pair_side *s = &p->side[side];
	struct pair_child *c;

	ike_free(s->ike);
	while ((c = TAILQ_FIRST(&s->children))) {
		TAILQ_REMOVE(&s->children, c, link);
		free(c);
	}
	s->downs = s->reserves;
	side_start(s);
}

void pair_end(struct pair *p)
{
	struct pair_child *c;

	for (int n = A; n <= B; n++) {
		ike_free(p->side[n].ike);
		while ((c = TAILQ_FIRST(&p->side[n].children))) {
			TAILQ_REMOVE(&p->side[n].children, c, link);
			free(c);
		}
	}
	pair_net_end(p);
}

void pair_force_nonces(struct pair_side *s, unsigned int n, ...)
{
	va_list ap;

	va_start(ap, n);
	assert_true(n <= PAIR_FORCED_MAX);
	s->n_forced = n;
	s->forced_at = 0;
	for (unsigned int i = 0; i < n && i < PAIR_FORCED_MAX; i++)
		s->forced[i] = (uint8_t)va_arg(ap, int);
	va_end(ap);
}

void pair_force_values(struct pair_side *s, unsigned int n, ...)
{
	va_list ap;

	va_start(ap, n);
	assert_true(n <= PAIR_FORCED_MAX);
	s->n_values = n;
	s->values_at = 0;
	for (unsigned int i = 0; i < n && i < PAIR_FORCED_MAX; i++)
		s->values[i] = (uint16_t)va_arg(ap, int);
	va_end(ap);
}

/* ---- what came of it ---- */

void pair_initiate(struct pair *p, int side)
{
	struct pair_side *s = &p->side[side];

	assert_int_equal(ike_initiate(s->ike, p->now, &s->conn, NULL, NULL, &s->sa), 0);
}

void pair_up(struct pair *p)
{
	pair_initiate(p, A);
	pair_run(p);
	assert_int_equal(p->side[A].sas_up, 1);
	assert_int_equal(p->side[B].sas_up, 1);
	assert_int_equal(pair_live(&p->side[A]), 1);
	pair_check(p);
}

void pair_begin(struct pair *p)
{
	pair_config(p);
	pair_start(p);
	pair_up(p);
}

unsigned int pair_live(const struct pair_side *s)
{
	const struct pair_child *c;
	unsigned int n = 0;

	TAILQ_FOREACH (c, &s->children, link)
		n += !c->down;
	return n;
}

struct pair_child *pair_child_at(struct pair_side *s, unsigned int n)
{
	struct pair_child *c;

	TAILQ_FOREACH (c, &s->children, link)
		if (!c->down && n-- == 0)
			return c;
	fail_msg("side %c has no such Child SA", 'A' + s->n);
	return NULL;
}

struct pair_child *pair_by_spi_in(struct pair_side *s, uint32_t spi_in)
{
	struct pair_child *c;

	TAILQ_FOREACH (c, &s->children, link)
		if (c->spi_in == spi_in)
			return c;
	return NULL;
}

struct ike_counters pair_counters(const struct pair_side *s)
{
	struct ike_counters c;

	ike_counters_get(s->ike, &c);
	return c;
}

static void pair_check_side(struct pair_side *s, struct pair_side *other)
{
	struct pair_child *c, *peer;
	struct ike_sa_info info;

	assert_int_equal(s->reserves - s->downs, pair_live(s));
	assert_int_equal(pair_counters(s).children, pair_live(s));
	if (pair_live(s)) {
		assert_true(ike_sa_get(s->ike, s->sa, &info));
		assert_int_equal(info.state, IKE_SA_ESTABLISHED);
		assert_int_equal(info.requests_in_flight, 0);
		assert_int_equal(info.requests_queued, 0);
		assert_int_equal(info.children, pair_live(s));
	}
	TAILQ_FOREACH (c, &s->children, link) {
		if (c->down)
			continue;
		assert_true(c->in && c->out && c->up);
		assert_false(c->redundant);
		assert_int_equal(ike_child_get(s->ike, c->id)->ike_sa, s->sa);
		peer = pair_by_spi_in(other, c->spi_out);
		assert_non_null(peer);
		assert_false(peer->down);
		assert_int_equal(peer->spi_out, c->spi_in);
		assert_int_equal(peer->keys.encr_len, c->keys.encr_len);
		assert_memory_equal(peer->keys.encr_in, c->keys.encr_out, c->keys.encr_len);
		assert_memory_equal(peer->keys.integ_in, c->keys.integ_out, c->keys.integ_len);
	}
}

void pair_check(struct pair *p)
{
	assert_int_equal(pair_live(&p->side[A]), pair_live(&p->side[B]));
	pair_check_side(&p->side[A], &p->side[B]);
	pair_check_side(&p->side[B], &p->side[A]);
}

void pair_check_empty(struct pair *p)
{
	p->loss_percent = p->dup_percent = 0;
	ike_sa_delete(p->side[A].ike, p->now, p->side[A].sa);
	pair_pass(p, 600 * SEC);
	for (int n = A; n <= B; n++) {
		struct pair_side *s = &p->side[n];
		struct ike_counters c = pair_counters(s);

		assert_int_equal(pair_live(s), 0);
		assert_int_equal(s->reserves, s->downs);
		assert_int_equal(c.sas, 0);
		assert_int_equal(c.children, 0);
		assert_int_equal(c.half_open, 0);
		assert_false(ike_conn_in_use(s->ike, &s->conn));
		assert_int_equal(ike_next(s->ike), UINT64_MAX);
	}
}
