/* SPDX-License-Identifier: MIT */
#include "hwsim/server_listen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16 };

/* Is there a socket at the address that nobody listens on? */
static bool is_left_behind(const struct sockaddr_un *addr, int type)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(addr->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_at(int fd, const struct sockaddr_un *addr, int type)
{
	/* Before bind, the descriptor's mode is the mode the file will get: no moment at which others could connect. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return 0;
	if (errno != EADDRINUSE || !is_left_behind(addr, type))
		return -errno;
	if (unlink(addr->sun_path) < 0)
		return -errno;
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;
}

int server_listen(const char *path, int type, char *why, size_t size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, err;

	if (len == 0 || len >= sizeof(addr.sun_path)) {
		snprintf(why, size, "socket path '%s' must have 1 to %zu bytes", path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, len);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		err = -errno;
		snprintf(why, size, "cannot open a socket: %s", strerror(-err));
		return err;
	}
	err = bind_at(fd, &addr, type);
	if (err == 0 && listen(fd, BACKLOG) < 0)
		err = -errno;
	if (err < 0) {
		snprintf(why, size, "cannot listen at '%s': %s", path, strerror(-err));
		close(fd);
		return err;
	}
	return fd;
}
