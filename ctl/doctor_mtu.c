/* SPDX-License-Identifier: MIT */
/* How long a packet may be inside a tunnel, so that with ESP around it, it still fits the device. */
#include <stdio.h>
#include <string.h>

#include "ctl/doctor_priv.h"

enum {
	IPV4 = 20,
	IPV6 = 40,
	UDP = 8,
	ESP_FIXED = 8 + 8 + 16, /* SPI and number, IV, ICV: AES-GCM-16 (RFC 4303 2, RFC 4106 8) */
	ESP_TAIL = 2,           /* pad length and next header; before them padding to a multiple of 4 */
	ETHERNET_MTU = 1500,
};

/* Bytes that fit between the ESP header and the trailer when `outer` bytes go before it. */
static int64_t room(int64_t mtu, int outer)
{
	return ((mtu - outer - ESP_FIXED) & ~INT64_C(3)) - ESP_TAIL;
}

/* The smallest MTU with room for `inner`. */
static int64_t mtu_for(int64_t inner, int outer)
{
	return ((inner + ESP_TAIL + 3) & ~INT64_C(3)) + ESP_FIXED + outer;
}

struct upper {
	const struct doctor *d;
	int64_t mtu;
	char name[32]; /* the first that is larger */
	int64_t larger;
};

static void upper_seen(void *ctx, const char *name)
{
	struct upper *u = ctx;
	int64_t mtu = doctor_file_number(u->d, "sys/class/net/%s/%s/mtu", u->d->device.name, name);

	if (mtu <= u->mtu || u->larger)
		return;
	u->larger = mtu;
	snprintf(u->name, sizeof(u->name), "%s", name + strlen("upper_"));
}

void doctor_mtu_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	const char *name = d->device.name;
	int64_t mtu, in_tunnel;
	struct upper u = {.d = d};
	long long wanted = mtu_for(ETHERNET_MTU, IPV6);

	(void)row;
	mtu = doctor_file_number(d, "sys/class/net/%s/mtu", name);
	if (mtu < 0) {
		doctor_say(l, DOCTOR_INFO, "unknown: mtu: %s", strerror((int)-mtu));
		return;
	}
	u.mtu = mtu;
	(void)doctor_file_names(d, "upper_", upper_seen, &u, "sys/class/net/%s", name);
	if (u.larger) {
		doctor_say(l, DOCTOR_WARNING, "%s has %lld, and %s above it %lld", name, (long long)mtu, u.name,
			   (long long)u.larger);
		doctor_advise(l, "ip link set %s mtu %lld", name, (long long)u.larger);
		return;
	}
	in_tunnel = room(mtu, IPV4);
	doctor_say(l,
		   mtu < ETHERNET_MTU         ? DOCTOR_WARNING
		   : in_tunnel < ETHERNET_MTU ? DOCTOR_INFO
					      : DOCTOR_OK,
		   "%lld: inside a tunnel %lld (over IPv6 %lld, in UDP %lld), transport mode %lld (IPv6 %lld)",
		   (long long)mtu, (long long)in_tunnel, (long long)room(mtu, IPV6), (long long)room(mtu, IPV4 + UDP),
		   (long long)room(mtu, IPV4) + IPV4, (long long)room(mtu, IPV6) + IPV6);
	if (in_tunnel < ETHERNET_MTU)
		doctor_advise(
			l,
			"cards do not fragment: ip link set %s mtu %lld or more if the path allows it, else routes "
			"into tunnels with `mtu %lld`",
			name, wanted, (long long)room(mtu, IPV6));
}
