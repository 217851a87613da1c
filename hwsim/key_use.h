/* SPDX-License-Identifier: MIT */
/*
 * Remembers, by digest, which sequence numbers each key has sealed with, so that a key installed again with numbers it
 * has used before is found: with AES-GCM that gives the key away (RFC 4106 section 2). Needs the card stopped.
 */
#ifndef HWSIM_KEY_USE_H
#define HWSIM_KEY_USE_H

#include <stdbool.h>
#include <stddef.h>

struct hwsim;
struct sa;

enum { KEY_RECORDS = 65536 }; /* keys remembered that no SA holds any more; the oldest go first */

int key_use_init(struct hwsim *card);
void key_use_free(struct hwsim *card);
/* An SA that may seal enters the tables; sa->key_digest is set. 0 or -ENOMEM. */
int key_use_begin(struct hwsim *card, struct sa *sa);
/* It leaves them; a violation is put down in card->violation. */
void key_use_end(struct hwsim *card, struct sa *sa);
/* Whether the SA has sealed with a number that its key has used before. */
bool key_use_broken(const struct sa *sa);
/* What is wrong with one that is broken. */
void key_use_explain(const struct sa *sa, char *why, size_t size);

#endif
