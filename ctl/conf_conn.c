/* SPDX-License-Identifier: MIT */
/* A connection: the section below `connections`, or what a load-conn message has, turned into a struct conf_conn. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl/conf_schema.h"

#define S 1000000000ull /* ns */

/* strongSwan's defaults (swanctl.conf(5)) where it has the key. */
enum {
	DEFAULT_REKEY_IKE_S = 4 * 3600,
	DEFAULT_REKEY_CHILD_S = 3600,
	DEFAULT_REPLAY_WINDOW = 32,
	DEFAULT_WINDOW = 64,
	DEFAULT_REMOTE_PORT = 500,
	CHILDREN_PER_CONN_MAX = 1024,
};

static int name_read(const struct conf_tree *section, char name[CONF_NAME_MAX], char *error)
{
	size_t len = strlen(section->name);

	if (!len || len >= CONF_NAME_MAX)
		return conf_tree_fail(section, error, "a name has 1 to %d characters", CONF_NAME_MAX - 1);
	for (size_t i = 0; i < len; i++)
		if (section->name[i] <= ' ' || section->name[i] > '~')
			return conf_tree_fail(section, error, "a name has no blanks and only ASCII characters");
	memcpy(name, section->name, len + 1);
	return 0;
}

/* ---- the sections in it ---- */

static int enter_round(const struct conf_row *rows, const struct conf_tree *section, struct conf_conn_draft *d,
		       const struct conf_tree **at, char *error)
{
	int err;

	if (*at)
		return conf_tree_fail(section, error, "a second round of authentication: keyrack does one, with psk");
	*at = section;
	err = conf_section_read(rows, section, d, error);
	if (err)
		return err;
	if (!conf_tree_get(section, "auth", "")[0])
		return conf_tree_fail(section, error,
				      "auth = psk is missing: keyrack authenticates by pre-shared key only");
	return 0;
}

int conf_enter_local(const struct conf_row *row, const struct conf_tree *section, void *out, char *error)
{
	struct conf_conn_draft *d = out;

	(void)row;
	return enter_round(conf_rows_local, section, d, &d->local_at, error);
}

int conf_enter_remote(const struct conf_row *row, const struct conf_tree *section, void *out, char *error)
{
	struct conf_conn_draft *d = out;

	(void)row;
	return enter_round(conf_rows_remote, section, d, &d->remote_at, error);
}

/*
 * One of rekey and life gives the other: life = rekey + 10 %, which rekey_limits_draw() does for life 0. Neither:
 * `otherwise`.
 */
static void band_default(struct rekey_band *b, uint64_t otherwise)
{
	if (b->rekey == CONF_UNSET)
		b->rekey = b->life == CONF_UNSET ? otherwise : b->life - b->life / 11;
	if (b->life == CONF_UNSET)
		b->life = 0;
}

static int child_check(const struct conf_child_draft *d, const struct conf_tree *section, char *error)
{
	char why[200] = "";

	if (rekey_config_check(&d->rekey, why, sizeof(why)))
		return conf_tree_fail(section, error, "%s", why);
	if (d->per_cpu_sas && !d->policies)
		return conf_tree_fail(section, error,
				      "per_cpu_sas needs policies = yes: the policies choose the SA by CPU");
	return 0;
}

static int child_read(const struct conf_tree *section, struct conf_child_draft *d, char *error)
{
	static const struct rekey_band unset = {CONF_UNSET, CONF_UNSET, REKEY_INF};
	int err;

	*d = (struct conf_child_draft){
		.rekey = {unset, unset, unset},
		.mode = IKE_MODE_TUNNEL,
		.hw_offload = HW_OFFLOAD_AUTO,
		.replay_window = DEFAULT_REPLAY_WINDOW,
		.policies = true,
	};
	err = name_read(section, d->name, error);
	if (!err)
		err = conf_section_read(conf_rows_child, section, d, error);
	if (!err && !d->proposals.n)
		err = conf_proposals_default(IKE_PROTO_ESP, section, &d->proposals, error);
	if (err)
		return err;
	band_default(&d->rekey.time, DEFAULT_REKEY_CHILD_S * S);
	band_default(&d->rekey.bytes, 0);
	band_default(&d->rekey.packets, 0);
	return child_check(d, section, error);
}

int conf_enter_children(const struct conf_row *row, const struct conf_tree *section, void *out, char *error)
{
	struct conf_conn_draft *d = out;

	(void)row;
	for (const struct conf_tree *n = section->first; n; n = n->next) {
		int err;

		if (n->kind != CONF_SECTION)
			return conf_tree_fail(n, error, "is a section: write %s { ... }", n->name);
		if (d->n_children == CHILDREN_PER_CONN_MAX)
			return conf_tree_fail(n, error, "more than %d children in one connection",
					      CHILDREN_PER_CONN_MAX);
		if (d->n_children == d->room) {
			unsigned int room = d->room ? 2 * d->room : 4;
			struct conf_child_draft *more = reallocarray(d->children, room, sizeof(*more));

			if (!more)
				return conf_tree_fail(n, error, "out of memory");
			d->children = more;
			d->room = room;
		}
		err = child_read(n, &d->children[d->n_children], error);
		if (err)
			return err;
		d->n_children++;
	}
	return 0;
}

