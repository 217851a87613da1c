/* SPDX-License-Identifier: MIT */
/* `keyrack top`: asks the daemon, draws, listens to the keyboard; or one plain frame where there is no terminal. */
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "ctl/cli.h"
#include "ctl/top_draw.h"
#include "ctl/top_model.h"
#include "ctl/top_screen.h"

enum {
	ANSWER_MS = 3000, /* a daemon that is slower than this is as good as away */
	PLAIN_WIDTH = 100,
};

static const double intervals[] = {0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600};

enum { INTERVALS = sizeof(intervals) / sizeof(intervals[0]) };

struct top {
	struct cli *cli;
	struct top_model model;
	struct top_view view;
	struct top_grid grid;
	struct top_screen *screen;
	int signals;   /* signalfd */
	uint64_t next; /* when the daemon is asked again, ns */
	bool once, quit, redraw;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t interval_ns(const struct top *t)
{
	return (uint64_t)(t->view.interval * 1e9);
}

/* ---- asking ---- */

struct answers {
	json_t *status, *slots, *queues;
};

static void answers_free(struct answers *a)
{
	json_decref(a->status);
	json_decref(a->slots);
	json_decref(a->queues);
	*a = (struct answers){0};
}

/* 0 or -errno. */
static int ask(struct cli *cli, struct answers *a)
{
	*a = (struct answers){0};
	if (!cli->vici)
		cli->vici = vici_client_open(cli->socket, ANSWER_MS);
	if (!cli->vici)
		return -errno;
	a->status = vici_client_call(cli->vici, "get-status", NULL, NULL, NULL);
	if (a->status)
		a->slots = vici_client_list(cli->vici, "list-slots", "list-slot", NULL);
	if (a->slots)
		a->queues = vici_client_list(cli->vici, "list-queues", "list-queue", NULL);
	return a->queues ? 0 : -errno;
}

/* 0, or -errno after the model was told. */
static int sample(struct top *t)
{
	struct answers a;
	int err = ask(t->cli, &a);

	if (!err)
		err = top_model_take(&t->model, now_ns(), a.status, a.slots, a.queues);
	answers_free(&a);
	if (err) {
		vici_client_close(t->cli->vici);
		t->cli->vici = NULL;
		top_model_lose(&t->model,
			       err == -EOPNOTSUPP ? "this daemon does not know the command" : strerror(-err));
	}
	return err;
}

/* ---- without a terminal ---- */

static int failed(const struct cli *cli, int err)
{
	errno = -err;
	return cli_call_failed(cli, "top");
}

static int print_json(struct cli *cli)
{
	struct answers a;
	int err = ask(cli, &a);
	json_t *all;

	if (err) {
		answers_free(&a);
		return failed(cli, err);
	}
	all = json_pack("{s:O, s:O, s:O}", "status", a.status, "slots", a.slots, "queues", a.queues);
	cli_json(all);
	json_decref(all);
	answers_free(&a);
	return CLI_OK;
}

/* Without the empty rows at its end. */
static void frame_print(const struct top_grid *g)
{
	char row[TOP_ROW_BYTES];
	unsigned int empty = 0;

	for (unsigned int y = 0; y < g->height; y++) {
		top_grid_row(g, y, row);
		if (!row[0]) {
			empty++;
			continue;
		}
		for (; empty; empty--)
			putchar('\n');
		puts(row);
	}
}

/* Two samples, because rates are differences. */
static int print_frame(struct top *t)
{
	const char *columns = getenv("COLUMNS");
	unsigned long width = columns ? strtoul(columns, NULL, 10) : 0;
	struct timespec wait = {.tv_sec = (time_t)t->view.interval, .tv_nsec = (long)(fmod(t->view.interval, 1) * 1e9)};
	int err = sample(t);

	if (!err) {
		nanosleep(&wait, NULL);
		err = sample(t);
	}
	if (err)
		return failed(t->cli, err);
	if (width < TOP_WIDTH_MIN || width > TOP_GRID_MAX)
		width = PLAIN_WIDTH;
	t->view.plain = true;
	if (top_grid_init(&t->grid, (unsigned int)width, top_draw_height(&t->model, &t->view, (unsigned int)width)) !=
	    0)
		return failed(t->cli, -ENOMEM);
	top_draw(&t->grid, &t->model, &t->view);
	frame_print(&t->grid);
	return CLI_OK;
}

/* ---- keys ---- */

static void interval_step(struct top *t, int step)
{
	int i = 0;

	while (i < INTERVALS - 1 && intervals[i] < t->view.interval - 1e-9)
		i++;
	/* between two of them, the next one down is the one before */
	if (step > 0 && intervals[i] > t->view.interval + 1e-9)
		i--;
	i += step;
	if (i >= 0 && i < INTERVALS)
		t->view.interval = intervals[i];
	if (t->next > now_ns() + interval_ns(t))
		t->next = now_ns() + interval_ns(t);
}

static void scroll_by(unsigned int *at, int by)
{
	if (by < 0 && *at < (unsigned int)-by)
		*at = 0;
	else if (*at < INT32_MAX) /* drawing brings it back to what there is */
		*at += (unsigned int)by;
}

static void key_take(struct top *t, int key)
{
	struct top_view *v = &t->view;

	switch (key) {
	case 'q':
	case 'Q':
		t->quit = true;
		break;
	case '?':
	case 'h':
		v->help = !v->help;
		break;
	case '\033':
		v->help = false;
		break;
	case ' ':
	case 'p':
		v->paused = !v->paused;
		break;
	case 's':
		v->sort = (enum top_sort)((v->sort + 1) % TOP_SORTS);
		v->scroll = 0;
		break;
	case 'z':
		v->zoom = !v->zoom;
		v->page = 0;
		break;
	case '+':
	case '=':
		interval_step(t, 1);
		break;
	case '-':
		interval_step(t, -1);
		break;
	case 'j':
	case TOP_KEY_DOWN:
		scroll_by(&v->scroll, 1);
		break;
	case 'k':
	case TOP_KEY_UP:
		scroll_by(&v->scroll, -1);
		break;
	case TOP_KEY_PAGE_DOWN:
		scroll_by(&v->page, 1);
		break;
	case TOP_KEY_PAGE_UP:
		scroll_by(&v->page, -1);
		break;
	case 'g':
	case TOP_KEY_HOME:
		v->scroll = 0;
		break;
	case 'G':
	case TOP_KEY_END:
		v->scroll = INT32_MAX;
		break;
	case 'L' & 0x1f:
		t->redraw = true;
		break;
	default: /* any other key does nothing */
		break;
	}
}

/* ---- with a terminal ---- */

static int show(struct top *t)
{
	unsigned int width = top_screen_width(t->screen), height = top_screen_height(t->screen);

	if (!t->grid.cell || t->grid.width != width || t->grid.height != height) {
		top_grid_free(&t->grid);
		if (top_grid_init(&t->grid, width, height) != 0)
			return -ENOMEM;
	}
	top_draw(&t->grid, &t->model, &t->view);
	top_screen_show(t->screen, &t->grid, t->redraw);
	t->redraw = false;
	return 0;
}

static void signals_take(struct top *t)
{
	struct signalfd_siginfo info;

	while (read(t->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			top_screen_resize(t->screen);
		else
			t->quit = true;
	}
}

/* Waits for a key, a signal or the next sample. */
static void wait_for(struct top *t)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = t->signals, .events = POLLIN}};
	uint64_t now = now_ns();
	int timeout = t->next > now ? (int)((t->next - now) / 1000000) + 1 : 0, key;

	if (poll(fds, 2, t->view.paused ? -1 : timeout) < 0 && errno != EINTR)
		t->quit = true;
	if (fds[1].revents)
		signals_take(t);
	if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) /* the terminal is gone */
		t->quit = true;
	while (!t->quit && (key = top_screen_key(t->screen)) != TOP_KEY_NONE)
		key_take(t, key);
}

