/* SPDX-License-Identifier: MIT */
/*
 * What the engine costs: an initiator and a responder in one process hand each other real datagrams; the CPU time of
 * the responder's calls is added up. PSK, X25519, AES-GCM, no PFS on children. Aims (per responder): a handshake
 * within 2.3 times one X25519 key generation and derivation, CREATE_CHILD_SA within 1 and independent of the number of
 * children, 4 KiB per IKE SA with one Child SA. Rekeys are measured the regular and the optimized way in turns.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "base/prng.h"
#include "ike/ike.h"
#include "ike/message.h"

enum {
	SA_MEMORY = 10000, /* IKE SAs for the memory figure */
	SA_SPEED = 4000,   /* handshakes that are timed, in rounds of SA_ROUND */
	SA_ROUND = 500,
	X25519_ROUND = 500,
	CHILD_TIMED = 2000,
	CHILD_BATCH = 64,
	REKEY_ROUNDS = 31, /* of CHILD_BATCH rekeys each */
	QUEUE_MAX = 4096,
	KIB = 1024,
};

#define NS_PER_US 1000.0

struct datagram {
	struct ike_path path;
	size_t len;
	uint8_t *bytes;
};

struct side {
	struct ike *ike;
	struct ike_conn_cfg conn;
	struct ike_child_cfg child;
	const struct ike_child_cfg *child_ptr;
	struct side *peer;
	struct prng prng;
	uint32_t spi, sa, ups, child_ups;
	uint64_t cpu_ns;                  /* spent in ike_receive() */
	uint64_t octets;                  /* sent, UDP payload */
	uint32_t made[CHILD_BATCH];       /* Child SAs of its own that are up, a ring */
	bool cleaning;                    /* Child SAs may go down now */
	struct datagram queue[QUEUE_MAX]; /* what it has sent */
	unsigned int head, tail;
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_ike: %s\n", what);
	exit(1);
}

/* ---- the environment of one side ---- */

static void side_random(void *ctx, uint8_t *out, size_t n)
{
	struct side *s = ctx;

	prng_fill(&s->prng, out, n);
}

static void side_emit(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len)
{
	struct side *s = ctx;
	struct datagram *d = &s->queue[s->tail++ % QUEUE_MAX];

	if (s->tail - s->head > QUEUE_MAX)
		die("too many datagrams on the way");
	*d = (struct datagram){*path, len, malloc(len)};
	if (!d->bytes)
		die("no memory");
	memcpy(d->bytes, datagram, len);
	s->octets += len;
}

static int side_psk(void *ctx, const struct ike_conn_cfg *conn, const struct ike_id *local, const struct ike_id *remote,
		    uint8_t *out)
{
	static const char psk[] = "0123456789abcdef0123456789abcdef";

	(void)ctx;
	(void)conn;
	(void)local;
	(void)remote;
	memcpy(out, psk, sizeof(psk) - 1);
	return sizeof(psk) - 1;
}

static uint16_t side_reserve(void *ctx, const struct ike_child_offer *offer, uint32_t *spi_in, void **user)
{
	struct side *s = ctx;

	(void)offer;
	*spi_in = ++s->spi;
	*user = s;
	return 0;
}

static void side_event(void *ctx, const struct ike_event *ev)
{
	struct side *s = ctx;

	if (ev->kind == IKE_EV_CHILD_INSTALL)
		ike_child_installed(s->ike, 1, ev->child->id, 0);
	else if (ev->kind == IKE_EV_CHILD_UP)
		s->made[s->child_ups++ % CHILD_BATCH] = ev->child->id;
	else if (ev->kind == IKE_EV_SA_UP)
		s->ups++;
	if (ev->kind == IKE_EV_SA_UP)
		s->sa = ev->ike_sa;
	if ((ev->kind == IKE_EV_CHILD_DOWN && !s->cleaning) || ev->kind == IKE_EV_SA_DOWN)
		die("something went down");
}

