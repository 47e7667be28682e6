// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Functions that a file does not export: by the code that calls them, in a file made by hand; by a
 * symbol table, in this program. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "cheap_site.h"
#include "cond_locate.h"
#include "elf_symtab.h"
#include "python2.h"
#include "test.h"

#define BASE 0x1000 /* addresses are file offsets plus this */

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr load[2];
	char cond[40], switch_cond[40], wait[40];
	unsigned char code[4096];
};

/* Where in the code there is what. */
enum {
	TAKE_GIL = 0,
	DROP_GIL = 100,
	FATAL_WAIT = 200,
	FATAL_SWITCH = 220,
	FATAL_COND = 240,
	TIMEDWAIT = 600,
	SIGNAL = 700,
	OTHER = 800,
};

static uint64_t address(size_t offset)
{
	return BASE + offset;
}

static uint64_t code_address(size_t i)
{
	return address(offsetof(struct image, code) + i);
}

static void put_rel32(struct image *m, size_t at, int64_t to)
{
	int32_t distance = (int32_t)(to - (int64_t)at - 4);

	memcpy(m->code + at, &distance, sizeof(distance));
}

/* Each puts an instruction at index i and returns the next one's. */
static size_t call(struct image *m, size_t i, size_t to)
{
	m->code[i] = 0xe8;
	put_rel32(m, i + 1, (int64_t)to);
	return i + 5;
}

static size_t test_eax(struct image *m, size_t i)
{
	memcpy(m->code + i, "\x85\xc0", 2);
	return i + 2;
}

static size_t compare_110(struct image *m, size_t i)
{
	memcpy(m->code + i, "\x83\xf8\x6e", 3);
	return i + 3;
}

static size_t jump_if(struct image *m, size_t i, unsigned char condition, size_t to)
{
	m->code[i] = 0x0f;
	m->code[i + 1] = condition;
	put_rel32(m, i + 2, (int64_t)to);
	return i + 6;
}

static size_t jump(struct image *m, size_t i, size_t to)
{
	m->code[i] = 0xe9;
	put_rel32(m, i + 1, (int64_t)to);
	return i + 5;
}

static void load(struct image *m, size_t i, const char *message)
{
	memcpy(m->code + i, "\x48\x8d\x35", 3); /* lea rsi, [rip + ...] */
	put_rel32(m, i + 3, message - (const char *)m->code);
}

#define JNE 0x85
#define JS  0x88

static void make_image(struct image *m)
{
	size_t i;

	memset(m, 0, sizeof(*m));
	m->eh = (Elf64_Ehdr){.e_type = ET_DYN,
			     .e_machine = EM_X86_64,
			     .e_phoff = offsetof(struct image, load),
			     .e_phnum = 2,
			     .e_phentsize = sizeof(Elf64_Phdr)};
	memcpy(m->eh.e_ident, ELFMAG, SELFMAG);
	m->eh.e_ident[EI_CLASS] = ELFCLASS64;
	m->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	m->load[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_flags = PF_R,
				  .p_vaddr = BASE,
				  .p_filesz = offsetof(struct image, code)};
	m->load[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_flags = PF_R | PF_X,
				  .p_offset = offsetof(struct image, code),
				  .p_vaddr = address(offsetof(struct image, code)),
				  .p_filesz = sizeof(m->code)};
	strcpy(m->cond, "PyCOND_SIGNAL(gil->cond) failed");
	strcpy(m->switch_cond, "PyCOND_SIGNAL(gil->switch_cond) failed");
	strcpy(m->wait, "PyCOND_WAIT(gil->cond) failed");

	i = compare_110(m, call(m, TAKE_GIL, TIMEDWAIT));
	i = jump_if(m, test_eax(m, i), JNE, FATAL_WAIT);
	i = jump_if(m, test_eax(m, call(m, i, SIGNAL)), JNE, FATAL_SWITCH);
	/* The other way round: past the end, unless it failed. */
	i = test_eax(m, call(m, DROP_GIL, SIGNAL));
	m->code[i] = 0x74; /* je */
	m->code[i + 1] = 5;
	jump(m, i + 2, FATAL_COND);
	load(m, FATAL_WAIT, m->wait);
	load(m, FATAL_SWITCH, m->switch_cond);
	load(m, FATAL_COND, m->cond);
}

