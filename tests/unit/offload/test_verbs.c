/* SPDX-License-Identifier: MIT */
/* Finding RDMA devices where there may be none. What is found where there is one, tests/lab/t/rdma.sh shows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "offload/verbs.h"

static void assert_sane(int err, const struct verbs_device *d)
{
	if (err) {
		assert_int_equal(err, -ENODEV);
		return;
	}
	assert_int_not_equal(d->name[0], '\0');
	assert_true(d->port >= 1);
	assert_true(d->max_qp > 0);
}

static void no_netdev_no_device(void **state)
{
	struct verbs_device d;

	(void)state;
	assert_int_equal(verbs_find_by_ifindex(0x7ffffff0, &d), -ENODEV);
}

/* The loopback device may be rxe's; no RDMA, or one that makes sense. */
static void loopback_has_one_or_none(void **state)
{
	struct verbs_device d;

	(void)state;
	assert_sane(verbs_find_by_ifindex(1, &d), &d);
}

static void addresses(void **state)
{
	static const struct {
		struct xfrm_addr addr;
		bool possible; /* it is an address of this machine */
	} rows[] = {
		{{.family = AF_INET, .ip = {127, 0, 0, 1}}, true},
		{{.family = AF_INET6, .ip = {[15] = 1}}, true},
		{{.family = AF_INET, .ip = {203, 0, 113, 77}}, false}, /* RFC 5737 */
		{{.family = AF_INET6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 77}}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct verbs_device d;
		int err = verbs_find_by_addr(&rows[i].addr, &d);

		assert_sane(err, &d);
		if (!rows[i].possible)
			assert_int_equal(err, -ENODEV);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_netdev_no_device),
		cmocka_unit_test(loopback_has_one_or_none),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
