/* SPDX-License-Identifier: MIT */
/* `keyrack demo`: two controllers, two software cards, one tunnel with a Child SA per queue, and a verdict. */
#ifndef CTL_DEMO_H
#define CTL_DEMO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { DEMO_PATH_MAX = 100, DEMO_QUEUES_MAX = 64 };

struct demo_options {
	unsigned int seconds, queues, slots, bytes;
	uint64_t pps;          /* packets a second on each side, all queues together */
	uint16_t metrics_port; /* of the left controller, on its address; 0: none */
	bool json, keep;
};

/* One gateway: a card process and a controller process. */
struct demo_side {
	const char *name; /* "left", "right" */
	const char *ip;   /* outer address */
	const char *inner_net, *inner_ip;
	uint16_t port, port_natt, wire_port;
	pid_t card, daemon;
	int card_fd;              /* its control socket, -1: not connected */
	struct vici_client *vici; /* the controller's */
	json_t *card_stats;       /* last answers */
	json_t *status, *queues;
	bool fallback; /* there is an SA for any queue */
	/* packets of each stream that came by the fallback, before the queue's SA was used: on any RX queue */
	int64_t fallback_misrouted[DEMO_QUEUES_MAX];
};

struct demo {
	struct demo_options opt;
	char dir[DEMO_PATH_MAX]; /* all sockets, files and logs of this run */
	char bin[DEMO_PATH_MAX]; /* where the other programs are */
	char psk[65];
	double sa_seconds; /* how long one SA's count of packets lasts, about */
	struct demo_side side[2];
	double all_queues_ms; /* from the left controller's start until every queue sends on its own SA, on both sides
			       */
};

/* demo_process.c: 0 or -1 with a message on stderr. */
int demo_dir_make(struct demo *d);
void demo_dir_remove(struct demo *d);
int demo_ports_choose(struct demo *d);
int demo_card_start(struct demo *d, struct demo_side *s);
int demo_daemon_start(struct demo *d, struct demo_side *s);
/* SIGTERM, and SIGKILL when it has not ended after `seconds`. Its exit status, or -1. */
int demo_process_end(pid_t *pid, int seconds);
/* Has one of the four processes ended by itself? Says which, with the end of its log. */
bool demo_process_died(struct demo *d);
/* The last lines of everybody's log, to stderr. */
void demo_logs_show(const struct demo *d);

/* demo_conf.c: writes one side's keyrackd configuration. */
int demo_conf_write(const struct demo *d, const struct demo_side *s, bool start);

/* demo_card.c: the card's control socket, a JSON line each way. */
int demo_card_connect(struct demo *d, struct demo_side *s);
/* Takes over `request`. The answer (owned by the caller), or NULL with a message. */
json_t *demo_card_ask(struct demo_side *s, json_t *request);
int demo_card_stats(struct demo_side *s);
/* A number at a path of keys, "card.total.used"; 0 when there is none. */
int64_t demo_number(const json_t *object, const char *path);
/* What the generator of that side says of one stream, NULL if there is none. */
const json_t *demo_stream(const struct demo_side *s, unsigned int stream);

/* demo_daemon.c: the controller's VICI socket. */
int demo_daemon_connect(struct demo *d, struct demo_side *s);
int demo_daemon_refresh(struct demo_side *s);
/* Queue SAs that are installed; and of those, that are used for sending. */
unsigned int demo_daemon_queues_up(const struct demo_side *s, bool sending);
/* Ends what still runs and frees the side. */
void demo_side_close(struct demo_side *s);

/* demo_view.c */
void demo_view_start(const struct demo *d);
void demo_view_show(const struct demo *d, double elapsed);
void demo_view_end(const struct demo *d);

/* demo_verdict.c: the result as JSON (owned by the caller), and whether it is good. */
json_t *demo_verdict_make(const struct demo *d, int64_t leaked);
bool demo_verdict_good(const json_t *verdict, const struct demo *d);
void demo_verdict_print(const json_t *verdict);

double demo_now(void); /* seconds, monotonic */

#endif
