/* SPDX-License-Identifier: MIT */
/*
 * The RDMA device behind a NIC, by the interface and by its addresses: programs that use RDMA ask either way. What the
 * libraries print about it is caught, for standard error is no place for it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl/doctor_priv.h"

enum { ADDRESSES_MAX = 32, WORDS = 200 };

/* ---- what libraries print ---- */

struct caught {
	int kept; /* the real standard error; -1: nothing is caught */
	int file;
	char words[WORDS]; /* their first line; empty: none */
};

static void catch_begin(struct caught *c)
{
	*c = (struct caught){.kept = -1, .file = memfd_create("keyrack-doctor", MFD_CLOEXEC)};
	if (c->file < 0)
		return;
	fflush(stderr);
	c->kept = dup(STDERR_FILENO);
	if (c->kept >= 0 && dup2(c->file, STDERR_FILENO) >= 0)
		return;
	if (c->kept >= 0)
		close(c->kept);
	close(c->file);
	c->kept = -1;
}

static void catch_end(struct caught *c)
{
	ssize_t n;

	if (c->kept < 0)
		return;
	fflush(stderr);
	(void)dup2(c->kept, STDERR_FILENO);
	close(c->kept);
	n = pread(c->file, c->words, sizeof(c->words) - 1, 0);
	c->words[n > 0 ? n : 0] = '\0';
	c->words[strcspn(c->words, "\n")] = '\0';
	close(c->file);
}

/* ---- both ways ---- */

struct found {
	int err; /* by interface */
	struct verbs_device device;
	unsigned int addresses, agree; /* how many it has, and lead to `device` */
	/* the first that does not */
	struct xfrm_addr odd;
	struct verbs_device odd_device; /* name empty: none */
};

static void find(const struct doctor *d, struct found *f)
{
	const struct doctor_config *c = d->config;
	struct xfrm_addr at[ADDRESSES_MAX];

	*f = (struct found){.err = 0};
	f->err = c->rdma_by_ifindex((unsigned int)d->device.ifindex, &f->device);
	f->addresses = c->addresses(d->device.name, at, ADDRESSES_MAX);
	for (unsigned int i = 0; i < f->addresses; i++) {
		struct verbs_device v = {0};

		if (c->rdma_by_addr(&at[i], &v))
			v.name[0] = '\0';
		if (!strcmp(v.name, f->device.name) && v.port == f->device.port) {
			f->agree++;
		} else if (!f->odd.family) {
			f->odd = at[i];
			f->odd_device = v;
		}
	}
}

static const char *odd_print(const struct found *f, char *buf, size_t size)
{
	char at[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(f->odd.family, f->odd.ip, at, sizeof(at));
	if (f->odd_device.name[0])
		snprintf(buf, size, "%s leads to %s port %u", at, f->odd_device.name, f->odd_device.port);
	else
		snprintf(buf, size, "%s leads to none", at);
	return buf;
}

static void addresses_print(const struct found *f, char *buf, size_t size)
{
	char odd[128];

	if (!f->addresses)
		snprintf(buf, size, "it has no address to find it by");
	else if (!f->odd.family)
		snprintf(buf, size, "%u of %u addresses lead to it", f->agree, f->addresses);
	else
		snprintf(buf, size, "%u of %u addresses lead to it, %s", f->agree, f->addresses,
			 odd_print(f, odd, sizeof(odd)));
}

static void rss_print(const struct verbs_device *v, char *buf, size_t size)
{
	if (!v->rss_tables)
		snprintf(buf, size, "no RSS of its own");
	else
		snprintf(buf, size, "RSS with %u tables of up to %u entries%s%s", v->rss_tables, v->rss_table_size,
			 v->rss_toeplitz ? ", Toeplitz" : "", v->rss_spi ? ", hashes the SPI" : "");
}

static void none_say(const struct found *f, const char *words, struct doctor_line *l)
{
	char odd[128];

	if (f->odd.family) {
		doctor_say(l, DOCTOR_INFO, "none by interface, but %s", odd_print(f, odd, sizeof(odd)));
		doctor_advise(l, "it may be of a device above or below this one: see `rdma link`");
		return;
	}
	if (f->err != -ENODEV) {
		doctor_say(l, DOCTOR_INFO, "none that could be opened: %s", strerror(-f->err));
		doctor_advise(l, "root may, or the group of /dev/infiniband/uverbs*");
		return;
	}
	doctor_say(l, words[0] ? DOCTOR_INFO : DOCTOR_OK, "none%s%s", words[0] ? "; " : "", words);
	if (words[0])
		doctor_advise(l, "if it is to have RDMA: apt install ibverbs-providers");
}

void doctor_rdma_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	struct caught caught;
	char rss[96], addresses[200];
	struct found f;
	const struct verbs_device *v = &f.device;

	(void)row;
	catch_begin(&caught);
	find(d, &f);
	catch_end(&caught);
	if (f.err) {
		none_say(&f, caught.words, l);
		return;
	}
	rss_print(v, rss, sizeof(rss));
	addresses_print(&f, addresses, sizeof(addresses));
	doctor_say(l, !v->active || f.odd.family ? DOCTOR_WARNING : DOCTOR_OK,
		   "%s port %u, %s, %s, MTU %u, %u queue pairs, %s; %s", v->name, v->port,
		   v->ethernet ? "RoCE" : "InfiniBand", v->active ? "active" : "not active", v->mtu, v->max_qp, rss,
		   addresses);
	if (!v->active)
		doctor_advise(l, "bring the link up; `ibv_devinfo -d %s` says more", v->name);
	else if (f.odd.family)
		doctor_advise(l, "librdmacm goes by address: see `rdma link`; it may be another namespace's, or "
				 "rdma_ucm is not loaded");
}
