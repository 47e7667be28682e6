/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A place in a file where a probe goes, and what a hit there means. */
#ifndef PROBE_SITE_H
#define PROBE_SITE_H

#include "gil_maps.h"

/* The most that one file can have. */
#define PROBE_SITES 64

struct probe_site {
	unsigned long offset;    /* of the instruction, in the file */
	unsigned long semaphore; /* offset in the file of the 16-bit counter that the kernel raises
				    in a process while it is probed here; 0: there is none */
	enum gil_site_kind kind;
	/* Of the interpreter's own probes: the index in the table of arguments. Of a function, on
	 * arm64: the register that has its first argument here. */
	__u32 arguments;
};

#endif
