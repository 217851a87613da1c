// SPDX-License-Identifier: GPL-2.0 OR MIT
/* SAs: in and out of the two tables, as the kernel says (struct xfrmdev_ops). */
#include <crypto/aead.h>
#include <linux/slab.h>

#include "krnic.h"

static struct krnic_sa *sa_of(const struct xfrm_state *x)
{
	return (struct krnic_sa *)READ_ONCE(x->xso.offload_handle);
}

static struct krnic_table *table_of(struct krnic *nic, const struct xfrm_state *x)
{
	return x->xso.dir == XFRM_DEV_OFFLOAD_IN ? &nic->in : &nic->out;
}

/* ---- what the card keeps of a state ---- */

static struct crypto_aead *aead_new(const struct xfrm_state *x)
{
	/* packets come in softirqs: nothing that answers later */
	struct crypto_aead *aead = crypto_alloc_aead(x->aead->alg_name, 0, CRYPTO_ALG_ASYNC);
	int err;

	if (IS_ERR(aead))
		return aead;
	err = crypto_aead_setkey(aead, x->aead->alg_key, (x->aead->alg_key_len + 7) / 8);
	if (!err)
		err = crypto_aead_setauthsize(aead, KRNIC_ICV);
	if (!err)
		return aead;
	crypto_free_aead(aead);
	return ERR_PTR(err);
}

/* In process context: a cipher may sleep when it goes. */
static void sa_free(struct krnic_sa *sa)
{
	if (sa->aead)
		crypto_free_aead(sa->aead);
	kfree(sa);
}

static void sa_free_work(struct work_struct *work)
{
	sa_free(container_of(to_rcu_work(work), struct krnic_sa, free));
}

static struct krnic_sa *sa_new(struct krnic *nic, struct xfrm_state *x)
{
	struct krnic_sa *sa = kzalloc(sizeof(*sa), GFP_KERNEL);

	if (!sa)
		return ERR_PTR(-ENOMEM);
	sa->nic = nic;
	sa->x = x;
	sa->crypto = x->xso.type == XFRM_DEV_OFFLOAD_CRYPTO;
	sa->aead = aead_new(x);
	if (IS_ERR(sa->aead)) {
		long err = PTR_ERR(sa->aead);

		kfree(sa);
		return ERR_PTR(err);
	}
	INIT_RCU_WORK(&sa->free, sa_free_work);
	krnic_events_init(sa);
	krnic_sa_init_seq(sa);
	return sa;
}

/* ---- slots ---- */

static void table_drain(struct krnic_table *t, u64 now)
{
	u32 i;

	for (i = 0; t->draining && i < t->room; i++)
		if (t->free_at[i] && t->free_at[i] <= now) {
			t->free_at[i] = 0;
			t->draining--;
		}
}

void krnic_tables_drain(struct krnic *nic)
{
	u64 now = ktime_get_ns();

	table_drain(&nic->in, now);
	table_drain(&nic->out, now);
}

/* What the kernel has not let go yet is not the card's to free. */
void krnic_tables_reset(struct krnic *nic)
{
	spin_lock_bh(&nic->lock);
	table_drain(&nic->in, U64_MAX - 1);
	table_drain(&nic->out, U64_MAX - 1);
	spin_unlock_bh(&nic->lock);
}

static bool is_full(const struct krnic *nic, const struct krnic_table *t)
{
	u32 taken = t->used + t->draining;

	if (nic->shared)
		taken = nic->in.used + nic->in.draining + nic->out.used + nic->out.draining;
	return taken >= READ_ONCE(t->size);
}

static int table_insert(struct krnic *nic, struct krnic_table *t, struct krnic_sa *sa)
{
	u32 i = 0;
	int err = -ENOSPC;

	spin_lock_bh(&nic->lock);
	krnic_tables_drain(nic);
	while (i < t->room && (t->sa[i] || t->free_at[i]))
		i++;
	if (i < t->room && !is_full(nic, t)) {
		sa->slot = i;
		sa->serial = ++nic->serial;
		t->sa[i] = sa;
		t->used++;
		err = 0;
	}
	spin_unlock_bh(&nic->lock);
	return err;
}

/* Packets do not find it any more; its slot is free when the kernel lets go of it, or later. */
static void sa_remove(struct krnic *nic, struct krnic_table *t, struct krnic_sa *sa)
{
	u64 ms = 0;

	if (sa->deleted)
		return;
	sa->deleted = true;
	if (!sa->larval && krnic_fault_strikes(nic, KRNIC_DELAYED_FREE, &ms))
		sa->free_at = ktime_get_ns() + ms * NSEC_PER_MSEC;
	spin_lock_bh(&nic->lock);
	if (sa->larval) {
		nic->n_larval--;
	} else {
		t->sa[sa->slot] = NULL;
		t->used--;
		t->free_at[sa->slot] = U64_MAX;
		t->draining++;
		krnic_count(nic, KRNIC_sa_deletes);
	}
	spin_unlock_bh(&nic->lock);
}

/* ---- what the kernel asks for ---- */

/*
 * The kernel makes a state for an acquire while it holds a spinlock: no key, no slot, and it only wants to know that
 * the device is there (net/xfrm/xfrm_state.c, xfrm_state_find).
 */
