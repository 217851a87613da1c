/* SPDX-License-Identifier: MIT */
#include "ctl/top_screen.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

struct top_screen {
	SCREEN *terminal;
	bool colour;
	attr_t attributes[TOP_STYLES];
	short pair[TOP_STYLES];
};

/* ---- a crash ---- */

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT};

enum { CRASH_SIGNALS = sizeof(crash_signals) / sizeof(crash_signals[0]) };

/* For a signal handler, which gets no argument: written before the handlers are set, then only read. */
static struct {
	struct termios before;
	char text[128]; /* what makes the terminal ordinary again */
	size_t len;
} restore;

static void crashed(int signal)
{
	/* nothing can be done about a failure here; the signal, reset by SA_RESETHAND, is taken when this returns */
	ssize_t put = write(STDOUT_FILENO, restore.text, restore.len);

	(void)put;
	tcsetattr(STDIN_FILENO, TCSANOW, &restore.before);
	raise(signal);
}

static void restore_add(const char *capability)
{
	const char *s = tigetstr(capability);
	size_t n;

	if (!s || s == (const char *)-1) /* how terminfo says "not a string" */
		return;
	n = strlen(s);
	if (restore.len + n > sizeof(restore.text))
		return;
	memcpy(restore.text + restore.len, s, n);
	restore.len += n;
}

static void crash_watch(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(&action.sa_mask);
	for (int i = 0; i < CRASH_SIGNALS; i++)
		sigaction(crash_signals[i], &action, NULL);
}

static void crash_prepare(void)
{
	restore.len = 0;
	restore_add("sgr0");
	restore_add("cnorm");
	restore_add("rmkx");
	restore_add("rmcup");
	crash_watch(crashed);
}

/* ---- styles ---- */

static const struct {
	attr_t attributes, plain; /* with colours, and without */
	short front, back;        /* -1: the terminal's own */
} looks[TOP_STYLES] = {
	[TOP_PLAIN] = {A_NORMAL, A_NORMAL, -1, -1},
	[TOP_DIM] = {A_DIM, A_DIM, -1, -1},
	[TOP_BOLD] = {A_BOLD, A_BOLD, -1, -1},
	[TOP_TITLE] = {A_BOLD, A_BOLD | A_UNDERLINE, COLOR_CYAN, -1},
	[TOP_BAR] = {A_REVERSE, A_REVERSE, -1, -1},
	[TOP_KEY] = {A_REVERSE | A_BOLD, A_REVERSE | A_BOLD, -1, -1},
	[TOP_GOOD] = {A_NORMAL, A_NORMAL, COLOR_GREEN, -1},
	[TOP_WARN] = {A_NORMAL, A_BOLD, COLOR_YELLOW, -1},
	[TOP_BAD] = {A_BOLD, A_BOLD | A_REVERSE, COLOR_RED, -1},
	[TOP_BUSY] = {A_NORMAL, A_NORMAL, COLOR_CYAN, -1},
	[TOP_OLD] = {A_NORMAL, A_DIM, COLOR_MAGENTA, -1},
};

static void styles_init(struct top_screen *s, bool colour)
{
	s->colour = colour && has_colors() && start_color() == OK && use_default_colors() == OK;
	for (int i = 0; i < TOP_STYLES; i++) {
		s->attributes[i] = s->colour ? looks[i].attributes : looks[i].plain;
		if (s->colour && init_pair((short)(i + 1), looks[i].front, looks[i].back) == OK)
			s->pair[i] = (short)(i + 1);
	}
}

/* ---- the terminal ---- */

/* newterm() alone takes what cannot move its cursor, too. */
static bool can_draw(void)
{
	bool can;
	int found;

	if (setupterm(NULL, STDOUT_FILENO, &found) != OK)
		return false;
	can = cursor_address != NULL;
	del_curterm(cur_term);
	return can;
}

struct top_screen *top_screen_open(bool colour)
{
	struct top_screen *s = calloc(1, sizeof(*s));

	if (!s || tcgetattr(STDIN_FILENO, &restore.before) != 0) {
		fprintf(stderr, "keyrack top: standard input: %s\n", strerror(errno));
		free(s);
		return NULL;
	}
	if (can_draw())
		s->terminal = newterm(NULL, stdout, stdin);
	if (!s->terminal) {
		fprintf(stderr, "keyrack top: TERM=%s: not a terminal to draw on; --once prints a plain frame\n",
			getenv("TERM") ? getenv("TERM") : "");
		free(s);
		return NULL;
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	styles_init(s, colour);
	crash_prepare();
	return s;
}

void top_screen_close(struct top_screen *s)
{
	if (!s)
		return;
	endwin();
	delscreen(s->terminal);
	crash_watch(SIG_DFL);
	free(s);
}

void top_screen_resize(struct top_screen *s)
{
	struct winsize size;

	(void)s;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

unsigned int top_screen_width(const struct top_screen *s)
{
	(void)s;
	return COLS > 0 ? (unsigned int)COLS : 0;
}

unsigned int top_screen_height(const struct top_screen *s)
{
	(void)s;
	return LINES > 0 ? (unsigned int)LINES : 0;
}

void top_screen_show(struct top_screen *s, const struct top_grid *g, bool all)
{
	erase();
	for (unsigned int y = 0; y < g->height; y++) {
		for (unsigned int x = 0; x < g->width; x++) {
			const struct top_cell *cell = &g->cell[(size_t)y * g->width + x];
			const wchar_t text[2] = {(wchar_t)cell->glyph, L'\0'};
			cchar_t c;

			if (setcchar(&c, text, s->attributes[cell->style], s->pair[cell->style], NULL) == OK)
				mvadd_wch((int)y, (int)x, &c); /* ERR in the last cell: there is no next place */
		}
	}
	if (all)
		clearok(curscr, TRUE);
	refresh();
}

int top_screen_key(struct top_screen *s)
{
	static const struct {
		int curses, key;
	} keys[] = {
		{KEY_UP, TOP_KEY_UP},           {KEY_DOWN, TOP_KEY_DOWN}, {KEY_PPAGE, TOP_KEY_PAGE_UP},
		{KEY_NPAGE, TOP_KEY_PAGE_DOWN}, {KEY_HOME, TOP_KEY_HOME}, {KEY_END, TOP_KEY_END},
	};
	int key = getch();

	(void)s;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (key == keys[i].curses)
			return keys[i].key;
	return key >= 0 && key < 0x80 ? key : TOP_KEY_NONE;
}
