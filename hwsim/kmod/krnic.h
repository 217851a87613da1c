/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * krnic: two NICs at the two ends of a cable (pk0, pk1), with XFRM offload as a card does it: fixed tables of SAs, one
 * for each direction, and of policies; ESP with AES-GCM (RFC 4303, 4106) over IPv4 and IPv6, in tunnel and transport
 * mode, all of it (packet offload, in UDP too) or its cipher alone (crypto offload); replay windows, ESN, byte and
 * packet limits; queues with RSS over addresses and SPI, rules by SPI, and counters. It is there to run the kernel's
 * offload paths, and a controller above it, on machines without such a card.
 *
 * Policies cover what their selectors cover, neighbour discovery too, as in Linux and in mlx5: with one that covers all
 * of IPv6, or ICMPv6 between neighbours, the neighbours need a bypass policy for ICMPv6 above it.
 *
 * Interfaces: Linux 6.18 and later (include/linux/netdevice.h, struct xfrmdev_ops).
 *
 * Locks: x->lock of a state, then krnic.lock, then krnic.fault_lock, never the other way round; the network's own (rtnl,
 * xfrm_state_lock) may be held before them, and none of these is taken with them. All with BH off.
 *   x->lock           counters, sequence number, replay window and events of the SA
 *   krnic.lock        tables, policies, rules, RSS key; of another NIC never at the same time
 *   krnic.fault_lock  armed faults
 * An SA is found in a table under krnic.lock, and used with a reference to its state and with BH off. The kernel may free
 * it all the same (krnic_state_free): its memory and its cipher live until an RCU grace period has passed, and BH off is
 * an RCU section. What works later (events, the link that comes up again) runs on krnic.wq; it is cancelled before what
 * it needs goes.
 */
#ifndef KRNIC_H
#define KRNIC_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/ethtool.h>
#include <linux/ip.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <net/xfrm.h>

enum {
	KRNIC_SLOTS_MAX = 4096, /* of an SA table */
	KRNIC_POLICIES_MAX = 1024,
	KRNIC_QUEUES_MAX = 64,
	KRNIC_RULES = 64,      /* flow rules */
	KRNIC_INDIR = 128,     /* entries of the RSS indirection table */
	KRNIC_KEY = 40,        /* octets of the RSS key */
	KRNIC_WINDOW = 256,    /* packets, of the largest replay window */
	KRNIC_BACKLOG = 4096,  /* packets that wait in a receive queue */
	KRNIC_ESP_HEADER = 16, /* octets: SPI, sequence number, IV */
	KRNIC_IV = 8,          /* octets, of these */
	KRNIC_ICV = 16,        /* octets */
};

#define KRNIC_COUNTERS(X)                                                                                          \
	X(tx_esp)       /* sent protected */                                                                       \
	X(tx_bypass)    /* sent in clear as a policy says */                                                       \
	X(tx_plain)     /* IP sent in clear: no policy covers it; so is ESP that the host has made itself */       \
	X(tx_other)     /* not IP: ARP */                                                                          \
	X(tx_no_sa)     /* dropped: a policy wants an SA, and there is none */                                     \
	X(tx_block)     /* dropped as a policy says */                                                             \
	X(tx_header)    /* dropped: transport mode cannot take it apart (options, fragment), or it is cut short */ \
	X(tx_too_big)   /* dropped: with ESP it is larger than the MTU */                                          \
	X(tx_drop)      /* dropped: no memory, sequence numbers used up, SA expired or gone, cable unplugged */    \
	X(rx_esp)       /* received, authenticated, decrypted */                                                   \
	X(rx_plain)     /* received without protection, and no policy asks for it */                               \
	X(rx_no_sa)     /* ESP with an unknown SPI: left to the host */                                            \
	X(rx_auth_fail)                                                                                            \
	X(rx_replay)                                                                                               \
	X(rx_malformed) /* dropped: ESP behind IP options, of a wrong length, or with something wrong in it */     \
	X(rx_policy)    /* dropped: the SA or the lack of one is not what the policy says */                       \
	X(rx_drop)      /* dropped: queue full, SA expired, no memory */                                           \
	X(sa_adds)                                                                                                 \
	X(sa_deletes)                                                                                              \
	X(sa_refused)                                                                                              \
	X(soft_expired) /* soft limits reached, told or not */                                                     \
	X(hard_expired)                                                                                            \
	X(events_lost) /* by the fault lose_event */

