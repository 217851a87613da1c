/* SPDX-License-Identifier: MIT */
/* The map in words. */
#include <stdio.h>

#include "offload/queues.h"

const char *queues_in_name(enum queues_in in)
{
	switch (in) {
	case QUEUES_IN_HASH:
		return "hash";
	case QUEUES_IN_ASSUMED:
		return "assumed";
	case QUEUES_IN_RULE:
		return "rule";
	case QUEUES_IN_ONE:
		return "one";
	case QUEUES_IN_ANY:
		return "any";
	}
	return "any";
}

const char *queues_out_name(enum queues_out out)
{
	switch (out) {
	case QUEUES_OUT_XPS:
		return "xps";
	case QUEUES_OUT_SHARED:
		return "shared";
	case QUEUES_OUT_FIXED:
		return "fixed";
	case QUEUES_OUT_HASH:
		return "hash";
	}
	return "hash";
}

const char *queues_describe_out(const struct queue *row, char *buf)
{
	switch (row->out) {
	case QUEUES_OUT_XPS:
		snprintf(buf, QUEUES_TEXT, "CPU %u sends on TX queue %d (XPS)", row->cpu, row->tx);
		break;
	case QUEUES_OUT_SHARED:
		snprintf(buf, QUEUES_TEXT, "CPU %u sends on TX queue %d, as other CPUs do", row->cpu, row->tx);
		break;
	case QUEUES_OUT_FIXED:
		snprintf(buf, QUEUES_TEXT, "CPU %u sends on TX queue %d", row->cpu, row->tx);
		break;
	case QUEUES_OUT_HASH:
		snprintf(buf, QUEUES_TEXT, "CPU %u sends on any TX queue (no XPS)", row->cpu);
		break;
	}
	return buf;
}

static const char *how_in(enum queues_in in)
{
	switch (in) {
	case QUEUES_IN_HASH:
		return "the SPI's hash lands there";
	case QUEUES_IN_ASSUMED:
		return "the SPI's hash lands there, if the device hashes the SPI";
	case QUEUES_IN_RULE:
		return "a flow rule";
	case QUEUES_IN_ONE:
		return "there is no other";
	case QUEUES_IN_ANY:
		return NULL;
	}
	return NULL;
}

const char *queues_describe_in(const struct queue *row, enum queues_in in, char *buf)
{
	const char *how = how_in(in);
	int n;

	if (!how) {
		snprintf(buf, QUEUES_TEXT, "not steered: any RX queue");
		return buf;
	}
	n = snprintf(buf, QUEUES_TEXT, "RX queue %d: %s", row->rx, how);
	if (row->rx_cpu != UINT32_MAX && row->rx_cpu != row->cpu && n > 0 && n < QUEUES_TEXT)
		n += snprintf(buf + n, (size_t)(QUEUES_TEXT - n), "; its interrupt is on CPU %u", row->rx_cpu);
	if (row->rx_shared && n > 0 && n < QUEUES_TEXT)
		snprintf(buf + n, (size_t)(QUEUES_TEXT - n), "; shared with other CPUs");
	return buf;
}
