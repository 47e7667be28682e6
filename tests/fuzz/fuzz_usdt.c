// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as an interpreter's file with probe notes, and as an argument in a note. */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "edge/sites/usdt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure f = {0};
	struct gil_argument a;
	struct elf_file e;
	struct usdt u;

	usdt__argument(EM_X86_64, (const char *)data, size, &a);
	usdt__argument(EM_AARCH64, (const char *)data, size, &a);
	if (elf_file__open_memory(&e, data, size))
		return 0;
	if (!usdt__find(&e, &u, &f) && (!u.n || u.n > PROBE_SITES))
		abort();
	elf_file__close(&e);
	return 0;
}