static int locate(const struct image *m, uint64_t *signal, uint64_t *timedwait)
{
	struct elf_file e;
	int err = elf_file__open_memory(&e, m, sizeof(*m));

	if (err)
		return err;
	err = cond_locate(&e, signal, timedwait);
	elf_file__close(&e);
	return err;
}

static struct image image;

TEST(locate_both)
{
	uint64_t signal, timedwait;

	make_image(&image);
	CHECK_EQ(locate(&image, &signal, &timedwait), 0);
	CHECK_EQ(signal, code_address(SIGNAL));
	CHECK_EQ(timedwait, code_address(TIMEDWAIT));
}

TEST(locate_a_wait_in_a_function_of_its_own)
{
	uint64_t signal, timedwait;

	make_image(&image);
	memset(image.code, 0x90, DROP_GIL);
	jump_if(&image, test_eax(&image, call(&image, 20, SIGNAL)), JNE, FATAL_SWITCH);
	jump_if(&image, test_eax(&image, call(&image, TAKE_GIL, 2000)), JS, FATAL_WAIT);
	compare_110(&image, call(&image, 2000 + 30, TIMEDWAIT));
	CHECK_EQ(locate(&image, &signal, &timedwait), 0);
	CHECK_EQ(signal, code_address(SIGNAL));
	CHECK_EQ(timedwait, code_address(TIMEDWAIT));
}

TEST(locate_refuses_contradictions)
{
	uint64_t signal, timedwait;

	make_image(&image);
	call(&image, DROP_GIL, OTHER);
	CHECK_EQ(locate(&image, &signal, &timedwait), -ENOENT);
}

TEST(locate_needs_every_message)
{
	uint64_t signal, timedwait;

	for (int i = 0; i < 3; i++) {
		make_image(&image);
		(i == 0 ? image.cond : i == 1 ? image.switch_cond : image.wait)[3] = 'x';
		CHECK_EQ(locate(&image, &signal, &timedwait), -ENOENT);
	}
}

TEST(locate_needs_the_check)
{
	uint64_t signal, timedwait;

	make_image(&image);
	memset(image.code + DROP_GIL + 5, 0x90, 2);
	CHECK_EQ(locate(&image, &signal, &timedwait), -ENOENT);
}

TEST(locate_knows_one_machine)
{
	uint64_t signal, timedwait;

	make_image(&image);
	image.eh.e_machine = EM_AARCH64;
	CHECK_EQ(locate(&image, &signal, &timedwait), -ENOTSUP);
}

/* ---- where a probe is cheap ---- */

static uint64_t cheap(struct elf_file *e, uint64_t offset)
{
	return cheap_site(e, offset, GIL_SITE_COND_SIGNAL).offset;
}

#define CHEAP(bytes, distance)                                                                     \
	do {                                                                                       \
		memset(image.code, 0xcc, 64);                                                      \
		memcpy(image.code, bytes, sizeof(bytes) - 1);                                      \
		CHECK_EQ(cheap(&e, code) - code, distance);                                        \
	} while (0)

TEST(cheap_sites)
{
	const uint64_t code = offsetof(struct image, code);
	struct elf_file e;

	make_image(&image);
	CHECK_EQ(elf_file__open_memory(&e, &image, sizeof(image)), 0);
	CHEAP("\x41\x57", 0);                             /* push r15 */
	CHEAP("\xf3\x0f\x1e\xfa\x41\x57", 4);             /* endbr64; push r15 */
	CHEAP("\x48\x83\x3f\x00\x49\x89\xf8\x74\x37", 7); /* musl's pthread_cond_signal */
	CHEAP("\x48\x83\xec\x08\xe8\x01\x02\x03\x04", 4); /* sub rsp, 8; call */
	CHEAP("\xf3\x0f\x1e\xfa\x48\x8b\x05\x01\x02\x03\x04\x50", 0); /* a load: not known */
	CHEAP("\x48\x89\xf8\x48\x89\xf8\x31\xff\x50", 0); /* xor edi, edi: the argument */
	CHEAP("\x49\x89\xf8\x49\x89\xf8\x49\x89\xf8\x49\x89\xf8\x49\x89\xf8\x49\x89\xf8"
	      "\x49\x89\xf8\x49\x89\xf8\x49\x89\xf8\x50",
	      0); /* too far */
	CHECK_EQ(cheap(&e, sizeof(image) - 4), sizeof(image) - 4);
	CHECK_EQ(cheap(&e, sizeof(image) + 4), sizeof(image) + 4);
}

