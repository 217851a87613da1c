/* SPDX-License-Identifier: MIT */
/* What comes off the wire, through everything of a port that reads it: first byte 1 is a port specification instead. */
#include <stdlib.h>
#include <string.h>

#include "hwsim/gen_packet.h"
#include "hwsim/port.h"
#include "hwsim/port_ip.h"
#include "hwsim/port_pause.h"
#include "hwsim/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void read_spec(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), why[128] = "";
	struct port_spec spec;

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (port_spec_parse(&spec, size % 2 ? PORT_WIRE : PORT_HOST, text, why, sizeof(why)) < 0)
		check(why[0]);
	else
		check(memchr(spec.ifname, '\0', sizeof(spec.ifname)));
	free(text);
}

static void read_packet(const uint8_t *data, size_t size)
{
	struct gen_header h;
	struct watch w = {0};
	struct ip_view view;

	watch_packet(&w, WATCH_IN, data, size);
	check(w.count[WATCH_IN][WATCH_ESP] + w.count[WATCH_IN][WATCH_PLAIN] == 1);
	if (gen_packet_parse(data, size, &h) == GEN_GOOD)
		check(h.len <= size && h.stream < GEN_MAX_STREAMS);
	if (!ip_parse(data, size, &view))
		return;
	check(view.total <= size && view.payload >= data && view.payload + view.payload_len == data + view.total);
	(void)ip_is_link_local(&view);
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return;
	memcpy(copy, data, size);
	ip_complete_checksum(copy, size);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct port_pause pause;

	if (size && data[0] == 1) {
		read_spec(data + 1, size - 1);
		return 0;
	}
	read_packet(data, size);
	port_pause_init(&pause, 1, 1000);
	port_pause_receive(&pause, -1, data, size);
	port_pause_destroy(&pause);
	return 0;
}