enum krnic_counter {
#define KRNIC_COUNTER_ENUM(name) KRNIC_##name,
	KRNIC_COUNTERS(KRNIC_COUNTER_ENUM)
#undef KRNIC_COUNTER_ENUM
		KRNIC_COUNTERS_N
};

struct crypto_aead;

struct krnic_event { /* of an SA that reached a limit, where a fault changes what the kernel would do */
	struct delayed_work work;
	struct krnic_sa *sa;
	bool hard;
	bool pending;
	u32 copies; /* 0: it is lost */
};

struct krnic_sa {
	struct rcu_work free;
	struct krnic *nic;
	struct xfrm_state *x;
	struct crypto_aead *aead; /* rfc4106(gcm(aes)), synchronous */
	bool crypto;              /* crypto offload; else packet offload */
	bool larval;              /* no key and no slot yet: it only stands for an acquire */
	bool deleted;
	unsigned int slot;
	u64 active_at;                      /* ns of ktime_get_ns(): before that it carries nothing */
	u64 free_at;                        /* before that its slot is not free */
	u64 serial;                         /* the larger, the later it was installed */
	u64 seq;                            /* out: last one sent; in: highest one authenticated */
	u32 window;                         /* in: 0, 32, 64, 128 or 256; in crypto offload any */
	DECLARE_BITMAP(seen, KRNIC_WINDOW); /* by sequence number modulo KRNIC_WINDOW; not in crypto offload */
	u64 packets, bytes;                 /* of inner IP packets; in crypto offload of outer ones */
	u32 replayed, unauthentic;
	/* counter_lag: dumps have the sample until then, but not the CPU (plus 1; 0: none) that judges the limits */
	u64 sample_packets, sample_bytes, sample_until;
	unsigned int judged_on;
	struct krnic_event soft, hard;
};

struct krnic_table { /* of one direction */
	struct krnic_sa **sa;
	u64 *free_at;  /* of a slot without an SA: 0, or when it is free, or U64_MAX: when the kernel lets go */
	u32 room;      /* entries of sa and free_at */
	u32 size;      /* SAs that are accepted, room at most: debugfs slots_in, slots_out */
	u32 used;      /* slots with an SA */
	u32 draining;  /* slots without one that are not free yet */
};

enum krnic_fault { /* as faults.c describes them */
	KRNIC_REFUSE,
	KRNIC_REFUSE_NTH,
	KRNIC_FULL,
	KRNIC_SLOW_INSTALL,
	KRNIC_DELAYED_FREE,
	KRNIC_LOSE_EVENT,
	KRNIC_LATE_EVENT,
	KRNIC_REPEAT_EVENT,
	KRNIC_SILENT_NO_OFFLOAD,
	KRNIC_COUNTER_LAG,
	KRNIC_LINK_DOWN,
	KRNIC_RESET,
	KRNIC_FAULTS
};

struct krnic_armed { /* a fault */
	u32 count; /* strikes that are left; U32_MAX: it always strikes */
	u64 arg;
	u64 seen; /* refuse_nth: SAs since it was armed or last struck */
};

enum krnic_verdict { KRNIC_NO_POLICY, KRNIC_BYPASS, KRNIC_PROTECT, KRNIC_BLOCK };

struct krnic_policy { /* what the card keeps of an xfrm_policy */
	struct list_head link;
	struct xfrm_selector sel;
	u32 priority, index, reqid;
	struct xfrm_tmpl tmpl;
	u8 dir; /* XFRM_DEV_OFFLOAD_IN, _OUT */
	enum krnic_verdict verdict;
	u64 hits;
};

struct krnic_flow {       /* what a packet's headers say */
	u8 family;        /* AF_INET, AF_INET6 */
	u8 protocol;      /* behind options and extension headers */
	bool options;     /* there are such: not a header that a card can take off */
	bool fragment;    /* of an IP packet, the first one too */
	unsigned int l3;  /* offset from skb->data of the IP header, */
	unsigned int l4;  /* of what is behind it and its options, */
	unsigned int end; /* and of the packet's end */
	xfrm_address_t saddr, daddr;
	__be16 sport, dport; /* as in selectors: of ICMP the type and the code; 0 where there are none, as in fragments */
};

struct krnic_rule { /* ESP with these addresses and SPI goes to that queue */
	bool used;
	struct ethtool_rx_flow_spec fs;
	u64 hits;
};

