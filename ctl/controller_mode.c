/* SPDX-License-Identifier: MIT */
/*
 * In which mode the SAs of a tunnel go to the card. It is decided with the tunnel's first Child SA and then holds for
 * all, since a packet-offloaded policy only ever uses packet-offloaded SAs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/controller_internal.h"
#include "ike/crypto.h"

static bool has_device(const struct controller *c)
{
	return c->nic.ifindex > 0;
}

bool tunnel_may_offload(const struct ctl_tunnel *t)
{
	if (t->mode_known)
		return t->mode[SLOTS_IN] != OFFLOAD_SOFTWARE || t->mode[SLOTS_OUT] != OFFLOAD_SOFTWARE;
	return t->cfg->hw_offload != HW_OFFLOAD_NO && has_device(t->c);
}

bool tunnel_may_be_software(const struct ctl_tunnel *t)
{
	return !t->mode_known && (t->cfg->hw_offload == HW_OFFLOAD_AUTO || t->cfg->hw_offload == HW_OFFLOAD_NO);
}

static bool is_mixed(const struct ike_child_sa *sa)
{
	for (unsigned int i = 0; sa->mode == IKE_MODE_TUNNEL && i < sa->n_local_ts; i++)
		if ((sa->local_ts[i].type == IKE_TS_IPV4) != (sa->path.local.family == AF_INET))
			return true;
	return false;
}

static struct placement_ask ask_of(const struct ike_child_sa *sa)
{
	return (struct placement_ask){
		.encr = sa->encr,
		.encr_bits = sa->encr_bits,
		.integ = sa->integ,
		.esn = sa->esn,
		.encap = sa->encap,
		.tunnel = sa->mode == IKE_MODE_TUNNEL,
		.mixed = is_mixed(sa),
		.limits = false, /* where the card does not take them, the controller counts */
	};
}

/* Can the card take what one of the child's proposals would give? */
static bool proposal_possible(const struct ctl_tunnel *t, const struct ike_proposal *p, char *why, size_t size)
{
	struct placement_ask ask = {.esn = true, .tunnel = t->cfg->ike.mode == IKE_MODE_TUNNEL};

	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == IKE_T_ESN && !p->t[i].id)
			ask.esn = false;
	for (unsigned int i = 0; i < p->n; i++) {
		ask.encr = p->t[i].id;
		ask.encr_bits = p->t[i].key_bits;
		if (p->t[i].type == IKE_T_ENCR &&
		    placement_first(t->cfg->hw_offload, t->c->profile, &ask, why, size) >= 0)
			return true;
	}
	return false;
}

int tunnel_mode_check(const struct ctl_tunnel *t)
{
	char why[256] = "no device is configured";

	if (t->cfg->hw_offload == HW_OFFLOAD_NO || t->cfg->hw_offload == HW_OFFLOAD_AUTO)
		return 0;
	for (unsigned int i = 0; has_device(t->c) && i < t->cfg->ike.n_proposals; i++)
		if (proposal_possible(t, &t->cfg->ike.proposals[i], why, sizeof(why)))
			return 0;
	log_at(t->c->log, LOG_LEVEL_ERROR, "offload.impossible", "%s: hw_offload is demanded, but %s", t->name, why);
	return -EOPNOTSUPP;
}

static void count_fallback(struct controller *c, enum offload_mode mode)
{
	switch (mode) {
	case OFFLOAD_PACKET:
		break;
	case OFFLOAD_CRYPTO:
		c->counters.fallback_crypto++;
		break;
	case OFFLOAD_SOFTWARE:
		c->counters.fallback_software++;
		break;
	}
}

/* In which mode the outbound SAs of queues go to a card that takes the tunnel in packet mode; why: for people. */
static enum offload_mode queues_mode(const struct ctl_tunnel *t, const char **why)
{
	const struct offload_profile *p = t->c->profile;

