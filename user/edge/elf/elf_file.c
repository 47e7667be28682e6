// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/elf/elf_file.h"

#define CHUNK_SIZE     16384UL /* a file is read in pieces of this size */
#define MAX_FILE_SIZE  (4UL << 30)
#define MAX_LOADED     (16UL << 20)  /* bytes copied from one file; real ones need 3 MiB at most */
#define MAX_SCANNED    (256UL << 20) /* bytes searched; a static interpreter needs some 50 MiB */
#define MAX_SEGMENTS   512           /* program headers looked at */
#define MAX_DYNAMIC    4096          /* entries of PT_DYNAMIC looked at */
#define MAX_CHAIN      4096          /* symbols compared in a look-up; a real chain has a dozen */
#define MAX_SECTIONS   4096          /* section headers looked at */
#define VERSION_HIDDEN 0x8000

/* ---- bytes ---- */

static int load_chunk(struct elf_file *e, size_t chunk)
{
	size_t from = chunk * CHUNK_SIZE, to = from + CHUNK_SIZE;

	if (e->nr_loaded >= MAX_LOADED / CHUNK_SIZE)
		return -EFBIG;
	if (to > e->size)
		to = e->size;
	while (from < to) {
		ssize_t n = pread(e->fd, e->own + from, to - from, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		from += (size_t)n;
	}
	e->loaded[chunk / CHAR_BIT] |= 1U << chunk % CHAR_BIT;
	e->nr_loaded++;
	return 0;
}

static bool is_loaded(const struct elf_file *e, size_t chunk)
{
	return e->loaded[chunk / CHAR_BIT] & 1U << chunk % CHAR_BIT;
}

const void *elf_file__bytes(struct elf_file *e, uint64_t offset, uint64_t length)
{
	size_t chunk, last;

	if (offset > e->size || length > e->size - offset)
		return NULL;
	if (e->fd < 0 || !length)
		return e->data + offset;
	last = (offset + length - 1) / CHUNK_SIZE;
	for (chunk = offset / CHUNK_SIZE; chunk <= last; chunk++)
		if (!is_loaded(e, chunk) && load_chunk(e, chunk))
			return NULL;
	return e->data + offset;
}

bool elf_file__may_scan(struct elf_file *e, uint64_t length)
{
	if (length > MAX_SCANNED - e->nr_scanned) {
		e->nr_scanned = MAX_SCANNED;
		return false;
	}
	e->nr_scanned += length;
	return true;
}

/* Copies an object from the file, where it need not be aligned. */
static bool get(struct elf_file *e, uint64_t offset, void *to, size_t size)
{
	const void *from = elf_file__bytes(e, offset, size);

	if (from)
		memcpy(to, from, size);
	return from;
}

/* Reads element `index` of a table. Any values are safe from overflow. */
static bool get_nth(struct elf_file *e, uint64_t table, uint64_t index, void *to, size_t size)
{
	uint64_t offset;

	return !__builtin_mul_overflow(index, size, &offset) &&
	       !__builtin_add_overflow(table, offset, &offset) && get(e, offset, to, size);
}

static bool name_is(struct elf_file *e, uint64_t strings, uint64_t size, uint32_t index,
		    const char *name)
{
	size_t length = strlen(name) + 1;
	const char *s;

	if (index > size || length > size - index)
		return false;
	s = elf_file__bytes(e, strings + index, length);
	return s && !memcmp(s, name, length);
}

/* ---- headers ---- */

int elf_file__offset(const struct elf_file *e, uint64_t vaddr, uint64_t *offset)
{
	for (unsigned int i = 0; i < e->nr_segments; i++) {
		const struct elf_segment *s = &e->segment[i];

		if (vaddr < s->vaddr || vaddr - s->vaddr >= s->filesz)
			continue;
		*offset = s->offset + (vaddr - s->vaddr);
		return 0;
	}
	return -ENOENT;
}

static int add_segment(struct elf_file *e, const Elf64_Phdr *ph)
{
	struct elf_segment *s = &e->segment[e->nr_segments];

	if (e->nr_segments == ELF_FILE_SEGMENTS)
		return -EBADMSG;
	/* Limits the values so that no later sum can overflow. A truncated file may still name its
	 * segments; a missing part shows when it is read. */
	if (ph->p_offset > MAX_FILE_SIZE || ph->p_filesz > MAX_FILE_SIZE)
		return -EBADMSG;
	*s = (struct elf_segment){ph->p_vaddr, ph->p_offset, ph->p_filesz, ph->p_flags};
	e->nr_segments++;
	return 0;
}

/* The file offset of a table whose address is in a dynamic entry; 0 if it is not in the file. */
static uint64_t table_at(const struct elf_file *e, uint64_t vaddr)
{
	uint64_t offset;

	return elf_file__offset(e, vaddr, &offset) ? 0 : offset;
}

static void read_dynamic(struct elf_file *e, uint64_t offset, uint64_t size)
{
	Elf64_Dyn dyn;

	for (unsigned int i = 0; i < size / sizeof(dyn) && i < MAX_DYNAMIC; i++) {
		if (!get_nth(e, offset, i, &dyn, sizeof(dyn)) || dyn.d_tag == DT_NULL)
			return;
		if (dyn.d_tag == DT_NEEDED)
			e->nr_needed++;
		else if (dyn.d_tag == DT_SYMTAB)
			e->symtab = table_at(e, dyn.d_un.d_ptr);
		else if (dyn.d_tag == DT_STRTAB)
			e->strtab = table_at(e, dyn.d_un.d_ptr);
		else if (dyn.d_tag == DT_STRSZ)
			e->strtab_size = dyn.d_un.d_val;
		else if (dyn.d_tag == DT_GNU_HASH)
			e->gnu_hash = table_at(e, dyn.d_un.d_ptr);
		else if (dyn.d_tag == DT_HASH)
			e->hash = table_at(e, dyn.d_un.d_ptr);
		else if (dyn.d_tag == DT_VERSYM)
			e->versym = table_at(e, dyn.d_un.d_ptr);
	}
}

static int read_segments(struct elf_file *e, const Elf64_Ehdr *eh)
{
	Elf64_Phdr ph, dynamic = {.p_type = PT_NULL};

	if (eh->e_phnum > MAX_SEGMENTS || (eh->e_phnum && eh->e_phentsize != sizeof(ph)))
		return -EBADMSG;
	for (unsigned int i = 0; i < eh->e_phnum; i++) {
		int err = 0;

		if (!get_nth(e, eh->e_phoff, i, &ph, sizeof(ph)))
			return -EBADMSG;
		if (ph.p_type == PT_LOAD)
			err = add_segment(e, &ph);
		else if (ph.p_type == PT_DYNAMIC)
			dynamic = ph;
		if (err)
			return err;
	}
	/* Last, because its addresses are translated through the segments. */
	if (dynamic.p_type == PT_DYNAMIC) {
		e->dynamic = dynamic.p_offset;
		e->dynamic_size = dynamic.p_filesz;
		read_dynamic(e, dynamic.p_offset, dynamic.p_filesz);
	}
	return 0;
}

static int read_headers(struct elf_file *e)
{
	Elf64_Ehdr eh;

	if (!get(e, 0, &eh, sizeof(eh)) || memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return -EBADMSG;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return -EBADMSG;
	if (eh.e_machine != EM_X86_64 && eh.e_machine != EM_AARCH64)
		return -EBADMSG;
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return -EBADMSG;
	e->type = eh.e_type;
	e->machine = eh.e_machine;
	if (eh.e_shentsize == sizeof(Elf64_Shdr)) {
		e->section_headers = eh.e_shoff;
		e->nr_sections = eh.e_shnum;
		e->section_names = eh.e_shstrndx;
	}
	return read_segments(e, &eh);
}

/* ---- open and close ---- */

int elf_file__open_memory(struct elf_file *e, const void *data, size_t size)
{
	memset(e, 0, sizeof(*e));
	e->fd = -1;
	e->data = data;
	e->size = size;
	return read_headers(e);
}

int elf_file__open_fd(struct elf_file *e, int fd)
{
	struct stat st;
	int err;

	memset(e, 0, sizeof(*e));
	e->fd = fd;
	err = -EBADMSG;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size ||
	    (uint64_t)st.st_size > MAX_FILE_SIZE)
		goto close;
	e->size = (size_t)st.st_size;
	err = -ENOMEM;
	e->loaded = calloc(e->size / CHUNK_SIZE / CHAR_BIT + 1, 1);
	if (!e->loaded)
		goto close;
	/* This takes only address space; memory is used as chunks are read. */
	e->own = mmap(NULL, e->size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (e->own == MAP_FAILED) {
		e->own = NULL;
		goto close;
	}
	e->data = e->own;
	err = read_headers(e);
	if (!err)
		return 0;
close:
	elf_file__close(e);
	return err;
}

void elf_file__close(struct elf_file *e)
{
	if (!e)
		return;
	if (e->own)
		munmap(e->own, e->size);
	if (e->fd >= 0)
		close(e->fd);
	free(e->loaded);
	memset(e, 0, sizeof(*e));
	e->fd = -1;
}

/* ---- symbols ---- */

/* A hidden symbol is an older version, name@VERSION, which only programs linked against it get. */
static bool is_default_version(struct elf_file *e, uint32_t index)
{
	uint16_t version;

	if (!e->versym)
		return true;
	return get_nth(e, e->versym, index, &version, sizeof(version)) &&
	       !(version & VERSION_HIDDEN) && version != VER_NDX_LOCAL;
}

static bool symbol_is(struct elf_file *e, uint32_t index, const char *name,
		      struct elf_symbol *symbol)
{
	Elf64_Sym sym;

	if (!get_nth(e, e->symtab, index, &sym, sizeof(sym)) || sym.st_shndx == SHN_UNDEF)
		return false;
	if (!name_is(e, e->strtab, e->strtab_size, sym.st_name, name) ||
	    !is_default_version(e, index))
		return false;
	*symbol = (struct elf_symbol){sym.st_value, sym.st_size, sym.st_shndx,
				      ELF64_ST_TYPE(sym.st_info)};
	return true;
}

static uint32_t gnu_hash_of(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

static int find_by_gnu_hash(struct elf_file *e, const char *name, struct elf_symbol *symbol)
{
	struct {
		uint32_t nr_buckets, first_symbol, nr_bloom, bloom_shift;
	} head;
	uint32_t h = gnu_hash_of(name), index, link;
	uint64_t bloom = e->gnu_hash + sizeof(head), buckets, chain, word;

	if (!get(e, e->gnu_hash, &head, sizeof(head)) || !head.nr_buckets || !head.nr_bloom)
		return -EBADMSG;
	if (!get_nth(e, bloom, h / 64 & (head.nr_bloom - 1), &word, sizeof(word)))
		return -EBADMSG;
	if (!(word >> h % 64 & word >> (h >> head.bloom_shift % 32) % 64 & 1))
		return -ENOENT;
	buckets = bloom + (uint64_t)head.nr_bloom * sizeof(word);
	chain = buckets + (uint64_t)head.nr_buckets * sizeof(index);
	if (!get_nth(e, buckets, h % head.nr_buckets, &index, sizeof(index)))
		return -EBADMSG;
	if (index < head.first_symbol)
		return -ENOENT;
	for (unsigned int i = 0; i < MAX_CHAIN; i++, index++) {
		if (!get_nth(e, chain, index - head.first_symbol, &link, sizeof(link)))
			return -EBADMSG;
		if ((link | 1) == (h | 1) && symbol_is(e, index, name, symbol))
			return 0;
		if (link & 1 || index == UINT32_MAX)
			return -ENOENT;
	}
	return -EBADMSG;
}

static uint32_t sysv_hash_of(const char *name)
{
	uint32_t h = 0;

	for (; *name; name++) {
		h = (h << 4) + (unsigned char)*name;
		h = (h ^ (h >> 24 & 0xf0)) & 0xfffffff;
	}
	return h;
}

static int find_by_sysv_hash(struct elf_file *e, const char *name, struct elf_symbol *symbol)
{
	uint32_t head[2], index; /* buckets, chains */
	uint64_t buckets = e->hash + sizeof(head), chains;

	if (!get(e, e->hash, head, sizeof(head)) || !head[0])
		return -EBADMSG;
	chains = buckets + (uint64_t)head[0] * sizeof(index);
	if (!get_nth(e, buckets, sysv_hash_of(name) % head[0], &index, sizeof(index)))
		return -EBADMSG;
	for (unsigned int i = 0; index != STN_UNDEF && i < MAX_CHAIN; i++) {
		if (symbol_is(e, index, name, symbol))
			return 0;
		if (!get_nth(e, chains, index, &index, sizeof(index)))
			return -EBADMSG;
	}
	return index == STN_UNDEF ? -ENOENT : -EBADMSG;
}

int elf_file__symbol(struct elf_file *e, const char *name, struct elf_symbol *symbol)
{
	if (!e->symtab || !e->strtab)
		return -ENOENT;
	if (e->gnu_hash)
		return find_by_gnu_hash(e, name, symbol);
	if (e->hash)
		return find_by_sysv_hash(e, name, symbol);
	return -ENOENT;
}

/* ---- strings for the loader ---- */

/* Copies the string at `index` in the dynamic string table. */
static int get_string(struct elf_file *e, uint64_t index, char *to, size_t size)
{
	if (!e->strtab || index >= e->strtab_size)
		return -EBADMSG;
	for (size_t i = 0; i < size && i < e->strtab_size - index; i++) {
		if (!get(e, e->strtab + index + i, to + i, 1))
			return -EBADMSG;
		if (!to[i])
			return 0;
	}
	return -EBADMSG;
}

int elf_file__dynamic_string(struct elf_file *e, int64_t tag, unsigned int nth, char *to,
			     size_t size)
{
	Elf64_Dyn dyn;

	for (unsigned int i = 0; i < e->dynamic_size / sizeof(dyn) && i < MAX_DYNAMIC; i++) {
		if (!get_nth(e, e->dynamic, i, &dyn, sizeof(dyn)))
			return -EBADMSG;
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == tag && !nth--)
			return get_string(e, dyn.d_un.d_val, to, size);
	}
	return -ENOENT;
}

int elf_file__needed(struct elf_file *e, const char *prefix, char *name, size_t size)
{
	int err;

	for (unsigned int i = 0;; i++) {
		err = elf_file__dynamic_string(e, DT_NEEDED, i, name, size);
		if (err || !strncmp(name, prefix, strlen(prefix)))
			return err;
	}
}

/* ---- sections and mappings ---- */

int elf_file__section(struct elf_file *e, const char *name, struct elf_section *section)
{
	Elf64_Shdr names, sh;

	if (!e->nr_sections || e->section_names >= e->nr_sections)
		return -ENOENT;
	if (!get_nth(e, e->section_headers, e->section_names, &names, sizeof(names)) ||
	    names.sh_offset > e->size)
		return -EBADMSG;
	for (unsigned int i = 1; i < e->nr_sections && i < MAX_SECTIONS; i++) {
		if (!get_nth(e, e->section_headers, i, &sh, sizeof(sh)))
			return -EBADMSG;
		if (!name_is(e, names.sh_offset, names.sh_size, sh.sh_name, name))
			continue;
		*section = (struct elf_section){sh.sh_addr, sh.sh_offset, sh.sh_size};
		return 0;
	}
	return -ENOENT;
}

int elf_file__load_bias(const struct elf_file *e, uint64_t start, uint64_t offset, uint64_t *bias)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	for (unsigned int i = 0; i < e->nr_segments; i++) {
		const struct elf_segment *s = &e->segment[i];

		if (!(s->flags & PF_X) || offset < (s->offset & ~(page - 1)) ||
		    offset >= s->offset + s->filesz)
			continue;
		*bias = start - offset + s->offset - s->vaddr;
		return e->type == ET_EXEC && *bias ? -EBADMSG : 0;
	}
	return -EBADMSG;
}
