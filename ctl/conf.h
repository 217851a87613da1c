/* SPDX-License-Identifier: MIT */
/*
 * The configuration, as the controller uses it. It comes from the file (swanctl.conf's syntax, plus `nic` and `daemon`
 * sections) or, for connections and secrets, from VICI load-conn and load-shared: both become a tree of sections and
 * values (conf_tree.h) that one schema (conf_schema.c, a table of rows {section, key, type, range, what is allowed})
 * turns into the structs below. A mistake is one sentence: file, line, key, the value, and what is allowed; then
 * nothing is loaded.
 */
#ifndef CTL_CONF_H
#define CTL_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ike/ike.h"
#include "offload/offload.h"
#include "rekey/policy.h"
#include "rekey/rekey.h"

struct conf_tree; /* ctl/conf_tree.h */

/* CONF_NAME_MAX and CONF_PATH_MAX count the terminating zero. */
enum { CONF_NAME_MAX = 64, CONF_PATH_MAX = 100, CONF_ADDRS_MAX = 8, CONF_ERROR_MAX = 512, CONF_SECRET_IDS_MAX = 8 };

enum conf_action { CONF_ACTION_NONE, CONF_ACTION_TRAP, CONF_ACTION_START };

enum { CONF_PER_CPU_YES = -1 }; /* per_cpu_sas = yes: as many as the card has queues */

enum conf_per_cpu_start { CONF_PER_CPU_ALL, CONF_PER_CPU_DEMAND };
/* How the outbound SAs of queues go to a card that is to have them in packet mode. */
enum conf_per_cpu_mode { CONF_PER_CPU_MODE_AUTO, CONF_PER_CPU_MODE_PACKET, CONF_PER_CPU_MODE_CRYPTO };

struct conf_child {
	struct ike_child_cfg ike; /* ike.name is the child's name: points at `name` */
	char name[CONF_NAME_MAX];
	struct rekey_config rekey;
	int per_cpu_sas; /* 0: no; N; CONF_PER_CPU_YES */
	enum conf_per_cpu_start per_cpu_start;
	enum conf_per_cpu_mode per_cpu_mode;
	uint64_t per_cpu_idle_ns; /* a queue SA without traffic for so long is deleted; 0: never */
	enum hw_offload hw_offload;
	enum conf_action start_action, close_action, dpd_action;
	uint32_t reqid;    /* 0: chosen by the controller */
	uint32_t priority; /* of its policies; 0: by selector width */
	uint32_t replay_window;
	bool policies;           /* install policies (default yes) */
	uint64_t fingerprint[2]; /* of all its values and its name: equal means unchanged */
};

/* Reference-counted: IKE SAs keep pointing at what they were made from. Built once, then never changed. */
struct conf_conn {
	unsigned int refs;
	struct ike_conn_cfg ike; /* ike.name points at `name`; ike.local/remote are the first addresses below */
	char name[CONF_NAME_MAX];
	unsigned int n_local_addrs, n_remote_addrs;
	struct ike_addr local_addrs[CONF_ADDRS_MAX], remote_addrs[CONF_ADDRS_MAX];
	unsigned int n_children;
	struct conf_child *children;
	const struct ike_child_cfg **child_ptrs; /* what ike.children points at */
	unsigned int keyingtries;                /* 0: for ever */
	bool from_vici;          /* set by who loads it: reloads of the file that do not name it leave it alone */
	uint64_t fingerprint[2]; /* of all values with defaults filled in, children included: equal means unchanged */
};

struct conf_secret {
	char name[CONF_NAME_MAX];
	unsigned int n_ids; /* 0: for any */
	struct ike_id ids[CONF_SECRET_IDS_MAX];
	bool from_vici; /* as conf_conn has it */
	uint16_t len;
	uint8_t secret[IKE_PSK_MAX];
};

enum conf_backend { CONF_BACKEND_XFRM, CONF_BACKEND_HWSIM };

