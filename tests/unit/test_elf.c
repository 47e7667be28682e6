// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ELF files: the real ones of this process, checked against the dynamic loader, one made by hand,
 * and corrupt ones. */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "edge/sites/cheap_site.h"
#include "edge/elf/elf_file.h"
#include "edge/sites/libc.h"
#include "edge/proc/proc_maps.h"
#include "test.h"

/* A shared object that has two versions of a symbol, an undefined one and a local one, with either
 * kind of hash table. It is one segment, loaded 0x1000 above its file offset. */
#define BASE 0x1000

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr load, dynamic;
	Elf64_Dyn dyn[8];
	Elf64_Sym sym[5];
	uint16_t versym[8];
	char str[64];
	uint32_t hash[2 + 1 + 5]; /* one bucket */
	uint32_t gnu[4 + 2 + 1 + 4];
	Elf64_Shdr sh[2];
	char text[64];
};

enum { NAME_WAIT = 1, NAME_UNDEFINED = 6, NAME_SECTION = 16 };

static uint32_t gnu_hash_of(const char *s)
{
	uint32_t h = 5381;

	while (*s)
		h = h * 33 + (unsigned char)*s++;
	return h;
}

static void add_tables(struct image *m)
{
	static const char str[] = "\0wait\0undefined\0.PyRuntime";
	uint32_t h = gnu_hash_of("wait");

	memcpy(m->str, str, sizeof(str));
	/* undefined; wait@OLD; wait@@NEW; local */
	m->sym[1] = (Elf64_Sym){.st_name = NAME_UNDEFINED};
	m->sym[2] = (Elf64_Sym){NAME_WAIT, STT_FUNC, 0, 1, BASE + offsetof(struct image, text), 1};
	m->sym[3] = m->sym[2];
	m->sym[3].st_value += 16;
	m->sym[3].st_size = 2;
	m->sym[4] = m->sym[2];
	m->versym[2] = 0x8002;
	m->versym[3] = 3;
	m->versym[4] = 0; /* local */
	m->hash[0] = 1;
	m->hash[1] = 5;
	m->hash[2] = 4; /* 4, 2, 3, 1 */
	m->hash[3 + 4] = 2;
	m->hash[3 + 2] = 3;
	m->hash[3 + 3] = 1;
	m->gnu[0] = m->gnu[1] = m->gnu[2] = 1;
	m->gnu[4] = m->gnu[5] = ~0U;
	m->gnu[6] = 1;
	m->gnu[7] = gnu_hash_of("undefined") & ~1U;
	m->gnu[8] = m->gnu[9] = h & ~1U;
	m->gnu[10] = h | 1;
}

static void add_dynamic(struct image *m, Elf64_Sxword hash_tag, size_t hash)
{
	Elf64_Dyn dyn[] = {
		{DT_SYMTAB, {BASE + offsetof(struct image, sym)}},
		{DT_STRTAB, {BASE + offsetof(struct image, str)}},
		{DT_STRSZ, {sizeof(m->str)}},
		{DT_VERSYM, {BASE + offsetof(struct image, versym)}},
		{hash_tag, {BASE + hash}},
		{DT_NULL, {0}},
	};

	memcpy(m->dyn, dyn, sizeof(dyn));
	m->dynamic = (Elf64_Phdr){.p_type = PT_DYNAMIC,
				  .p_offset = offsetof(struct image, dyn),
				  .p_vaddr = BASE + offsetof(struct image, dyn),
				  .p_filesz = sizeof(dyn)};
}

static struct image make_image(Elf64_Sxword hash_tag)
{
	struct image m = {.eh = {.e_type = ET_DYN,
				 .e_machine = EM_X86_64,
				 .e_phoff = offsetof(struct image, load),
				 .e_phnum = 2,
				 .e_phentsize = sizeof(Elf64_Phdr),
				 .e_shoff = offsetof(struct image, sh),
				 .e_shnum = 2,
				 .e_shentsize = sizeof(Elf64_Shdr)}};

	memcpy(m.eh.e_ident, ELFMAG, SELFMAG);
	m.eh.e_ident[EI_CLASS] = ELFCLASS64;
	m.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	m.load = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = BASE, .p_filesz = sizeof(m)};
	m.sh[0] = (Elf64_Shdr){.sh_offset = offsetof(struct image, str), .sh_size = sizeof(m.str)};
	m.sh[1] =
		(Elf64_Shdr){.sh_name = NAME_SECTION, .sh_addr = 77, .sh_offset = 5, .sh_size = 6};
	add_tables(&m);
	add_dynamic(&m, hash_tag,
		    hash_tag == DT_HASH ? offsetof(struct image, hash)
					: offsetof(struct image, gnu));
	return m;
}

