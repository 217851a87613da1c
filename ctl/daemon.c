/* SPDX-License-Identifier: MIT */
#include "ctl/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

static const uint64_t stop_ns = 8000000000;         /* how long peers may take to answer our deletes */
static const uint64_t stop_no_card_ns = 2000000000; /* the same where the card cannot be cleaned up any more */

enum { EXIT_CONFIG = 2 };

uint64_t daemon_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- what the controller calls back ---- */

static void env_random(void *ctx, uint8_t *out, size_t n)
{
	struct daemon *d = ctx;

	if (RAND_bytes(out, (int)n) != 1) { /* going on would mean guessable keys */
		log_at(&d->log, LOG_LEVEL_ERROR, "daemon.random", "OpenSSL's random generator has failed");
		abort();
	}
}

static void env_emit(void *ctx, const struct ike_path *path, const uint8_t *datagram, size_t len)
{
	daemon_udp_send(ctx, path, datagram, len);
}

static void keys_dump(struct daemon *d, uint32_t ike_sa)
{
	char row[1024];

	if (controller_wireshark_row(d->controller, ike_sa, row, sizeof(row)) == 0)
		if (dprintf(d->dump_fd, "%s\n", row) < 0)
			log_at(&d->log, LOG_LEVEL_WARN, "keys.dump", "cannot write: %s", strerror(errno));
	explicit_bzero(row, sizeof(row));
}

static void env_event(void *ctx, const struct controller_event *event)
{
	struct daemon *d = ctx;

	if (d->dump_fd >= 0 && (event->kind == CONTROLLER_IKE_UP || event->kind == CONTROLLER_IKE_REKEYED))
		keys_dump(d, event->ike_sa);
	daemon_control_event(d, event);
}

/* ---- the loop ---- */

static void on_timer(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	controller_tick(d->controller, daemon_now());
}

static void on_turn(uv_prepare_t *turn)
{
	struct daemon *d = turn->data;
	uint64_t next, now;

	daemon_control_turn(d);
	daemon_nic_turn(d);
	daemon_ethtool_turn(d);
	next = controller_next(d->controller);
	now = daemon_now();
	if (next == UINT64_MAX) {
		uv_timer_stop(&d->timer);
		return;
	}
	uv_update_time(&d->loop); /* the timer counts from the loop's idea of now */
	uv_timer_start(&d->timer, on_timer, next > now ? (next - now + 999999) / 1000000 : 0, 0);
}

static void on_stopped(void *ctx, int err, const char *text)
{
	struct daemon *d = ctx;

	log_at(&d->log, err ? LOG_LEVEL_WARN : LOG_LEVEL_NOTICE, "daemon.stopped", "%s", text);
	uv_stop(&d->loop);
}

void daemon_stop(struct daemon *d, int exit_code)
{
	uint64_t now = daemon_now();

	if (exit_code > d->exit_code)
		d->exit_code = exit_code;
	if (d->stopping)
		return;
	d->stopping = true;
	sd_notify(0, "STOPPING=1\nSTATUS=deleting SAs");
	controller_stop(d->controller, now, now + (d->nic.closed ? stop_no_card_ns : stop_ns), on_stopped, d);
}

int daemon_reload(struct daemon *d, char *text, size_t size)
{
	char error[CONF_ERROR_MAX];
	struct conf *conf = conf_load(d->conf_path, error);
	int err = conf ? 0 : -EINVAL;

	for (unsigned int i = 0; !err && i < conf->n_conns; i++)
		err = daemon_conn_admit(d, conf->conns[i], error);
	if (err) {
		log_at(&d->log, LOG_LEVEL_ERROR, "conf.error", "%s", error);
		snprintf(text, size, "%s", error);
		conf_free(conf);
		return err;
	}
	err = controller_reload(d->controller, daemon_now(), conf, text, size);
	if (!text[0])
		snprintf(text, size, "%s", err ? strerror(-err) : "loaded");
	log_at(&d->log, err ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, "conf.reloaded", "%s: %s", d->conf_path, text);
	/* nic and daemon stay as they were started with: only a restart changes them */
	conf->nic = d->conf->nic;
	conf->daemon = d->conf->daemon;
	conf_free(d->conf);
	d->conf = conf;
	return err;
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct daemon *d = signal->data;
	char text[CONF_ERROR_MAX];

	if (number == SIGHUP) {
		daemon_reload(d, text, sizeof(text));
		return;
	}
	if (d->stopping) /* asked twice: at once, then */
		uv_stop(&d->loop);
	daemon_stop(d, 0);
}

