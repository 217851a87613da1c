/* SPDX-License-Identifier: MIT */
/*
 * The IKEv2 engine: RFC 7296, initiator and responder, any number of IKE SAs, with RFC 9611's notifies; with a peer
 * that sends our Vendor ID also count-based SAs (draft-liu-ipsecme-ikev2-rekey-redundant-sas-01) and optimized rekeys
 * (draft-ietf-ipsecme-ikev2-sa-ts-payloads-opt-07).
 *
 * Sans-I/O. The owner feeds it datagrams, commands and the time, and it calls back through `struct ike_env`: emit this
 * datagram, reserve an inbound SPI, this happened. It owns no socket, clock or thread and never blocks. Everything
 * runs on one thread; callbacks may call ike_child_* and ike_sa_* functions except ike_free (their effect on the
 * object being reported is deferred until the callback has returned).
 *
 * Times are ns on the owner's monotonic clock. Ports are in host order; SPIs are uint32_t in host order for ESP
 * and byte arrays for IKE.
 *
 * Life of a Child SA, the same on both sides of an exchange:
 *   child_reserve()          a slot pair and an inbound SPI, before the offer leaves or the answer is decided
 *   IKE_EV_CHILD_INSTALL     keys agreed: install it; report with ike_child_installed(). A responder answers only then,
 *                            so a peer never sends on an SA that is not there.
 *   IKE_EV_CHILD_UP          the exchange is complete on this side; never comes for one that is redundant by then
 *   IKE_EV_CHILD_DOWN        exactly once for every successful child_reserve(), whatever happened in between
 *
 * Of two Child SAs that replace the same one (RFC 7296 2.8.1) the loser takes a slot for as short as can be: both ends
 * delete it as soon as they know all nonces, it never comes with `outbound`, and one of ours is not even installed
 * unless the peer cannot be told at once.
 *
 * Life of an IKE SA: IKE_EV_SA_UP once it is authenticated, IKE_EV_SA_DOWN once for each that the owner knows of, that
 * is one that it initiated or that was reported by SA_UP or SA_REKEYED. Half-open ones of peers, and IKE SAs that lose
 * a simultaneous rekey, come and go without events.
 */
#ifndef IKE_IKE_H
#define IKE_IKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct ike;

/* ---- plain data ---- */

enum { IKE_PROTO_NONE = 0, IKE_PROTO_IKE = 1, IKE_PROTO_AH = 2, IKE_PROTO_ESP = 3 };

struct ike_addr {
	uint8_t family; /* AF_INET or AF_INET6; 0: any */
	uint16_t port;  /* host order */
	uint8_t ip[16]; /* network order, 4 or 16 octets used, the rest zero */
};

struct ike_path {
	struct ike_addr local, remote;
};

enum { IKE_TS_IPV4 = 7, IKE_TS_IPV6 = 8 };

struct ike_ts { /* RFC 7296 3.13.1 */
	uint8_t type;
	uint8_t protocol; /* 0: any */
	uint16_t start_port, end_port;
	uint8_t start[16], end[16]; /* 4 or 16 octets used */
};

enum { IKE_TRANSFORMS_MAX = 40, IKE_TS_MAX = 16 };

struct ike_transform {
	uint8_t type;
	uint8_t unknown; /* carries an attribute that is not Key Length: never selected */
	uint16_t id;
	uint16_t key_bits; /* 0: no attribute */
};

struct ike_proposal {
	uint8_t number, protocol, spi_size, n;
	uint8_t spi[8];
	struct ike_transform t[IKE_TRANSFORMS_MAX];
};

enum { IKE_ID_IPV4 = 1, IKE_ID_FQDN = 2, IKE_ID_RFC822 = 3, IKE_ID_IPV6 = 5, IKE_ID_DN = 9, IKE_ID_KEY = 11 };

enum { IKE_ID_LEN_MAX = 256, IKE_PSK_MAX = 256 };

struct ike_id {
	uint8_t kind; /* 0: any (as a pattern), or "the address" (as our own) */
	uint16_t len;
	uint8_t data[IKE_ID_LEN_MAX];
};

