/* SPDX-License-Identifier: MIT */
#include "ctl/demo.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "ctl/cli.h"

enum {
	START_SECONDS = 20, /* for all sockets to be there, and then for all queue SAs to be up */
	SETTLE_SECONDS = 5, /* for the last packets to arrive */
	END_SECONDS = 15,   /* for a process to end */
	POLL_MS = 100,
	SWITCH_MS = 100, /* for what the fallback has sent last to arrive */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Runs `step` until it says 0. -1: too late, interrupted, or a process has ended. */
static int demo_until(struct demo *d, const char *what, int (*step)(struct demo *d))
{
	double deadline = demo_now() + START_SECONDS;

	while (step(d) != 0) {
		if (interrupted || demo_process_died(d))
			return -1;
		if (demo_now() > deadline) {
			fprintf(stderr, "demo: %s took longer than %d s\n", what, START_SECONDS);
			return -1;
		}
		pause_ms(2);
	}
	return 0;
}

static int cards_connected(struct demo *d)
{
	for (int i = 0; i < 2; i++)
		if (d->side[i].card_fd < 0 && demo_card_connect(d, &d->side[i]))
			return -1;
	return 0;
}

static int right_connected(struct demo *d)
{
	return demo_daemon_connect(d, &d->side[1]);
}

static int left_connected(struct demo *d)
{
	return demo_daemon_connect(d, &d->side[0]);
}

static int queues_are(struct demo *d, bool sending)
{
	for (int i = 0; i < 2; i++)
		if (demo_daemon_refresh(&d->side[i]) || demo_daemon_queues_up(&d->side[i], sending) < d->opt.queues)
			return -1;
	return 0;
}

static int queues_up(struct demo *d)
{
	return queues_are(d, false);
}

/* The end that was asked sends on a queue's SA when it has received on it, so this takes traffic. */
static int queues_sending(struct demo *d)
{
	return queues_are(d, true);
}

static int gen_command(struct demo *d, const char *op)
{
	for (int i = 0; i < 2; i++) {
		struct demo_side *s = &d->side[i], *peer = &d->side[!i];
		json_t *request =
			strcmp(op, "stop") == 0
				? json_pack("{s:s, s:s}", "cmd", "gen", "op", op)
				: json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "cmd", "gen", "op", op, "src",
					    s->inner_ip, "dst", peer->inner_ip, "streams", (json_int_t)d->opt.queues,
					    "pps", (json_int_t)(d->opt.pps / d->opt.queues), "bytes",
					    (json_int_t)d->opt.bytes);
		json_t *answer = demo_card_ask(s, request);

		if (!answer)
			return -1;
		json_decref(answer);
	}
	return 0;
}

/* What has come by the fallback up to now. */
static int fallback_note(struct demo *d)
{
	pause_ms(SWITCH_MS);
	for (int i = 0; i < 2; i++) {
		if (demo_card_stats(&d->side[i]))
			return -1;
		for (unsigned int q = 0; q < d->opt.queues; q++)
			d->side[i].fallback_misrouted[q] = demo_number(demo_stream(&d->side[i], q), "misrouted");
	}
	return 0;
}

static int demo_bring_up(struct demo *d)
{
	double start;

	for (int i = 0; i < 2; i++)
		if (demo_conf_write(d, &d->side[i], i == 0) || demo_card_start(d, &d->side[i]))
			return -1;
	if (demo_until(d, "starting the cards", cards_connected))
		return -1;
	/* the left one starts the tunnel, so the right one has to be there */
	if (demo_daemon_start(d, &d->side[1]) || demo_until(d, "starting the right controller", right_connected))
		return -1;
	start = demo_now();
	if (demo_daemon_start(d, &d->side[0]) || demo_until(d, "starting the left controller", left_connected) ||
	    demo_until(d, "bringing up the queue SAs", queues_up) || gen_command(d, "start") ||
	    demo_until(d, "sending on the queue SAs", queues_sending))
		return -1;
	d->all_queues_ms = (demo_now() - start) * 1000;
	return fallback_note(d);
}

static int demo_refresh(struct demo *d)
{
	for (int i = 0; i < 2; i++)
		if (demo_card_stats(&d->side[i]) || demo_daemon_refresh(&d->side[i]))
			return -1;
	return demo_process_died(d) ? -1 : 0;
}

