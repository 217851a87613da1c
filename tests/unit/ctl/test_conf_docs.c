/* SPDX-License-Identifier: MIT */
/* docs/configuration.md names every key there is. argv: the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/conf_schema.h"

static const char *path;

static void every_key_is_described(void **state)
{
	static const struct conf_row *const tables[] = {conf_rows_conn,  conf_rows_local,  conf_rows_remote,
							conf_rows_child, conf_rows_secret, conf_rows_nic,
							conf_rows_daemon};
	static char text[65536];
	FILE *f = fopen(path, "r");
	char quoted[64];
	size_t len;

	(void)state;
	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct conf_row *r = tables[i]; r->key; r++) {
			bool section = r->type == CONF_ENTER;

			snprintf(quoted, sizeof(quoted), "`%.*s`",
				 (int)(section ? strcspn(r->key, "*") : strlen(r->key)), r->key);
			if (!strstr(text, quoted))
				fail_msg("%s is not in %s", quoted, path);
		}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_key_is_described)};

	if (argc != 2)
		return 2;
	path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
