/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A place for a probe in a file, and what a hit there means. */
#ifndef PROBE_SITE_H
#define PROBE_SITE_H

#include "gil_cookie.h"

#include <stdbool.h>

#include "edge/elf/elf_file.h"

/* Limit on the sites in one file. */
#define PROBE_SITES 64
/* How many bytes of the code at a site are kept: more than the longest instruction. */
#define PROBE_SITE_CODE 16

struct probe_site {
	unsigned long offset;    /* file offset of the instruction */
	unsigned long semaphore; /* file offset of the 16-bit counter that the kernel
				    increments in a process while it is probed here; 0: none */
	enum gil_site_kind kind;
	/* For an interpreter's own probe, its index in the table of arguments. For a function on
	 * arm64, the register that holds its first argument here. */
	__u32 arguments;
	/* The code from there on, as it was when the site was found; fewer bytes at a file's end. */
	unsigned char code[PROBE_SITE_CODE];
	unsigned int nr_code;
};

/* Keeps the code at the site of this file. */
void probe_site__keep_code(struct probe_site *site, struct elf_file *e);
/* True if an open file still has that code at the site. */
bool probe_site__has_code(const struct probe_site *site, int fd);

#endif
