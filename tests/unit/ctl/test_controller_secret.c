/* SPDX-License-Identifier: MIT */
/* Which secret is for whom: the peer's identity counts first, then ours, then a secret for anybody. */
#include "controller_rig.h"

#include <errno.h>

#include "ctl/controller_internal.h"

static struct ike_id id_of(const char *name)
{
	struct ike_id id = {.kind = IKE_ID_FQDN, .len = (uint16_t)strlen(name)};

	memcpy(id.data, name, strlen(name));
	return id;
}

static struct conf_secret secret_of(const char *name, const char *a, const char *b)
{
	struct conf_secret s = {.len = (uint16_t)strlen(name)};

	snprintf(s.name, sizeof(s.name), "%s", name);
	memcpy(s.secret, name, strlen(name));
	if (a)
		s.ids[s.n_ids++] = id_of(a);
	if (b)
		s.ids[s.n_ids++] = *b ? id_of(b) : (struct ike_id){0};
	return s;
}

static void the_closest_wins(void **state)
{
	static const struct {
		const char *remote, *found; /* our own identity is "us" */
	} rows[] = {{"alice", "us-alice"}, {"bob", "bob"}, {"carol", "us"}, {"us", "us"}};
	const char *const names[][3] = {
		{"all", NULL, NULL}, {"us", "us", NULL}, {"us-alice", "us", "alice"}, {"bob", "bob", NULL}};
	struct controller c = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct conf_secret s = secret_of(names[i][0], names[i][1], names[i][2]);

		assert_int_equal(controller_secret_load(&c, &s), 0);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_id local = id_of("us"), remote = id_of(rows[i].remote);
		uint8_t out[IKE_PSK_MAX] = {0};

		assert_int_equal(secret_psk(&c, &local, &remote, out), strlen(rows[i].found));
		assert_string_equal((char *)out, rows[i].found);
	}
	secrets_wipe(&c);
}

static void anybody_is_weaker_than_a_name(void **state)
{
	struct conf_secret any = secret_of("any", "us", ""), bob = secret_of("bob", "us", "bob");
	struct ike_id local = id_of("us"), remote = id_of("bob");
	uint8_t out[IKE_PSK_MAX];
	struct controller c = {0};

	(void)state;
	assert_int_equal(secret_psk(&c, &local, &remote, out), -ENOENT);
	assert_int_equal(controller_secret_load(&c, &any), 0);
	assert_int_equal(controller_secret_load(&c, &bob), 0);
	assert_int_equal(secret_psk(&c, &local, &remote, out), 3);
	assert_memory_equal(out, "bob", 3);
	remote = id_of("dave");
	assert_int_equal(secret_psk(&c, &local, &remote, out), 3);
	assert_memory_equal(out, "any", 3);
	secrets_wipe(&c);
}

static void replaced_and_forgotten_by_name(void **state)
{
	struct conf_secret one = secret_of("one", "a", NULL), again = secret_of("one", "b", NULL);
	struct ike_id a = id_of("a"), b = id_of("b"), us = id_of("us");
	uint8_t out[IKE_PSK_MAX];
	struct controller c = {0};

	(void)state;
	assert_int_equal(controller_secret_load(&c, &one), 0);
	assert_int_equal(controller_secret_load(&c, &again), 0);
	assert_int_equal(c.n_secrets, 1);
	assert_int_equal(secret_psk(&c, &us, &a, out), -ENOENT);
	assert_int_equal(secret_psk(&c, &us, &b, out), 3);
	assert_int_equal(controller_secret_unload(&c, "two"), -ENOENT);
	assert_int_equal(controller_secret_unload(&c, "one"), 0);
	assert_int_equal(secret_psk(&c, &us, &b, out), -ENOENT);
	secrets_wipe(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_closest_wins),
		cmocka_unit_test(anybody_is_weaker_than_a_name),
		cmocka_unit_test(replaced_and_forgotten_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