struct krnic_rxq {
	struct krnic *nic;
	unsigned int index;
	unsigned int cpu; /* where its interrupt is handled */
	struct napi_struct napi;
	struct sk_buff_head list;
	call_single_data_t interrupt;
	u64 packets;
};

struct krnic {
	struct net_device *dev;
	struct krnic *peer; /* at the other end of the cable */
	struct dentry *dir;

	spinlock_t lock;
	struct krnic_table in, out;
	bool shared; /* both together have no more SAs than one of them may have */
	struct list_head policies;
	u32 n_policies, policies_size;
	u32 n_larval;
	u64 serial;
	u8 key[KRNIC_KEY];
	u32 indir[KRNIC_INDIR];
	struct krnic_rule rule[KRNIC_RULES];

	bool tx_by_reqid; /* debugfs: an outbound SA is found by its reqid alone */
	struct workqueue_struct *wq;
	spinlock_t fault_lock;
	struct krnic_armed fault[KRNIC_FAULTS];
	struct delayed_work link_up; /* after the faults link_down and reset */
	unsigned int queues, queues_max;
	struct krnic_rxq *rxq;
	u64 *txq_packets;
	atomic64_t counter[KRNIC_COUNTERS_N];
};

static inline void krnic_count(struct krnic *nic, enum krnic_counter c)
{
	atomic64_inc(&nic->counter[c]);
}

/* state.c */
extern const struct xfrmdev_ops krnic_xfrmdev_ops;
/* Slots that still wait to be free are free. */
void krnic_tables_reset(struct krnic *nic);
/* Lets slots go whose time has come. With krnic.lock held. */
void krnic_tables_drain(struct krnic *nic);

static inline bool krnic_sa_is_active(const struct krnic_sa *sa)
{
	return !sa->active_at || ktime_get_ns() >= sa->active_at;
}

/* faults.c */
/* Whether the fault is armed and strikes now, which uses up one strike; *arg (may be NULL) is its argument. */
bool krnic_fault_strikes(struct krnic *nic, enum krnic_fault fault, u64 *arg);
/* Whether the fault lose_event strikes one of these. */
bool krnic_event_is_lost(struct krnic *nic, bool hard);
void krnic_faults_init(struct krnic *nic);
/* The file in debugfs. */
void krnic_faults_add(struct krnic *nic);

/* check.c */
/* The replay window that the state asks for, in packets. */
u32 krnic_window_of(const struct xfrm_state *x);
/* 0, or -EINVAL with the reason: what the card cannot do. */
int krnic_state_check(const struct xfrm_state *x, struct netlink_ext_ack *extack);

/* flow.c */
/*
 * Reads the headers of the IP packet at l3 of a linear skb; type: ETH_P_IP or ETH_P_IPV6, as on the wire. False: it is
 * cut short, or not such a packet.
 */
bool krnic_flow_read(struct krnic_flow *f, const struct sk_buff *skb, unsigned int l3, __be16 type);
bool krnic_flow_matches(const struct krnic_flow *f, const struct xfrm_selector *s);

/* policy.c */
int krnic_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack);
void krnic_policy_delete(struct xfrm_policy *xp);
void krnic_policy_free(struct xfrm_policy *xp);
/* What the policies of a direction say to a packet; *tmpl is set with KRNIC_PROTECT. BH must be off. */
enum krnic_verdict krnic_policy_lookup(struct krnic *nic, u8 dir, const struct krnic_flow *f, struct xfrm_tmpl *tmpl);

/* limits.c */
/* One more packet of so many bytes, and whether the SA may carry it. With x->lock held. */
bool krnic_sa_account(struct krnic_sa *sa, unsigned int bytes);
/* What dumps show of packets and bytes. */
void krnic_sa_show(const struct krnic_sa *sa, struct xfrm_lifetime_cur *cur);
void krnic_events_init(struct krnic_sa *sa);
/* Waits for those that are under way. May sleep; without x->lock. */
void krnic_events_cancel(struct krnic_sa *sa);

/* choose.c: with BH off, and an SA that is found may be used until BH is on again. */
/*
 * Packet offload: the SA for a packet that a policy's template protects, with a reference to its state
 * (xfrm_state_put()), or NULL. Of those with the template's reqid and addresses: of this CPU before any CPU's, the
 * newest first. With tx_by_reqid, as mlx5: the newest with that reqid, whatever its addresses and its CPU.
 */
