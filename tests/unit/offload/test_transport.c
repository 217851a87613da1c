/* SPDX-License-Identifier: MIT */
/* The socket transports: hwsim's hello, datagram borders, and what errors become. */
#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "offload/ethtool.h"
#include "offload/xfrm.h"

struct listener {
	char dir[64], path[100];
	int fd;
};

static int setup(void **state)
{
	static struct listener l;
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(l.dir, sizeof(l.dir), "/tmp/keyrack-test-XXXXXX");
	assert_non_null(mkdtemp(l.dir));
	snprintf(l.path, sizeof(l.path), "%s/nl", l.dir);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", l.path);
	l.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(l.fd >= 0);
	assert_int_equal(bind(l.fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(l.fd, 4), 0);
	*state = &l;
	return 0;
}

static int teardown(void **state)
{
	struct listener *l = *state;

	close(l->fd);
	unlink(l->path);
	return rmdir(l->dir);
}

static uint32_t hello(int fd)
{
	uint32_t groups = 0;

	assert_int_equal(recv(fd, &groups, sizeof(groups), 0), sizeof(groups));
	return groups;
}

static void test_hwsim(void **state)
{
	struct listener *l = *state;
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd, peer, events;
	char buf[64];

	assert_int_equal(xfrm_hwsim_open(l->path, &requests, &request_fd, &multicast, &multicast_fd), 0);
	peer = accept(l->fd, NULL, NULL);
	events = accept(l->fd, NULL, NULL);
	assert_int_equal(hello(peer), 0);
	assert_int_equal(hello(events), 1 << 0 | 1 << 1); /* groups ACQUIRE 1 and EXPIRE 2 */
	assert_int_equal(requests.recv(requests.ctx, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(requests.send(requests.ctx, "one", 3), 0);
	assert_int_equal(requests.send(requests.ctx, "three", 5), 0);
	assert_int_equal(recv(peer, buf, sizeof(buf), 0), 3);
	assert_int_equal(recv(peer, buf, sizeof(buf), 0), 5);
	assert_int_equal(send(peer, "answer", 6, 0), 6);
	assert_int_equal(requests.recv(requests.ctx, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "answer", 6);
	assert_int_equal(send(events, "longer", 6, 0), 6);
	assert_int_equal(multicast.recv(multicast.ctx, buf, 4), -ENOBUFS); /* cut: lost */
	close(peer);
	assert_int_equal(requests.recv(requests.ctx, buf, sizeof(buf)), 0);
	assert_int_equal(requests.send(requests.ctx, "x", 1), -EPIPE); /* and no SIGPIPE */
	close(events);
	xfrm_transport_close(&requests);
	xfrm_transport_close(&multicast);
	xfrm_transport_close(&multicast); /* closed is closed */
}

static void test_hwsim_ethtool(void **state)
{
	struct listener *l = *state;
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd, peer, events;

	assert_int_equal(ethtool_hwsim_open(l->path, &requests, &request_fd, &multicast, &multicast_fd), 0);
	peer = accept(l->fd, NULL, NULL);
	events = accept(l->fd, NULL, NULL);
	assert_int_equal(hello(peer), 0x6c6e6567); /* docs/hwsim.md */
	assert_int_equal(hello(events), 1 << 30);
	assert_int_equal(requests.send(requests.ctx, "one", 3), 0);
	ethtool_transport_close(&requests);
	ethtool_transport_close(&multicast);
	ethtool_transport_close(&multicast);
	close(peer);
	close(events);
	assert_int_equal(ethtool_hwsim_open("/nonexistent/nl", &requests, &request_fd, &multicast, &multicast_fd),
			 -ENOENT);
}

/* A peer that does not read: -EAGAIN, and what was taken is whole and in order. */
static void test_full(void **state)
{
	struct listener *l = *state;
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd, peer, sent = 0, err;
	static char big[4096];

	assert_int_equal(xfrm_hwsim_open(l->path, &requests, &request_fd, &multicast, &multicast_fd), 0);
	peer = accept(l->fd, NULL, NULL);
	hello(peer);
	for (;;) {
		memcpy(big, &sent, sizeof(sent));
		err = requests.send(requests.ctx, big, sizeof(big));
		if (err)
			break;
		sent++;
	}
	assert_int_equal(err, -EAGAIN);
	assert_true(sent > 0);
	for (int i = 0; i < sent; i++) {
		int got;

		assert_int_equal(recv(peer, big, sizeof(big), 0), sizeof(big));
		memcpy(&got, big, sizeof(got));
		assert_int_equal(got, i);
	}
	close(peer);
	xfrm_transport_close(&requests);
	xfrm_transport_close(&multicast);
}

static void test_no_hwsim(void **state)
{
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd;
	char path[200];

	(void)state;
	assert_int_equal(xfrm_hwsim_open("/nonexistent/nl", &requests, &request_fd, &multicast, &multicast_fd),
			 -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(xfrm_hwsim_open(path, &requests, &request_fd, &multicast, &multicast_fd), -ENAMETOOLONG);
}

/* Any process may send to a netlink socket: only the kernel is heard. */
static void test_netlink_sender(void **state)
{
	struct xfrm_transport requests, multicast;
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	struct nlmsghdr forged = {.nlmsg_len = sizeof(forged), .nlmsg_type = NLMSG_NOOP};
	socklen_t len = sizeof(to);
	int request_fd, multicast_fd, other, err;
	char buf[512];

	(void)state;
	err = xfrm_kernel_open(&requests, &request_fd, &multicast, &multicast_fd, 0);
	if (err == -EPROTONOSUPPORT || err == -EPERM) {
		print_message("skipped: no NETLINK_XFRM here (%s)\n", strerror(-err));
		skip();
	}
	assert_int_equal(err, 0);
	assert_int_equal(getsockname(request_fd, (struct sockaddr *)&to, &len), 0);
	other = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	assert_true(other >= 0);
	if (sendto(other, &forged, sizeof(forged), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		assert_true(errno == EPERM || errno == ECONNREFUSED); /* not privileged to: as good */
	assert_int_equal(requests.recv(requests.ctx, buf, sizeof(buf)), -EAGAIN);
	close(other);
	xfrm_transport_close(&requests);
	xfrm_transport_close(&multicast);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hwsim, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hwsim_ethtool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test(test_no_hwsim),
		cmocka_unit_test(test_netlink_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
