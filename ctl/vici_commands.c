/* SPDX-License-Identifier: MIT */
/* The table of commands, those of them that need no more than a few lines, and what all handlers use. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "ctl/vici_server_impl.h"

/* ---- what handlers use ---- */

void vici_succeed(struct vici_writer *reply)
{
	vici_text(reply, "success", "yes");
}

void vici_refuse(struct vici_writer *reply, const char *fmt, ...)
{
	char text[CONF_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vici_text(reply, "success", "no");
	vici_text(reply, "errmsg", text);
}

int64_t vici_arg_number(const struct vici_request *r, const char *key)
{
	const char *text = conf_tree_get(r->args, key, "0");
	char *end;
	long long v = strtoll(text, &end, 10);

	return v < 0 ? -1 : v;
}

void vici_flag(struct vici_writer *w, const char *key, bool value)
{
	if (value)
		vici_text(w, key, "yes");
}

uint64_t vici_seconds(uint64_t ns)
{
	return ns / 1000000000u;
}

/* ---- small commands ---- */

static void version(struct vici_request *r)
{
	struct utsname u = {0};

	uname(&u);
	vici_text(&r->reply, "daemon", "keyrackd");
	vici_text(&r->reply, "version", KEYRACK_VERSION);
	vici_text(&r->reply, "sysname", u.sysname);
	vici_text(&r->reply, "release", u.release);
	vici_text(&r->reply, "machine", u.machine);
}

static void reload(struct vici_request *r)
{
	char text[CONF_ERROR_MAX] = "";
	int err = r->server->env.reload(r->server->env.ctx, text, sizeof(text));

	if (err) {
		vici_refuse(&r->reply, "%s", text[0] ? text : strerror(-err));
		return;
	}
	vici_succeed(&r->reply);
	if (text[0])
		vici_text(&r->reply, "text", text);
}

/* charon reads strongswan.conf again here; keyrackd's settings are in the one file it has. */
static void reload_settings(struct vici_request *r)
{
	reload(r);
}

static void succeed(struct vici_request *r)
{
	vici_succeed(&r->reply);
}

static void empty(struct vici_request *r)
{
	(void)r; /* an answer without elements: a list of nothing */
}

static void empty_list(struct vici_writer *reply, const char *name)
{
	vici_list(reply, name);
	vici_list_end(reply);
}

static void get_keys(struct vici_request *r)
{
	empty_list(&r->reply, "keys");
}

static void get_authorities(struct vici_request *r)
{
	empty_list(&r->reply, "authorities");
}

static void refuse_certificates(struct vici_request *r)
{
	vici_refuse(&r->reply, "keyrackd authenticates by pre-shared key only");
}

static void refuse_pools(struct vici_request *r)
{
	vici_refuse(&r->reply, "keyrackd does not do virtual addresses (configuration payloads)");
}

static void refuse_install(struct vici_request *r)
{
	vici_refuse(&r->reply, "keyrackd installs policies by start_action only");
}

static void refuse_reset(struct vici_request *r)
{
	vici_refuse(&r->reply, "keyrackd's counters only grow: take differences");
}

static const struct {
	const char *name;
	vici_handler handler;
} commands[] = {
	{"version", version},
	{"stats", vici_stats},
	{"reload-settings", reload_settings},
	{"initiate", vici_initiate},
	{"terminate", vici_terminate},
	{"rekey", vici_rekey},
	{"install", refuse_install},
	{"uninstall", refuse_install},
	{"list-sas", vici_list_sas},
	{"list-policies", vici_list_policies},
	{"list-conns", vici_list_conns},
	{"get-conns", vici_get_conns},
	{"load-conn", vici_load_conn},
	{"unload-conn", vici_unload_conn},
	{"get-shared", vici_get_shared},
	{"load-shared", vici_load_shared},
	{"unload-shared", vici_unload_shared},
	{"clear-creds", vici_clear_creds},
	{"list-certs", empty},
	{"load-cert", refuse_certificates},
	{"flush-certs", succeed},
	{"get-keys", get_keys},
	{"load-key", refuse_certificates},
	{"load-token", refuse_certificates},
	{"unload-key", refuse_certificates},
	{"get-authorities", get_authorities},
	{"list-authorities", empty},
	{"load-authority", refuse_certificates},
	{"unload-authority", refuse_certificates},
	{"get-pools", empty},
	{"load-pool", refuse_pools},
	{"unload-pool", refuse_pools},
	{"get-algorithms", vici_get_algorithms},
	{"get-counters", vici_get_counters},
	{"reset-counters", refuse_reset},
	/* ours */
	{"get-status", vici_get_status},
	{"list-slots", vici_list_slots},
	{"list-queues", vici_list_queues},
	{"reload", reload},
};

vici_handler vici_command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].handler;
	return NULL;
}
