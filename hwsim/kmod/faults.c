// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Scripted misfortune, with the names and arguments of keyrack-hwsim's faults. /sys/kernel/debug/krnic/pkN/faults: write
 * "NAME COUNT [ARG]"; COUNT is how often it strikes, `always`, or 0 to disarm. Read: what there is and what is armed.
 */
#include <linux/debugfs.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "krnic.h"

enum {
	HOUR_MS = 3600 * 1000,
	RESET_MS = 50, /* no PHY comes up in less */
	LINE_MAX = 80,
	EVENT_SOFT = 1, /* arguments of lose_event; hwsim's 3, acquire, is the kernel's own doing here */
	EVENT_HARD = 2,
};

/* ---- what happens at once ---- */

/*
 * A link that only loses its carrier flushes nothing (net/xfrm/xfrm_device.c, xfrm_dev_event): the interface has to go
 * down, as it does where a driver restarts its firmware by closing and opening it. The kernel deletes what is offloaded,
 * and says nothing.
 */
static void link_down(struct krnic *nic, u64 ms)
{
	bool was_up = cancel_delayed_work_sync(&nic->link_up);

	rtnl_lock();
	was_up |= netif_running(nic->dev);
	dev_close(nic->dev);
	rtnl_unlock();
	if (was_up)
		queue_delayed_work(nic->wq, &nic->link_up, msecs_to_jiffies(ms));
}

static void link_up(struct work_struct *work)
{
	struct krnic *nic = container_of(to_delayed_work(work), struct krnic, link_up);

	rtnl_lock();
	if (dev_open(nic->dev, NULL))
		netdev_err(nic->dev, "does not come up again\n");
	rtnl_unlock();
}

static void reset(struct krnic *nic, u64 arg)
{
	link_down(nic, RESET_MS);
	krnic_tables_reset(nic);
}

/* ---- the table ---- */

static const struct row {
	const char *name;
	u64 min, max;
	const char *help;
	void (*now)(struct krnic *nic, u64 arg); /* happens at once, instead of being armed */
} rows[KRNIC_FAULTS] = {
	[KRNIC_REFUSE] = {"refuse", 1, MAX_ERRNO, "SAs are refused; arg: errno"},
	[KRNIC_REFUSE_NTH] = {"refuse_nth", 1, U32_MAX, "the arg-th SA from now is refused with EINVAL"},
	[KRNIC_FULL] = {"full", 0, 0, "the SA table says it is full"},
	[KRNIC_SLOW_INSTALL] = {"slow_install", 1, HOUR_MS,
				"an SA is acknowledged, and carries traffic after arg ms"},
	[KRNIC_DELAYED_FREE] = {"delayed_free", 1, HOUR_MS, "the slot of a deleted SA is free after arg ms"},
	[KRNIC_LOSE_EVENT] = {"lose_event", 0, 2, "events are lost; arg: 0 any, 1 soft, 2 hard expiry"},
	[KRNIC_LATE_EVENT] = {"late_event", 1, HOUR_MS, "events come after arg ms"},
	[KRNIC_REPEAT_EVENT] = {"repeat_event", 1, 100, "events come arg times more"},
	[KRNIC_SILENT_NO_OFFLOAD] = {"silent_no_offload", 0, 0,
				     "an SA or policy is acknowledged, and done in software"},
	[KRNIC_COUNTER_LAG] = {"counter_lag", 0, HOUR_MS, "while it is armed counters in dumps are up to arg ms old"},
	[KRNIC_LINK_DOWN] = {"link_down", 0, HOUR_MS,
			     "the link is down for arg ms, and everything offloaded is gone without a message",
			     link_down},
	[KRNIC_RESET] = {"reset", 0, 0, "the card resets: the link is down for 50 ms, the SA table empty", reset},
};

