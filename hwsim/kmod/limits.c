// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What an SA has carried, its limits, and how the host hears of them. */
#include <linux/math64.h>

#include "krnic.h"

/* ---- what the host sees ---- */

/* The fault counter_lag: what dumps show is as old as the end of the period before. */
static u64 lag_ns(const struct krnic *nic)
{
	const struct krnic_armed *f = &nic->fault[KRNIC_COUNTER_LAG];

	return READ_ONCE(f->count) ? READ_ONCE(f->arg) * NSEC_PER_MSEC : 0;
}

/* Whether the sample is what dumps show; the lag may have changed since it was taken. */
static bool sample_holds(const struct krnic_sa *sa, u64 lag, u64 now)
{
	u64 until = READ_ONCE(sa->sample_until);

	return now < until && until - now <= lag;
}

static void sample_take(struct krnic_sa *sa)
{
	u64 lag = lag_ns(sa->nic), now = ktime_get_ns();

	if (!lag || sample_holds(sa, lag, now))
		return;
	WRITE_ONCE(sa->sample_packets, sa->packets);
	WRITE_ONCE(sa->sample_bytes, sa->bytes);
	WRITE_ONCE(sa->sample_until, (div64_u64(now, lag) + 1) * lag);
}

void krnic_sa_show(const struct krnic_sa *sa, struct xfrm_lifetime_cur *cur)
{
	/* what is told of a limit is exact */
	bool late = sa->x->km.state == XFRM_STATE_VALID && READ_ONCE(sa->judged_on) != raw_smp_processor_id() + 1 &&
		    sample_holds(sa, lag_ns(sa->nic), ktime_get_ns());

	cur->packets = late ? READ_ONCE(sa->sample_packets) : READ_ONCE(sa->packets);
	cur->bytes = late ? READ_ONCE(sa->sample_bytes) : READ_ONCE(sa->bytes);
}

/* ---- events ---- */

/*
 * The limits are the kernel's to judge: it sends the soft event, and at hard it ends the state, tells, and has the card
 * delete it (net/xfrm/xfrm_state.c, xfrm_state_check_expire). It asks for the counters again, and gets what they are now.
 */
static void judge(struct krnic_sa *sa)
{
	WRITE_ONCE(sa->judged_on, smp_processor_id() + 1);
	(void)xfrm_state_check_expire(sa->x);
	WRITE_ONCE(sa->judged_on, 0);
}

/* In the kernel's place, for an event that a fault has changed; `copies` can be 0. x->lock held. */
static void tell_soft(struct krnic_sa *sa, u32 copies)
{
	WRITE_ONCE(sa->judged_on, smp_processor_id() + 1);
	sa->x->km.dying = 1;
	while (copies--)
		km_state_expired(sa->x, 0, 0);
	WRITE_ONCE(sa->judged_on, 0);
}

/* As xfrm_timer_handler: first it is deleted. The caller has a reference. */
static void tell_hard(struct xfrm_state *x, u32 copies)
{
	if (__xfrm_state_delete(x))
		return;
	while (copies--)
		km_state_expired(x, 1, 0);
}

/* krnic_state_free waits for this: the state is there. */
static void event_work(struct work_struct *work)
{
	struct krnic_event *ev = container_of(to_delayed_work(work), struct krnic_event, work);
	struct xfrm_state *x = ev->sa->x;
	bool mine = false;

	spin_lock_bh(&x->lock);
	ev->pending = false;
	if (x->km.state == XFRM_STATE_VALID && !ev->hard) {
		tell_soft(ev->sa, ev->copies);
	} else if (x->km.state == XFRM_STATE_VALID) {
		xfrm_state_hold(x);
		mine = true;
		tell_hard(x, ev->copies);
	}
	spin_unlock_bh(&x->lock);
	if (mine)
		xfrm_state_put(x);
}

/* x->lock held. */
static void limit_reached(struct krnic_sa *sa, bool hard)
{
	struct krnic_event *ev = hard ? &sa->hard : &sa->soft;
	struct krnic *nic = sa->nic;
	u64 repeats = 0, ms = 0;
	bool lost = krnic_event_is_lost(nic, hard), faulty;

	krnic_count(nic, hard ? KRNIC_hard_expired : KRNIC_soft_expired);
	if (lost)
		krnic_count(nic, KRNIC_events_lost);
	faulty = lost;
	if (!lost) {
		faulty |= krnic_fault_strikes(nic, KRNIC_REPEAT_EVENT, &repeats);
		faulty |= krnic_fault_strikes(nic, KRNIC_LATE_EVENT, &ms);
	}
	if (!faulty) {
		judge(sa);
		return;
	}
	ev->copies = lost ? 0 : 1 + repeats;
	ev->pending = true;
	queue_delayed_work(nic->wq, &ev->work, msecs_to_jiffies(ms));
}

static void event_init(struct krnic_event *ev, struct krnic_sa *sa, bool hard)
{
	ev->sa = sa;
	ev->hard = hard;
	INIT_DELAYED_WORK(&ev->work, event_work);
}

void krnic_events_init(struct krnic_sa *sa)
{
	event_init(&sa->soft, sa, false);
	event_init(&sa->hard, sa, true);
}

void krnic_events_cancel(struct krnic_sa *sa)
{
	cancel_delayed_work_sync(&sa->soft.work);
	cancel_delayed_work_sync(&sa->hard.work);
}

/* ---- counting ---- */

static bool is_over(const struct krnic_sa *sa, u64 packets, u64 bytes)
{
	return sa->packets >= packets || sa->bytes >= bytes; /* XFRM_INF is more than there can be */
}

/* The packet that reaches the hard limit is the last one. */
bool krnic_sa_account(struct krnic_sa *sa, unsigned int bytes)
{
	struct xfrm_state *x = sa->x;
	const struct xfrm_lifetime_cfg *l = &x->lft;

	if (x->km.state != XFRM_STATE_VALID || is_over(sa, l->hard_packet_limit, l->hard_byte_limit))
		return false;
	sample_take(sa);
	WRITE_ONCE(sa->packets, sa->packets + 1);
	WRITE_ONCE(sa->bytes, sa->bytes + bytes);
	x->lastused = ktime_get_real_seconds();
	if (!READ_ONCE(x->curlft.use_time))
		WRITE_ONCE(x->curlft.use_time, x->lastused);
	if (is_over(sa, l->hard_packet_limit, l->hard_byte_limit))
		limit_reached(sa, true);
	else if (!x->km.dying && !sa->soft.pending && is_over(sa, l->soft_packet_limit, l->soft_byte_limit))
		limit_reached(sa, false);
	return true;
}
