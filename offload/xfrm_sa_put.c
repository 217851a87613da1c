/* SPDX-License-Identifier: MIT */
/*
 * An SA as NEWSA and UPDSA say it, and what is checked before.
 *
 * Linux net/xfrm/xfrm_user.c: verify_newsa_info(), xfrm_state_construct(); xfrm_device.c: xfrm_dev_state_add().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/udp.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "offload/xfrm_priv.h"

/* ---- checks ---- */

static int invalid(struct xfrm *x, const struct xfrm_sa *sa, const char *what, uint64_t value)
{
	log_at(x->log, LOG_LEVEL_ERROR, "sa.invalid", "SPI 0x%08x: %s %" PRIu64, sa->spi, what, value);
	return -EINVAL;
}

/* The encryption key with its salt, and the integrity key, must have the length of the algorithms. */
static int check_keys(struct xfrm *x, const struct xfrm_sa *sa, const struct xfrm_key *key)
{
	const struct xfrm_alg *encr = xfrm_alg_encr(sa->encr, sa->encr_bits), *integ = xfrm_alg_integ(sa->integ);
	unsigned int bits;

	if (!encr) {
		log_at(x->log, LOG_LEVEL_ERROR, "sa.invalid", "SPI 0x%08x: no encryption algorithm %u with %u bits",
		       sa->spi, sa->encr, sa->encr_bits);
		return -EINVAL;
	}
	if (encr->aead ? sa->integ != 0 : !integ)
		return invalid(x, sa, "wrong integrity algorithm for the cipher:", sa->integ);
	bits = sa->encr_bits ? sa->encr_bits : encr->key_bits[0];
	if (key->encr_len != (bits + encr->salt_bits) / 8)
		return invalid(x, sa, "wrong length in octets of the encryption key:", key->encr_len);
	if (key->integ_len != (encr->aead ? 0 : integ->key_bits[0] / 8))
		return invalid(x, sa, "wrong length in octets of the integrity key:", key->integ_len);
	return 0;
}

static int check_sa(struct xfrm *x, const struct xfrm_sa *sa)
{
	const struct xfrm_limits *l = &sa->limits;

	if (!xfrm_family_ok(sa->dst.family) || sa->src.family != sa->dst.family)
		return invalid(x, sa, "not one address family: destination", sa->dst.family);
	if (!sa->tunnel && sa->sel.family && sa->sel.family != sa->dst.family)
		return invalid(x, sa, "transport mode selector of family", sa->sel.family);
	if (!sa->spi)
		return invalid(x, sa, "reserved SPI", sa->spi);
	if (!l->soft_bytes || !l->hard_bytes || !l->soft_packets || !l->hard_packets)
		return invalid(x, sa, "a byte or packet limit of", 0);
	if (!sa->out && sa->replay_window > XFRM_WINDOW_MAX)
		return invalid(x, sa, "replay window of", sa->replay_window);
	if (sa->mode != OFFLOAD_SOFTWARE && sa->ifindex <= 0)
		return invalid(x, sa, "offload without a device:", 0); /* the kernel would guess one by route */
	return 0;
}

/* ---- writing ---- */

static uint64_t seconds(uint64_t s)
{
	return s == UINT64_MAX ? 0 : s; /* XFRM's "no time limit" */
}

/* Offloaded SAs say their direction; and an SA_PCPU needs it. Not more, so that old kernels are not asked for it. */
static bool wants_dir(const struct xfrm *x, const struct xfrm_sa *sa)
{
	return x->sa_dir && (sa->mode != OFFLOAD_SOFTWARE || (sa->out && sa->cpu != UINT32_MAX));
}

/* The replay window as sent: an outbound SA has none, unless the kernel cannot be told that it is outbound. */
static uint32_t window(const struct xfrm *x, const struct xfrm_sa *sa)
{
	if (!sa->out)
		return sa->replay_window;
	return sa->esn && !wants_dir(x, sa) ? 32 : 0;
}

/* XFRMA_REPLAY_ESN_VAL: always with ESN, and for windows too large for the old structure. */
static bool wants_replay_esn(const struct xfrm *x, const struct xfrm_sa *sa)
{
	return sa->esn || window(x, sa) > 32;
}

static void put_info(const struct xfrm *x, struct xfrm_usersa_info *info, const struct xfrm_sa *sa)
{
	info->id.daddr = xfrm_address_put(&sa->dst);
	info->id.spi = htonl(sa->spi);
	info->id.proto = IPPROTO_ESP;
	info->saddr = xfrm_address_put(&sa->src);
	info->lft = (struct xfrm_lifetime_cfg){
		.soft_byte_limit = sa->limits.soft_bytes,
		.hard_byte_limit = sa->limits.hard_bytes,
		.soft_packet_limit = sa->limits.soft_packets,
		.hard_packet_limit = sa->limits.hard_packets,
		.soft_add_expires_seconds = seconds(sa->limits.soft_seconds),
		.hard_add_expires_seconds = seconds(sa->limits.hard_seconds),
	};
	info->seq = sa->seq;
	info->reqid = sa->reqid;
	info->family = sa->dst.family;
	info->mode = sa->tunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
	info->flags = sa->esn ? XFRM_STATE_ESN : 0;
	if (!wants_replay_esn(x, sa))
		info->replay_window = (uint8_t)window(x, sa);
	if (sa->tunnel)
		info->flags |= XFRM_STATE_AF_UNSPEC; /* carries IPv4 and IPv6 */
	else if (sa->sel.family)
		info->sel = xfrm_selector_put(&sa->sel);
	else
		info->sel.family = sa->dst.family;
}

