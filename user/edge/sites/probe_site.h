/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A place for a probe in a file, and what a hit there means. */
#ifndef PROBE_SITE_H
#define PROBE_SITE_H

#include "gil_cookie.h"

/* Limit on the sites in one file. */
#define PROBE_SITES 64

struct probe_site {
	unsigned long offset;    /* file offset of the instruction */
	unsigned long semaphore; /* file offset of the 16-bit counter that the kernel
				    increments in a process while it is probed here; 0: none */
	enum gil_site_kind kind;
	/* For an interpreter's own probe, its index in the table of arguments. For a function on
	 * arm64, the register that holds its first argument here. */
	__u32 arguments;
};

#endif
