/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opens a file that a process has mapped, and searches it for sites. */
#ifndef SITE_SEARCH_H
#define SITE_SEARCH_H

#include <limits.h>
#include <sys/types.h>

#include "core/base/failure.h"
#include "edge/sites/cond_sites.h"
#include "edge/sites/probe_site.h"

enum site_what {
	SITES_OF_LIBC,    /* the C library of the process */
	SITES_OF_STATIC,  /* an interpreter that has its C library linked in */
	SITES_OF_USDT,    /* an interpreter with GIL probes of its own */
	SITES_OF_PYTHON2, /* a Python 2 */
};

#define SITE_SEARCH_KNOWN 32

struct site_search {
	enum site_what what;
	pid_t pid; /* 0: this process */
	/* Files that have been searched for this before, and need not be searched again. */
	unsigned int nr_known;
	struct {
		dev_t dev;
		ino_t ino;
	} known[SITE_SEARCH_KNOWN];
	char path[PATH_MAX]; /* of the interpreter, in the process's map */
};

struct site_found {
	int fd; /* the file that was searched */
	dev_t dev;
	ino_t ino;
	off_t size;
	bool known; /* it is one of the known files, and the rest is not filled */
	int err;    /* 0, or why it has no usable sites */
	size_t n;
	struct probe_site site[PROBE_SITES];
	struct gil_arguments arguments[PROBE_SITES]; /* of USDT probes */
	bool long_nop;                               /* see struct usdt */
	enum cond_sites_from from;
	bool is_musl; /* the C library */
};

/* Returns 0, and the caller closes found->fd; or -errno, perhaps with f filled. If found->err is not
 * 0, f says why. */
int site_search(const struct site_search *s, struct site_found *found, struct failure *f);

/* Looks for the breakpoints of these sites in the memory of thread tid. Returns 0 if all are there,
 * -ENOLINK if not, or -ESRCH if the thread has ended. */
int site_search__breakpoints(pid_t tid, const struct site_found *sites);

#endif
