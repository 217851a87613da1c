/* SPDX-License-Identifier: MIT */
/* Queues: how many there are, whose interrupts and packets go where, and whether an SA can be led to one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cli.h"
#include "ctl/doctor_priv.h"

/* ---- channels ---- */

void doctor_channels_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const struct doctor_device *v = &d->device;
	const struct nic_channels *c = &v->channels;
	unsigned int cpus = v->queues ? queues_count(v->queues) : 0;
	uint32_t rx = c->combined + c->rx, rx_max = c->combined_max + c->rx_max;

	(void)row;
	if (v->channels_err) {
		doctor_say(l, DOCTOR_WARNING, "cannot be read: %s", strerror(-v->channels_err));
		doctor_advise(l, "keyrackd takes it for one queue");
		return;
	}
	doctor_say(l, DOCTOR_OK, "%u RX and %u TX queues, %u CPUs", rx, c->combined + c->tx, cpus);
	if (rx >= cpus)
		return;
	doctor_say(l, rx < rx_max ? DOCTOR_WARNING : DOCTOR_INFO, "%u RX and %u TX queues of at most %u, for %u CPUs",
		   rx, c->combined + c->tx, rx_max, cpus);
	if (rx < rx_max)
		doctor_advise(l, "ethtool -L %s %s %u", v->name, c->combined_max ? "combined" : "rx",
			      cpus < rx_max ? cpus : rx_max);
}

/* ---- RSS ---- */

/* RX queues that the indirection table leads to. */
static unsigned int table_width(const struct nic_rss *rss)
{
	bool seen[QUEUES_MAX] = {false};
	unsigned int n = 0;

	for (uint32_t i = 0; i < rss->indir_size; i++)
		if (rss->indir[i] < QUEUES_MAX && !seen[rss->indir[i]]) {
			seen[rss->indir[i]] = true;
			n++;
		}
	return n;
}

static void spi_add(const struct doctor_device *v, struct doctor_line *l)
{
	const struct offload_profile *p = v->profile;
	size_t n = strlen(l->text);
	char *end = l->text + n;

	switch (p->rss_spi) {
	case RSS_SPI_YES:
		snprintf(end, sizeof(l->text) - n,
			 "; the SPI is hashed (profile %s), so keyrackd chooses SPIs by queue", p->name);
		return;
	case RSS_SPI_UNKNOWN:
		snprintf(end, sizeof(l->text) - n, "; whether the SPI is hashed is not known (profile %s)", p->name);
		l->level = l->level > DOCTOR_INFO ? l->level : DOCTOR_INFO;
		doctor_advise(l, "compare `keyrack queues` with the queue counters of `ethtool -S %s` under traffic",
			      v->name);
		return;
	case RSS_SPI_NO:
		break;
	}
	if (p->esp_rules && v->features.ntuple) {
		snprintf(end, sizeof(l->text) - n, "; the SPI is not hashed, flow rules lead SAs to queues");
		return;
	}
	l->level = DOCTOR_WARNING;
	snprintf(end, sizeof(l->text) - n, "; the SPI is not hashed (profile %s), so a tunnel arrives on one queue",
		 p->name);
	if (p->esp_rules)
		doctor_advise(l, "ethtool -K %s ntuple on: flow rules can lead SAs to queues", v->name);
	else
		doctor_advise(l, "spread tunnels over several gateway addresses, or take a card that hashes the SPI");
}

void doctor_rss_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const struct doctor_device *v = &d->device;
	const struct nic_rss *rss = &v->rss;
	uint32_t rx = v->channels.combined + v->channels.rx;
	unsigned int width = table_width(rss);

	(void)row;
	if (!v->channels_err && rx <= 1) {
		doctor_say(l, DOCTOR_OK, "one RX queue: there is nothing to spread");
		return;
	}
	if (v->rss_err) {
		doctor_say(l, DOCTOR_WARNING, "cannot be read: %s", strerror(-v->rss_err));
		doctor_advise(l, "SAs are received wherever the card puts them");
		return;
	}
	doctor_say(l, DOCTOR_OK, "%s, table of %u entries over %u queues, key of %u bytes",
		   rss->toeplitz ? "Toeplitz" : "hash not told", rss->indir_size, width, rss->key_size);
	if (rss->indir_size && width < rx) {
		l->level = DOCTOR_WARNING;
		doctor_advise(l, "ethtool -X %s equal %u: %u RX queues get nothing", v->name, rx, rx - width);
	}
	spi_add(v, l);
}

