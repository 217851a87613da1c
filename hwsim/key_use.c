/* SPDX-License-Identifier: MIT */
#include "hwsim/key_use.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "hwsim/card.h"

enum { KEY_BUCKETS = 16384 };

static struct key_bucket *bucket_of(const struct sadb *db, const uint8_t digest[32])
{
	return &db->keys[get_be32(digest) % KEY_BUCKETS];
}

int key_use_init(struct hwsim *card)
{
	TAILQ_INIT(&card->sadb.key_idle);
	card->sadb.keys = calloc(KEY_BUCKETS, sizeof(*card->sadb.keys));
	return card->sadb.keys ? 0 : -ENOMEM;
}

static void oldest_forget(struct sadb *db)
{
	struct key_record *r = TAILQ_FIRST(&db->key_idle);

	LIST_REMOVE(r, hash);
	TAILQ_REMOVE(&db->key_idle, r, idle);
	db->key_idle_count--;
	free(r);
}

void key_use_free(struct hwsim *card)
{
	struct sadb *db = &card->sadb;

	while (db->keys && !TAILQ_EMPTY(&db->key_idle))
		oldest_forget(db);
	free(db->keys);
}

static struct key_record *record_find(const struct sadb *db, const uint8_t digest[32])
{
	struct key_record *r;

	LIST_FOREACH (r, bucket_of(db, digest), hash)
		if (!memcmp(r->digest, digest, sizeof(r->digest)))
			return r;
	return NULL;
}

int key_use_begin(struct hwsim *card, struct sa *sa)
{
	struct sadb *db = &card->sadb;
	struct key_record *r = record_find(db, sa->key_digest);

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return -ENOMEM;
		memcpy(r->digest, sa->key_digest, sizeof(r->digest));
		LIST_INSERT_HEAD(bucket_of(db, r->digest), r, hash);
	} else if (!r->live) {
		TAILQ_REMOVE(&db->key_idle, r, idle);
		db->key_idle_count--;
	}
	sa->key = r;
	sa->oseq_first = sa->oseq;
	sa->oseq_safe = r->live ? UINT64_MAX : r->used; /* two SAs with one key are never safe */
	r->live++;
	return 0;
}

bool key_use_broken(const struct sa *sa)
{
	return sa->key && sa->oseq > sa->oseq_first && sa->oseq_first < sa->oseq_safe;
}

void key_use_explain(const struct sa *sa, char *why, size_t size)
{
	if (sa->oseq_safe == UINT64_MAX)
		snprintf(why, size, "SA 0x%08x: nonce reuse: it shared its key with another SA",
			 ntohl(sa->info.id.spi));
	else
		snprintf(why, size,
			 "SA 0x%08x: nonce reuse: it sealed from %" PRIu64 " on, its key had been up to %" PRIu64,
			 ntohl(sa->info.id.spi), sa->oseq_first + 1, sa->oseq_safe);
}

void key_use_end(struct hwsim *card, struct sa *sa)
{
	struct sadb *db = &card->sadb;
	struct key_record *r = sa->key;

	if (!r)
		return;
	if (key_use_broken(sa) && !card->violation[0])
		key_use_explain(sa, card->violation, sizeof(card->violation));
	if (sa->oseq > sa->oseq_first && sa->oseq > r->used)
		r->used = sa->oseq;
	sa->key = NULL;
	if (--r->live)
		return;
	TAILQ_INSERT_TAIL(&db->key_idle, r, idle);
	if (++db->key_idle_count > KEY_RECORDS)
		oldest_forget(db);
}
