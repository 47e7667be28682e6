/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads as much of ELF as is needed to find a symbol in a running process, from 64-bit
 * little-endian x86-64 and AArch64 files. The files belong to whoever runs the process, so nothing
 * in them is trusted: every read is checked against the file's size, and every loop has a bound.
 * Symbols are found like the dynamic loader finds them, through PT_DYNAMIC and its hash table, so
 * that neither section headers nor a symbol table are needed.
 */
#ifndef ELF_FILE_H
#define ELF_FILE_H

#include <stdbool.h>
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
	/* Only for a file, not for bytes in memory: parts of it are copied into `own` when first
	 * needed. Mapping the file would be less work, but if somebody truncated it, we would be
	 * killed (SIGBUS). */
	int fd;
	unsigned char *own, *loaded;
	unsigned int nr_loaded;
	uint64_t nr_scanned; /* bytes: see elf_file__may_scan */

	uint16_t type;    /* ET_EXEC or ET_DYN */
	uint16_t machine; /* EM_X86_64 or EM_AARCH64 */
	unsigned int nr_segments;
	struct elf_segment segment[ELF_FILE_SEGMENTS]; /* PT_LOAD */
	uint64_t section_headers;
	unsigned int nr_sections, section_names;
	uint64_t dynamic, dynamic_size; /* PT_DYNAMIC: its file offset */
	unsigned int nr_needed;         /* libraries that the loader must load with it */
	/* File offsets of tables named in PT_DYNAMIC; 0: no such table */
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

/* Both return 0, -EBADMSG if this is not an ELF file that can be read here, or another -errno; on
 * failure there is nothing to close. The bytes must outlive e. e takes over the descriptor, even on
 * failure. */
int elf_file__open_memory(struct elf_file *e, const void *data, size_t size);
int elf_file__open_fd(struct elf_file *e, int fd);
void elf_file__close(struct elf_file *e);

/* Returns `length` bytes at file offset `offset`, valid until e is closed; NULL if the file does
 * not have them. */
const void *elf_file__bytes(struct elf_file *e, uint64_t offset, uint64_t length);

/* Finds the dynamic symbol that the file defines under this name; of several versions, the default
 * one (name@@VERSION). Returns 0, -ENOENT or -EBADMSG. */
int elf_file__symbol(struct elf_file *e, const char *name, struct elf_symbol *symbol);

/* Gets the nth string, counted from 0, that PT_DYNAMIC has under this tag, such as DT_NEEDED.
 * Returns 0, -ENOENT, or -EBADMSG if the string is invalid or does not fit. */
int elf_file__dynamic_string(struct elf_file *e, int64_t tag, unsigned int nth, char *to,
			     size_t size);

/* Gets the name of the first needed library (DT_NEEDED) whose name begins with `prefix`. The same
 * results. */
int elf_file__needed(struct elf_file *e, const char *prefix, char *name, size_t size);

/* Finds a section by its name. Returns 0, -ENOENT or -EBADMSG. */
int elf_file__section(struct elf_file *e, const char *name, struct elf_section *section);

/* Call before `length` bytes of the file are searched. Returns false if more has been searched in
 * it by now than any real file needs: it was made to keep gilscope busy. */
bool elf_file__may_scan(struct elf_file *e, uint64_t length);

/* Finds the file offset of the byte that is loaded at vaddr (without the load bias). Returns 0 or
 * -ENOENT. */
int elf_file__offset(const struct elf_file *e, uint64_t vaddr, uint64_t *offset);

/* Computes the load bias, which the loader added to the file's addresses, from the start and file
 * offset of an *executable* mapping of the file. Other mappings will not do, because the program
 * may map the file itself for reading; only the loader maps it executable. Returns 0 or
 * -EBADMSG. */
int elf_file__load_bias(const struct elf_file *e, uint64_t start, uint64_t offset, uint64_t *bias);

#endif