/* ---- the connection ---- */

static void conn_default(struct conf_conn_draft *d)
{
	if (d->over_time == CONF_UNSET)
		d->over_time = d->rekey_time / 10;
	if (d->rand_time == CONF_UNSET)
		d->rand_time = d->rekey_time ? d->over_time : 0;
}

static int conn_check(const struct conf_conn_draft *d, const struct conf_tree *section, char *error)
{
	if (!d->local_at || !d->remote_at)
		return conf_tree_fail(section, error, "section %s { auth = psk ... } is missing",
				      d->local_at ? "remote" : "local");
	if (!d->n_children)
		return conf_tree_fail(section, error, "section children { NAME { ... } } is missing or empty");
	if (d->rekey_time && d->rand_time >= d->rekey_time)
		return conf_tree_fail(section, error, "rand_time (%llus) leaves nothing of rekey_time (%llus)",
				      (unsigned long long)(d->rand_time / S), (unsigned long long)(d->rekey_time / S));
	for (unsigned int i = 0; i < d->local.n; i++)
		for (unsigned int j = 0; j < d->remote.n; j++)
			if (d->local.at[i].family != d->remote.at[j].family)
				return conf_tree_fail(section, error, "local_addrs and remote_addrs mix IPv4 and IPv6");
	for (unsigned int i = 0; i < d->n_children; i++)
		if (d->children[i].start_action != CONF_ACTION_NONE && !d->remote.n)
			return conf_tree_fail(section, error, "children.%s.start_action = %s needs remote_addrs",
					      d->children[i].name, conf_action_name(d->children[i].start_action));
	return 0;
}

static struct ike_addr first_addr(const struct conf_addrs *a, uint16_t port)
{
	struct ike_addr addr = {0};

	if (a->n)
		addr = a->at[0];
	addr.port = port;
	return addr;
}

static void child_make(struct conf_child *c, const struct conf_child_draft *d)
{
	*c = (struct conf_child){
		.rekey = d->rekey,
		.per_cpu_sas = d->per_cpu_sas,
		.per_cpu_start = d->per_cpu_start,
		.per_cpu_mode = d->per_cpu_mode,
		.per_cpu_idle_ns = d->per_cpu_idle,
		.hw_offload = d->hw_offload,
		.start_action = d->start_action,
		.close_action = d->close_action,
		.dpd_action = d->dpd_action,
		.reqid = d->reqid,
		.priority = d->priority,
		.replay_window = d->replay_window,
		.policies = d->policies,
	};
	memcpy(c->name, d->name, sizeof(c->name));
	c->ike.name = c->name;
	c->ike.n_proposals = d->proposals.n;
	memcpy(c->ike.proposals, d->proposals.at, sizeof(c->ike.proposals));
	c->ike.n_local_ts = d->local_ts.n;
	memcpy(c->ike.local_ts, d->local_ts.at, sizeof(c->ike.local_ts));
	c->ike.n_remote_ts = d->remote_ts.n;
	memcpy(c->ike.remote_ts, d->remote_ts.at, sizeof(c->ike.remote_ts));
	c->ike.mode = d->mode;
	c->ike.per_resource = d->per_cpu_sas != 0;
}

static void conn_make(struct conf_conn *c, const struct conf_conn_draft *d)
{
	c->refs = 1;
	memcpy(c->name, d->name, sizeof(c->name));
	c->n_local_addrs = d->local.n;
	memcpy(c->local_addrs, d->local.at, sizeof(c->local_addrs));
	c->n_remote_addrs = d->remote.n;
	memcpy(c->remote_addrs, d->remote.at, sizeof(c->remote_addrs));
	c->keyingtries = d->keyingtries;
	c->n_children = d->n_children;
	for (unsigned int i = 0; i < d->n_children; i++) {
		child_make(&c->children[i], &d->children[i]);
		c->child_ptrs[i] = &c->children[i].ike;
	}
	c->ike = (struct ike_conn_cfg){
		.name = c->name,
		.local = first_addr(&d->local, d->local_port),
		.remote = first_addr(&d->remote, d->remote_port),
		.local_id = d->local_id,
		.remote_id = d->remote_id,
		.n_proposals = d->proposals.n,
		.n_children = d->n_children,
		.children = c->child_ptrs,
		.encap = d->encap,
		.count_sa = d->count_sa,
		.optimized_rekey = d->optimized_rekey,
		.window = d->window,
		.dpd_delay_ns = d->dpd_delay,
		.rekey_time_ns = d->rekey_time,
		.rand_time_ns = d->rand_time,
		.over_time_ns = d->over_time,
		.children_max = d->children_max,
	};
	memcpy(c->ike.proposals, d->proposals.at, sizeof(c->ike.proposals));
}

