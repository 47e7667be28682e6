/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a file tells of functions that it does not export: its symbol table (.symtab), and where a
 * separate debug file may be that has the table it was stripped of. As in elf_file.h nothing in the
 * file is trusted.
 */
#ifndef ELF_SYMTAB_H
#define ELF_SYMTAB_H

#include <limits.h>
#include <stdbool.h>

#include "edge/elf/elf_file.h"

/* The symbol that the file defines under this name in .symtab, local ones too; the first of
 * several. 0, -ENOENT (not there, or no such table) or -EBADMSG. */
int elf_symtab__find(struct elf_file *e, const char *name, struct elf_symbol *symbol);

/* The places where a separate debug file may be: its build-id's, and three for .gnu_debuglink. */
#define ELF_DEBUG_PLACES 4

/* The debug file's name at the place-th of them, below `root`; `path` is the file's own name. False
 * if the file does not say what it would be called there. */
bool elf_debug__path(struct elf_file *e, const char *root, const char *path, unsigned int place,
		     char debug[PATH_MAX]);
/* True if `debug` belongs to e: both have the same build-id. */
bool elf_debug__matches(struct elf_file *e, struct elf_file *debug);

#endif