struct conf_nic {
	enum conf_backend backend;
	char device[16];             /* xfrm: the interface that offloads; empty: none */
	int ifindex;                 /* hwsim: what the card calls itself (default 1); xfrm: found from device */
	char socket[CONF_PATH_MAX];  /* hwsim: keyrack-hwsim's --netlink path */
	char profile[CONF_NAME_MAX]; /* empty: by driver */
	uint32_t slots;     /* 0: the profile's. Both directions together if the profile's table is shared, else each */
	uint32_t reserve;   /* slots per pool kept for replacements; UINT32_MAX: chosen by the controller */
	uint32_t queues;    /* 0: as many as the queue map has CPUs; without it one */
	bool manage_queues; /* set XPS and RSS so that every CPU has queues of its own, and put them back at the end */
	uint64_t counter_poll_ns; /* how often the counters of an SA near a limit are read, and some SA's at least */
	uint64_t counter_gap_ns;  /* how seldom at most those of an SA that is far from any; 0: by how many there are */
	uint64_t drain_ns;        /* how long an old inbound SA still receives after its replacement works */
	uint64_t let_go_ns;       /* how long after a delete the card may still hold the slot; 0: the profile's */
	uint64_t event_buffer;    /* xfrm: octets of events that may wait to be read; 0: chosen by the driver */
	bool no_sa_dir; /* xfrm: the kernel has no XFRMA_SA_DIR (xfrm_sa_dir_set()); found by keyrackd, not configured
			 */
};

struct conf_daemon {
	unsigned int n_listen; /* 0: any address */
	struct ike_addr listen[CONF_ADDRS_MAX];
	struct ike_settings ike;     /* ports, half-open bounds, retransmission */
	char control[CONF_PATH_MAX]; /* the VICI socket */
	struct ike_addr metrics_addr;
	uint16_t metrics_port;                   /* of metrics_addr; 0: no metrics over HTTP */
	const struct rekey_policy *rekey_policy; /* how limits are drawn and replacements started; NULL: keyrack's */
	enum log_level log_level;
};

struct conf {
	struct conf_daemon daemon;
	struct conf_nic nic;
	unsigned int n_conns, n_secrets;
	struct conf_conn **conns;
	struct conf_secret *secrets;
};

/* Reads a file (with its includes). NULL and one sentence in `error`. */
struct conf *conf_load(const char *path, char error[CONF_ERROR_MAX]);
/* The same from memory; `name` stands for the file in messages. */
struct conf *conf_parse(const char *name, const char *text, size_t len, char error[CONF_ERROR_MAX]);
/* Drops the references to its connections; secrets are wiped. */
void conf_free(struct conf *c);

/* One connection (the section below `connections`): for VICI. Owned by the caller (one reference). NULL and a sentence.
 */
struct conf_conn *conf_conn_from_tree(const struct conf_tree *section, char error[CONF_ERROR_MAX]);

/* One more owner; one less, and the last frees it. */
void conf_conn_ref(struct conf_conn *c);
void conf_conn_unref(struct conf_conn *c);
/* The conf_child around an ike_child_cfg that is part of a conf_conn; likewise the conf_conn. */
struct conf_child *conf_child_of(const struct ike_child_cfg *cfg);
struct conf_conn *conf_conn_of(const struct ike_conn_cfg *cfg);

/* What holds when the file says nothing. */
void conf_nic_default(struct conf_nic *nic);
const char *conf_action_name(enum conf_action action); /* "none", "trap", "start" */

/* "10.0.0.0/24[tcp/80]" and friends, as swanctl writes selectors; an IP, FQDN, mail address or keyid as an identity. */
int conf_ts_read(const char *text, struct ike_ts *out);
const char *conf_ts_print(const struct ike_ts *ts, char *buf, size_t size);
int conf_id_read(const char *text, struct ike_id *out);
const char *conf_id_print(const struct ike_id *id, char *buf, size_t size);
int conf_addr_read(const char *text, struct ike_addr *out);
const char *conf_addr_print(const struct ike_addr *a, char *buf, size_t size); /* without port */
/* Pairs of hexadecimal digits, at most `size` of them. Their number, or -EINVAL. */
int conf_hex_read(const char *hex, size_t len, uint8_t *out, size_t size);

#endif
