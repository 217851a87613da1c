/* SPDX-License-Identifier: MIT */
/*
 * Private to the engine: its objects. What its files offer each other is in engine.h.
 *
 * Ownership: `struct ike` owns IKE SAs, an IKE SA owns its Child SAs and its requests. Nothing that an owner's callback
 * may hold is freed while a callback can run: ended objects wait in a grave until the outermost call into the
 * engine returns (ike_leave). Commands from inside callbacks only mark and queue; ike_leave acts on them.
 */
#ifndef IKE_SA_H
#define IKE_SA_H

#include <sys/queue.h>

#include "base/heap.h"
#include "ike/crypto.h"
#include "ike/ike.h"
#include "ike/message.h"
#include "ike/table.h"

enum {
	IKE_MESSAGE_MAX = 16384,  /* octets of a message of ours; also the most that is accepted */
	IKE_MARKER_LEN = 4,       /* non-ESP marker, RFC 7296 2.23 */
	IKE_NONCE_LEN = 32,       /* ours: half the longest PRF key, RFC 7296 2.10 */
	IKE_TRIES_MAX = 32,       /* retransmissions that have a place in the table of intervals */
	IKE_INIT_RETRIES_MAX = 8, /* IKE_SA_INIT sent anew for COOKIE and INVALID_KE_PAYLOAD, RFC 7296 2.6 */
	IKE_COOKIE_MAX = 64,
	IKE_SPI_LEN = 8,
};

#define IKE_SEC               UINT64_C(1000000000)
#define IKE_KEEPALIVE_NS      (20 * IKE_SEC)    /* RFC 3948 4 */
#define IKE_LINGER_NS         (30 * IKE_SEC)    /* an ended IKE SA repeats its last answer for so long */
#define IKE_SPARE_NS          (30 * IKE_SEC)    /* a redundant IKE SA that its creator does not delete */
#define IKE_OLD_CHILD_NS      (30 * IKE_SEC)    /* a Child SA that the peer has replaced and does not delete */
#define IKE_RETRY_MIN_NS      (IKE_SEC / 2)     /* an IKE rekey after TEMPORARY_FAILURE: between this ... */
#define IKE_RETRY_MAX_NS      (16 * IKE_SEC)    /* ... and this, doubling, half of it at random */
#define IKE_YIELD_NS          (IKE_SEC * 3 / 2) /* no Child exchanges of ours after the peer could not rekey for them */
#define IKE_ANSWERS_FORGET_NS (300 * IKE_SEC)   /* "several minutes", RFC 7296 2.1 */

/* ---- pieces ---- */

struct ike_timer {
	struct heap_node node;
	void (*fire)(struct ike *ike, struct ike_timer *timer);
};

/* A finished message, with room for the non-ESP marker in front: data[IKE_MARKER_LEN] is its first octet. */
struct ike_buf {
	uint32_t len; /* of the message */
	uint8_t data[];
};

struct ike_nonce {
	uint16_t len;
	uint8_t data[IKE_NONCE_MAX];
};

struct ike_conn { /* a connection, and who refers to it */
	struct ike_node by_remote;
	TAILQ_ENTRY(ike_conn) all;
	const struct ike_conn_cfg *cfg;
	uint32_t order; /* of addition */
	uint32_t sas;
	bool removed; /* kept for its IKE SAs only */
};

TAILQ_HEAD(ike_conns, ike_conn);

/* ---- requests: one exchange that we start ---- */

enum ike_job {
	IKE_JOB_INIT,
	IKE_JOB_AUTH,
	IKE_JOB_CHILD,        /* create or rekey: `child` is the new one */
	IKE_JOB_CHILD_DELETE, /* `child` is the one to delete */
	IKE_JOB_REKEY,        /* the IKE SA */
	IKE_JOB_DELETE,       /* the IKE SA */
	IKE_JOB_LIVENESS,
	IKE_JOB_WINDOW, /* SET_WINDOW_SIZE */
};

struct ike_count_offer;

struct ike_request {
	STAILQ_ENTRY(ike_request) link; /* while queued */
	struct ike_timer timer;         /* retransmission; also the link back when it fires */
	struct ike_sa *sa;
	enum ike_job job;
	uint32_t msgid;
	uint16_t group;      /* KE group in use, 0: none yet */
	uint8_t tries;       /* retransmissions so far */
	uint8_t restarts;    /* requests made anew for INVALID_KE_PAYLOAD */
	bool optimized;      /* sent as an optimized rekey */
	bool regular;        /* not to be one: the peer has refused that */
	struct ike_buf *buf; /* once sent */
	struct ike_child *child;
	struct ike_ke *ke;
	struct ike_count_offer *counts; /* COUNT_BASED_SA_PROPOSED as it was sent, NULL: it was not */
	uint8_t nonce[IKE_NONCE_LEN];
	uint8_t resource_len;
	uint8_t resource[IKE_RESOURCE_MAX];
};

