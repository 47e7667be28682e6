/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds functions that a file does not export, in its symbol table (.symtab), and the separate
 * debug files that may have the symbol table if the file was stripped. As in elf_file.h, nothing in
 * the file is trusted.
 */
#ifndef ELF_SYMTAB_H
#define ELF_SYMTAB_H

#include <limits.h>
#include <stdbool.h>

#include "edge/elf/elf_file.h"

/* Finds the first symbol, global or local, that the file defines under this name in .symtab.
 * Returns 0, -ENOENT if there is no such symbol or no table, or -EBADMSG. */
int elf_symtab__find(struct elf_file *e, const char *name, struct elf_symbol *symbol);

/*
 * Finds the function at this address (without the load bias) in .symtab or, with `dynamic`, in .dynsym.
 * Gets its name, cut to fit, and its address and size. Returns 0, -ENOENT or -EBADMSG.
 */
int elf_symtab__at(struct elf_file *e, bool dynamic, uint64_t address, char *name, size_t size,
		   struct elf_symbol *symbol);

/* Places where a separate debug file may be: one for the build-id, and three for .gnu_debuglink. */
#define ELF_DEBUG_PLACES 4

/* Makes the path of the debug file at place number `place`; `path` is the path of the file itself.
 * Returns false if the file does not say what its debug file is called there. */
bool elf_debug__path(struct elf_file *e, const char *path, unsigned int place,
		     char debug[PATH_MAX]);
/* True if `debug` belongs to e, that is, if both have the same build-id. */
bool elf_debug__matches(struct elf_file *e, struct elf_file *debug);

#endif