/* The beginnings of functions as Debian has them: glibc 2.36 and 2.41, musl 1.2.3. */
static const uint32_t signal_2_36[] = {
	0xa9b87bfd, /* stp x29, x30, [sp, #-128]! */
	0x910003fd, /* mov x29, sp */
	0xa90153f3, /* stp x19, x20, [sp, #16] */
	0xaa0003f3, /* mov x19, x0 */
	0x91009000, /* add x0, x0, #0x24 */
	0xa9025bf5, /* stp x21, x22, [sp, #32] */
	0xb9400015, /* ldr w21, [x0] */
	0x6b550fff, /* cmp wzr, w21, lsr #3 */
	0x54000620, /* b.eq */
};
static const uint32_t signal_2_41[] = {
	0xd503233f, /* paciasp */
	0xa9ba7bfd, /* stp x29, x30, [sp, #-96]! */
	0x910003fd, /* mov x29, sp */
	0xa90153f3, /* stp x19, x20, [sp, #16] */
	0xaa0003f4, /* mov x20, x0 */
	0x91007000, /* add x0, x0, #0x1c */
	0xa9025bf5, /* stp x21, x22, [sp, #32] */
	0xb9400016, /* ldr w22, [x0] */
	0x6b560fff, /* cmp wzr, w22, lsr #3 */
	0x54000640, /* b.eq */
};
static const uint32_t timedwait_2_41[] = {
	0xd503233f, /* paciasp */
	0xd10343ff, /* sub sp, sp, #0xd0 */
	0xa9077bfd, /* stp x29, x30, [sp, #112] */
	0x9101c3fd, /* add x29, sp, #0x70 */
	0xa90a63f7, /* stp x23, x24, [sp, #160] */
	0xaa0203f7, /* mov x23, x2 */
	0xd0000942, /* adrp x2 */
};
static const uint32_t signal_musl[] = {
	0xf9400001, /* ldr x1, [x0] */
	0xaa0003e4, /* mov x4, x0 */
	0xb40002c1, /* cbz x1 */
};

/* How many instructions further the probe goes, and the register that has the argument there. */
static void check_cheap_arm64(const uint32_t *insn, size_t n, uint64_t distance,
			      unsigned int argument)
{
	const uint64_t code = offsetof(struct image, code);
	struct probe_site site;
	struct elf_file e;

	make_image(&image);
	image.eh.e_machine = EM_AARCH64;
	memset(image.code, 0, sizeof(image.code)); /* of no known instruction */
	memcpy(image.code, insn, n * sizeof(*insn));
	CHECK_EQ(elf_file__open_memory(&e, &image, sizeof(image)), 0);
	site = cheap_site(&e, code, GIL_SITE_COND_TIMEDWAIT);
	CHECK_EQ(site.offset - code, 4 * distance);
	CHECK_EQ(site.arguments, argument);
	CHECK_EQ(site.kind, GIL_SITE_COND_TIMEDWAIT);
}

#define CHEAP_ARM64(insn, distance, argument)                                                      \
	check_cheap_arm64(insn, sizeof(insn) / sizeof(*insn), distance, argument)

TEST(cheap_sites_arm64)
{
	CHEAP_ARM64(signal_2_36, 8, 19);
	CHEAP_ARM64(signal_2_41, 9, 20);
	CHEAP_ARM64(timedwait_2_41, 6, 0);
	CHEAP_ARM64(signal_musl, 2, 0);
	CHEAP_ARM64(((uint32_t[]){0xb40002c1}), 0, 0); /* cbz: cheap as it is */
}

