/* SPDX-License-Identifier: MIT */
/* What the files of the VICI server share. */
#ifndef CTL_VICI_SERVER_IMPL_H
#define CTL_VICI_SERVER_IMPL_H

#include <sys/queue.h>

#include "ctl/conf_tree.h"
#include "ctl/vici_message.h"
#include "ctl/vici_server.h"

/* Every event there is: its number and its name. The list-* ones stream the answer of a command. */
#define VICI_EVENTS(X)                      \
	X(LOG, "log")                       \
	X(CONTROL_LOG, "control-log")       \
	X(IKE_UPDOWN, "ike-updown")         \
	X(IKE_REKEY, "ike-rekey")           \
	X(CHILD_UPDOWN, "child-updown")     \
	X(CHILD_REKEY, "child-rekey")       \
	X(LIST_SA, "list-sa")               \
	X(LIST_CONN, "list-conn")           \
	X(LIST_POLICY, "list-policy")       \
	X(LIST_CERT, "list-cert")           \
	X(LIST_AUTHORITY, "list-authority") \
	X(LIST_SLOT, "list-slot")           \
	X(LIST_QUEUE, "list-queue")

enum vici_event_id {
#define VICI_EVENT_ID(id, name) VICI_EV_##id,
	VICI_EVENTS(VICI_EVENT_ID)
#undef VICI_EVENT_ID
		VICI_EVENTS_N
};

struct vici_out { /* octets to be sent: buf[start .. start + len) */
	uint8_t *buf;
	size_t start, len, cap;
};

/* A command that waits for the controller. Outlives its session. */
struct vici_pending {
	struct vici_session *session; /* NULL: it has gone, or does not wait for the answer */
	bool terminate;               /* the answer counts what matched */
	bool done;
	unsigned int matches;
	unsigned int refs; /* the controller's, and the command's while it runs */
	int log_max;       /* charon's level up to which control-log events are wanted */
};

struct vici_session {
	LIST_ENTRY(vici_session) link;
	struct vici_server *server;
	void *user;
	uint32_t events; /* bit per enum vici_event_id: registered */
	uint8_t *in;     /* may hold secrets: wiped before it is freed or reused */
	size_t in_len, in_cap;
	struct vici_out out;
	struct vici_pending *pending;
	bool broken; /* VICI_OUT_MAX reached, or no memory for an answer */
};

/* What came over VICI, as get-conns and get-shared must tell it from what the file has. */
struct vici_loaded {
	char name[CONF_NAME_MAX];
	UT_hash_handle hh;
};

struct vici_server {
	struct controller *controller;
	struct conf_nic nic;
	struct vici_env env;
	const struct log *log;
	uint64_t started; /* ns */
	LIST_HEAD(vici_sessions, vici_session) sessions;
	struct vici_loaded *conns, *secrets;
	struct vici_counters counters;
};

/* One command while it is executed. */
struct vici_request {
	struct vici_server *server;
	struct vici_session *session;
	uint64_t now;
	const struct conf_tree *args;
	struct vici_writer reply; /* started; what the handler leaves in it is the answer */
	bool later;               /* the answer comes from somebody else */
};

typedef void (*vici_handler)(struct vici_request *r);

/* NULL: no such command (vici_commands.c, the table). */
vici_handler vici_command_find(const char *name);

/* Queues a packet and frees the writer. Events are dropped when too much is queued; answers break the session. */
void vici_queue(struct vici_session *session, struct vici_writer *packet, bool event);
static inline bool vici_registered(const struct vici_session *session, enum vici_event_id id)
{
	return session->events >> id & 1;
}

const char *vici_event_name(enum vici_event_id id);
/* Starts an event's packet. */
void vici_event_start(struct vici_writer *w, enum vici_event_id id);
/* One packet of a streamed answer, if this session has registered for it; frees the writer. */
void vici_stream(struct vici_request *r, enum vici_event_id id, struct vici_writer *packet);

/* success = yes; success = no with errmsg. */
void vici_succeed(struct vici_writer *reply);
void vici_refuse(struct vici_writer *reply, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A number among the arguments; 0 when there is none. -1 when it is negative. */
int64_t vici_arg_number(const struct vici_request *r, const char *key);
/* "yes" for true: the way charon's fields are, left out when false. */
void vici_flag(struct vici_writer *w, const char *key, bool value);
uint64_t vici_seconds(uint64_t ns);

/* An IKE SA's fields, without section or children (vici_sa.c). */
void vici_ike_write(struct vici_writer *w, const struct ike_sa_info *sa, uint64_t now);
/* A Child SA's fields, without section. */
void vici_child_write(struct vici_server *s, struct vici_writer *w, const struct controller_child *child, uint64_t now);
void vici_selectors_write(struct vici_writer *w, const char *list, const struct ike_ts *ts, unsigned int n);

/* Handlers, by file. */
void vici_list_sas(struct vici_request *r); /* vici_list.c */
void vici_list_conns(struct vici_request *r);
void vici_list_policies(struct vici_request *r);
void vici_get_conns(struct vici_request *r); /* vici_load.c */
void vici_load_conn(struct vici_request *r);
void vici_unload_conn(struct vici_request *r);
void vici_get_shared(struct vici_request *r);
void vici_load_shared(struct vici_request *r);
void vici_unload_shared(struct vici_request *r);
void vici_clear_creds(struct vici_request *r);
void vici_initiate(struct vici_request *r); /* vici_control.c */
void vici_terminate(struct vici_request *r);
void vici_rekey(struct vici_request *r);
void vici_get_status(struct vici_request *r); /* vici_status.c */
void vici_stats(struct vici_request *r);
void vici_get_counters(struct vici_request *r);
void vici_get_algorithms(struct vici_request *r);
void vici_list_slots(struct vici_request *r); /* vici_rack.c */
void vici_list_queues(struct vici_request *r);
/* The section `pools`. */
void vici_pools_write(struct vici_writer *w, const struct slots *slots);

void vici_loaded_free(struct vici_loaded **all);

#endif
