/* SPDX-License-Identifier: MIT */
/*
 * One socket for each {address listened on, IKE port, NAT-T port}. Replies leave from the address a request came to, so
 * the local address of every datagram is taken from, and given in, IP_PKTINFO.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/in6.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xfrm_uapi.h"
#include "ctl/daemon.h"

enum {
	SOCKETS_MAX = 2 * CONF_ADDRS_MAX + 4,
	BATCH = 32,           /* datagrams a recvmmsg takes */
	TURNS = 8,            /* batches before the loop may do something else */
	DATAGRAM_MAX = 16384, /* longest IKE message taken; ESP on the NAT-T port is shorter than that or not ours */
	BUFFER = 4 << 20,     /* socket buffers: a gateway's peers may all come back at once */
};

struct udp_socket {
	uv_poll_t poll;
	struct daemon *d;
	int fd;
	struct ike_addr local; /* ip all zero: any */
};

struct daemon_udp {
	unsigned int n;
	struct udp_socket socket[SOCKETS_MAX];
	uint8_t buf[BATCH][DATAGRAM_MAX];
};

static socklen_t addr_to_sockaddr(const struct ike_addr *a, struct sockaddr_storage *ss)
{
	*ss = (struct sockaddr_storage){.ss_family = a->family};
	if (a->family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;

		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof(*in6);
}

static void addr_from_sockaddr(const struct sockaddr_storage *ss, struct ike_addr *a)
{
	*a = (struct ike_addr){.family = (uint8_t)ss->ss_family};
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

		a->port = ntohs(in->sin_port);
		memcpy(a->ip, &in->sin_addr, 4);
	} else {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

		a->port = ntohs(in6->sin6_port);
		memcpy(a->ip, &in6->sin6_addr, 16);
	}
}

/* The address the datagram was sent to. */
static void local_from_control(struct msghdr *h, struct ike_addr *local)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(local->ip, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(local->ip, &info.ipi6_addr, 16);
		}
	}
}

union control {
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct cmsghdr align;
};

/* One batch. How many datagrams there were. */
static int receive_batch(struct udp_socket *s)
{
	struct daemon_udp *u = s->d->udp;
	struct mmsghdr m[BATCH] = {0};
	struct iovec iov[BATCH];
	struct sockaddr_storage from[BATCH];
	union control control[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){u->buf[i], DATAGRAM_MAX};
		m[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
					       .msg_namelen = sizeof(from[i]),
					       .msg_iov = &iov[i],
					       .msg_iovlen = 1,
					       .msg_control = &control[i],
					       .msg_controllen = sizeof(control[i])};
	}
	n = recvmmsg(s->fd, m, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL); /* MSG_TRUNC: their whole lengths */
	for (int i = 0; i < n; i++) {
		struct ike_path path = {.local = s->local};

		addr_from_sockaddr(&from[i], &path.remote);
		local_from_control(&m[i].msg_hdr, &path.local);
		if (m[i].msg_hdr.msg_flags & MSG_TRUNC)
			controller_receive_too_long(s->d->controller, &path, m[i].msg_len);
		else
			controller_receive(s->d->controller, daemon_now(), &path, u->buf[i], m[i].msg_len);
	}
	return n;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp_socket *s = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < TURNS && receive_batch(s) == BATCH; i++)
		;
}

