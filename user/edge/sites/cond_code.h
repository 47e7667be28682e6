/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What cond_locate.c has to know about an architecture's code: how it calls, checks and jumps. */
#ifndef COND_CODE_H
#define COND_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/elf/elf_file.h"

/* The executable segment with the interpreter's code. */
struct code {
	const uint8_t *at;
	uint64_t start, size;
	bool absolute; /* addresses may be immediate operands: ET_EXEC */
};

#define COND_CODE_LONGEST 8 /* bytes that must follow an index where a jump is looked for */

/* Places in the code are byte indexes. Each function accepts any index within the code, even in the
 * middle of an instruction. */
struct cond_code {
	uint64_t step; /* instructions begin at multiples of this */
	uint64_t call; /* the length of a call */
	/* Address of the function that the call at i calls; 0 if there is no call, or it leads out
	 * of the code. */
	uint64_t (*callee)(const struct code *c, uint64_t i);
	/* True if the conditional jump at index `jump` depends on whether the result of a call is 0
	 * or negative. `i` is right after that call. */
	bool (*is_check)(const struct code *c, uint64_t i, uint64_t jump);
	/* True if the instruction at i compares a call's result with ETIMEDOUT. */
	bool (*is_compare)(const struct code *c, uint64_t i);
	/* The index that the jump at i leads to; -1 if there is no jump. */
	int64_t (*jumps_to)(const struct code *c, uint64_t i, bool *conditional);
	/* The index of a jump that ends at i and is taken if a call has returned 0; -1 if there is
	 * none. */
	int64_t (*passed_by)(const struct code *c, uint64_t i);
	/* Stores the indexes where blocks that load the address `message` may begin. Returns how
	 * many, `max` at most. */
	size_t (*blocks)(const struct code *c, uint64_t message, uint64_t *block, size_t max);
};

extern const struct cond_code cond_code_x86, cond_code_arm64;

/* Finds the code of a file, and the functions that read it. Returns 0; -ENOENT if there is none;
 * -ENOTSUP for an unknown architecture; or -EBADMSG. */
int cond_code__find(struct elf_file *e, struct code *code, const struct cond_code **arch);

/* True if the address is in the code. */
static inline bool is_code(const struct code *c, uint64_t address)
{
	return address >= c->start && address - c->start < c->size;
}

#endif
