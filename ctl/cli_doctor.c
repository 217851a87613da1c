/* SPDX-License-Identifier: MIT */
/* `keyrack doctor`: opens what ctl/doctor.h looks at, and prints what it says. */
#include <errno.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>

#include "ctl/cli.h"
#include "ctl/doctor.h"
#include "offload/ethtool.h"
#include "offload/transport_fd.h"

enum { ANSWER_MS = 5000, RECEIVE_BUFFER = 1 << 20 };

/* ---- options ---- */

struct options {
	const char *device;
	bool probe, help;
};

static const struct option long_options[] = {{"probe", no_argument, NULL, 'p'},
					     {"json", no_argument, NULL, 'j'},
					     {"socket", required_argument, NULL, 's'},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};

static void usage(FILE *f)
{
	fprintf(f,
		"usage: keyrack doctor [DEVICE] [--probe] [--json] [--socket PATH]\n"
		"  What this machine, a NIC in it and its driver can do for keyrackd, and what to change: a line "
		"for each "
		"check,\n"
		"  ok, info, warning or error. Works without a running keyrackd, and asks one that runs.\n"
		"  DEVICE    a network device, or the path of keyrack-hwsim's netlink socket; else keyrackd's, else "
		"every one\n"
		"            that says it offloads ESP\n"
		"  --probe   install SAs between addresses that nobody has (203.0.113.1 and .2, 2001:db8::1 and ::2) "
		"in each\n"
		"            mode, one by one, read them back and remove them; takes a slot for a moment. Needs "
		"CAP_NET_ADMIN\n"
		"  --json    JSON on standard output\n"
		"  --socket  keyrackd's control socket\n"
		"exit codes: 0 all is well, 1 there is a warning or an error, 2 usage\n");
}

static int options_read(struct cli *cli, int argc, char **argv, struct options *o)
{
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->probe = true;
			break;
		case 'j':
			cli->json = true;
			break;
		case 's':
			cli->socket = optarg;
			break;
		case 'h':
			o->help = true;
			break;
		default:
			usage(stderr);
			return -EINVAL;
		}
	}
	if (optind < argc)
		o->device = argv[optind++];
	if (optind == argc)
		return 0;
	fprintf(stderr, "keyrack doctor: \"%s\": one device at a time\n", argv[optind]);
	return -EINVAL;
}

/* ---- keyrackd ---- */

struct answers {
	json_t *status, *queues; /* NULL: none */
	int err;                 /* why */
};

static void answers_get(struct cli *cli, struct answers *a)
{
	struct vici_client *vici = vici_client_open(cli->socket, ANSWER_MS);

	if (vici)
		a->status = vici_client_call(vici, "get-status", NULL, NULL, NULL);
	if (!a->status) {
		a->err = -errno;
	} else {
		a->queues = vici_client_list(vici, "list-queues", "list-queue", NULL);
	}
	if (vici)
		vici_client_close(vici);
}

/* ---- transports ---- */

static void card_open(const char *path, struct doctor_door *xfrm, struct doctor_door *ethtool)
{
	struct xfrm_transport events;
	int events_fd;

	xfrm->err = xfrm_hwsim_open(path, &xfrm->requests, &xfrm->fd, &events, &events_fd);
	if (!xfrm->err)
		xfrm_transport_close(&events);
	ethtool->err = ethtool_hwsim_open(path, &ethtool->requests, &ethtool->fd, &events, &events_fd);
	if (!ethtool->err)
		ethtool_transport_close(&events);
}

static void kernel_open(struct doctor_door *xfrm, struct doctor_door *ethtool)
{
	struct xfrm_transport events;
	int events_fd;

	xfrm->err = transport_netlink_open(&xfrm->requests, NETLINK_XFRM, 0, RECEIVE_BUFFER);
	if (!xfrm->err)
		xfrm->fd = transport_fd_get(&xfrm->requests);
	ethtool->err = ethtool_kernel_open(&ethtool->requests, &ethtool->fd, &events, &events_fd);
	if (!ethtool->err && events.recv)
		ethtool_transport_close(&events);
}

static void doors_close(struct doctor_config *c)
{
	if (!c->xfrm.err)
		xfrm_transport_close(&c->xfrm.requests);
	if (!c->ethtool.err)
		ethtool_transport_close(&c->ethtool.requests);
}