TEST(cheap_sites_arm64_not_known)
{
	uint32_t jumped_to[64] = {0xaa0003f3, 0x54000620}; /* mov x19, x0; b.eq */

	CHEAP_ARM64(jumped_to, 1, 0);
	jumped_to[60] = 0x17ffffc5; /* b: 59 back, to the b.eq */
	CHEAP_ARM64(jumped_to, 0, 0);
	jumped_to[60] = 0x17ffffc4; /* to the function's start: a call of itself */
	CHEAP_ARM64(jumped_to, 1, 0);
	/* mov x0, x1; b.eq: the argument is lost */
	CHEAP_ARM64(((uint32_t[]){0xaa0103e0, 0x54000620}), 0, 0);
	/* str x1, [x0]: memory changes; svc #0; ret */
	CHEAP_ARM64(((uint32_t[]){0xf9000001, 0x54000620}), 0, 0);
	CHEAP_ARM64(((uint32_t[]){0xd4000001, 0x54000620}), 0, 0);
	CHEAP_ARM64(((uint32_t[]){0xd65f03c0, 0x54000620}), 0, 0);
	/* ldr x1, [pc, ...]: the kernel takes no probe there, but past it */
	CHEAP_ARM64(((uint32_t[]){0x58000041, 0x54000620}), 0, 0);
	/* too far */
	CHEAP_ARM64(((uint32_t[17]){0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f,
				    0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f,
				    0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f,
				    0xd503201f, 0x54000620}),
		    0, 0);
}

/* ---- symbol tables ---- */

static __attribute__((noinline, used)) int a_local_function(int i)
{
	return i + 1;
}

static int open_self(struct elf_file *e)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : elf_file__open_fd(e, fd);
}

TEST(symtab_has_local_functions)
{
	struct elf_symbol symbol, other;
	struct elf_file e;

	CHECK_EQ(open_self(&e), 0);
	CHECK_EQ(elf_symtab__find(&e, "a_local_function", &symbol), 0);
	CHECK_EQ(elf_symtab__find(&e, "locate", &other), 0);
	CHECK_EQ(symbol.type, STT_FUNC);
	CHECK_EQ(symbol.value - other.value, (uintptr_t)a_local_function - (uintptr_t)locate);
	CHECK_EQ(elf_symtab__find(&e, "a_local_functio", &symbol), -ENOENT);
	elf_file__close(&e);
	make_image(&image);
	CHECK_EQ(elf_file__open_memory(&e, &image, sizeof(image)), 0);
	CHECK_EQ(elf_symtab__find(&e, "a_local_function", &symbol), -ENOENT);
}

TEST(debug_files)
{
	char path[PATH_MAX];
	struct elf_file e, none;

	CHECK_EQ(open_self(&e), 0);
	if (!elf_debug__path(&e, "/root", "/bin/x", 0, path)) {
		elf_file__close(&e);
		SKIP("this program was linked without a build-id");
	}
	CHECK(!strncmp(path, "/root/usr/lib/debug/.build-id/", 30), "%s", path);
	CHECK_STR(path + strlen(path) - 6, ".debug");
	CHECK(elf_debug__matches(&e, &e));
	for (unsigned int i = 1; i <= ELF_DEBUG_PLACES; i++)
		CHECK(!elf_debug__path(&e, "/root", "/bin/x", i, path));
	make_image(&image);
	CHECK_EQ(elf_file__open_memory(&none, &image, sizeof(image)), 0);
	CHECK(!elf_debug__matches(&e, &none));
	CHECK(!elf_debug__matches(&none, &none));
	elf_file__close(&e);
}

TEST(python2_is_not_everything)
{
	struct probe_site site[PYTHON2_SITES];
	struct elf_file e;
	uint64_t at;

	CHECK_EQ(open_self(&e), 0);
	CHECK_EQ(python2__find(&e, &at), -ENOENT);
	CHECK_EQ(python2__sites(&e, site), -ENOENT);
	elf_file__close(&e);
}

TEST_MAIN
