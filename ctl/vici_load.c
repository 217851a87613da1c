/* SPDX-License-Identifier: MIT */
/*
 * Connections and secrets that come over VICI. get-conns and get-shared name those and no others, as in charon
 * (src/libcharon/plugins/vici/README.md: "loaded exclusively over VICI"): `swanctl --load-all` unloads what they name
 * and its own file does not have, and what keyrackd's file has is to stay. The reverse holds, too: a reload of
 * keyrackd's file leaves alone what came over VICI, unless the file has something of that name.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/vici_server_impl.h"

/* ---- names of what came over VICI ---- */

/* added: it was not known before. 0, -ENOSPC, -ENOMEM. */
static int loaded_add(struct vici_loaded **all, const char *name, bool *added)
{
	struct vici_loaded *l;
	size_t len = strlen(name);

	HASH_FIND_STR(*all, name, l);
	*added = !l;
	if (l)
		return 0;
	if (len >= sizeof(l->name) || HASH_COUNT(*all) >= VICI_LOADED_MAX)
		return -ENOSPC;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	memcpy(l->name, name, len + 1);
	HASH_ADD_STR(*all, name, l);
	return 0;
}

static void loaded_remove(struct vici_loaded **all, const char *name)
{
	struct vici_loaded *l;

	HASH_FIND_STR(*all, name, l);
	if (!l)
		return;
	HASH_DEL(*all, l);
	free(l);
}

void vici_loaded_free(struct vici_loaded **all)
{
	struct vici_loaded *l = *all, *next;

	HASH_CLEAR(hh, *all);
	for (; l; l = next) {
		next = l->hh.next;
		free(l);
	}
}

/* What the controller has now, of what came over VICI. */
struct names {
	struct vici_loaded *all;
	struct vici_writer *reply;
};

static void name_write(struct names *n, const char *name)
{
	struct vici_loaded *l;

	HASH_FIND_STR(n->all, name, l);
	if (l)
		vici_item(n->reply, name);
}

/* ---- connections ---- */

static void conn_name_write(void *ctx, const struct conf_conn *conn)
{
	name_write(ctx, conn->ike.name);
}

void vici_get_conns(struct vici_request *r)
{
	struct names n = {r->server->conns, &r->reply};

	vici_list(&r->reply, "conns");
	controller_conn_each(r->server->controller, conn_name_write, &n);
	vici_list_end(&r->reply);
}

void vici_load_conn(struct vici_request *r)
{
	struct vici_server *s = r->server;
	const struct conf_tree *section = r->args->first;
	char error[CONF_ERROR_MAX] = "";
	struct conf_conn *conn;
	bool added;
	int err;

	if (!section || section->next || section->kind != CONF_SECTION) {
		vici_refuse(&r->reply, "load-conn takes one section, the connection");
		return;
	}
	conn = conf_conn_from_tree(section, error);
	if (!conn || (s->env.admit && s->env.admit(s->env.ctx, conn, error))) {
		conf_conn_unref(conn);
		vici_refuse(&r->reply, "%s", error);
		return;
	}
	conn->from_vici = true;
	err = loaded_add(&s->conns, conn->ike.name, &added);
	if (!err)
		err = controller_conn_load(s->controller, r->now, conn);
	if (err) {
		if (added)
			loaded_remove(&s->conns, conn->ike.name);
		vici_refuse(&r->reply, "%s: %s", conn->ike.name, strerror(-err));
	} else {
		vici_succeed(&r->reply);
	}
	conf_conn_unref(conn);
}

void vici_unload_conn(struct vici_request *r)
{
	const char *name = conf_tree_get(r->args, "name", "");

	if (controller_conn_unload(r->server->controller, r->now, name, true)) {
		vici_refuse(&r->reply, "there is no connection \"%s\"", name);
		return;
	}
	loaded_remove(&r->server->conns, name);
	vici_succeed(&r->reply);
}

/* ---- secrets ---- */

static void secret_name_write(void *ctx, const char *name)
{
	name_write(ctx, name);
}

