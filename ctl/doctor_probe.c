/* SPDX-License-Identifier: MIT */
/*
 * Trial SAs: what the driver says when it is really asked. Between addresses that nobody has, and without a policy that
 * would lead packets into them. In tunnel mode a driver may ask the neighbours for the other one (mlx5 does): that is
 * all that leaves the machine. The kernel takes an SA away by itself should the doctor be killed.
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
	/* the trial before may still hold its slot: a table that is full is asked so often, with so many ms between */
	FULL_TRIES = 5,
	FULL_MS = 100,
};

/* RFC 5737 and RFC 3849 */
static const struct xfrm_addr here4 = {AF_INET, {203, 0, 113, 1}}, there4 = {AF_INET, {203, 0, 113, 2}},
			      here6 = {AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
			      there6 = {AF_INET6, {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};

/* What is tried in each line. */
static const struct kind {
	const char *name;
	const struct xfrm_addr *here, *there;
	bool tunnel;
} kinds[] = {
	{"transport4", &here4, &there4, false},
	{"tunnel4", &here4, &there4, true},
	{"transport6", &here6, &there6, false},
	{"tunnel6", &here6, &there6, true},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* A line: the row's name, and what its trials have in common. */
static const struct line {
	const char *check;
	enum offload_mode mode;
	bool out;
} lines[] = {
	{"packet-in", OFFLOAD_PACKET, false},
	{"packet-out", OFFLOAD_PACKET, true},
	{"crypto-in", OFFLOAD_CRYPTO, false},
	{"crypto-out", OFFLOAD_CRYPTO, true},
};

static const struct line *line_of(const struct doctor_check *row)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strcmp(lines[i].check, row->name))
			return &lines[i];
	return NULL;
}

/* ---- one trial ---- */

static unsigned int key_bits(const struct offload_profile *p)
{
	return p->gcm_bits[0] ? p->gcm_bits[0] : 128u;
}

static struct xfrm_sa trial_sa(const struct doctor *d, const struct line *line, const struct kind *k)
{
	const struct offload_profile *p = d->device.profile;
	uint32_t spi = d->config->random(d->config->ctx);

	return (struct xfrm_sa){
		.out = line->out,
		.tunnel = k->tunnel,
		.spi = spi < SPI_MIN ? spi + SPI_MIN : spi,
		.reqid = REQID,
		.src = line->out ? *k->here : *k->there,
		.dst = line->out ? *k->there : *k->here,
		.encr = ENCR_AES_GCM_16,
		.encr_bits = (uint16_t)key_bits(p),
		.esn = p->esn,
		.replay_window = line->out ? 0 : offload_profile_window(p, WINDOW),
		.limits = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, LIFE_S},
		.sel = {.family = k->here->family},
		.cpu = UINT32_MAX,
		.mode = line->mode,
		.ifindex = d->device.ifindex,
	};
}

/* No signal ends the doctor between install and removal. */
static struct doctor_answer trial_once(struct doctor *d, const struct xfrm_sa *sa)
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

static bool is_full(int err)
{
	return err == -ENOSPC || err == -ENOMEM || err == -EBUSY || err == -EAGAIN;
}

static struct doctor_answer trial(struct doctor *d, const struct line *line, const struct kind *k)
{
	struct xfrm_sa sa = trial_sa(d, line, k);
	struct doctor_answer a = trial_once(d, &sa);

	for (int i = 1; i < FULL_TRIES && is_full(a.err) && d->device.trials_taken; i++) {
		d->config->pause(d->config->ctx, FULL_MS);
		a = trial_once(d, &sa);
	}
	if (!a.err)
		d->device.trials_taken++;
	return a;
}

/* ---- what is said ---- */

struct result {
	const struct line *line;
	unsigned int n; /* tried: the first n of kinds[] */
	struct doctor_answer answers[KINDS];
};

static bool is_foreseen(const struct doctor *d, const struct line *line, const struct kind *k)
{
	const struct offload_profile *p = d->device.profile;

	if (line->mode == OFFLOAD_PACKET)
		return !p->packet || (k->tunnel && !p->tunnel_packet);
	return !p->crypto || (k->tunnel && !p->tunnel_crypto);
}

/* How bad it is that this kind is refused. Packet offload is the better one: where it is there, the other may lack. */
static enum doctor_level refused_level(const struct doctor *d, const struct result *r, unsigned int kind)
{
	if (r->line->mode == OFFLOAD_CRYPTO && d->device.packet_taken[r->line->out] >> kind & 1)
		return DOCTOR_INFO;
	return is_foreseen(d, r->line, &kinds[kind]) ? DOCTOR_INFO : DOCTOR_WARNING;
}