static void side_start(struct side *s, int n, uint32_t window, uint32_t children)
{
	static const uint8_t ip[][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};
	struct ike_env env = {s, side_random, side_emit, side_psk, side_reserve, side_event};
	struct ike_settings set;
	char text[200];

	ike_settings_default(&set);
	set.half_open_per_ip = set.half_open_max = set.cookie_threshold = 1000000;
	s->prng = prng_init((uint64_t)n + 1);
	s->conn.name = "bench";
	s->conn.local.family = s->conn.remote.family = AF_INET;
	memcpy(s->conn.local.ip, ip[n], 4);
	memcpy(s->conn.remote.ip, ip[!n], 4);
	s->conn.local_id = (struct ike_id){IKE_ID_FQDN, 9, {"a.example"}};
	s->conn.remote_id = s->conn.local_id;
	*(n ? s->conn.local_id.data : s->conn.remote_id.data) = 'b';
	s->conn.n_proposals = s->child.n_proposals = 1;
	if (ike_proposal_read(s->conn.proposals, IKE_PROTO_IKE, "aes128gcm16-prfsha256-x25519", text, sizeof(text)) ||
	    ike_proposal_read(s->child.proposals, IKE_PROTO_ESP, "aes128gcm16", text, sizeof(text)))
		die(text);
	s->conn.window = window;
	s->conn.children_max = children;
	s->child.name = "net";
	s->child.n_local_ts = s->child.n_remote_ts = 1;
	s->child.local_ts[0] = (struct ike_ts){IKE_TS_IPV4, 0, 0, 65535, {10, (uint8_t)n}, {10, (uint8_t)n, 255, 255}};
	s->child.remote_ts[0] = (struct ike_ts){IKE_TS_IPV4, 0, 0, 65535, {10, !n}, {10, !n, 255, 255}};
	s->child_ptr = &s->child;
	s->conn.n_children = 1;
	s->conn.children = &s->child_ptr;
	s->ike = ike_new(&set, &env, NULL);
	if (!s->ike || ike_conn_add(s->ike, &s->conn))
		die("cannot start an engine");
}

static void both_start(struct side s[2], uint32_t window, uint32_t children)
{
	memset(s, 0, 2 * sizeof(*s));
	s[0].peer = &s[1];
	s[1].peer = &s[0];
	side_start(&s[0], 0, window, children);
	side_start(&s[1], 1, window, children);
}

static bool side_receive(struct side *s)
{
	struct side *from = s->peer;
	struct datagram *d;
	struct ike_path path;
	uint64_t start;

	if (from->head == from->tail)
		return false;
	d = &from->queue[from->head++ % QUEUE_MAX];
	path = (struct ike_path){d->path.remote, d->path.local};
	start = clock_ns();
	ike_receive(s->ike, 1, &path, d->bytes, d->len);
	s->cpu_ns += clock_ns() - start;
	free(d->bytes);
	return true;
}

static void both_run(struct side s[2])
{
	while (side_receive(&s[1]) || side_receive(&s[0]))
		;
}

static void both_stop(struct side s[2])
{
	ike_free(s[0].ike);
	ike_free(s[1].ike);
}

/* ---- what is measured ---- */