enum ike_notify {
	IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	IKE_N_INVALID_IKE_SPI = 4,
	IKE_N_INVALID_MAJOR_VERSION = 5,
	IKE_N_INVALID_SYNTAX = 7,
	IKE_N_INVALID_MESSAGE_ID = 9,
	IKE_N_INVALID_SPI = 11,
	IKE_N_NO_PROPOSAL_CHOSEN = 14,
	IKE_N_INVALID_KE_PAYLOAD = 17,
	IKE_N_AUTHENTICATION_FAILED = 24,
	IKE_N_SINGLE_PAIR_REQUIRED = 34,
	IKE_N_NO_ADDITIONAL_SAS = 35,
	IKE_N_INTERNAL_ADDRESS_FAILURE = 36,
	IKE_N_FAILED_CP_REQUIRED = 37,
	IKE_N_TS_UNACCEPTABLE = 38,
	IKE_N_INVALID_SELECTORS = 39,
	IKE_N_TEMPORARY_FAILURE = 43,
	IKE_N_CHILD_SA_NOT_FOUND = 44,
	IKE_N_TS_MAX_QUEUE = 48,
	IKE_N_STATUS = 16384, /* from here on: status, not error */
	IKE_N_INITIAL_CONTACT = 16384,
	IKE_N_SET_WINDOW_SIZE = 16385,
	IKE_N_ADDITIONAL_TS_POSSIBLE = 16386,
	IKE_N_IPCOMP_SUPPORTED = 16387,
	IKE_N_NAT_DETECTION_SOURCE_IP = 16388,
	IKE_N_NAT_DETECTION_DESTINATION_IP = 16389,
	IKE_N_COOKIE = 16390,
	IKE_N_USE_TRANSPORT_MODE = 16391,
	IKE_N_HTTP_CERT_LOOKUP_SUPPORTED = 16392,
	IKE_N_REKEY_SA = 16393,
	IKE_N_ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
	IKE_N_NON_FIRST_FRAGMENTS_ALSO = 16395,
	IKE_N_SA_RESOURCE_INFO = 16444,
	/* Private use, only with a peer that sent our Vendor ID (vendor.h): the drafts have no numbers yet. */
	IKE_N_COUNT_BASED_SA_PROPOSED = 0xcb01,
	IKE_N_COUNT_BASED_SA_SELECTED = 0xcb02,
	IKE_N_OPTIMIZED_REKEY_SUPPORTED = 0xcb03,
	IKE_N_OPTIMIZED_REKEY = 0xcb04,
};

/* ---- configuration: read-only to the engine, owned and kept alive by the owner while in use ---- */

enum ike_mode { IKE_MODE_TUNNEL, IKE_MODE_TRANSPORT };

enum { IKE_PROPOSALS_CFG_MAX = 8 };

struct ike_child_cfg {
	const char *name;
	unsigned int n_proposals; /* protocol ESP; a KE transform in one means PFS for CREATE_CHILD_SA */
	struct ike_proposal proposals[IKE_PROPOSALS_CFG_MAX];
	unsigned int n_local_ts, n_remote_ts; /* 0: the IKE addresses ("dynamic") */
	struct ike_ts local_ts[IKE_TS_MAX], remote_ts[IKE_TS_MAX];
	enum ike_mode mode;
	bool per_resource; /* RFC 9611: send and echo SA_RESOURCE_INFO */
};

