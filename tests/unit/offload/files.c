/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 256, MAX_FDS = 16 };

struct files *files_new(void)
{
	struct files *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->root, sizeof(f->root), "/tmp/kr-files-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	return f;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void files_free(struct files *f)
{
	nftw(f->root, remove_one, MAX_FDS, FTW_DEPTH | FTW_PHYS);
	free(f);
}

static void path_of(struct files *f, char path[PATH_SIZE], const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void path_of(struct files *f, char path[PATH_SIZE], const char *fmt, va_list ap)
{
	int n = snprintf(path, PATH_SIZE, "%s/", f->root);

	n += vsnprintf(path + n, (size_t)(PATH_SIZE - n), fmt, ap);
	assert_true(n < PATH_SIZE);
}

void files_put(struct files *f, const char *text, const char *fmt, ...)
{
	char path[PATH_SIZE];
	va_list ap;
	FILE *file;

	va_start(ap, fmt);
	path_of(f, path, fmt, ap);
	va_end(ap);
	for (char *slash = strchr(path + strlen(f->root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(!mkdir(path, 0755) || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

const char *files_get(struct files *f, const char *fmt, ...)
{
	static char text[8192];
	char path[PATH_SIZE];
	va_list ap;
	FILE *file;
	size_t n;

	va_start(ap, fmt);
	path_of(f, path, fmt, ap);
	va_end(ap);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

void files_device(struct files *f, const char *ifname, unsigned int queues, unsigned int cpus)
{
	char text[64];

	snprintf(text, sizeof(text), "0-%u\n", cpus - 1);
	files_put(f, text, "sys/devices/system/cpu/online");
	for (unsigned int n = 0; n < queues; n++) {
		files_put(f, "00000000\n", "sys/class/net/%s/queues/tx-%u/xps_cpus", ifname, n);
		files_put(f, "0\n", "sys/class/net/%s/queues/rx-%u/rps_flow_cnt", ifname, n);
		files_put(f, "msix\n", "sys/class/net/%s/device/msi_irqs/%u", ifname, 100 + n);
		snprintf(text, sizeof(text), "mlx5_comp%u@pci:0000:08:00.0\n", n);
		files_put(f, text, "sys/kernel/irq/%u/actions", 100 + n);
		snprintf(text, sizeof(text), "%u\n", n % cpus);
		files_put(f, text, "proc/irq/%u/effective_affinity_list", 100 + n);
	}
	files_put(f, "msix\n", "sys/class/net/%s/device/msi_irqs/99", ifname);
	files_put(f, "mlx5_async0@pci:0000:08:00.0\n", "sys/kernel/irq/99/actions");
}
