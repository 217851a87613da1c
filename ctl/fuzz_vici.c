/* SPDX-License-Identifier: MIT */
/* Any bytes, in any pieces: a session takes them or ends, and what it answers is well-formed. */
#include <stdlib.h>
#include <string.h>

#include "ctl/vici_message.h"
#include "ctl/vici_server.h"
#include "tests/unit/ctl/fake_controller.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int env_reload(void *ctx, char *text, size_t size)
{
	(void)ctx;
	(void)text;
	(void)size;
	return 0;
}

static void env_wake(void *ctx, void *user)
{
	(void)ctx;
	(void)user;
}

static uint64_t env_unix_time(void *ctx)
{
	(void)ctx;
	return 1;
}

/* Every packet in the output parses to its end. */
static void output_check(struct vici_session *session)
{
	char name[VICI_NAME_MAX + 1];
	enum vici_packet type;
	struct vici_reader r;
	const uint8_t *out;
	size_t len;

	while ((out = vici_session_output(session, &len)) && len) {
		size_t packet = get_be32(out);

		if (len < 4 + packet || vici_open(&r, out + 4, packet, &type, name))
			abort();
		while (vici_next(&r) > 0)
			;
		if (r.kind != VICI_END || r.rd.bad)
			abort();
		vici_session_sent(session, 4 + packet);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vici_env env = {.reload = env_reload, .wake = env_wake, .unix_time = env_unix_time};
	struct controller controller = {.at_once = size & 1, .text = "no"};
	struct conf_nic nic;
	struct vici_server *s;
	struct vici_session *session;
	size_t piece = size ? 1u + data[0] : 1, n;

	conf_nic_default(&nic);
	s = vici_server_new(&controller, &nic, &env, NULL, 0);
	session = s ? vici_session_new(s, NULL) : NULL;
	for (size_t at = 1; session && at < size; at += n) {
		n = size - at < piece ? size - at : piece;
		if (n > vici_session_room(session) || vici_session_receive(session, at, data + at, n))
			break;
		output_check(session);
		vici_server_log(s, LOG_LEVEL_INFO, "a.b", "c");
		output_check(session);
	}
	vici_server_free(s);
	fake_controller_clear(&controller);
	return 0;
}