static void check_image(struct image *m)
{
	struct elf_section section;
	struct elf_symbol s;
	struct elf_file e;
	uint64_t at;

	CHECK_EQ(elf_file__open_memory(&e, m, sizeof(*m)), 0);
	CHECK_EQ(elf_file__symbol(&e, "wait", &s), 0);
	CHECK_EQ(s.value, m->sym[3].st_value);
	CHECK_EQ(s.size, 2);
	CHECK_EQ(s.shndx, 1);
	CHECK_EQ(s.type, STT_FUNC);
	CHECK_EQ(elf_file__symbol(&e, "undefined", &s), -ENOENT);
	CHECK_EQ(elf_file__symbol(&e, "wai", &s), -ENOENT);
	CHECK_EQ(elf_file__symbol(&e, "waits", &s), -ENOENT);
	CHECK_EQ(elf_file__offset(&e, m->sym[3].st_value, &at), 0);
	CHECK_EQ(at, offsetof(struct image, text) + 16);
	CHECK_EQ(elf_file__offset(&e, BASE - 1, &at), -ENOENT);
	CHECK_EQ(elf_file__offset(&e, BASE + sizeof(*m), &at), -ENOENT);
	CHECK_EQ(elf_file__section(&e, ".PyRuntime", &section), 0);
	CHECK_EQ(section.addr, 77);
	CHECK_EQ(section.offset, 5);
	CHECK_EQ(section.size, 6);
	CHECK_EQ(elf_file__section(&e, ".PyRuntim", &section), -ENOENT);
	CHECK_EQ(elf_file__load_bias(&e, 0x7000, 0, &at), 0);
	CHECK_EQ(at, 0x7000 - BASE);
	CHECK_EQ(elf_file__load_bias(&e, 0x7000, sizeof(*m) + 1, &at), -EBADMSG);
	elf_file__close(&e);
}

TEST(elf_gnu_hash)
{
	struct image m = make_image(DT_GNU_HASH);

	check_image(&m);
}

TEST(elf_sysv_hash)
{
	struct image m = make_image(DT_HASH);

	check_image(&m);
	m.eh.e_machine = EM_AARCH64;
	check_image(&m);
}

TEST(elf_no_sections_no_versions_no_hash)
{
	struct image m = make_image(DT_GNU_HASH);
	struct elf_section section;
	struct elf_symbol s;
	struct elf_file e;

	m.eh.e_shnum = 0;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), 0);
	CHECK_EQ(elf_file__symbol(&e, "wait", &s), 0);
	CHECK_EQ(elf_file__section(&e, ".PyRuntime", &section), -ENOENT);
	m.dyn[3].d_tag = DT_DEBUG; /* no versions: the first symbol is as good as any */
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), 0);
	CHECK_EQ(elf_file__symbol(&e, "wait", &s), 0);
	CHECK_EQ(s.value, m.sym[2].st_value);
	m.dyn[4].d_tag = DT_DEBUG;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), 0);
	CHECK_EQ(elf_file__symbol(&e, "wait", &s), -ENOENT);
	m.dynamic.p_type = PT_NULL; /* statically linked */
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), 0);
	CHECK_EQ(elf_file__symbol(&e, "wait", &s), -ENOENT);
}

TEST(elf_position_dependent_has_no_bias)
{
	struct image m = make_image(DT_GNU_HASH);
	struct elf_file e;
	uint64_t bias;

	m.eh.e_type = ET_EXEC;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), 0);
	CHECK_EQ(elf_file__load_bias(&e, BASE, 0, &bias), 0);
	CHECK_EQ(bias, 0);
	CHECK_EQ(elf_file__load_bias(&e, 2 * BASE, 0, &bias), -EBADMSG);
}

/* A hash chain that leads back to itself, and a hash chain without an end. */
TEST(elf_endless_chains_end)
{
	struct image m = make_image(DT_HASH);
	struct elf_symbol s;
	struct elf_file e;

	m.hash[3 + 1] = 4;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), 0);
	CHECK_EQ(elf_file__symbol(&e, "undefined", &s), -EBADMSG);
	m = make_image(DT_GNU_HASH);
	m.gnu[10] &= ~1U;
	m.versym[3] = 0x8003;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), 0);
	CHECK(elf_file__symbol(&e, "wait", &s) < 0);
	m.gnu[0] = 0; /* no buckets: must not be used as a divisor */
	CHECK_EQ(elf_file__symbol(&e, "wait", &s), -EBADMSG);
}

