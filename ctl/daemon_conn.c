/* SPDX-License-Identifier: MIT */
/* What only the machine knows of a connection: which ports the daemon has, and from which address a peer is reached. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/daemon.h"

/* The source address that the kernel's routes give towards `remote`. 0 or -errno. Nothing is sent. */
static int source_find(const struct ike_addr *remote, struct ike_addr *local)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = {.any = {.sa_family = remote->family}};
	bool four = remote->family == AF_INET;
	socklen_t len = four ? sizeof(a.in) : sizeof(a.in6);
	int fd = socket(remote->family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (four) {
		a.in.sin_port = htons(remote->port);
		memcpy(&a.in.sin_addr, remote->ip, 4);
	} else {
		a.in6.sin6_port = htons(remote->port);
		memcpy(&a.in6.sin6_addr, remote->ip, 16);
	}
	if (connect(fd, &a.any, len) || getsockname(fd, &a.any, &len))
		err = -errno;
	close(fd);
	if (err)
		return err;
	local->family = remote->family;
	memcpy(local->ip, four ? (const void *)&a.in.sin_addr : (const void *)&a.in6.sin6_addr, four ? 4 : 16);
	return 0;
}

/* Where the daemon listens on some addresses only, its packets come from one of them. */
static void source_from_listen(const struct conf_daemon *c, struct ike_addr *local)
{
	const struct ike_addr *first = NULL;

	for (unsigned int i = 0; i < c->n_listen; i++) {
		if (c->listen[i].family != local->family)
			continue;
		if (!memcmp(c->listen[i].ip, local->ip, sizeof(local->ip)))
			return;
		if (!first)
			first = &c->listen[i];
	}
	if (first)
		memcpy(local->ip, first->ip, sizeof(local->ip));
}

int daemon_conn_admit(struct daemon *d, struct conf_conn *conn, char error[CONF_ERROR_MAX])
{
	const struct conf_daemon *c = &d->conf->daemon;
	struct ike_conn_cfg *cfg = &conn->ike;
	uint16_t port = cfg->local.port;

	if (port && port != c->ike.port && port != c->ike.port_natt) {
		snprintf(error, CONF_ERROR_MAX,
			 "%s: local_port = %u is neither daemon.port (%u) nor daemon.port_nat_t (%u)", cfg->name, port,
			 c->ike.port, c->ike.port_natt);
		return -EINVAL;
	}
	/* NAT detection hashes our address: with "any" in it every path would look translated (RFC 7296 2.23) */
	if (!cfg->local.family && cfg->remote.family && !source_find(&cfg->remote, &cfg->local))
		source_from_listen(c, &cfg->local);
	return 0;
}
