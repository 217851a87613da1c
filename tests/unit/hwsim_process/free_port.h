/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FREE_PORT_H
#define TESTS_FREE_PORT_H

/* A UDP port that nobody has on 127.0.0.1 at this moment. */
unsigned int free_port(void);

#endif