struct krnic_sa *krnic_sa_for_tx(struct krnic *nic, const struct xfrm_tmpl *t, const struct krnic_flow *f);
/* Crypto offload: the SA of a state that the caller has a reference to, or NULL. */
struct krnic_sa *krnic_sa_for_crypto(struct krnic *nic, const struct xfrm_state *x);
/* The SA that a packet of ESP, perhaps in UDP, is for, with a reference to its state, or NULL. */
struct krnic_sa *krnic_sa_for_rx(struct krnic *nic, const struct krnic_flow *f, __be32 spi);

/* count.c. Bytes are those of IP packets: the inner ones in packet offload, the outer ones in crypto offload. */
/* From the kernel's state: sequence number, window, and what it has seen. */
void krnic_sa_init_seq(struct krnic_sa *sa);
/* Packet offload, out: the next sequence number. False: there is none, or the SA has expired. */
bool krnic_sa_take_seq(struct krnic_sa *sa, unsigned int bytes, u64 *seq);
/* Crypto offload: the kernel has chosen or accepted a number. False: the SA has expired. */
bool krnic_sa_note_seq(struct krnic_sa *sa, unsigned int bytes, u64 seq);
/* In, before decryption: the whole number that lo is the low half of. False: a replay, counted in the SA. */
bool krnic_sa_check_seq(struct krnic_sa *sa, u32 lo, u64 *seq);
/*
 * Packet offload, in, after decryption: 0; -EALREADY if another CPU has taken the same number meanwhile (counted in the
 * SA); -EKEYEXPIRED.
 */
int krnic_sa_accept_seq(struct krnic_sa *sa, u64 seq, unsigned int bytes);
void krnic_sa_count_forged(struct krnic_sa *sa);

/* cipher.c: at esp is an ESP header, and behind it len octets of text and room for the ICV, or the ICV. */
/* In place; sets the IV. 0, or -errno. */
int krnic_cipher_seal(struct krnic_sa *sa, u8 *esp, unsigned int len, u64 seq);
/* In place. 0, -EBADMSG, or -errno where it could not be tried. */
int krnic_cipher_open(struct krnic_sa *sa, u8 *esp, unsigned int len, u64 seq);

/* esp_out.c */
/*
 * Packet offload: a new Ethernet frame with skb's packet in ESP; skb is left alone. NULL: dropped and counted;
 * ERR_PTR(-ESTALE): the SA has been deleted meanwhile.
 */
struct sk_buff *krnic_esp_encapsulate(struct krnic *nic, struct krnic_sa *sa, const struct sk_buff *skb,
				      const struct krnic_flow *f);
/* Crypto offload: in place, ESP that the kernel has built. False: counted, and the caller frees it. */
bool krnic_esp_encrypt(struct krnic *nic, struct krnic_sa *sa, struct sk_buff *skb, const struct krnic_flow *f);

/* esp_in.c: in place, data at the MAC header, ESP at esp_at. 0, or -errno: counted. */
/* Packet offload: what was protected becomes the packet. */
int krnic_esp_decapsulate(struct krnic *nic, struct krnic_sa *sa, struct sk_buff *skb, const struct krnic_flow *f,
			  unsigned int esp_at);
/* Crypto offload: -EBADMSG is for the kernel to count, too. */
int krnic_esp_decrypt(struct krnic *nic, struct krnic_sa *sa, struct sk_buff *skb, const struct krnic_flow *f,
		      unsigned int esp_at);

/* tx.c */
netdev_tx_t krnic_xmit(struct sk_buff *skb, struct net_device *dev);

/* rx.c */
/* A frame comes out of the cable: data at the MAC header, linear and not shared. Takes it over. BH must be off. */
void krnic_receive(struct krnic *nic, struct sk_buff *skb);
int krnic_rxqs_init(struct krnic *nic);
void krnic_rxqs_free(struct krnic *nic);
void krnic_rxqs_start(struct krnic *nic);
void krnic_rxqs_stop(struct krnic *nic);

/* rss.c */
/* The receive queue for a frame, by rule or by hash, which it also notes in skb. BH must be off. */
unsigned int krnic_queue_pick(struct krnic *nic, struct sk_buff *skb);
void krnic_rss_default(struct krnic *nic);

/* ethtool.c, debugfs.c */
extern const struct ethtool_ops krnic_ethtool_ops;
void krnic_debugfs_add(struct krnic *nic, struct dentry *root);

#endif
