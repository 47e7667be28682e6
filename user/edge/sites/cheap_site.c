// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include "edge/sites/cheap_site.h"
#include "edge/sites/cheap_site_arm64.h"

#define LOOKED_AT       32   /* bytes */
#define LONGEST         6    /* bytes that one step may look at */
#define LOOKED_AT_ARM64 4096 /* bytes; a whole function */

/* Instructions that may be skipped, as found at the start of functions in C libraries and
 * interpreters: the bytes to match, and how many arbitrary bytes follow. */
static const struct {
	uint8_t code[4];
	uint8_t length, more;
} harmless[] = {
	{{0xf3, 0x0f, 0x1e, 0xfa}, 4, 0}, /* endbr64 */
	{{0x48, 0x83, 0xec}, 3, 1},       /* sub rsp, N */
	{{0x48, 0x83, 0x3f}, 3, 1},       /* cmp qword [rdi], N */
	{{0x83, 0x3f}, 2, 1},             /* cmp dword [rdi], N */
	{{0x48, 0x8b, 0x07}, 3, 0},       /* mov rax, [rdi] */
	{{0x48, 0x85, 0xc0}, 3, 0},       /* test rax, rax */
	{{0x48, 0x89, 0xf8}, 3, 0},       /* mov rax, rdi */
	{{0x49, 0x89, 0xf8}, 3, 0},       /* mov r8, rdi */
	{{0x66, 0x0f, 0xef, 0xc0}, 4, 0}, /* pxor xmm0, xmm0 */
};

/* push, nop, call, jumps */
static bool is_emulated(const uint8_t *p)
{
	if (p[0] == 0x41) /* push r8 to r15 */
		return p[1] >= 0x50 && p[1] <= 0x57;
	if (p[0] == 0x0f)
		return (p[1] & 0xf0) == 0x80;
	return (p[0] >= 0x50 && p[0] <= 0x57) || (p[0] & 0xf0) == 0x70 || p[0] == 0x90 ||
	       p[0] == 0xe8 || p[0] == 0xe9 || p[0] == 0xeb;
}

static unsigned int harmless_length(const uint8_t *p)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (!memcmp(p, harmless[i].code, harmless[i].length))
			return harmless[i].length + harmless[i].more;
	return 0;
}

static uint64_t skipped_x86(const uint8_t *code)
{
	unsigned int i = 0, step;

	while (i + LONGEST <= LOOKED_AT) {
		if (is_emulated(code + i))
			return i;
		step = harmless_length(code + i);
		if (!step)
			break;
		i += step;
	}
	return 0;
}

struct probe_site cheap_site(struct elf_file *e, uint64_t offset, enum gil_site_kind kind)
{
	struct probe_site site = {.offset = offset, .kind = kind};
	uint64_t size = e->machine == EM_AARCH64 ? LOOKED_AT_ARM64 : LOOKED_AT;
	const uint8_t *code;

	if (offset < e->size && size > e->size - offset)
		size = e->size - offset;
	code = elf_file__bytes(e, offset, size);
	if (code && e->machine == EM_X86_64 && size == LOOKED_AT)
		site.offset += skipped_x86(code);
	else if (code && e->machine == EM_AARCH64)
		site.offset += 4 * cheap_site__arm64(code, size / 4, &site.arguments);
	probe_site__keep_code(&site, e);
	return site;
}