struct ike_conn_cfg {
	const char *name;
	/*
	 * family 0: any; an initiator does not know its address then, so NAT detection sees a NAT and ESP is
	 * UDP-encapsulated: better give one. Port 0: the engine's.
	 */
	struct ike_addr local;
	/*
	 * family 0: any (responder only). Port: where IKE_SA_INIT goes, 0: 500. With another one than 500 messages go
	 * from port_natt and carry the non-ESP marker from the start.
	 */
	struct ike_addr remote;
	struct ike_id local_id, remote_id;
	unsigned int n_proposals; /* protocol IKE */
	struct ike_proposal proposals[IKE_PROPOSALS_CFG_MAX];
	unsigned int n_children;
	const struct ike_child_cfg *const *children; /* the first is negotiated in IKE_AUTH */
	bool encap;                                  /* fake NAT detection so that ESP is UDP-encapsulated */
	bool count_sa;          /* agree with a keyrack peer on byte counts and on who rekeys; needs env.child_count */
	bool optimized_rekey;   /* rekey without SA and TS payloads where a keyrack peer agrees to it */
	uint32_t window;        /* requests we accept at once (SET_WINDOW_SIZE); 1..IKE_WINDOW_MAX */
	uint64_t dpd_delay_ns;  /* liveness check after so much silence; 0: never */
	uint64_t rekey_time_ns; /* IKE SA; 0: never */
	uint64_t rand_time_ns;  /* uniform in [0, rand_time] is taken off rekey_time */
	uint64_t over_time_ns;  /* hard limit = rekey_time + over_time; then the IKE SA is closed */
	uint32_t children_max;  /* Child SAs on one IKE SA, ours and theirs together; beyond: NO_ADDITIONAL_SAS
				   (TS_MAX_QUEUE if it asked for a resource); 0: IKE_CHILDREN_MAX. Replacements do not
				   count up to twice as many. */
};

enum {
	IKE_WINDOW_MAX = 256,
	IKE_CHILDREN_MAX = 1024,
	IKE_QUEUE_MAX = 4096, /* requests of ours that wait for a place in the window of one IKE SA */
};

struct ike_settings {
	uint16_t port, port_natt;      /* our two UDP ports; messages on port_natt carry the non-ESP marker */
	uint32_t half_open_max;        /* half-open responder SAs in total; beyond: dropped */
	uint32_t half_open_per_ip;     /* ... per source address */
	uint32_t cookie_threshold;     /* half-open SAs from which on COOKIE is demanded */
	uint64_t half_open_ns;         /* how long one may stay half-open */
	uint64_t retransmit_ns;        /* first interval */
	double retransmit_base;        /* each next one is this much longer */
	unsigned int retransmit_tries; /* retransmissions before the peer is given up */
	uint32_t unauth_reply_rate;    /* answers a second to packets outside any IKE SA (INVALID_IKE_SPI, versions) */
};

/* Fills in what an operator would expect; see settings.c for each number's reason. */
void ike_settings_default(struct ike_settings *s);

/* ---- Child SAs ---- */

enum { IKE_RESOURCE_MAX = 64 }; /* octets of SA_RESOURCE_INFO data that are kept */

/* Someone wants a Child SA: decide, reserve slots, choose the inbound SPI. */
struct ike_child_offer {
	uint32_t ike_sa; /* unique id of the IKE SA */
	const struct ike_conn_cfg *conn;
	const struct ike_child_cfg *cfg;
	const struct ike_path *path;
	uint32_t child_sa;   /* unique id of the new Child SA, not 0 */
	void *rekeys_user;   /* the user pointer of the Child SA that this one replaces, NULL: a new one */
	bool initiator;      /* we ask; otherwise the peer does */
	bool resource;       /* SA_RESOURCE_INFO was sent (ours), or received and will be echoed (theirs) */
	bool resource_asked; /* theirs: it was received, also where the cfg is not per_resource */
	/* What is known already: mode; also selectors and algorithms of theirs, and of ours from
	 * ike_child_create_like() */
	const struct ike_child_sa *sa;
	const uint8_t *resource_data;
	size_t resource_len;
	void *hint; /* initiator: what was given to ike_child_create */
};

enum { IKE_EAGER_MAX = 4 };

/*
 * Count-based SAs: what this side can accept. The engine never looks at traffic: it only negotiates. Whatever was
 * agreed, the owner goes on enforcing its own limits.
 */
struct ike_count_range {
	uint64_t min, max; /* bytes that a Child SA may carry in one direction before it must be gone: 0 < min <= max */
	bool passive;      /* "I do not rekey": Rekey Value 0 */
	/* 1..IKE_EAGER_MAX: how much we want to be the one: which quarter a Rekey Value is drawn from; 0: from all */
	uint8_t eager;
};

