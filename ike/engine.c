/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

void ike_random(struct ike *ike, void *out, size_t n)
{
	ike->env.random(ike->env.ctx, out, n);
}

uint64_t ike_random_below(struct ike *ike, uint64_t n)
{
	uint64_t r;

	if (!n)
		return 0;
	ike_random(ike, &r, sizeof(r));
	return (uint64_t)((unsigned __int128)r * ((unsigned __int128)n + 1) >> 64);
}

static void engine_intervals(struct ike *ike)
{
	double t = (double)ike->set.retransmit_ns;

	if (ike->set.retransmit_tries > IKE_TRIES_MAX)
		ike->set.retransmit_tries = IKE_TRIES_MAX;
	for (unsigned int i = 0; i <= IKE_TRIES_MAX; i++) {
		ike->interval[i] = t < 1e18 ? (uint64_t)t : UINT64_C(1000000000000000000);
		t *= ike->set.retransmit_base;
	}
}

static int engine_tables(struct ike *ike)
{
	struct ike_table *all[] = {
		&ike->sa_by_spi,   &ike->sa_by_id,     &ike->sa_by_init,     &ike->sa_by_ids,
		&ike->child_by_id, &ike->child_by_spi, &ike->conn_by_remote, &ike->half_open_ip,
	};
	int err = 0;

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]) && !err; i++)
		err = ike_table_init(all[i]);
	return err;
}

struct ike *ike_new(const struct ike_settings *settings, const struct ike_env *env, const struct log *log)
{
	struct ike *ike = calloc(1, sizeof(*ike));

	if (!ike) {
		errno = ENOMEM;
		return NULL;
	}
	ike->set = *settings;
	ike->env = *env;
	ike->log = log;
	TAILQ_INIT(&ike->conns);
	TAILQ_INIT(&ike->sas);
	TAILQ_INIT(&ike->dirty);
	TAILQ_INIT(&ike->grave);
	TAILQ_INIT(&ike->installed);
	TAILQ_INIT(&ike->child_grave);
	engine_intervals(ike);
	ike_random(ike, &ike->seed, sizeof(ike->seed));
	ike->bucket = IKE_SEC;
	ike->crypto = ike_crypto_new();
	if (!ike->crypto) {
		log_at(log, LOG_LEVEL_ERROR, "ike.crypto",
		       "this OpenSSL lacks an algorithm that IKEv2 cannot do without");
		ike_free(ike);
		errno = ENOTSUP;
		return NULL;
	}
	if (engine_tables(ike)) {
		ike_free(ike);
		errno = ENOMEM;
		return NULL;
	}
	return ike;
}

static void engine_empty_graves(struct ike *ike)
{
	struct ike_child *c;
	struct ike_sa *sa;

	while ((c = TAILQ_FIRST(&ike->child_grave))) {
		TAILQ_REMOVE(&ike->child_grave, c, link);
		ike_child_free(c);
	}
	while ((sa = TAILQ_FIRST(&ike->grave))) {
		TAILQ_REMOVE(&ike->grave, sa, all);
		ike_sa_free(sa);
	}
}

void ike_free(struct ike *ike)
{
	struct ike_sa *sa;

	if (!ike)
		return;
	memset(&ike->env, 0, sizeof(ike->env)); /* nobody is called from here on */
	while ((sa = TAILQ_FIRST(&ike->sas))) {
		TAILQ_REMOVE(&ike->sas, sa, all);
		ike_sa_free(sa);
	}
	engine_empty_graves(ike);
	ike_conns_free(ike);
	heap_free(&ike->timers);
	ike_table_free(&ike->sa_by_spi);
	ike_table_free(&ike->sa_by_id);
	ike_table_free(&ike->sa_by_init);
	ike_table_free(&ike->sa_by_ids);
	ike_table_free(&ike->child_by_id);
	ike_table_free(&ike->child_by_spi);
	ike_table_free(&ike->conn_by_remote);
	ike_table_free(&ike->half_open_ip);
	ike_crypto_free(ike->crypto);
	OPENSSL_cleanse(ike, sizeof(*ike));
	free(ike);
}

void ike_enter(struct ike *ike, uint64_t now)
{
	if (now > ike->now)
		ike->now = now;
	ike->depth++;
}

/* Commands given meanwhile take effect here, when no handler is half-way through anything. */
static void engine_settle(struct ike *ike)
{
	struct ike_child *c;
	struct ike_sa *sa;

	for (;;) {
		if ((c = TAILQ_FIRST(&ike->installed))) {
			TAILQ_REMOVE(&ike->installed, c, work);
			c->installed = false;
			ike_child_settle(c);
		} else if ((sa = TAILQ_FIRST(&ike->dirty))) {
			TAILQ_REMOVE(&ike->dirty, sa, dirty);
			sa->is_dirty = false;
			if (sa->close_wanted)
				ike_sa_begin_close(sa, IKE_DOWN_LOCAL);
			ike_window_pump(sa);
		} else {
			return;
		}
	}
}

void ike_leave(struct ike *ike)
{
	if (ike->depth == 1) {
		engine_settle(ike);
		engine_empty_graves(ike);
	}
	ike->depth--;
}

void ike_sa_touch(struct ike_sa *sa)
{
	if (sa->is_dirty || sa->phase == IKE_PHASE_GONE)
		return;
	sa->is_dirty = true;
	TAILQ_INSERT_TAIL(&sa->ike->dirty, sa, dirty);
}

