/* SPDX-License-Identifier: MIT */
/*
 * The SA database: every SA the card's host knows (offloaded, software, larval), and the card's slots, which only
 * offloaded SAs hold. Functions that change something need the card stopped (card_stop); look-ups need a lane or
 * control.
 */
#ifndef HWSIM_SADB_H
#define HWSIM_SADB_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/heap.h"
#include "base/xfrm_uapi.h"
#include "hwsim/esp_crypto.h"
#include "hwsim/packet.h"
#include "hwsim/replay.h"

struct hwsim;
struct policy;

struct timer {
	struct heap_node node;
	int kind; /* enum timer_kind */
};

enum { SA_ANY_CPU = -1 };

/* What a counter reading shows; also what XFRM shows. */
struct sa_counts {
	uint64_t packets, bytes;
	uint64_t first_use, last_use; /* ns; UINT64_MAX and 0: never used */
};

struct sa {
	/* changes with every packet: under lock */
	pthread_mutex_t lock;
	struct esp_crypto *crypto; /* NULL: larval */
	uint64_t oseq;             /* the last number sent */
	struct sa_counts counts;
	struct sa_counts sample; /* what counts was at the end of the last counter period, while now < sample_until */
	uint64_t sample_until;
	uint64_t stop_packets, stop_bytes; /* counts at which the next limit is reached */
	uint32_t replay_failed, window_failed, integrity_failed;
	bool dead; /* a hard limit was reached: carries nothing any more, goes when control gets to it */
	struct replay replay;
	/* In packet offload a kernel is not told of these, and shows them as they were given. */
	uint64_t oseq_given, top_given;
	uint32_t *bitmap_given; /* of replay.window; NULL: no bit is set */

	/* changes only while the card is stopped */
	struct xfrm_usersa_info info; /* as it was given; curlft, stats and replay are not kept here */
	bool larval, dying, active;   /* active: in the data path's tables (slow_install delays it) */
	bool offloaded, packet;       /* holds a slot; packet offload rather than crypto */
	bool due;                     /* on the due list */
	uint8_t dir;                  /* KR_XFRM_SA_DIR_*, by attribute or by offload direction; 0: either */
	bool dir_attr;                /* it came as an attribute, and is given back as one */
	int pcpu;                     /* SA_ANY_CPU or a CPU */
	struct xfrm_user_offload offload;
	struct xfrm_encap_tmpl encap; /* encap_type 0: none */
	struct xfrm_mark mark;
	uint32_t if_id, extra_flags, tfcpad, set_mark, set_mark_mask;
	bool has_mark, has_if_id, esn_attr; /* esn_attr: the window came as XFRMA_REPLAY_ESN_VAL */
	char aead_name[64], cipher_name[64], auth_name[64];
	uint32_t key_bits, auth_key_bits, icv_bits;
	uint64_t install;                      /* a number that grows: newer SAs have larger ones */
	uint64_t add_time, active_at, expires; /* ns; expires: larval only */
	struct slot *slot;
	struct key_record *key;         /* outbound: for the check that no nonce is used twice */
	uint8_t key_digest[32];         /* SHA-256 of the key material */
	uint64_t oseq_first, oseq_safe; /* the number it began after; the number up to which the key is used already */
	struct timer timer;
	TAILQ_ENTRY(sa) entry, due_entry;
	LIST_ENTRY(sa) by_spi, by_reqid;
};

enum slot_state { SLOT_FREE, SLOT_USED, SLOT_FREEING };

struct slot {
	enum slot_state state;
	struct sa *sa; /* SLOT_USED */
	struct slot_table *table;
	struct timer timer; /* SLOT_FREEING */
	LIST_ENTRY(slot) free;
};

struct slot_table {
	struct slot *slots;
	uint32_t size, used, freeing, peak;
	LIST_HEAD(, slot) free;
};

/* Which sequence numbers a key has sealed with, also after its SAs are gone (bounded: KEY_RECORDS). */
struct key_record {
	uint8_t digest[32]; /* of key and salt, never the key */
	uint64_t used;      /* highest number sealed by an SA that is gone */
	uint32_t live;      /* SAs that hold it */
	LIST_ENTRY(key_record) hash;
	TAILQ_ENTRY(key_record) idle; /* no SA holds it */
};

LIST_HEAD(sa_bucket, sa);
TAILQ_HEAD(sa_list, sa);
LIST_HEAD(key_bucket, key_record);

struct sadb {
	struct slot_table in, out; /* shared: only `in` has slots, and is used for both */
	bool shared;
	uint32_t peak; /* of both tables together */
	struct sa_list all;
	uint32_t count, larval;
	uint64_t installs; /* source of sa->install */
	struct sa_bucket *by_spi, *by_reqid;
	uint32_t buckets; /* a power of two */
	struct key_bucket *keys;
	TAILQ_HEAD(, key_record) key_idle;
	uint32_t key_idle_count;
};

int sadb_init(struct hwsim *card);
void sadb_free(struct hwsim *card);

/* Gives an SPI (network order) to an SA in the tables that has none. */
void sadb_set_spi(struct hwsim *card, struct sa *sa, uint32_t spi);

/* An SA in no table. NULL: no memory. */
struct sa *sa_new(void);
/* The SA of a kernel that waits for a key: without limits but the time it waits, config.acquire_seconds. */
void sa_make_larval(const struct hwsim *card, struct sa *sa);
/* Frees an SA that is in no table, and wipes its key. */
void sa_free(struct sa *sa);

/* An empty table of `size` slots: 0 or -ENOMEM. Freed with free(table->slots). */
int slot_table_init(struct slot_table *table, uint32_t size);
/* Takes a slot for the SA: 0 or -ENOSPC. */
int slot_take(struct hwsim *card, struct sa *sa);
/* Gives the slot back, at once or after `delay` ns. */
void slot_release(struct hwsim *card, struct slot *slot, uint64_t delay);
void slot_freed(struct hwsim *card, struct slot *slot);

/* Puts the SA into the database: 0, -ENOMEM. The caller has made sure that its SPI is free. */
int sadb_insert(struct hwsim *card, struct sa *sa);
/* Takes the SA out, releases its slot and frees it. */
void sadb_remove(struct hwsim *card, struct sa *sa);
/* Has the SA's timer follow its limits, its activation and its larval expiry. */
void sadb_arm(struct hwsim *card, struct sa *sa);

/* By what XFRM identifies an SA with: destination, SPI (network order), protocol, family. NULL: none. */
struct sa *sadb_find(const struct hwsim *card, const xfrm_address_t *daddr, uint32_t spi, uint8_t proto,
		     uint16_t family);
/* Larval SA by acquire number, or by what it waits for; NULL: none. pcpu: SA_ANY_CPU or a CPU. */
struct sa *sadb_find_larval(const struct hwsim *card, const struct sa *like);

/* The outbound SA for a template. */
struct tx_choice {
	struct sa *sa;      /* by Linux's rules; NULL: none */
	struct sa *carrier; /* the one the card then uses: the same, unless it goes by reqid */
	bool acquiring;     /* a larval SA for it is there */
	bool pending;       /* an SA is there, but the card has not made it active yet */
};

struct tx_choice sadb_choose(const struct hwsim *card, const struct policy *policy, const struct flow *flow, int cpu);

/* Copies 4 or 16 bytes of address, the rest zero. */
void addr_set(xfrm_address_t *to, const uint8_t *from, uint16_t family);
bool addr_equal(const xfrm_address_t *a, const xfrm_address_t *b, uint16_t family);
bool addr_any(const xfrm_address_t *a, uint16_t family);

#endif
