/* SPDX-License-Identifier: MIT */
/*
 * Trial SAs: what the driver says when it is really asked. Between two addresses that nobody has (RFC 5737), without a
 * policy that would lead packets into them, in transport mode, which asks no neighbour for its address. The kernel
 * takes one away by itself should the doctor be killed.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "ctl/doctor_priv.h"

enum {
	REQID = 0x44520000, /* "DR": not keyrackd's, which would clear it away */
	LIFE_S = 30,        /* the kernel's own limit */
	WINDOW = 64,        /* packets */
	SPI_MIN = 256,      /* RFC 4303 2.1 */
	ENCR_AES_GCM_16 = 20,
	SALT = 4, /* bytes (RFC 4106 4) */
};

static const struct xfrm_addr here = {AF_INET, {203, 0, 113, 1}}, there = {AF_INET, {203, 0, 113, 2}};

static struct xfrm_sa trial_sa(const struct doctor *d, enum offload_mode mode, bool out)
{
	const struct offload_profile *p = d->device.profile;
	uint32_t spi = d->config->random(d->config->ctx);

	return (struct xfrm_sa){
		.out = out,
		.spi = spi < SPI_MIN ? spi + SPI_MIN : spi,
		.reqid = REQID,
		.src = out ? here : there,
		.dst = out ? there : here,
		.encr = ENCR_AES_GCM_16,
		.encr_bits = p->gcm_bits[0] ? p->gcm_bits[0] : 128,
		.esn = p->esn,
		.replay_window = out ? 0 : offload_profile_window(p, WINDOW),
		.limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, LIFE_S},
		.sel = {.family = AF_INET},
		.cpu = UINT32_MAX,
		.mode = mode,
		.ifindex = d->device.ifindex,
	};
}

/* No signal ends the doctor between install and removal. */
static struct doctor_answer trial(struct doctor *d, const struct xfrm_sa *sa)
{
	struct xfrm_key key = {.encr_len = (uint16_t)(sa->encr_bits / 8 + SALT)};
	struct doctor_answer answer;
	sigset_t all, before;

	for (size_t i = 0; i + 4 <= sizeof(key.encr); i += 4)
		put_be32(key.encr + i, d->config->random(d->config->ctx));
	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	answer = doctor_ask_trial(d, sa, &key);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	OPENSSL_cleanse(&key, sizeof(key));
	return answer;
}

static void advise(struct doctor_line *l, int err)
{
	switch (-err) {
	case ENOSPC:
	case ENOMEM:
	case EBUSY:
		doctor_advise(l, "its table may be full: `ip xfrm state` shows what has `offload`");
		return;
	case EPROTONOSUPPORT:
		doctor_advise(l, "modprobe xfrm_user, and esp4 or esp6");
		return;
	case EOPNOTSUPP:
		doctor_advise(l, "the driver has no such offload, or the kernel is without CONFIG_XFRM_OFFLOAD");
		return;
	case ENOSYS:
		doctor_advise(l, "the kernel lacks ESP or AES-GCM: see kernel-options");
		return;
	default:
		doctor_advise(l, "see features, kernel-options and esp4_offload; the kernel's log may say more");
		return;
	}
}

static void refused(struct doctor *d, const struct doctor_answer *a, bool packet, bool out, struct doctor_line *l)
{
	const struct offload_profile *p = d->device.profile;
	bool foreseen = packet ? !p->packet : !p->crypto;
	enum doctor_level level = DOCTOR_WARNING;

	if (a->err == -EPERM) {
		doctor_say(l, level, "not tried: %s", strerror(EPERM));
		doctor_advise(l, "a trial needs CAP_NET_ADMIN: run it as root");
		return;
	}
	if (packet)
		d->device.packet_refused[out] = true;
	else if (d->device.packet_refused[out])
		level = DOCTOR_ERROR; /* neither */
	else
		level = DOCTOR_INFO; /* packet offload is the better one, and is there */
	doctor_say(l, foreseen && packet ? DOCTOR_INFO : level, "refused: %s%s%s%s", strerror(-a->err),
		   a->text[0] ? ": " : "", a->text, foreseen ? ", as its profile says" : "");
	if (!foreseen && level != DOCTOR_INFO)
		advise(l, a->err);
}

void doctor_probe_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	bool packet = !strncmp(row->name, "packet", 6), out = strstr(row->name, "-out") != NULL;
	struct xfrm_sa sa;
	struct doctor_answer a;

	if (!d->config->probe)
		return;
	sa = trial_sa(d, packet ? OFFLOAD_PACKET : OFFLOAD_CRYPTO, out);
	a = trial(d, &sa);
	if (a.err) {
		refused(d, &a, packet, out, l);
		return;
	}
	doctor_say(l, DOCTOR_OK, "accepted, read back and removed: transport mode, AES-GCM-16 with %u bits, %s",
		   sa.encr_bits, sa.esn ? "ESN" : "no ESN");
}

void doctor_probe_off_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	(void)row;
	if (d->config->probe)
		return;
	doctor_say(l, DOCTOR_INFO, "what the driver really accepts was not tried");
	doctor_advise(l, "--probe installs four SAs between 203.0.113.1 and .2, one by one, and removes them");
}