bool ike_unauth_allowed(struct ike *ike)
{
	uint64_t rate = ike->set.unauth_reply_rate, cost;

	if (ike->now > ike->bucket_at) {
		uint64_t gain = ike->now - ike->bucket_at;

		ike->bucket = gain > IKE_SEC - ike->bucket ? IKE_SEC : ike->bucket + gain;
		ike->bucket_at = ike->now;
	}
	cost = rate ? IKE_SEC / rate : UINT64_MAX;
	if (ike->bucket < cost) {
		ike->counters.unauth_suppressed++;
		return false;
	}
	ike->bucket -= cost;
	return true;
}

static void engine_stray(struct ike *ike, const struct ike_path *path, const struct ike_header *hdr)
{
	ike->counters.invalid_spi++;
	if (hdr->flags & IKE_FLAG_RESPONSE || hdr->exchange == IKE_X_SA_INIT)
		return;
	if (ike_unauth_allowed(ike))
		ike_send_unprotected(ike, path, hdr, IKE_N_INVALID_IKE_SPI, NULL, 0);
}

static void engine_unreadable(struct ike *ike, const struct ike_path *path, const uint8_t *buf, size_t len,
			      const struct ike_parse_error *err)
{
	struct ike_header hdr = {0};

	ike->counters.invalid++;
	if (ike_logs(ike, LOG_LEVEL_INFO)) {
		char from[IKE_TEXT_MAX];

		log_at(ike->log, LOG_LEVEL_INFO, "ike.invalid", "from %s: %s", ike_addr_text(&path->remote, from),
		       err->text);
	}
	if (err->notify != IKE_N_INVALID_MAJOR_VERSION || len < IKE_HEADER_LEN || buf[19] & IKE_FLAG_RESPONSE)
		return;
	memcpy(hdr.spi_i, buf, IKE_SPI_LEN);
	memcpy(hdr.spi_r, buf + IKE_SPI_LEN, IKE_SPI_LEN);
	hdr.exchange = buf[18];
	hdr.flags = buf[19];
	hdr.msgid = get_be32(buf + 20);
	if (ike_unauth_allowed(ike))
		ike_send_unprotected(ike, path, &hdr, IKE_N_INVALID_MAJOR_VERSION, NULL, 0);
}

static void engine_message(struct ike *ike, const struct ike_path *path, uint8_t *buf, size_t len)
{
	struct ike_parse_error err = {0};
	struct ike_header hdr;
	struct ike_sa *sa;
	bool from_initiator;

	if (len > IKE_MESSAGE_MAX) {
		ike->counters.invalid++;
		return;
	}
	if (ike_header_parse(buf, len, &hdr, &err)) {
		engine_unreadable(ike, path, buf, len, &err);
		return;
	}
	from_initiator = hdr.flags & IKE_FLAG_INITIATOR;
	if (hdr.exchange == IKE_X_SA_INIT && from_initiator && !(hdr.flags & IKE_FLAG_RESPONSE)) {
		ike_init_request(ike, path, buf, len, &hdr);
		return;
	}
	sa = ike_sa_by_spi(ike, from_initiator ? hdr.spi_r : hdr.spi_i);
	if (sa && sa->initiator == from_initiator)
		sa = NULL; /* our own message, reflected */
	if (sa && hdr.exchange == IKE_X_SA_INIT && hdr.flags & IKE_FLAG_RESPONSE) {
		ike_init_response(sa, path, buf, len, &hdr);
		return;
	}
	if (!sa || hdr.exchange == IKE_X_SA_INIT) {
		engine_stray(ike, path, &hdr);
		return;
	}
	if (memcmp(sa->spi_i, hdr.spi_i, IKE_SPI_LEN) || memcmp(sa->spi_r, hdr.spi_r, IKE_SPI_LEN) ||
	    !get_be64(sa->spi_r)) {
		ike->counters.invalid_spi++; /* also: the peer uses an IKE SA before its answer about it has arrived */
		return;
	}
	ike_dispatch(sa, path, buf, len, &hdr);
}

void ike_receive(struct ike *ike, uint64_t now, const struct ike_path *path, uint8_t *buf, size_t len)
{
	static const uint8_t marker[IKE_MARKER_LEN];

	ike_enter(ike, now);
	if (path->local.port == ike->set.port_natt) {
		if (len == 1 && buf[0] == 0xff) { /* NAT keepalive, RFC 3948 2.3 */
			len = 0;
		} else if (len >= IKE_MARKER_LEN && memcmp(buf, marker, IKE_MARKER_LEN)) {
			ike->counters.esp_on_natt++;
			len = 0;
		} else if (len >= IKE_MARKER_LEN) {
			buf += IKE_MARKER_LEN;
			len -= IKE_MARKER_LEN;
		}
	}
	if (len)
		engine_message(ike, path, buf, len);
	ike_leave(ike);
}

void ike_tick(struct ike *ike, uint64_t now)
{
	struct heap_node *n;

	ike_enter(ike, now);
	while ((n = heap_first(&ike->timers)) && n->key <= ike->now) {
		struct ike_timer *t = heap_entry(n, struct ike_timer, node);

		heap_remove(&ike->timers, n);
		t->fire(ike, t);
	}
	ike_leave(ike);
}

uint64_t ike_next(const struct ike *ike)
{
	struct heap_node *n = heap_first(&ike->timers);

	return n ? n->key : UINT64_MAX;
}
