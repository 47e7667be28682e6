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
 * The messages are in the file whatever it was stripped of. So: find the message, what refers to
 * it, what jumps there, the check before the jump, and the call before the check. drop_gil is
 * inlined into several functions, and take_gil signals too, with a message of its own: each such
 * place has a vote, and they must agree. A reference to an exact message, a jump to just there, a
 * check, and a call, twice over and naming the same function, do not come about by chance: so what
 * is found is the start of a function, and a probe there does no harm.
 *
 * The timed wait is checked for ETIMEDOUT (110), too: it is the one call near that message of which
 * the result is compared with that. Some compilers leave it in a function of its own,
 * PyCOND_TIMEDWAIT, of which the result is checked for being negative; then it is in there.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cond_locate.h"

#define MAX_BLOCKS  256 /* that may end in a message */
#define MAX_JUMPS   256 /* looked at, into these blocks */
#define MAX_VOTES   128
#define BEFORE_JUMP 24   /* a call is at most so far ahead of the jump upon its result */
#define AFTER_CALL  16   /* and of the comparison of its result with ETIMEDOUT */
#define AROUND      1024 /* take_gil is hardly larger */
#define WRAPPER     256  /* PyCOND_TIMEDWAIT is no longer than this */
#define NEAR        8192 /* jumps within a function */

/* The executable segment with the interpreter's code. */
struct code {
	const uint8_t *at;
	uint64_t start, size;
	bool absolute; /* addresses may be immediate operands: ET_EXEC */
};

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
	enum wanted wanted;
	struct votes *votes;
	unsigned int nr_jumps;
	uint64_t block[MAX_BLOCKS]; /* indexes */
	size_t nr_blocks;
};

static int32_t rel32(const struct code *c, uint64_t i)
{
	int32_t v;

	memcpy(&v, c->at + i, sizeof(v));
	return v;
}

static bool is_code(const struct code *c, uint64_t address)
{
	return address >= c->start && address - c->start < c->size;
}

/* ---- calls and checks ---- */

/* The function that the call at index i calls; 0 if that is no call, or one out of the code. */
static uint64_t callee(const struct code *c, uint64_t i)
{
	uint64_t address;

	if (c->size < 5 || i > c->size - 5 || c->at[i] != 0xe8)
		return 0;
	address = c->start + i + 5 + (uint64_t)(int64_t)rel32(c, i + 1);
	return is_code(c, address) ? address : 0;
}

static bool is_test_eax(const struct code *c, uint64_t i)
{
	return c->at[i] == 0x85 && c->at[i + 1] == 0xc0;
}

static bool is_compare_110(const struct code *c, uint64_t i)
{
	return c->at[i] == 0x83 && c->at[i + 1] == 0xf8 && c->at[i + 2] == 110;
}

/* True if `compare` holds at some index in [from, to). */
static bool between(const struct code *c, uint64_t from, uint64_t to,
		    bool (*compare)(const struct code *, uint64_t))
{
	for (; from + 3 <= to; from++)
		if (compare(c, from))
			return true;
	return false;
}

static void vote(struct votes *v, uint64_t function)
{
	if (v->n < MAX_VOTES)
		v->function[v->n++] = function;
}

/* Votes for each function called in [from, to) of which the result is compared with ETIMEDOUT. */
static bool look_for_timed_out(struct hunt *h, uint64_t from, uint64_t to)
{
	const struct code *c = h->code;
	bool any = false;

	for (uint64_t i = from; i < to && i + 5 + AFTER_CALL <= c->size; i++) {
		if (!callee(c, i) || !between(c, i + 5, i + 5 + AFTER_CALL, is_compare_110))
			continue;
		vote(h->votes, callee(c, i));
		any = true;
	}
	return any;
}

/* A jump at index j that is taken (or not) upon what a call returned: who was called? */
static void look_before(struct hunt *h, uint64_t j)
{
	const struct code *c = h->code;
	uint64_t function = 0, i = 0;

	if (h->wanted == WANTED_TIMEDWAIT &&
	    look_for_timed_out(h, j > AROUND ? j - AROUND : 0, j + AROUND))
		return;
	for (uint64_t k = 7; !function && k <= BEFORE_JUMP && k <= j; k++) {
		i = j - k;
		function = callee(c, i);
	}
	if (!function || !between(c, i + 5, j + 1, is_test_eax))
		return;
	if (h->wanted == WANTED_SIGNAL)
		vote(h->votes, function);
	else
		look_for_timed_out(h, function - c->start, function - c->start + WRAPPER);
}

/* ---- jumps ---- */