/* ---- the map ---- */

struct map {
	unsigned int rows, shared_rx, shared_tx, hashed, irq_here, irq_elsewhere;
	const struct queue *elsewhere; /* the first */
};

static struct map map_count(const struct queues *q)
{
	struct map m = {.rows = q ? queues_count(q) : 0};

	for (unsigned int i = 0; i < m.rows; i++) {
		const struct queue *r = queues_at(q, i);

		m.shared_rx += r->rx_shared;
		m.shared_tx += r->out == QUEUES_OUT_SHARED;
		m.hashed += r->out == QUEUES_OUT_HASH;
		if (r->rx_cpu == UINT32_MAX)
			continue;
		if (r->rx_cpu == r->cpu || r->rx_shared)
			m.irq_here++;
		else if (!m.irq_elsewhere++)
			m.elsewhere = r;
	}
	return m;
}

void doctor_irq_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const struct doctor_device *v = &d->device;
	struct map m = map_count(v->queues);

	(void)row;
	if (!v->queues) {
		doctor_say(l, DOCTOR_WARNING, "the queue map cannot be made: %s", strerror(-v->queues_err));
		return;
	}
	if (!m.irq_here && !m.irq_elsewhere) {
		doctor_say(l, DOCTOR_INFO, "no interrupts of its queues are found");
		return;
	}
	if (!m.irq_elsewhere) {
		doctor_say(l, DOCTOR_OK, "each CPU serves the interrupt of an RX queue of its own%s",
			   m.shared_rx ? ", as far as there are queues" : "");
		return;
	}
	doctor_say(l, DOCTOR_WARNING, "%u of %u CPUs receive elsewhere: CPU %u has RX queue %d, served on CPU %u",
		   m.irq_elsewhere, m.rows, m.elsewhere->cpu, m.elsewhere->rx, m.elsewhere->rx_cpu);
	doctor_advise(l, "one CPU for each queue in /proc/irq/N/smp_affinity_list, and no irqbalance");
}

void doctor_xps_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const struct doctor_device *v = &d->device;
	struct map m = map_count(v->queues);
	const char *poor = v->queues ? queues_poor(v->queues) : NULL;

	(void)row;
	if (!v->queues)
		return;
	if (poor) {
		doctor_say(l, DOCTOR_WARNING, "the queue map is not whole: %s", poor);
		doctor_advise(l, "keyrackd goes by what it has; as root it may read more");
		return;
	}
	if (m.hashed) {
		doctor_say(l, DOCTOR_WARNING, "%u of %u CPUs have no TX queue: the kernel hashes their flows over all",
			   m.hashed, m.rows);
		doctor_advise(l,
			      "nic.manage_queues = yes sets XPS and puts it back; or write xps_cpus of each TX queue");
		return;
	}
	if (m.shared_tx || m.shared_rx) {
		doctor_say(l, DOCTOR_INFO, "%u CPUs: %u share a TX queue, %u an RX queue", m.rows, m.shared_tx,
			   m.shared_rx);
		return;
	}
	doctor_say(l, DOCTOR_OK, "%u CPUs, each with a TX and an RX queue of its own", m.rows);
}

/* ---- keyrackd's rows ---- */

void doctor_steering_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	unsigned int unsteered = 0;
	const char *why = "";
	json_t *queue;
	size_t i;

	(void)row;
	if (!d->config->queues || !doctor_keyrackd_has(d))
		return;
	json_array_foreach(d->config->queues, i, queue)
	{
		const char *text = cli_text(queue, "unsteered", "");

		if (!text[0])
			continue;
		why = text;
		unsteered++;
	}
	if (!json_array_size(d->config->queues)) {
		doctor_say(l, DOCTOR_INFO, "keyrackd has no SAs now");
		return;
	}
	doctor_say(l, unsteered ? DOCTOR_WARNING : DOCTOR_OK, "%zu SAs of keyrackd, %u not led to their queue%s%s",
		   json_array_size(d->config->queues), unsteered, unsteered ? ": " : "", why);
	if (unsteered)
		doctor_advise(l, "`keyrack queues` lists them");
}
