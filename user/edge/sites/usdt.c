// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A probe is a nop in the code. Probing anything else would change what the program does, so a note
 * is believed only if there is a whole nop at its address. If anything about a file's GIL probes is
 * not understood, none of them is used, because counts from two of the three probes would be wrong.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "edge/sites/usdt.h"

#include <elf.h>

#define NOTE_TYPE 3          /* SystemTap's notes, version 3 */
#define MAX_NOTES (1U << 20) /* bytes: a real section has some KiB */
#define PROVIDER  "python"
#define PREFIX    "gil__"

/* The provider's probes, as described in docs/usdt.md. */
static const struct {
	const char *name;
	enum gil_site_kind kind;
	unsigned int nr_arguments;
} probe_table[] = {
	{"gil__wait", GIL_SITE_USDT_WAIT, 2},
	{"gil__acquire", GIL_SITE_USDT_ACQUIRE, 2},
	{"gil__release", GIL_SITE_USDT_RELEASE, 3},
};

#define NR_PROBES (sizeof(probe_table) / sizeof(probe_table[0]))

struct note {
	uint64_t pc, base, semaphore;
	const char *provider, *name, *arguments;
};

/* ---- one note ---- */

/* Returns the string at *at and moves *at past it; NULL if it has no end. */
static const char *take_string(const char **at, const char *end)
{
	const char *text = *at, *zero = memchr(text, '\0', (size_t)(end - text));

	if (!zero)
		return NULL;
	*at = zero + 1;
	return text;
}

static bool parse_note(const char *at, size_t size, struct note *n)
{
	const char *end = at + size;

	if (size < 3 * sizeof(uint64_t))
		return false;
	memcpy(&n->pc, at, sizeof(n->pc));
	memcpy(&n->base, at + 8, sizeof(n->base));
	memcpy(&n->semaphore, at + 16, sizeof(n->semaphore));
	at += 24;
	n->provider = take_string(&at, end);
	n->name = n->provider ? take_string(&at, end) : NULL;
	n->arguments = n->name ? take_string(&at, end) : NULL;
	return n->arguments != NULL;
}

/* ---- from a note to a site ---- */

