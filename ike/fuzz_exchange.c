/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: what an authenticated peer may send. Two engines shake hands; then the input becomes the inside of
 * protected requests from one to the other. It is a row of {exchange, first payload, length hi, length lo, payloads}.
 * What the other side answers comes back to the first one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/prng.h"
#include "ike/engine.h"

enum { ROUNDS_MAX = 64, MESSAGES_MAX = 8, ROW_HEAD = 4 };

struct peer {
	struct ike *ike;
	struct peer *other;
	struct prng prng;
	struct ike_conn_cfg conn;
	struct ike_child_cfg child;
	const struct ike_child_cfg *children;
	uint32_t spi, sa;
	struct ike_path path;
	size_t len; /* the last datagram that it sent, 0: none */
	uint8_t sent[IKE_MARKER_LEN + IKE_MESSAGE_MAX];
};

static void peer_random(void *ctx, uint8_t *out, size_t n)
{
	struct peer *p = ctx;

	while (n--)
		*out++ = (uint8_t)prng_next(&p->prng);
}

static void peer_emit(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len)
{
	struct peer *p = ctx;

	p->path = (struct ike_path){path->remote, path->local};
	p->len = len;
	memcpy(p->sent, datagram, len);
}

static int peer_psk(void *ctx, const struct ike_conn_cfg *conn, const struct ike_id *local, const struct ike_id *remote,
		    uint8_t *out)
{
	(void)ctx;
	(void)conn;
	(void)local;
	(void)remote;
	memset(out, 'k', IKE_SECRET_LEN);
	return IKE_SECRET_LEN;
}

static uint16_t peer_reserve(void *ctx, const struct ike_child_offer *offer, uint32_t *spi_in, void **user)
{
	struct peer *p = ctx;

	(void)offer;
	*spi_in = ++p->spi;
	*user = p;
	return 0;
}

static void peer_event(void *ctx, const struct ike_event *ev)
{
	struct peer *p = ctx;

	if (ev->kind == IKE_EV_SA_UP)
		p->sa = ev->ike_sa;
	if (ev->kind == IKE_EV_CHILD_INSTALL)
		ike_child_installed(p->ike, 1, ev->child->id, 0);
}

static bool peer_count(void *ctx, const struct ike_child_sa *child, uint16_t encr, uint16_t key_bits,
		       struct ike_count_range *out)
{
	(void)ctx;
	(void)child;
	*out = (struct ike_count_range){.min = 1000, .max = key_bits ? UINT64_MAX : encr};
	return true;
}

static void peer_start(struct peer *p, int n)
{
	struct ike_env env = {p, peer_random, peer_emit, peer_psk, peer_reserve, peer_event, peer_count};
	struct ike_settings set;
	char text[64];

	ike_settings_default(&set);
	p->prng = prng_init((uint64_t)n + 1);
	p->conn.name = p->child.name = "fuzz";
	p->conn.local = (struct ike_addr){AF_INET, 0, {192, 0, 2, (uint8_t)(1 + n)}};
	p->conn.remote = (struct ike_addr){AF_INET, 0, {192, 0, 2, (uint8_t)(2 - n)}};
	p->conn.n_proposals = p->child.n_proposals = 1;
	p->conn.window = 4;
	p->conn.count_sa = p->conn.optimized_rekey = true;
	p->conn.children_max = 4;
	p->conn.n_children = 1;
	p->conn.children = &p->children;
	p->children = &p->child;
	if (ike_proposal_read(p->conn.proposals, IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519", text, sizeof(text)) ||
	    ike_proposal_read(p->child.proposals, IKE_PROTO_ESP, "aes128gcm16-x25519", text, sizeof(text)))
		abort();
	p->ike = ike_new(&set, &env, NULL);
	if (!p->ike || ike_conn_add(p->ike, &p->conn))
		abort();
}

/* What it has sent last goes to the other one. */
static void peer_deliver(struct peer *p)
{
	size_t len = p->len;
	struct ike_path path = p->path;

	p->len = 0;
	ike_receive(p->other->ike, 1, &path, p->sent, len);
}

static void send_inside(struct peer *p, const uint8_t *row, const uint8_t *payloads, size_t len)
{
	struct ike_sa *sa = ike_sa_by_id(p->ike, p->sa);
	struct ike_request *r = sa ? ike_request_new(sa, IKE_JOB_LIVENESS) : NULL;
	struct ike_builder b;
	struct ike_buf *buf;

	if (!r)
		return;
	ike_send_start(sa, &b, row[0] & 1 ? IKE_X_CREATE_CHILD_SA : IKE_X_INFORMATIONAL, false, sa->win.next);
	b.w.start[b.next_at] = row[1];
	wr_bytes(&b.w, payloads, len);
	buf = ike_send_seal(sa, &b);
	if (!buf || ike_window_launch(r, buf)) {
		free(buf);
		ike_request_free(r);
	}
}

static void deliver_all(struct peer *p)
{
	for (int i = 0; i < ROUNDS_MAX && (p[0].len || p[1].len); i++)
		peer_deliver(p[0].len ? &p[0] : &p[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer *p = calloc(2, sizeof(*p));
	struct rd in = rd_init(data, size);
	uint32_t sa;

	if (!p)
		return 0;
	p[0].other = &p[1];
	p[1].other = &p[0];
	peer_start(&p[0], 0);
	peer_start(&p[1], 1);
	if (ike_initiate(p[0].ike, 1, &p[0].conn, NULL, NULL, &sa))
		abort();
	deliver_all(p);
	/* a second Child SA: this one may be rekeyed the optimized way at once */
	if (ike_child_create(p[0].ike, 1, p[0].sa, &p[0].child, NULL, 0, NULL))
		abort();
	deliver_all(p);
	for (int i = 0; i < MESSAGES_MAX && in.left > ROW_HEAD; i++) {
		const uint8_t *row = rd_bytes(&in, ROW_HEAD);
		size_t len = get_be16(row + 2);

		if (len > in.left)
			len = in.left;
		send_inside(&p[0], row, rd_bytes(&in, len), len);
		deliver_all(p);
	}
	ike_tick(p[1].ike, IKE_SEC * 1000);
	ike_free(p[0].ike);
	ike_free(p[1].ike);
	free(p);
	return 0;
}
