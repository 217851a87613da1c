/* SPDX-License-Identifier: MIT */
/* NAT traversal: RFC 7296 2.23. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ike/engine.h"

enum { NATD_LEN = 20, PORT_IKE = 500, PORT_NATT = 4500 };

size_t ike_addr_len(const struct ike_addr *a)
{
	return a->family == AF_INET6 ? 16 : a->family == AF_INET ? 4 : 0;
}

bool ike_addr_equal(const struct ike_addr *a, const struct ike_addr *b)
{
	return a->family == b->family && a->port == b->port && !memcmp(a->ip, b->ip, ike_addr_len(a));
}

static void nat_hash(struct ike *ike, const uint8_t spi_i[IKE_SPI_LEN], const uint8_t spi_r[IKE_SPI_LEN],
		     const struct ike_addr *addr, uint8_t out[NATD_LEN])
{
	uint8_t port[2];
	struct ike_chunk in[] = {
		{spi_i, IKE_SPI_LEN},
		{spi_r, IKE_SPI_LEN},
		{addr->ip, ike_addr_len(addr)},
		{port, sizeof(port)},
	};

	put_be16(port, addr->port);
	if (ike_sha1(ike->crypto, in, 4, out))
		memset(out, 0, NATD_LEN); /* matches nothing: encapsulation, which always works */
}

void ike_nat_build(struct ike_sa *sa, struct ike_builder *b, const uint8_t spi_i[IKE_SPI_LEN],
		   const uint8_t spi_r[IKE_SPI_LEN])
{
	uint8_t hash[NATD_LEN];

	if (sa->conn->cfg->encap) /* no address has this hash: both sides see a NAT in front of us */
		ike_random(sa->ike, hash, sizeof(hash));
	else
		nat_hash(sa->ike, spi_i, spi_r, &sa->path.local, hash);
	ike_build_notify(b, 0, NULL, 0, IKE_N_NAT_DETECTION_SOURCE_IP, hash, sizeof(hash));
	nat_hash(sa->ike, spi_i, spi_r, &sa->path.remote, hash);
	ike_build_notify(b, 0, NULL, 0, IKE_N_NAT_DETECTION_DESTINATION_IP, hash, sizeof(hash));
}

void ike_nat_detect(struct ike_sa *sa, const struct ike_path *path, const struct ike_message *m)
{
	uint8_t source[NATD_LEN], dest[NATD_LEN];
	bool source_seen = false, source_good = false, dest_seen = false, dest_good = false;

	nat_hash(sa->ike, m->hdr.spi_i, m->hdr.spi_r, &path->remote, source);
	nat_hash(sa->ike, m->hdr.spi_i, m->hdr.spi_r, &path->local, dest);
	for (unsigned int i = 0; i < m->n; i++) {
		const struct ike_payload *p = &m->p[i];

		if (p->type != IKE_P_NOTIFY || p->data_len != NATD_LEN)
			continue;
		if (p->u.notify.kind == IKE_N_NAT_DETECTION_SOURCE_IP) {
			source_seen = true;
			source_good |= !memcmp(p->data, source, NATD_LEN);
		} else if (p->u.notify.kind == IKE_N_NAT_DETECTION_DESTINATION_IP) {
			dest_seen = true;
			dest_good |= !memcmp(p->data, dest, NATD_LEN);
		}
	}
	sa->natt = source_seen && dest_seen;
	sa->nat_remote = source_seen && !source_good;
	sa->nat_local = dest_seen && !dest_good;
}

bool ike_nat_encap(const struct ike_sa *sa)
{
	return sa->natt && (sa->nat_local || sa->nat_remote || (sa->conn && sa->conn->cfg->encap));
}

void ike_nat_float(struct ike_sa *sa)
{
	struct ike_path path = sa->path;

	if (!ike_nat_encap(sa) || path.local.port == sa->ike->set.port_natt)
		return;
	path.local.port = sa->ike->set.port_natt;
	if (path.remote.port == PORT_IKE)
		path.remote.port = PORT_NATT;
	ike_sa_set_path(sa, &path);
}

void ike_sa_set_path(struct ike_sa *sa, const struct ike_path *path)
{
	struct ike_child *c;

	sa->path = *path;
	TAILQ_FOREACH (c, &sa->children, link)
		c->pub.path = *path;
}

/*
 * RFC 7296 2.23: follow a peer behind a NAT whose mapping has changed, and only then: without a NAT an attacker
 * in the middle could pin the IKE SA to an address of his.
 */
void ike_nat_follow(struct ike_sa *sa, const struct ike_path *path)
{
	struct ike_event ev = {0};
	char from[IKE_TEXT_MAX], to[IKE_TEXT_MAX];

	if (!sa->nat_remote || sa->nat_local ||
	    (ike_addr_equal(&sa->path.remote, &path->remote) && ike_addr_equal(&sa->path.local, &path->local)))
		return;
	ike_sa_log(sa, LOG_LEVEL_NOTICE, "ike.moved", "the peer moved from %s to %s",
		   ike_addr_text(&sa->path.remote, from), ike_addr_text(&path->remote, to));
	ike_sa_set_path(sa, path);
	if (sa->phase == IKE_PHASE_UP)
		ike_sa_event(sa, IKE_EV_SA_MOVED, &ev);
}

void ike_nat_keepalive(struct ike_sa *sa)
{
	static const uint8_t keepalive = 0xff;
	uint64_t due = sa->last_out + IKE_KEEPALIVE_NS;

	if (!sa->nat_local || sa->phase == IKE_PHASE_GONE)
		return;
	if (due <= sa->ike->now) {
		sa->ike->env.emit(sa->ike->env.ctx, &sa->path, &keepalive, 1);
		sa->last_out = sa->ike->now;
		due = sa->ike->now + IKE_KEEPALIVE_NS;
	}
	ike_sa_due(sa, IKE_DUE_KEEPALIVE, due);
}
