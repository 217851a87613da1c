/* SPDX-License-Identifier: MIT */
/*
 * The schema: for each section a table of rows {key, type, where it goes, what is allowed}. Types read and hash a
 * value; rows say which keys there are, also those of swanctl.conf that keyrack does not do and why. Private to
 * conf*.c.
 */
#ifndef CTL_CONF_SCHEMA_H
#define CTL_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "ctl/conf.h"
#include "ctl/conf_tree.h"

_Static_assert((int)CONF_TREE_ERROR_MAX == (int)CONF_ERROR_MAX, "the same sentence goes through both");

/* "Not given": what drafts hold before a section is read, where 0 means something. */
#define CONF_UNSET UINT64_MAX

enum conf_type {
	CONF_BOOL,       /* bool: yes, no and the like */
	CONF_WORD,       /* an enum: one of row.words */
	CONF_UINT,       /* uint16_t, uint32_t or uint64_t by row.size, row.min..row.max */
	CONF_TIME,       /* uint64_t ns, row.min..row.max */
	CONF_BYTES,      /* uint64_t, k/m/g/t */
	CONF_REAL,       /* double, row.min..row.max */
	CONF_TEXT,       /* char[row.size] */
	CONF_ADDRS,      /* struct conf_addrs */
	CONF_PROPOSALS,  /* struct conf_proposals, of protocol row.min */
	CONF_SELECTORS,  /* struct conf_selectors */
	CONF_IDENTITY,   /* struct ike_id */
	CONF_IDENTITIES, /* one more of struct conf_secret */
	CONF_PSK,        /* struct conf_secret; the value is never quoted */
	CONF_QUEUES,     /* int per_cpu_sas: no, yes or a number */
	CONF_PROFILE,    /* char[row.size]: the name of an offload profile */
	CONF_POLICY,     /* const struct rekey_policy *: by its name */
	CONF_ONLY,       /* nothing is stored: row.words lists the values that are allowed, row.why says why no other */
	CONF_NOT,        /* not supported whatever the value; row.why says why */
	CONF_ENTER,      /* a section: row.enter reads it */
};

struct conf_addrs {
	unsigned int n;
	struct ike_addr at[CONF_ADDRS_MAX];
};

struct conf_proposals {
	unsigned int n;
	struct ike_proposal at[IKE_PROPOSALS_CFG_MAX];
};

struct conf_selectors {
	unsigned int n; /* 0: dynamic */
	struct ike_ts at[IKE_TS_MAX];
};

struct conf_word {
	const char *word; /* NULL ends a list */
	int value;
};

struct conf_row;

typedef int (*conf_enter)(const struct conf_row *row, const struct conf_tree *section, void *out, char *error);

struct conf_row {
	const char *key; /* NULL ends a table; a trailing '*' takes any ending; "*" alone any name */
	enum conf_type type;
	size_t at, size; /* where in the struct */
	uint64_t min, max;
	const struct conf_word *words;
	const char *why;
	conf_enter enter;
};

extern const struct conf_row conf_rows_conn[];   /* into struct conf_conn_draft */
extern const struct conf_row conf_rows_local[];  /* into struct conf_conn_draft */
extern const struct conf_row conf_rows_remote[]; /* into struct conf_conn_draft */
extern const struct conf_row conf_rows_child[];  /* into struct conf_child_draft */
extern const struct conf_row conf_rows_secret[]; /* into struct conf_secret */
extern const struct conf_row conf_rows_nic[];    /* into struct conf_nic_draft */
extern const struct conf_row conf_rows_daemon[]; /* into struct conf_daemon_draft */

/* What the rows fill in, before defaults, checks and the final structs. */
struct conf_child_draft {
	char name[CONF_NAME_MAX];
	struct conf_proposals proposals;
	struct conf_selectors local_ts, remote_ts;
	enum ike_mode mode;
	struct rekey_config rekey;
	int per_cpu_sas;
	enum conf_per_cpu_start per_cpu_start;
	enum conf_per_cpu_mode per_cpu_mode;
	uint64_t per_cpu_idle;
	enum hw_offload hw_offload;
	enum conf_action start_action, close_action, dpd_action;
	uint32_t reqid, priority, replay_window;
	bool policies;
};

struct conf_conn_draft {
	char name[CONF_NAME_MAX];
	struct conf_addrs local, remote;
	uint16_t local_port, remote_port;
	struct conf_proposals proposals;
	struct ike_id local_id, remote_id;
	bool encap, count_sa, optimized_rekey;
	uint32_t window, children_max, keyingtries;
	uint64_t dpd_delay, dpd_timeout, rekey_time, over_time, rand_time;
	unsigned int n_children, room; /* room: children allocated */
	struct conf_child_draft *children;
	const struct conf_tree *local_at, *remote_at; /* the sections, NULL: not there */
};

struct conf_nic_draft {
	struct conf_nic nic;
};

struct conf_daemon_draft {
	struct conf_daemon daemon;
	struct conf_addrs listen, metrics;
};

/* Reads every key of a section by its rows; an unknown key or a bad value ends it. 0, or -EINVAL and a sentence. */
int conf_section_read(const struct conf_row *rows, const struct conf_tree *section, void *out, char *error);
/* One value by its row. */
int conf_value_read(const struct conf_row *row, const struct conf_tree *node, void *field, char *error);
/* Lists of items: rows of CONF_ADDRS and so on (conf_types_list.c). */
int conf_list_read(const struct conf_row *row, const struct conf_tree *node, void *field, char *error);
/* Appends what "default" stands for. 0, or -EINVAL and a sentence about `node`. */
int conf_proposals_default(uint8_t protocol, const struct conf_tree *node, struct conf_proposals *out, char *error);

/* Adds every value of a struct, by its rows, to a digest: what a fingerprint is made of. */
void conf_rows_hash(const struct conf_row *rows, const void *in, EVP_MD_CTX *digest);

/* Rows' section readers (conf_conn.c). */
int conf_enter_local(const struct conf_row *row, const struct conf_tree *section, void *out, char *error);
int conf_enter_remote(const struct conf_row *row, const struct conf_tree *section, void *out, char *error);
int conf_enter_children(const struct conf_row *row, const struct conf_tree *section, void *out, char *error);

#endif
