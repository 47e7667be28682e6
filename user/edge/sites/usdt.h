/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The GIL probes that an interpreter's file may carry: provider `python`, probes gil__wait,
 * gil__acquire and gil__release (docs/usdt.md), described by notes in the section .note.stapsdt.
 * The compiler may have made several copies of each.
 */
#ifndef USDT_H
#define USDT_H

#include <stdbool.h>

#include "edge/elf/elf_file.h"
#include "core/base/failure.h"
#include "edge/sites/probe_site.h"

struct usdt {
	struct probe_site site[PROBE_SITES];
	struct gil_arguments arguments[PROBE_SITES]; /* for the site at the same index */
	size_t n;
	bool long_nop; /* some sites are on a 5-byte nop, which Linux 6.18 turns into a call */
};

/*
 * Finds them. Returns 0; -ENOENT if there are none at all; -EPROTO with f->what if there are some
 * that cannot be used, because one of the three is missing, a note's address has no nop, or an
 * argument has an unknown form; or -EBADMSG if the notes are broken. Nothing in the file is
 * trusted.
 */
int usdt__find(struct elf_file *e, struct usdt *u, struct failure *f);

/*
 * Parses an argument as a note writes it ("8@%rdi", "-4@$1", "8@16(%rbx)", "8@[x19, 8]"), for an
 * ELF machine (EM_X86_64, EM_AARCH64). The text has `length` characters and needs no final zero.
 * Returns 0 or -EINVAL.
 */
int usdt__argument(unsigned int machine, const char *text, size_t length, struct gil_argument *a);

#endif