static int loop_start(struct daemon *d)
{
	uv_timer_init(&d->loop, &d->timer);
	uv_prepare_init(&d->loop, &d->turn);
	uv_signal_init(&d->loop, &d->on_term);
	uv_signal_init(&d->loop, &d->on_int);
	uv_signal_init(&d->loop, &d->on_hup);
	d->timer.data = d->turn.data = d->on_term.data = d->on_int.data = d->on_hup.data = d;
	uv_prepare_start(&d->turn, on_turn);
	uv_signal_start(&d->on_term, on_signal, SIGTERM);
	uv_signal_start(&d->on_int, on_signal, SIGINT);
	return uv_signal_start(&d->on_hup, on_signal, SIGHUP);
}

/* ---- from nothing to running; every step is checked before anything is sent ---- */

static uint64_t seed_make(void)
{
	uint64_t seed = 0;

	RAND_bytes((uint8_t *)&seed, sizeof(seed));
	return seed;
}

static int controller_start(struct daemon *d)
{
	const struct controller_env env = {.ctx = d, .random = env_random, .emit = env_emit, .event = env_event};

	d->controller = controller_new(&d->conf->daemon, &d->conf->nic, &env, &d->nic.requests, &d->nic.multicast,
				       seed_make(), &d->log);
	return d->controller ? 0 : -errno;
}

static int connections_load(struct daemon *d)
{
	uint64_t now = daemon_now();
	char error[CONF_ERROR_MAX] = "";
	int err = 0;

	for (unsigned int i = 0; !err && i < d->conf->n_secrets; i++)
		err = controller_secret_load(d->controller, &d->conf->secrets[i]);
	for (unsigned int i = 0; !err && i < d->conf->n_conns; i++) {
		err = daemon_conn_admit(d, d->conf->conns[i], error);
		if (!err)
			err = controller_conn_load(d->controller, now, d->conf->conns[i]);
	}
	if (err)
		log_at(&d->log, LOG_LEVEL_ERROR, "conf.load", "%s", error[0] ? error : strerror(-err));
	return err;
}

static int daemon_start(struct daemon *d)
{
	int err = daemon_nic_open(d);

	if (!err)
		err = controller_start(d);
	if (!err)
		err = loop_start(d);
	if (!err)
		err = daemon_udp_start(d);
	if (!err)
		err = daemon_nic_start(d);
	if (!err)
		err = daemon_control_start(d);
	if (!err)
		err = daemon_metrics_start(d);
	if (!err) {
		daemon_ethtool_start(d);
		err = connections_load(d);
	}
	return err;
}

static void daemon_end(struct daemon *d)
{
	uv_handle_t *own[] = {(uv_handle_t *)&d->timer, (uv_handle_t *)&d->turn, (uv_handle_t *)&d->on_term,
			      (uv_handle_t *)&d->on_int, (uv_handle_t *)&d->on_hup};

	daemon_metrics_stop(d);
	daemon_control_stop(d);
	daemon_udp_stop(d);
	if (d->timer.data)
		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
			uv_close(own[i], NULL);
	controller_free(d->controller);
	daemon_nic_stop(d);
	daemon_ethtool_stop(d);
	uv_run(&d->loop, UV_RUN_DEFAULT); /* the closing handles' last turn */
	uv_loop_close(&d->loop);
	free(d->udp);
	conf_free(d->conf);
	if (d->dump_fd >= 0)
		close(d->dump_fd);
}

