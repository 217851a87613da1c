/* SPDX-License-Identifier: MIT */
/* What keyrackd, as a process, needs of this machine; and whether one runs. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cli.h"
#include "ctl/doctor_priv.h"

/* ---- privileges ---- */

struct capabilities {
	bool seen;
	uint64_t effective;
};

static bool capabilities_line(void *ctx, char *text)
{
	struct capabilities *c = ctx;

	if (strncmp(text, "CapEff:", 7))
		return true;
	c->effective = strtoull(text + 7, NULL, 16);
	c->seen = true;
	return false;
}

void doctor_privileges_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} needs[] = {{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE"}};
	struct capabilities c = {.seen = false};
	char lacks[64] = "";
	int err = doctor_file_lines(d, capabilities_line, &c, "proc/self/status");

	(void)row;
	if (!c.seen) {
		doctor_say(l, DOCTOR_INFO, "unknown: /proc/self/status: %s",
			   err ? strerror(-err) : "there is no CapEff in it");
		return;
	}
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (!(c.effective >> needs[i].bit & 1))
			doctor_list(lacks, sizeof(lacks), "%s", needs[i].name);
	if (!lacks[0]) {
		doctor_say(l, DOCTOR_OK, "CAP_NET_ADMIN and CAP_NET_BIND_SERVICE are effective here");
		return;
	}
	/* a keyrackd that runs has got what it needs from its unit */
	doctor_say(l, d->config->status ? DOCTOR_INFO : DOCTOR_WARNING, "without %s here", lacks);
	doctor_advise(l, "root sees more and can use --probe; keyrackd gets them from its systemd unit");
}

/* ---- limits ---- */

/* 64 VICI and 16 HTTP clients, two sockets for each address listened on, and what the event loop needs */
enum { DESCRIPTORS_MIN = 256 };

struct limits {
	bool seen;
	unsigned long long files;
};

static bool limits_line(void *ctx, char *text)
{
	static const char name[] = "Max open files";
	struct limits *v = ctx;

	if (strncmp(text, name, sizeof(name) - 1))
		return true;
	text += sizeof(name) - 1;
	text += strspn(text, " ");
	v->files = strncmp(text, "unlimited", 9) ? strtoull(text, NULL, 10) : UINT64_MAX;
	v->seen = true;
	return false;
}

void doctor_limits_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	struct limits v = {.seen = false};
	int err = doctor_file_lines(d, limits_line, &v, "proc/self/limits");

	(void)row;
	if (!v.seen) {
		doctor_say(l, DOCTOR_INFO, "unknown: /proc/self/limits: %s",
			   err ? strerror(-err) : "there are no open files in it");
		return;
	}
	if (v.files >= DESCRIPTORS_MIN) {
		doctor_say(l, DOCTOR_OK, "%llu descriptors", v.files);
		return;
	}
	doctor_say(l, DOCTOR_WARNING, "%llu descriptors a process", v.files);
	doctor_advise(l, "ulimit -n %d, or LimitNOFILE=%d in the unit", DESCRIPTORS_MIN, DESCRIPTORS_MIN);
}

/* ---- UDP ports ---- */

enum { IKE_PORT = 500, NATT_PORT = 4500, SOCKETS_MAX = 64 };

struct sockets {
	const struct doctor *d;
	unsigned int n;
	unsigned long inode[SOCKETS_MAX];
	bool port_500, port_4500;
	/* who has the first that was found among the processes */
	const char *pid;
	char owner[64];
};

/* "  sl: local:port remote:port st queues tr:tm retrnsmt uid timeout inode ..." (net/ipv4/udp.c, udp4_format_sock) */
static bool socket_line(void *ctx, char *text)
{
	struct sockets *s = ctx;
	char *save, *word[10], *colon;
	unsigned long port;
	int n = 0;

	for (char *w = strtok_r(text, " ", &save); w && n < 10; w = strtok_r(NULL, " ", &save))
		word[n++] = w;
	if (n < 10 || !(colon = strrchr(word[1], ':')))
		return true;
	port = strtoul(colon + 1, NULL, 16);
	if (port != IKE_PORT && port != NATT_PORT)
		return true;
	s->port_500 |= port == IKE_PORT;
	s->port_4500 |= port == NATT_PORT;
	if (s->n < SOCKETS_MAX)
		s->inode[s->n++] = strtoul(word[9], NULL, 10);
	return true;
}

static void descriptor_seen(void *ctx, const char *name)
{
	struct sockets *s = ctx;
	char to[64];
	unsigned long inode;

	if (s->owner[0] || doctor_file_link(s->d, to, sizeof(to), "proc/%s/fd/%s", s->pid, name) ||
	    strncmp(to, "socket:[", 8))
		return;
	inode = strtoul(to + 8, NULL, 10);
	for (unsigned int i = 0; i < s->n; i++)
		if (s->inode[i] == inode && doctor_file_read(s->d, s->owner, sizeof(s->owner), "proc/%s/comm", s->pid))
			snprintf(s->owner, sizeof(s->owner), "process %.32s", s->pid);
}

static void process_seen(void *ctx, const char *name)
{
	struct sockets *s = ctx;

	if (!isdigit((unsigned char)name[0]) || s->owner[0])
		return;
	s->pid = name;
	(void)doctor_file_names(s->d, "", descriptor_seen, s, "proc/%s/fd", name);
}

void doctor_ike_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	struct sockets s = {.d = d};
	int err = doctor_file_lines(d, socket_line, &s, "proc/net/udp");
	const char *ports;

	(void)row;
	(void)doctor_file_lines(d, socket_line, &s, "proc/net/udp6"); /* not there: no IPv6 */
	if (err) {
		doctor_say(l, DOCTOR_INFO, "unknown: /proc/net/udp: %s", strerror(-err));
		return;
	}
	if (!s.port_500 && !s.port_4500) {
		doctor_say(l, DOCTOR_OK, "UDP ports 500 and 4500 are free");
		return;
	}
	ports = !s.port_4500 ? "port 500 is" : !s.port_500 ? "port 4500 is" : "ports 500 and 4500 are";
	(void)doctor_file_names(d, "", process_seen, &s, "proc");
	if (strcmp(s.owner, "keyrackd") == 0 || (!s.owner[0] && d->config->status)) {
		doctor_say(l, DOCTOR_OK, "UDP %s keyrackd's", ports);
		return;
	}
	doctor_say(l, DOCTOR_WARNING, "UDP %s taken%s%s", ports, s.owner[0] ? " by " : "", s.owner);
	doctor_advise(l, "two IKE daemons fight over ports, SAs and policies: stop the other one, or give keyrackd "
			 "daemon.port and daemon.port_nat_t");
}

/* ---- keyrackd ---- */

void doctor_keyrackd_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const json_t *status = d->config->status;

	(void)row;
	if (!status) {
		doctor_say(l, DOCTOR_INFO, "none is reached at %s: %s", d->config->socket, d->config->unreachable);
		return;
	}
	doctor_say(l, DOCTOR_OK, "version %s on %s, up %.0f s, %s IKE SAs, %s Child SAs",
		   cli_text(status, "version", "?"), cli_text(status, "device", "no device"),
		   cli_number(status, "uptime"), cli_text(status, "ike_sas", "?"), cli_text(status, "children", "?"));
}