	switch (t->cfg->per_cpu_mode) {
	case CONF_PER_CPU_MODE_AUTO:
		if (!p->tx_by_reqid)
			return OFFLOAD_PACKET;
		*why = p->crypto ? "in packet mode the device finds outbound SAs by reqid alone, and queues would "
				   "share one"
				 : "queues share one SA: the device finds outbound SAs by reqid alone";
		return p->crypto ? OFFLOAD_CRYPTO : OFFLOAD_PACKET;
	case CONF_PER_CPU_MODE_PACKET:
		*why = p->tx_by_reqid ? "per_cpu_mode = packet; queues share one SA: the device finds outbound SAs by "
					"reqid alone"
				      : "per_cpu_mode = packet";
		return OFFLOAD_PACKET;
	case CONF_PER_CPU_MODE_CRYPTO:
		*why = p->crypto ? "per_cpu_mode = crypto" : "per_cpu_mode = crypto, which the device cannot do";
		return p->crypto ? OFFLOAD_CRYPTO : OFFLOAD_PACKET;
	}
	return OFFLOAD_PACKET;
}

static void mode_of_queues_set(struct ctl_tunnel *t, enum offload_mode mode)
{
	const char *why = NULL;

	t->mode[SLOTS_OUT] = queues_mode(t, &why);
	t->mode_why = why;
	if (!why)
		return;
	log_at(t->c->log, LOG_LEVEL_WARN, t->mode[SLOTS_OUT] == mode ? "offload.shared" : "offload.fallback",
	       "%s: outbound SAs in %s mode (%s: %s)", t->name, offload_mode_name(t->mode[SLOTS_OUT]),
	       t->c->profile->name, why);
	if (t->mode[SLOTS_OUT] != mode)
		count_fallback(t->c, t->mode[SLOTS_OUT]);
}

static void mode_set(struct ctl_tunnel *t, const struct ike_child_sa *sa, enum offload_mode mode)
{
	t->mode_known = true;
	t->mode[SLOTS_IN] = t->mode[SLOTS_OUT] = mode;
	t->mode_why = NULL;
	if (mode == OFFLOAD_PACKET && t->n_lanes > 1)
		mode_of_queues_set(t, mode);
	tunnel_reqid_follow(t, &sa->path.local, &sa->path.remote);
}

int tunnel_mode_first(struct ctl_tunnel *t, const struct ike_child_sa *sa, bool room)
{
	struct controller *c = t->c;
	struct placement_ask ask = ask_of(sa);
	enum hw_offload want = t->cfg->hw_offload;
	char why[256] = "";
	int mode;

	if (t->mode_known)
		return 0;
	if (has_device(c) && room) {
		mode = placement_first(want, c->profile, &ask, why, sizeof(why));
	} else {
		mode = want == HW_OFFLOAD_NO || want == HW_OFFLOAD_AUTO ? (int)OFFLOAD_SOFTWARE : -EOPNOTSUPP;
		if (want != HW_OFFLOAD_NO)
			snprintf(why, sizeof(why), "%s", has_device(c) ? "no slot is free" : "no device is configured");
	}
	if (mode < 0) {
		log_at(c->log, LOG_LEVEL_ERROR, "offload.impossible", "%s: hw_offload is demanded, but %s", t->name,
		       why);
		return mode;
	}
	if (why[0]) {
		log_at(c->log, LOG_LEVEL_WARN, "offload.fallback", "%s: %s (%s)", t->name,
		       offload_mode_name((enum offload_mode)mode), why);
		count_fallback(c, (enum offload_mode)mode);
	}
	mode_set(t, sa, (enum offload_mode)mode);
	return 0;
}

int tunnel_mode_next(struct ctl_tunnel *t, const struct ike_child_sa *sa, int err, const char *text)
{
	struct placement_ask ask = ask_of(sa);
	int mode = placement_next(t->cfg->hw_offload, t->c->profile, &ask, t->mode[SLOTS_IN]);

	if (err == -ENOSPC && mode == OFFLOAD_CRYPTO) /* it would need a slot of the same table */
		mode = placement_next(t->cfg->hw_offload, t->c->profile, &ask, OFFLOAD_CRYPTO);
	if (mode < 0)
		return mode;
	log_at(t->c->log, LOG_LEVEL_WARN, "offload.fallback", "%s: %s refused (%s: %s), now %s", t->name,
	       offload_mode_name(t->mode[SLOTS_IN]), strerror(-err), text ? text : "no reason given",
	       offload_mode_name((enum offload_mode)mode));
	count_fallback(t->c, (enum offload_mode)mode);
	mode_set(t, sa, (enum offload_mode)mode);
	return 0;
}

enum offload_mode half_mode(const struct ctl_half *h)
{
	return h->child->tunnel->mode[h->out ? SLOTS_OUT : SLOTS_IN];
}
