/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/demo.h"

enum { LOG_TAIL = 1500 };

double demo_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int demo_dir_make(struct demo *d)
{
	const char *tmp = getenv("TMPDIR");
	ssize_t n = readlink("/proc/self/exe", d->bin, sizeof(d->bin) - 1);
	char *slash;

	if (n < 0) {
		fprintf(stderr, "demo: /proc/self/exe: %s\n", strerror(errno));
		return -1;
	}
	d->bin[n] = '\0';
	slash = strrchr(d->bin, '/');
	if (slash)
		*slash = '\0';
	/* UNIX socket paths are short: a long TMPDIR would not fit */
	snprintf(d->dir, sizeof(d->dir), "%s/keyrack-demo-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(d->dir)) {
		fprintf(stderr, "demo: %s: %s\n", d->dir, strerror(errno));
		d->dir[0] = '\0';
		return -1;
	}
	return 0;
}

void demo_dir_remove(struct demo *d)
{
	DIR *dir = d->dir[0] ? opendir(d->dir) : NULL;
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	rmdir(d->dir);
}

/* A UDP port nobody has on `ip` right now. */
static int port_free(const char *ip, uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = -1;

	if (fd < 0)
		return -1;
	if (inet_pton(AF_INET, ip, &a.sin_addr) == 1 && bind(fd, (struct sockaddr *)&a, len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &len) == 0) {
		*port = ntohs(a.sin_port);
		err = 0;
	}
	close(fd);
	return err;
}

int demo_ports_choose(struct demo *d)
{
	for (int i = 0; i < 2; i++) {
		struct demo_side *s = &d->side[i];

		if (port_free(s->ip, &s->port) || port_free(s->ip, &s->port_natt) || port_free(s->ip, &s->wire_port)) {
			fprintf(stderr, "demo: no free UDP port on %s: %s\n", s->ip, strerror(errno));
			return -1;
		}
	}
	return 0;
}

/* Starts `argv` with its output in the log file `name`. It ends with us, however we end. */
static pid_t process_start(const struct demo *d, const char *name, const char *const argv[])
{
	pid_t parent = getpid(), pid;
	char log[DEMO_PATH_MAX + 64];
	int fd;

	snprintf(log, sizeof(log), "%s/%s.log", d->dir, name);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "demo: %s: %s\n", log, strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(126);
		setpgid(0, 0); /* a ^C is ours to handle: the children are told in order */
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execv(argv[0], (char *const *)(uintptr_t)argv); /* execv changes neither */
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0)
		fprintf(stderr, "demo: fork: %s\n", strerror(errno));
	close(fd);
	return pid;
}

int demo_card_start(struct demo *d, struct demo_side *s)
{
	const struct demo_side *peer = &d->side[s == d->side];
	char prog[DEMO_PATH_MAX + 32], netlink[DEMO_PATH_MAX + 32], control[DEMO_PATH_MAX + 32], name[32];
	char slots[16], queues[16], wire[128];
	const char *argv[] = {prog,  "--netlink", netlink, "--control", control, "--profile", "tiny-33", "--slots",
			      slots, "--queues",  queues,  "--wire",    wire,    "--host",    "gen",     NULL};

	snprintf(prog, sizeof(prog), "%s/keyrack-hwsim", d->bin);
	snprintf(netlink, sizeof(netlink), "%s/%s.netlink", d->dir, s->name);
	snprintf(control, sizeof(control), "%s/%s.control", d->dir, s->name);
	snprintf(slots, sizeof(slots), "%u", d->opt.slots);
	snprintf(queues, sizeof(queues), "%u", d->opt.queues);
	snprintf(wire, sizeof(wire), "udp:%s:%u,%s:%u", s->ip, s->wire_port, peer->ip, peer->wire_port);
	snprintf(name, sizeof(name), "%s-hwsim", s->name);
	s->card = process_start(d, name, argv);
	return s->card > 0 ? 0 : -1;
}

int demo_daemon_start(struct demo *d, struct demo_side *s)
{
	char prog[DEMO_PATH_MAX + 32], conf[DEMO_PATH_MAX + 32], name[32];
	const char *argv[] = {prog, "--config", conf, NULL};

	snprintf(prog, sizeof(prog), "%s/keyrackd", d->bin);
	if (access(prog, X_OK) != 0) /* where packages put it */
		snprintf(prog, sizeof(prog), "%s/../sbin/keyrackd", d->bin);
	snprintf(conf, sizeof(conf), "%s/%s.conf", d->dir, s->name);
	snprintf(name, sizeof(name), "%s-keyrackd", s->name);
	s->daemon = process_start(d, name, argv);
	return s->daemon > 0 ? 0 : -1;
}

int demo_process_end(pid_t *pid, int seconds)
{
	double deadline = demo_now() + seconds;
	int status = 0;
	pid_t got = 0;

	if (*pid <= 0)
		return -1;
	kill(*pid, SIGTERM);
	while ((got = waitpid(*pid, &status, WNOHANG)) == 0 && demo_now() < deadline)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	if (got == 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, &status, 0);
		status = -1;
	}
	*pid = 0;
	return status == -1 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void log_show(const struct demo *d, const char *side, const char *what)
{
	char path[DEMO_PATH_MAX + 64], tail[LOG_TAIL + 1];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s-%s.log", d->dir, side, what);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fseek(f, -LOG_TAIL, SEEK_END) != 0)
		rewind(f);
	n = fread(tail, 1, LOG_TAIL, f);
	fclose(f);
	tail[n] = '\0';
	fprintf(stderr, "--- %s %s\n%s", side, what, tail);
}

void demo_logs_show(const struct demo *d)
{
	for (int i = 0; i < 2; i++) {
		log_show(d, d->side[i].name, "hwsim");
		log_show(d, d->side[i].name, "keyrackd");
	}
}

static bool died(pid_t *pid, const char *side, const char *what)
{
	int status;

	if (*pid <= 0 || waitpid(*pid, &status, WNOHANG) != *pid)
		return false;
	*pid = 0;
	if (WIFEXITED(status))
		fprintf(stderr, "demo: the %s %s ended with exit code %d\n", side, what, WEXITSTATUS(status));
	else
		fprintf(stderr, "demo: the %s %s was ended by signal %d\n", side, what, WTERMSIG(status));
	return true;
}

bool demo_process_died(struct demo *d)
{
	bool any = false;

	for (int i = 0; i < 2; i++) {
		any |= died(&d->side[i].card, d->side[i].name, "keyrack-hwsim");
		any |= died(&d->side[i].daemon, d->side[i].name, "keyrackd");
	}
	return any;
}
