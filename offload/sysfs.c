/* SPDX-License-Identifier: MIT */
#include "offload/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 512, FILE_SIZE = 4096 };

static int make_path(char path[PATH_SIZE], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int make_path(char path[PATH_SIZE], const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, PATH_SIZE, fmt, ap);
	va_end(ap);
	return n < 0 || n >= PATH_SIZE ? -ENAMETOOLONG : 0;
}

/* The file's text, at most FILE_SIZE - 1 bytes. 0 or -errno. */
static int read_text(const char *path, char text[FILE_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, FILE_SIZE - 1);
	if (n < 0)
		err = -errno;
	else
		text[n] = '\0';
	close(fd);
	return err;
}

/* One write: sysfs takes a value whole or not at all. */
static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

int sysfs_cpus_online(const char *root, struct cpuset *out)
{
	char path[PATH_SIZE], text[FILE_SIZE];
	int err = make_path(path, "%s/sys/devices/system/cpu/online", root);

	if (!err)
		err = read_text(path, text);
	return err ? err : cpuset_read_list(out, text);
}

unsigned int sysfs_queue_count(const char *root, const char *ifname, const char *direction)
{
	char path[PATH_SIZE];
	unsigned int n = 0;

	while (!make_path(path, "%s/sys/class/net/%s/queues/%s-%u", root, ifname, direction, n) && !access(path, F_OK))
		n++;
	return n;
}

static int xps_path(char path[PATH_SIZE], const char *root, const char *ifname, unsigned int queue)
{
	return make_path(path, "%s/sys/class/net/%s/queues/tx-%u/xps_cpus", root, ifname, queue);
}

int sysfs_xps_get(const char *root, const char *ifname, unsigned int queue, struct cpuset *out)
{
	char path[PATH_SIZE], text[FILE_SIZE];
	int err = xps_path(path, root, ifname, queue);

	if (!err)
		err = read_text(path, text);
	return err ? err : cpuset_read_mask(out, text);
}

int sysfs_xps_set(const char *root, const char *ifname, unsigned int queue, const struct cpuset *cpus)
{
	char path[PATH_SIZE], text[CPUSET_TEXT];
	int err = xps_path(path, root, ifname, queue);

	if (err)
		return err;
	cpuset_write_mask(cpus, text);
	return write_text(path, text);
}

/*
 * How drivers name the interrupts of their RX queues; the queue's number is at the end, or before an '@'. mlx5:
 * mlx5/core/pci_irq.c; intel: "%s-TxRx-%d", "%s-rx-%d"; nfp: "%s-rxtx-%d"; virtio_net: "input.%d"; gve, ena: "-Tx-Rx-".
 */
static const char *const rx_names[] = {"comp", "TxRx-", "rxtx-", "Tx-Rx-", "-rx-", "-rx", "input.", "-fp-"};

int sysfs_irq_queue(const char *name)
{
	size_t len = strcspn(name, "@\n"), digits = 0;
	char number[8];

	while (digits < len && isdigit((unsigned char)name[len - 1 - digits]))
		digits++;
	if (!digits || digits >= sizeof(number))
		return -1;
	memcpy(number, name + len - digits, digits);
	number[digits] = '\0';
	len -= digits;
	for (size_t i = 0; i < sizeof(rx_names) / sizeof(rx_names[0]); i++) {
		size_t n = strlen(rx_names[i]);

		if (len >= n && !memcmp(name + len - n, rx_names[i], n))
			return (int)strtol(number, NULL, 10);
	}
	return -1;
}

/* The CPU on which it is served: where the kernel put it, else the first where it may be. UINT32_MAX: not known. */
static uint32_t irq_cpu(const char *root, const char *irq)
{
	static const char *const files[] = {"effective_affinity_list", "smp_affinity_list"};
	char path[PATH_SIZE], text[FILE_SIZE];
	struct cpuset set;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!make_path(path, "%s/proc/irq/%s/%s", root, irq, files[i]) && !read_text(path, text) &&
		    !cpuset_read_list(&set, text) && cpuset_next(&set, 0) != UINT32_MAX)
			return cpuset_next(&set, 0);
	return UINT32_MAX;
}

/* The directory of the device's interrupts; a virtio device has them one up, at the PCI device. */
static DIR *open_irqs(const char *root, const char *ifname)
{
	static const char *const places[] = {"device/msi_irqs", "device/../msi_irqs"};
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		DIR *dir = NULL;

		if (!make_path(path, "%s/sys/class/net/%s/%s", root, ifname, places[i]))
			dir = opendir(path);
		if (dir)
			return dir;
	}
	return NULL;
}

int sysfs_irq_cpus(const char *root, const char *ifname, uint32_t *cpu, unsigned int n)
{
	char path[PATH_SIZE], name[FILE_SIZE];
	DIR *dir = open_irqs(root, ifname);
	struct dirent *entry;
	int found = 0;

	for (unsigned int i = 0; i < n; i++)
		cpu[i] = UINT32_MAX;
	if (!dir)
		return -ENOENT;
	while ((entry = readdir(dir))) {
		int queue;

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    make_path(path, "%s/sys/kernel/irq/%s/actions", root, entry->d_name) || read_text(path, name))
			continue;
		queue = sysfs_irq_queue(name);
		if (queue < 0 || (unsigned int)queue >= n || cpu[queue] != UINT32_MAX)
			continue;
		cpu[queue] = irq_cpu(root, entry->d_name);
		found += cpu[queue] != UINT32_MAX;
	}
	closedir(dir);
	return found;
}
