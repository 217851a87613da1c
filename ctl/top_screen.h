/* SPDX-License-Identifier: MIT */
/* A grid on the terminal, with ncursesw. One at a time: the terminal is one. */
#ifndef CTL_TOP_SCREEN_H
#define CTL_TOP_SCREEN_H

#include <stdbool.h>

#include "ctl/top_grid.h"

enum {
	TOP_KEY_NONE = -1,
	TOP_KEY_UP = 0x1000,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END
};

struct top_screen;

/*
 * Takes the terminal (standard input and output): alternate screen, no echo. It is given back by top_screen_close(),
 * and before the process dies of a crash signal. colour: if the terminal has them. NULL with a message on stderr.
 */
struct top_screen *top_screen_open(bool colour);
void top_screen_close(struct top_screen *s);

/* Asks the terminal for its size; to be called when SIGWINCH came. */
void top_screen_resize(struct top_screen *s);
unsigned int top_screen_width(const struct top_screen *s);
unsigned int top_screen_height(const struct top_screen *s);

/* Shows a grid. all: also what should be there already (another program may have written over it). */
void top_screen_show(struct top_screen *s, const struct top_grid *g, bool all);

/* A key that was pressed (a character, or TOP_KEY_*), or TOP_KEY_NONE. Does not wait. */
int top_screen_key(struct top_screen *s);

#endif
