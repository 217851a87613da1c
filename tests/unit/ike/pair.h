/* SPDX-License-Identifier: MIT */
/*
 * Two engines in one process, a clock that is moved by hand, and a network in which each datagram can be delivered,
 * dropped, repeated, held or overtaken. Nonces can be chosen. Side A usually initiates.
 */
#ifndef TESTS_IKE_PAIR_H
#define TESTS_IKE_PAIR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/queue.h>

#include "base/prng.h"
#include "ike/ike.h"
#include "ike/message.h"

enum { A, B };
enum { PAIR_CHILD_CFGS = 4, PAIR_FORCED_MAX = 16 };

#define MS  UINT64_C(1000000)
#define SEC UINT64_C(1000000000)

/* What one side's owner knows of a Child SA; it is the user pointer. */
struct pair_child {
	TAILQ_ENTRY(pair_child) link;
	struct pair_side *side;
	uint32_t id, spi_in, spi_out;
	bool in, out; /* installed */
	bool up, down, redundant, delete_old;
	bool crossed;          /* the DOWN said that it has lost a collision */
	bool rekey, initiator; /* the offer said so */
	bool resource;
	enum ike_down why;
	uint16_t notify;
	struct ike_child_keys keys;
	bool seen; /* the test's own mark */
	void *hint;
};

TAILQ_HEAD(pair_children, pair_child);

struct pair_side {
	struct pair *pair;
	int n;
	struct ike *ike;
	struct ike_conn_cfg conn;
	struct ike_child_cfg child[PAIR_CHILD_CFGS];
	const struct ike_conn_cfg *conn_now; /* what events refer to */
	const struct ike_child_cfg *child_ptr[PAIR_CHILD_CFGS];
	const char *psk;
	struct pair_children children;
	uint32_t next_spi;
	uint32_t sa, old_sa; /* the last one reported up or rekeyed, what it replaced */
	unsigned int sas_up, sas_down, sas_rekeyed, moved;
	unsigned int reserves, downs;
	enum ike_down sa_why;
	uint16_t sa_notify;
	/* how it behaves */
	bool hold_installs; /* ike_child_installed() is left to the test */
	bool keep_old;      /* delete_old is left to the test */
	int install_err;
	uint16_t refuse;                 /* child_reserve answers this */
	uint8_t forced[PAIR_FORCED_MAX]; /* first octet of the next nonces; all octets have it */
	unsigned int n_forced, forced_at;
	/* count-based SAs: what it accepts (max 0: nothing), another range for AES-256, its next Rekey Values */
	struct ike_count_range range, range_256;
	uint16_t values[PAIR_FORCED_MAX];
	unsigned int n_values, values_at;
};

struct pair_datagram {
	TAILQ_ENTRY(pair_datagram) link;
	int from;
	unsigned int seq;     /* its number since pair_faults() */
	bool faulted;         /* has had its fault */
	struct ike_path path; /* as its sender saw it */
	size_t len;
	uint8_t bytes[];
};

TAILQ_HEAD(pair_queue, pair_datagram);

/* What happens to the datagram with number seq. */
enum pair_fault_kind {
	PAIR_LOST,
	PAIR_LATE,      /* comes when nothing else is on the way */
	PAIR_VERY_LATE, /* comes after the first retransmission */
	PAIR_TWICE,     /* and again when nothing else is on the way */
	PAIR_FAULTS,
};

enum { PAIR_FAULTS_AT_ONCE = 2 };

struct pair_fault {
	bool on;
	unsigned int seq;
	enum pair_fault_kind kind;
};

struct pair {
	struct pair_side side[2];
	struct pair_fault fault[PAIR_FAULTS_AT_ONCE];
	struct pair_queue late, very_late;
	uint64_t very_late_at;
	bool b_first; /* what B sends overtakes what A sends */
	unsigned int seq;
	uint64_t now;
	struct prng prng;
	struct pair_queue net;
	struct ike_settings settings;
	unsigned int loss_percent, dup_percent; /* for pair_run */
	bool reorder;
	bool nat;                    /* A is behind a NAT */
	struct ike_addr nat_outside; /* what B sees; port from A's port + nat_shift */
	uint16_t nat_shift;
	bool verbose;
	unsigned int sent[2], datagrams;
	bool deaf[2];
};

/* Fills in the configuration of both sides: PSK, X25519, AES-GCM, one tunnel 10.1.0.0/16 - 10.2.0.0/16. */
void pair_config(struct pair *p);
/* Creates the engines from what is configured by now. */
void pair_start(struct pair *p);
void pair_end(struct pair *p);
void pair_net_end(struct pair *p);
/* This side crashes and comes back without a memory. */
void pair_restart(struct pair *p, int side);
void pair_proposal(struct ike_proposal *out, unsigned int *n, uint8_t protocol, const char *spec);
void pair_ts(struct ike_ts *ts, const char *from, const char *to, uint8_t protocol, uint16_t port_from,
	     uint16_t port_to);
void pair_addr(struct ike_addr *a, const char *ip, uint16_t port);
void pair_id(struct ike_id *id, uint8_t kind, const char *text);

/* A initiates; everything is delivered; both sides are up with one Child SA. */
void pair_up(struct pair *p);
/* Configured, started and up. */
void pair_begin(struct pair *p);
void pair_initiate(struct pair *p, int side);
/* Delivers until nothing is on the way, losing and shuffling as configured. */
void pair_run(struct pair *p);
/* The same while time passes, tick by tick. */
void pair_pass(struct pair *p, uint64_t ns);
/* Numbers datagrams from 0 on from here; the faults apply to those numbers. */
void pair_faults(struct pair *p, const struct pair_fault *fault, unsigned int n);
/* The first datagram on the way from this side, taken out of the network. Fails the test if there is none. */
struct pair_datagram *pair_take(struct pair *p, int from);
bool pair_waiting(struct pair *p, int from);
unsigned int pair_count(struct pair *p, int from);
void pair_deliver(struct pair *p, struct pair_datagram *d); /* and frees it */
void pair_deliver_copy(struct pair *p, const struct pair_datagram *d);
void pair_drop(struct pair_datagram *d);
/* Delivers the next datagram from this side. */
void pair_step(struct pair *p, int from);
void pair_force_nonces(struct pair_side *s, unsigned int n, ...);
void pair_force_values(struct pair_side *s, unsigned int n, ...);

/* Appends what an edited message has instead of this payload: nothing, it as it is, or something else. */
typedef void pair_edit(struct ike_builder *b, const struct ike_payload *p, void *ctx);
/*
 * The first datagram on the way from this side is opened with its sender's keys, each payload inside goes through the
 * edit (last: NULL, for what is to be added), and the result is sealed again and stays on its way.
 */
void pair_rewrite(struct pair *p, int from, pair_edit *edit, void *ctx);
/* The same, only looking. `m` is valid until the next call. */
void pair_look(struct pair *p, int from, struct ike_message *m);

/* Child SAs that are not down, in order of making. */
unsigned int pair_live(const struct pair_side *s);
struct pair_child *pair_child_at(struct pair_side *s, unsigned int n);
struct pair_child *pair_by_spi_in(struct pair_side *s, uint32_t spi_in);
/* Both sides hold the same Child SAs with fitting keys, and nothing is in the middle of anything. */
void pair_check(struct pair *p);
/* All is deleted by A: every reservation has one DOWN, nothing is left. */
void pair_check_empty(struct pair *p);
struct ike_counters pair_counters(const struct pair_side *s);

#endif