/* Does not strike if its argument is neither 0 nor `only`, which 0 leaves out. */
static bool strike(struct krnic *nic, enum krnic_fault fault, u64 only, u64 *arg)
{
	struct krnic_armed *f = &nic->fault[fault];
	bool strikes;

	if (!READ_ONCE(f->count))
		return false;
	spin_lock_bh(&nic->fault_lock);
	strikes = f->count && (!only || !f->arg || f->arg == only);
	if (strikes && fault == KRNIC_REFUSE_NTH) {
		strikes = ++f->seen >= f->arg;
		if (strikes)
			f->seen = 0;
	}
	if (strikes) {
		if (arg)
			*arg = f->arg;
		if (f->count != U32_MAX)
			WRITE_ONCE(f->count, f->count - 1);
	}
	spin_unlock_bh(&nic->fault_lock);
	return strikes;
}

bool krnic_fault_strikes(struct krnic *nic, enum krnic_fault fault, u64 *arg)
{
	return strike(nic, fault, 0, arg);
}

bool krnic_event_is_lost(struct krnic *nic, bool hard)
{
	return strike(nic, KRNIC_LOSE_EVENT, hard ? EVENT_HARD : EVENT_SOFT, NULL);
}

/* ---- the file ---- */

static int faults_show(struct seq_file *m, void *v)
{
	struct krnic *nic = m->private;
	struct krnic_armed f;
	char count[12];
	int i;

	for (i = 0; i < KRNIC_FAULTS; i++) {
		spin_lock_bh(&nic->fault_lock);
		f = nic->fault[i];
		spin_unlock_bh(&nic->fault_lock);
		snprintf(count, sizeof(count), f.count == U32_MAX ? "always" : "%u", f.count);
		seq_printf(m, "%-17s %-10s %-10llu %s\n", rows[i].name, count, f.count ? f.arg : 0, rows[i].help);
	}
	return 0;
}

static int fault_set(struct krnic *nic, int argc, char **argv)
{
	u32 count = U32_MAX;
	u64 arg = 0;
	int i = 0;

	if (argc < 2 || argc > 3)
		return -EINVAL;
	while (i < KRNIC_FAULTS && strcmp(rows[i].name, argv[0]))
		i++;
	if (i == KRNIC_FAULTS)
		return -ENOENT;
	if (strcmp(argv[1], "always") && kstrtou32(argv[1], 10, &count))
		return -EINVAL;
	if (argc > 2 && kstrtou64(argv[2], 10, &arg))
		return -EINVAL;
	if (count && (arg < rows[i].min || arg > rows[i].max))
		return -EINVAL;
	if (rows[i].now) {
		if (count)
			rows[i].now(nic, arg);
		return 0;
	}
	spin_lock_bh(&nic->fault_lock);
	nic->fault[i] = (struct krnic_armed){.count = count, .arg = arg};
	spin_unlock_bh(&nic->fault_lock);
	return 0;
}

static ssize_t faults_write(struct file *file, const char __user *from, size_t len, loff_t *at)
{
	struct krnic *nic = file_inode(file)->i_private;
	char line[LINE_MAX], **argv;
	int argc, err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, len))
		return -EFAULT;
	line[len] = '\0';
	argv = argv_split(GFP_KERNEL, line, &argc);
	if (!argv)
		return -ENOMEM;
	err = fault_set(nic, argc, argv);
	argv_free(argv);
	return err ?: (ssize_t)len;
}

static int faults_open(struct inode *inode, struct file *file)
{
	return single_open(file, faults_show, inode->i_private);
}

static const struct file_operations faults_fops = {
	.owner = THIS_MODULE,
	.open = faults_open,
	.read = seq_read,
	.write = faults_write,
	.llseek = seq_lseek,
	.release = single_release,
};

void krnic_faults_init(struct krnic *nic)
{
	spin_lock_init(&nic->fault_lock);
	INIT_DELAYED_WORK(&nic->link_up, link_up);
}

void krnic_faults_add(struct krnic *nic)
{
	debugfs_create_file("faults", 0600, nic->dir, nic, &faults_fops);
}
