// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The pair of network devices: made, plugged together, taken away. */
#include <linux/debugfs.h>
#include <linux/etherdevice.h>
#include <linux/module.h>

#include "krnic.h"

static unsigned int queues;
module_param(queues, uint, 0444);
MODULE_PARM_DESC(queues, "receive and transmit queues of each NIC (default: one for each CPU)");
static unsigned int slots = 64;
module_param(slots, uint, 0444);
MODULE_PARM_DESC(slots, "SAs of each direction that a NIC has room for (default 64)");
static unsigned int slots_in;
module_param(slots_in, uint, 0444);
MODULE_PARM_DESC(slots_in, "inbound SAs (default: slots)");
static unsigned int slots_out;
module_param(slots_out, uint, 0444);
MODULE_PARM_DESC(slots_out, "outbound SAs (default: slots)");
static bool shared;
module_param(shared, bool, 0444);
MODULE_PARM_DESC(shared, "one table of `slots` for both directions (default no)");
static unsigned int policies = 64;
module_param(policies, uint, 0444);
MODULE_PARM_DESC(policies, "policies that a NIC has room for (default 64)");

static struct krnic *pair[2];
static struct dentry *root;

/* ---- up and down: there is a link when both ends are up ---- */

static void set_tx_affinity(struct krnic *nic)
{
	unsigned int q;

	for (q = 0; q < nic->queues && q < nr_cpu_ids; q++)
		netif_set_xps_queue(nic->dev, cpumask_of(q), q);
}

static int krnic_open(struct net_device *dev)
{
	struct krnic *nic = netdev_priv(dev);

	krnic_rxqs_start(nic);
	set_tx_affinity(nic);
	netif_tx_start_all_queues(dev);
	if (netif_running(nic->peer->dev)) {
		netif_carrier_on(dev);
		netif_carrier_on(nic->peer->dev);
	}
	return 0;
}

static int krnic_stop(struct net_device *dev)
{
	struct krnic *nic = netdev_priv(dev);

	netif_carrier_off(dev);
	netif_carrier_off(nic->peer->dev);
	netif_tx_stop_all_queues(dev);
	krnic_rxqs_stop(nic);
	return 0;
}