STAILQ_HEAD(ike_requests, ike_request);

/* Requests in flight: a ring by message id that grows with use, up to the peer's window. */
struct ike_window {
	struct ike_requests queued;
	struct ike_request **at;
	uint32_t cap;          /* places in the ring, a power of two */
	uint32_t next, oldest; /* id of the next request; the first one that is not answered */
	uint32_t size;         /* what the peer granted */
	uint32_t n_queued, n_flight;
	uint32_t n_child; /* in flight, about Child SAs */
	uint32_t *early;  /* SPIs that the peer deleted before we knew them: its answers to these requests are late */
	uint32_t n_early;
};

enum ike_answer_state { IKE_ANSWER_NONE, IKE_ANSWER_BUSY, IKE_ANSWER_HELD, IKE_ANSWER_SENT };

struct ike_answer {
	struct ike_buf *buf;
	uint64_t hash; /* of the request: only its exact copies are answered again */
	uint32_t msgid;
	enum ike_answer_state state;
};

/* Requests received: a ring by message id, of the same kind, up to the window that we granted. */
struct ike_answers {
	struct ike_answer *at;
	uint32_t cap;
	uint32_t base; /* the first id that has not been received */
	uint32_t top;  /* one more than the highest that has */
	uint32_t size; /* what we granted */
	uint32_t n_held;
};

/* ---- Child SAs ---- */

enum ike_child_state {
	IKE_CHILD_OFFERED,    /* reserved; our request is queued or in flight */
	IKE_CHILD_INSTALLING, /* IKE_EV_CHILD_INSTALL is out */
	IKE_CHILD_UP,
	IKE_CHILD_DELETING, /* our Delete is queued or in flight */
	IKE_CHILD_GONE,
};

struct ike_child {
	struct ike_child_sa pub;
	struct ike_sa *sa;
	struct ike_node by_id, by_spi;
	TAILQ_ENTRY(ike_child) link; /* the IKE SA's children in order of making, or the grave */
	TAILQ_ENTRY(ike_child) work; /* engine's list of answered installs */
	struct ike_rekey *of;        /* it is one of the replacements in this rekey */
	struct ike_rekey *by;        /* it is being replaced by this one */
	struct ike_ts *ts;           /* exact size, local then remote */
	struct ike_request *request; /* ours about it, queued or in flight */
	uint64_t replaced;           /* when the peer's replacement of it was up, 0: there is none */
	uint32_t answer_id;          /* responder: the request that waits for the installation */
	enum ike_child_state state;
	enum ike_down reason; /* DELETING: what IKE_EV_CHILD_DOWN will say */
	uint16_t notify;
	int16_t install_err;
	bool reserved;       /* child_reserve() said yes: IKE_EV_CHILD_DOWN is owed */
	bool holding;        /* responder: an answer waits for it */
	bool in_auth;        /* made in IKE_AUTH: about KE for Child SAs nothing was agreed there */
	bool changed;        /* its configuration is not the one that it was negotiated by */
	bool installed;      /* reported, on the engine's work list */
	bool abandoned;      /* deleted by the owner before it was up */
	bool redundant;      /* it has lost a collision */
	bool collided;       /* it, or its rival, was asked for while the other's request was in flight */
	bool additional;     /* ours: like another one, so its algorithms and selectors are given */
	bool resource_asked; /* theirs: SA_RESOURCE_INFO came with the request */
	bool up;             /* IKE_EV_CHILD_UP is out */
	bool outbound;       /* in use for sending, as far as events have told */
};

TAILQ_HEAD(ike_children, ike_child);

/* One Child SA being replaced, maybe from both ends at once (RFC 7296 2.8.1). Kept by the three who point to it. */
struct ike_rekey {
	struct ike_child *old, *ours, *theirs; /* NULL: not yet, or gone */
	struct ike_nonce low_ours, low_theirs; /* the lower nonce of each exchange, as far as known */
	bool ours_done, theirs_done;           /* the exchange has succeeded */
};

/* ---- IKE SAs ---- */

enum ike_phase {
	IKE_PHASE_INIT_SENT,
	IKE_PHASE_AUTH_SENT,
	IKE_PHASE_INIT_ANSWERED,
	IKE_PHASE_UP,
	IKE_PHASE_REPLACED, /* its children have moved to `heir` */
	IKE_PHASE_SPARE,    /* made by an IKE rekey, and not (yet) the one that counts */
	IKE_PHASE_CLOSING,  /* our Delete is queued or in flight */
	IKE_PHASE_GONE,     /* reported down; repeats its last answer until the linger time is over */
};

enum ike_due {
	IKE_DUE_LIMIT, /* half-open, spare, linger */
	IKE_DUE_REKEY,
	IKE_DUE_EXPIRE,
	IKE_DUE_LIVENESS,
	IKE_DUE_KEEPALIVE,
	IKE_DUE_YIELD,
	IKE_DUE_OLD_CHILD,
	IKE_DUE_FORGET,
};

