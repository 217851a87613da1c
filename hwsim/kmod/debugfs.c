// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * /sys/kernel/debug/krnic/pkN: the tables, and knobs.
 *   ipsec                 SAs and policies
 *   slots_in, slots_out   sizes of the SA tables, up to the module's `slots`
 *   tx_by_reqid           Y: an outbound SA is found by its reqid alone, as in mlx5
 *   faults                scripted misfortune (faults.c)
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "krnic.h"

static void sa_show(struct seq_file *m, const char *dir, const struct krnic_sa *sa)
{
	const struct xfrm_state *x = sa->x;

	seq_printf(
		m,
		"sa %s slot=%u spi=0x%08x reqid=%u mode=%s cpu=%d esn=%d seq=%llu packets=%llu bytes=%llu replayed=%u "
		"unauthentic=%u offload=%s\n",
		dir, sa->slot, ntohl(x->id.spi), x->props.reqid,
		x->props.mode == XFRM_MODE_TUNNEL ? "tunnel" : "transport", (int)x->pcpu_num,
		!!(x->props.flags & XFRM_STATE_ESN), sa->seq, sa->packets, sa->bytes, sa->replayed, sa->unauthentic,
		sa->crypto ? "crypto" : "packet");
}

static void policy_show(struct seq_file *m, const struct krnic_policy *p)
{
	static const char *const verdicts[] = {
		[KRNIC_NO_POLICY] = "none",
		[KRNIC_BYPASS] = "bypass",
		[KRNIC_PROTECT] = "protect",
		[KRNIC_BLOCK] = "block",
	};
	const struct xfrm_selector *s = &p->sel;

	bool v4 = s->family == AF_INET;

	seq_printf(m, "policy %s ", p->dir == XFRM_DEV_OFFLOAD_IN ? "in" : "out");
	seq_printf(m, v4 ? "%pI4" : "%pI6c", &s->saddr);
	seq_printf(m, "/%u[%u] -> ", s->prefixlen_s, ntohs(s->sport));
	seq_printf(m, v4 ? "%pI4" : "%pI6c", &s->daddr);
	seq_printf(m, "/%u[%u] proto=%u priority=%u %s reqid=%u hits=%llu\n", s->prefixlen_d, ntohs(s->dport), s->proto,
		   p->priority, verdicts[p->verdict], p->reqid, p->hits);
}

static int ipsec_show(struct seq_file *m, void *v)
{
	struct krnic *nic = m->private;
	struct krnic_policy *p;
	u32 i;

	spin_lock_bh(&nic->lock);
	krnic_tables_drain(nic);
	seq_printf(m, "in %u/%u out %u/%u policies %u/%u larval %u draining %u\n", nic->in.used, nic->in.size,
		   nic->out.used, nic->out.size, nic->n_policies, nic->policies_size, nic->n_larval,
		   nic->in.draining + nic->out.draining);
	for (i = 0; i < nic->in.room; i++)
		if (nic->in.sa[i])
			sa_show(m, "in", nic->in.sa[i]);
	for (i = 0; i < nic->out.room; i++)
		if (nic->out.sa[i])
			sa_show(m, "out", nic->out.sa[i]);
	list_for_each_entry(p, &nic->policies, link) policy_show(m, p);
	spin_unlock_bh(&nic->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ipsec);

void krnic_debugfs_add(struct krnic *nic, struct dentry *root)
{
	nic->dir = debugfs_create_dir(nic->dev->name, root);
	debugfs_create_file("ipsec", 0400, nic->dir, nic, &ipsec_fops);
	debugfs_create_u32("slots_in", 0600, nic->dir, &nic->in.size);
	debugfs_create_u32("slots_out", 0600, nic->dir, &nic->out.size);
	debugfs_create_bool("tx_by_reqid", 0600, nic->dir, &nic->tx_by_reqid);
	krnic_faults_add(nic);
}