/* Traffic goes on for the time asked for, then until what was sent has arrived. */
static int demo_traffic(struct demo *d)
{
	double start = demo_now(), shown = 0, deadline;

	demo_view_start(d);
	while (!interrupted && demo_now() - start < d->opt.seconds) {
		double elapsed;

		if (demo_refresh(d))
			return -1;
		elapsed = demo_now() - start;
		if (elapsed - shown >= 1.0 || shown == 0) {
			demo_view_show(d, elapsed);
			shown = elapsed;
		}
		pause_ms(POLL_MS);
	}
	if (gen_command(d, "stop"))
		return -1;
	deadline = demo_now() + SETTLE_SECONDS;
	do {
		pause_ms(POLL_MS);
		if (demo_refresh(d))
			return -1;
	} while (
		demo_now() < deadline &&
		(demo_number(d->side[0].card_stats, "gen.sent") != demo_number(d->side[1].card_stats, "gen.received") ||
		 demo_number(d->side[1].card_stats, "gen.sent") != demo_number(d->side[0].card_stats, "gen.received")));
	demo_view_show(d, demo_now() - start);
	demo_view_end(d);
	return 0;
}

/* The controllers end as an operator would end them: their SAs must be gone from the cards. */
static int demo_shut_down(struct demo *d, int64_t *leaked)
{
	*leaked = 0;
	for (int i = 0; i < 2; i++) {
		int code = demo_process_end(&d->side[i].daemon, END_SECONDS);

		if (code != 0) {
			fprintf(stderr, "demo: the %s keyrackd ended with %d\n", d->side[i].name, code);
			return -1;
		}
	}
	for (int i = 0; i < 2; i++) {
		json_t *answer = demo_card_ask(&d->side[i], json_pack("{s:s}", "cmd", "check"));
		json_t *stats;

		if (!answer)
			return -1;
		json_decref(answer);
		stats = demo_card_ask(&d->side[i], json_pack("{s:s}", "cmd", "stats"));
		*leaked += demo_number(stats, "card.total.used");
		json_decref(stats);
		if (demo_process_end(&d->side[i].card, END_SECONDS) != 0) {
			fprintf(stderr, "demo: the %s keyrack-hwsim found a fault at its end\n", d->side[i].name);
			return -1;
		}
	}
	return 0;
}

