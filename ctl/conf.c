/* SPDX-License-Identifier: MIT */
/* The whole file: nic, daemon, connections, secrets, and what must fit together across them. */
#include "ctl/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl/conf_schema.h"

#define S 1000000000ull /* ns */

static const char control_default[] = "/run/keyrack/keyrackd.vici";

/* What the root's rows fill in. */
struct draft {
	struct conf *conf;
};

void conf_nic_default(struct conf_nic *nic)
{
	*nic = (struct conf_nic){
		.backend = CONF_BACKEND_XFRM,
		.reserve = UINT32_MAX,
		.counter_poll_ns = S,
		.drain_ns = S,
	};
}

static void daemon_default(struct conf_daemon *daemon)
{
	*daemon = (struct conf_daemon){.log_level = LOG_LEVEL_NOTICE,
				       .rekey_policy = rekey_policy_at(0),
				       .metrics_addr = {.family = AF_INET, .ip = {127, 0, 0, 1}}};
	ike_settings_default(&daemon->ike);
	memcpy(daemon->control, control_default, sizeof(control_default));
}

/* ---- sections ---- */

/* With fewer no SA could ever be installed: one slot (of a shared table two), and what is kept for replacements. */
static uint32_t slots_least(const struct conf_nic *nic)
{
	const struct offload_profile *p = offload_profile_find(nic->profile);
	uint32_t pair = p && p->shared ? 2 : 1;

	return pair + (nic->reserve == UINT32_MAX ? pair : nic->reserve);
}

static int nic_check(struct conf_nic *nic, const struct conf_tree *section, char *error)
{
	bool hwsim = nic->backend == CONF_BACKEND_HWSIM;

	if (hwsim && !nic->socket[0])
		return conf_tree_fail(section, error, "socket is missing: the path that keyrack-hwsim --netlink has");
	if (hwsim && nic->device[0])
		return conf_tree_fail(section, error, "device = %s is for backend = xfrm; hwsim is found by its socket",
				      nic->device);
	if (!hwsim && nic->socket[0])
		return conf_tree_fail(section, error, "socket = %s is for backend = hwsim", nic->socket);
	if (!hwsim && nic->ifindex)
		return conf_tree_fail(section, error,
				      "ifindex = %d is for backend = hwsim; with xfrm it follows from device",
				      nic->ifindex);
	if (nic->slots && nic->reserve != UINT32_MAX && nic->reserve >= nic->slots)
		return conf_tree_fail(section, error, "reserve = %u leaves none of the %u slots", nic->reserve,
				      nic->slots);
	if (nic->slots && nic->slots < slots_least(nic))
		return conf_tree_fail(section, error,
				      "slots = %u: must be at least %u, for one SA each way and the reserve",
				      nic->slots, slots_least(nic));
	if (hwsim && !nic->ifindex)
		nic->ifindex = 1;
	return 0;
}

static int enter_nic(const struct conf_row *row, const struct conf_tree *section, void *out, char *error)
{
	struct draft *d = out;
	struct conf_nic_draft nic = {.nic = d->conf->nic};
	int err = conf_section_read(conf_rows_nic, section, &nic, error);

	(void)row;
	if (!err)
		err = nic_check(&nic.nic, section, error);
	if (!err)
		d->conf->nic = nic.nic;
	return err;
}

static int enter_daemon(const struct conf_row *row, const struct conf_tree *section, void *out, char *error)
{
	struct draft *d = out;
	struct conf_daemon_draft draft = {.daemon = d->conf->daemon};
	int err = conf_section_read(conf_rows_daemon, section, &draft, error);

	(void)row;
	if (err)
		return err;
	if (draft.daemon.ike.port == draft.daemon.ike.port_natt)
		return conf_tree_fail(section, error, "port and port_nat_t are both %u", draft.daemon.ike.port);
	draft.daemon.n_listen = draft.listen.n;
	memcpy(draft.daemon.listen, draft.listen.at, sizeof(draft.daemon.listen));
	if (draft.metrics.n)
		draft.daemon.metrics_addr = draft.metrics.at[0];
	d->conf->daemon = draft.daemon;
	return 0;
}

static unsigned int children_count(const struct conf_tree *section)
{
	unsigned int n = 0;

	for (const struct conf_tree *t = section->first; t; t = t->next)
		n++;
	return n;
}

static int enter_connections(const struct conf_row *row, const struct conf_tree *section, void *out, char *error)
{
	struct conf *c = ((struct draft *)out)->conf;
	unsigned int n = children_count(section);

	(void)row;
	if (!n)
		return 0;
	c->conns = calloc(n, sizeof(struct conf_conn *));
	if (!c->conns)
		return conf_tree_fail(section, error, "out of memory");
	for (const struct conf_tree *t = section->first; t; t = t->next) {
		struct conf_conn *conn = conf_conn_from_tree(t, error);

		if (!conn)
			return -1;
		c->conns[c->n_conns++] = conn;
	}
	return 0;
}

