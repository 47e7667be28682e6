// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as an interpreter's file in which functions that it does not export are searched. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edge/sites/cheap_site.h"
#include "edge/sites/cond_locate.h"
#include "edge/elf/elf_symtab.h"
#include "edge/python/python2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct probe_site site[PYTHON2_SITES];
	struct elf_symbol symbol;
	char path[PATH_MAX];
	uint64_t a, b;
	struct elf_file e;

	if (elf_file__open_memory(&e, data, size))
		return 0;
	cond_locate(&e, &a, &b);
	for (a = 0; a <= size; a += 7)
		if (cheap_site(&e, a, GIL_SITE_COND_SIGNAL).offset - a > 64)
			abort();
	elf_symtab__find(&e, "pthread_cond_signal", &symbol);
	for (unsigned int i = 0; i <= ELF_DEBUG_PLACES; i++)
		if (elf_debug__path(&e, "/usr/bin/python3", i, path) &&
		    (strnlen(path, sizeof(path)) == sizeof(path) || path[0] != '/'))
			abort();
	elf_debug__matches(&e, &e);
	python2__find(&e, &a);
	python2__sites(&e, site);
	elf_file__close(&e);
	return 0;
}