enum ike_rekeyer { IKE_REKEYER_NOBODY, IKE_REKEYER_US, IKE_REKEYER_THEM };

/* What was agreed for one Child SA; each replacement agrees anew, so roles can change. */
struct ike_count {
	bool agreed; /* false: nothing was, and all else is 0 */
	enum ike_rekeyer rekeyer;
	uint16_t ours, theirs; /* Rekey Values: the greater one rekeys, on a tie who started the exchange */
	uint64_t bytes;        /* the agreed lifetime: both ends' hard limit unless their own is smaller */
};

struct ike_child_keys {                      /* wiped by the engine when the callback returns */
	uint8_t encr_in[64], encr_out[64];   /* key, then salt for AEAD */
	uint8_t integ_in[64], integ_out[64]; /* without AEAD */
	uint16_t encr_len, integ_len;        /* octets, salt included */
};

struct ike_child_sa {
	uint32_t id, ike_sa;
	uint32_t spi_in, spi_out; /* host order; spi_out 0 until it is known */
	const struct ike_conn_cfg *conn;
	const struct ike_child_cfg *cfg;
	void *user;
	bool initiator;                  /* of the exchange that made it */
	uint16_t encr, encr_bits, integ; /* IANA numbers; integ 0 with AEAD */
	uint16_t ke;                     /* group of its PFS exchange, 0: none */
	bool esn;
	bool encap;             /* UDP-encapsulated between path's ports */
	bool resource;          /* both sides sent SA_RESOURCE_INFO */
	bool optimized;         /* made by an optimized rekey: all but keys and SPIs is its predecessor's */
	struct ike_count count; /* known at IKE_EV_CHILD_INSTALL */
	enum ike_mode mode;
	struct ike_path path;
	unsigned int n_local_ts, n_remote_ts;
	const struct ike_ts *local_ts, *remote_ts; /* narrowed; the engine's memory, valid until IKE_EV_CHILD_DOWN */
};

enum ike_event_kind {
	IKE_EV_SA_UP,          /* authenticated */
	IKE_EV_SA_REKEYED,     /* `ike_sa` replaces `old_ike_sa`; the children have moved and kept their ids */
	IKE_EV_SA_MOVED,       /* the peer's address or port changed (NAT): `path` of each of its children has, too */
	IKE_EV_SA_DOWN,        /* after the IKE_EV_CHILD_DOWN of each child */
	IKE_EV_CHILD_INSTALL,  /* keys: install inbound and, if `outbound`, outbound; then ike_child_installed() */
	IKE_EV_CHILD_UP,       /* exchange complete; see replaces, delete_old */
	IKE_EV_CHILD_OUTBOUND, /* start sending on it: the peer has shown that it has it (deleted what it replaces) */
	IKE_EV_CHILD_DOWN,     /* gone: uninstall what was installed */
};

enum ike_down {
	IKE_DOWN_NONE,
	IKE_DOWN_LOCAL,     /* we were asked to delete it */
	IKE_DOWN_PEER,      /* the peer deleted it */
	IKE_DOWN_REPLACED,  /* deleted after a rekey, by either side */
	IKE_DOWN_REDUNDANT, /* lost a simultaneous rekey: told as soon as that is known and the peer is told */
	IKE_DOWN_REFUSED,   /* the peer answered with an error: `notify` */
	IKE_DOWN_INSTALL,   /* ike_child_installed() reported an error */
	IKE_DOWN_TIMEOUT,   /* the peer did not answer */
	IKE_DOWN_AUTH,      /* authentication failed, on either side */
	IKE_DOWN_PROTOCOL,  /* the peer's answer made no sense, or no proposal or selector fitted */
	IKE_DOWN_EXPIRED,   /* the IKE SA reached its hard lifetime */
	IKE_DOWN_LOST,      /* CHILD_SA_NOT_FOUND: the peer does not have it */
	IKE_DOWN_IKE_SA,    /* its IKE SA went down */
	IKE_DOWN_DUPLICATE, /* INITIAL_CONTACT, or replaced by a newer IKE SA of the same peer */
};

