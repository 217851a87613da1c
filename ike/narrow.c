/* SPDX-License-Identifier: MIT */
/* Narrowing of traffic selectors: RFC 7296 2.9. */
#include <string.h>
#include <sys/socket.h>

#include "ike/engine.h"

static size_t ts_addr_len(const struct ike_ts *t)
{
	return t->type == IKE_TS_IPV6 ? 16 : 4;
}

/* OPAQUE: the ports cannot be seen (start 65535, end 0), RFC 7296 3.13.1. */
static bool ts_opaque(const struct ike_ts *t)
{
	return t->start_port > t->end_port;
}

static bool ts_any_port(const struct ike_ts *t)
{
	return t->start_port == 0 && t->end_port == UINT16_MAX;
}

static bool ts_ports(const struct ike_ts *a, const struct ike_ts *b, struct ike_ts *out)
{
	if (ts_opaque(a) || ts_opaque(b)) {
		if (!(ts_opaque(a) || ts_any_port(a)) || !(ts_opaque(b) || ts_any_port(b)))
			return false;
		out->start_port = UINT16_MAX;
		out->end_port = 0;
		return true;
	}
	out->start_port = a->start_port > b->start_port ? a->start_port : b->start_port;
	out->end_port = a->end_port < b->end_port ? a->end_port : b->end_port;
	return out->start_port <= out->end_port;
}

static bool ts_intersect(const struct ike_ts *a, const struct ike_ts *b, struct ike_ts *out)
{
	size_t len = ts_addr_len(a);

	memset(out, 0, sizeof(*out));
	if (a->type != b->type || (a->protocol && b->protocol && a->protocol != b->protocol) || !ts_ports(a, b, out))
		return false;
	out->type = a->type;
	out->protocol = a->protocol ? a->protocol : b->protocol;
	memcpy(out->start, memcmp(a->start, b->start, len) > 0 ? a->start : b->start, len);
	memcpy(out->end, memcmp(a->end, b->end, len) < 0 ? a->end : b->end, len);
	return memcmp(out->start, out->end, len) <= 0;
}

static bool ts_same(const struct ike_ts *a, const struct ike_ts *b)
{
	size_t len = ts_addr_len(a);

	return a->type == b->type && a->protocol == b->protocol && a->start_port == b->start_port &&
	       a->end_port == b->end_port && !memcmp(a->start, b->start, len) && !memcmp(a->end, b->end, len);
}

static bool ts_inside(const struct ike_ts *inner, const struct ike_ts *outer)
{
	struct ike_ts both;

	return ts_intersect(inner, outer, &both) && ts_same(inner, &both);
}

bool ike_ts_within(const struct ike_ts *inner, unsigned int n_inner, const struct ike_ts *outer, unsigned int n_outer)
{
	for (unsigned int i = 0; i < n_inner; i++) {
		unsigned int j = 0;

		while (j < n_outer && !ts_inside(&inner[i], &outer[j]))
			j++;
		if (j == n_outer)
			return false;
	}
	return true;
}

unsigned int ike_ts_narrow(const struct ike_ts *ours, unsigned int n_ours, const struct ike_ts *theirs,
			   unsigned int n_theirs, struct ike_ts out[IKE_TS_MAX])
{
	unsigned int n = 0;
	struct ike_ts both;

	for (unsigned int i = 0; i < n_theirs; i++) /* theirs outside: their first choice comes first */
		for (unsigned int j = 0; j < n_ours; j++) {
			if (!ts_intersect(&theirs[i], &ours[j], &both) || ike_ts_within(&both, 1, out, n))
				continue;
			for (unsigned int k = 0; k < n; k++) /* what the new one covers is superfluous */
				if (ts_inside(&out[k], &both)) {
					n--;
					memmove(&out[k], &out[k + 1], (n - k) * sizeof(out[0]));
					k--;
				}
			if (n < IKE_TS_MAX)
				out[n++] = both;
		}
	return n;
}

void ike_ts_host(const struct ike_addr *addr, struct ike_ts *out)
{
	*out = (struct ike_ts){
		.type = addr->family == AF_INET6 ? IKE_TS_IPV6 : IKE_TS_IPV4,
		.end_port = UINT16_MAX,
	};
	memcpy(out->start, addr->ip, ike_addr_len(addr));
	memcpy(out->end, addr->ip, ike_addr_len(addr));
}

void ike_ts_substitute(struct ike_ts *ts, unsigned int n, const struct ike_addr *addr)
{
	uint8_t type = addr->family == AF_INET6 ? IKE_TS_IPV6 : IKE_TS_IPV4;

	for (unsigned int i = 0; i < n; i++)
		if (ts[i].type == type) {
			memcpy(ts[i].start, addr->ip, ike_addr_len(addr));
			memcpy(ts[i].end, addr->ip, ike_addr_len(addr));
		}
}
