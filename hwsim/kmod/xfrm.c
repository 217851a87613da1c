// SPDX-License-Identifier: GPL-2.0 OR MIT
/* SAs: what is refused, the two tables, and which SA a packet gets. */
#include <linux/slab.h>
#include <net/esp.h>

#include "krnic.h"

static struct krnic_sa *sa_of(const struct xfrm_state *x)
{
	return (struct krnic_sa *)x->xso.offload_handle;
}

static struct krnic_table *table_of(struct krnic *nic, const struct xfrm_state *x)
{
	return x->xso.dir == XFRM_DEV_OFFLOAD_IN ? &nic->in : &nic->out;
}

/* ---- what the card cannot do ---- */

static u32 window_of(const struct xfrm_state *x)
{
	return x->replay_esn ? x->replay_esn->replay_window : x->props.replay_window;
}

static bool has_other_family(const struct xfrm_state *x)
{
	return x->props.family != AF_INET;
}

static bool has_other_protocol(const struct xfrm_state *x)
{
	return x->id.proto != IPPROTO_ESP;
}

static bool has_other_mode(const struct xfrm_state *x)
{
	return x->props.mode != XFRM_MODE_TUNNEL && x->props.mode != XFRM_MODE_TRANSPORT;
}

static bool has_other_cipher(const struct xfrm_state *x)
{
	return !x->aead || strcmp(x->aead->alg_name, "rfc4106(gcm(aes))");
}

static bool has_other_icv(const struct xfrm_state *x)
{
	return x->aead->alg_icv_len != 8 * KRNIC_ICV;
}

static bool has_other_key(const struct xfrm_state *x)
{
	return x->aead->alg_key_len != 128 + 32 && x->aead->alg_key_len != 256 + 32;
}

static bool has_encap(const struct xfrm_state *x)
{
	return x->encap;
}

static bool has_no_reqid(const struct xfrm_state *x)
{
	return !x->props.reqid;
}

static bool has_other_window(const struct xfrm_state *x)
{
	u32 w = window_of(x);

	return x->xso.dir == XFRM_DEV_OFFLOAD_IN && w && w != 32 && w != 64 && w != 128 && w != KRNIC_WINDOW;
}

static bool has_no_limits(const struct xfrm_state *x)
{
	const struct xfrm_lifetime_cfg *l = &x->lft;

	return !l->soft_byte_limit || !l->hard_byte_limit || !l->soft_packet_limit || !l->hard_packet_limit;
}

/* In this order: a row may rely on those above it. */
static const struct {
	bool (*holds)(const struct xfrm_state *x);
	const char *text;
} objections[] = {
	{has_other_family, "only IPv4"},
	{has_other_protocol, "only ESP"},
	{has_other_mode, "only tunnel and transport mode"},
	{has_other_cipher, "only rfc4106(gcm(aes))"},
	{has_other_icv, "only an ICV of 128 bits"},
	{has_other_key, "only AES keys of 128 and 256 bits"},
	{has_encap, "no UDP encapsulation"},
	{has_no_reqid, "an SA needs a reqid"},
	{has_other_window, "a replay window has 32, 64, 128 or 256 packets"},
	{has_no_limits, "byte and packet limits can't be 0"},
};

static int state_check(const struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(objections); i++)
		if (objections[i].holds(x)) {
			NL_SET_ERR_MSG_FMT_MOD(extack, "%s", objections[i].text);
			return -EINVAL;
		}
	return 0;
}

/* ---- in and out of the tables ---- */

static struct krnic_sa *sa_new(struct xfrm_state *x)
{
	unsigned int key_len = (x->aead->alg_key_len + 7) / 8 - 4;
	struct krnic_sa *sa = kzalloc(sizeof(*sa), GFP_KERNEL);

	if (!sa)
		return NULL;
	sa->x = x;
	memcpy(sa->salt, x->aead->alg_key + key_len, sizeof(sa->salt));
	if (aesgcm_expandkey(&sa->gcm, x->aead->alg_key, key_len, KRNIC_ICV)) {
		kfree_sensitive(sa);
		return NULL;
	}
	if (x->xso.dir == XFRM_DEV_OFFLOAD_IN) {
		sa->window = window_of(x);
		sa->seq = x->replay_esn ? (u64)x->replay_esn->seq_hi << 32 | x->replay_esn->seq : x->replay.seq;
	} else {
		sa->seq = x->replay_esn ? (u64)x->replay_esn->oseq_hi << 32 | x->replay_esn->oseq : x->replay.oseq;
	}
	return sa;
}

