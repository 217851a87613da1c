/* SPDX-License-Identifier: MIT */
/* Attributes as such, the request to offload (net/xfrm/xfrm_device.c), and what the card itself objects to. */
#include <linux/udp.h>
#include <netinet/in.h>

#include "suite.h"

#define OUT .from = LEFT
#define IN  .from = RIGHT, .in = true
#define ENCAP(type)                                          \
	LENGTH(XFRMA_ENCAP, sizeof(struct xfrm_encap_tmpl)), \
		FIELD(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_type, type)
#define PORTS                                                             \
	FIELD_BE(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_sport, 4500), \
		FIELD_BE(XFRMA_ENCAP, struct xfrm_encap_tmpl, encap_dport, 4500)
#define WINDOW(n)                                             \
	ESN(replay_window, n), ESN(bmp_len, ((n) + 31) / 32), \
		LENGTH(XFRMA_REPLAY_ESN_VAL, sizeof(struct xfrm_replay_state_esn) + ((n) + 31) / 32 * 4)

static const struct row attribute_rows[] = {
	{"a header that is too short",
	 .request = {OUT, .edit = {FIXED_LENGTH(100), DROP(XFRMA_ALG_AEAD), DROP(XFRMA_REPLAY_ESN_VAL),
				   DROP(XFRMA_OFFLOAD_DEV), DROP(KR_XFRMA_SA_DIR)}},
	 .want = "EINVAL: Invalid header length"},
	{"a message type beyond the last", .request = {.base = BASE_NOTHING, .type = 0x60}, .want = "EINVAL"},
	{"a message type without a handler, too short", .request = {.base = BASE_NOTHING, .type = XFRM_MSG_MAPPING},
	 .want = "EINVAL: Invalid header length"},
	{"a message type without a handler",
	 .request = {.base = BASE_INFO,
		     .type = XFRM_MSG_MAPPING,
		     .edit = {FIXED_LENGTH(sizeof(struct xfrm_user_mapping))}},
	 .want = "EINVAL"},
	{"AEAD too short for its header", .request = {OUT, .edit = {LENGTH(XFRMA_ALG_AEAD, 71)}},
	 .want = "ERANGE at AEAD: Attribute failed policy validation"},
	{"AEAD of its header alone", .request = {OUT, .edit = {LENGTH(XFRMA_ALG_AEAD, 72)}},
	 .want = "EINVAL: Invalid AEAD attribute length"},
	{"OFFLOAD_DEV of 4 octets", .request = {OUT, .edit = {LENGTH(XFRMA_OFFLOAD_DEV, 4)}},
	 .want = "ERANGE at OFFLOAD_DEV: Attribute failed policy validation"},
	{"OFFLOAD_DEV of 12 octets", .request = {OUT, .edit = {LENGTH(XFRMA_OFFLOAD_DEV, 12)}}, .want = "ok"},
	{"ESN state of 20 octets", .request = {IN, .edit = {LENGTH(XFRMA_REPLAY_ESN_VAL, 20)}},
	 .want = "ERANGE at REPLAY_ESN_VAL: Attribute failed policy validation"},
	{"SA_DIR of 4 octets", .request = {OUT, .edit = {PUT32(KR_XFRMA_SA_DIR, 2)}},
	 .want = "EINVAL at SA_DIR with policy: invalid attribute length"},
	{"SA_PCPU of 1 octet", .request = {OUT, .edit = {PUT8(KR_XFRMA_SA_PCPU, 1)}},
	 .want = "EINVAL at SA_PCPU with policy: invalid attribute length"},
	{"IF_ID of 2 octets", .request = {OUT, .edit = {LENGTH(XFRMA_IF_ID, 2)}},
	 .want = "ERANGE at IF_ID with policy: Attribute failed policy validation"},
	{"MARK of 4 octets", .request = {OUT, .edit = {PUT32(XFRMA_MARK, 1)}},
	 .want = "ERANGE at MARK: Attribute failed policy validation"},
	{"an attribute nobody knows", .request = {OUT, .edit = {PUT32(60, 1)}}, .want = "ok"},
	{"SA_DIR in a GETSA", .request = {.base = BASE_SA_ID, OUT, .edit = {PUT8(KR_XFRMA_SA_DIR, 2)}},
	 .want = "EINVAL: Invalid attribute SA_DIR"},
	{"SA_DIR in a NEWPOLICY", .request = {.base = BASE_POLICY, OUT, .edit = {PUT8(KR_XFRMA_SA_DIR, 2)}},
	 .want = "EINVAL: Invalid attribute SA_DIR"},
	{"SA_DIR and SA_PCPU in a GETSA",
	 .request = {.base = BASE_SA_ID, OUT, .edit = {PUT8(KR_XFRMA_SA_DIR, 2), PUT32(KR_XFRMA_SA_PCPU, 1)}},
	 .want = "EINVAL: Invalid attribute SA_DIR"},
	{"a default policy is asked for", .request = {.base = BASE_INFO, .type = XFRM_MSG_GETDEFAULT}, .want = "ok",
	 .hwsim = "EINVAL", .why = "hwsim has no default policy: what no policy covers is let through"},
	{"SA_PCPU in a GETSA", .request = {.base = BASE_SA_ID, OUT, .edit = {PUT32(KR_XFRMA_SA_PCPU, 1)}},
	 .want = "EINVAL: Invalid attribute SA_PCPU"},
	{"SA_PCPU in a NEWPOLICY", .request = {.base = BASE_POLICY, OUT, .edit = {PUT32(KR_XFRMA_SA_PCPU, 1)}},
	 .want = "EINVAL: Invalid attribute SA_PCPU"},
};

