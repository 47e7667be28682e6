// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The notes of GIL probes: a hand-made file with everything right, and then with one thing wrong at
 * a time. */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "test.h"
#include "edge/sites/usdt.h"

#define BASE 0x1000 /* addresses are file offsets plus this */

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr load[2];
	Elf64_Shdr sh[4];
	char str[64];
	unsigned char code[64];
	uint16_t semaphore[4];
	size_t notes_size; /* of what is in `notes` */
	char notes[1024];  /* last: an image in a larger one can have more */
};

enum { NAME_NOTES = 1, NAME_BASE = 15, NAME_STR = 29 };

static const unsigned char nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};

static uint64_t address(size_t offset)
{
	return BASE + offset;
}

#define CODE(i) address(offsetof(struct image, code) + (i))

static void add_note(struct image *m, const char *name, uint64_t pc, const char *arguments)
{
	Elf64_Nhdr h = {.n_namesz = 8, .n_type = 3};
	char *at = (char *)m + offsetof(struct image, notes) + m->notes_size, *text;
	uint64_t words[3] = {pc, address(0), address(offsetof(struct image, semaphore))};

	text = at + sizeof(h) + 8;
	memcpy(text, words, sizeof(words));
	text += sizeof(words);
	text = stpcpy(text, "python") + 1;
	text = stpcpy(text, name) + 1;
	text = stpcpy(text, arguments) + 1;
	h.n_descsz = (Elf64_Word)(text - at - sizeof(h) - 8);
	memcpy(at, &h, sizeof(h));
	memcpy(at + sizeof(h), "stapsdt", 8);
	m->notes_size += sizeof(h) + 8 + ((h.n_descsz + 3) & ~3U);
	m->sh[1].sh_size = m->notes_size;
}

static void make_image(struct image *m)
{
	static const char str[] = "\0.note.stapsdt\0.stapsdt.base\0.shstrtab";

	memset(m, 0, sizeof(*m));
	m->eh = (Elf64_Ehdr){.e_type = ET_DYN,
			     .e_machine = EM_X86_64,
			     .e_phoff = offsetof(struct image, load),
			     .e_phnum = 2,
			     .e_phentsize = sizeof(Elf64_Phdr),
			     .e_shoff = offsetof(struct image, sh),
			     .e_shnum = 4,
			     .e_shentsize = sizeof(Elf64_Shdr),
			     .e_shstrndx = 3};
	memcpy(m->eh.e_ident, ELFMAG, SELFMAG);
	m->eh.e_ident[EI_CLASS] = ELFCLASS64;
	m->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	m->load[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_flags = PF_R | PF_X,
				  .p_vaddr = BASE,
				  .p_filesz = offsetof(struct image, semaphore)};
	m->load[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_flags = PF_R | PF_W,
				  .p_offset = offsetof(struct image, semaphore),
				  .p_vaddr = address(offsetof(struct image, semaphore)),
				  .p_filesz = sizeof(*m) - offsetof(struct image, semaphore)};
	memcpy(m->str, str, sizeof(str));
	m->sh[1] = (Elf64_Shdr){.sh_name = NAME_NOTES, .sh_offset = offsetof(struct image, notes)};
	m->sh[2] = (Elf64_Shdr){.sh_name = NAME_BASE, .sh_addr = address(0), .sh_size = 1};
	m->sh[3] = (Elf64_Shdr){.sh_name = NAME_STR,
				.sh_offset = offsetof(struct image, str),
				.sh_size = sizeof(m->str)};
	for (int i = 0; i < 4; i++)
		memcpy(m->code + 10 * i, nop5, sizeof(nop5));
	m->code[9] = 0x90;
}

static void add_probes(struct image *m)
{
	add_note(m, "gil__wait", CODE(0), "8@%rdi 8@$0");
	add_note(m, "gil__acquire", CODE(10), "8@%rbx 8@8(%rsp)");
	add_note(m, "gil__release", CODE(20), "8@%r12 8@%rax -4@%ecx");
	add_note(m, "gil__release", CODE(9), "8@%r12 8@%rax -4@-20(%rbp)");
}

static int find(struct image *m, struct usdt *u, struct failure *f)
{
	struct elf_file e;
	int err = elf_file__open_memory(&e, m, sizeof(*m));

	memset(f, 0, sizeof(*f));
	return err ? err : usdt__find(&e, u, f);
}

