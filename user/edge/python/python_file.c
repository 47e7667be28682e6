// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "edge/elf/elf_symtab.h"
#include "edge/python/python2.h"
#include "edge/python/python_file.h"

#define MAX_STRINGS (8UL << 20) /* limit in bytes on a section that is searched */

static const char *section_bytes(struct elf_file *e, const char *name, size_t *size)
{
	struct elf_section s;

	*size = 0;
	if (elf_file__section(e, name, &s) || s.size > MAX_STRINGS ||
	    !elf_file__may_scan(e, s.size))
		return NULL;
	*size = s.size;
	return elf_file__bytes(e, s.offset, s.size);
}

int python_file__symbol(struct elf_file *e, const char *name, struct elf_symbol *symbol)
{
	int err = elf_file__symbol(e, name, symbol);

	return err && !e->nr_needed ? elf_symtab__find(e, name, symbol) : err;
}

/* From 3.10 on _PyRuntime has its own section, which stripping keeps. */
bool python_file__runtime(struct elf_file *e, bool is_python, uint64_t *address)
{
	struct elf_section section;
	struct elf_symbol symbol;

	if (!(is_python ? python_file__symbol : elf_file__symbol)(e, "_PyRuntime", &symbol)) {
		*address = symbol.value;
		return true;
	}
	if (!is_python || elf_file__section(e, ".PyRuntime", &section) || !section.addr)
		return false;
	*address = section.addr;
	return true;
}

static bool exports(void *context, const char *function)
{
	struct elf_symbol symbol;

	return !python_file__symbol(context, function, &symbol);
}

void python_file__find_micro(struct elf_file *e, struct python_version *v)
{
	size_t size;
	const char *data = section_bytes(e, ".rodata", &size);

	if (data)
		python_version__find_micro(data, size, v);
}

int python_file__version(struct elf_file *e, struct python_version *v)
{
	const char *data;
	size_t size;

	if (exports(e, "Py_GetVersion")) {
		python_version__from_exports(exports, e, v);
		python_file__find_micro(e, v);
		return 0;
	}
	data = section_bytes(e, ".rodata", &size);
	return data && !python_version__from_tag(data, size, v) ? 0 : -ENODATA;
}

/* Returns `size` bytes that are loaded at an address, or NULL if the file does not have them. */
static const void *loaded_bytes(struct elf_file *e, uint64_t address, size_t size)
{
	uint64_t first, last;

	if (elf_file__offset(e, address, &first) ||
	    elf_file__offset(e, address + size - 1, &last) || last - first != size - 1)
		return NULL;
	return elf_file__bytes(e, first, size);
}

static int find_version(struct elf_file *e, struct python_file *pf)
{
	struct elf_symbol symbol;
	const void *bytes;
	uint64_t hex;

	if (!python_file__symbol(e, "Py_Version", &symbol)) {
		bytes = loaded_bytes(e, symbol.value, sizeof(hex));
		if (!bytes)
			return -ENODATA;
		memcpy(&hex, bytes, sizeof(hex));
		return python_version__from_hex(hex, &pf->version) ? -ENODATA : 0;
	}
	if (!python_version__from_head(pf->head, sizeof(pf->head), &pf->version))
		return 0;
	return python_file__version(e, &pf->version);
}

void python_file__find_tags(const char *data, size_t size, struct python_file *pf)
{
	static const char prefix[] = "cpython-3";
	const char *end = data + size, *p = data;

	while ((p = memmem(p, (size_t)(end - p), prefix, sizeof(prefix) - 1))) {
		p += sizeof(prefix) - 1;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		for (; p < end && *p >= 'a' && *p <= 'z'; p++) {
			pf->debug |= *p == 'd';
			pf->free_threaded |= *p == 't';
		}
	}
}

/* Looks for the suffixes that link-time optimisation gives to functions it has made local. */
static enum told has_lto(struct elf_file *e)
{
	static const char *const marks[] = {".lto_priv.", ".llvm."};
	size_t size;
	const char *names = section_bytes(e, ".strtab", &size);

	if (!names)
		return TOLD_NOTHING;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (memmem(names, size, marks[i], strlen(marks[i])))
			return TOLD_YES;
	return TOLD_NO;
}

static int read_python2(struct elf_file *e, struct python_file *pf)
{
	if (python2__find(e, &pf->runtime))
		return -ENOENT;
	pf->is_2 = true;
	pf->version = (struct python_version){.major = 2, .minor = 7, .text = "2.7"};
	python_file__find_micro(e, &pf->version);
	return 0;
}

static void read_build(struct elf_file *e, struct python_file *pf)
{
	struct elf_section section;
	size_t size;
	const char *data = section_bytes(e, ".rodata", &size);

	if (data)
		python_file__find_tags(data, size, pf);
	pf->stripped = elf_file__section(e, ".symtab", &section) != 0;
	pf->lto = has_lto(e);
	pf->fixed_address = e->type == ET_EXEC;
	pf->is_static = !e->nr_needed;
	pf->is_program = pf->fixed_address || !elf_file__section(e, ".interp", &section);
}

int python_file__read(struct elf_file *e, struct python_file *pf)
{
	const void *head;

	memset(pf, 0, sizeof(*pf));
	read_build(e, pf);
	if (!python_file__runtime(e, true, &pf->runtime))
		return read_python2(e, pf);
	head = loaded_bytes(e, pf->runtime, sizeof(pf->head));
	if (head)
		memcpy(pf->head, head, sizeof(pf->head));
	return find_version(e, pf);
}
