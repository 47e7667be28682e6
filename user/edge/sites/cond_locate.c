// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * take_gil and drop_gil check what the C library returns, and each check has its own message:
 *
 *	call  pthread_cond_signal
 *	test  eax, eax
 *	jne   fatal		or: je past it, and on into it
 *	...
 * fatal:
 *	lea   rsi, "PyCOND_SIGNAL(gil->cond) failed"
 *
 * The messages are in the file even if it was stripped. So we find the message, the code that
 * refers to it, the jumps to that code, the check before each jump, and the call before the check.
 * drop_gil is inlined into several functions, and take_gil signals too, with a message of its own.
 * Each such place has a vote, and the votes must agree. An exact message, a reference to it, a jump
 * to exactly that place, a check and a call do not occur together by chance, least of all twice and
 * for the same function. So what is found is the start of a function, and a probe there does no
 * harm.
 *
 * The result of the timed wait is also compared with ETIMEDOUT (110). It is the only call near its
 * message whose result is compared with that. Some compilers keep the wait in a function of its
 * own, PyCOND_TIMEDWAIT, whose result is checked for being negative; then the comparison is inside
 * that function.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "edge/sites/cond_code.h"
#include "edge/sites/cond_locate.h"

#define MAX_BLOCKS  256 /* blocks that may end in a message */
#define MAX_JUMPS   256 /* jumps examined that lead to these blocks */
#define MAX_VOTES   128
#define MAX_LOOKS   4096 /* jumps before which a call is looked for */
#define BEFORE_JUMP 24   /* limit in bytes between a call and the jump on its result */
#define AFTER_CALL  16   /* the same for the comparison of its result with ETIMEDOUT */
#define AROUND      1024 /* take_gil is hardly larger */
#define WRAPPER     256  /* PyCOND_TIMEDWAIT is no longer than this */
#define NEAR        8192 /* jumps within a function */

struct votes {
	uint64_t function[MAX_VOTES];
	size_t n;
};

enum wanted {
	WANTED_SIGNAL,
	WANTED_TIMEDWAIT,
};

struct hunt {
	const struct code *code;
	const struct cond_code *arch;
	enum wanted wanted;
	struct votes *votes;
	unsigned int nr_jumps, nr_looks;
	uint64_t block[MAX_BLOCKS]; /* indexes */
	size_t nr_blocks;
};

/* True if a call's result is compared with ETIMEDOUT in [from, to). After another call, it would be
 * that one's result. */
static bool is_compared(const struct hunt *h, uint64_t from, uint64_t to)
{
	for (; from < to && !h->arch->callee(h->code, from); from += h->arch->step)
		if (h->arch->is_compare(h->code, from))
			return true;
	return false;
}

static void vote(struct votes *v, uint64_t function)
{
	if (v->n < MAX_VOTES)
		v->function[v->n++] = function;
}

/* Votes for each function that is called in [from, to) and whose result is compared with ETIMEDOUT.
 * Returns true if there was any. */
static bool look_for_timed_out(struct hunt *h, uint64_t from, uint64_t to)
{
	const struct code *c = h->code;
	uint64_t call = h->arch->call;
	bool any = false;

	for (uint64_t i = from; i < to && i + call + AFTER_CALL <= c->size; i += h->arch->step) {
		if (!h->arch->callee(c, i) || !is_compared(h, i + call, i + call + AFTER_CALL))
			continue;
		vote(h->votes, h->arch->callee(c, i));
		any = true;
	}
	return any;
}

/* The jump at index j may depend on the result of a call. Votes for the function that was
 * called. */
static void look_before(struct hunt *h, uint64_t j)
{
	const struct code *c = h->code;
	uint64_t function = 0, call = h->arch->call, i = 0;

	if (h->nr_looks++ >= MAX_LOOKS)
		return;
	if (h->wanted == WANTED_TIMEDWAIT &&
	    look_for_timed_out(h, j > AROUND ? j - AROUND : 0, j + AROUND))
		return;
	for (uint64_t k = call; !function && k <= BEFORE_JUMP && k <= j; k += h->arch->step) {
		i = j - k;
		function = h->arch->callee(c, i);
	}
	if (!function || !h->arch->is_check(c, i + call, j))
		return;
	if (h->wanted == WANTED_SIGNAL)
		vote(h->votes, function);
	else
		look_for_timed_out(h, function - c->start, function - c->start + WRAPPER);
}

/* ---- jumps ---- */

/* A conditional jump past the code at index i may reach that code by not being taken. */
static void look_at_fallthrough(struct hunt *h, uint64_t i)
{
	int64_t jump = h->arch->passed_by(h->code, i);

	if (jump >= 0)
		look_before(h, (uint64_t)jump);
}