static void put_aead(struct xfrm_msg *m, const struct xfrm_alg *alg, const struct xfrm_key *key)
{
	uint8_t buf[sizeof(struct xfrm_algo_aead) + sizeof(key->encr)];
	struct xfrm_algo_aead a = {.alg_key_len = key->encr_len * 8u, .alg_icv_len = alg->icv_bits};

	snprintf(a.alg_name, sizeof(a.alg_name), "%s", alg->name);
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), key->encr, key->encr_len);
	xfrm_msg_attr(m, XFRMA_ALG_AEAD, buf, sizeof(a) + key->encr_len);
	OPENSSL_cleanse(buf, sizeof(buf));
}

static void put_auth(struct xfrm_msg *m, const struct xfrm_alg *alg, const struct xfrm_key *key)
{
	uint8_t buf[sizeof(struct xfrm_algo_auth) + sizeof(key->integ)];
	struct xfrm_algo_auth a = {.alg_key_len = key->integ_len * 8u, .alg_trunc_len = alg->icv_bits};

	snprintf(a.alg_name, sizeof(a.alg_name), "%s", alg->name);
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), key->integ, key->integ_len);
	xfrm_msg_attr(m, XFRMA_ALG_AUTH_TRUNC, buf, sizeof(a) + key->integ_len);
	OPENSSL_cleanse(buf, sizeof(buf));
}

static void put_crypt(struct xfrm_msg *m, const struct xfrm_alg *alg, const struct xfrm_key *key)
{
	uint8_t buf[sizeof(struct xfrm_algo) + sizeof(key->encr)];
	struct xfrm_algo a = {.alg_key_len = key->encr_len * 8u};

	snprintf(a.alg_name, sizeof(a.alg_name), "%s", alg->name);
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), key->encr, key->encr_len);
	xfrm_msg_attr(m, XFRMA_ALG_CRYPT, buf, sizeof(a) + key->encr_len);
	OPENSSL_cleanse(buf, sizeof(buf));
}

static void put_replay_esn(struct xfrm_msg *m, uint32_t replay_window)
{
	uint8_t buf[sizeof(struct xfrm_replay_state_esn) + XFRM_WINDOW_MAX / 8] = {0};
	struct xfrm_replay_state_esn r = {.bmp_len = (replay_window + 31) / 32, .replay_window = replay_window};

	memcpy(buf, &r, sizeof(r));
	xfrm_msg_attr(m, XFRMA_REPLAY_ESN_VAL, buf, sizeof(r) + r.bmp_len * sizeof(uint32_t));
}

static void put_encap(struct xfrm_msg *m, const struct xfrm_sa *sa)
{
	struct xfrm_encap_tmpl e = {
		.encap_type = UDP_ENCAP_ESPINUDP,
		.encap_sport = htons(sa->encap_sport),
		.encap_dport = htons(sa->encap_dport),
	};

	xfrm_msg_attr(m, XFRMA_ENCAP, &e, sizeof(e));
}

void xfrm_sa_put_offload(struct xfrm_msg *m, const struct xfrm_sa *sa)
{
	struct xfrm_user_offload o = {
		.ifindex = sa->ifindex,
		.flags = (uint8_t)((sa->out ? 0 : XFRM_OFFLOAD_INBOUND) |
				   (sa->mode == OFFLOAD_PACKET ? KR_XFRM_OFFLOAD_PACKET : 0)),
	};

	xfrm_msg_attr(m, XFRMA_OFFLOAD_DEV, &o, sizeof(o));
}

void xfrm_sa_put(const struct xfrm *x, struct xfrm_msg *m, uint16_t type, uint16_t flags, const struct xfrm_sa *sa,
		 const struct xfrm_key *key)
{
	const struct xfrm_alg *encr = xfrm_alg_encr(sa->encr, sa->encr_bits);
	uint8_t dir = sa->out ? KR_XFRM_SA_DIR_OUT : KR_XFRM_SA_DIR_IN;

	put_info(x, xfrm_msg_begin(m, type, flags, sizeof(struct xfrm_usersa_info)), sa);
	if (encr->aead) {
		put_aead(m, encr, key);
	} else {
		put_auth(m, xfrm_alg_integ(sa->integ), key);
		put_crypt(m, encr, key);
	}
	if (wants_replay_esn(x, sa))
		put_replay_esn(m, window(x, sa));
	if (sa->encap)
		put_encap(m, sa);
	if (wants_dir(x, sa)) {
		xfrm_msg_attr(m, KR_XFRMA_SA_DIR, &dir, sizeof(dir));
		if (sa->out && sa->cpu != UINT32_MAX)
			xfrm_msg_attr(m, KR_XFRMA_SA_PCPU, &sa->cpu, sizeof(sa->cpu));
	}
}

int xfrm_sa_check(struct xfrm *x, const struct xfrm_sa *sa, const struct xfrm_key *key)
{
	int err = check_sa(x, sa);

	return err ? err : check_keys(x, sa, key);
}