void daemon_udp_send(struct daemon *d, const struct ike_path *path, const uint8_t *datagram, size_t len)
{
	static const uint8_t any[16];
	struct udp_socket *found = NULL;
	struct sockaddr_storage to;
	union control control = {0};
	struct iovec iov = {(void *)(uintptr_t)datagram, len};
	struct msghdr h = {.msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1};

	for (unsigned int i = 0; i < d->udp->n; i++) {
		struct udp_socket *s = &d->udp->socket[i];

		if (s->local.family != path->remote.family || s->local.port != path->local.port)
			continue;
		if (memcmp(s->local.ip, path->local.ip, 16) == 0) {
			found = s;
			break;
		}
		if (memcmp(s->local.ip, any, 16) == 0)
			found = s;
	}
	if (!found) {
		log_at(&d->log, LOG_LEVEL_WARN, "udp.send", "no socket for a datagram from port %u", path->local.port);
		return;
	}
	h.msg_namelen = addr_to_sockaddr(&path->remote, &to);
	if (memcmp(path->local.ip, any, 16) != 0) {
		struct cmsghdr *c = &control.align;

		h.msg_control = &control;
		if (path->local.family == AF_INET) {
			struct in_pktinfo info = {0};

			memcpy(&info.ipi_spec_dst, path->local.ip, 4);
			*c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IP, IP_PKTINFO};
			memcpy(CMSG_DATA(c), &info, sizeof(info));
			h.msg_controllen = CMSG_SPACE(sizeof(info));
		} else {
			struct in6_pktinfo info = {0};

			memcpy(&info.ipi6_addr, path->local.ip, 16);
			*c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO};
			memcpy(CMSG_DATA(c), &info, sizeof(info));
			h.msg_controllen = CMSG_SPACE(sizeof(info));
		}
	}
	if (sendmsg(found->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_at(&d->log, LOG_LEVEL_DEBUG, "udp.send", "%zu octets: %s", len, strerror(errno));
}

/* IKE itself must pass unprotected even where selectors cover it (net/xfrm/xfrm_policy.c: a socket's policy comes
 * first). */
static int bypass(int fd, int family)
{
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
	    name = family == AF_INET ? IP_XFRM_POLICY : IPV6_XFRM_POLICY;

	for (int dir = XFRM_POLICY_IN; dir <= XFRM_POLICY_OUT; dir++) {
		struct xfrm_userpolicy_info p = {
			.dir = (uint8_t)dir, .action = XFRM_POLICY_ALLOW, .sel.family = (uint16_t)family};

		if (setsockopt(fd, level, name, &p, sizeof(p)) != 0)
			return -errno;
	}
	return 0;
}

/* What a kernel that does ESP must be told about the two sockets. */
static void socket_kernel_options(struct daemon *d, struct udp_socket *s)
{
	int encap = UDP_ENCAP_ESPINUDP, err = bypass(s->fd, s->local.family);

	if (err)
		log_at(&d->log, LOG_LEVEL_WARN, "udp.bypass", "port %u: no IPsec bypass for IKE: %s", s->local.port,
		       strerror(-err));
	if (s->local.port == d->conf->daemon.ike.port_natt &&
	    setsockopt(s->fd, IPPROTO_UDP, UDP_ENCAP, &encap, sizeof(encap)) != 0)
		log_at(&d->log, LOG_LEVEL_WARN, "udp.encap", "port %u: the kernel will not take ESP in UDP: %s",
		       s->local.port, strerror(errno));
}

static int socket_open(struct daemon *d, const struct ike_addr *local)
{
	struct udp_socket *s = &d->udp->socket[d->udp->n];
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(local, &ss);
	int on = 1, buffer = BUFFER, err;
	char text[64];

	s->d = d;
	s->local = *local;
	s->fd = socket(local->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0 && errno == EAFNOSUPPORT && !d->conf->daemon.n_listen)
		return 0; /* "any address" on a machine without IPv6 */
	if (s->fd < 0)
		goto fail;
	if (local->family == AF_INET) {
		if (setsockopt(s->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) != 0)
			goto fail;
	} else if (setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) != 0 ||
		   setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) {
		goto fail;
	}
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)); /* what the system allows of it */
	if (bind(s->fd, (struct sockaddr *)&ss, len) != 0)
		goto fail;
	if (d->conf->nic.backend == CONF_BACKEND_XFRM)
		socket_kernel_options(d, s);
	err = uv_poll_init(&d->loop, &s->poll, s->fd);
	if (err) {
		errno = -err;
		goto fail;
	}
	s->poll.data = s;
	d->udp->n++;
	return uv_poll_start(&s->poll, UV_READABLE, on_readable);
fail:
	err = -errno;
	log_at(&d->log, LOG_LEVEL_ERROR, "udp.open", "%s port %u: %s", conf_addr_print(local, text, sizeof(text)),
	       local->port, strerror(-err));
	if (s->fd >= 0)
		close(s->fd);
	return err;
}

int daemon_udp_start(struct daemon *d)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	const struct conf_daemon *c = &d->conf->daemon;
	const uint16_t ports[] = {c->ike.port, c->ike.port_natt};

	d->udp = calloc(1, sizeof(*d->udp));
	if (!d->udp)
		return -ENOMEM;
	for (unsigned int i = 0; i < (c->n_listen ? c->n_listen : 2); i++)
		for (int p = 0; p < 2; p++) {
			struct ike_addr local = {.family = families[i & 1]};
			int err;

			if (c->n_listen)
				local = c->listen[i];
			local.port = ports[p];
			err = socket_open(d, &local);
			if (err)
				return err;
		}
	return 0;
}

void daemon_udp_stop(struct daemon *d)
{
	for (unsigned int i = 0; d->udp && i < d->udp->n; i++) {
		uv_poll_stop(&d->udp->socket[i].poll);
		uv_close((uv_handle_t *)&d->udp->socket[i].poll, NULL);
		close(d->udp->socket[i].fd);
	}
	/* the handles live in d->udp until the loop has closed them: daemon.c frees it after its last turn */
}
