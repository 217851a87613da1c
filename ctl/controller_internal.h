/* SPDX-License-Identifier: MIT */
/* What the files of the controller do for each other, file by file. Its objects are in controller_objects.h. */
#ifndef CTL_CONTROLLER_INTERNAL_H
#define CTL_CONTROLLER_INTERNAL_H

#include "ctl/controller_objects.h"

/* controller.c */
void ctl_timer_set(struct controller *c, struct ctl_timer *t, uint64_t at,
		   void (*fire)(struct controller *, struct ctl_timer *));
void ctl_timer_stop(struct controller *c, struct ctl_timer *t);
/* Around every call from outside: the time; and at the end what follows from whatever happened. They nest. */
void controller_enter(struct controller *c, uint64_t now);
void controller_leave(struct controller *c);
/* first_ns, doubled for each failure after the first, at most most_ns; up to half of it is taken off at random. */
uint64_t backoff_ns(struct controller *c, unsigned int failures, uint64_t first_ns, uint64_t most_ns);

/* controller_secret.c */
int secret_psk(struct controller *c, const struct ike_id *local, const struct ike_id *remote, uint8_t *out);
void secrets_wipe(struct controller *c);

/* controller_conn.c */
struct ctl_conn *conn_by_cfg(struct controller *c, const struct ike_conn_cfg *cfg);
struct ctl_conn *conn_by_name(struct controller *c, const char *name);
const struct conf_child *conn_child(const struct conf_conn *conf, const char *name);
bool conn_is_idle(const struct ctl_conn *conn);
void conn_free(struct controller *c, struct ctl_conn *conn);
/* Everything below connections, too: Child SAs, IKE SAs, tunnels. */
void conns_free(struct controller *c);

/* controller_peer.c */
struct ctl_peer *peer_find(struct controller *c, uint32_t id);
struct ctl_peer *peer_get(struct controller *c, uint32_t id, struct ctl_conn *conn); /* makes it; NULL: no memory */
/* An IKE SA that can carry exchanges for this tunnel now, or NULL; *connecting: one of ours is on its way. */
struct ctl_peer *peer_for_tunnel(const struct ctl_tunnel *t, bool *connecting);
void peer_unref(struct controller *c, struct ctl_peer *p); /* ends it if no event will */
void peer_event(struct controller *c, const struct ike_event *ev);
/* Nothing new goes over it, and at that time it is closed, if we made it and another one is there. */
void peer_retire(struct controller *c, struct ctl_peer *p, uint64_t at);
void peer_close(struct controller *c, struct ctl_peer *p); /* because an operator wants it */
void peer_free(struct controller *c, struct ctl_peer *p);

/* controller_reqid.c */
struct ctl_tunnel *tunnel_by_reqid(struct controller *c, uint32_t reqid); /* either of its two */
/* Those that no other tunnel has: two peers with one reqid could receive each other's packets. False: none left. */
bool tunnel_reqid_choose(struct ctl_tunnel *t);
/* A tunnel without SAs takes that reqid which its mode, between these addresses, wants. */
void tunnel_reqid_follow(struct ctl_tunnel *t, const struct ike_addr *local, const struct ike_addr *remote);
bool reqid_is_ours(const struct controller *c, uint32_t reqid); /* whichever run of keyrackd has used it */

/* controller_tunnel.c */
struct ctl_tunnel *tunnel_for_conn(struct controller *c, struct ctl_conn *conn, const struct conf_child *cfg);
struct ctl_tunnel *tunnel_for_offer(struct controller *c, struct ctl_conn *conn, const struct ike_child_offer *offer);
/* For what the peer asks for: the lane it had for that resource before, else the one with the fewest SAs. */
struct ctl_lane *tunnel_lane_for_peer(struct ctl_tunnel *t, const struct ike_child_offer *offer);
unsigned int tunnel_lane_of_cpu(const struct ctl_tunnel *t, uint32_t cpu); /* its index; 0: it has none */
int tunnel_lanes_make(struct ctl_tunnel *t); /* as many as its configuration wants; -ENOMEM */
void tunnel_ref_conf(struct ctl_tunnel *t, struct conf_conn *conf, const struct conf_child *cfg);
bool tunnel_is_idle(const struct ctl_tunnel *t);
void tunnel_delete_children(struct ctl_tunnel *t);
void tunnel_release(struct ctl_tunnel *t); /* to be freed, if nothing needs it any more */
void tunnel_free(struct ctl_tunnel *t);
struct ctl_child *lane_current(const struct ctl_lane *l); /* the newest that is up and fresh, or NULL */

