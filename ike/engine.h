/* SPDX-License-Identifier: MIT */
/* Private to the engine: what its files offer each other, by file. The objects are in sa.h. */
#ifndef IKE_ENGINE_H
#define IKE_ENGINE_H

#include "ike/count.h"
#include "ike/sa.h"
#include "ike/vendor.h"

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
/* Would a request of this kind, put in front of all others, leave now? */
bool ike_window_open(const struct ike_sa *sa, enum ike_job job);
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
/* The same backwards, without an SPI. */
void ike_suite_proposal(const struct ike_suite *s, struct ike_proposal *out);
/* Has it all that an IKE SA needs? */
bool ike_suite_whole(const struct ike_suite *s);

/* auth.c, auth_i.c, auth_r.c */
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
/* The algorithms of a chosen proposal are this one's. */
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
/* IKE_EV_CHILD_UP, if it is up and not redundant and that has not been told yet. */
void ike_child_tell_up(struct ike_child *c);
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

/* A key pair of r->group, and its KE payload. 0 or -errno. */
int ike_offer_ke(struct ike_request *r, struct ike_builder *b);
/* Is this KE group in one of the proposals? */
bool ike_proposals_offer(const struct ike_proposal *p, unsigned int n, uint16_t group);
/* The first KE group in them, 0: none. */
uint16_t ike_proposals_group(const struct ike_proposal *p, unsigned int n);

/* child_count.c: count-based SAs, both halves. A fault of the peer's notifies is logged, counted and changes nothing.
 */
struct ike_count_offer {
	unsigned int n;
	uint16_t value; /* our Rekey Value, the same in every entry */
	bool passive;
	uint8_t eager;
	struct ike_count_entry entry[IKE_COUNT_ENTRIES_MAX];
};
/* Initiator: appends COUNT_BASED_SA_PROPOSED for the ciphers of these proposals if both sides want it. */
void ike_count_offer(struct ike_request *r, struct ike_child *c, const struct ike_proposal *p, unsigned int n,
		     struct ike_builder *b);
/* Initiator: what the peer's answer says about the chosen cipher. */
void ike_count_answered(const struct ike_request *r, struct ike_child *c, const struct ike_proposal *chosen,
			const struct ike_message *m);
/* Responder: decides about the peer's offer for the chosen cipher. */
void ike_count_decide(struct ike_child *c, const struct ike_proposal *chosen, const struct ike_message *m);
/* Responder: appends COUNT_BASED_SA_SELECTED if that was agreed. */
void ike_count_select(const struct ike_child *c, struct ike_builder *b);

struct ike_nego;

/* optimized.c: optimized rekeys */
/* Is OPTIMIZED_REKEY_SUPPORTED to be said? */
bool ike_optimized_wanted(const struct ike_sa *sa);
void ike_optimized_build_supported(struct ike_builder *b);
/* IKE_AUTH of the peer: has it said that, too? */
void ike_optimized_agree(struct ike_sa *sa, const struct ike_message *m);
/* N(OPTIMIZED_REKEY), NULL: none, or it means something else here. */
const struct ike_payload *ike_optimized_find(const struct ike_message *m);
/* The one new SPI, not zero and of this length; false: there is none. */
bool ike_optimized_spi(const struct ike_message *m, uint8_t *spi, size_t len);
void ike_optimized_build(struct ike_builder *b, const uint8_t *spi, size_t len);
/* May this Child SA be rekeyed so, as far as this side is concerned? */
bool ike_optimized_child_may(const struct ike_child *old);
/* The initiator's request for a replacement of c->of->old. 0 or -errno. */
int ike_optimized_offer(struct ike_request *r, struct ike_child *c, struct ike_builder *b);
/* The responder's answer to that: its SPI and what was inherited into chosen; NULL, or what is wrong. */
const char *ike_optimized_answer(const struct ike_child *c, const struct ike_message *m, struct ike_proposal *chosen);
/* The responder: fills in what is inherited from n->rekeys. False: NO_PROPOSAL_CHOSEN. */
bool ike_optimized_nego(struct ike_nego *n);

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
	bool optimized; /* in: the request is an optimized rekey */
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
void ike_rekey_theirs(struct ike_rekey *k, struct ike_child *c, struct ike_chunk ni, struct ike_chunk nr);
/* The child's state has changed: is the rekey still of use? */
void ike_rekey_settle(struct ike_child *c);
/* Deletes what the peer has replaced and should have deleted long ago. */
void ike_rekey_overdue(struct ike_sa *sa);
/* The same when it is time; nothing if the peer has not replaced it. */
void ike_rekey_wait(struct ike_child *old);
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
/* An IKE SA to be: everything that a replacement inherits. NULL: no memory. */
struct ike_sa *ike_sa_rekey_spare(struct ike_sa *old, bool initiator);
/* Its keys, from those of the old one. 0 or -errno. */
int ike_sa_rekey_keys(struct ike_sa *old, struct ike_sa *sa, const struct ike_proposal *chosen, struct ike_ke *own,
		      const struct ike_payload *ke, struct ike_chunk ni, struct ike_chunk nr);
/* The heir takes over: identities, children, what waits to be sent. */
void ike_sa_rekey_adopt(struct ike_sa *old, struct ike_sa *heir, bool by_us);
/*
 * Optimized: what the old one has, as if it had just been chosen, with the new SPI out of the message. False: there
 * is none.
 */
bool ike_sa_rekey_inherited(const struct ike_sa *old, const struct ike_message *m, struct ike_proposal *chosen);
/* An IKE SA of a rekey ends: the others forget it. */
void ike_sa_rekey_leave(struct ike_sa *sa);
/* The same without ending the others. */
void ike_sa_rekey_forget(struct ike_sa *sa);
/* The peer deletes the old IKE SA: if it has made a new one, that is the heir. */
void ike_sa_rekey_settle_for_theirs(struct ike_sa *old);
int ike_sa_rekey_start(struct ike_sa *sa);

/* rekey_ike_r.c: the peer asks for it */
void ike_sa_rekey_request(struct ike_sa *sa, const struct ike_message *m);

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
/* As in a proposal: "aes128gcm16-prfsha256-x25519", "aes256-sha256-esn". */
const char *ike_suite_text(const struct ike_suite *suite, char buf[IKE_TEXT_MAX]);
const char *ike_child_suite_text(const struct ike_child_sa *sa, char buf[IKE_TEXT_MAX]);

#endif