static const struct net_device_ops krnic_netdev_ops = {
	.ndo_open = krnic_open,
	.ndo_stop = krnic_stop,
	.ndo_start_xmit = krnic_xmit,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

/* ---- life ---- */

static void krnic_setup(struct net_device *dev)
{
	ether_setup(dev);
	eth_hw_addr_random(dev);
	dev->netdev_ops = &krnic_netdev_ops;
	dev->ethtool_ops = &krnic_ethtool_ops;
	dev->xfrmdev_ops = &krnic_xfrmdev_ops;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->features |= NETIF_F_HW_ESP | NETIF_F_NTUPLE | NETIF_F_RXHASH | NETIF_F_HIGHDMA;
	dev->hw_features |= dev->features;
	dev->hw_enc_features |= NETIF_F_HW_ESP;
}

static int table_init(struct krnic_table *t, u32 size)
{
	t->room = t->size = size;
	t->sa = kvcalloc(size, sizeof(*t->sa), GFP_KERNEL);
	t->free_at = kvcalloc(size, sizeof(*t->free_at), GFP_KERNEL);
	return t->sa && t->free_at ? 0 : -ENOMEM;
}

static void table_free(struct krnic_table *t)
{
	kvfree(t->free_at);
	kvfree(t->sa);
}

static int krnic_tables_init(struct krnic *nic)
{
	int err;

	INIT_LIST_HEAD(&nic->policies);
	nic->policies_size = policies;
	nic->txq_packets = kcalloc(queues, sizeof(*nic->txq_packets), GFP_KERNEL);
	nic->wq = alloc_workqueue("krnic", WQ_UNBOUND, 0);
	if (!nic->txq_packets || !nic->wq)
		return -ENOMEM;
	nic->shared = shared;
	err = table_init(&nic->in, slots_in);
	err = err ?: table_init(&nic->out, slots_out);
	return err ?: krnic_rxqs_init(nic);
}

static void krnic_free(struct krnic *nic)
{
	if (!nic)
		return;
	if (nic->wq)
		destroy_workqueue(nic->wq);
	krnic_rxqs_free(nic);
	kfree(nic->txq_packets);
	table_free(&nic->out);
	table_free(&nic->in);
	free_netdev(nic->dev);
}

static struct krnic *krnic_new(void)
{
	struct net_device *dev =
		alloc_netdev_mqs(sizeof(struct krnic), "pk%d", NET_NAME_ENUM, krnic_setup, queues, queues);
	struct krnic *nic;

	if (!dev)
		return NULL;
	nic = netdev_priv(dev);
	nic->dev = dev;
	nic->queues = nic->queues_max = queues;
	spin_lock_init(&nic->lock);
	krnic_faults_init(nic);
	get_random_bytes(nic->key, sizeof(nic->key));
	krnic_rss_default(nic);
	if (krnic_tables_init(nic)) {
		krnic_free(nic);
		return NULL;
	}
	return nic;
}

/* No packet, interrupt or freed SA refers to the pair any more when this is done. */
static void pair_remove(unsigned int registered)
{
	unsigned int i;

	debugfs_remove_recursive(root);
	for (i = 0; i < registered; i++) {
		cancel_delayed_work_sync(&pair[i]->link_up);
		unregister_netdev(pair[i]->dev);
	}
	synchronize_net();
	kick_all_cpus_sync();
	rcu_barrier();
	for (i = 0; i < ARRAY_SIZE(pair); i++)
		krnic_free(pair[i]);
}

static bool parameters_good(void)
{
	if (!queues)
		queues = min_t(unsigned int, num_possible_cpus(), KRNIC_QUEUES_MAX);
	if (!slots_in)
		slots_in = slots;
	if (!slots_out)
		slots_out = slots;
	if (queues > KRNIC_QUEUES_MAX)
		pr_err("krnic: queues %u: at most %u\n", queues, KRNIC_QUEUES_MAX);
	else if (!slots || slots > KRNIC_SLOTS_MAX)
		pr_err("krnic: slots %u: 1 to %u\n", slots, KRNIC_SLOTS_MAX);
	else if (slots_in > KRNIC_SLOTS_MAX || slots_out > KRNIC_SLOTS_MAX)
		pr_err("krnic: slots_in %u, slots_out %u: at most %u\n", slots_in, slots_out, KRNIC_SLOTS_MAX);
	else if (shared && (slots_in != slots || slots_out != slots))
		pr_err("krnic: slots_in and slots_out are for separate tables, and shared is for one\n");
	else if (policies > KRNIC_POLICIES_MAX)
		pr_err("krnic: policies %u: at most %u\n", policies, KRNIC_POLICIES_MAX);
	else
		return true;
	return false;
}

static int __init krnic_init(void)
{
	unsigned int i;
	int err = 0;

	if (!parameters_good())
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(pair); i++)
		pair[i] = krnic_new();
	if (!pair[0] || !pair[1]) {
		pair_remove(0);
		return -ENOMEM;
	}
	pair[0]->peer = pair[1];
	pair[1]->peer = pair[0];
	root = debugfs_create_dir("krnic", NULL);
	for (i = 0; i < ARRAY_SIZE(pair); i++) {
		netif_carrier_off(pair[i]->dev);
		err = register_netdev(pair[i]->dev);
		if (err) {
			pair_remove(i);
			return err;
		}
		krnic_debugfs_add(pair[i], root);
	}
	return 0;
}

static void __exit krnic_exit(void)
{
	pair_remove(ARRAY_SIZE(pair));
}

module_init(krnic_init);
module_exit(krnic_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("A pair of NICs with XFRM packet offload, for tests");
