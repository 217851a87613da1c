/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * krnic: two NICs at the two ends of a cable (pk0, pk1), with XFRM packet offload as a card does it: fixed tables of
 * SAs, one for each direction, and of policies; ESP with AES-GCM (RFC 4303, 4106) for IPv4, tunnel and transport mode;
 * replay windows, ESN, byte and packet limits; queues with RSS over addresses and SPI, rules by SPI, and counters. It
 * is there to run the kernel's offload path, and a controller above it, on machines without such a card.
 *
 * Interfaces: Linux 6.18 and later (include/linux/netdevice.h, struct xfrmdev_ops).
 *
 * Locks: x->lock of a state, then krnic.lock, never the other way round. An SA's counters, sequence number and replay
 * window belong to its x->lock; tables, policies, rules and the RSS key to krnic.lock.
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
#include <net/xfrm.h>
#include <crypto/gcm.h>

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
	KRNIC_ICV = 16,        /* octets */
};

#define KRNIC_COUNTERS(X)                                                                            \
	X(tx_esp)    /* sent protected */                                                            \
	X(tx_bypass) /* sent in clear as a policy says */                                            \
	X(tx_plain)  /* IPv4 sent in clear: no policy covers it */                                   \
	X(tx_other)  /* not IPv4: ARP, IPv6 */                                                       \
	X(tx_no_sa)  /* dropped: a policy wants an SA, and there is none */                          \
	X(tx_block)  /* dropped as a policy says */                                                  \
	X(tx_drop)   /* dropped: IP options, no memory, sequence numbers used up, cable unplugged */ \
	X(rx_esp)    /* received, authenticated, decrypted */                                        \
	X(rx_plain)  /* received without protection, and no policy asks for it */                    \
	X(rx_no_sa)  /* ESP with an unknown SPI: left to the host */                                 \
	X(rx_auth_fail)                                                                              \
	X(rx_replay)                                                                                 \
	X(rx_malformed)                                                                              \
	X(rx_policy) /* dropped: the SA or the lack of one is not what the policy says */            \
	X(rx_drop)   /* dropped: queue full, SA expired, no memory */                                \
	X(sa_adds)                                                                                   \
	X(sa_deletes)                                                                                \
	X(sa_refused)

enum krnic_counter {
#define KRNIC_COUNTER_ENUM(name) KRNIC_##name,
	KRNIC_COUNTERS(KRNIC_COUNTER_ENUM)
#undef KRNIC_COUNTER_ENUM
		KRNIC_COUNTERS_N
};

struct krnic_sa {
	struct rcu_head rcu;
	struct xfrm_state *x;
	struct aesgcm_ctx gcm;
	u8 salt[4];
	bool larval; /* no key and no slot yet: it only stands for an acquire */
	unsigned int slot;
	u64 serial;                         /* the larger, the later it was installed */
	u64 seq;                            /* out: last one sent; in: highest one authenticated */
	u32 window;                         /* in: 0, 32, 64, 128 or 256 */
	DECLARE_BITMAP(seen, KRNIC_WINDOW); /* by sequence number modulo KRNIC_WINDOW */
	u64 packets, bytes;                 /* of inner IP packets */
	u32 replayed, unauthentic;
};

struct krnic_table { /* of one direction */
	struct krnic_sa **sa;
	u32 room; /* entries of sa */
	u32 size; /* SAs that are accepted, room at most: debugfs slots_in, slots_out */
	u32 used;
};

enum krnic_verdict { KRNIC_NO_POLICY, KRNIC_BYPASS, KRNIC_PROTECT, KRNIC_BLOCK };

struct krnic_policy { /* what the card keeps of an xfrm_policy */
	struct list_head link;
	struct xfrm_selector sel;
	u32 priority, index, reqid;
	u8 dir; /* XFRM_DEV_OFFLOAD_IN, _OUT */
	enum krnic_verdict verdict;
	u64 hits;
};

struct krnic_rule { /* ESP over IPv4 with these addresses and SPI goes to that queue */
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
	struct list_head policies;
	u32 n_policies, policies_size;
	u32 n_larval;
	u64 serial;
	u8 key[KRNIC_KEY];
	u32 indir[KRNIC_INDIR];
	struct krnic_rule rule[KRNIC_RULES];

	u32 refuse; /* debugfs: errno of the next SAs; 0: none */
	unsigned int queues, queues_max;
	struct krnic_rxq *rxq;
	u64 *txq_packets;
	atomic64_t counter[KRNIC_COUNTERS_N];
};

static inline void krnic_count(struct krnic *nic, enum krnic_counter c)
{
	atomic64_inc(&nic->counter[c]);
}

/* xfrm.c: SAs */
extern const struct xfrmdev_ops krnic_xfrmdev_ops;
/*
 * The SA for a packet, with a reference to its state (xfrm_state_put()), or NULL. Out: of a reqid, of this CPU before
 * those of any CPU, the newest first. BH must be off.
 */
struct krnic_sa *krnic_sa_for_tx(struct krnic *nic, u32 reqid);
struct krnic_sa *krnic_sa_for_rx(struct krnic *nic, __be32 spi, __be32 daddr);

/* policy.c */
int krnic_policy_add(struct xfrm_policy *xp, struct netlink_ext_ack *extack);
void krnic_policy_delete(struct xfrm_policy *xp);
void krnic_policy_free(struct xfrm_policy *xp);
/* What the policies of a direction say to a packet; *reqid is set with KRNIC_PROTECT. BH must be off. */
enum krnic_verdict krnic_policy_lookup(struct krnic *nic, u8 dir, const struct sk_buff *skb, u32 *reqid);

/* esp.c */
/*
 * A whole Ethernet frame with the IPv4 packet at skb's network header in ESP; skb is left alone. NULL: dropped and
 * counted.
 */
struct sk_buff *krnic_esp_encrypt(struct krnic *nic, struct krnic_sa *sa, const struct sk_buff *skb);
/* In place, with data at the MAC header. 0, or -errno: counted, and the caller frees it. */
int krnic_esp_decrypt(struct krnic *nic, struct krnic_sa *sa, struct sk_buff *skb);

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
