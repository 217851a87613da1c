/* SPDX-License-Identifier: MIT */
/* The file syntax: what strongswan.conf(5) promises, and one sentence for each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/conf_tree.h"

static struct conf_tree *parse(const char *text, char *error)
{
	struct conf_tree *root = conf_tree_new();

	assert_non_null(root);
	error[0] = '\0';
	if (conf_tree_parse(root, "x.conf", text, strlen(text), error)) {
		conf_tree_free(root);
		return NULL;
	}
	return root;
}

static void sections_values_comments(void **state)
{
	static const char text[] = "# comment\n"
				   "a = b\n"
				   "one {\n"
				   "  deep { x=1 } # another\n"
				   "  spaced   =   two words  \t\n"
				   "  quoted = \"a # { } = \\\"b\\\" \\\\ \\n\\t\" # end\n"
				   "  empty =\n"
				   "}\n"
				   "one\n{\n  deep { y = 2 }\n  spaced = replaced\n}\r\n"
				   "last = here";
	char error[CONF_TREE_ERROR_MAX], path[64];
	struct conf_tree *root = parse(text, error);
	const struct conf_tree *one, *deep;

	(void)state;
	assert_non_null(root);
	assert_string_equal(conf_tree_get(root, "a", ""), "b");
	assert_string_equal(conf_tree_get(root, "last", ""), "here");
	one = conf_tree_find(root, "one");
	assert_non_null(one);
	assert_int_equal(one->line, 3);
	assert_string_equal(conf_tree_get(one, "spaced", ""), "replaced");
	assert_string_equal(conf_tree_get(one, "quoted", ""), "a # { } = \"b\" \\ \n\t");
	assert_string_equal(conf_tree_get(one, "empty", "?"), "");
	assert_null(conf_tree_find(one, "absent"));
	deep = conf_tree_find(one, "deep");
	assert_string_equal(conf_tree_get(deep, "x", ""), "1");
	assert_string_equal(conf_tree_get(deep, "y", ""), "2");
	assert_string_equal(conf_tree_path(conf_tree_find(deep, "y"), path, sizeof(path)), "one.deep.y");
	assert_int_equal(conf_tree_find(deep, "y")->line, 11);
	conf_tree_free(root);
}

static void mistakes(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"a {\n b = c\n", "x.conf:3: the file ends inside section \"a\" of line 1: '}' is missing"},
		{"a = 1\n}\n", "x.conf:2: '}' without a section that it could close"},
		{"a\n", "x.conf:1: \"a\" must be followed by '= value' or by '{'"},
		{"= 1\n", "x.conf:1: a key or a section name is expected here, not '='"},
		{"\x01\n", "x.conf:1: a key or a section name is expected here, not octet 0x01"},
		{"\na : b { }\n",
		 "x.conf:2: \"a : ...\": sections that refer to others are not supported, write the keys out"},
		{"a = \"b\n\nc", "x.conf:1: the quoted string that starts here does not end"},
		{"a = \"b\" c\n", "x.conf:1: a value ends with its closing quote, but 'c' follows"},
		{"a = b { c\n", "x.conf:1: '{' inside a value: put the whole value in quotes"},
		{"a = b\na { }\n", "x.conf:2: \"a\" is used as a section and as a key"},
		{"include /etc/hosts\n", "x.conf:1: include is for files only"},
		{"a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{a{",
		 "x.conf:1: \"a\" is more than fits: too long, too deep or too many"},
	};
	char error[CONF_TREE_ERROR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(parse(rows[i].text, error));
		assert_string_equal(error, rows[i].error);
	}
}

/* ---- includes ---- */

struct files {
	char dir[64];
};

static void put(const struct files *f, const char *name, const char *text)
{
	char path[160];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int load(const struct files *f, const char *name, struct conf_tree **root, char *error)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	*root = conf_tree_new();
	return conf_tree_load(*root, path, error);
}

static int files_make(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/keyrack-conf-XXXXXX");
	*state = f;
	return mkdtemp(f->dir) ? 0 : -1;
}

