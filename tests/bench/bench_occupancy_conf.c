/* SPDX-License-Identifier: MIT */
/* A side's configuration, as an operator would write it: one connection per tunnel. */
#include "bench_occupancy.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

/* The ledger of a policy that has none: larger than any card, so that only the card refuses. */
enum { NO_LEDGER = 4 };

/* 198.18.0.0/15 is for benchmarks (RFC 2544): side 0 has the lower half of it, side 1 the upper. */
struct ike_addr occ_addr(unsigned int side, uint32_t tunnel)
{
	return (struct ike_addr){
		.family = AF_INET,
		.ip = {198, (uint8_t)(18 + side), (uint8_t)(tunnel >> 8), (uint8_t)tunnel},
	};
}

uint32_t occ_tunnel_of(const uint8_t ip[4], unsigned int *side)
{
	if (ip[0] != 198 || (ip[1] & ~1u) != 18)
		return UINT32_MAX;
	*side = ip[1] - 18u;
	return (uint32_t)ip[2] << 8 | ip[3];
}

struct text {
	char *at;
	size_t len, size;
};

static void __attribute__((format(printf, 2, 3))) text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->size - t->len < 4096) {
		t->size = t->size ? 2 * t->size : 65536;
		t->at = realloc(t->at, t->size);
		if (!t->at)
			abort();
	}
	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->size - t->len)
		abort();
	t->len += (size_t)n;
}

static void conn_text(struct text *out, const struct occ_plan *plan, uint32_t n, unsigned int side)
{
	const struct occ_tunnel *t = &plan->tunnels[n];
	unsigned int hi = n >> 8, lo = n & 255;

	text_add(out,
		 "t%" PRIu32 " {\nlocal_addrs = 198.%u.%u.%u\nremote_addrs = 198.%u.%u.%u\nkeyingtries = 0\n"
		 "proposals = aes128gcm16-prfsha256-x25519\n"
		 "local {\nauth = psk\nid = s%u.t%" PRIu32 "\n}\nremote {\nauth = psk\nid = s%u.t%" PRIu32 "\n}\n"
		 "children {\nnet {\nlocal_ts = 10.%u.%u.%u/25\nremote_ts = 10.%u.%u.%u/25\n",
		 n, 18 + side, hi, lo, 18 + !side, hi, lo, side, n, !side, n, hi, lo, side * 128, hi, lo, !side * 128);
	text_add(out,
		 "esp_proposals = aes128gcm16-esn\nhw_offload = packet\nreplay_window = 128\nrekey_time = 0\n"
		 "life_bytes = %" PRIu64 "\nstart_action = %s\n",
		 plan->life_bytes, side == (n & 1) ? "start" : "none");
	if (t->pairs > 1)
		text_add(out, "per_cpu_sas = %" PRIu32 "\n", t->pairs - 1);
	text_add(out, "}\n}\n}\n");
}

struct conf *occ_conf(const struct occ_options *o, const struct occ_policy *policy, const struct occ_plan *plan,
		      unsigned int side)
{
	char error[CONF_ERROR_MAX];
	struct text t = {0};
	struct conf *conf;

	text_add(&t,
		 "nic {\nbackend = hwsim\nsocket = /nowhere\nifindex = %u\nprofile = tiny-33\nslots = %" PRIu32
		 "\nqueues = %u\ncounter_poll = %" PRIu64 "ms\nlet_go = %" PRIu64 "ms\n%s}\n",
		 side + 1, policy->ledger ? o->slots : NO_LEDGER * o->slots, (unsigned int)OCC_QUEUES,
		 o->poll_ns / OCC_MS, o->free_ns / OCC_MS, policy->ledger ? "" : "reserve = 0\n");
	text_add(&t,
		 "daemon {\nrekey_policy = %s\nhalf_open_max = 100000\nhalf_open_per_ip = 100000\ncookie_threshold = "
		 "100000\n}\n"
		 "secrets {\nike-all {\nsecret = \"two hosts and one secret\"\n}\n}\nconnections {\n",
		 policy->name);
	for (uint32_t n = 0; n < plan->n_tunnels; n++)
		conn_text(&t, plan, n, side);
	text_add(&t, "}\n");
	conf = conf_parse("bench_occupancy", t.at, t.len, error);
	if (!conf)
		fprintf(stderr, "bench_occupancy: %s: %s\n", policy->name, error);
	free(t.at);
	return conf;
}
