/* SPDX-License-Identifier: MIT */
/* Two keyrack-hwsim: their netlink and control sockets (docs/hwsim.md), and their generators for traffic. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "card.h"
#include "tests/unit/hwsim_process/free_port.h"
#include "tests/unit/hwsim_process/proc.h"

enum { IFINDEX = 9, PID = 4711 /* as a netlink socket has one */, PPS = 2000, DPORT = 9000 };

struct hwsims {
	char dir[32];
	struct proc proc[SIDES];
};

static struct proc *proc_of(const struct card *c, enum side side)
{
	return &((struct hwsims *)c->ctx)->proc[side];
}

static int hwsim_listen(struct card *c, enum side side, uint32_t groups)
{
	int fd = proc_events(proc_of(c, side), groups);
	json_t *answer;

	/* the control socket is served after the netlink socket: what it answers now, it answers with the listener
	 * known */
	answer = proc_ask(proc_of(c, side), "{s:s}", "cmd", "check");
	json_decref(answer);
	return fd;
}

static int64_t number(struct proc *p, const char *path)
{
	json_t *stats = proc_ask(p, "{s:s}", "cmd", "stats");
	int64_t n = proc_number(stats, path);

	json_decref(stats);
	return n;
}

struct awaited {
	struct proc *proc;
	const char *path;
	int64_t wanted;
};

static bool is_reached(void *ctx)
{
	const struct awaited *a = ctx;

	return number(a->proc, a->path) >= a->wanted;
}

static unsigned int hwsim_send(struct card *c, const struct flow *f, unsigned int count, unsigned int wanted)
{
	enum side to = f->from == LEFT ? RIGHT : LEFT;
	struct awaited sent = {proc_of(c, f->from), "gen.sent", count}, got = {proc_of(c, to), "gen.received", wanted};
	const char *src = f->transport ? message_host(f->from, f->six) : message_inner(f->from, f->six);
	const char *dst = f->transport ? message_host(to, f->six) : message_inner(to, f->six);
	json_t *answer;

	json_decref(proc_ask(got.proc, "{s:s, s:s}", "cmd", "gen", "op", "reset"));
	answer = proc_ask(sent.proc, "{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i}", "cmd", "gen", "op", "start",
			  "src", src, "dst", dst, "first", (int)f->cpu, "streams", 1, "dport", DPORT, "pps", PPS,
			  "count", (int)count, "bytes", f->bytes ? f->bytes : 100);
	if (!json_is_true(json_object_get(answer, "ok")))
		fail_msg("%s", json_string_value(json_object_get(answer, "error")));
	json_decref(answer);
	assert_true(proc_until(is_reached, &sent));
	assert_true(proc_until(is_reached, &got));
	card_wait_ms(CARD_SILENCE_MS / 4);
	return (unsigned int)number(got.proc, got.path);
}

static void hwsim_fault(struct card *c, enum side side, const char *name, uint32_t count, uint64_t arg)
{
	json_t *answer = proc_ask(proc_of(c, side), "{s:s, s:s, s:I, s:I}", "cmd", "fault", "name", name, "count",
				  (json_int_t)count, "arg", (json_int_t)arg);

	if (!json_is_true(json_object_get(answer, "ok")))
		fail_msg("%s", json_string_value(json_object_get(answer, "error")));
	json_decref(answer);
}

static bool hwsim_is_free(struct card *c, enum side side)
{
	return number(proc_of(c, side), "card.total.used") == 0 && number(proc_of(c, side), "card.total.freeing") == 0;
}

static void hwsim_close(struct card *c)
{
	struct hwsims *h = c->ctx;

	for (enum side side = LEFT; side < SIDES; side++) {
		json_t *answer = proc_ask(&h->proc[side], "{s:s}", "cmd", "quit");

		json_decref(answer);
		assert_int_equal(proc_wait(&h->proc[side]), 0); /* it has checked its invariants */
	}
	rmdir(h->dir);
	free(h);
}

static const struct card_ops ops = {hwsim_listen, hwsim_send, hwsim_fault, hwsim_is_free, hwsim_close};

void card_open_hwsim(struct card *c, const char *program)
{
	unsigned int port[SIDES] = {free_port(), free_port()};
	struct hwsims *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	*c = (struct card){.kind = CARD_HWSIM, .ops = &ops, .ctx = h, .events = {-1, -1}};
	snprintf(h->dir, sizeof(h->dir), "/tmp/kr-conf-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	for (enum side side = LEFT; side < SIDES; side++) {
		char words[256];

		snprintf(words, sizeof(words),
			 "--profile krnic --queues %d --ifindex %d --seed %d --acquire-seconds %d "
			 "--wire udp:127.0.0.1:%u,127.0.0.1:%u --host gen",
			 CARD_CPUS, IFINDEX, (int)side + 1, CARD_ACQUIRE_SECONDS, port[side], port[!side]);
		proc_start(&h->proc[side], program, h->dir, side == LEFT ? "left" : "right", words);
		c->request[side] = h->proc[side].request_fd;
		c->pid[side] = PID + side;
		c->ifindex[side] = IFINDEX;
	}
}
