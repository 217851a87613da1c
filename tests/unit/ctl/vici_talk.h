/* SPDX-License-Identifier: MIT */
/* A client of a vici_session in the same process: requests as trees in text, answers as text. */
#ifndef TESTS_VICI_TALK_H
#define TESTS_VICI_TALK_H

#include "ctl/vici_message.h"
#include "ctl/vici_server.h"
#include "fake_controller.h"

struct talk {
	struct controller controller;
	struct vici_server *server;
	struct vici_session *session;
	struct vici_writer w; /* the request being written */
	uint64_t now;
	unsigned int wakes;
	enum log_level log_wanted;
	int reload_err, admit_err;
	const char *reload_text;
};

/* cmocka's setup and teardown: *state is a struct talk. */
int talk_setup(void **state);
int talk_teardown(void **state);

/* Sends the finished packet in w. What vici_session_receive() says. */
int talk_send(struct talk *t);
/* Sends a command without arguments, or after talk_begin() and writing into t->w. */
int talk_command(struct talk *t, const char *command);
void talk_begin(struct talk *t, const char *command);
void talk_register(struct talk *t, const char *event);
/*
 * The next packet that the server sent, as text, or NULL: "response key=value section{key=value list[a,b]}". Valid
 * until the next call.
 */
const char *talk_next(struct talk *t);
/* Sends w's request, expects it to be answered at once, and returns the last packet of the answer. */
const char *talk_ask(struct talk *t);

#endif
