// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "edge/sites/arm64.h"
#include "edge/sites/cheap_site.h"
#include "edge/sites/cond_code.h"
#include "edge/elf/elf_symtab.h"
#include "edge/python/python2.h"

#define MAX_FUNCTION 1024 /* bytes of a function searched */
#define MAX_CALLS    16   /* of a function searched */
#define LOOKED_AT    16   /* bytes: the load is the first instruction, or follows endbr64 */

static int find_symbol(struct elf_file *e, const char *name, struct elf_symbol *symbol)
{
	return elf_file__symbol(e, name, symbol) ? elf_symtab__find(e, name, symbol) : 0;
}

/*
 * PyEval_AcquireLock() and PyEval_ReleaseLock() only pass the variable's value on. loaded_*() finds
 * the variable's address in the first bytes of such a function, which is at `address`.
 *
 *	mov rdi, [rip + variable]
 */
static int loaded_x86(const uint8_t *code, uint64_t address, uint64_t *variable)
{
	int32_t distance;

	for (unsigned int i = 0; i + 7 <= LOOKED_AT; i++) {
		if (code[i] != 0x48 || code[i + 1] != 0x8b || code[i + 2] != 0x3d)
			continue;
		memcpy(&distance, code + i + 3, sizeof(distance));
		*variable = address + i + 7 + (uint64_t)(int64_t)distance;
		return 0;
	}
	return -ENOENT;
}

/*
 *	adrp x0, variable's page
 *	ldr  x0, [x0, variable's place in it]
 */
static int loaded_arm64(const uint8_t *code, uint64_t address, uint64_t *variable)
{
	uint64_t page = 0;

	for (unsigned int i = 0; i < LOOKED_AT / 4; i++) {
		uint32_t insn = arm64_at(code, i);

		if (arm64_is_adrp(insn) && arm64_rd(insn) == 0)
			page = arm64_adr(insn, address + 4 * i);
		if (page && (insn & 0xffc003ff) == 0xf9400000) {
			*variable = page + 8 * (insn >> 10 & 0xfff);
			return 0;
		}
	}
	return -ENOENT;
}

static int argument_passed(struct elf_file *e, const char *function, uint64_t *variable)
{
	struct elf_symbol symbol;
	const uint8_t *code;
	uint64_t at;

	if (find_symbol(e, function, &symbol) || elf_file__offset(e, symbol.value, &at))
		return -ENOENT;
	code = elf_file__bytes(e, at, LOOKED_AT);
	if (!code)
		return -ENOENT;
	return e->machine == EM_AARCH64 ? loaded_arm64(code, symbol.value, variable)
					: loaded_x86(code, symbol.value, variable);
}

static int variable_by_code(struct elf_file *e, uint64_t *variable)
{
	uint64_t other;

	if (argument_passed(e, "PyEval_AcquireLock", variable) ||
	    argument_passed(e, "PyEval_ReleaseLock", &other) || *variable != other)
		return -ENOTSUP;
	return 0;
}

/* The functions that a function calls, into an array of `max`; how many. */
static size_t callees(struct elf_file *e, const char *function, uint64_t *called, size_t max)
{
	const struct cond_code *arch;
	struct elf_symbol symbol;
	struct code code;
	uint64_t first, to;
	size_t n = 0;

	if (find_symbol(e, function, &symbol) || cond_code__find(e, &code, &arch) ||
	    !is_code(&code, symbol.value))
		return 0;
	first = symbol.value - code.start;
	for (uint64_t i = 0; i < symbol.size && i < MAX_FUNCTION && n < max; i += arch->step) {
		to = arch->callee(&code, first + i);
		if (to)
			called[n++] = to;
	}
	return n;
}

/*
 * An interpreter that was optimised while it was linked (Debian's was) has the lock's functions
 * inlined where it takes and releases the GIL, and calls them nowhere. It shows by PyEval_SaveThread()
 * calling itself what PyThread_release_lock() calls: sem_post(), through the same stub.
 */