enum { IKE_DUES = IKE_DUE_FORGET + 1 };

/* What only the first two exchanges need; freed when the IKE SA is authenticated. */
struct ike_init {
	struct ike_ke *ke;
	struct ike_buf *request, *response; /* IKE_SA_INIT: what AUTH covers */
	struct ike_nonce ni, nr;
	uint8_t sk_pi[IKE_PRF_MAX], sk_pr[IKE_PRF_MAX];
	struct ike_proposal chosen;
	struct ike_child *child; /* initiator: the first one */
	uint8_t cookie[IKE_COOKIE_MAX];
	uint8_t cookie_len;
	uint8_t retries;
	uint16_t group;
	uint16_t hint; /* the last error that came unprotected: not believed, but told if nothing better comes */
};

/* One IKE SA being replaced, maybe from both ends at once (RFC 7296 2.8.2). */
struct ike_sa_rekey {
	struct ike_sa *old, *ours, *theirs;
	struct ike_nonce low_ours, low_theirs;
};

struct ike_sa {
	struct ike *ike;
	struct ike_node by_spi, by_id, by_init, by_ids;
	TAILQ_ENTRY(ike_sa) all;   /* in order of making, or the grave */
	TAILQ_ENTRY(ike_sa) dirty; /* has commands or queued requests to act on */
	struct ike_timer timer;
	uint64_t due[IKE_DUES]; /* 0: not */
	struct ike_conn *conn;
	struct ike_init *init;
	struct ike_id *local_id, *remote_id; /* exact size */
	struct ike_sa_rekey *rekey;          /* old, ours and theirs point to it */
	struct ike_sa *heir;                 /* REPLACED: where the children went */
	struct ike_suite suite;
	struct ike_sk_key key_in, key_out;
	uint8_t sk_d[IKE_PRF_MAX];
	uint64_t iv; /* next explicit nonce of key_out */
	struct ike_path path;
	struct ike_path reply; /* where the last authentic request came from: its answer goes there, RFC 7296 2.11 */
	struct ike_addr init_from; /* responder: where IKE_SA_INIT came from */
	uint64_t init_hash;        /* of that request */
	struct ike_window win;
	struct ike_answers ans;
	struct ike_children children;
	uint64_t established, last_in, last_out;
	uint32_t id;
	uint32_t lineage; /* id of the first of a chain of rekeyed IKE SAs */
	uint32_t n_children;
	enum ike_phase phase;
	enum ike_down reason; /* CLOSING */
	uint16_t notify;
	uint8_t rekey_failures; /* TEMPORARY_FAILUREs in a row */
	uint8_t spi_i[IKE_SPI_LEN], spi_r[IKE_SPI_LEN];
	bool initiator;  /* we are the original initiator */
	bool known;      /* to the owner: SA_DOWN is owed */
	bool half_open;  /* counted as such */
	bool rekey_sent; /* our IKE rekey is in flight */
	bool close_wanted, is_dirty;
	bool optimized;                   /* both sides have said OPTIMIZED_REKEY_SUPPORTED */
	bool changed;                     /* its proposals are not the ones that it was negotiated by */
	bool keyrack;                     /* the peer sent our Vendor ID, and we ours */
	bool natt, nat_local, nat_remote; /* the peer speaks NAT-T; we are, it is behind a NAT */
};

TAILQ_HEAD(ike_sas, ike_sa);

/* ---- the engine ---- */

enum { IKE_SECRET_LEN = 32, IKE_SECRETS = 2 };

struct ike_cookies {
	uint8_t secret[IKE_SECRETS][IKE_SECRET_LEN];
	uint64_t made[IKE_SECRETS]; /* 0: never */
	uint8_t version;            /* of the newest; its place is version % IKE_SECRETS */
};

struct ike {
	struct ike_settings set;
	struct ike_env env;
	const struct log *log;
	struct ike_crypto *crypto;
	uint64_t now;
	uint64_t seed; /* of the tables' hashes */
	unsigned int depth;
	struct heap timers;
	struct ike_table sa_by_spi, sa_by_id, sa_by_init, sa_by_ids, child_by_id, child_by_spi, conn_by_remote,
		half_open_ip;
	struct ike_conns conns;
	struct ike_sas sas, dirty, grave;
	struct ike_children installed, child_grave;
	struct ike_cookies cookies;
	struct ike_counters counters;
	uint64_t bucket, bucket_at; /* unauthenticated answers: ns of credit */
	uint64_t interval[IKE_TRIES_MAX + 1];
	uint32_t sa_ids, child_ids, conn_order;
	struct ike_id id_local, id_remote; /* full-size copies for callbacks */
	uint8_t scratch[IKE_MARKER_LEN + IKE_MESSAGE_MAX];
};

#endif
