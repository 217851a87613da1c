/* SPDX-License-Identifier: MIT */
/* Pre-shared keys: kept by name, found by identities. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/controller_internal.h"

static int secret_find(const struct controller *c, const char *name)
{
	for (unsigned int i = 0; i < c->n_secrets; i++)
		if (!strcmp(c->secrets[i].name, name))
			return (int)i;
	return -ENOENT;
}

int controller_secret_load(struct controller *c, const struct conf_secret *secret)
{
	int i = secret_find(c, secret->name);
	struct conf_secret *grown;

	if (i < 0) {
		if (c->n_secrets == SECRETS_MAX)
			return -ENOSPC;
		/* not realloc: it may leave a copy of the keys behind */
		grown = calloc(c->n_secrets + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		if (c->n_secrets)
			memcpy(grown, c->secrets, c->n_secrets * sizeof(*grown));
		i = (int)c->n_secrets;
		if (c->secrets)
			OPENSSL_cleanse(c->secrets, c->n_secrets * sizeof(*c->secrets));
		free(c->secrets);
		c->secrets = grown;
		c->n_secrets++;
	}
	c->secrets[i] = *secret;
	return 0;
}

int controller_secret_unload(struct controller *c, const char *name)
{
	int i = secret_find(c, name);

	if (i < 0)
		return i;
	c->n_secrets--;
	c->secrets[i] = c->secrets[c->n_secrets];
	OPENSSL_cleanse(&c->secrets[c->n_secrets], sizeof(c->secrets[0]));
	return 0;
}

void controller_secret_each(struct controller *c, void (*each)(void *ctx, const char *name), void *ctx)
{
	for (unsigned int i = 0; i < c->n_secrets; i++)
		each(ctx, c->secrets[i].name);
}

void secrets_wipe(struct controller *c)
{
	if (c->secrets)
		OPENSSL_cleanse(c->secrets, c->n_secrets * sizeof(*c->secrets));
	free(c->secrets);
	c->secrets = NULL;
	c->n_secrets = 0;
}

/* 2: by name; 1: one of its identities stands for anybody; 0: not at all. */
static unsigned int secret_names(const struct conf_secret *s, const struct ike_id *id)
{
	bool anybody = false;

	for (unsigned int i = 0; i < s->n_ids; i++) {
		anybody = anybody || !s->ids[i].kind;
		if (s->ids[i].kind && s->ids[i].kind == id->kind && s->ids[i].len == id->len &&
		    !memcmp(s->ids[i].data, id->data, id->len))
			return 2;
	}
	return anybody;
}

/* How well a secret fits, the peer's identity first, then ours; a secret without identities is for all. 0: not at all.
 */
static unsigned int secret_fit(const struct conf_secret *s, const struct ike_id *local, const struct ike_id *remote)
{
	if (!s->n_ids)
		return 1;
	return 9 * secret_names(s, remote) + 3 * secret_names(s, local);
}

int secret_psk(struct controller *c, const struct ike_id *local, const struct ike_id *remote, uint8_t *out)
{
	const struct conf_secret *best = NULL;
	unsigned int best_fit = 0;

	for (unsigned int i = 0; i < c->n_secrets; i++) {
		unsigned int fit = secret_fit(&c->secrets[i], local, remote);

		if (fit > best_fit) {
			best_fit = fit;
			best = &c->secrets[i];
		}
	}
	if (!best)
		return -ENOENT;
	memcpy(out, best->secret, best->len);
	return best->len;
}