/* Looks for conditional jumps that lead to the jump at index j. */
static void look_at_detours(struct hunt *h, uint64_t j)
{
	const struct code *c = h->code;
	bool conditional;

	for (uint64_t i = j > NEAR ? j - NEAR : 0; i < j + NEAR && i + COND_CODE_LONGEST <= c->size;
	     i += h->arch->step)
		if (h->arch->jumps_to(c, i, &conditional) == (int64_t)j && conditional)
			look_before(h, i);
}

static int compare_blocks(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_block(const struct hunt *h, int64_t index)
{
	uint64_t wanted = (uint64_t)index;

	return bsearch(&wanted, h->block, h->nr_blocks, sizeof(wanted), compare_blocks);
}

static void look_at_jumps(struct hunt *h)
{
	const struct code *c = h->code;
	int64_t low, high, to;
	bool conditional;

	qsort(h->block, h->nr_blocks, sizeof(h->block[0]), compare_blocks);
	low = (int64_t)h->block[0];
	high = (int64_t)h->block[h->nr_blocks - 1];
	for (size_t k = 0; k < h->nr_blocks; k++)
		look_at_fallthrough(h, h->block[k]);
	for (uint64_t i = 0; i + COND_CODE_LONGEST <= c->size && h->nr_jumps < MAX_JUMPS;
	     i += h->arch->step) {
		to = h->arch->jumps_to(c, i, &conditional);
		if (to < low || to > high || !is_block(h, to))
			continue;
		h->nr_jumps++;
		if (conditional) {
			look_before(h, i);
		} else {
			look_at_fallthrough(h, i);
			look_at_detours(h, i);
		}
	}
}

/* ---- messages ---- */

static void look_for_message(struct elf_file *e, struct hunt *h, const char *message)
{
	size_t length = strlen(message) + 1;

	h->nr_blocks = h->nr_jumps = 0;
	for (unsigned int s = 0; s < e->nr_segments; s++) {
		const struct elf_segment *segment = &e->segment[s];
		const uint8_t *data = elf_file__bytes(e, segment->offset, segment->filesz), *at;

		/* A linker keeps one copy of a string. */
		if (!data || segment->flags & PF_W || !elf_file__may_scan(e, segment->filesz))
			continue;
		at = memmem(data, segment->filesz, message, length);
		if (at && elf_file__may_scan(e, h->code->size))
			h->nr_blocks +=
				h->arch->blocks(h->code, segment->vaddr + (uint64_t)(at - data),
						h->block + h->nr_blocks, MAX_BLOCKS - h->nr_blocks);
	}
	if (h->nr_blocks && elf_file__may_scan(e, h->code->size))
		look_at_jumps(h);
}

/* Returns 0 if at least `least` votes, and three quarters of all, are for one function; else
 * -ENOENT. Other votes are possible because a compiler may merge the ends of two checks. */
static int decide(const struct votes *v, size_t least, uint64_t *function)
{
	for (size_t i = 0; i < v->n; i++) {
		size_t same = 0;

		for (size_t j = 0; j < v->n; j++)
			same += v->function[j] == v->function[i];
		if (same >= least && 4 * same >= 3 * v->n) {
			*function = v->function[i];
			return 0;
		}
	}
	return -ENOENT;
}

int cond_code__find(struct elf_file *e, struct code *code, const struct cond_code **arch)
{
	const struct elf_segment *s = NULL;

	if (e->machine != EM_X86_64 && e->machine != EM_AARCH64)
		return -ENOTSUP;
	*arch = e->machine == EM_X86_64 ? &cond_code_x86 : &cond_code_arm64;
	for (unsigned int i = 0; i < e->nr_segments; i++)
		if (e->segment[i].flags & PF_X && (!s || e->segment[i].filesz > s->filesz))
			s = &e->segment[i];
	if (!s)
		return -ENOENT;
	*code = (struct code){elf_file__bytes(e, s->offset, s->filesz), s->vaddr, s->filesz,
			      e->type == ET_EXEC};
	return code->at ? 0 : -EBADMSG;
}

int cond_locate(struct elf_file *e, uint64_t *signal, uint64_t *timedwait)
{
	struct votes signals = {.n = 0}, waits = {.n = 0};
	struct hunt signal_hunt = {.wanted = WANTED_SIGNAL, .votes = &signals};
	struct hunt wait_hunt = {.wanted = WANTED_TIMEDWAIT, .votes = &waits};
	const struct cond_code *arch;
	struct code code;
	int err = cond_code__find(e, &code, &arch);

	if (err)
		return err;
	signal_hunt.code = wait_hunt.code = &code;
	signal_hunt.arch = wait_hunt.arch = arch;
	look_for_message(e, &signal_hunt, "PyCOND_SIGNAL(gil->cond) failed");
	look_for_message(e, &signal_hunt, "PyCOND_SIGNAL(gil->switch_cond) failed");
	look_for_message(e, &wait_hunt, "PyCOND_WAIT(gil->cond) failed");
	return decide(&signals, 2, signal) ?: decide(&waits, 1, timedwait);
}
