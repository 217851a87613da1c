// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Sequence numbers (RFC 4303 3.3.3) and the replay window (3.4.3). */
#include "krnic.h"

/* ---- where it begins ---- */

/* Which of the numbers up to the highest one the kernel has seen (net/xfrm/xfrm_replay.c). */
static bool kernel_has_seen(const struct xfrm_state *x, u64 seq, u32 back)
{
	const struct xfrm_replay_state_esn *esn = x->replay_esn;
	u32 bit;

	if (!esn)
		return x->replay.bitmap >> back & 1;
	bit = ((u32)seq - 1) % esn->replay_window;
	return esn->bmp[bit / 32] >> bit % 32 & 1;
}

void krnic_sa_init_seq(struct krnic_sa *sa)
{
	const struct xfrm_state *x = sa->x;
	const struct xfrm_replay_state_esn *esn = x->replay_esn;
	u32 i;

	if (x->xso.dir == XFRM_DEV_OFFLOAD_OUT) {
		sa->seq = esn ? (u64)esn->oseq_hi << 32 | esn->oseq : x->replay.oseq;
		return;
	}
	sa->seq = esn ? (u64)esn->seq_hi << 32 | esn->seq : x->replay.seq;
	sa->window = krnic_window_of(x);
	for (i = 0; i < min_t(u64, min_t(u32, sa->window, esn ? KRNIC_WINDOW : 32), sa->seq); i++)
		if (kernel_has_seen(x, sa->seq - i, i))
			__set_bit((sa->seq - i) % KRNIC_WINDOW, sa->seen);
}

/* ---- out ---- */

bool krnic_sa_take_seq(struct krnic_sa *sa, unsigned int bytes, u64 *seq)
{
	u64 last = sa->x->props.flags & XFRM_STATE_ESN ? U64_MAX : U32_MAX;
	bool good;

	spin_lock(&sa->x->lock);
	good = sa->seq < last && krnic_sa_account(sa, bytes);
	if (good)
		*seq = ++sa->seq;
	spin_unlock(&sa->x->lock);
	return good;
}

bool krnic_sa_note_seq(struct krnic_sa *sa, unsigned int bytes, u64 seq)
{
	bool good;

	spin_lock(&sa->x->lock);
	good = sa->x->km.state == XFRM_STATE_VALID;
	if (good) {
		sa->packets++;
		sa->bytes += bytes;
		sa->seq = max(sa->seq, seq);
	}
	spin_unlock(&sa->x->lock);
	return good;
}

/* ---- in ---- */

/* RFC 4303 appendix A2: the high half that the sequence number must have, by the highest one seen. */
static u64 seq_infer(const struct krnic_sa *sa, u32 lo)
{
	u32 window = sa->window ?: 1, top_lo = (u32)sa->seq;
	u64 hi = sa->seq >> 32;

	if (!(sa->x->props.flags & XFRM_STATE_ESN))
		return lo;
	if (top_lo >= window - 1) {
		if (lo < top_lo - window + 1)
			hi++;
	} else if (lo >= top_lo - window + 1 && hi) { /* the bottom of the window is in the half before */
		hi--;
	}
	return hi << 32 | lo;
}

static bool is_replay(const struct krnic_sa *sa, u64 seq)
{
	if (!seq)
		return true;
	if (!sa->window || seq > sa->seq)
		return false;
	return sa->seq - seq >= sa->window || test_bit(seq % KRNIC_WINDOW, sa->seen);
}

static void window_advance(struct krnic_sa *sa, u64 seq)
{
	u64 i;

	if (seq > sa->seq) {
		if (seq - sa->seq >= KRNIC_WINDOW)
			bitmap_zero(sa->seen, KRNIC_WINDOW);
		else
			for (i = sa->seq + 1; i < seq; i++)
				__clear_bit(i % KRNIC_WINDOW, sa->seen);
		sa->seq = seq;
	}
	__set_bit(seq % KRNIC_WINDOW, sa->seen);
}

bool krnic_sa_check_seq(struct krnic_sa *sa, u32 lo, u64 *seq)
{
	bool replay;

	spin_lock(&sa->x->lock);
	*seq = seq_infer(sa, lo);
	replay = !sa->crypto && is_replay(sa, *seq);
	if (replay)
		sa->replayed++;
	spin_unlock(&sa->x->lock);
	return !replay;
}

int krnic_sa_accept_seq(struct krnic_sa *sa, u64 seq, unsigned int bytes)
{
	int err = 0;

	spin_lock(&sa->x->lock);
	if (is_replay(sa, seq)) {
		sa->replayed++;
		err = -EALREADY;
	} else if (krnic_sa_account(sa, bytes)) {
		window_advance(sa, seq);
	} else {
		err = -EKEYEXPIRED;
	}
	spin_unlock(&sa->x->lock);
	return err;
}

void krnic_sa_count_forged(struct krnic_sa *sa)
{
	spin_lock(&sa->x->lock);
	sa->unauthentic++;
	spin_unlock(&sa->x->lock);
}