TEST(all_right)
{
	struct image m;
	struct failure f;
	struct usdt u;

	make_image(&m);
	CHECK_EQ(find(&m, &u, &f), -ENOENT);
	add_note(&m, "line", CODE(1), "nonsense that is not ours");
	CHECK_EQ(find(&m, &u, &f), -ENOENT);
	add_probes(&m);
	add_note(&m, "gil__later", 0, "of a version to come");
	CHECK_EQ(find(&m, &u, &f), 0);
	CHECK_EQ(u.n, 4);
	CHECK(u.long_nop);
	CHECK_EQ(u.site[0].kind, GIL_SITE_USDT_WAIT);
	CHECK_EQ(u.site[0].offset, offsetof(struct image, code));
	CHECK_EQ(u.site[0].semaphore, offsetof(struct image, semaphore));
	CHECK_EQ(u.arguments[0].gil.kind, GIL_ARGUMENT_REGISTER);
	CHECK_EQ(u.arguments[0].gil.word, 14);
	CHECK_EQ(u.arguments[0].requested.kind, GIL_ARGUMENT_NONE);
	CHECK_EQ(u.site[3].kind, GIL_SITE_USDT_RELEASE);
	CHECK_EQ(u.arguments[3].requested.kind, GIL_ARGUMENT_MEMORY);
	CHECK_EQ(u.arguments[3].requested.value, -20);
	CHECK_EQ(u.arguments[3].requested.size, 4);
	/* The base shows that the file was moved after it was linked. */
	m.sh[2].sh_addr += 10;
	CHECK_EQ(find(&m, &u, &f), -EPROTO);
	m.load[0].p_vaddr += 10;
	m.load[1].p_vaddr += 10;
	CHECK_EQ(find(&m, &u, &f), 0);
	CHECK_EQ(u.site[1].offset, offsetof(struct image, code) + 10);
}

static void check_refused(struct image *m, const char *why)
{
	struct failure f;
	struct usdt u;

	CHECK_EQ(find(m, &u, &f), -EPROTO);
	CHECK(strstr(f.what, why) != NULL);
}

TEST(one_thing_wrong)
{
	struct image m;

	make_image(&m);
	add_note(&m, "gil__wait", CODE(0), "8@%rdi 8@%rsi");
	add_note(&m, "gil__acquire", CODE(10), "8@%rdi 8@%rsi");
	check_refused(&m, "python:gil__release is missing");

	make_image(&m);
	add_probes(&m);
	m.code[10] = 0xc3;
	check_refused(&m, "python:gil__acquire has a note with a wrong address");

	make_image(&m);
	add_probes(&m);
	add_note(&m, "gil__wait", CODE(1), "8@%rdi 8@%rsi");
	check_refused(&m, "python:gil__wait has a note with a wrong address");

	make_image(&m);
	add_probes(&m);
	add_note(&m, "gil__wait", ~0UL, "8@%rdi 8@%rsi");
	check_refused(&m, "wrong address");

	make_image(&m);
	add_probes(&m);
	m.load[1].p_flags = PF_R;
	check_refused(&m, "semaphore");

	make_image(&m);
	add_probes(&m);
	add_note(&m, "gil__acquire", CODE(10), "8@%rdi 8@(%rsi,%rax,8)");
	check_refused(&m, "argument that is not understood");

	make_image(&m);
	add_probes(&m);
	add_note(&m, "gil__acquire", CODE(10), "8@%rdi");
	check_refused(&m, "does not have the expected arguments");
	add_note(&m, "gil__acquire", CODE(10), "8@%rdi 8@%rdi 8@%rdi 8@%rdi");
	check_refused(&m, "does not have the expected arguments");
}

TEST(broken_notes)
{
	struct failure f;
	struct image m;
	struct usdt u;

	make_image(&m);
	add_probes(&m);
	for (size_t size = m.notes_size - 1; size; size -= 3 < size ? 3 : size) {
		int err;

		m.sh[1].sh_size = size;
		err = find(&m, &u, &f);
		CHECK(err == -EBADMSG || err == -EPROTO || err == 0 || err == -ENOENT);
	}
	m.sh[1].sh_size = sizeof(m);
	CHECK_EQ(find(&m, &u, &f), -EBADMSG);
	m.sh[1].sh_size = m.notes_size;
	memset(m.notes + 20, 'x', m.notes_size - 20);
	CHECK_EQ(find(&m, &u, &f), -EBADMSG);
}

