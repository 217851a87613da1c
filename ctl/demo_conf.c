/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/demo.h"

static void write_machine(FILE *f, const struct demo *d, const struct demo_side *s)
{
	fprintf(f,
		"daemon {\n"
		"    listen = %s\n"
		"    port = %u\n"
		"    port_nat_t = %u\n"
		"    control = %s/%s.vici\n"
		"    retransmit_timeout = 0.5\n"
		"    metrics_address = %s\n"
		"    metrics_port = %u\n"
		"}\n"
		"nic {\n"
		"    backend = hwsim\n"
		"    socket = %s/%s.netlink\n"
		"    profile = tiny-33\n"
		"    slots = %u\n"
		"    queues = %u\n"
		"    counter_poll = 0.2\n"
		"    drain = 0.2\n"
		"}\n",
		s->ip, s->port, s->port_natt, d->dir, s->name, s->ip, s == d->side ? d->opt.metrics_port : 0U, d->dir,
		s->name, d->opt.slots, d->opt.queues);
}

/* Counts small enough for many rekeys: each SA lasts d->sa_seconds, give or take what siblings are spread by. */
static void write_connection(FILE *f, const struct demo *d, const struct demo_side *s, bool start)
{
	const struct demo_side *peer = &d->side[s == d->side];
	uint64_t packets = (uint64_t)((double)d->opt.pps / d->opt.queues * d->sa_seconds);

	if (packets < 100)
		packets = 100;
	fprintf(f,
		"connections {\n"
		"    demo {\n"
		"        local_addrs = %s\n"
		"        remote_addrs = %s\n"
		"        remote_port = %u\n"
		"        proposals = aes128gcm16-prfsha256-x25519\n"
		"        local {\n            auth = psk\n            id = %s.demo\n        }\n"
		"        remote {\n            auth = psk\n            id = %s.demo\n        }\n"
		"        children {\n"
		"            rack {\n"
		"                local_ts = %s\n"
		"                remote_ts = %s\n"
		"                esp_proposals = aes128gcm16-esn\n"
		"                hw_offload = packet\n"
		"                per_cpu_sas = %u\n"
		"                rekey_packets = %llu\n"
		"                life_packets = %llu\n"
		"                rand_packets = %llu\n"
		"                start_action = %s\n"
		"            }\n"
		"        }\n"
		"    }\n"
		"}\n"
		"secrets {\n    ike-demo {\n        secret = 0x%s\n    }\n}\n",
		s->ip, peer->ip, peer->port_natt, s->name, peer->name, s->inner_net, peer->inner_net, d->opt.queues,
		(unsigned long long)packets, (unsigned long long)packets * 3, (unsigned long long)packets / 2,
		start ? "start" : "none", d->psk);
}

int demo_conf_write(const struct demo *d, const struct demo_side *s, bool start)
{
	char path[DEMO_PATH_MAX + 32];
	int fd, bad;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.conf", d->dir, s->name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		fprintf(stderr, "demo: %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	write_machine(f, d, s);
	write_connection(f, d, s, start);
	bad = ferror(f);
	if (fclose(f) != 0 || bad) {
		fprintf(stderr, "demo: %s: cannot write\n", path);
		return -1;
	}
	return 0;
}
