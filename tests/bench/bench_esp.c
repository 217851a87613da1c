/* SPDX-License-Identifier: MIT */
/*
 * hwsim's data path in memory: two cards, a tunnel with a Child SA for every queue (AES-128-GCM, ESN, a window of 256),
 * one thread a queue. Encrypt is hwsim_tx: look up the policy and the CPU's SA, encapsulate, seal, hand over. Decrypt
 * is hwsim_rx: RSS, find the SA, check the window, open, check the policy, deliver. Beside it in the same run, what
 * OpenSSL's EVP needs for one message (nonce, AAD, 1400 bytes, tag) on one core and on two at once. Aims at 1400 bytes:
 * 0.8 of EVP per core; two queues 1.9 times one.
 *
 * All of it is measured in short slices, in turn, again and again; the best slice of each counts, because other work on
 * the machine can only make one slower. Rates come twice: by the clock, and by the CPU time of the threads (`_cpu_`),
 * which does not suffer from a busy machine but does not see threads that wait for each other either. For how far the
 * machine itself lets two threads scale, there is `openssl_2_gbps`. Bytes are those of the plaintext IP packets.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "base/bytes.h"
#include "bench_esp_cards.h"

enum {
	QUEUES = 2,
	SIZES = 3,
	ROUNDS = 400,
	BATCH = 256,            /* packets between two looks at the clock */
	SLICE_NS = 1000 * 1000, /* of one measurement: short enough to find moments that nobody else wants */
	OUTER = 128,            /* bytes that ESP adds at most */
	EVP_BYTES = 1400,
	NONCE = 12,
	AAD = 12,
	TAG = 16,
};

static const unsigned int sizes[SIZES] = {64, 512, 1400};

/* A rate in bits a nanosecond: Gbit/s. */
struct rate {
	double wall, cpu;
};

struct worker;

struct bench {
	struct cards cards;
	struct worker *worker[QUEUES]; /* whose packets are under way, by queue */
	bool keep;                     /* wire_out keeps the packets, for the other direction */
};

enum work { WORK_EVP, WORK_ENCRYPT, WORK_DECRYPT };