struct ike_event {
	enum ike_event_kind kind;
	uint32_t ike_sa, old_ike_sa;
	const struct ike_conn_cfg *conn;
	const struct ike_child_sa *child;    /* CHILD events */
	const struct ike_child_keys *keys;   /* CHILD_INSTALL */
	const struct ike_child_sa *replaces; /* INSTALL, UP, OUTBOUND: the Child SA this one replaces, or NULL */
	bool outbound; /* INSTALL: false for a rekey that the peer asked for, and for a redundant one: do not send on it
			  yet. IKE_EV_CHILD_OUTBOUND follows if it is ever to be used. */
	/*
	 * INSTALL: it has already lost a collision and will be deleted: inbound only, or not at all; comes only if the
	 * peer cannot be told at once. DOWN, REDUNDANT: the two exchanges crossed (once for each of `collisions`);
	 * else the peer was first, and ours had not left yet or was turned down.
	 */
	bool redundant;
	bool delete_old; /* UP: it is for us to delete `replaces` once traffic has moved (ike_child_delete) */
	enum ike_down down;
	uint16_t notify; /* DOWN: the peer's (REFUSED) or our own error notify, 0: none */
};

/* ---- environment ---- */

struct ike_env {
	void *ctx;
	/* n random octets, cryptographically strong (in tests: forced) */
	void (*random)(void *ctx, uint8_t *out, size_t n);
	/* Send one UDP payload (non-ESP marker included where it belongs) from path->local to path->remote. */
	void (*emit)(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len);
	/*
	 * The PSK for this pair of identities into out (IKE_PSK_MAX octets). Its length, or -ENOENT. remote->kind is 0
	 * while an initiator without a configured remote identity makes its own proof.
	 */
	int (*psk)(void *ctx, const struct ike_conn_cfg *conn, const struct ike_id *local, const struct ike_id *remote,
		   uint8_t *out);
	/*
	 * Admit a Child SA: fill in a non-zero inbound SPI that is unique here, and a user pointer for all its events.
	 * 0, or the error notify to answer or report (IKE_N_NO_ADDITIONAL_SAS, TS_MAX_QUEUE, TEMPORARY_FAILURE).
	 */
	uint16_t (*child_reserve)(void *ctx, const struct ike_child_offer *offer, uint32_t *spi_in, void **user);
	void (*event)(void *ctx, const struct ike_event *event);
	/*
	 * Count-based SAs: the range for a reserved Child SA (child->user is set, the algorithms and spi_out are not)
	 * if its cipher is `encr` with key_bits (IANA's numbers; 0: no Key Length). False: do not agree on a count with
	 * this cipher. Called for each cipher on offer, or for the one that was chosen. NULL: never.
	 */
	bool (*child_count)(void *ctx, const struct ike_child_sa *child, uint16_t encr, uint16_t key_bits,
			    struct ike_count_range *out);
};

/* ---- the engine ---- */

/* NULL and errno. Settings and env are copied; log may be NULL and must outlive the engine. */
struct ike *ike_new(const struct ike_settings *settings, const struct ike_env *env, const struct log *log);
/* Frees everything and wipes the keys, without events and without telling any peer. */
void ike_free(struct ike *ike);

/*
 * Make a connection known: from now on it can be initiated and answers peers that match it (most specific addresses
 * first, then identities, then order of addition). The engine keeps the pointer. 0, -ENOMEM, -EEXIST (same name).
 */
int ike_conn_add(struct ike *ike, const struct ike_conn_cfg *conn);
/* Forget it: its IKE SAs live on with the pointer until they end or ike_conn_replace() moves them. */
void ike_conn_remove(struct ike *ike, const struct ike_conn_cfg *conn);
/* Existing IKE and Child SAs of `old` (children matched by name, dropped cfgs deleted) refer to `conn` from now on. */
void ike_conn_replace(struct ike *ike, const struct ike_conn_cfg *old, const struct ike_conn_cfg *conn);
/* Does any IKE SA still refer to it? */
bool ike_conn_in_use(const struct ike *ike, const struct ike_conn_cfg *conn);

