// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edge/elf/elf_symtab.h"

#define MAX_SYMBOLS  (1U << 19) /* symbols looked at; a static interpreter has some 30,000 */
#define MAX_BUILD_ID 64

int elf_symtab__find(struct elf_file *e, const char *name, struct elf_symbol *symbol)
{
	struct elf_section symbols, strings;
	size_t length = strlen(name) + 1;
	const char *text;
	Elf64_Sym sym;
	int err;

	err = elf_file__section(e, ".symtab", &symbols);
	err = err ?: elf_file__section(e, ".strtab", &strings);
	if (err)
		return err;
	text = elf_file__bytes(e, strings.offset, strings.size);
	if (!text || !elf_file__may_scan(e, symbols.size < MAX_SYMBOLS * sizeof(sym)
						    ? symbols.size
						    : MAX_SYMBOLS * sizeof(sym)))
		return -EBADMSG;
	for (uint64_t i = 1; i < symbols.size / sizeof(sym) && i < MAX_SYMBOLS; i++) {
		const void *at = elf_file__bytes(e, symbols.offset + i * sizeof(sym), sizeof(sym));

		if (!at)
			return -EBADMSG;
		memcpy(&sym, at, sizeof(sym));
		if (sym.st_shndx == SHN_UNDEF || sym.st_name >= strings.size ||
		    length > strings.size - sym.st_name || memcmp(text + sym.st_name, name, length))
			continue;
		*symbol = (struct elf_symbol){sym.st_value, sym.st_size, sym.st_shndx,
					      ELF64_ST_TYPE(sym.st_info)};
		return 0;
	}
	return -ENOENT;
}

/* Copies a name that may have no end. */
static void copy_name(const char *text, uint64_t text_size, uint64_t at, char *name, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && at + n < text_size && text[at + n]) {
		name[n] = text[at + n];
		n++;
	}
	name[n] = '\0';
}

int elf_symtab__at(struct elf_file *e, bool dynamic, uint64_t address, char *name, size_t size,
		   struct elf_symbol *symbol)
{
	struct elf_section symbols, strings;
	const Elf64_Sym *table;
	const char *text;
	uint64_t n;
	int err;

	err = elf_file__section(e, dynamic ? ".dynsym" : ".symtab", &symbols);
	err = err ?: elf_file__section(e, dynamic ? ".dynstr" : ".strtab", &strings);
	if (err)
		return err;
	n = symbols.size / sizeof(Elf64_Sym);
	n = n < MAX_SYMBOLS ? n : MAX_SYMBOLS;
	text = elf_file__bytes(e, strings.offset, strings.size);
	table = elf_file__bytes(e, symbols.offset, n * sizeof(Elf64_Sym));
	if (!text || !table || !elf_file__may_scan(e, n * sizeof(Elf64_Sym)))
		return -EBADMSG;
	for (uint64_t i = 1; i < n; i++) {
		Elf64_Sym sym;
		unsigned int type;

		memcpy(&sym, (const char *)table + i * sizeof(sym), sizeof(sym));
		type = ELF64_ST_TYPE(sym.st_info);
		if (sym.st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC) ||
		    address < sym.st_value || address - sym.st_value >= sym.st_size ||
		    sym.st_name >= strings.size)
			continue;
		copy_name(text, strings.size, sym.st_name, name, size);
		*symbol =
			(struct elf_symbol){sym.st_value, sym.st_size, sym.st_shndx, (uint8_t)type};
		return 0;
	}
	return -ENOENT;
}

/* ---- separate debug files ---- */

/* Reads the build-id, which follows the head of its note and the name "GNU". Returns its length, or
 * 0 if there is none. */
static size_t build_id(struct elf_file *e, unsigned char id[MAX_BUILD_ID])
{
	struct elf_section note;
	Elf64_Nhdr head;
	const unsigned char *at;

	if (elf_file__section(e, ".note.gnu.build-id", &note) || note.size < sizeof(head) + 4)
		return 0;
	at = elf_file__bytes(e, note.offset, note.size);
	if (!at)
		return 0;
	memcpy(&head, at, sizeof(head));
	if (head.n_type != NT_GNU_BUILD_ID || head.n_namesz != 4 || !head.n_descsz ||
	    head.n_descsz > MAX_BUILD_ID || head.n_descsz > note.size - sizeof(head) - 4)
		return 0;
	memcpy(id, at + sizeof(head) + 4, head.n_descsz);
	return head.n_descsz;
}

/* The name in .gnu_debuglink, which is a file name without a path; NULL if there is none. */
static const char *debug_link(struct elf_file *e)
{
	struct elf_section link;
	const char *name;

	if (elf_file__section(e, ".gnu_debuglink", &link) || !link.size || link.size > NAME_MAX)
		return NULL;
	name = elf_file__bytes(e, link.offset, link.size);
	return name && *name && memchr(name, '\0', link.size) && !strchr(name, '/') ? name : NULL;
}

static bool by_build_id(struct elf_file *e, char debug[PATH_MAX])
{
	unsigned char id[MAX_BUILD_ID];
	size_t n = build_id(e, id);
	int length;

	if (n < 2)
		return false;
	length = snprintf(debug, PATH_MAX, "/usr/lib/debug/.build-id/%02x/", id[0]);
	for (size_t i = 1; i < n && length < PATH_MAX - 8; i++)
		length += snprintf(debug + length, (size_t)(PATH_MAX - length), "%02x", id[i]);
	snprintf(debug + length, (size_t)(PATH_MAX - length), ".debug");
	return true;
}

bool elf_debug__path(struct elf_file *e, const char *path, unsigned int place, char debug[PATH_MAX])
{
	static const struct {
		const char *above, *below;
	} places[ELF_DEBUG_PLACES] = {{0}, {"", ""}, {"", "/.debug"}, {"/usr/lib/debug", ""}};
	const char *link, *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) : 0;

	if (!place)
		return by_build_id(e, debug);
	link = place < ELF_DEBUG_PLACES ? debug_link(e) : NULL;
	return link && snprintf(debug, PATH_MAX, "%s%.*s%s/%s", places[place].above, folder, path,
				places[place].below, link) < PATH_MAX;
}

bool elf_debug__matches(struct elf_file *e, struct elf_file *debug)
{
	unsigned char a[MAX_BUILD_ID], b[MAX_BUILD_ID];
	size_t n = build_id(e, a);

	return n && n == build_id(debug, b) && !memcmp(a, b, n);
}
