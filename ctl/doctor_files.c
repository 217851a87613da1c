/* SPDX-License-Identifier: MIT */
/* Files below the root that the doctor was given. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "ctl/doctor_priv.h"

enum { PATH_SIZE = 1024, LINE_SIZE = 4096 };

static int make_path(const struct doctor *d, char path[PATH_SIZE], const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static int make_path(const struct doctor *d, char path[PATH_SIZE], const char *fmt, va_list ap)
{
	int n = snprintf(path, PATH_SIZE, "%s/", d->config->root), m;

	if (n < 0 || n >= PATH_SIZE)
		return -ENAMETOOLONG;
	m = vsnprintf(path + n, (size_t)(PATH_SIZE - n), fmt, ap);
	return m < 0 || m >= PATH_SIZE - n ? -ENAMETOOLONG : 0;
}

static int text_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		err = -errno;
	else
		text[n] = '\0';
	close(fd);
	if (!err)
		text[strcspn(text, "\n")] = '\0';
	return err;
}

int doctor_file_read(const struct doctor *d, char *text, size_t size, const char *fmt, ...)
{
	char path[PATH_SIZE];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = make_path(d, path, fmt, ap);
	va_end(ap);
	return err ? err : text_read(path, text, size);
}

int64_t doctor_file_number(const struct doctor *d, const char *fmt, ...)
{
	char path[PATH_SIZE], text[64], *end;
	long long v;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = make_path(d, path, fmt, ap);
	va_end(ap);
	if (!err)
		err = text_read(path, text, sizeof(text));
	if (err)
		return err;
	v = strtoll(text, &end, 0);
	return end == text || *end ? -EINVAL : v;
}

int doctor_file_lines(const struct doctor *d, bool (*line)(void *ctx, char *text), void *ctx, const char *fmt, ...)
{
	char path[PATH_SIZE], text[LINE_SIZE];
	va_list ap;
	gzFile file;
	int err;

	va_start(ap, fmt);
	err = make_path(d, path, fmt, ap);
	va_end(ap);
	if (err)
		return err;
	errno = 0;
	file = gzopen(path, "re"); /* it reads what is not compressed as it is */
	if (!file)
		return errno ? -errno : -ENOMEM;
	while (gzgets(file, text, sizeof(text))) {
		text[strcspn(text, "\n")] = '\0';
		if (!line(ctx, text))
			break;
	}
	gzclose(file);
	return 0;
}

int doctor_file_names(const struct doctor *d, const char *prefix, void (*name)(void *ctx, const char *name), void *ctx,
		      const char *fmt, ...)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	va_list ap;
	DIR *dir;
	int err;

	va_start(ap, fmt);
	err = make_path(d, path, fmt, ap);
	va_end(ap);
	if (err)
		return err;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !strncmp(entry->d_name, prefix, strlen(prefix)))
			name(ctx, entry->d_name);
	closedir(dir);
	return 0;
}

int doctor_file_link(const struct doctor *d, char *to, size_t size, const char *fmt, ...)
{
	char path[PATH_SIZE];
	va_list ap;
	ssize_t n;
	int err;

	va_start(ap, fmt);
	err = make_path(d, path, fmt, ap);
	va_end(ap);
	if (err)
		return err;
	n = readlink(path, to, size - 1);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	return 0;
}
