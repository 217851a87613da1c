/* SPDX-License-Identifier: MIT */
/*
 * From a datagram to its handler. Before anything is decrypted a message must fit a row of the state table and
 * the windows; before anything is believed it must be authentic; before a handler sees it, it must fit the grammar.
 */
#include <string.h>

#include "ike/engine.h"

enum {
	P_AUTH_SENT = 1 << IKE_PHASE_AUTH_SENT,
	P_INIT_ANSWERED = 1 << IKE_PHASE_INIT_ANSWERED,
	P_UP = 1 << IKE_PHASE_UP,
	P_REPLACED = 1 << IKE_PHASE_REPLACED,
	P_SPARE = 1 << IKE_PHASE_SPARE,
	P_CLOSING = 1 << IKE_PHASE_CLOSING,
	P_GONE = 1 << IKE_PHASE_GONE,
	P_LIVE = P_UP | P_REPLACED | P_SPARE | P_CLOSING,
};

struct row {
	unsigned int phases;
	uint8_t exchange;
	bool response;
	void (*request)(struct ike_sa *sa, const struct ike_message *m); /* responses go to their request's job */
	const char *story;
};

static const struct row rows[] = {
	{P_INIT_ANSWERED, IKE_X_AUTH, false, ike_auth_request, "the peer proves who it is"},
	{P_AUTH_SENT, IKE_X_AUTH, true, NULL, "the peer answers with its own proof"},
	{P_LIVE, IKE_X_CREATE_CHILD_SA, false, ike_create_request, "the peer asks for an SA"},
	{P_LIVE, IKE_X_CREATE_CHILD_SA, true, NULL, "the peer answers about an SA"},
	{P_LIVE, IKE_X_INFORMATIONAL, false, ike_info_request, "the peer informs"},
	{P_LIVE | P_GONE, IKE_X_INFORMATIONAL, true, NULL, "the peer confirms"},
	/* only repeats of what has been answered: IKE_AUTH after it, anything after the end */
	{P_LIVE | P_GONE, IKE_X_AUTH, false, NULL, "the peer repeats its proof"},
	{P_GONE, IKE_X_CREATE_CHILD_SA, false, NULL, "the peer repeats a request"},
	{P_GONE, IKE_X_INFORMATIONAL, false, NULL, "the peer repeats a request"},
};

static const struct row *dispatch_row(const struct ike_sa *sa, const struct ike_header *hdr)
{
	bool response = hdr->flags & IKE_FLAG_RESPONSE;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].phases & 1u << sa->phase && rows[i].exchange == hdr->exchange &&
		    rows[i].response == response)
			return &rows[i];
	return NULL;
}

static void dispatch_count(struct ike *ike, const struct ike_header *hdr)
{
	struct ike_counters *c = &ike->counters;
	bool response = hdr->flags & IKE_FLAG_RESPONSE;

	if (hdr->exchange == IKE_X_AUTH)
		(*(response ? &c->ike_auth_in_resp : &c->ike_auth_in_req))++;
	else if (hdr->exchange == IKE_X_CREATE_CHILD_SA)
		(*(response ? &c->create_child_in_resp : &c->create_child_in_req))++;
	else
		(*(response ? &c->info_in_resp : &c->info_in_req))++;
}

/* RFC 7296 2.21.3: after the IKE SA is authenticated every faulty request is answered; bad syntax ends it. */
static void dispatch_faulty(struct ike_sa *sa, const struct ike_header *hdr, struct ike_request *r,
			    const struct ike_parse_error *err)
{
	sa->ike->counters.invalid++;
	ike_sa_log(sa, LOG_LEVEL_WARN, "ike.invalid", "%s %u from the peer: %s",
		   hdr->flags & IKE_FLAG_RESPONSE ? "response" : "request", hdr->msgid, err->text);
	if (r) { /* authentic and senseless: the two do not understand each other */
		ike_sa_drop(sa, IKE_DOWN_PROTOCOL);
		return;
	}
	if (!err->notify)
		return;
	ike_answer_notify(sa, hdr->exchange, hdr->msgid, err->notify, &err->critical,
			  err->notify == IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD ? 1 : 0);
	if (err->notify == IKE_N_INVALID_SYNTAX || sa->phase == IKE_PHASE_INIT_ANSWERED)
		ike_sa_end(sa, IKE_DOWN_PROTOCOL, err->notify, true);
}

