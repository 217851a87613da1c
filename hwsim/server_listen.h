/* SPDX-License-Identifier: MIT */
/* Unix sockets that only their owner may connect to. */
#ifndef HWSIM_SERVER_LISTEN_H
#define HWSIM_SERVER_LISTEN_H

#include <stddef.h>

/*
 * A listening, non-blocking socket of `type` (SOCK_STREAM, SOCK_SEQPACKET) at `path`, mode 0600 from the first moment.
 * A socket that a dead process left there is replaced; one that answers, and any other file, is not. The descriptor, or
 * -errno with a sentence in `why`.
 */
int server_listen(const char *path, int type, char *why, size_t size);

#endif