static int demo_run(struct demo *d)
{
	json_t *verdict = NULL;
	int64_t leaked = 0;
	int code = 1;

	if (demo_bring_up(d) || demo_traffic(d) || demo_shut_down(d, &leaked)) {
		if (!interrupted)
			demo_logs_show(d);
		return 1;
	}
	verdict = demo_verdict_make(d, leaked);
	if (d->opt.json) {
		json_dumpf(verdict, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else {
		demo_verdict_print(verdict);
	}
	if (demo_verdict_good(verdict, d))
		code = 0;
	else
		demo_logs_show(d);
	if (!d->opt.json)
		printf("verdict   %s\n", code == 0 ? "good" : "BAD");
	json_decref(verdict);
	return code;
}

static const struct option options[] = {
	{"seconds", required_argument, NULL, 's'}, {"queues", required_argument, NULL, 'q'},
	{"slots", required_argument, NULL, 'n'},   {"pps", required_argument, NULL, 'p'},
	{"bytes", required_argument, NULL, 'b'},   {"metrics-port", required_argument, NULL, 'm'},
	{"json", no_argument, NULL, 'j'},          {"keep", no_argument, NULL, 'k'},
	{"help", no_argument, NULL, 'h'},          {0},
};

static void usage(FILE *f)
{
	fprintf(f,
		"usage: keyrack demo [--seconds N] [--queues N] [--slots N] [--pps N] [--bytes N]\n"
		"                    [--metrics-port N] [--json] [--keep]\n"
		"  Two keyrackd and two keyrack-hwsim on loopback, one tunnel with a Child SA per queue, numbered and\n"
		"  checked packets, keys replaced under traffic. Exit code 0: nothing was lost, leaked or refused.\n"
		"  --seconds  of traffic, 1 to 3600 (10)      --queues  1 to 64 (4)\n"
		"  --slots    of each card's table, both directions together (32)\n"
		"  --pps      packets a second on each side (8000)  --bytes  of payload, 48 to 1400 (512)\n"
		"  --metrics-port  Prometheus metrics of the left controller at http://127.0.0.1:N/metrics\n"
		"  --keep     leave logs and configurations in their directory\n");
}

/* An integer within limits, or a usage message. */
static bool number_read(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || v < min || v > max) {
		fprintf(stderr, "keyrack demo: --%s: \"%s\" is not a number from %llu to %llu\n", name, text,
			(unsigned long long)min, (unsigned long long)max);
		return false;
	}
	*out = v;
	return true;
}

/* A fallback and the queue SAs in both directions, and one pair to replace them with. */
static bool slots_enough(uint64_t slots, uint64_t queues)
{
	uint64_t least = 2 * (queues + 1) + 2;

	if (slots >= least)
		return true;
	fprintf(stderr, "keyrack demo: %llu queues need at least %llu slots, not %llu\n", (unsigned long long)queues,
		(unsigned long long)least, (unsigned long long)slots);
	return false;
}

/* 0: go on; else the exit code + 1. */
static int options_read(int argc, char **argv, struct demo_options *o)
{
	uint64_t seconds = 10, queues = 4, slots = 32, bytes = 512, metrics_port = 0;
	int c;

	*o = (struct demo_options){.pps = 8000};
	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		bool ok = true;

		switch (c) {
		case 's':
			ok = number_read("seconds", optarg, 1, 3600, &seconds);
			break;
		case 'q':
			ok = number_read("queues", optarg, 1, DEMO_QUEUES_MAX, &queues);
			break;
		case 'n':
			ok = number_read("slots", optarg, 4, 1 << 20, &slots);
			break;
		case 'p':
			ok = number_read("pps", optarg, 100, 1000000, &o->pps);
			break;
		case 'b':
			ok = number_read("bytes", optarg, 48, 1400, &bytes);
			break;
		case 'm':
			ok = number_read("metrics-port", optarg, 1, 65535, &metrics_port);
			break;
		case 'j':
			o->json = true;
			break;
		case 'k':
			o->keep = true;
			break;
		case 'h':
			usage(stdout);
			return 1;
		default:
			ok = false;
		}
		if (!ok) {
			usage(stderr);
			return 3;
		}
	}
	o->seconds = (unsigned int)seconds;
	o->queues = (unsigned int)queues;
	o->slots = (unsigned int)slots;
	o->bytes = (unsigned int)bytes;
	o->metrics_port = (uint16_t)metrics_port;
	return slots_enough(slots, queues) ? 0 : 3;
}

/*
 * About a second, or as long as the slots left for replacements need to serve every queue once: a replacement holds a
 * pair of slots from its offer until the card has let go of the old SA.
 */
static double sa_seconds(const struct demo_options *o)
{
	const double replacement_seconds = 0.75;
	unsigned int spare = (o->slots - 2 * (o->queues + 1)) / 2;
	double needed = o->queues * replacement_seconds / spare;

	return needed > 0.8 ? needed : 0.8;
}

static int psk_make(struct demo *d)
{
	uint8_t raw[32];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return -1;
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(d->psk + 2 * i, 3, "%02x", raw[i]);
	explicit_bzero(raw, sizeof(raw));
	return 0;
}

int cli_demo(struct cli *cli, int argc, char **argv)
{
	struct demo d = {
		.side = {{.name = "left", .ip = "127.0.0.1", .inner_net = "10.1.0.0/24", .inner_ip = "10.1.0.1"},
			 {.name = "right", .ip = "127.0.0.2", .inner_net = "10.2.0.0/24", .inner_ip = "10.2.0.1"}}};
	struct sigaction sa = {.sa_handler = on_signal};
	int code = options_read(argc, argv, &d.opt);

	(void)cli; /* it has its own controllers */
	if (code)
		return code - 1;
	d.side[0].card_fd = d.side[1].card_fd = -1;
	d.sa_seconds = sa_seconds(&d.opt);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	code = demo_dir_make(&d) || psk_make(&d) || demo_ports_choose(&d) ? 1 : demo_run(&d);
	for (int i = 0; i < 2; i++)
		demo_side_close(&d.side[i]);
	explicit_bzero(d.psk, sizeof(d.psk));
	if (d.opt.keep)
		fprintf(stderr, "demo: logs and configurations are in %s\n", d.dir);
	else
		demo_dir_remove(&d);
	return code;
}
