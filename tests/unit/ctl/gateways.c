/* SPDX-License-Identifier: MIT */
#include "gateways.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TRIES = 1000, TRY_MS = 20 };

/* Two free UDP ports in a row, as the system sees it now. */
static uint16_t ports_find(const char *ip)
{
	for (int i = 0; i < TRIES; i++) {
		struct sockaddr_in a = {.sin_family = AF_INET}, b;
		int one = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		    two = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		socklen_t len = sizeof(a);
		int good;

		inet_pton(AF_INET, ip, &a.sin_addr);
		assert_int_equal(bind(one, (struct sockaddr *)&a, sizeof(a)), 0);
		assert_int_equal(getsockname(one, (struct sockaddr *)&a, &len), 0);
		b = a;
		b.sin_port = htons((uint16_t)(ntohs(a.sin_port) + 1));
		good = bind(two, (struct sockaddr *)&b, sizeof(b)) == 0;
		close(one);
		close(two);
		if (good)
			return ntohs(a.sin_port);
	}
	fail_msg("no free ports");
	return 0;
}

struct gateways *gateways_new(const struct programs *programs)
{
	struct gateways *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->programs = *programs;
	snprintf(g->dir, sizeof(g->dir), "/tmp/keyrack-test-XXXXXX");
	assert_non_null(mkdtemp(g->dir));
	for (int i = 0; i < 2; i++) {
		struct gateway *s = &g->side[i];

		s->name = i ? "right" : "left";
		s->ip = i ? "127.0.0.2" : "127.0.0.1";
		s->port = ports_find(s->ip);
		snprintf(s->conf, sizeof(s->conf), "%s/%s.conf", g->dir, s->name);
		snprintf(s->control, sizeof(s->control), "%s/%s.vici", g->dir, s->name);
		snprintf(s->netlink, sizeof(s->netlink), "%s/%s.netlink", g->dir, s->name);
		snprintf(s->card_control, sizeof(s->card_control), "%s/%s.card", g->dir, s->name);
	}
	for (int i = 0; i < 2; i++)
		gateways_configure(g, &g->side[i], 2, "");
	return g;
}

void gateways_free(struct gateways *g)
{
	struct dirent *e;
	DIR *d;

	for (int i = 0; i < 2; i++) {
		vici_client_close(g->side[i].vici);
		process_end(&g->side[i].daemon, SIGKILL);
		process_end(&g->side[i].card, SIGKILL);
	}
	d = opendir(g->dir);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(g->dir);
	free(g);
}

void gateways_configure(const struct gateways *g, struct gateway *side, unsigned int queues, const char *more)
{
	const struct gateway *peer = &g->side[side == g->side];
	FILE *f = fopen(side->conf, "w");

	assert_non_null(f);
	fprintf(f,
		"daemon {\n listen = %s\n port = %u\n port_nat_t = %u\n control = %s\n retransmit_timeout = 0.5\n}\n",
		side->ip, side->port, side->port + 1, side->control);
	fprintf(f,
		"nic {\n backend = hwsim\n socket = %s\n profile = tiny-33\n slots = 33\n queues = 4\n"
		" counter_poll = 0.1\n drain = 0.1\n}\n",
		side->netlink);
	fprintf(f,
		"connections {\n gw {\n  remote_addrs = %s\n  remote_port = %u\n"
		"  local {\n   auth = psk\n   id = %s.test\n  }\n  remote {\n   auth = psk\n   id = %s.test\n  }\n%s",
		peer->ip, peer->port + 1, side->name, peer->name, more);
	fprintf(f,
		"  children {\n   net {\n    local_ts = 10.%d.0.0/16\n    remote_ts = 10.%d.0.0/16\n"
		"    esp_proposals = aes128gcm16-esn\n    hw_offload = packet\n    per_cpu_sas = %u\n   }\n  }\n }\n}\n"
		"secrets {\n ike-1 {\n  secret = \"only for this test\"\n }\n}\n",
		side == g->side ? 1 : 2, side == g->side ? 2 : 1, queues);
	assert_int_equal(fclose(f), 0);
}

void gateway_card_start(const struct gateways *g, struct gateway *side)
{
	const char *argv[] = {g->programs.hwsim,
			      "--netlink",
			      side->netlink,
			      "--control",
			      side->card_control,
			      "--profile",
			      "tiny-33",
			      "--slots",
			      "33",
			      "--queues",
			      "4",
			      "--wire",
			      "none",
			      "--host",
			      "none",
			      NULL};

	process_start(&side->card, argv);
	for (int i = 0; access(side->netlink, F_OK) || access(side->card_control, F_OK); i++) {
		assert_true(i < TRIES);
		poll(NULL, 0, TRY_MS);
	}
}

void gateway_daemon_start(const struct gateways *g, struct gateway *side)
{
	const char *argv[] = {g->programs.keyrackd, "--config", side->conf, NULL};

	process_start(&side->daemon, argv);
	if (!process_says(&side->daemon, "daemon.started"))
		fail_msg("%s", side->daemon.log);
	side->vici = vici_client_open(side->control, PROCESS_MS);
	assert_non_null(side->vici);
}

void gateways_start(struct gateways *g)
{
	for (int i = 0; i < 2; i++)
		gateway_card_start(g, &g->side[i]);
	for (int i = 0; i < 2; i++)
		gateway_daemon_start(g, &g->side[i]);
}

void gateway_command(struct gateway *side, const char *command, const char *key, const char *value)
{
	json_t *request = key ? json_pack("{s:s, s:s}", key, value, "timeout", "20000") : NULL;
	json_t *answer = vici_client_call(side->vici, command, request, NULL, NULL);
	const char *success = json_string_value(json_object_get(answer, "success"));

	if (!success || strcmp(success, "yes") != 0)
		fail_msg("%s: %s\n%s", command, json_string_value(json_object_get(answer, "errmsg")), side->daemon.log);
	json_decref(answer);
}

json_t *gateway_list(struct gateway *side, const char *command, const char *stream)
{
	json_t *list = vici_client_list(side->vici, command, stream, NULL);

	if (!list)
		fail_msg("%s: %s", command, strerror(errno));
	return list;
}

size_t gateway_slots(struct gateway *side)
{
	json_t *list = gateway_list(side, "list-slots", "list-slot");
	size_t n = json_array_size(list);

	json_decref(list);
	return n;
}

void gateway_slots_wait_empty(struct gateway *side)
{
	for (int i = 0; gateway_slots(side); i++) {
		assert_true(i < TRIES);
		poll(NULL, 0, TRY_MS);
	}
}
