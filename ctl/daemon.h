/* SPDX-License-Identifier: MIT */
/*
 * keyrackd's I/O shell: sockets, event loop, clock, random source, and nothing else. What happens is decided in the
 * controller; the shell brings it datagrams, netlink readiness and the time, and carries out what it calls back.
 */
#ifndef CTL_DAEMON_H
#define CTL_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "ctl/conf.h"
#include "ctl/controller.h"

struct daemon_udp;
struct daemon_control;
struct daemon_metrics;

struct daemon_nic {
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd; /* -1: not open */
	uv_poll_t request_poll, multicast_poll;
	bool closed; /* the other end of a transport is gone */
	bool want_write;
	int link_fd; /* the device's ups and downs; -1: not watched */
	uv_poll_t link_poll;
	bool link_up;
};

/* The card's ethtool, for the queue map. */
struct daemon_ethtool {
	struct xfrm_transport requests, multicast;
	int request_fd, multicast_fd; /* -1: not open */
	uv_poll_t request_poll, multicast_poll;
	bool want_write;
};

struct daemon {
	uv_loop_t loop;
	uv_timer_t timer;  /* for controller_next() */
	uv_prepare_t turn; /* sets the timer once per turn of the loop, whatever happened in it */
	uv_signal_t on_term, on_int, on_hup;
	const char *conf_path;
	struct conf *conf;
	struct log log;           /* its `max` may be above log_shown while VICI clients read the log */
	enum log_level log_shown; /* up to which lines go to stderr */
	struct controller *controller;
	struct daemon_udp *udp;
	struct daemon_control *control;
	struct daemon_metrics *metrics; /* NULL: none are wanted */
	struct daemon_nic nic;
	struct daemon_ethtool ethtool;
	int dump_fd; /* --dump-keys, -1: no */
	bool stopping;
	int exit_code;
};

/* ns on CLOCK_MONOTONIC. */
uint64_t daemon_now(void);
/* Read conf_path again and hand it to the controller. 0, or -EINVAL with the mistake; nothing has changed then. */
int daemon_reload(struct daemon *d, char *text, size_t size);
/* Begin to stop: delete the SAs, tell the peers, leave the loop. Repeats are harmless. */
void daemon_stop(struct daemon *d, int exit_code);

/*
 * daemon_conn.c: may it be loaded (-EINVAL and a sentence: it wants a port that we do not have)? Fills in the local
 * address where the configuration leaves it open and the remote one is known.
 */
int daemon_conn_admit(struct daemon *d, struct conf_conn *conn, char error[CONF_ERROR_MAX]);

/* daemon_log.c: stderr, "<level>event: text", with syslog's <N> prefix when stderr is the journal. */
void daemon_log_init(struct daemon *d);

/* daemon_udp.c: IKE's two ports on every address listened on. 0 or -errno (logged). */
int daemon_udp_start(struct daemon *d);
void daemon_udp_stop(struct daemon *d);
/* Send one datagram from path->local to path->remote; a failure is logged at debug level: IKE retransmits. */
void daemon_udp_send(struct daemon *d, const struct ike_path *path, const uint8_t *datagram, size_t len);

/* daemon_nic.c: the kernel's netlink sockets, or keyrack-hwsim's. 0 or -errno (logged). */
int daemon_nic_open(struct daemon *d);
int daemon_nic_start(struct daemon *d); /* once there is a controller */
/* Once per turn of the loop: what could not be sent is sent when it can be. */
void daemon_nic_turn(struct daemon *d);
void daemon_nic_stop(struct daemon *d);

/*
 * daemon_ethtool.c: the card's ethtool, of the kernel or keyrack-hwsim, handed to the controller, for its queue map.
 * What cannot be opened is logged and done without. start: once there is a controller. turn: once per turn of the loop.
 */
void daemon_ethtool_start(struct daemon *d);
void daemon_ethtool_turn(struct daemon *d);
void daemon_ethtool_stop(struct daemon *d); /* after controller_free() */

/*
 * daemon_device.c. find, for the kernel's backend: fills in of conf->nic what is not configured (ifindex,
 * profile). watch, for both: reads everything back when the device goes down or up. 0 or -errno (find: logged).
 */
int daemon_device_find(struct daemon *d);
int daemon_device_watch(struct daemon *d);
void daemon_device_unwatch(struct daemon *d);

/* daemon_control.c: VICI on conf->daemon.control, mode 0600, bounded clients. 0 or -errno (logged). */
int daemon_control_start(struct daemon *d);
void daemon_control_stop(struct daemon *d);
/* For the event and log subscriptions of VICI clients; d->control may still be NULL. */
/* Once per turn of the loop: answers that have become ready. */
void daemon_control_turn(struct daemon *d);
void daemon_control_event(struct daemon *d, const struct controller_event *event);
void daemon_control_log(struct daemon *d, enum log_level level, const char *event, const char *text);

/* daemon_metrics.c: HTTP on conf->daemon.metrics_addr and metrics_port, if that is not 0. 0 or -errno (logged). */
int daemon_metrics_start(struct daemon *d);
void daemon_metrics_stop(struct daemon *d);

#endif
