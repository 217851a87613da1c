/* SPDX-License-Identifier: MIT */
/*
 * The security policy database: selectors, priorities, and what becomes of a packet. Changes need the card stopped,
 * look-ups a lane or control.
 *
 * Order: offloaded policies before the host's own (the card sees the packet first; Linux skips its search when a
 * packet-offloaded policy matched), then the smaller priority, then the older.
 */
#ifndef HWSIM_SPD_H
#define HWSIM_SPD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/xfrm_uapi.h"
#include "hwsim/packet.h"

struct hwsim;
struct sa;

enum { SPD_DIRS = 3 }; /* XFRM_POLICY_IN, _OUT, _FWD */

struct policy {
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl tmpl; /* has_tmpl */
	bool has_tmpl, packet;      /* packet: offloaded */
	bool has_mark, has_if_id;
	struct xfrm_mark mark;
	uint32_t if_id;
	struct xfrm_user_offload offload;
	uint64_t add_time; /* ns */
	TAILQ_ENTRY(policy) entry;
};

TAILQ_HEAD(policy_list, policy);

struct spd {
	struct policy_list list[SPD_DIRS];
	uint32_t count[SPD_DIRS];
	uint32_t offloaded, software;
};

enum spd_action {
	SPD_PASS,    /* no policy, or one that asks for no protection */
	SPD_PROTECT, /* outbound: by `sa`; inbound: only if an SA of this policy brought it */
	SPD_DROP,    /* blocked, or cannot be told whether it is covered */
	SPD_NO_SA,   /* covered, and there is no SA: dropped */
};

struct spd_verdict {
	const struct policy *policy; /* NULL: none matched */
	struct sa *sa;               /* outbound SPD_PROTECT */
	enum spd_action action;
	bool acquire; /* a larval SA is to be made, and an ACQUIRE to be sent */
};

void spd_init(struct hwsim *card);
void spd_free(struct hwsim *card);

/* Puts the policy in its place and owns it from then on. */
void spd_insert(struct hwsim *card, struct policy *policy);
void spd_remove(struct hwsim *card, struct policy *policy);
/* All offloaded policies of one direction. */
void spd_remove_offloaded(struct hwsim *card, uint8_t dir);
/* By exactly this selector. if_id: 0 when not named. */
struct policy *spd_find(const struct hwsim *card, uint8_t dir, const struct xfrm_selector *sel, uint32_t if_id);
struct policy *spd_find_index(const struct hwsim *card, uint8_t dir, uint32_t index);

/* What becomes of a plaintext packet from the host on the queue of CPU `cpu`. */
struct spd_verdict spd_out(const struct hwsim *card, const struct flow *flow, int cpu);
/* What an inbound packet needs (policies `in` and `fwd`: the card cannot know which way the host will take it). */
struct spd_verdict spd_in(const struct hwsim *card, const struct flow *flow);
/* Whether a packet that `sa` brought (NULL: none) may go to the host under that verdict. */
bool spd_in_allows(const struct spd_verdict *verdict, const struct flow *flow, const struct sa *sa);

/* Whether a selector covers a flow. MAYBE: it depends on ports that cannot be seen. */
enum sel_match { SEL_NO, SEL_YES, SEL_MAYBE };

enum sel_match selector_match(const struct xfrm_selector *sel, const struct flow *flow);

#endif
