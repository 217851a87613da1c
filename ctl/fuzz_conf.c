/* SPDX-License-Identifier: MIT */
/* Any text is either a configuration or one sentence; what was read prints and reads back. */
#include <stdlib.h>
#include <string.h>

#include "ctl/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void selectors_check(const struct ike_ts *ts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct ike_ts again;
		char text[160];

		check(!conf_ts_read(conf_ts_print(&ts[i], text, sizeof(text)), &again));
		check(!memcmp(again.start, ts[i].start, 16) && !memcmp(again.end, ts[i].end, 16));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONF_ERROR_MAX], text[600];
	struct conf *c = conf_parse("fuzz.conf", (const char *)data, size, error);

	if (!c) {
		check(error[0] && strlen(error) < sizeof(error));
		return 0;
	}
	for (unsigned int i = 0; i < c->n_conns; i++) {
		struct conf_conn *conn = c->conns[i];

		check(conf_conn_of(&conn->ike) == conn && conn->ike.n_children > 0);
		conf_id_print(&conn->ike.local_id, text, sizeof(text));
		for (unsigned int j = 0; j < conn->n_children; j++) {
			const struct conf_child *child = conf_child_of(conn->ike.children[j]);

			check(child == &conn->children[j]);
			selectors_check(child->ike.local_ts, child->ike.n_local_ts);
			selectors_check(child->ike.remote_ts, child->ike.n_remote_ts);
		}
	}
	conf_free(c);
	return 0;
}