/* Is this request to be worked on now? Repeats are answered here. */
static bool dispatch_fresh(struct ike_sa *sa, const struct row *row, const struct ike_header *hdr, uint64_t hash,
			   const struct ike_path *path)
{
	switch (ike_answers_look(sa, hdr->msgid, hash)) {
	case IKE_FRESH:
		return row->request != NULL;
	case IKE_REPEAT:
		ike_answers_repeat(sa, hdr->msgid, path);
		return false;
	case IKE_BUSY: /* its answer waits for an installation */
		return false;
	case IKE_REPLAYED:
		sa->ike->counters.replayed++;
		return false;
	case IKE_OUTSIDE:
		sa->ike->counters.out_of_window++;
		return false;
	}
	return false;
}

static void dispatch_authentic(struct ike_sa *sa, const struct ike_path *path)
{
	sa->last_in = sa->ike->now;
	if (sa->phase == IKE_PHASE_INIT_ANSWERED)
		ike_sa_set_path(sa, path); /* the initiator may have moved to port 4500 */
	else
		ike_nat_follow(sa, path);
}

static void dispatch_open(struct ike_sa *sa, const struct row *row, struct ike_request *r, const struct ike_path *path,
			  uint8_t *buf, size_t len, uint64_t hash)
{
	struct ike_parse_error err = {0};
	struct ike_message m;
	int bad = ike_message_parse(buf, len, &m, &err);

	/* unprotected faults prove nothing, so nothing is answered (RFC 7296 2.21.4) */
	if (bad || !ike_message_find(&m, IKE_P_SK)) {
		sa->ike->counters.invalid++;
		return;
	}
	bad = ike_message_open(sa->ike->crypto, &sa->suite, &sa->key_in, buf, &m, &err);
	if (bad && !err.notify) {
		sa->ike->counters.integrity_failed++;
		ike_sa_log(sa, LOG_LEVEL_INFO, "ike.integrity", "a message fails the integrity check");
		return;
	}
	if (!r && ike_answers_take(sa, m.hdr.msgid, hash))
		return;
	if (!r)
		sa->reply = *path;
	dispatch_authentic(sa, path);
	dispatch_count(sa->ike, &m.hdr);
	m.keyrack = sa->keyrack;
	if (!bad)
		bad = ike_message_check(&m, &err);
	if (bad) {
		dispatch_faulty(sa, &m.hdr, r, &err);
		return;
	}
	ike_log_message(sa, row->story, &m);
	if (!r) {
		row->request(sa, &m);
		return;
	}
	ike_window_done(r);
	if (ike_job_row(r->job)->answered)
		ike_job_row(r->job)->answered(r, &m);
	ike_request_free(r);
}

void ike_dispatch(struct ike_sa *sa, const struct ike_path *path, uint8_t *buf, size_t len,
		  const struct ike_header *hdr)
{
	const struct row *row = dispatch_row(sa, hdr);
	struct ike_request *r = NULL;
	uint64_t hash = 0;

	if (!row || !sa->suite.encr) {
		sa->ike->counters.invalid++;
		return;
	}
	if (row->response) {
		r = ike_window_match(sa, hdr->msgid);
		if (!r || ike_job_row(r->job)->exchange != hdr->exchange) {
			sa->ike->counters.replayed++;
			return;
		}
	} else {
		hash = ike_table_hash(sa->ike->seed, buf, len);
		if (!dispatch_fresh(sa, row, hdr, hash, path))
			return;
	}
	dispatch_open(sa, row, r, path, buf, len, hash);
}
