/* SPDX-License-Identifier: MIT */
/*
 * Private to the engine: its objects, and what its files offer each other, by file.
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

struct ike_request {
	STAILQ_ENTRY(ike_request) link; /* while queued */
	struct ike_timer timer;         /* retransmission; also the link back when it fires */
	struct ike_sa *sa;
	enum ike_job job;
	uint32_t msgid;
	uint16_t group;      /* KE group in use, 0: none yet */
	uint8_t tries;       /* retransmissions so far */
	uint8_t restarts;    /* requests made anew for INVALID_KE_PAYLOAD */
	struct ike_buf *buf; /* once sent */
	struct ike_child *child;
	struct ike_ke *ke;
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
	uint32_t answer_id;          /* responder: the request that waits for the installation */
	enum ike_child_state state;
	enum ike_down reason; /* DELETING: what IKE_EV_CHILD_DOWN will say */
	uint16_t notify;
	int16_t install_err;
	bool reserved;  /* child_reserve() said yes: IKE_EV_CHILD_DOWN is owed */
	bool holding;   /* responder: an answer waits for it */
	bool in_auth;   /* ... of IKE_AUTH */
	bool installed; /* reported, on the engine's work list */
	bool abandoned; /* deleted by the owner before it was up */
	bool redundant;
	bool outbound; /* in use for sending, as far as events have told */
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

enum { IKE_PHASES = IKE_PHASE_GONE + 1 };