/* controller_queues.c: the queue map, and lanes on it */
bool queues_awaited(const struct controller *c); /* queue SAs wait for the map; tunnel_lanes_changed() comes next */
void queues_reread(struct controller *c);
void queues_run(struct controller *c);     /* what follows from changes of the map */
bool queues_stopped(struct controller *c); /* what was set is put back; false: not yet */
void queues_close(struct controller *c);
void lane_bind(struct ctl_lane *l);
void lane_measure(struct ctl_lane *l); /* its rate, after counters were read */

/* controller_steer.c: inbound packets to the RX queue of their lane */
/* An inbound SPI into ch, whose lane is known. 0, or -ENOSPC. */
int child_spi_choose(struct ctl_child *ch, const struct ike_child_offer *offer);
void child_steer(struct ctl_child *ch);   /* its inbound half is installed, or the map has changed */
void child_unsteer(struct ctl_child *ch); /* its inbound half goes */

/* controller_start.c */
void tunnel_lanes_changed(struct ctl_tunnel *t, bool at_once); /* ask for what lanes lack; at_once: whoever started */
void tunnel_want(struct ctl_tunnel *t, enum ctl_want want);
void tunnel_reopen(struct ctl_tunnel *t); /* its configuration is new, and nothing of the old one is left */
void tunnel_to_software(struct ctl_tunnel *t, struct ctl_child *ch); /* when ch, which is all of it, has gone */
void tunnel_acquire(struct ctl_tunnel *t, const struct xfrm_acquire *a);
void tunnel_peer_up(struct ctl_peer *p);
void tunnel_peer_down(struct ctl_peer *p, enum ike_down why, uint16_t notify);
void tunnel_child_up(struct ctl_tunnel *t, struct ctl_child *ch, bool replaces);
void tunnel_child_down(struct ctl_tunnel *t, struct ctl_child *ch, enum ike_down why, uint16_t notify);
void tunnel_failed(struct ctl_tunnel *t, enum ike_down why, uint16_t notify); /* it did not come up */
void tunnel_lost(struct ctl_tunnel *t, enum ike_down why, uint16_t notify);   /* it was up */
bool tunnel_complete(const struct ctl_tunnel *t); /* up, with all that it is to have, as far as the peer grants it */
void tunnel_settle(struct ctl_tunnel *t);         /* if it is complete, those who wait for that are told */

/* controller_lane.c: Child SAs of queues, when to ask for them */
bool tunnel_binds_cpus(const struct ctl_tunnel *t);      /* the kernel chooses the outbound SA by CPU */
bool tunnel_on_demand(const struct ctl_tunnel *t);       /* queues get SAs when the kernel asks */
void lanes_reset(struct ctl_tunnel *t);                  /* nothing that was refused counts any more */
void lanes_tell(const struct ctl_tunnel *t);             /* what this kernel cannot do, in the log */
int lane_ask(struct ctl_lane *l, struct ctl_peer *p);    /* one Child SA for it; 0 or -errno */
void lanes_fill(struct ctl_tunnel *t);                   /* asks for the Child SAs that its lanes lack */
void lanes_later(struct ctl_tunnel *t, uint64_t at);     /* looks after its lanes then */
void lanes_unsettle(struct ctl_tunnel *t);               /* the starter asks first; the other end waits a while again */
void lanes_retry(struct ctl_tunnel *t, const char *why); /* something has changed: what was refused may be had now */
void lanes_room(struct controller *c);                   /* slots may be free again: those who wait for some */
void lanes_policy(struct ctl_tunnel *t);                 /* whether the kernel is to ask for SAs of CPUs */
void lane_acquired(struct ctl_tunnel *t, const struct xfrm_acquire *a); /* of a tunnel that is up */
void lane_up(struct ctl_child *ch, bool replaces);
void lane_lost(struct ctl_lane *l, const struct ctl_child *ch, enum ike_down why, uint16_t notify); /* it has none */
void tunnel_crowd(struct ctl_tunnel *t, enum slots_family family); /* no slot was free for one of its SAs */
void tunnel_uncrowd(struct ctl_tunnel *t);

/* controller_lane_idle.c: those that are not needed */
void lane_carried(struct ctl_lane *l, bool out);  /* traffic was counted */
void lane_rests(struct ctl_lane *l);              /* no SA until there is traffic for it */
void lane_idled(struct ctl_lane *l);              /* its SA has been deleted for want of traffic */
uint64_t lane_gap_ns(const struct ctl_child *ch); /* how soon its counters are to be read again; UINT64_MAX */
void lane_read(struct ctl_child *ch);             /* they have been read */
bool lane_adopt(struct ctl_lane *l);              /* an SA of a queue that has two and does not use both */
void lanes_tidy(struct ctl_tunnel *t);            /* of two SAs that both ends have asked for, one goes */