static int secret_from_tree(const struct conf_tree *section, struct conf_secret *out, char error[CONF_ERROR_MAX])
{
	int err;

	memset(out, 0, sizeof(*out));
	if (section->kind != CONF_SECTION)
		return conf_tree_fail(section, error, "is a section: write %s { ... }", section->name);
	if (strncmp(section->name, "ike", 3) != 0)
		return conf_tree_fail(section, error,
				      "is not an IKE secret: names begin with ike, other kinds are not possible");
	if (strlen(section->name) >= sizeof(out->name))
		return conf_tree_fail(section, error, "a name has 1 to %d characters", CONF_NAME_MAX - 1);
	memcpy(out->name, section->name, strlen(section->name) + 1);
	err = conf_section_read(conf_rows_secret, section, out, error);
	if (!err && !out->len)
		err = conf_tree_fail(section, error, "secret is missing");
	if (err)
		OPENSSL_cleanse(out, sizeof(*out));
	return err;
}

static int enter_secrets(const struct conf_row *row, const struct conf_tree *section, void *out, char *error)
{
	struct conf *c = ((struct draft *)out)->conf;
	unsigned int n = children_count(section);

	(void)row;
	if (!n)
		return 0;
	c->secrets = calloc(n, sizeof(*c->secrets));
	if (!c->secrets)
		return conf_tree_fail(section, error, "out of memory");
	for (const struct conf_tree *t = section->first; t; t = t->next) {
		int err = secret_from_tree(t, &c->secrets[c->n_secrets], error);

		if (err)
			return err;
		c->n_secrets++;
	}
	return 0;
}

static const struct conf_row root_rows[] = {
	{.key = "nic", .type = CONF_ENTER, .enter = enter_nic},
	{.key = "daemon", .type = CONF_ENTER, .enter = enter_daemon},
	{.key = "connections", .type = CONF_ENTER, .enter = enter_connections},
	{.key = "secrets", .type = CONF_ENTER, .enter = enter_secrets},
	{.key = "pools", .type = CONF_NOT, .why = "keyrack does not do virtual addresses (configuration payloads)"},
	{.key = "authorities", .type = CONF_NOT, .why = "keyrack authenticates by pre-shared key only"},
	{NULL},
};

/* ---- across sections ---- */

/* A connection may only use the two ports that the daemon has. */
static int ports_check(const struct conf *c, const struct conf_tree *root, char *error)
{
	const struct conf_tree *section = conf_tree_find(root, "connections");

	for (unsigned int i = 0; i < c->n_conns; i++) {
		const struct ike_conn_cfg *conn = &c->conns[i]->ike;
		uint16_t port = conn->local.port;

		if (port && port != c->daemon.ike.port && port != c->daemon.ike.port_natt)
			return conf_tree_fail(conf_tree_find(section, conn->name), error,
					      "local_port = %u is neither daemon.port (%u) nor daemon.port_nat_t (%u)",
					      port, c->daemon.ike.port, c->daemon.ike.port_natt);
	}
	return 0;
}

static struct conf *conf_from_tree(const struct conf_tree *root, char *error)
{
	struct draft d = {.conf = calloc(1, sizeof(struct conf))};

	if (!d.conf) {
		snprintf(error, CONF_ERROR_MAX, "out of memory");
		return NULL;
	}
	conf_nic_default(&d.conf->nic);
	daemon_default(&d.conf->daemon);
	if (!conf_section_read(root_rows, root, &d, error) && !ports_check(d.conf, root, error))
		return d.conf;
	conf_free(d.conf);
	return NULL;
}

struct conf *conf_load(const char *path, char error[CONF_ERROR_MAX])
{
	struct conf_tree *root = conf_tree_new();
	struct conf *c = NULL;

	error[0] = '\0';
	if (!root)
		snprintf(error, CONF_ERROR_MAX, "%s: out of memory", path);
	else if (!conf_tree_load(root, path, error))
		c = conf_from_tree(root, error);
	conf_tree_free(root);
	return c;
}

struct conf *conf_parse(const char *name, const char *text, size_t len, char error[CONF_ERROR_MAX])
{
	struct conf_tree *root = conf_tree_new();
	struct conf *c = NULL;

	error[0] = '\0';
	if (!root)
		snprintf(error, CONF_ERROR_MAX, "%s: out of memory", name);
	else if (!conf_tree_parse(root, name, text, len, error))
		c = conf_from_tree(root, error);
	conf_tree_free(root);
	return c;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (unsigned int i = 0; i < c->n_conns; i++)
		conf_conn_unref(c->conns[i]);
	free(c->conns);
	if (c->secrets)
		OPENSSL_cleanse(c->secrets, c->n_secrets * sizeof(*c->secrets));
	free(c->secrets);
	free(c);
}
