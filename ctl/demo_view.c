/* SPDX-License-Identifier: MIT */
/* What is seen while the demo runs: redrawn in place on a terminal, else a line a second. Nothing with --json. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/demo.h"

enum { RACK_WIDTH = 64 };

static bool on_terminal(void)
{
	return isatty(STDOUT_FILENO) != 0;
}

void demo_view_start(const struct demo *d)
{
	if (d->opt.json)
		return;
	printf("keyrack demo: 2 gateways, 2 software cards of %u slots, %u queues, %llu packets/s each way, %u s\n",
	       d->opt.slots, d->opt.queues, (unsigned long long)d->opt.pps, d->opt.seconds);
	printf("all queue SAs up after %.1f ms\n", d->all_queues_ms);
	if (on_terminal())
		printf("\033[?25l\033[s");
	fflush(stdout);
}

static int64_t rekeys(const struct demo *d)
{
	return demo_number(d->side[0].status, "counters.rekeys_done") +
	       demo_number(d->side[1].status, "counters.rekeys_done");
}

static void rack_show(const struct demo_side *s)
{
	int64_t size = demo_number(s->card_stats, "card.total.size"),
		used = demo_number(s->card_stats, "card.total.used");
	int64_t freeing = demo_number(s->card_stats, "card.total.freeing");
	bool colour = !getenv("NO_COLOR");

	printf("  %-5s [", s->name);
	for (int64_t i = 0; i < size && i < RACK_WIDTH; i++) {
		/* a rack larger than the line is shown to scale */
		int64_t at = size > RACK_WIDTH ? i * size / RACK_WIDTH : i;

		if (at < used)
			fputs(colour ? "\033[32m#\033[0m" : "#", stdout);
		else if (at < used + freeing)
			fputs(colour ? "\033[33m~\033[0m" : "~", stdout);
		else
			putchar('.');
	}
	printf("] %lld of %lld slots, peak %lld\033[K\n", (long long)used, (long long)size,
	       (long long)demo_number(s->card_stats, "card.total.peak"));
}

static void queues_show(const struct demo *d)
{
	const struct demo_side *s = &d->side[0];
	size_t i;
	json_t *q;

	printf("  queue  spi in      spi out     sent        received\033[K\n");
	json_array_foreach(s->queues, i, q)
	{
		const json_t *out = demo_stream(s, (unsigned int)i);
		const json_t *in = demo_stream(&d->side[1], (unsigned int)i);
		const char *spi_in = json_string_value(json_object_get(q, "spi_in"));
		const char *spi_out = json_string_value(json_object_get(q, "spi_out"));

		printf("  %-5zu  %-10s  %-10s  %-10lld  %-10lld\033[K\n", i, spi_in ? spi_in : "-",
		       spi_out ? spi_out : "-", (long long)demo_number(out, "sent"),
		       (long long)demo_number(in, "received"));
	}
}

void demo_view_show(const struct demo *d, double elapsed)
{
	if (d->opt.json)
		return;
	if (!on_terminal()) {
		printf("%5.1f s  sent %lld  received %lld  rekeys %lld  slots %lld/%lld\n", elapsed,
		       (long long)demo_number(d->side[0].card_stats, "gen.sent"),
		       (long long)demo_number(d->side[1].card_stats, "gen.received"), (long long)rekeys(d),
		       (long long)demo_number(d->side[0].card_stats, "card.total.used"),
		       (long long)demo_number(d->side[0].card_stats, "card.total.size"));
		fflush(stdout);
		return;
	}
	printf("\033[u");
	printf("%5.1f s   %lld rekeys\033[K\n", elapsed, (long long)rekeys(d));
	rack_show(&d->side[0]);
	rack_show(&d->side[1]);
	queues_show(d);
	printf("\033[J");
	fflush(stdout);
}

void demo_view_end(const struct demo *d)
{
	if (!d->opt.json && on_terminal())
		printf("\033[?25h\n");
	fflush(stdout);
}