/* controller_mode.c */
bool tunnel_may_offload(const struct ctl_tunnel *t); /* its SAs need slots, or might */
bool tunnel_may_be_software(const struct ctl_tunnel *t);
/* -EOPNOTSUPP (logged): hw_offload demands what this card cannot do with any of the child's proposals. */
int tunnel_mode_check(const struct ctl_tunnel *t);
/* Decides the mode; room: slots are reserved. 0, -EOPNOTSUPP (logged). */
int tunnel_mode_first(struct ctl_tunnel *t, const struct ike_child_sa *sa, bool room);
/* The next mode after `err`. 0, -EOPNOTSUPP: there is none. */
int tunnel_mode_next(struct ctl_tunnel *t, const struct ike_child_sa *sa, int err, const char *text);
enum offload_mode half_mode(const struct ctl_half *h);

/* controller_policy.c: policies in the kernel or the card */
struct ctl_policy *policy_get(struct controller *c, const struct xfrm_policy_cfg *cfg); /* makes it; NULL: no memory */
void policy_key_fill(struct ctl_policy_key *key, const struct xfrm_policy_cfg *cfg);
/* Apart from selector and direction, which are the key. */
bool policy_cfg_equal(const struct xfrm_policy_cfg *a, const struct xfrm_policy_cfg *b);
void policy_reconcile(struct ctl_policy *p); /* towards what is wished for; may free it */
void policies_reinstall(struct controller *c);
void policies_free(struct controller *c);

/* controller_guard.c */
void guards_find(struct controller *c);   /* at the start: what an earlier run has left */
void guards_review(struct controller *c); /* removes those that are not configured (any more) */

/* controller_wish.c: policies of a tunnel */
/* Wishes for the policies of an SA, or (NULL) of the configuration. 0; -errno (logged). */
int tunnel_policies_set(struct ctl_tunnel *t, const struct ike_child_sa *sa);
void tunnel_policies_mark(struct ctl_tunnel *t); /* cpu_acquire has changed */
void tunnel_policies_drop(struct ctl_tunnel *t);
void tunnel_policies_ready(struct ctl_tunnel *t);

/* controller_half.c */
int half_reserve(struct ctl_half *h, enum slots_purpose purpose); /* 0, -ENOSPC, -ENOMEM */
void half_install(struct ctl_half *h);                            /* ends in child_half_done() */
void half_remove(struct ctl_half *h); /* whatever its state; ends in child_half_gone(), but if there was nothing */
void half_unindex(struct ctl_half *h);
void half_release(struct ctl_half *h); /* RESERVED to NONE; nothing else */
void half_lost(struct ctl_half *h);    /* the card does not have it any more */
struct ctl_half *half_find(struct controller *c, const struct xfrm_sa_id *id, bool out);

/* controller_sa.c */
struct xfrm_addr xfrm_addr_of(const struct ike_addr *a);
void half_sa(struct ctl_half *h, struct xfrm_sa *sa);
int child_limits_draw(struct ctl_child *ch); /* 0, -ENOENT or -EINVAL (logged) */
/* ike_env.child_count: how many bytes it may carry. */
bool child_count(void *ctx, const struct ike_child_sa *child, uint16_t encr, uint16_t key_bits,
		 struct ike_count_range *out);
struct ike_ts ts_of_addr(const struct ike_addr *a); /* the whole of it, where the configuration says "dynamic" */
/* The selectors of a pair of IKE's, at most max. Count (0: of two families), -E2BIG, -EINVAL. */
int selectors_of_pair(const struct ike_ts *src, const struct ike_ts *dst, struct xfrm_selector_cfg *out,
		      unsigned int max);

/* controller_child.c */
uint16_t child_reserve(void *ctx, const struct ike_child_offer *offer, uint32_t *spi_in, void **user);
void child_event(struct controller *c, const struct ike_event *ev);
void child_tell_slot(struct ctl_child *ch);
enum slots_family child_family(const struct ctl_child *ch);
enum slots_purpose slots_purpose_of(const struct ctl_child *ch, bool replaces);
void child_unfresh(struct ctl_child *ch);
void child_refresh(struct ctl_child *ch);
void child_delete(struct ctl_child *ch); /* ask the engine to delete it, once */
void child_keys_wipe(struct ctl_child *ch);
void child_release(struct ctl_child *ch); /* to be freed, if engine and card have let go */
void child_free(struct ctl_child *ch);