/* Makes every query. Whatever the bytes are, it must do no harm. */
static void ask_everything(const void *data, size_t size)
{
	struct elf_section section;
	struct elf_symbol s;
	struct elf_file e;
	uint64_t v;

	if (elf_file__open_memory(&e, data, size))
		return;
	elf_file__symbol(&e, "wait", &s);
	elf_file__symbol(&e, "undefined", &s);
	elf_file__section(&e, ".PyRuntime", &section);
	elf_file__offset(&e, BASE, &v);
	elf_file__load_bias(&e, 0x7000, 0, &v);
	elf_file__close(&e);
}

TEST(elf_truncated_anywhere)
{
	for (int gnu = 0; gnu < 2; gnu++) {
		struct image m = make_image(gnu ? DT_GNU_HASH : DT_HASH);

		for (size_t size = 0; size < sizeof(m); size++) {
			void *copy = malloc(size ? size : 1); /* so that a sanitizer sees its end */

			CHECK(copy);
			memcpy(copy, &m, size);
			ask_everything(copy, size);
			free(copy);
		}
	}
}

TEST(elf_any_byte_changed)
{
	static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};

	for (int gnu = 0; gnu < 2; gnu++) {
		struct image m = make_image(gnu ? DT_GNU_HASH : DT_HASH);
		unsigned char *bytes = (unsigned char *)&m;

		for (size_t i = 0; i < sizeof(m); i++) {
			unsigned char old = bytes[i];

			for (size_t j = 0; j < sizeof(values); j++) {
				bytes[i] = values[j];
				ask_everything(bytes, sizeof(m));
			}
			bytes[i] = old;
		}
	}
}

TEST(elf_refused)
{
	struct image m = make_image(DT_GNU_HASH);
	struct elf_file e;

	CHECK_EQ(elf_file__open_memory(&e, "", 0), -EBADMSG);
	CHECK_EQ(elf_file__open_memory(&e, "\177ELF", 4), -EBADMSG);
	m.eh.e_machine = EM_386;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), -EBADMSG);
	m = make_image(DT_GNU_HASH);
	m.eh.e_ident[EI_CLASS] = ELFCLASS32;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), -EBADMSG);
	m = make_image(DT_GNU_HASH);
	m.eh.e_type = ET_REL;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), -EBADMSG);
	m = make_image(DT_GNU_HASH);
	m.eh.e_phnum = 0xffff;
	CHECK_EQ(elf_file__open_memory(&e, &m, sizeof(m)), -EBADMSG);
	CHECK_EQ(elf_file__open_fd(&e, open("/dev/null", O_RDONLY | O_CLOEXEC)), -EBADMSG);
	CHECK_EQ(elf_file__open_fd(&e, open("/proc/self/maps", O_RDONLY | O_CLOEXEC)), -EBADMSG);
}

/* If such a file were mapped, it would kill the reader (SIGBUS). */
TEST(elf_cut_short_while_open)
{
	struct image m = make_image(DT_GNU_HASH);
	char path[] = "/tmp/gilscope-test-XXXXXX", rest[100000] = "";
	int fd = mkstemp(path);
	struct elf_file e;

	CHECK(fd >= 0);
	unlink(path);
	CHECK(write(fd, &m, sizeof(m)) == sizeof(m) && write(fd, rest, sizeof(rest)) > 0);
	CHECK_EQ(elf_file__open_fd(&e, fd), 0);
	CHECK(elf_file__bytes(&e, sizeof(m) + sizeof(rest) - 1, 1));
	CHECK(!ftruncate(fd, sizeof(m)));
	CHECK(!elf_file__bytes(&e, 50000, 1));
	CHECK(!elf_file__bytes(&e, sizeof(m) + sizeof(rest), 1));
	CHECK(!elf_file__bytes(&e, UINT64_MAX, 2));
	elf_file__close(&e);
	elf_file__close(NULL);
}

/* A huge file is never read as a whole, whatever its headers say. */
TEST(elf_reads_only_so_much)
{
	struct image m = make_image(DT_GNU_HASH);
	char path[] = "/tmp/gilscope-test-XXXXXX";
	int fd = mkstemp(path);
	struct elf_file e;
	size_t read = 0;

	CHECK(fd >= 0);
	unlink(path);
	CHECK(write(fd, &m, sizeof(m)) == sizeof(m) && !ftruncate(fd, 1 << 30));
	CHECK_EQ(elf_file__open_fd(&e, fd), 0);
	while (elf_file__bytes(&e, read, 1) && read < 1 << 30)
		read += 16384;
	CHECK_EQ(read, 16 << 20);
	elf_file__close(&e);
}

/* ---- against the dynamic loader ---- */