static int table_insert(struct krnic *nic, struct krnic_table *t, struct krnic_sa *sa)
{
	u32 i;
	int err = -ENOSPC;

	spin_lock_bh(&nic->lock);
	for (i = 0; i < t->room && t->used < READ_ONCE(t->size); i++)
		if (!t->sa[i]) {
			sa->slot = i;
			sa->serial = ++nic->serial;
			t->sa[i] = sa;
			t->used++;
			err = 0;
			break;
		}
	spin_unlock_bh(&nic->lock);
	return err;
}

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
	x->xso.offload_handle = (unsigned long)sa;
	spin_lock_bh(&nic->lock);
	nic->n_larval++;
	spin_unlock_bh(&nic->lock);
	return 0;
}

static int krnic_state_add(struct net_device *dev, struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	struct krnic *nic = netdev_priv(dev);
	u32 refuse = READ_ONCE(nic->refuse);
	struct krnic_sa *sa;
	int err;

	if (x->xso.type != XFRM_DEV_OFFLOAD_PACKET) {
		NL_SET_ERR_MSG_MOD(extack, "only packet offload");
		return -EOPNOTSUPP;
	}
	if (x->xso.flags & XFRM_DEV_OFFLOAD_FLAG_ACQ)
		return larval_add(nic, x);
	err = state_check(x, extack);
	if (err)
		return err;
	if (refuse) {
		krnic_count(nic, KRNIC_sa_refused);
		NL_SET_ERR_MSG_MOD(extack, "refused, as debugfs says");
		return -(int)refuse;
	}
	sa = sa_new(x);
	if (!sa)
		return -ENOMEM;
	err = table_insert(nic, table_of(nic, x), sa);
	if (err) {
		krnic_count(nic, KRNIC_sa_refused);
		NL_SET_ERR_MSG_MOD(extack, "the SA table is full");
		kfree_sensitive(sa);
		return err;
	}
	krnic_count(nic, KRNIC_sa_adds);
	x->xso.offload_handle = (unsigned long)sa;
	return 0;
}

static void krnic_state_delete(struct net_device *dev, struct xfrm_state *x)
{
	struct krnic *nic = netdev_priv(dev);
	struct krnic_table *t = table_of(nic, x);
	struct krnic_sa *sa = sa_of(x);

	spin_lock_bh(&nic->lock);
	if (sa->larval) {
		nic->n_larval--;
	} else if (t->sa[sa->slot] == sa) {
		t->sa[sa->slot] = NULL;
		t->used--;
		krnic_count(nic, KRNIC_sa_deletes);
	}
	spin_unlock_bh(&nic->lock);
}

/* The state's last reference is gone, so nothing uses the SA; debugfs may still read it. */
static void krnic_state_free(struct net_device *dev, struct xfrm_state *x)
{
	struct krnic_sa *sa = sa_of(x);

	memzero_explicit(&sa->gcm, sizeof(sa->gcm));
	kfree_rcu(sa, rcu);
}

/* With x->lock held. */
static void krnic_state_update_stats(struct xfrm_state *x)
{
	const struct krnic_sa *sa = sa_of(x);

	if (sa->larval)
		return;
	x->curlft.packets = sa->packets;
	x->curlft.bytes = sa->bytes;
	x->stats.replay = sa->replayed;
	x->stats.integrity_failed = sa->unauthentic;
}

/* The kernel refuses ESN to devices without this; but in packet mode it is the card that counts. */
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

/* ---- which SA ---- */

static bool is_better(const struct krnic_sa *a, const struct krnic_sa *b, u32 cpu)
{
	bool own_a = a->x->pcpu_num == cpu, own_b = b->x->pcpu_num == cpu;

	return own_a != own_b ? own_a : a->serial > b->serial;
}

struct krnic_sa *krnic_sa_for_tx(struct krnic *nic, u32 reqid)
{
	u32 i, cpu = smp_processor_id();
	struct krnic_sa *best = NULL;

	spin_lock(&nic->lock);
	for (i = 0; i < nic->out.room; i++) {
		struct krnic_sa *sa = nic->out.sa[i];

		if (!sa || sa->x->props.reqid != reqid || sa->x->km.state != XFRM_STATE_VALID)
			continue;
		if (sa->x->pcpu_num != UINT_MAX && sa->x->pcpu_num != cpu)
			continue;
		if (!best || is_better(sa, best, cpu))
			best = sa;
	}
	if (best)
		xfrm_state_hold(best->x);
	spin_unlock(&nic->lock);
	return best;
}

struct krnic_sa *krnic_sa_for_rx(struct krnic *nic, __be32 spi, __be32 daddr)
{
	struct krnic_sa *found = NULL;
	u32 i;

	spin_lock(&nic->lock);
	for (i = 0; i < nic->in.room && !found; i++) {
		struct krnic_sa *sa = nic->in.sa[i];

		if (sa && sa->x->id.spi == spi && sa->x->id.daddr.a4 == daddr)
			found = sa;
	}
	if (found)
		xfrm_state_hold(found->x);
	spin_unlock(&nic->lock);
	return found;
}
