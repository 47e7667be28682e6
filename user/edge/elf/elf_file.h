/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The little of ELF that finding a symbol in a running process needs: 64-bit little-endian x86-64
 * and AArch64 files. They belong to whoever runs the process, so nothing in them is trusted: every
 * read is checked against the file's size and every loop has a bound. Symbols are found as the
 * dynamic loader finds them, through PT_DYNAMIC and its hash table, so that neither section headers
 * nor a symbol table are needed.
 */
#ifndef ELF_FILE_H
#define ELF_FILE_H

#include <stddef.h>
#include <stdint.h>

#define ELF_FILE_SEGMENTS 64

struct elf_segment {
	uint64_t vaddr, offset, filesz;
	uint32_t flags;
};

struct elf_file {
	const unsigned char *data; /* the file's bytes; NULL: closed */
	size_t size;
	/* Of a file, not of bytes in memory: its parts are copied into `own` when first needed.
	 * Mapping it would be less work, but a file that is cut short would then kill us (SIGBUS).
	 */
	int fd;
	unsigned char *own, *loaded;
	unsigned int nr_loaded;

	uint16_t type;    /* ET_EXEC or ET_DYN */
	uint16_t machine; /* EM_X86_64 or EM_AARCH64 */
	unsigned int nr_segments;
	struct elf_segment segment[ELF_FILE_SEGMENTS]; /* PT_LOAD */
	uint64_t section_headers;
	unsigned int nr_sections, section_names;
	uint64_t dynamic, dynamic_size; /* PT_DYNAMIC: its file offset */
	unsigned int nr_needed;         /* libraries that the loader is to load with it */
	/* File offsets from PT_DYNAMIC; 0: there is none */
	uint64_t symtab, strtab, strtab_size, gnu_hash, hash, versym;
};

struct elf_symbol {
	uint64_t value, size;
	uint16_t shndx;
	uint8_t type; /* STT_... */
};

struct elf_section {
	uint64_t addr, offset, size;
};

/* Both: 0, or -EBADMSG if it is not an ELF file that can be read here, or another -errno; then
 * there is nothing to close. The bytes must outlive e; the descriptor is e's from then on. */
int elf_file__open_memory(struct elf_file *e, const void *data, size_t size);
int elf_file__open_fd(struct elf_file *e, int fd);
void elf_file__close(struct elf_file *e);

/* `length` bytes at file offset `offset`; NULL if the file does not hold them. */
const void *elf_file__bytes(struct elf_file *e, uint64_t offset, uint64_t length);

/* The dynamic symbol that the file defines under this name, in its default version (name@@VERSION)
 * if there are several. 0, -ENOENT or -EBADMSG. */
int elf_file__symbol(struct elf_file *e, const char *name, struct elf_symbol *symbol);

/* The nth string, from 0 on, that PT_DYNAMIC has under this tag, such as DT_NEEDED. 0, -ENOENT, or
 * -EBADMSG if there is no such string or it does not fit. */
int elf_file__dynamic_string(struct elf_file *e, int64_t tag, unsigned int nth, char *to,
			     size_t size);

/* The section of this name. 0, -ENOENT or -EBADMSG. */
int elf_file__section(struct elf_file *e, const char *name, struct elf_section *section);

/* Where in the file the byte is that is loaded at vaddr (before the load bias). 0 or -ENOENT. */
int elf_file__offset(const struct elf_file *e, uint64_t vaddr, uint64_t *offset);

/* What the loader added to the file's addresses, from an *executable* mapping of it: its start and
 * its file offset. Only the loader maps executable; other mappings may be somebody's reading.
 * 0 or -EBADMSG. */
int elf_file__load_bias(const struct elf_file *e, uint64_t start, uint64_t offset, uint64_t *bias);

#endif