static int daemon_run(struct daemon *d)
{
	int err = uv_loop_init(&d->loop);

	if (err) {
		log_at(&d->log, LOG_LEVEL_ERROR, "daemon.loop", "%s", uv_strerror(err));
		conf_free(d->conf);
		return 1;
	}
	err = daemon_start(d);
	if (!err) {
		log_at(&d->log, LOG_LEVEL_NOTICE, "daemon.started", "keyrackd %s: %u connections, ports %u and %u",
		       KEYRACK_VERSION, d->conf->n_conns, d->conf->daemon.ike.port, d->conf->daemon.ike.port_natt);
		sd_notify(0, "READY=1"); /* without systemd nothing happens */
		uv_run(&d->loop, UV_RUN_DEFAULT);
	}
	daemon_end(d);
	return err ? 1 : d->exit_code;
}

/* ---- command line ---- */

static void usage(FILE *f)
{
	fprintf(f, "usage: keyrackd --config FILE [--check] [--log-level LEVEL] [--dump-keys FILE]\n"
		   "  --config FILE      the configuration (swanctl.conf's syntax, with nic and daemon sections)\n"
		   "  --check            read the configuration, say whether it is right, and end\n"
		   "  --log-level LEVEL  error, warning, notice, info or debug; before daemon.log_level\n"
		   "  --dump-keys FILE   DANGEROUS: append the keys of every IKE SA for Wireshark's "
		   "ikev2_decryption_table\n"
		   "  --version, --help\n"
		   "SIGHUP reloads the file; SIGTERM deletes all SAs, tells the peers and ends.\n");
}

static int level_read(const char *text, enum log_level *out)
{
	for (int l = LOG_LEVEL_ERROR; l <= LOG_LEVEL_DEBUG; l++)
		if (strcmp(text, log_level_name((enum log_level)l)) == 0) {
			*out = (enum log_level)l;
			return 0;
		}
	fprintf(stderr, "keyrackd: --log-level: \"%s\" is not one of error, warning, notice, info, debug\n", text);
	return -EINVAL;
}

struct arguments {
	const char *dump;
	bool check, level_given;
	enum log_level level;
};

/* 0: go on; else the exit code + 1. */
static int arguments_read(int argc, char **argv, struct daemon *d, struct arguments *a)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'n'},
		{"log-level", required_argument, NULL, 'l'},
		{"dump-keys", required_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			d->conf_path = optarg;
			break;
		case 'n':
			a->check = true;
			break;
		case 'l':
			a->level_given = true;
			if (level_read(optarg, &a->level))
				return EXIT_CONFIG + 1;
			break;
		case 'k':
			a->dump = optarg;
			break;
		case 'v':
			printf("keyrackd %s\n", KEYRACK_VERSION);
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return EXIT_CONFIG + 1;
		}
	}
	if (!d->conf_path || optind != argc) {
		usage(stderr);
		return EXIT_CONFIG + 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct daemon d = {.dump_fd = -1, .nic = {.request_fd = -1, .multicast_fd = -1, .link_fd = -1}};
	struct arguments a = {0};
	char error[CONF_ERROR_MAX];
	int code = arguments_read(argc, argv, &d, &a);

	if (code)
		return code - 1;
	daemon_log_init(&d);
	d.conf = conf_load(d.conf_path, error);
	if (!d.conf) {
		fprintf(stderr, "keyrackd: %s\n", error);
		return EXIT_CONFIG;
	}
	if (a.check) {
		printf("%s: %u connections, %u secrets: good\n", d.conf_path, d.conf->n_conns, d.conf->n_secrets);
		conf_free(d.conf);
		return 0;
	}
	d.log.max = d.log_shown = a.level_given ? a.level : d.conf->daemon.log_level;
	if (a.dump) {
		d.dump_fd = open(a.dump, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (d.dump_fd < 0) {
			fprintf(stderr, "keyrackd: --dump-keys: %s: %s\n", a.dump, strerror(errno));
			conf_free(d.conf);
			return EXIT_CONFIG;
		}
		log_at(&d.log, LOG_LEVEL_WARN, "keys.dump", "every IKE SA's keys go to %s", a.dump);
	}
	signal(SIGPIPE, SIG_IGN);
	return daemon_run(&d);
}