static bool is_inlined(struct elf_file *e)
{
	uint64_t outer[MAX_CALLS], inner[MAX_CALLS];
	size_t nr_outer = callees(e, "PyEval_SaveThread", outer, MAX_CALLS);
	size_t nr_inner = callees(e, "PyThread_release_lock", inner, MAX_CALLS);

	for (size_t i = 0; i < nr_outer; i++)
		for (size_t j = 0; j < nr_inner; j++)
			if (outer[i] == inner[j])
				return true;
	return false;
}

int python2__find(struct elf_file *e, uint64_t *semaphore_at)
{
	struct elf_symbol symbol;

	/* These strings exist in Python 2, and capsules since 2.7. */
	if (find_symbol(e, "PyString_FromString", &symbol) ||
	    find_symbol(e, "PyCapsule_New", &symbol) ||
	    find_symbol(e, "PyEval_AcquireLock", &symbol))
		return -ENOENT;
	if (is_inlined(e))
		return -ENOTSUP;
	if (!elf_symtab__find(e, "interpreter_lock", &symbol) && symbol.type == STT_OBJECT) {
		*semaphore_at = symbol.value;
		return 0;
	}
	return variable_by_code(e, semaphore_at);
}

/* ---- where the probes go ---- */

static int function_site(struct elf_file *e, const char *name, enum gil_site_kind kind,
			 struct elf_symbol *symbol, struct probe_site *site)
{
	uint64_t at;
	int err = find_symbol(e, name, symbol);

	err = err ?: elf_file__offset(e, symbol->value, &at);
	if (!err)
		*site = cheap_site(e, at, kind);
	return err;
}

/*
 * A lock has just been taken where sem_wait or sem_trywait has returned, at a jump that the kernel
 * can emulate (see cheap_site.h). PyThreadState_Swap has no such place.
 *
 *	call sem_wait
 *	cmp  eax, -1
 *	je   ...
 *
 * Returns how many sites were found. There must be two, or none is used.
 */
static size_t find_taken(struct elf_file *e, const struct elf_symbol *acquire,
			 struct probe_site *site)
{
	uint64_t size = acquire->size < MAX_FUNCTION ? acquire->size : MAX_FUNCTION, offset;
	const uint8_t *code;
	size_t n = 0;

	if (e->machine != EM_X86_64 || elf_file__offset(e, acquire->value, &offset))
		return 0;
	code = elf_file__bytes(e, offset, size);
	if (!code)
		return 0;
	for (uint64_t i = 0; i + 10 <= size && n < 3; i++) {
		if (code[i] != 0xe8 || memcmp(code + i + 5, "\x83\xf8\xff", 3) ||
		    (code[i + 8] != 0x74 && (code[i + 8] != 0x0f || code[i + 9] != 0x84)))
			continue;
		if (n < 2) {
			site[n] = (struct probe_site){.offset = offset + i + 8,
						      .kind = GIL_SITE_SEMAPHORE_TAKEN};
			probe_site__keep_code(&site[n], e);
		}
		n++;
	}
	return n == 2 ? 2 : 0;
}

int python2__sites(struct elf_file *e, struct probe_site site[PYTHON2_SITES])
{
	struct elf_symbol acquire, other;
	size_t n;
	int err;

	err = function_site(e, "PyThread_acquire_lock", GIL_SITE_SEMAPHORE_ACQUIRE, &acquire,
			    &site[0]);
	err = err
		      ?: function_site(e, "PyThread_release_lock", GIL_SITE_SEMAPHORE_RELEASE,
				       &other, &site[1]);
	if (err)
		return err;
	n = find_taken(e, &acquire, &site[2]);
	if (n)
		return 2 + (int)n;
	err = function_site(e, "PyThreadState_Swap", GIL_SITE_SEMAPHORE_SWAP, &other, &site[2]);
	return err ? err : 3;
}
