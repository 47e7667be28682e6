// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as an ELF file, with every query that there is. */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/elf/elf_file.h"
#include "edge/python/python_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"pthread_cond_signal", "_PyRuntime", "wait",
					    "undefined"};
	struct elf_section section;
	struct elf_symbol symbol;
	struct python_file pf;
	struct elf_file e;
	char string[64];
	uint64_t v;

	if (elf_file__open_memory(&e, data, size))
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!elf_file__symbol(&e, names[i], &symbol) &&
		    !elf_file__offset(&e, symbol.value, &v))
			elf_file__bytes(&e, v, symbol.size);
	if (!elf_file__section(&e, ".PyRuntime", &section))
		elf_file__bytes(&e, section.offset, section.size);
	elf_file__load_bias(&e, 0x7f0000000000, size & ~0xfffUL, &v);
	for (unsigned int i = 0; i < 4; i++)
		elf_file__dynamic_string(&e, DT_NEEDED, i, string, sizeof(string));
	python_file__read(&e, &pf);
	python_file__find_tags((const char *)data, size, &pf);
	elf_file__close(&e);
	return 0;
}