static const struct row offload_rows[] = {
	{"flags: unknown", .request = {OUT, .edit = {OFFLOAD(flags, 0x10)}},
	 .want = "EINVAL: Unrecognized flags in offload request"},
	{"flags: IPV6 is allowed",
	 .request = {OUT, .edit = {OFFLOAD(flags, KR_XFRM_OFFLOAD_PACKET | XFRM_OFFLOAD_IPV6)}}, .want = "ok"},
	{"direction: out, but inbound",
	 .request = {OUT, .edit = {OFFLOAD(flags, KR_XFRM_OFFLOAD_PACKET | XFRM_OFFLOAD_INBOUND)}},
	 .want = "EINVAL: Mismatched SA and offload direction"},
	{"direction: in, but not inbound", .request = {IN, .edit = {OFFLOAD(flags, KR_XFRM_OFFLOAD_PACKET)}},
	 .want = "EINVAL: Mismatched SA and offload direction"},
	{"TFC padding", .request = {OUT, .edit = {PUT32(XFRMA_TFCPAD, 100)}},
	 .want = "EINVAL: TFC padding can't be offloaded"},
	{"flags before direction", .request = {OUT, .edit = {OFFLOAD(flags, 0x10 | XFRM_OFFLOAD_INBOUND)}},
	 .want = "EINVAL: Unrecognized flags in offload request"},
	{"direction before TFC padding",
	 .request = {OUT,
		     .edit = {OFFLOAD(flags, KR_XFRM_OFFLOAD_PACKET | XFRM_OFFLOAD_INBOUND), PUT32(XFRMA_TFCPAD, 100)}},
	 .want = "EINVAL: Mismatched SA and offload direction"},
	{"no such device, packet", .request = {OUT, .edit = {OFFLOAD(ifindex, 999999)}}, .want = "ok"},
	{"no such device, crypto", .request = {OUT, .crypto = true, .edit = {OFFLOAD(ifindex, 999999)}}, .want = "ok"},
	{"any device: the one of the route", .request = {OUT, .edit = {OFFLOAD(ifindex, 0)}}, .want = "ok"},
	{"interface id, inbound", .request = {IN, .edit = {PUT32(XFRMA_IF_ID, 5)}},
	 .want = "EINVAL: XFRM if_id is not supported in RX path"},
	{"a device that does not offload, packet", .request = {OUT, .edit = {OFFLOAD(ifindex, 1)}}, .want = "EINVAL"},
	{"a device that does not offload, crypto", .request = {OUT, .crypto = true, .edit = {OFFLOAD(ifindex, 1)}},
	 .want = "ok"},
	{"interface id before padding", .request = {IN, .edit = {PUT32(XFRMA_IF_ID, 5), PUT32(XFRMA_TFCPAD, 100)}},
	 .want = "EINVAL: XFRM if_id is not supported in RX path"},
	{"interface id before direction",
	 .request = {IN, .edit = {PUT32(XFRMA_IF_ID, 5), OFFLOAD(flags, KR_XFRM_OFFLOAD_PACKET)}},
	 .want = "EINVAL: Mismatched SA and offload direction"},
	{"interface id, outbound", .request = {OUT, .edit = {PUT32(XFRMA_IF_ID, 5)}}, .want = "ok"},
	{"a duplicate", .before = {OUT, .type = XFRM_MSG_NEWSA}, .request = {OUT}, .want = "EEXIST"},
	{"UPDSA of nothing", .request = {OUT, .type = XFRM_MSG_UPDSA}, .want = "ESRCH"},
	{"UPDSA", .before = {OUT, .type = XFRM_MSG_NEWSA}, .request = {OUT, .type = XFRM_MSG_UPDSA}, .want = "ok"},
	{"UPDSA with the other direction", .before = {OUT, .type = XFRM_MSG_NEWSA},
	 .request = {OUT, .in = true, .type = XFRM_MSG_UPDSA}, .want = "ESRCH"},
};