TEST(too_many_places)
{
	static struct {
		struct image m;
		char more[PROBE_SITES * 80];
	} big;
	struct image *m = &big.m;
	struct failure f;
	struct elf_file e;
	struct usdt u;

	make_image(m);
	m->load[1].p_filesz = sizeof(big) - offsetof(struct image, semaphore);
	for (int i = 0; i <= PROBE_SITES; i++)
		add_note(m, "gil__wait", CODE(0), "8@%rdi 8@%rsi");
	CHECK_EQ(elf_file__open_memory(&e, &big, sizeof(big)), 0);
	CHECK_EQ(usdt__find(&e, &u, &f), -EPROTO);
	CHECK(strstr(f.what, "too many places") != NULL);
}

struct example {
	unsigned int machine;
	const char *text;
	struct gil_argument a;
};

TEST(arguments)
{
	static const struct example good[] = {
		{EM_X86_64, "8@%rdi", {.kind = GIL_ARGUMENT_REGISTER, .word = 14, .size = 8}},
		{EM_X86_64,
		 "-4@%r15d",
		 {.kind = GIL_ARGUMENT_REGISTER, .word = 0, .size = 4, .is_signed = 1}},
		{EM_X86_64, "8@%rsp", {.kind = GIL_ARGUMENT_REGISTER, .word = 19, .size = 8}},
		{EM_X86_64, "1@%al", {.kind = GIL_ARGUMENT_REGISTER, .word = 10, .size = 1}},
		{EM_X86_64,
		 "-4@$1",
		 {.kind = GIL_ARGUMENT_CONSTANT, .value = 1, .size = 4, .is_signed = 1}},
		{EM_X86_64, "8@$-7", {.kind = GIL_ARGUMENT_CONSTANT, .value = -7, .size = 8}},
		{EM_X86_64, "8@(%rbx)", {.kind = GIL_ARGUMENT_MEMORY, .word = 5, .size = 8}},
		{EM_X86_64,
		 "8@-0x18(%rbp)",
		 {.kind = GIL_ARGUMENT_MEMORY, .value = -24, .word = 4, .size = 8}},
		{EM_AARCH64, "8@x19", {.kind = GIL_ARGUMENT_REGISTER, .word = 19, .size = 8}},
		{EM_AARCH64,
		 "-4@w0",
		 {.kind = GIL_ARGUMENT_REGISTER, .word = 0, .size = 4, .is_signed = 1}},
		{EM_AARCH64,
		 "8@[sp, 16]",
		 {.kind = GIL_ARGUMENT_MEMORY, .value = 16, .word = 31, .size = 8}},
		{EM_AARCH64, "8@[x30]", {.kind = GIL_ARGUMENT_MEMORY, .word = 30, .size = 8}},
		{EM_AARCH64, "-4@0", {.kind = GIL_ARGUMENT_CONSTANT, .size = 4, .is_signed = 1}},
	};
	static const struct example bad[] = {
		{.machine = EM_X86_64, .text = ""},
		{.machine = EM_X86_64, .text = "8@"},
		{.machine = EM_X86_64, .text = "%rdi"},
		{.machine = EM_X86_64, .text = "3@%rdi"},
		{.machine = EM_X86_64, .text = "8@%rdi2"},
		{.machine = EM_X86_64, .text = "8@%ah"},
		{.machine = EM_X86_64, .text = "8@%xmm0"},
		{.machine = EM_X86_64, .text = "8@sym(%rip)"},
		{.machine = EM_X86_64, .text = "8@16(%rip)"},
		{.machine = EM_X86_64, .text = "8@(%rax,%rbx,4)"},
		{.machine = EM_X86_64, .text = "8@)%rax("},
		{.machine = EM_X86_64, .text = "8@$"},
		{.machine = EM_X86_64, .text = "8@$99999999999999999999"},
		{.machine = EM_X86_64, .text = "8@x0"},
		{.machine = EM_AARCH64, .text = "8@%rdi"},
		{.machine = EM_AARCH64, .text = "8@x31"},
		{.machine = EM_AARCH64, .text = "8@x"},
		{.machine = EM_AARCH64, .text = "8@["},
		{.machine = EM_AARCH64, .text = "8@[x0, x1]"},
		{.machine = EM_AARCH64, .text = "8@[x0, 8"},
	};
	struct gil_argument a;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct example *g = &good[i];

		CHECK_EQ(usdt__argument(g->machine, g->text, strlen(g->text), &a), 0);
		CHECK_EQ(memcmp(&a, &g->a, sizeof(a)), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(usdt__argument(bad[i].machine, bad[i].text, strlen(bad[i].text), &a),
			 -EINVAL);
}

TEST_MAIN
