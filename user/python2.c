// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "elf_symtab.h"
#include "python2.h"

#define LOOKED_AT 16 /* bytes: the load is the first instruction, or behind a marker (endbr64) */

static int find_symbol(struct elf_file *e, const char *name, struct elf_symbol *symbol)
{
	return elf_file__symbol(e, name, symbol) ? elf_symtab__find(e, name, symbol) : 0;
}

/*
 * PyEval_AcquireLock() and PyEval_ReleaseLock() do nothing but pass the variable's value on:
 *
 *	mov rdi, [rip + variable]
 */
static int argument_passed(struct elf_file *e, const char *function, uint64_t *variable)
{
	struct elf_symbol symbol;
	const uint8_t *code;
	uint64_t at;
	int32_t distance;

	if (find_symbol(e, function, &symbol) || elf_file__offset(e, symbol.value, &at))
		return -ENOENT;
	code = elf_file__bytes(e, at, LOOKED_AT);
	for (unsigned int i = 0; code && i + 7 <= LOOKED_AT; i++) {
		if (code[i] != 0x48 || code[i + 1] != 0x8b || code[i + 2] != 0x3d)
			continue;
		memcpy(&distance, code + i + 3, sizeof(distance));
		*variable = symbol.value + i + 7 + (uint64_t)(int64_t)distance;
		return 0;
	}
	return -ENOENT;
}

static int variable_by_code(struct elf_file *e, uint64_t *variable)
{
	uint64_t other;

	if (e->machine != EM_X86_64 || argument_passed(e, "PyEval_AcquireLock", variable) ||
	    argument_passed(e, "PyEval_ReleaseLock", &other) || *variable != other)
		return -ENOTSUP;
	return 0;
}

int python2__find(struct elf_file *e, uint64_t *semaphore_at)
{
	struct elf_symbol symbol;

	/* Strings of Python 2, capsules of 2.7. */
	if (find_symbol(e, "PyString_FromString", &symbol) ||
	    find_symbol(e, "PyCapsule_New", &symbol) ||
	    find_symbol(e, "PyEval_AcquireLock", &symbol))
		return -ENOENT;
	if (!elf_symtab__find(e, "interpreter_lock", &symbol) && symbol.type == STT_OBJECT) {
		*semaphore_at = symbol.value;
		return 0;
	}
	return variable_by_code(e, semaphore_at);
}

int python2__sites(struct elf_file *e, struct probe_site site[PYTHON2_SITES])
{
	static const struct {
		const char *name;
		enum gil_site_kind kind;
	} functions[PYTHON2_SITES] = {
		{"PyThread_acquire_lock", GIL_SITE_SEMAPHORE_ACQUIRE},
		{"PyThread_release_lock", GIL_SITE_SEMAPHORE_RELEASE},
		{"PyThreadState_Swap", GIL_SITE_SEMAPHORE_SWAP},
	};

	for (int i = 0; i < PYTHON2_SITES; i++) {
		struct elf_symbol symbol;
		uint64_t at;
		int err;

		err = find_symbol(e, functions[i].name, &symbol);
		err = err ?: elf_file__offset(e, symbol.value, &at);
		if (err)
			return err;
		site[i] = (struct probe_site){.offset = at, .kind = functions[i].kind};
	}
	return 0;
}