enum ike_due {
	IKE_DUE_LIMIT, /* half-open, spare, linger */
	IKE_DUE_REKEY,
	IKE_DUE_EXPIRE,
	IKE_DUE_LIVENESS,
	IKE_DUE_KEEPALIVE,
	IKE_DUE_YIELD,
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

/* engine.c: the way in and out */
void ike_enter(struct ike *ike, uint64_t now);
void ike_leave(struct ike *ike);
/* To be looked at before the outermost call returns. */
void ike_sa_touch(struct ike_sa *sa);
/* May an answer to something unauthenticated go out now? Takes it from the rate limit, or counts. */
bool ike_unauth_allowed(struct ike *ike);
void ike_random(struct ike *ike, void *out, size_t n);
/* Uniform in [0, n]. */
uint64_t ike_random_below(struct ike *ike, uint64_t n);

/* sa.c: life of IKE SAs */
struct ike_sa *ike_sa_new(struct ike *ike, struct ike_conn *conn, bool initiator, const struct ike_path *path);
void ike_sa_index_spi(struct ike_sa *sa);
struct ike_sa *ike_sa_by_spi(struct ike *ike, const uint8_t spi[IKE_SPI_LEN]);
struct ike_sa *ike_sa_by_id(struct ike *ike, uint32_t id);
/* Our own SPI of it. */
const uint8_t *ike_sa_spi(const struct ike_sa *sa);
/* A new SPI of ours, unique and not zero. */
void ike_sa_choose_spi(struct ike *ike, uint8_t spi[IKE_SPI_LEN]);
/* Takes the keys over: SK_d and both directions. */
void ike_sa_set_keys(struct ike_sa *sa, const struct ike_sa_keys *keys);
/* Copies the identities, exact size, and indexes the pair. 0 or -ENOMEM. */
int ike_sa_set_ids(struct ike_sa *sa, const struct ike_id *local, const struct ike_id *remote);
/* Another authenticated IKE SA of the same pair than `sa`, or NULL. */
struct ike_sa *ike_sa_same_ids(struct ike *ike, const struct ike_id *local, const struct ike_id *remote,
			       const struct ike_sa *other_than);
/* Authenticated: timers start, what only the handshake needed is freed, SA_UP is told. */
void ike_sa_up(struct ike_sa *sa);
/* Starts its lifetime: rekey and expiry timers, liveness, keepalives. */
void ike_sa_start_clocks(struct ike_sa *sa);
/*
 * The end: children and requests first, then IKE_EV_SA_DOWN. `linger`: stay to repeat the last answer; the SA is
 * unusable in any case, and freed when the engine is left.
 */
void ike_sa_end(struct ike_sa *sa, enum ike_down down, uint16_t notify, bool linger);
/*
 * Ends at once, without waiting for the peer: the last request (taken over, may be NULL) is repeated while the IKE SA
 * lingers, as long as it is not answered.
 */
void ike_sa_part(struct ike_sa *sa, struct ike_buf *last_words, enum ike_down down, uint16_t notify);
/* The same with a Delete. */
void ike_sa_drop(struct ike_sa *sa, enum ike_down down);
void ike_sa_free(struct ike_sa *sa);
void ike_init_free(struct ike_sa *sa);
void ike_sa_due(struct ike_sa *sa, enum ike_due due, uint64_t at);
/* half_open.c */
void ike_sa_half_open(struct ike_sa *sa, bool on);
/* Half-open IKE SAs of this address. */
uint32_t ike_half_open_of(struct ike *ike, const struct ike_addr *addr);
enum ike_sa_state ike_sa_public_state(const struct ike_sa *sa);
bool ike_sa_usable(const struct ike_sa *sa);
void ike_sa_event(struct ike_sa *sa, enum ike_event_kind kind, struct ike_event *ev);
struct ike_request *ike_sa_queue_simple(struct ike_sa *sa, enum ike_job job);
void ike_sa_begin_close(struct ike_sa *sa, enum ike_down reason);

/* conn.c */
struct ike_conn *ike_conn_find(struct ike *ike, const struct ike_conn_cfg *cfg);
/* The connections that may answer on this path, best first: start with NULL; NULL: no more. */
struct ike_conn *ike_conn_next(struct ike *ike, const struct ike_path *path, struct ike_conn *after);
void ike_conn_hold(struct ike_sa *sa, struct ike_conn *conn);
void ike_conn_drop(struct ike *ike, struct ike_conn *conn);
void ike_conns_free(struct ike *ike);
bool ike_id_equal(const struct ike_id *a, const struct ike_id *b);
/* Kind 0 matches all. */
bool ike_id_matches(const struct ike_id *pattern, const struct ike_id *id);
/* The configured identity; kind 0: this address. */
void ike_id_or_addr(const struct ike_id *cfg, const struct ike_addr *addr, struct ike_id *out);
struct ike_id *ike_id_copy(const struct ike_id *id);
uint32_t ike_conn_window(const struct ike_conn_cfg *cfg);
uint32_t ike_conn_children_max(const struct ike_conn_cfg *cfg);

/* send.c: protected messages */
void ike_send_start(struct ike_sa *sa, struct ike_builder *b, uint8_t exchange, bool response, uint32_t msgid);
/* Seals into exact-size memory. NULL: it did not fit, or no memory. */
struct ike_buf *ike_send_seal(struct ike_sa *sa, struct ike_builder *b);
struct ike_buf *ike_send_copy(const struct ike_builder *b, int len);
void ike_emit(struct ike *ike, const struct ike_path *path, struct ike_buf *buf);
void ike_sa_emit(struct ike_sa *sa, struct ike_buf *buf);
/* An unprotected answer with one notify, with the SPIs and message id of the request. */
void ike_send_unprotected(struct ike *ike, const struct ike_path *path, const struct ike_header *hdr, uint16_t kind,
			  const void *data, size_t len);

/* window.c: requests of ours */
struct ike_request *ike_request_new(struct ike_sa *sa, enum ike_job job);
void ike_request_free(struct ike_request *r);
/* Behind the others, or in front of them; the IKE SA is touched. */
void ike_request_queue(struct ike_request *r, bool front);
/* Sends what the window and the state allow. */
void ike_window_pump(struct ike_sa *sa);
/* Gives it the next message id and sends buf, which it takes over. 0 or -ENOMEM (buf is then still the caller's). */
int ike_window_launch(struct ike_request *r, struct ike_buf *buf);
struct ike_request *ike_window_match(struct ike_sa *sa, uint32_t msgid);
/* Answered: leaves the window, and is the caller's to free. */
void ike_window_done(struct ike_request *r);
/* Same message id and place in the window, another message: IKE_SA_INIT with a cookie. */
void ike_window_resend(struct ike_request *r, struct ike_buf *buf);
/* Cancels everything, queued and in flight. */
void ike_window_clear(struct ike_sa *sa, enum ike_down down, uint16_t notify);
/* Cancels what is queued only: what is in flight stays, since later ids need it answered. */
void ike_window_clear_queued(struct ike_sa *sa, enum ike_down down);
/* Queued requests move to the heir. */
void ike_window_move(struct ike_sa *from, struct ike_sa *to);
void ike_window_widen(struct ike_sa *sa, const struct ike_message *m);
void ike_window_free(struct ike_sa *sa);
/*
 * A Delete that overtakes the answer that would have told us the SPI: remembered while that answer may still come,
 * so that the Child SA does not come up on this side alone.
 */
void ike_window_early_delete(struct ike_sa *sa, uint32_t spi_out);
bool ike_window_deleted_early(const struct ike_sa *sa, uint32_t spi_out);

/* jobs.c: what each kind of request is, as rows */
struct ike_job_row {
	const char *name;
	uint8_t exchange;
	bool child; /* an exchange about Child SAs: not while the IKE SA is rekeyed, RFC 7296 2.25 */
	bool alone; /* waits until no exchange about Child SAs is in flight */
	/* Appends the payloads; -errno: give it up. NULL: an empty message. */
	int (*build)(struct ike_request *r, struct ike_builder *b);
	/* The response has come. The request is out of the window and freed after this. */
	void (*answered)(struct ike_request *r, const struct ike_message *m);
	/* It will never be answered, or not be sent. Freed after this. */
	void (*cancel)(struct ike_request *r, enum ike_down down, uint16_t notify);
};
const struct ike_job_row *ike_job_row(enum ike_job job);

/* answers.c: requests of theirs */
enum ike_fresh { IKE_FRESH, IKE_REPEAT, IKE_BUSY, IKE_REPLAYED, IKE_OUTSIDE };
enum ike_fresh ike_answers_look(struct ike_sa *sa, uint32_t msgid, uint64_t hash);
/* A fresh and authentic request: from here on its repeats are absorbed. 0, -EBUSY, -ENOMEM. */
int ike_answers_take(struct ike_sa *sa, uint32_t msgid, uint64_t hash);
void ike_answers_repeat(struct ike_sa *sa, uint32_t msgid, const struct ike_path *path);
/* Takes over buf (NULL: nothing could be built) and sends it. */
void ike_answer_send(struct ike_sa *sa, uint32_t msgid, struct ike_buf *buf);
/* Takes over buf and keeps it until ike_answer_release(). */
void ike_answer_hold(struct ike_sa *sa, uint32_t msgid, struct ike_buf *buf);
void ike_answer_release(struct ike_sa *sa, uint32_t msgid);
/* One notify as the whole answer. */
void ike_answer_notify(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, uint16_t kind, const void *data,
		       size_t len);
void ike_answer_spi_notify(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, uint16_t kind, const uint8_t spi[4]);
void ike_answer_empty(struct ike_sa *sa, uint8_t exchange, uint32_t msgid);
/* Forgets all but those being worked on. */
void ike_answers_forget(struct ike_sa *sa);
void ike_answers_free(struct ike_sa *sa);

/* dispatch.c: state, exchange and direction to handler */
void ike_dispatch(struct ike_sa *sa, const struct ike_path *path, uint8_t *buf, size_t len,
		  const struct ike_header *hdr);

/* cookie.c */
int ike_cookie_make(struct ike *ike, const struct ike_addr *from, const uint8_t spi_i[IKE_SPI_LEN],
		    const struct ike_payload *nonce, uint8_t out[IKE_COOKIE_MAX]);
bool ike_cookie_good(struct ike *ike, const struct ike_addr *from, const uint8_t spi_i[IKE_SPI_LEN],
		     const struct ike_payload *nonce, const struct ike_payload *cookie);

/* nat.c */
void ike_nat_build(struct ike_sa *sa, struct ike_builder *b, const uint8_t spi_i[IKE_SPI_LEN],
		   const uint8_t spi_r[IKE_SPI_LEN]);
/* Compares the peer's hashes with the path that its message took. */
void ike_nat_detect(struct ike_sa *sa, const struct ike_path *path, const struct ike_message *m);
bool ike_nat_encap(const struct ike_sa *sa);
/* The initiator moves to port 4500 if that is called for. */
void ike_nat_float(struct ike_sa *sa);
/* An authentic and fresh message came this way. */
void ike_nat_follow(struct ike_sa *sa, const struct ike_path *path);
void ike_nat_keepalive(struct ike_sa *sa);
bool ike_addr_equal(const struct ike_addr *a, const struct ike_addr *b);
size_t ike_addr_len(const struct ike_addr *a);
void ike_sa_set_path(struct ike_sa *sa, const struct ike_path *path);

/* sa_init.c, sa_init_i.c, sa_init_r.c */
void ike_init_request(struct ike *ike, const struct ike_path *path, const uint8_t *buf, size_t len,
		      const struct ike_header *hdr);
void ike_init_response(struct ike_sa *sa, const struct ike_path *path, const uint8_t *buf, size_t len,
		       const struct ike_header *hdr);
void ike_init_cancel(struct ike_request *r, enum ike_down down, uint16_t notify);
/* SKEYSEED and all keys from both nonces and the shared secret. 0 or -errno. */
int ike_init_keys(struct ike_sa *sa, const struct ike_payload *ke);
void ike_suite_of(const struct ike_proposal *chosen, struct ike_suite *out);
/* Has it all that an IKE SA needs? */
bool ike_suite_whole(const struct ike_suite *s);

/* auth.c, auth_i.c, auth_r.c */
int ike_auth_compute(struct ike_sa *sa, bool of_initiator, const struct ike_id *local, const struct ike_id *remote,
		     uint8_t out[IKE_PRF_MAX]);
bool ike_auth_verify(struct ike_sa *sa, bool of_initiator, const struct ike_id *local, const struct ike_id *remote,
		     const struct ike_payload *auth);
int ike_auth_read_id(const struct ike_payload *p, struct ike_id *out);
void ike_auth_build_id(struct ike_builder *b, uint8_t type, const struct ike_id *id);
/* AUTH of our own side, appended. 0 or -errno. */
int ike_auth_build_proof(struct ike_sa *sa, struct ike_builder *b, const struct ike_id *local,
			 const struct ike_id *remote);
/* SET_WINDOW_SIZE, if ours is larger than 1. */
void ike_auth_build_window(struct ike_sa *sa, struct ike_builder *b);
int ike_auth_build(struct ike_request *r, struct ike_builder *b);
void ike_auth_answered(struct ike_request *r, const struct ike_message *m);
void ike_auth_cancel(struct ike_request *r, enum ike_down down, uint16_t notify);
void ike_auth_request(struct ike_sa *sa, const struct ike_message *m);
/* The held answer of IKE_AUTH without its Child SA: the IKE SA is up all the same. */
void ike_auth_answer_failed_child(struct ike_sa *sa, uint32_t msgid, uint16_t notify);

/* child.c: life of Child SAs */
struct ike_child *ike_child_new(struct ike_sa *sa, const struct ike_child_cfg *cfg, bool initiator);
/* Asks the owner. 0, or the error notify; the child is then still the caller's to discard. */
uint16_t ike_child_reserve(struct ike_child *c, const uint8_t *resource, size_t resource_len, void *hint);
struct ike_child *ike_child_by_id(struct ike *ike, uint32_t id);
struct ike_child *ike_child_by_spi_out(struct ike_sa *sa, uint32_t spi_out);
void ike_child_set_spi_out(struct ike_child *c, uint32_t spi_out);
/* Copies the selectors, exact size. 0 or -ENOMEM. */
int ike_child_set_ts(struct ike_child *c, const struct ike_ts *local, unsigned int n_local, const struct ike_ts *remote,
		     unsigned int n_remote);
/* The chosen proposal's algorithms. */
void ike_child_set_algs(struct ike_child *c, const struct ike_proposal *chosen);
/* KEYMAT, and IKE_EV_CHILD_INSTALL. 0 or -EIO. */
int ike_child_install(struct ike_child *c, const struct ike_proposal *chosen, struct ike_chunk shared,
		      struct ike_chunk ni, struct ike_chunk nr);
/* What the owner reported about an installation; called when no callback is running. */
void ike_child_settle(struct ike_child *c);
/* Reports it down and buries it. */
void ike_child_down(struct ike_child *c, enum ike_down down, uint16_t notify);
/* Deletes it at the peer first; the reason is for the end. */
void ike_child_close(struct ike_child *c, enum ike_down reason, uint16_t notify);
/* The owner wants it no more: at once if it is up, else as soon as that is possible. */
void ike_child_abandon(struct ike_child *c);
/* Start sending on it, if that has not been told yet. */
void ike_child_use(struct ike_child *c);
void ike_child_move(struct ike_child *c, struct ike_sa *to);
void ike_child_free(struct ike_child *c);

/* child_offer.c: the initiator's half of a Child SA, in IKE_AUTH and CREATE_CHILD_SA */
/* 0 or -errno. */
int ike_offer_build(struct ike_request *r, struct ike_child *c, struct ike_builder *b, bool in_auth);
/*
 * The peer said yes: checks, and IKE_EV_CHILD_INSTALL. -EBADMSG: it makes no sense, but the peer may have it now;
 * -ECANCELED: the peer has deleted it since.
 */
int ike_offer_answered(struct ike_request *r, struct ike_child *c, const struct ike_message *m, struct ike_chunk ni,
		       struct ike_chunk nr);

/* Is this KE group in one of the proposals? */
bool ike_proposals_offer(const struct ike_proposal *p, unsigned int n, uint16_t group);
/* The first KE group in them, 0: none. */
uint16_t ike_proposals_group(const struct ike_proposal *p, unsigned int n);

/* child_answer.c: the responder's half */
struct ike_nego {
	struct ike_sa *sa;
	const struct ike_message *m;
	struct ike_child *rekeys; /* NULL: a new one */
	bool in_auth;
	struct ike_chunk ni, nr;
	/* results */
	struct ike_child *child;
	const struct ike_child_cfg *cfg;
	struct ike_proposal chosen;
	struct ike_ts local[IKE_TS_MAX], remote[IKE_TS_MAX];
	unsigned int n_local, n_remote;
	bool transport, resource;
	struct ike_ke *ke;
	uint8_t shared[IKE_KE_SHARED_MAX];
	size_t shared_len;
	uint16_t group; /* INVALID_KE_PAYLOAD: the one that is wanted */
};
/* Decides and reserves: 0, or the error notify to answer. */
uint16_t ike_nego_decide(struct ike_nego *n);
/* Appends the payloads of the answer. */
void ike_nego_build(struct ike_nego *n, struct ike_builder *b);
/* Keys and IKE_EV_CHILD_INSTALL; after this ike_child_installed() lets the held answer go. */
int ike_nego_install(struct ike_nego *n);
void ike_nego_free(struct ike_nego *n);

/* create_child.c */
void ike_create_request(struct ike_sa *sa, const struct ike_message *m);
int ike_create_build(struct ike_request *r, struct ike_builder *b);
void ike_create_answered(struct ike_request *r, const struct ike_message *m);
void ike_create_cancel(struct ike_request *r, enum ike_down down, uint16_t notify);

/* rekey_child.c */
struct ike_rekey *ike_rekey_start(struct ike_child *old);
void ike_rekey_ours(struct ike_rekey *k, struct ike_child *c);
void ike_rekey_theirs(struct ike_rekey *k, struct ike_child *c, struct ike_chunk ni, struct ike_chunk nr);
/* The child's state has changed: is the rekey still of use? */
void ike_rekey_settle(struct ike_child *c);
/* Our exchange has succeeded: with all nonces known, who has lost? */
void ike_rekey_resolve(struct ike_rekey *k, struct ike_chunk ni, struct ike_chunk nr);
/* The child goes: what that means for the others of its rekey. */
void ike_rekey_leave(struct ike_child *c);
/* The same without telling anyone. */
void ike_rekey_forget(struct ike_child *c);
enum ike_down ike_rekey_reason(const struct ike_child *c, enum ike_down otherwise);

/* rekey_ike.c */
int ike_sa_rekey_build(struct ike_request *r, struct ike_builder *b);
void ike_sa_rekey_answered(struct ike_request *r, const struct ike_message *m);
void ike_sa_rekey_cancel(struct ike_request *r, enum ike_down down, uint16_t notify);
void ike_sa_rekey_request(struct ike_sa *sa, const struct ike_message *m);
/* An IKE SA of a rekey ends: the others forget it. */
void ike_sa_rekey_leave(struct ike_sa *sa);
/* The same without ending the others. */
void ike_sa_rekey_forget(struct ike_sa *sa);
/* The peer deletes the old IKE SA: if it has made a new one, that is the heir. */
void ike_sa_rekey_settle_for_theirs(struct ike_sa *old);
int ike_sa_rekey_start(struct ike_sa *sa);

/* collide.c: RFC 7296 2.25 and 2.8 as rows */
enum ike_ask { IKE_ASK_CHILD_NEW, IKE_ASK_CHILD_REKEY, IKE_ASK_SA_REKEY };
struct ike_verdict {
	uint16_t notify; /* 0: as usual */
	const char *sentence;
};
struct ike_verdict ike_collide(struct ike_sa *sa, enum ike_ask ask, const struct ike_child *c);
/* RFC 7296 2.8.1: octet by octet, the shorter one is lower if it is a prefix. */
bool ike_nonce_lower(const struct ike_nonce *a, const struct ike_nonce *b);
void ike_nonce_set(struct ike_nonce *n, struct ike_chunk c);
void ike_nonce_lowest(struct ike_chunk a, struct ike_chunk b, struct ike_nonce *out);

/* informational.c */
void ike_info_request(struct ike_sa *sa, const struct ike_message *m);
int ike_child_delete_build(struct ike_request *r, struct ike_builder *b);
void ike_child_delete_answered(struct ike_request *r, const struct ike_message *m);
int ike_sa_delete_build(struct ike_request *r, struct ike_builder *b);
void ike_sa_delete_answered(struct ike_request *r, const struct ike_message *m);
int ike_window_build(struct ike_request *r, struct ike_builder *b);
void ike_window_answered(struct ike_request *r, const struct ike_message *m);

/* narrow.c: RFC 7296 2.9 */
unsigned int ike_ts_narrow(const struct ike_ts *ours, unsigned int n_ours, const struct ike_ts *theirs,
			   unsigned int n_theirs, struct ike_ts out[IKE_TS_MAX]);
/* Does the union of `outer` hold every one of `inner`? (Each inside one of them.) */
bool ike_ts_within(const struct ike_ts *inner, unsigned int n_inner, const struct ike_ts *outer, unsigned int n_outer);
void ike_ts_host(const struct ike_addr *addr, struct ike_ts *out);
/* Transport mode through NAT: every selector gets this address. RFC 7296 2.23.1. */
void ike_ts_substitute(struct ike_ts *ts, unsigned int n, const struct ike_addr *addr);

/* text.c: for logs */
enum { IKE_TEXT_MAX = 320 };
const char *ike_addr_text(const struct ike_addr *a, char buf[IKE_TEXT_MAX]);
const char *ike_id_text(const struct ike_id *id, char buf[IKE_TEXT_MAX]);
bool ike_logs(const struct ike *ike, enum log_level level);
/* Prefixed with the IKE SA's connection, id and SPIs. */
void ike_sa_log(struct ike_sa *sa, enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void ike_child_log(struct ike_child *c, enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void ike_log_message(struct ike_sa *sa, const char *what, const struct ike_message *m);
const char *ike_notify_text(uint16_t kind, char buf[32]);

#endif
