/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "offload/placement.h"

enum { GCM = 20, CBC = 12, CHACHA = 28, SHA256 = 12 };

static const struct row {
	const char *profile;
	enum hw_offload want;
	struct placement_ask ask;
	int first;
	const char *why; /* a part of it; NULL: empty */
	int64_t next;    /* after `first` was refused */
} rows[] = {
	{"cx7", HW_OFFLOAD_NO, {GCM, 128}, OFFLOAD_SOFTWARE, NULL, -EOPNOTSUPP},
	{"cx7",
	 HW_OFFLOAD_AUTO,
	 {GCM, 128, .esn = true, .tunnel = true, .limits = true},
	 OFFLOAD_PACKET,
	 NULL,
	 OFFLOAD_CRYPTO},
	{"cx7", HW_OFFLOAD_PACKET, {GCM, 256}, OFFLOAD_PACKET, NULL, -EOPNOTSUPP},
	{"cx7", HW_OFFLOAD_PACKET, {GCM, 192}, -EOPNOTSUPP, "cipher or key length (encr 20, 192 bits)", 0},
	{"cx7", HW_OFFLOAD_PACKET, {CBC, 128, SHA256}, -EOPNOTSUPP, "cipher", 0},
	{"cx7", HW_OFFLOAD_AUTO, {CHACHA, 0}, OFFLOAD_SOFTWARE, "not crypto", -EOPNOTSUPP},
	{"cx7", HW_OFFLOAD_AUTO, {GCM, 128, .encap = true}, OFFLOAD_PACKET, NULL, OFFLOAD_SOFTWARE},
	{"cx7", HW_OFFLOAD_AUTO, {GCM, 128, .encap = true, .tunnel = true}, OFFLOAD_SOFTWARE, "UDP", -EOPNOTSUPP},
	{"cx7", HW_OFFLOAD_CRYPTO, {GCM, 128, .encap = true}, -EOPNOTSUPP, "UDP", 0},
	{"cx7",
	 HW_OFFLOAD_AUTO,
	 {GCM, 128, .tunnel = true, .mixed = true},
	 OFFLOAD_CRYPTO,
	 "IPv6 in IPv4",
	 OFFLOAD_SOFTWARE},
	{"cx7", HW_OFFLOAD_PACKET, {GCM, 128, .tunnel = true, .mixed = true}, -EOPNOTSUPP, "IPv6 in IPv4", 0},
	{"ixgbe-1024", HW_OFFLOAD_AUTO, {GCM, 128}, OFFLOAD_CRYPTO, "no packet offload", OFFLOAD_SOFTWARE},
	{"ixgbe-1024", HW_OFFLOAD_PACKET, {GCM, 128}, -EOPNOTSUPP, "ixgbe-1024: the device has no packet offload", 0},
	{"ixgbe-1024", HW_OFFLOAD_CRYPTO, {GCM, 128, .esn = true}, -EOPNOTSUPP, "extended sequence numbers", 0},
	{"ixgbe-1024", HW_OFFLOAD_CRYPTO, {GCM, 128, .tunnel = true}, -EOPNOTSUPP, "tunnel mode", 0},
	{"ixgbe-1024", HW_OFFLOAD_AUTO, {GCM, 256}, OFFLOAD_SOFTWARE, "cipher", -EOPNOTSUPP},
	{"nfp-16k", HW_OFFLOAD_AUTO, {CBC, 256, SHA256, .tunnel = true}, OFFLOAD_CRYPTO, "no packet", OFFLOAD_SOFTWARE},
	{"tiny-33",
	 HW_OFFLOAD_AUTO,
	 {GCM, 128, .encap = true, .tunnel = true, .esn = true},
	 OFFLOAD_PACKET,
	 NULL,
	 OFFLOAD_SOFTWARE},
	{"generic", HW_OFFLOAD_PACKET, {CHACHA, 0, .tunnel = true, .encap = true}, OFFLOAD_PACKET, NULL, -EOPNOTSUPP},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const struct offload_profile *p = offload_profile_find(r->profile);
		char why[200] = "untouched";
		int first = placement_first(r->want, p, &r->ask, why, sizeof(why));

		print_message("row %zu: %s\n", i, why);
		assert_int_equal(first, r->first);
		if (r->why)
			assert_non_null(strstr(why, r->why));
		else
			assert_string_equal(why, "");
		if (first >= 0)
			assert_int_equal(placement_next(r->want, p, &r->ask, (enum offload_mode)first), r->next);
	}
}

/* However it is refused, auto ends in software, and every mode comes once. */
static void test_auto_ends(void **state)
{
	const struct offload_profile *p;
	struct placement_ask ask = {GCM, 128};
	char why[200];

	(void)state;
	for (unsigned int n = 0; (p = offload_profile_at(n)); n++) {
		int mode = placement_first(HW_OFFLOAD_AUTO, p, &ask, why, sizeof(why)), last = OFFLOAD_PACKET + 1;

		for (; mode >= 0; mode = placement_next(HW_OFFLOAD_AUTO, p, &ask, (enum offload_mode)mode)) {
			assert_true(mode < last);
			last = mode;
		}
		assert_int_equal(mode, -EOPNOTSUPP);
		assert_int_equal(last, OFFLOAD_SOFTWARE);
	}
}

static void test_why_is_bounded(void **state)
{
	struct placement_ask ask = {CBC, 128, SHA256};
	char why[8];

	(void)state;
	placement_first(HW_OFFLOAD_AUTO, offload_profile_find("cx7"), &ask, why, sizeof(why));
	assert_int_equal(strlen(why), 7);
	assert_int_equal(placement_first(HW_OFFLOAD_AUTO, offload_profile_find("cx7"), &ask, NULL, 0),
			 OFFLOAD_SOFTWARE);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(offload_mode_name(OFFLOAD_CRYPTO), "crypto");
}

static void test_profiles(void **state)
{
	const struct offload_profile *p;

	(void)state;
	for (unsigned int n = 0; (p = offload_profile_at(n)); n++) {
		assert_ptr_equal(offload_profile_find(p->name), p);
		assert_true(p->packet || p->crypto);
		assert_true(!p->shared || !p->size_out);
		if (p->driver)
			assert_ptr_equal(offload_profile_for_driver(p->driver), p);
	}
	assert_string_equal(offload_profile_for_driver("e1000e")->name, "generic");
	assert_null(offload_profile_find("cx8"));
}

static void test_windows(void **state)
{
	const struct offload_profile *cx7 = offload_profile_find("cx7");

	(void)state;
	assert_int_equal(offload_profile_window(cx7, 1000), 256);
	assert_int_equal(offload_profile_window(cx7, 128), 128);
	assert_int_equal(offload_profile_window(cx7, 127), 64);
	assert_int_equal(offload_profile_window(cx7, 1), 32);
	assert_int_equal(offload_profile_window(offload_profile_find("nfp-16k"), 1000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),  cmocka_unit_test(test_auto_ends), cmocka_unit_test(test_why_is_bounded),
		cmocka_unit_test(test_words), cmocka_unit_test(test_profiles),  cmocka_unit_test(test_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