/* The length of the nop at this file offset; 0 if there is none. */
static size_t nop_length(struct elf_file *e, uint64_t offset)
{
	static const unsigned char x86_long[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
	static const unsigned char arm64[] = {0x1f, 0x20, 0x03, 0xd5};
	const unsigned char *code;

	if (e->machine == EM_AARCH64) {
		code = elf_file__bytes(e, offset, sizeof(arm64));
		return code && !memcmp(code, arm64, sizeof(arm64)) ? sizeof(arm64) : 0;
	}
	code = elf_file__bytes(e, offset, 1);
	if (code && *code == 0x90)
		return 1;
	code = elf_file__bytes(e, offset, sizeof(x86_long));
	return code && !memcmp(code, x86_long, sizeof(x86_long)) ? sizeof(x86_long) : 0;
}

/* Finds the file offset of an address, in a segment with this permission. */
static bool offset_in(struct elf_file *e, uint64_t vaddr, uint32_t flag, uint64_t *offset)
{
	for (unsigned int i = 0; i < e->nr_segments; i++) {
		const struct elf_segment *s = &e->segment[i];

		if (vaddr - s->vaddr < s->filesz && s->flags & flag)
			return !elf_file__offset(e, vaddr, offset);
	}
	return false;
}

static int refuse(struct failure *f, const char *name, const char *why, const char *detail)
{
	failure__what(f, "its probe " PROVIDER ":%s %s%s%s", name, why, detail[0] ? ": " : "",
		      detail);
	return -EPROTO;
}

/* Arguments are separated by blanks, but "[sp, 8]" contains one. */
static size_t argument_length(const char *text)
{
	size_t n = 0;
	bool inside = false;

	for (; text[n] && (inside || text[n] != ' '); n++)
		inside = text[n] == '[' || (inside && text[n] != ']');
	return n;
}

static int add_arguments(struct elf_file *e, size_t probe, const char *text,
			 struct gil_arguments *to, struct failure *f)
{
	struct gil_argument a[3];
	const char *at = text;
	unsigned int n = 0;

	memset(to, 0, sizeof(*to));
	for (at += strspn(at, " "); *at && n < 3; at += strspn(at, " "), n++) {
		size_t length = argument_length(at);

		if (usdt__argument(e->machine, at, length, &a[n]))
			return refuse(f, probe_table[probe].name,
				      "has an argument that is not understood", text);
		at += length;
	}
	if (*at || n != probe_table[probe].nr_arguments)
		return refuse(f, probe_table[probe].name, "does not have the expected arguments",
			      text);
	to->gil = a[0];
	if (n == 3)
		to->requested = a[2];
	return 0;
}

static int add_site(struct elf_file *e, size_t probe, const struct note *n, uint64_t moved,
		    struct usdt *u, struct failure *f)
{
	const char *name = probe_table[probe].name;
	struct probe_site *site = &u->site[u->n];
	uint64_t offset, semaphore = 0;
	size_t nop;

	if (u->n == PROBE_SITES)
		return refuse(f, name, "is in too many places", "");
	nop = offset_in(e, n->pc + moved, PF_X, &offset) ? nop_length(e, offset) : 0;
	u->long_nop |= nop == 5;
	if (!nop)
		return refuse(f, name, "has a note with a wrong address: there is no nop", "");
	if (n->semaphore && !offset_in(e, n->semaphore + moved, PF_W, &semaphore))
		return refuse(f, name, "has a semaphore at a wrong address", "");
	*site = (struct probe_site){
		.offset = offset, .semaphore = semaphore, .kind = probe_table[probe].kind};
	probe_site__keep_code(site, e);
	return add_arguments(e, probe, n->arguments, &u->arguments[u->n++], f);
}

/* ---- all notes ---- */

static int add_note(struct elf_file *e, const struct note *n, uint64_t base, struct usdt *u,
		    struct failure *f)
{
	/* If the file's addresses were moved after it was linked (prelink), so was the base. */
	uint64_t moved = base ? base - n->base : 0;

	if (strcmp(n->provider, PROVIDER) || strncmp(n->name, PREFIX, strlen(PREFIX)))
		return 0;
	for (size_t i = 0; i < NR_PROBES; i++)
		if (!strcmp(n->name, probe_table[i].name))
			return add_site(e, i, n, moved, u, f);
	return 0; /* from a later version */
}

static int read_notes(struct elf_file *e, const char *at, size_t size, uint64_t base,
		      struct usdt *u, struct failure *f)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h;
		size_t name, text, whole;
		struct note n;
		int err = 0;

		memcpy(&h, at, sizeof(h));
		name = ((size_t)h.n_namesz + 3) & ~3UL;
		text = ((size_t)h.n_descsz + 3) & ~3UL;
		whole = sizeof(h) + name + text;
		if (whole > size)
			return -EBADMSG;
		if (h.n_type == NOTE_TYPE && h.n_namesz == sizeof("stapsdt") &&
		    !memcmp(at + sizeof(h), "stapsdt", sizeof("stapsdt"))) {
			if (!parse_note(at + sizeof(h) + name, h.n_descsz, &n))
				return -EBADMSG;
			err = add_note(e, &n, base, u, f);
		}
		if (err)
			return err;
		at += whole;
		size -= whole;
	}
	return 0;
}

static int check_complete(const struct usdt *u, struct failure *f)
{
	for (size_t i = 0; i < NR_PROBES; i++) {
		bool found = false;

		for (size_t j = 0; j < u->n; j++)
			found |= u->site[j].kind == probe_table[i].kind;
		if (!found)
			return refuse(f, probe_table[i].name, "is missing, though others are there",
				      "");
	}
	return 0;
}

int usdt__find(struct elf_file *e, struct usdt *u, struct failure *f)
{
	struct elf_section notes, base = {0};
	const char *text;
	int err;

	u->n = 0;
	u->long_nop = false;
	err = elf_file__section(e, ".note.stapsdt", &notes);
	if (err)
		return err;
	elf_file__section(e, ".stapsdt.base", &base);
	text = notes.size <= MAX_NOTES ? elf_file__bytes(e, notes.offset, notes.size) : NULL;
	err = text ? read_notes(e, text, notes.size, base.addr, u, f) : -EBADMSG;
	if (err == -EBADMSG)
		failure__what(f, "the notes of its probes (.note.stapsdt) are broken");
	if (err)
		return err;
	return u->n ? check_complete(u, f) : -ENOENT;
}
