/* SPDX-License-Identifier: MIT */
#include "hwsim/watch.h"

#include <string.h>

#include "hwsim/gen_packet.h"
#include "hwsim/port_ip.h"

static void count(struct watch *w, enum watch_dir dir, enum watch_counter c)
{
	atomic_fetch_add_explicit(&w->count[dir][c], 1, memory_order_relaxed);
}

void watch_packet(struct watch *w, enum watch_dir dir, const uint8_t *packet, size_t len)
{
	struct ip_view view;

	count(w, dir, ip_parse(packet, len, &view) && ip_is_esp(&view) ? WATCH_ESP : WATCH_PLAIN);
	/* Inside ESP as well: a card that wraps without encrypting must not pass. */
	if (memmem(packet, len, gen_magic, GEN_MAGIC_SIZE))
		count(w, dir, WATCH_PLAINTEXT);
}

const char *watch_dir_name(enum watch_dir dir)
{
	static const char *const names[WATCH_DIRS] = {"out", "in"};

	return names[dir];
}

const char *watch_counter_name(enum watch_counter c)
{
	static const char *const names[WATCH_COUNTERS] = {"esp", "plain", "leaks"};

	return names[c];
}