static double x25519_round(void)
{
	EVP_PKEY_CTX *gen = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	EVP_PKEY *peer = NULL;
	uint64_t start;
	size_t len = 32;
	uint8_t secret[32];

	if (!gen || EVP_PKEY_keygen_init(gen) <= 0 || EVP_PKEY_generate(gen, &peer) <= 0)
		die("no X25519");
	start = clock_ns();
	for (int i = 0; i < X25519_ROUND; i++) {
		EVP_PKEY *own = NULL;
		EVP_PKEY_CTX *derive;

		if (EVP_PKEY_generate(gen, &own) <= 0)
			die("X25519 key generation");
		derive = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
		if (!derive || EVP_PKEY_derive_init(derive) <= 0 || EVP_PKEY_derive_set_peer(derive, peer) <= 0 ||
		    EVP_PKEY_derive(derive, secret, &len) <= 0)
			die("X25519 derivation");
		EVP_PKEY_CTX_free(derive);
		EVP_PKEY_free(own);
	}
	start = clock_ns() - start;
	EVP_PKEY_free(peer);
	EVP_PKEY_CTX_free(gen);
	return (double)start / NS_PER_US / X25519_ROUND;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

static void handshake(struct side s[2])
{
	uint32_t id;

	if (ike_initiate(s[0].ike, 1, &s[0].conn, NULL, NULL, &id))
		die("ike_initiate");
	both_run(s);
}

/* The yardstick and what it measures take turns, so that both see the same machine. */
static void measure_handshake(struct side s[2], double *x25519, double *us)
{
	enum { ROUNDS = SA_SPEED / SA_ROUND };
	double yard[ROUNDS], hand[ROUNDS];

	both_start(s, 64, 16);
	for (int r = 0; r < ROUNDS; r++) {
		yard[r] = x25519_round();
		s[1].cpu_ns = 0;
		for (int i = 0; i < SA_ROUND; i++)
			handshake(s);
		hand[r] = (double)s[1].cpu_ns / NS_PER_US / SA_ROUND;
	}
	if (s[1].ups != SA_SPEED || s[1].child_ups != SA_SPEED)
		die("not all handshakes succeeded");
	both_stop(s);
	*x25519 = median(yard, ROUNDS);
	*us = median(hand, ROUNDS);
}

static void children(struct side s[2], unsigned int n)
{
	uint32_t want = s[1].child_ups + n;

	while (n) {
		unsigned int batch = n < CHILD_BATCH ? n : CHILD_BATCH;

		for (unsigned int i = 0; i < batch; i++)
			if (ike_child_create(s[0].ike, 1, s[0].sa, &s[0].child, NULL, 0, NULL))
				die("ike_child_create");
		both_run(s);
		n -= batch;
	}
	if (s[1].child_ups != want)
		die("not all Child SAs came up");
}

/* So many children exist while the timed ones are made: about, since the timed ones stay. */
static double measure_children(struct side s[2], unsigned int at)
{
	enum { ROUNDS = 9 };
	unsigned int timed = at < CHILD_TIMED ? at : CHILD_TIMED, each = timed / ROUNDS;
	double us[ROUNDS];

	if (at < CHILD_TIMED) { /* few: many IKE SAs, each filled from half of it to half more */
		for (int r = 0; r < ROUNDS; r++) {
			uint64_t cpu = 0;
			unsigned int n = 0;

			for (int k = 0; k < 8 || n < CHILD_TIMED / ROUNDS; k++) {
				both_start(s, 64, at * 2);
				handshake(s);
				children(s, at - at / 4 - 1);
				s[1].cpu_ns = 0;
				children(s, at / 2);
				cpu += s[1].cpu_ns;
				n += at / 2;
				both_stop(s);
			}
			us[r] = (double)cpu / NS_PER_US / n;
		}
		return median(us, ROUNDS);
	}
	both_start(s, 64, at * 2);
	handshake(s);
	children(s, at - timed / 2 - 1);
	for (int r = 0; r < ROUNDS; r++) {
		s[1].cpu_ns = 0;
		children(s, each);
		us[r] = (double)s[1].cpu_ns / NS_PER_US / each;
	}
	both_stop(s);
	return median(us, ROUNDS);
}

/* ---- rekeys ---- */

struct rekeys {
	double us, octets; /* of one: the responder's time, request and response */
};

/* One batch of Child SAs made by CREATE_CHILD_SA: whether they have PFS is agreed, so they can be rekeyed either way.
 */
static void rekeys_start(struct side s[2], bool optimized)
{
	both_start(s, CHILD_BATCH, 4 * CHILD_BATCH);
	s[0].conn.optimized_rekey = s[1].conn.optimized_rekey = optimized;
	handshake(s);
	children(s, CHILD_BATCH);
}

/* All are replaced, which is measured, and the old ones are deleted, which is not. */
static struct rekeys rekeys_round(struct side s[2])
{
	uint32_t old[CHILD_BATCH];
	struct rekeys out;

	memcpy(old, s[0].made, sizeof(old));
	s[1].cpu_ns = s[0].octets = s[1].octets = 0;
	for (int i = 0; i < CHILD_BATCH; i++)
		if (ike_child_rekey(s[0].ike, 1, old[i], NULL))
			die("ike_child_rekey");
	both_run(s);
	out.us = (double)s[1].cpu_ns / NS_PER_US / CHILD_BATCH;
	out.octets = (double)(s[0].octets + s[1].octets) / CHILD_BATCH;
	s[0].cleaning = s[1].cleaning = true;
	for (int i = 0; i < CHILD_BATCH; i++)
		if (ike_child_delete(s[0].ike, 1, old[i]))
			die("not all rekeys succeeded");
	both_run(s);
	s[0].cleaning = s[1].cleaning = false;
	return out;
}

/* Both ways take turns, so that both see the same machine. */
static void measure_rekeys(struct side s[4], struct rekeys *regular, struct rekeys *optimized)
{
	double us[2][REKEY_ROUNDS];
	struct ike_counters c;
	struct rekeys r;

	for (int way = 0; way < 2; way++)
		rekeys_start(&s[2 * way], way);
	for (int i = 0; i < REKEY_ROUNDS; i++)
		for (int way = 0; way < 2; way++) {
			r = rekeys_round(&s[2 * way]);
			us[way][i] = r.us;
			*(way ? optimized : regular) = r;
		}
	for (int way = 0; way < 2; way++) {
		ike_counters_get(s[2 * way + 1].ike, &c);
		if (c.optimized_resp != (way ? REKEY_ROUNDS * CHILD_BATCH : 0))
			die("rekeys went the wrong way");
		both_stop(&s[2 * way]);
	}
	regular->us = median(us[0], REKEY_ROUNDS);
	optimized->us = median(us[1], REKEY_ROUNDS);
}

static size_t heap_used(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static size_t queued(const struct side *s)
{
	size_t sum = 0;

	for (unsigned int k = s->head; k != s->tail; k++)
		sum += malloc_usable_size(s->queue[k % QUEUE_MAX].bytes) + sizeof(size_t);
	return sum;
}

/* What the responder's calls leave on the heap, summed over its calls; datagrams on the way are not its memory. */
static double measure_memory(struct side s[2])
{
	size_t before, responder = 0;
	uint32_t id;
	bool more;

	both_start(s, 64, 16);
	for (int i = 0; i < SA_MEMORY; i++) {
		if (ike_initiate(s[0].ike, 1, &s[0].conn, NULL, NULL, &id))
			die("ike_initiate");
		do {
			before = heap_used() - queued(&s[0]) - queued(&s[1]);
			more = side_receive(&s[1]);
			responder += heap_used() - queued(&s[0]) - queued(&s[1]) - before;
		} while (more | side_receive(&s[0]));
	}
	if (s[1].ups != SA_MEMORY || s[1].child_ups != SA_MEMORY)
		die("not all handshakes succeeded");
	both_stop(s);
	return (double)responder / SA_MEMORY / KIB;
}

int main(int argc, char **argv)
{
	struct rekeys regular, optimized;
	struct side *s;
	double x25519, handshake_us, child[3], memory;
	json_t *out;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--json"))) {
		fprintf(stderr, "usage: bench_ike [--json]\n");
		return 2;
	}
	s = calloc(4, sizeof(*s));
	if (!s)
		die("no memory");
	memory = measure_memory(s); /* first: an untouched heap */
	measure_handshake(s, &x25519, &handshake_us);
	child[0] = measure_children(s, 64);
	child[1] = measure_children(s, 1000);
	child[2] = measure_children(s, 10000);
	measure_rekeys(s, &regular, &optimized);
	free(s);
	if (argc == 1) {
		printf("X25519 key generation and derivation  %7.1f us\n", x25519);
		printf("handshake, responder                  %7.1f us  %.2f x\n", handshake_us, handshake_us / x25519);
		printf("child at 64 / 1000 / 10000            %7.1f %7.1f %7.1f us  %.2f x, %.2f\n", child[0], child[1],
		       child[2], child[2] / x25519, child[2] / child[0]);
		printf("child rekey, regular / optimized      %7.1f %7.1f us   %.0f %.0f octets\n", regular.us,
		       optimized.us, regular.octets, optimized.octets);
		printf("memory per IKE SA with a Child SA     %7.2f KiB\n", memory);
		return 0;
	}
	out = json_pack("{s:f, s:f, s:{s:f, s:f, s:f}, s:f, s:f, s:f, s:f, s:f}", "x25519_us", x25519,
			"handshake_responder_us", handshake_us, "child_responder_us", "64", child[0], "1000", child[1],
			"10000", child[2], "child_rekey_us", regular.us, "child_optimized_us", optimized.us,
			"child_rekey_octets", regular.octets, "child_optimized_octets", optimized.octets,
			"memory_kib_per_ike_sa", memory);
	if (!out)
		die("no memory");
	json_dumpf(out, stdout, JSON_REAL_PRECISION(6) | JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
	return 0;
}