/*
 * Start an IKE SA to conn->remote; its first child is `child` (NULL: the first configured; needs n_children > 0).
 * `hint` comes back in the offer. 0 and *ike_sa, or -EINVAL (no remote address), -EAGAIN (child_reserve refused),
 * -ENOMEM.
 */
int ike_initiate(struct ike *ike, uint64_t now, const struct ike_conn_cfg *conn, const struct ike_child_cfg *child,
		 void *hint, uint32_t *ike_sa);

/* One UDP payload as received on path->local from path->remote. `buf` is scratch: it is decrypted in place. */
void ike_receive(struct ike *ike, uint64_t now, const struct ike_path *path, uint8_t *buf, size_t len);

/* Runs what is due; ike_next() says when that is again (UINT64_MAX: nothing is). */
void ike_tick(struct ike *ike, uint64_t now);
uint64_t ike_next(const struct ike *ike);

/*
 * Ask for one more Child SA. Queued if the window is full. resource_data (at most IKE_RESOURCE_MAX octets, copied) goes
 * into SA_RESOURCE_INFO if the cfg is per_resource. 0; -ENOENT (no such IKE SA, not authenticated yet, or closing),
 * -EAGAIN (child_reserve refused, children_max reached, or IKE_QUEUE_MAX requests wait), -EINVAL (too much data),
 * -ENOMEM.
 */
int ike_child_create(struct ike *ike, uint64_t now, uint32_t ike_sa, const struct ike_child_cfg *cfg,
		     const uint8_t *resource_data, size_t resource_len, void *hint);
/*
 * One more Child SA like another of that IKE SA which is up (RFC 9611 section 2: additional Child SAs have identical
 * properties): its cfg, mode, selectors and algorithms are offered, and an answer that differs is not accepted
 * (IKE_DOWN_PROTOCOL). Otherwise as ike_child_create(); -ENOENT also if there is no such Child SA.
 */
int ike_child_create_like(struct ike *ike, uint64_t now, uint32_t ike_sa, uint32_t like, const uint8_t *resource_data,
			  size_t resource_len, void *hint);
/*
 * Do not ask for it after all, if the request has not left yet: IKE_EV_CHILD_DOWN follows (IKE_DOWN_LOCAL). 0; -ENOENT;
 * -EALREADY (it has been sent, or was never ours to ask for).
 */
int ike_child_withdraw(struct ike *ike, uint64_t now, uint32_t child_sa);
/*
 * Replace a Child SA. The new one has the same cfg, selectors, mode and resource; where optimized rekeys are agreed it
 * is asked for that way, unless the old one is IKE_AUTH's or its cfg has changed, and if the peer refuses that, the
 * regular way, once. 0; -ENOENT; -EALREADY (being
 * rekeyed or deleted); -EAGAIN (child_reserve refused, or not installed yet); -ENOMEM. If the new one goes DOWN while
 * the old one still exists, the old one may be rekeyed again: it is for the caller to do so.
 */
int ike_child_rekey(struct ike *ike, uint64_t now, uint32_t child_sa, void *hint);
/* Delete it and tell the peer. IKE_EV_CHILD_DOWN comes when the peer has answered. 0, -ENOENT, -EALREADY. */
int ike_child_delete(struct ike *ike, uint64_t now, uint32_t child_sa);
/* The answer to IKE_EV_CHILD_INSTALL, at once or later. err: 0 or -errno. -ENOENT: no such Child SA any more (fine). */
int ike_child_installed(struct ike *ike, uint64_t now, uint32_t child_sa, int err);

/* 0, -ENOENT, -EALREADY. */
int ike_sa_rekey(struct ike *ike, uint64_t now, uint32_t ike_sa);
/* Delete the IKE SA with all its children and tell the peer; IKE_EV_SA_DOWN follows when it has answered or timed out.
 */
int ike_sa_delete(struct ike *ike, uint64_t now, uint32_t ike_sa);
/* Something authenticated came from the peer (ESP traffic): no liveness check is needed now. */
void ike_sa_alive(struct ike *ike, uint64_t now, uint32_t ike_sa);