/* controller_install.c */
void child_install(struct ctl_child *ch, const struct ike_event *ev);
void child_install_slots(struct ctl_child *ch, bool last); /* if it has slots; last: or fails */
void child_install_step(struct ctl_child *ch);             /* whatever comes next; the Child SA may end in it */
void child_policies_ready(struct ctl_child *ch, int err);
void child_half_done(struct ctl_half *h, int err, const char *text); /* installed, or finally refused */
void child_half_gone(struct ctl_half *h);
void child_outbound(struct ctl_child *ch); /* the peer has it: use it for sending */

/* controller_replace.c */
void child_rekey_began(struct ctl_child *ch, struct ctl_child *old);
void child_replacing_end(struct ctl_child *ch);
void child_rekey_ended(struct ctl_child *ch); /* it goes down: what it was to replace stays */
void child_replaced(struct ctl_child *ch, struct ctl_child *old, bool delete_old);
void child_replaced_count(struct ctl_child *old);
void child_watch_start(struct ctl_child *ch);
void child_hurry(struct ctl_child *ch);                       /* it is replaced itself: what it replaces goes now */
bool child_is_checked(const struct ctl_child *ch);            /* whether it carries traffic is waited for */
void child_carried(struct ctl_child *ch, enum slots_dir dir); /* traffic was seen on it */
void child_out_ready(struct ctl_child *ch);
void child_out_waits(struct ctl_child *ch);                 /* the card has no room for its outbound half */
void child_retire(struct ctl_child *ch, enum ike_down why); /* down: outbound goes, inbound drains */

/* controller_rekey.c */
struct rekey_sched *sched_of(const struct ctl_child *ch);
void rekey_watch(struct ctl_child *ch);
void rekey_unwatch(struct ctl_child *ch);
void rekey_ask(struct ctl_child *ch); /* replace it as soon as there is room */
void rekey_run(struct controller *c);
void rekey_expire(void *ctx, const struct xfrm_expire *e);
void rekey_counts(struct ctl_half *h, const struct xfrm_sa_counts *counts);

/* controller_wait.c */
void wait_leaving(struct ctl_child *ch);        /* its slots will be free soon: it was replaced, or is down */
void wait_left(struct ctl_child *ch);           /* they are; or it stays after all */
void wait_hold(struct ctl_child *ch);           /* they are: its peer may have them first, if it wants */
uint32_t wait_kept(const struct controller *c); /* pairs of slots that are not for replacements of ours now */
bool wait_allowed(struct ctl_child *ch);        /* without slots now: may it wait for some? */
void wait_more(struct ctl_child *ch);           /* child_install_slots() comes next */
void wait_end(struct ctl_child *ch);

/* controller_shed.c */
void shed_soon(struct controller *c); /* the card has turned out to be smaller than believed */

/* controller_pace.c */
/* How long a replacement takes from the moment that an SA comes due, noticed at a poll. p may be NULL: any peer. */
uint64_t pace_exchange_ns(const struct controller *c, const struct ctl_peer *p); /* without the poll */
uint64_t pace_replace_ns(const struct controller *c, const struct ctl_peer *p);
void pace_began(struct ctl_child *ch);     /* a replacement of ours: its slots are reserved */
void pace_installed(struct ctl_child *ch); /* its outbound half is in the card */
void pace_left(struct ctl_child *ch);      /* it has no slots any more */
void pace_tell(struct controller *c);      /* how many replacements there can be, and for how long: to the schedulers */
uint64_t pace_let_go_ns(const struct controller *c); /* how long the card may hold a deleted SA's slot */

/* controller_read.c */
void read_plan(struct ctl_child *ch); /* chooses when its counters are read next */
void read_soon(struct ctl_child *ch); /* somebody looks: at most a poll period after they were last read */
void read_stop(struct ctl_child *ch);
void read_last(struct ctl_half *h); /* to be called before it is deleted */
void read_run(struct controller *c);
uint64_t read_next(const struct controller *c);

/* controller_resync.c */
void poll_start(struct controller *c);
void resync_wanted(void *ctx, const char *why);

/* controller_command.c */
/* One thing less to wait for, for each who waits here. */
void command_left(struct ctl_waiters *waiters, int err, const char *text);
void commands_free(struct controller *c);
void command_stop_check(struct controller *c);

/* controller_view.c */
void child_view(struct ctl_child *ch, struct controller_child *v);
void child_show(struct ctl_child *ch, struct controller_child *v); /* the same for somebody who looks on */

#endif
