/* SPDX-License-Identifier: MIT */
/* Which SAs and policies are keyrackd's: those with a reqid of its own range, whichever run of it installed them. */
#ifndef CTL_REQID_H
#define CTL_REQID_H

enum {
	REQID_BASE = 0x4b520000,  /* "KR" */
	REQID_RANGE = 0x00100000, /* so many */
};

#endif