static int loop(struct top *t)
{
	int err = 0;

	while (!t->quit && !err) {
		uint64_t now = now_ns();

		if (!t->view.paused && now >= t->next) {
			sample(t); /* the model knows of failures and says so on the screen */
			t->next = now + interval_ns(t);
		}
		err = show(t);
		if (!err)
			wait_for(t);
	}
	return err;
}

static int run_screen(struct top *t)
{
	const char *no_color = getenv("NO_COLOR"); /* no-color.org: set and not empty */
	sigset_t set, before;
	int err = -1;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &before);
	t->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (t->signals < 0) {
		fprintf(stderr, "keyrack top: signalfd: %s\n", strerror(errno));
		return CLI_FAILED;
	}
	t->screen = top_screen_open(!no_color || !no_color[0]);
	if (t->screen) {
		err = loop(t);
		top_screen_close(t->screen);
		if (err)
			fprintf(stderr, "keyrack top: %s\n", strerror(-err));
	}
	close(t->signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err ? CLI_FAILED : CLI_OK;
}

/* ---- the verb ---- */

static int options(struct top *t, int argc, char **argv)
{
	static const struct option known[] = {
		{"interval", required_argument, NULL, 'i'}, {"once", no_argument, NULL, 'o'}, {0}};
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'o') {
			t->once = true;
		} else if (c == 'i') {
			t->view.interval = strtod(optarg, &end);
			if (end == optarg || *end || !(t->view.interval >= intervals[0]) ||
			    t->view.interval > intervals[INTERVALS - 1]) {
				fprintf(stderr, "keyrack top: --interval \"%s\": seconds, from 0.1 to 3600\n", optarg);
				return -EINVAL;
			}
		} else {
			return -EINVAL; /* getopt has said it */
		}
	}
	if (optind < argc) {
		fprintf(stderr, "keyrack top: \"%s\": only --interval SECONDS and --once are taken\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

int cli_top(struct cli *cli, int argc, char **argv)
{
	struct top t = {.cli = cli, .view = {.socket = cli->socket, .interval = 1}};
	int code;

	if (options(&t, argc, argv) != 0)
		return CLI_USAGE;
	setlocale(LC_CTYPE, "");
	t.view.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	/* main() has seen that the daemon is there; from here on it may come and go, and nobody waits long for it */
	vici_client_close(cli->vici);
	cli->vici = NULL;
	if (cli->json)
		return print_json(cli);
	code = t.once || !isatty(STDOUT_FILENO) ? print_frame(&t) : run_screen(&t);
	top_grid_free(&t.grid);
	top_model_free(&t.model);
	return code;
}
