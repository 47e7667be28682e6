// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An argument in a note is SIZE@OPERAND, where a signed argument has a minus before its size. The
 * operand is written as for the machine's assembler: a constant, a register, or memory at a
 * register plus a constant. Indexed memory and symbols are not supported, because the macros that
 * make the probes never ask for them (usdt/gil_probes.h).
 */
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/sites/usdt.h"

#define MAX_OPERAND 48

/* The index is the word of struct pt_regs (Linux, arch/x86/include/uapi/asm/ptrace.h). */
static const char *const x86_names[][4] = {
	{"r15", "r15d", "r15w", "r15b"}, {"r14", "r14d", "r14w", "r14b"},
	{"r13", "r13d", "r13w", "r13b"}, {"r12", "r12d", "r12w", "r12b"},
	{"rbp", "ebp", "bp", "bpl"},     {"rbx", "ebx", "bx", "bl"},
	{"r11", "r11d", "r11w", "r11b"}, {"r10", "r10d", "r10w", "r10b"},
	{"r9", "r9d", "r9w", "r9b"},     {"r8", "r8d", "r8w", "r8b"},
	{"rax", "eax", "ax", "al"},      {"rcx", "ecx", "cx", "cl"},
	{"rdx", "edx", "dx", "dl"},      {"rsi", "esi", "si", "sil"},
	{"rdi", "edi", "di", "dil"},
};

#define X86_SP_WORD   19
#define ARM64_SP_WORD 31 /* in struct user_pt_regs */

static int x86_register(const char *name)
{
	for (size_t i = 0; i < sizeof(x86_names) / sizeof(x86_names[0]); i++)
		for (size_t j = 0; j < 4; j++)
			if (!strcmp(x86_names[i][j], name))
				return (int)i;
	return strcmp(name, "rsp") ? -EINVAL : X86_SP_WORD;
}

static int arm64_register(const char *name)
{
	char *end;
	long n;

	if (!strcmp(name, "sp"))
		return ARM64_SP_WORD;
	if ((name[0] != 'x' && name[0] != 'w') || !isdigit((unsigned char)name[1]))
		return -EINVAL;
	n = strtol(name + 1, &end, 10);
	return *end || n > 30 ? -EINVAL : (int)n;
}

static bool is_number(const char *text, __s64 *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) &&
	    !(text[0] == '-' && isdigit((unsigned char)text[1])))
		return false;
	errno = 0;
	*value = strtoll(text, &end, 0);
	return !*end && !errno;
}

static int set_register(struct gil_argument *a, enum gil_argument_kind kind, int word)
{
	if (word < 0)
		return word;
	a->kind = kind;
	a->word = (__u8)word;
	return 0;
}

/* $7, %rdi, 16(%rbx) */
static int x86_operand(char *text, struct gil_argument *a)
{
	char *open = strchr(text, '('), *close = strchr(text, ')');

	if (text[0] == '$') {
		a->kind = GIL_ARGUMENT_CONSTANT;
		return is_number(text + 1, &a->value) ? 0 : -EINVAL;
	}
	if (text[0] == '%')
		return set_register(a, GIL_ARGUMENT_REGISTER, x86_register(text + 1));
	if (!open || !close || close[1] || open[1] != '%')
		return -EINVAL;
	*open = *close = '\0';
	if (open > text && !is_number(text, &a->value))
		return -EINVAL;
	return set_register(a, GIL_ARGUMENT_MEMORY, x86_register(open + 2));
}

/* 7, x0, [x19], [sp, 8] */
static int arm64_operand(char *text, struct gil_argument *a)
{
	size_t length = strlen(text);
	char *comma = strchr(text, ',');

	if (is_number(text, &a->value)) {
		a->kind = GIL_ARGUMENT_CONSTANT;
		return 0;
	}
	if (text[0] != '[')
		return set_register(a, GIL_ARGUMENT_REGISTER, arm64_register(text));
	if (text[length - 1] != ']')
		return -EINVAL;
	text[length - 1] = '\0';
	if (comma) {
		*comma++ = '\0';
		comma += strspn(comma, " #");
		if (!is_number(comma, &a->value))
			return -EINVAL;
	}
	return set_register(a, GIL_ARGUMENT_MEMORY, arm64_register(text + 1));
}

int usdt__argument(unsigned int machine, const char *text, size_t length, struct gil_argument *a)
{
	char operand[MAX_OPERAND];
	size_t at = 0;

	memset(a, 0, sizeof(*a));
	if (at < length && text[at] == '-')
		a->is_signed = 1, at++;
	if (at + 2 >= length || text[at + 1] != '@' || !strchr("1248", text[at]) || !text[at])
		return -EINVAL;
	a->size = (__u8)(text[at] - '0');
	at += 2;
	if (length - at >= sizeof(operand) || memchr(text + at, '\0', length - at))
		return -EINVAL;
	memcpy(operand, text + at, length - at);
	operand[length - at] = '\0';
	return machine == EM_X86_64 ? x86_operand(operand, a) : arm64_operand(operand, a);
}