/* Of the values, defaults filled in: the order and spelling in the file does not matter, the order of children does. */
static int fingerprints(struct conf_conn *c, const struct conf_conn_draft *d)
{
	EVP_MD_CTX *all = EVP_MD_CTX_new(), *one = EVP_MD_CTX_new();
	unsigned char out[EVP_MAX_MD_SIZE];
	int err = -ENOMEM;

	if (!all || !one || EVP_DigestInit_ex(all, EVP_sha256(), NULL) != 1)
		goto out;
	EVP_DigestUpdate(all, d->name, strlen(d->name) + 1);
	conf_rows_hash(conf_rows_conn, d, all);
	conf_rows_hash(conf_rows_local, d, all);
	conf_rows_hash(conf_rows_remote, d, all);
	for (unsigned int i = 0; i < d->n_children; i++) {
		const struct conf_child_draft *child = &d->children[i];

		if (EVP_DigestInit_ex(one, EVP_sha256(), NULL) != 1)
			goto out;
		EVP_DigestUpdate(one, child->name, strlen(child->name) + 1);
		conf_rows_hash(conf_rows_child, child, one);
		if (EVP_DigestFinal_ex(one, out, NULL) != 1)
			goto out;
		memcpy(c->children[i].fingerprint, out, sizeof(c->children[i].fingerprint));
		EVP_DigestUpdate(all, out, sizeof(c->children[i].fingerprint));
	}
	if (EVP_DigestFinal_ex(all, out, NULL) != 1)
		goto out;
	memcpy(c->fingerprint, out, sizeof(c->fingerprint));
	err = 0;
out:
	EVP_MD_CTX_free(all);
	EVP_MD_CTX_free(one);
	return err;
}

static void conn_free(struct conf_conn *c)
{
	if (!c)
		return;
	free(c->children);
	free(c->child_ptrs);
	free(c);
}

struct conf_conn *conf_conn_from_tree(const struct conf_tree *section, char error[CONF_ERROR_MAX])
{
	struct conf_conn_draft d = {
		.remote_port = DEFAULT_REMOTE_PORT,
		.window = DEFAULT_WINDOW,
		.children_max = IKE_CHILDREN_MAX,
		.count_sa = true,
		.optimized_rekey = true,
		.keyingtries = 1,
		.rekey_time = DEFAULT_REKEY_IKE_S * S,
		.over_time = CONF_UNSET,
		.rand_time = CONF_UNSET,
	};
	struct conf_conn *c = NULL;

	if (section->kind != CONF_SECTION) {
		conf_tree_fail(section, error, "is a section: write %s { ... }", section->name);
		goto out;
	}
	if (name_read(section, d.name, error) || conf_section_read(conf_rows_conn, section, &d, error))
		goto out;
	if (!d.proposals.n && conf_proposals_default(IKE_PROTO_IKE, section, &d.proposals, error))
		goto out;
	conn_default(&d);
	if (conn_check(&d, section, error))
		goto out;
	c = calloc(1, sizeof(*c));
	if (c) {
		c->children = calloc(d.n_children, sizeof(*c->children));
		c->child_ptrs = calloc(d.n_children, sizeof(*c->child_ptrs));
	}
	if (!c || !c->children || !c->child_ptrs) {
		conf_tree_fail(section, error, "out of memory");
		conn_free(c);
		c = NULL;
		goto out;
	}
	conn_make(c, &d);
	if (fingerprints(c, &d)) {
		conf_tree_fail(section, error, "out of memory");
		conn_free(c);
		c = NULL;
	}
out:
	free(d.children);
	return c;
}

void conf_conn_ref(struct conf_conn *c)
{
	c->refs++;
}

void conf_conn_unref(struct conf_conn *c)
{
	if (c && !--c->refs)
		conn_free(c);
}

struct conf_child *conf_child_of(const struct ike_child_cfg *cfg)
{
	return (struct conf_child *)((uintptr_t)cfg - offsetof(struct conf_child, ike));
}

struct conf_conn *conf_conn_of(const struct ike_conn_cfg *cfg)
{
	return (struct conf_conn *)((uintptr_t)cfg - offsetof(struct conf_conn, ike));
}

const char *conf_action_name(enum conf_action action)
{
	switch (action) {
	case CONF_ACTION_NONE:
		return "none";
	case CONF_ACTION_TRAP:
		return "trap";
	case CONF_ACTION_START:
		return "start";
	}
	return "none";
}