struct worker {
	struct bench *bench;
	pthread_t thread;
	pthread_barrier_t *barrier;
	enum work work;
	unsigned int queue, frame;
	uint8_t plain[1500];
	uint8_t (*wire)[1500 + OUTER]; /* BATCH sealed packets */
	size_t wire_len;
	unsigned int sealed, delivered;
	EVP_CIPHER_CTX *evp;
	uint64_t seq;
	/* of the slice */
	uint64_t bytes, began, ended, cpu;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void wire_out(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct bench *bench = ctx;
	struct worker *w = bench->worker[queue];

	if (bench->keep)
		memcpy(w->wire[w->sealed % BATCH], packet, len);
	w->wire_len = len;
	w->sealed++;
}

static void host_in(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct bench *bench = ctx;

	(void)packet;
	bench->worker[queue]->delivered += len == bench->worker[queue]->frame;
}

/* A UDP packet of `frame` bytes from 10.1.0.queue to 10.2.0.queue. */
static void make_frame(struct worker *w)
{
	uint8_t *p = w->plain;
	uint32_t sum = 0;

	memset(p, 0x5a, sizeof(w->plain));
	memcpy(p, (const uint8_t[]){0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 0, 10, 2, 0, 0}, 20);
	put_be16(p + 2, (uint16_t)w->frame);
	p[15] = p[19] = (uint8_t)(w->queue + 1);
	for (int i = 0; i < 20; i += 2)
		sum += get_be16(p + i);
	put_be16(p + 10, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
	put_be16(p + 24, (uint16_t)(w->frame - 20));
}

static void evp_batch(struct worker *w)
{
	uint8_t nonce[NONCE] = {0}, aad[AAD] = {0}, tag[TAG];
	int len;

	for (int i = 0; i < BATCH; i++) {
		put_be64(nonce + 4, ++w->seq);
		if (!EVP_EncryptInit_ex2(w->evp, NULL, NULL, nonce, NULL) ||
		    !EVP_EncryptUpdate(w->evp, NULL, &len, aad, AAD) ||
		    !EVP_EncryptUpdate(w->evp, w->wire[0], &len, w->wire[0], EVP_BYTES) ||
		    !EVP_EncryptFinal_ex(w->evp, w->wire[0] + EVP_BYTES, &len) ||
		    !EVP_CIPHER_CTX_ctrl(w->evp, EVP_CTRL_AEAD_GET_TAG, TAG, tag))
			die("EVP");
	}
	w->bytes += BATCH * EVP_BYTES;
}

static void encrypt_batch(struct worker *w)
{
	for (int i = 0; i < BATCH; i++)
		hwsim_tx(w->bench->cards.a, w->queue, 1, w->plain, w->frame);
}

static void decrypt_batch(struct worker *w)
{
	for (int i = 0; i < BATCH; i++)
		hwsim_rx(w->bench->cards.b, 1, w->wire[i], w->wire_len);
}

/* Adds the time of one batch to the slice. */
static void timed(struct worker *w, void (*batch)(struct worker *w))
{
	uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	batch(w);
	w->cpu += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
}

/* A batch that takes turns with another one, which is not measured: only its own time counts, by the clock too. */
static uint64_t decrypt_turn(struct worker *w)
{
	uint64_t began;

	w->sealed = 0;
	encrypt_batch(w);
	began = clock_ns(CLOCK_MONOTONIC);
	timed(w, decrypt_batch);
	return clock_ns(CLOCK_MONOTONIC) - began;
}

/* One slice. All threads begin at once; `ended - began` is the time that counts. */
static void *run(void *ctx)
{
	struct worker *w = ctx;
	uint64_t until, spent = 0;
	unsigned int delivered = w->delivered, sealed = w->sealed;

	w->bytes = w->cpu = 0;
	pthread_barrier_wait(w->barrier);
	w->began = clock_ns(CLOCK_MONOTONIC);
	until = w->began + SLICE_NS;
	do {
		switch (w->work) {
		case WORK_EVP:
			timed(w, evp_batch);
			break;
		case WORK_ENCRYPT:
			timed(w, encrypt_batch);
			w->bytes += (uint64_t)BATCH * w->frame;
			break;
		case WORK_DECRYPT:
			spent += decrypt_turn(w);
			w->bytes += (uint64_t)BATCH * w->frame;
			break;
		}
		w->ended = clock_ns(CLOCK_MONOTONIC);
	} while (w->ended < until);
	if (w->work == WORK_DECRYPT) {
		w->ended = w->began + spent;
		if ((uint64_t)(w->delivered - delivered) * w->frame != w->bytes)
			die("packets were lost");
	}
	if (w->work == WORK_ENCRYPT && (uint64_t)(w->sealed - sealed) * w->frame != w->bytes)
		die("packets were not sealed");
	return NULL;
}

/* A slice on `n` threads, into `best` if it was. */
static void slice(struct bench *bench, struct worker *workers, unsigned int n, enum work work, unsigned int frame,
		  struct rate *best)
{
	pthread_barrier_t barrier;
	uint64_t began = UINT64_MAX, ended = 0, bytes = 0;
	double wall = 0, cpu = 0;

	bench->keep = work == WORK_DECRYPT;
	pthread_barrier_init(&barrier, NULL, n);
	for (unsigned int q = 0; q < n; q++) {
		struct worker *w = &workers[q];

		w->barrier = &barrier;
		w->work = work;
		w->frame = frame;
		w->bench = bench;
		w->queue = q;
		bench->worker[q] = w;
		make_frame(w);
	}
	for (unsigned int q = 1; q < n; q++)
		if (pthread_create(&workers[q].thread, NULL, run, &workers[q]))
			die("no thread");
	run(&workers[0]);
	for (unsigned int q = 1; q < n; q++)
		pthread_join(workers[q].thread, NULL);
	pthread_barrier_destroy(&barrier);
	for (unsigned int q = 0; q < n; q++) {
		const struct worker *w = &workers[q];

		began = w->began < began ? w->began : began;
		ended = w->ended > ended ? w->ended : ended;
		bytes += w->bytes;
		wall += (double)w->bytes * 8 / (double)(w->ended - w->began);
		cpu += (double)w->bytes * 8 / (double)w->cpu;
	}
	/* from the first to begin to the last to end; of decrypt only parts of that time count */
	if (work != WORK_DECRYPT)
		wall = (double)bytes * 8 / (double)(ended - began);
	best->wall = wall > best->wall ? wall : best->wall;
	best->cpu = cpu > best->cpu ? cpu : best->cpu;
}

static EVP_CIPHER_CTX *evp_context(void)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	static const uint8_t key[16] = {1};

	if (!cipher || !ctx || !EVP_EncryptInit_ex2(ctx, cipher, key, NULL, NULL))
		die("EVP");
	EVP_CIPHER_free(cipher);
	return ctx;
}

struct results {
	struct rate evp[QUEUES];
	struct rate encrypt[QUEUES][SIZES], decrypt[QUEUES][SIZES];
};

static void measure(struct results *r)
{
	static struct bench bench[QUEUES]; /* for one queue, for two */
	static struct worker workers[QUEUES];

	for (unsigned int q = 0; q < QUEUES; q++) {
		struct hwsim_ops ops = {.wire_out = wire_out, .host_in = host_in, .ctx = &bench[q]};

		cards_connect(&bench[q].cards, q + 1, &ops);
		workers[q].wire = aligned_alloc(64, BATCH * sizeof(*workers[q].wire));
		workers[q].evp = evp_context();
		if (!workers[q].wire)
			die("no memory");
	}
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int n = 0; n < QUEUES; n++) {
			slice(&bench[n], workers, n + 1, WORK_EVP, EVP_BYTES, &r->evp[n]);
			for (unsigned int s = SIZES; s-- > 0;) { /* the size that is compared first, next to EVP */
				slice(&bench[n], workers, n + 1, WORK_ENCRYPT, sizes[s], &r->encrypt[n][s]);
				slice(&bench[n], workers, n + 1, WORK_DECRYPT, sizes[s], &r->decrypt[n][s]);
			}
		}
	for (unsigned int q = 0; q < QUEUES; q++) {
		cards_free(&bench[q].cards);
		EVP_CIPHER_CTX_free(workers[q].evp);
		free(workers[q].wire);
	}
}