static int files_remove(void **state)
{
	static const char *const names[] = {"top", "a.inc", "b.inc", "loop", "bad"};
	struct files *f = *state;
	char path[160];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		unlink(path);
	}
	rmdir(f->dir);
	free(f);
	return 0;
}

static void include_is_relative_to_its_section_and_file(void **state)
{
	const struct files *f = *state;
	char error[CONF_TREE_ERROR_MAX];
	const struct conf_tree *one, *x;
	struct conf_tree *root;

	put(f, "top", "one {\n  x = 0\n  include *.inc\n  include none*.conf\n}\n");
	put(f, "a.inc", "x = 1\nsub { y = 2 }\n");
	put(f, "b.inc", "\nx = 3\n");
	assert_int_equal(load(f, "top", &root, error), 0);
	one = conf_tree_find(root, "one");
	x = conf_tree_find(one, "x");
	assert_string_equal(x->value, "3");
	assert_int_equal(x->line, 2);
	assert_non_null(strstr(x->file, "/b.inc"));
	assert_string_equal(conf_tree_get(conf_tree_find(one, "sub"), "y", ""), "2");
	conf_tree_free(root);
}

static void include_mistakes(void **state)
{
	const struct files *f = *state;
	char error[CONF_TREE_ERROR_MAX], expected[CONF_TREE_ERROR_MAX];
	struct conf_tree *root;

	put(f, "top", "\ninclude missing.conf\n");
	assert_int_not_equal(load(f, "top", &root, error), 0);
	snprintf(expected, sizeof(expected), "%s/top:2: include \"%s/missing.conf\": there is no such file", f->dir,
		 f->dir);
	assert_string_equal(error, expected);
	conf_tree_free(root);

	put(f, "loop", "include loop\n");
	assert_int_not_equal(load(f, "loop", &root, error), 0);
	assert_non_null(strstr(error, "more than 8 includes in each other"));
	conf_tree_free(root);

	put(f, "bad", "a {\n");
	put(f, "top", "include bad\n}\n"); /* a section cannot end in another file */
	assert_int_not_equal(load(f, "top", &root, error), 0);
	assert_non_null(strstr(error, "/bad:2: the file ends inside section"));
	conf_tree_free(root);

	root = conf_tree_new();
	assert_int_not_equal(conf_tree_load(root, "/nowhere/at/all", error), 0);
	assert_string_equal(error, "/nowhere/at/all: cannot open: No such file or directory");
	assert_int_not_equal(conf_tree_load(root, "/dev/zero", error), 0);
	assert_string_equal(error, "/dev/zero: the configuration is larger than 4194304 octets");
	conf_tree_free(root);
}

static void built_by_hand(void **state)
{
	struct conf_tree *root = conf_tree_new(), *list, *section = root;
	char path[64], big[CONF_TREE_VALUE_MAX + 1] = "";

	(void)state;
	list = conf_tree_list(root, "l", 1);
	assert_non_null(conf_tree_item(list, "a\0b", 3));
	assert_int_equal(list->first->len, 3);
	assert_non_null(conf_tree_item(list, "c", 1));
	assert_string_equal(conf_tree_path(list->last, path, sizeof(path)), "l");
	list = conf_tree_list(root, "l", 1); /* again: emptied */
	assert_null(list->first);
	assert_null(conf_tree_value(root, "l", 1, "x", 1));
	assert_non_null(conf_tree_value(root, "v", 1, "a\0b", 3));
	assert_string_equal(conf_tree_get(root, "v", "zeros"), "zeros");
	assert_null(conf_tree_value(root, "big", 3, big, sizeof(big)));
	for (int i = 0; i < CONF_TREE_DEPTH_MAX; i++)
		assert_non_null(section = conf_tree_section(section, "s", 1));
	assert_null(conf_tree_section(section, "s", 1));
	conf_tree_free(root);
	conf_tree_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_values_comments),
		cmocka_unit_test(mistakes),
		cmocka_unit_test_setup_teardown(include_is_relative_to_its_section_and_file, files_make, files_remove),
		cmocka_unit_test_setup_teardown(include_mistakes, files_make, files_remove),
		cmocka_unit_test(built_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
