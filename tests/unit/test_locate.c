// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finding functions that a file does not export: in a hand-made file by the code that calls them,
 * and in this program by its symbol table. */
#include <errno.h>
#include <fcntl.h>

#include "edge/sites/cheap_site.h"
#include "edge/elf/elf_symtab.h"
#include "locate_image.h"
#include "edge/python/python2.h"
#include "test.h"

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

	begin_image(m, EM_X86_64);
	i = compare_110(m, call(m, TAKE_GIL, TIMEDWAIT));
	i = jump_if(m, test_eax(m, i), JNE, FATAL_WAIT);
	i = jump_if(m, test_eax(m, call(m, i, SIGNAL)), JNE, FATAL_SWITCH);
	/* The branch may also be the other way round, and lead past the end unless the call failed. */
	i = test_eax(m, call(m, DROP_GIL, SIGNAL));
	m->code[i] = 0x74; /* je */
	m->code[i + 1] = 5;
	jump(m, i + 2, FATAL_COND);
	load(m, FATAL_WAIT, m->wait);
	load(m, FATAL_SWITCH, m->switch_cond);
	load(m, FATAL_COND, m->cond);
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
	if (!elf_debug__path(&e, "/bin/x", 0, path)) {
		elf_file__close(&e);
		SKIP("this program was linked without a build-id");
	}
	CHECK(!strncmp(path, "/usr/lib/debug/.build-id/", 25), "%s", path);
	CHECK_STR(path + strlen(path) - 6, ".debug");
	CHECK(elf_debug__matches(&e, &e));
	for (unsigned int i = 1; i <= ELF_DEBUG_PLACES; i++)
		CHECK(!elf_debug__path(&e, "/bin/x", i, path));
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