/* Opens the file that this process has mapped executable around an address. */
static int open_around(const void *address, struct elf_file *e, uint64_t *bias)
{
	struct proc_maps maps;
	struct proc_map map;
	size_t position = 0;
	int err = proc_maps__read(0, &maps);

	if (err)
		return err;
	err = -ENOENT;
	while (err && proc_maps__next(&maps, &position, &map))
		if ((uintptr_t)address >= map.start && (uintptr_t)address < map.end)
			err = 0;
	proc_maps__free(&maps);
	if (!err) {
		int fd = proc_map__open(0, &map);

		err = fd < 0 ? fd : elf_file__open_fd(e, fd);
	}
	return err ? err : elf_file__load_bias(e, map.start, map.offset, bias);
}

static void check_against_loader(struct elf_file *e, uint64_t bias, const char *name)
{
	uintptr_t address = (uintptr_t)dlsym(RTLD_DEFAULT, name);
	struct elf_symbol s;
	const void *bytes;
	uint64_t offset;

	CHECK_EQ(elf_file__symbol(e, name, &s), 0);
	CHECK(s.value + bias == address, "%s", name);
	CHECK_EQ(elf_file__offset(e, s.value, &offset), 0);
	bytes = elf_file__bytes(e, offset, 32);
	CHECK(bytes && !memcmp(bytes, (void *)address, 32), "%s", name);
}

TEST(elf_libc_agrees_with_the_loader)
{
	static const char *const names[] = {"pthread_cond_signal",
					    "pthread_cond_wait",
					    "pthread_cond_timedwait",
					    "pthread_cond_broadcast",
					    "dlsym",
					    "getpid"};
	struct elf_symbol s;
	struct elf_file e;
	uint64_t bias;

	CHECK_EQ(open_around(dlsym(RTLD_DEFAULT, "getpid"), &e, &bias), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		check_against_loader(&e, bias, names[i]);
	CHECK_EQ(elf_file__symbol(&e, "no_such_symbol", &s), -ENOENT);
	CHECK_EQ(elf_file__symbol(&e, "", &s), -ENOENT);
	elf_file__close(&e);
}

TEST(elf_own_program)
{
	struct elf_section section;
	struct elf_file e;
	uint64_t bias, offset;

	CHECK_EQ(open_around((void *)(uintptr_t)gnu_hash_of, &e, &bias), 0);
	CHECK_EQ(elf_file__offset(&e, (uintptr_t)gnu_hash_of - bias, &offset), 0);
	CHECK(!memcmp(elf_file__bytes(&e, offset, 16), (void *)(uintptr_t)gnu_hash_of, 16));
	CHECK_EQ(elf_file__section(&e, ".text", &section), 0);
	CHECK(section.addr + bias <= (uintptr_t)gnu_hash_of &&
	      (uintptr_t)gnu_hash_of < section.addr + bias + section.size);
	elf_file__close(&e);
}

TEST(libc_own)
{
	struct failure f = {.what = ""};
	struct elf_file e;
	struct libc libc;
	uint64_t bias, offset;

	CHECK_EQ(libc__find(0, &libc, &f), 0);
	CHECK(libc.path[0] == '/' && libc.ino && libc.dev);
	CHECK_EQ(open_around(dlsym(RTLD_DEFAULT, "pthread_cond_signal"), &e, &bias), 0);
	CHECK_EQ(elf_file__offset(&e, (uintptr_t)dlsym(RTLD_DEFAULT, "pthread_cond_signal") - bias,
				  &offset),
		 0);
	CHECK_EQ(libc.site[0].offset, cheap_site(&e, offset, GIL_SITE_COND_SIGNAL).offset);
	CHECK_EQ(elf_file__offset(&e,
				  (uintptr_t)dlsym(RTLD_DEFAULT, "pthread_cond_timedwait") - bias,
				  &offset),
		 0);
	CHECK_EQ(libc.site[1].offset, cheap_site(&e, offset, GIL_SITE_COND_TIMEDWAIT).offset);
	elf_file__close(&e);
	CHECK_EQ(fcntl(libc.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(libc.fd);
}

TEST(libc_with_musl)
{
	CHECK(libc__has_known_layout("/lib/ld-musl-x86_64.so.1", EM_X86_64));
	CHECK(!libc__has_known_layout("/lib/ld-musl-aarch64.so.1", EM_AARCH64));
	CHECK(libc__has_known_layout("/lib/aarch64-linux-gnu/libc.so.6", EM_AARCH64));
}

TEST(libc_of_no_process)
{
	struct failure f = {.what = ""};
	struct libc libc;

	CHECK_EQ(libc__find(0x7ffffff0, &libc, &f), -ESRCH);
	CHECK_STR(f.what, "there is no process 2147483632");
	CHECK(f.cause[0] && f.command[0]);
	CHECK_EQ(libc__find(0x7ffffff0, &libc, NULL), -ESRCH);
}

TEST_MAIN