static bool same_words(const struct doctor_answer *a, const struct doctor_answer *b)
{
	return a->err == b->err && !strcmp(a->text, b->text);
}

/* Those that were accepted. */
static void taken_add(const struct doctor *d, unsigned int taken, char *text, size_t size)
{
	const struct offload_profile *p = d->device.profile;
	char names[64] = "";

	for (unsigned int k = 0; k < KINDS; k++)
		if (taken >> k & 1)
			doctor_list(names, sizeof(names), "%s", kinds[k].name);
	snprintf(text, size, "accepted, read back and removed: %s (AES-GCM-16 with %u bits, %s)", names, key_bits(p),
		 p->esn ? "ESN" : "no ESN");
}

/* All that were refused as `first` was, and how. */
static void refused_add(const struct doctor *d, const struct result *r, unsigned int first, char *text, size_t size)
{
	const struct doctor_answer *a = &r->answers[first];
	bool foreseen = true;
	char names[64] = "";
	size_t n = strlen(text);

	for (unsigned int k = first; k < r->n; k++) {
		if (!same_words(a, &r->answers[k]))
			continue;
		doctor_list(names, sizeof(names), "%s", kinds[k].name);
		foreseen = foreseen && is_foreseen(d, r->line, &kinds[k]);
	}
	snprintf(text + n, size - n, "%srefused: %s (%s%s%s%s)", n ? "; " : "", names, strerror(-a->err),
		 a->text[0] ? ": " : "", a->text, foreseen ? ", as its profile says" : "");
}

static bool is_first(const struct result *r, unsigned int kind)
{
	for (unsigned int k = 0; k < kind; k++)
		if (same_words(&r->answers[k], &r->answers[kind]))
			return false;
	return true;
}

static void advise(struct doctor_line *l, int err, bool some)
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
		doctor_advise(l, some ? "children of that kind need hw_offload = auto or no"
				      : "see features, kernel-options and esp4_offload; the kernel's log may say more");
		return;
	}
}

static void result_say(struct doctor *d, const struct result *r, struct doctor_line *l)
{
	enum doctor_level level = DOCTOR_OK;
	char text[DOCTOR_TEXT] = "";
	unsigned int taken = 0;
	int worst = 0; /* what to give advice on */

	for (unsigned int k = 0; k < r->n; k++) {
		enum doctor_level of = r->answers[k].err ? refused_level(d, r, k) : DOCTOR_OK;

		taken |= r->answers[k].err ? 0 : 1u << k;
		if (of > level) {
			level = of;
			worst = r->answers[k].err;
		}
	}
	if (taken)
		taken_add(d, taken, text, sizeof(text));
	for (unsigned int k = 0; k < r->n; k++)
		if (r->answers[k].err && is_first(r, k))
			refused_add(d, r, k, text, sizeof(text));
	if (r->line->mode == OFFLOAD_PACKET)
		d->device.packet_taken[r->line->out] = taken;
	else if (!taken && !d->device.packet_taken[r->line->out])
		level = DOCTOR_ERROR; /* neither */
	doctor_say(l, level, "%s", text);
	if (level > DOCTOR_INFO && worst)
		advise(l, worst, taken);
}

void doctor_probe_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	struct result r = {.line = line_of(row)};

	if (!d->config->probe || !r.line)
		return;
	while (r.n < KINDS) {
		const struct doctor_answer *a = &r.answers[r.n];

		r.answers[r.n] = trial(d, r.line, &kinds[r.n]);
		r.n++;
		if (a->err == -EPERM) {
			doctor_say(l, DOCTOR_WARNING, "not tried: %s", strerror(EPERM));
			doctor_advise(l, "a trial needs CAP_NET_ADMIN: run it as root");
			return;
		}
		if (a->err == -ETIMEDOUT)
			break; /* the others would only take as long */
	}
	result_say(d, &r, l);
}

void doctor_probe_off_check(struct doctor *d, const struct doctor_check *row, struct doctor_line *l)
{
	(void)row;
	if (d->config->probe)
		return;
	doctor_say(l, DOCTOR_INFO, "what the driver really accepts was not tried");
	doctor_advise(l,
		      "--probe installs %zu SAs between 203.0.113.1 and .2, 2001:db8::1 and ::2, one by one, and "
		      "removes them",
		      KINDS * sizeof(lines) / sizeof(lines[0]));
}