static int larval_add(struct krnic *nic, struct xfrm_state *x)
{
	struct krnic_sa *sa = kzalloc(sizeof(*sa), GFP_ATOMIC);

	if (!sa)
		return -ENOMEM;
	sa->x = x;
	sa->larval = true;
	INIT_RCU_WORK(&sa->free, sa_free_work);
	x->xso.offload_handle = (unsigned long)sa;
	spin_lock_bh(&nic->lock);
	nic->n_larval++;
	spin_unlock_bh(&nic->lock);
	return 0;
}

/*
 * Acknowledged and not offloaded: what xfrm_dev_state_add (net/xfrm/xfrm_device.c) does when a driver says EOPNOTSUPP to
 * crypto offload. From here on the state is the kernel's own.
 */
static int state_leave(struct net_device *dev, struct xfrm_state *x)
{
	x->xso.dev = NULL;
	x->xso.dir = 0;
	netdev_put(dev, &x->xso.dev_tracker);
	x->xso.type = XFRM_DEV_OFFLOAD_UNSPECIFIED;
	xfrm_unset_type_offload(x);
	return 0;
}

/* 0, or -errno of a fault that refuses SAs; without a text of its own, so that the kernel puts its. */
static int state_refuse(struct krnic *nic)
{
	u64 err;

	if (krnic_fault_strikes(nic, KRNIC_REFUSE, &err))
		return -(int)err;
	if (krnic_fault_strikes(nic, KRNIC_REFUSE_NTH, NULL))
		return -EINVAL;
	return 0;
}

static int state_install(struct krnic *nic, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	struct krnic_sa *sa = sa_new(nic, x);
	int err = -ENOSPC;
	u64 ms;

	if (IS_ERR(sa)) {
		NL_SET_ERR_MSG_MOD(extack, "no memory or no AES-GCM for an SA");
		return PTR_ERR(sa);
	}
	if (krnic_fault_strikes(nic, KRNIC_SLOW_INSTALL, &ms))
		sa->active_at = ktime_get_ns() + ms * NSEC_PER_MSEC;
	if (!krnic_fault_strikes(nic, KRNIC_FULL, NULL))
		err = table_insert(nic, table_of(nic, x), sa);
	if (err) {
		NL_SET_ERR_MSG_MOD(extack, "the SA table is full");
		sa_free(sa);
		return err;
	}
	x->xso.offload_handle = (unsigned long)sa;
	return 0;
}

static int krnic_state_add(struct net_device *dev, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	struct krnic *nic = netdev_priv(dev);
	int err;

	if (x->xso.flags & XFRM_DEV_OFFLOAD_FLAG_ACQ)
		return larval_add(nic, x);
	err = krnic_state_check(x, extack);
	if (err)
		return err;
	if (krnic_fault_strikes(nic, KRNIC_SILENT_NO_OFFLOAD, NULL))
		return state_leave(dev, x);
	err = state_refuse(nic);
	if (!err)
		err = state_install(nic, x, extack);
	krnic_count(nic, err ? KRNIC_sa_refused : KRNIC_sa_adds);
	return err;
}

static void krnic_state_delete(struct net_device *dev, struct xfrm_state *x)
{
	struct krnic *nic = netdev_priv(dev);

	sa_remove(nic, table_of(nic, x), sa_of(x));
}

/*
 * Mostly when the last reference to the state is gone, but when the device goes down or away the kernel does not wait for
 * that (net/xfrm/xfrm_state.c, xfrm_dev_state_flush): packets and dumps may still be at it, so the memory lives until no
 * CPU is in an RCU section any more. A state that was added and then not inserted after all may come without a delete. For
 * a larval state it is called with spinlocks held.
 */
static void krnic_state_free(struct net_device *dev, struct xfrm_state *x)
{
	struct krnic *nic = netdev_priv(dev);
	struct krnic_table *t = table_of(nic, x);
	struct krnic_sa *sa = sa_of(x);

	sa_remove(nic, t, sa);
	WRITE_ONCE(x->xso.offload_handle, 0);
	if (!sa->larval) {
		krnic_events_cancel(sa);
		spin_lock_bh(&nic->lock);
		t->free_at[sa->slot] = max(sa->free_at, 1ULL);
		krnic_tables_drain(nic);
		spin_unlock_bh(&nic->lock);
	}
	queue_rcu_work(nic->wq, &sa->free);
}

/*
 * From dumps and timers as from xfrm_state_check_expire: sometimes with x->lock, sometimes without, and perhaps while the
 * kernel flushes the device. In crypto offload the kernel counts.
 */
static void krnic_state_update_stats(struct xfrm_state *x)
{
	const struct krnic_sa *sa;

	rcu_read_lock();
	sa = sa_of(x);
	if (sa && !sa->larval && !sa->crypto) {
		krnic_sa_show(sa, &x->curlft);
		x->stats.replay = READ_ONCE(sa->replayed);
		x->stats.integrity_failed = READ_ONCE(sa->unauthentic);
	}
	rcu_read_unlock();
}

/* The kernel refuses ESN to devices without this; but the card follows the numbers that it sees. */
static void krnic_state_advance_esn(struct xfrm_state *x)
{
}

const struct xfrmdev_ops krnic_xfrmdev_ops = {
	.xdo_dev_state_add = krnic_state_add,
	.xdo_dev_state_delete = krnic_state_delete,
	.xdo_dev_state_free = krnic_state_free,
	.xdo_dev_state_advance_esn = krnic_state_advance_esn,
	.xdo_dev_state_update_stats = krnic_state_update_stats,
	.xdo_dev_policy_add = krnic_policy_add,
	.xdo_dev_policy_delete = krnic_policy_delete,
	.xdo_dev_policy_free = krnic_policy_free,
};