/* The index that the jump at index i goes to, conditional or not; -1 if there is no jump. */
static int64_t jumps_to(const struct code *c, uint64_t i, bool *conditional)
{
	const uint8_t *p = c->at + i;

	*conditional = p[0] != 0xe9 && p[0] != 0xeb;
	if (p[0] == 0x0f && (p[1] & 0xf0) == 0x80)
		return (int64_t)i + 6 + rel32(c, i + 2);
	if (p[0] == 0xe9)
		return (int64_t)i + 5 + rel32(c, i + 1);
	if (p[0] == 0xeb || (p[0] & 0xf0) == 0x70)
		return (int64_t)i + 2 + (int8_t)p[1];
	return -1;
}

/* The code at index i may be reached by a conditional jump past it that is not taken. */
static void look_at_fallthrough(struct hunt *h, uint64_t i)
{
	const uint8_t *at = h->code->at;

	if (i >= 2 && (at[i - 2] & 0xfe) == 0x74)
		look_before(h, i - 2);
	else if (i >= 6 && at[i - 6] == 0x0f && (at[i - 5] & 0xfe) == 0x84)
		look_before(h, i - 6);
}

/* Conditional jumps to the jump at index j. */
static void look_at_detours(struct hunt *h, uint64_t j)
{
	const struct code *c = h->code;
	bool conditional;

	for (uint64_t i = j > NEAR ? j - NEAR : 0; i < j + NEAR && i + 8 <= c->size; i++)
		if (jumps_to(c, i, &conditional) == (int64_t)j && conditional)
			look_before(h, i);
}

static bool is_block(const struct hunt *h, int64_t index)
{
	for (size_t k = 0; k < h->nr_blocks; k++)
		if ((int64_t)h->block[k] == index)
			return true;
	return false;
}

static void look_at_jumps(struct hunt *h)
{
	const struct code *c = h->code;
	int64_t low = INT64_MAX, high = -1, to;
	bool conditional;

	for (size_t k = 0; k < h->nr_blocks; k++) {
		look_at_fallthrough(h, h->block[k]);
		low = (int64_t)h->block[k] < low ? (int64_t)h->block[k] : low;
		high = (int64_t)h->block[k] > high ? (int64_t)h->block[k] : high;
	}
	for (uint64_t i = 0; i + 8 <= c->size && h->nr_jumps < MAX_JUMPS; i++) {
		to = jumps_to(c, i, &conditional);
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

/* True if the four bytes at index i are an operand that is the address `target`. */
static bool refers(const struct code *c, uint64_t i, uint64_t target)
{
	if (c->at[i - 2] == 0x8d && (c->at[i - 1] & 0xc7) == 0x05) /* lea reg, [rip + operand] */
		return c->start + i + 4 + (uint64_t)(int64_t)rel32(c, i) == target;
	return c->absolute && (c->at[i - 1] & 0xf8) == 0xb8 && (uint32_t)rel32(c, i) == target;
}

static void note_references(struct hunt *h, uint64_t message)
{
	/* From the start of a block to the operand: `mov reg, message`, `lea reg, [message]`, or
	 * either behind such an instruction for the other argument, the function's name. */
	static const uint64_t ahead[] = {1, 3, 6, 10};
	const struct code *c = h->code;

	for (uint64_t i = 10; i + 4 <= c->size; i++)
		for (size_t k = 0; k < 4 && refers(c, i, message); k++)
			if (h->nr_blocks < MAX_BLOCKS)
				h->block[h->nr_blocks++] = i - ahead[k];
}

static void look_for_message(struct elf_file *e, struct hunt *h, const char *message)
{
	size_t length = strlen(message) + 1;

	h->nr_blocks = h->nr_jumps = 0;
	for (unsigned int s = 0; s < e->nr_segments; s++) {
		const struct elf_segment *segment = &e->segment[s];
		const uint8_t *data = elf_file__bytes(e, segment->offset, segment->filesz), *at;

		/* A linker keeps one copy of a string. */
		if (!data || segment->flags & PF_W)
			continue;
		at = memmem(data, segment->filesz, message, length);
		if (at)
			note_references(h, segment->vaddr + (uint64_t)(at - data));
	}
	if (h->nr_blocks)
		look_at_jumps(h);
}

/* 0 if at least `least` votes are for one function, and hardly any for others: a compiler may have
 * merged the ends of two checks. */
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

static int find_code(struct elf_file *e, struct code *code)
{
	const struct elf_segment *s = NULL;

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
	struct code code;
	int err;

	if (e->machine != EM_X86_64)
		return -ENOTSUP;
	err = find_code(e, &code);
	if (err)
		return err;
	signal_hunt.code = wait_hunt.code = &code;
	look_for_message(e, &signal_hunt, "PyCOND_SIGNAL(gil->cond) failed");
	look_for_message(e, &signal_hunt, "PyCOND_SIGNAL(gil->switch_cond) failed");
	look_for_message(e, &wait_hunt, "PyCOND_WAIT(gil->cond) failed");
	return decide(&signals, 2, signal) ?: decide(&waits, 1, timedwait);
}
