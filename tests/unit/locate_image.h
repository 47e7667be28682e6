/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A hand-made file of an interpreter: its messages, and room for code. */
#ifndef LOCATE_IMAGE_H
#define LOCATE_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "edge/sites/cond_locate.h"

#define BASE 0x1000 /* addresses are file offsets plus this */

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr load[2];
	char cond[40], switch_cond[40], wait[40];
	unsigned char code[4096];
};

/* The places of things in the code. */
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

static inline uint64_t address(size_t offset)
{
	return BASE + offset;
}

static inline uint64_t code_address(size_t i)
{
	return address(offsetof(struct image, code) + i);
}

static inline void begin_image(struct image *m, uint16_t machine)
{
	memset(m, 0, sizeof(*m));
	m->eh = (Elf64_Ehdr){.e_type = ET_DYN,
			     .e_machine = machine,
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
}

static inline int locate(const struct image *m, uint64_t *signal, uint64_t *timedwait)
{
	struct elf_file e;
	int err = elf_file__open_memory(&e, m, sizeof(*m));

	if (err)
		return err;
	err = cond_locate(&e, signal, timedwait);
	elf_file__close(&e);
	return err;
}

#endif