/* ---- what is printed ---- */

struct output {
	bool json;
	json_t *checks;
};

static void line_json(struct output *out, const struct doctor_line *l)
{
	json_t *row = json_pack("{s:s, s:s}", "check", l->check, "level", doctor_level_name(l->level));

	if (l->device)
		json_object_set_new(row, "device", json_string(l->device));
	json_object_set_new(row, "text", json_string(l->text));
	if (l->todo[0])
		json_object_set_new(row, "todo", json_string(l->todo));
	json_array_append_new(out->checks, row);
}

static void line_print(void *ctx, const struct doctor_line *l)
{
	struct output *out = ctx;

	if (out->json) {
		line_json(out, l);
		return;
	}
	printf("%-8s %-15s %s%s%s\n", doctor_level_name(l->level), l->check, l->text, l->todo[0] ? ". To do: " : "",
	       l->todo);
}

static uint32_t random_word(void *ctx)
{
	uint32_t v = 0;

	(void)ctx;
	while (getrandom(&v, sizeof(v), 0) < 0 && errno == EINTR)
		;
	return v;
}

static void pause_ms(void *ctx, unsigned int ms)
{
	struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};

	(void)ctx;
	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* ---- addresses ---- */

static bool address_take(const struct sockaddr *from, struct xfrm_addr *to)
{
	const struct in6_addr *ip6 = &((const struct sockaddr_in6 *)from)->sin6_addr;

	*to = (struct xfrm_addr){.family = from->sa_family};
	if (from->sa_family == AF_INET)
		memcpy(to->ip, &((const struct sockaddr_in *)from)->sin_addr, sizeof(struct in_addr));
	else if (from->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(ip6))
		memcpy(to->ip, ip6, sizeof(*ip6));
	else
		return false;
	return true;
}

static unsigned int addresses_of(const char *device, struct xfrm_addr *out, unsigned int max)
{
	struct ifaddrs *all;
	unsigned int n = 0;

	if (getifaddrs(&all))
		return 0;
	for (const struct ifaddrs *a = all; a && n < max; a = a->ifa_next)
		if (a->ifa_addr && !strcmp(a->ifa_name, device) && address_take(a->ifa_addr, &out[n]))
			n++;
	freeifaddrs(all);
	return n;
}

static int run(struct doctor_config *config, bool json)
{
	struct output out = {.json = json, .checks = json_array()};
	enum doctor_level worst = doctor_run(config, line_print, &out);

	if (json) {
		json_t *all = json_pack("{s:s, s:s}", "version", KEYRACK_VERSION, "level", doctor_level_name(worst));

		json_object_set(all, "checks", out.checks);
		cli_json(all);
		json_decref(all);
	}
	json_decref(out.checks);
	return worst >= DOCTOR_WARNING ? CLI_FAILED : CLI_OK;
}

int cli_doctor(struct cli *cli, int argc, char **argv)
{
	struct options o = {.probe = false};
	struct answers a = {.err = 0};
	struct utsname system = {.release = ""};
	struct doctor_config config = {.root = "",
				       .rdma_by_ifindex = verbs_find_by_ifindex,
				       .rdma_by_addr = verbs_find_by_addr,
				       .addresses = addresses_of,
				       .random = random_word,
				       .pause = pause_ms};
	int code;

	if (options_read(cli, argc, argv, &o))
		return CLI_USAGE;
	if (o.help) {
		usage(stdout);
		return CLI_OK;
	}
	answers_get(cli, &a);
	(void)uname(&system);
	config.release = system.release;
	config.probe = o.probe;
	config.status = a.status;
	config.queues = a.queues;
	config.socket = cli->socket;
	config.unreachable = strerror(-a.err);
	config.device = o.device ? o.device : json_string_value(json_object_get(a.status, "device"));
	config.hwsim = config.device && strchr(config.device, '/');
	if (config.hwsim)
		card_open(config.device, &config.xfrm, &config.ethtool);
	else
		kernel_open(&config.xfrm, &config.ethtool);
	code = run(&config, cli->json);
	doors_close(&config);
	json_decref(a.status);
	json_decref(a.queues);
	return code;
}