static void print_text(const struct results *r)
{
	double evp = r->evp[0].wall, evp_cpu = r->evp[0].cpu;

	printf("Gbit/s of plaintext packets, AES-128-GCM; in brackets by CPU time\n");
	printf("EVP, %u bytes: 1 core %.2f (%.2f), 2 cores %.2f (%.2f)\n", EVP_BYTES, evp, evp_cpu, r->evp[1].wall,
	       r->evp[1].cpu);
	for (unsigned int n = 0; n < QUEUES; n++)
		for (unsigned int s = 0; s < SIZES; s++)
			printf("%u queue%s %4u bytes: encrypt %6.2f (%6.2f)  decrypt %6.2f (%6.2f)\n", n + 1,
			       n ? "s" : " ", sizes[s], r->encrypt[n][s].wall, r->encrypt[n][s].cpu,
			       r->decrypt[n][s].wall, r->decrypt[n][s].cpu);
	printf("at 1400: encrypt %.2f (%.2f), decrypt %.2f (%.2f) of EVP; 2 queues %.2f (%.2f) and %.2f (%.2f) x 1\n",
	       r->encrypt[0][2].wall / evp, r->encrypt[0][2].cpu / evp_cpu, r->decrypt[0][2].wall / evp,
	       r->decrypt[0][2].cpu / evp_cpu, r->encrypt[1][2].wall / r->encrypt[0][2].wall,
	       r->encrypt[1][2].cpu / r->encrypt[0][2].cpu, r->decrypt[1][2].wall / r->decrypt[0][2].wall,
	       r->decrypt[1][2].cpu / r->decrypt[0][2].cpu);
}

static void print_json(const struct results *r)
{
	json_t *rows = json_array(), *out;

	for (unsigned int n = 0; n < QUEUES; n++)
		for (unsigned int s = 0; s < SIZES; s++)
			json_array_append_new(
				rows, json_pack("{s:i, s:i, s:f, s:f, s:f, s:f}", "queues", (int)n + 1, "frame_bytes",
						(int)sizes[s], "encrypt_gbps", r->encrypt[n][s].wall, "decrypt_gbps",
						r->decrypt[n][s].wall, "encrypt_cpu_gbps", r->encrypt[n][s].cpu,
						"decrypt_cpu_gbps", r->decrypt[n][s].cpu));
	out = json_pack("{s:f, s:f, s:f, s:f, s:o}", "openssl_gbps", r->evp[0].wall, "openssl_cpu_gbps", r->evp[0].cpu,
			"openssl_2_gbps", r->evp[1].wall, "openssl_2_cpu_gbps", r->evp[1].cpu, "rows", rows);
	if (!out)
		die("no memory");
	json_dumpf(out, stdout, JSON_REAL_PRECISION(4) | JSON_INDENT(2));
	putchar('\n');
	json_decref(out);
}

int main(int argc, char **argv)
{
	static struct results results;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "--json"))) {
		fprintf(stderr, "usage: bench_esp [--json]\n");
		return 2;
	}
	measure(&results);
	if (argc == 2)
		print_json(&results);
	else
		print_text(&results);
	return 0;
}