void vici_get_shared(struct vici_request *r)
{
	struct names n = {r->server->secrets, &r->reply};

	vici_list(&r->reply, "keys");
	controller_secret_each(r->server->controller, secret_name_write, &n);
	vici_list_end(&r->reply);
}

/* Clients may leave the name out: then the owners name it, so that loading it again replaces it. FNV-1a. */
static void name_from_owners(struct conf_secret *secret)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (unsigned int i = 0; i < secret->n_ids; i++)
		for (unsigned int j = 0; j < secret->ids[i].len; j++)
			h = (h ^ secret->ids[i].data[j]) * 0x100000001b3u;
	snprintf(secret->name, sizeof(secret->name), "shared-%016llx", (unsigned long long)h);
}

static int owners_read(const struct conf_tree *owners, struct conf_secret *secret, char *error)
{
	for (const struct conf_tree *o = owners ? owners->first : NULL; o; o = o->next) {
		if (secret->n_ids == CONF_SECRET_IDS_MAX)
			return conf_tree_fail(o, error, "more than %d identities for one secret", CONF_SECRET_IDS_MAX);
		if (strlen(o->value) != o->len || conf_id_read(o->value, &secret->ids[secret->n_ids]))
			return conf_tree_fail(o, error, "\"%.80s\" is not an identity that keyrackd knows", o->value);
		secret->n_ids++;
	}
	return 0;
}

static int secret_read(const struct conf_tree *args, struct conf_secret *secret, char *error)
{
	const struct conf_tree *data = conf_tree_find(args, "data");
	const char *type = conf_tree_get(args, "type", ""), *id = conf_tree_get(args, "id", "");

	if (strcasecmp(type, "ike") != 0)
		return conf_tree_fail(args, error,
				      "secrets of type \"%.80s\" are not possible: keyrackd authenticates by "
				      "pre-shared key (type IKE) only",
				      type);
	if (!data || data->kind != CONF_VALUE || !data->len || data->len > sizeof(secret->secret))
		return conf_tree_fail(args, error, "the secret has 1 to %d octets", IKE_PSK_MAX);
	if (strlen(id) >= sizeof(secret->name))
		return conf_tree_fail(args, error, "a name has 1 to %d characters", CONF_NAME_MAX - 1);
	if (owners_read(conf_tree_find(args, "owners"), secret, error))
		return -EINVAL;
	memcpy(secret->secret, data->value, data->len);
	secret->len = (uint16_t)data->len;
	if (id[0])
		memcpy(secret->name, id, strlen(id) + 1);
	else
		name_from_owners(secret);
	return 0;
}

void vici_load_shared(struct vici_request *r)
{
	struct conf_secret secret = {.from_vici = true};
	char error[CONF_ERROR_MAX] = "";
	int err = secret_read(r->args, &secret, error);
	bool added;

	if (err) {
		vici_refuse(&r->reply, "%s", error);
		goto out;
	}
	err = loaded_add(&r->server->secrets, secret.name, &added);
	if (!err)
		err = controller_secret_load(r->server->controller, &secret);
	if (err) {
		if (added)
			loaded_remove(&r->server->secrets, secret.name);
		vici_refuse(&r->reply, "%s: %s", secret.name, strerror(-err));
	} else {
		vici_succeed(&r->reply);
	}
out:
	OPENSSL_cleanse(&secret, sizeof(secret));
}

void vici_unload_shared(struct vici_request *r)
{
	const char *id = conf_tree_get(r->args, "id", "");

	if (controller_secret_unload(r->server->controller, id)) {
		vici_refuse(&r->reply, "there is no secret \"%s\"", id);
		return;
	}
	loaded_remove(&r->server->secrets, id);
	vici_succeed(&r->reply);
}

/* As in charon, only what came over VICI. */
void vici_clear_creds(struct vici_request *r)
{
	struct vici_loaded *l, *next;

	HASH_ITER (hh, r->server->secrets, l, next)
		controller_secret_unload(r->server->controller, l->name);
	vici_loaded_free(&r->server->secrets);
	vici_succeed(&r->reply);
}