/* ---- looking in ---- */

enum ike_sa_state { IKE_SA_CONNECTING, IKE_SA_ESTABLISHED, IKE_SA_REKEYING, IKE_SA_REKEYED, IKE_SA_DELETING };

struct ike_sa_info {
	uint32_t id;
	enum ike_sa_state state;
	const struct ike_conn_cfg *conn;
	bool initiator;
	uint8_t spi_i[8], spi_r[8];
	struct ike_path path;
	const struct ike_id *local_id, *remote_id; /* valid during the callback */
	bool nat_local, nat_remote, encap;
	bool keyrack;                                 /* the peer sent our Vendor ID */
	bool count_sa;                                /* count-based SAs may be agreed with it */
	bool optimized_rekey;                         /* both sides have said that they do it */
	struct ike_proposal proposal;                 /* what was chosen */
	uint64_t established_ns, rekey_ns, expire_ns; /* absolute; 0: none */
	uint32_t children, requests_in_flight, requests_queued, window_ours, window_peer;
};

/* Every IKE SA that swanctl would list, half-open ones included; what `each` is given is valid during its call. */
void ike_sa_each(struct ike *ike, void (*each)(void *ctx, const struct ike_sa_info *sa), void *ctx);
/* false: no such IKE SA. */
bool ike_sa_get(struct ike *ike, uint32_t ike_sa, struct ike_sa_info *out);
/* NULL: no such Child SA. Valid until the engine is called again. */
const struct ike_child_sa *ike_child_get(struct ike *ike, uint32_t child_sa);

/* X-macro so that names, metrics and the struct cannot differ: counters of the whole engine. */
/* clang-format off */
#define IKE_COUNTERS(X) \
	X(ike_init_in_req) X(ike_init_in_resp) X(ike_init_out_req) X(ike_init_out_resp) X(ike_auth_in_req) \
	X(ike_auth_in_resp) X(ike_auth_out_req) X(ike_auth_out_resp) X(create_child_in_req) \
	X(create_child_in_resp) X(create_child_out_req) X(create_child_out_resp) X(info_in_req) X(info_in_resp) \
	X(info_out_req) X(info_out_resp) X(ike_rekey_init) X(ike_rekey_resp) X(child_rekey_init) \
	X(child_rekey_resp) X(collisions) X(redundant_children) X(old_children) X(retransmits) X(retransmits_answered) \
	X(timeouts) X(invalid) X(invalid_spi) X(auth_failed) X(integrity_failed) X(out_of_window) X(replayed) \
	X(half_open_dropped) X(cookies_sent) X(cookies_bad) X(unauth_suppressed) X(children_max_refused) \
	X(temporary_failures) X(queue_full) X(windows_widened) X(esp_on_natt) X(count_agreed) X(count_ignored) \
	X(optimized_init) X(optimized_resp) X(optimized_refused)
/* clang-format on */

struct ike_counters {
#define IKE_COUNTER_FIELD(name) uint64_t name;
	IKE_COUNTERS(IKE_COUNTER_FIELD)
#undef IKE_COUNTER_FIELD
	uint32_t sas, half_open, children; /* as they are now */
};

/* Since ike_new(), but for the last three. */
void ike_counters_get(const struct ike *ike, struct ike_counters *out);

const char *ike_down_name(enum ike_down down);          /* "peer", "redundant", ... */
const char *ike_sa_state_name(enum ike_sa_state state); /* as swanctl shows it: "ESTABLISHED" */
/* "TS_UNACCEPTABLE", or "notify N", which is written to buf. */
const char *ike_notify_text(uint16_t kind, char buf[32]);

/*
 * For tests and for tshark as a witness, only with an explicit ask: the IKE SA's keys as a row of Wireshark's
 * ikev2_decryption_table. 0, -ENOENT, -ENOSPC, -ENOTSUP (Wireshark has no name for the cipher).
 */
int ike_sa_wireshark_row(struct ike *ike, uint32_t ike_sa, char *buf, size_t size);

#endif