static const struct row card_rows[] = {
	{"cipher: CBC and HMAC",
	 .request = {OUT, .edit = {DROP(XFRMA_ALG_AEAD), ALGORITHM(XFRMA_ALG_CRYPT, "cbc(aes)", 128, 0),
				   ALGORITHM(XFRMA_ALG_AUTH_TRUNC, "hmac(sha256)", 256, 128)}},
	 .want = "EINVAL: krnic: only rfc4106(gcm(aes))"},
	{"cipher: ChaCha20-Poly1305",
	 .request = {OUT, .edit = {ALGORITHM(XFRMA_ALG_AEAD, "rfc7539esp(chacha20,poly1305)", 288, 128)}},
	 .want = "EINVAL: krnic: only rfc4106(gcm(aes))"},
	{"ICV of 64 bits", .request = {OUT, .edit = {AEAD(alg_icv_len, 64)}},
	 .want = "EINVAL: krnic: only an ICV of 128 bits"},
	{"key of 192 bits", .request = {OUT, .edit = {ALGORITHM(XFRMA_ALG_AEAD, "rfc4106(gcm(aes))", 192 + 32, 128)}},
	 .want = "EINVAL: krnic: only AES keys of 128 and 256 bits"},
	{"key of 256 bits", .request = {OUT, .edit = {ALGORITHM(XFRMA_ALG_AEAD, "rfc4106(gcm(aes))", 256 + 32, 128)}},
	 .want = "ok"},
	{"ICV before key", .request = {OUT, .edit = {ALGORITHM(XFRMA_ALG_AEAD, "rfc4106(gcm(aes))", 192 + 32, 96)}},
	 .want = "EINVAL: krnic: only an ICV of 128 bits"},
	{"no reqid", .request = {OUT, .edit = {SA(reqid, 0)}}, .want = "EINVAL: krnic: an SA needs a reqid"},
	{"window of 32", .request = {IN, .edit = {WINDOW(32)}}, .want = "ok"},
	{"window of 128", .request = {IN, .edit = {WINDOW(128)}}, .want = "ok"},
	{"window of 256", .request = {IN, .edit = {WINDOW(256)}}, .want = "ok"},
	{"window of 96", .request = {IN, .edit = {WINDOW(96)}},
	 .want = "EINVAL: krnic: a replay window has 32, 64, 128 or 256 packets"},
	{"window of 512", .request = {IN, .edit = {WINDOW(512)}},
	 .want = "EINVAL: krnic: a replay window has 32, 64, 128 or 256 packets"},
	{"soft byte limit of 0", .request = {OUT, .edit = {SA(lft.soft_byte_limit, 0)}},
	 .want = "EINVAL: krnic: byte and packet limits can't be 0"},
	{"hard byte limit of 0", .request = {OUT, .edit = {SA(lft.hard_byte_limit, 0)}},
	 .want = "EINVAL: krnic: byte and packet limits can't be 0"},
	{"soft packet limit of 0", .request = {OUT, .edit = {SA(lft.soft_packet_limit, 0)}},
	 .want = "EINVAL: krnic: byte and packet limits can't be 0"},
	{"hard packet limit of 0", .request = {OUT, .edit = {SA(lft.hard_packet_limit, 0)}},
	 .want = "EINVAL: krnic: byte and packet limits can't be 0"},
	{"soft limit above the hard one", .request = {OUT, .soft_packets = 9, .hard_packets = 5}, .want = "ok"},
	{"reqid before window", .request = {IN, .edit = {SA(reqid, 0), WINDOW(96)}},
	 .want = "EINVAL: krnic: an SA needs a reqid"},
	{"window before limits", .request = {IN, .edit = {SA(lft.soft_byte_limit, 0), WINDOW(96)}},
	 .want = "EINVAL: krnic: a replay window has 32, 64, 128 or 256 packets"},
	{"cipher before everything",
	 .request = {OUT, .edit = {ALGORITHM(XFRMA_ALG_AEAD, "rfc7539esp(chacha20,poly1305)", 288, 128), SA(reqid, 0),
				   SA(lft.soft_byte_limit, 0)}},
	 .want = "EINVAL: krnic: only rfc4106(gcm(aes))"},
	{"transport mode", .request = {OUT, .transport = true}, .want = "ok"},
	{"IPv6, tunnel mode", .request = {OUT, .six = true}, .want = "ok"},
	{"IPv6, transport mode, inbound", .request = {IN, .six = true, .transport = true}, .want = "ok"},
	{"UDP encapsulation", .request = {OUT, .edit = {ENCAP(UDP_ENCAP_ESPINUDP), PORTS}}, .want = "ok"},
	{"crypto mode, outbound", .request = {OUT, .crypto = true}, .want = "ok"},
	{"crypto mode, inbound", .request = {IN, .crypto = true}, .want = "ok"},
	{"crypto mode, no reqid", .request = {OUT, .crypto = true, .edit = {SA(reqid, 0)}}, .want = "ok"},
};

TABLE(attribute, "attributes and headers", attribute_rows);
TABLE(offload, "the request to offload; duplicates and updates", offload_rows);
TABLE(card, "what the card objects to", card_rows);
