/* SPDX-License-Identifier: MIT */
/* A kernel with krnic: netlink sockets in both hosts' network namespaces, traffic by UDP sockets, faults by debugfs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "card.h"
#include "offload/transport_fd.h"

enum { BUFFER = 4 << 20, SPORT = 50000, DPORT = 9000, PAYLOAD = 100, PAYLOAD_MAX = 1400 };

struct kernel {
	int netns[SIDES];
	char device[SIDES][IFNAMSIZ];
};

static struct kernel *kernel_of(const struct card *c)
{
	return c->ctx;
}

/* Sockets stay where they were made. */
static void enter(const struct card *c, enum side side)
{
	assert_int_equal(setns(kernel_of(c)->netns[side], CLONE_NEWNET), 0);
}

static int netlink_open(const struct card *c, enum side side, uint32_t groups)
{
	struct xfrm_transport t;

	enter(c, side);
	assert_int_equal(transport_netlink_open(&t, NETLINK_XFRM, groups, BUFFER), 0);
	enter(c, LEFT);
	return transport_fd_get(&t);
}

static int kernel_listen(struct card *c, enum side side, uint32_t groups)
{
	return netlink_open(c, side, groups);
}

static socklen_t socket_address(struct sockaddr_storage *to, const char *text, uint16_t port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1) {
		memcpy(to, &six, sizeof(six));
		return sizeof(six);
	}
	assert_int_equal(inet_pton(AF_INET, text, &four.sin_addr), 1);
	memcpy(to, &four, sizeof(four));
	return sizeof(four);
}

static int udp_open(const struct card *c, enum side side, const char *address, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = socket_address(&a, address, port);
	int fd;

	enter(c, side);
	fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (bind(fd, (struct sockaddr *)&a, len))
		fail_msg("cannot bind to %s: %s", address, strerror(errno));
	enter(c, LEFT);
	return fd;
}

static unsigned int count_arrivals(int fd, unsigned int wanted)
{
	struct pollfd ready = {fd, POLLIN, 0};
	unsigned int n = 0;
	uint8_t octet;

	while (poll(&ready, 1, n < wanted ? CARD_WAIT_MS : CARD_SILENCE_MS / 4) == 1) {
		recv(fd, &octet, sizeof(octet), MSG_DONTWAIT);
		n++;
	}
	return n;
}

static unsigned int kernel_send(struct card *c, const struct flow *f, unsigned int count, unsigned int wanted)
{
	enum side to = f->from == LEFT ? RIGHT : LEFT;
	const char *src = f->transport ? message_host(f->from, f->six) : message_inner(f->from, f->six);
	const char *dst = f->transport ? message_host(to, f->six) : message_inner(to, f->six);
	int out = udp_open(c, f->from, src, (uint16_t)(SPORT + f->cpu)), in = udp_open(c, to, dst, DPORT);
	static const uint8_t payload[PAYLOAD_MAX];
	struct sockaddr_storage a;
	socklen_t len = socket_address(&a, dst, DPORT);
	cpu_set_t one, all;
	unsigned int arrived;

	CPU_ZERO(&one);
	CPU_SET(f->cpu, &one);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (unsigned int i = 0; i < count; i++) /* the kernel may refuse it: an SA is missing */
		(void)sendto(out, payload, f->bytes ? f->bytes : PAYLOAD, 0, (struct sockaddr *)&a, len);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	arrived = count_arrivals(in, wanted);
	close(out);
	close(in);
	return arrived;
}

static int debugfs_open(const struct card *c, enum side side, const char *name, int flags)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/krnic/%s/%s", kernel_of(c)->device[side], name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

static void kernel_fault(struct card *c, enum side side, const char *name, uint32_t count, uint64_t arg)
{
	int fd = debugfs_open(c, side, "faults", O_WRONLY), n;
	char words[96];

	if (count == UINT32_MAX)
		n = snprintf(words, sizeof(words), "%s always %llu", name, (unsigned long long)arg);
	else
		n = snprintf(words, sizeof(words), "%s %u %llu", name, count, (unsigned long long)arg);
	if (write(fd, words, (size_t)n) != n)
		fail_msg("faults does not take '%s': %s", words, strerror(errno));
	close(fd);
}

/* The first line of the tables: "in 0/64 out 0/64 ... draining 0". */
static bool kernel_is_free(struct card *c, enum side side)
{
	int fd = debugfs_open(c, side, "ipsec", O_RDONLY);
	char text[256] = "";
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	assert_true(n > 0);
	text[strcspn(text, "\n")] = '\0';
	assert_non_null(strstr(text, "draining "));
	return strstr(text, "in 0/") && strstr(text, "out 0/") && strstr(text, "draining 0");
}

static void kernel_close(struct card *c)
{
	for (enum side side = LEFT; side < SIDES; side++) {
		close(c->request[side]);
		close(kernel_of(c)->netns[side]);
	}
	free(c->ctx);
}

static const struct card_ops ops = {kernel_listen, kernel_send, kernel_fault, kernel_is_free, kernel_close};

/* net.core.xfrm_acq_expires is the namespace's. */
static void set_acquire_seconds(void)
{
	int fd = open("/proc/sys/net/core/xfrm_acq_expires", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "%d", CARD_ACQUIRE_SECONDS) > 0);
	close(fd);
}

void card_open_kernel(struct card *c, const char *device, const char *peer_netns, const char *peer_device)
{
	const char *const netns[SIDES] = {"/proc/self/ns/net", peer_netns}, *const name[SIDES] = {device, peer_device};
	struct kernel *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	*c = (struct card){.kind = CARD_KERNEL, .ops = &ops, .ctx = k, .events = {-1, -1}};
	for (enum side side = LEFT; side < SIDES; side++) {
		snprintf(k->device[side], sizeof(k->device[side]), "%s", name[side]);
		k->netns[side] = open(netns[side], O_RDONLY | O_CLOEXEC);
		if (k->netns[side] < 0)
			fail_msg("%s: %s", netns[side], strerror(errno));
	}
	for (enum side side = LEFT; side < SIDES; side++) {
		struct sockaddr_nl local = {0};
		socklen_t len = sizeof(local);

		c->request[side] = netlink_open(c, side, 0);
		assert_int_equal(getsockname(c->request[side], (struct sockaddr *)&local, &len), 0);
		c->pid[side] = local.nl_pid;
		enter(c, side);
		set_acquire_seconds();
		c->ifindex[side] = (int)if_nametoindex(name[side]);
		enter(c, LEFT);
		if (!c->ifindex[side])
			fail_msg("there is no device %s", name[side]);
	}
}
