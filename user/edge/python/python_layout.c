// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One row per minor version. These structures do not change within a minor version, because
 * extension modules are compiled against their layout. The numbers come from:
 *
 *   DWARF   gdb on a build of that version with debug information (offsetof, sizeof)
 *   SRC     CPython's sources of that version
 *   TABLE   _Py_DebugOffsets in the target itself; these offsets change between releases
 *
 * Up to 3.11 there is one GIL, in _PyRuntime (ceval.gil). From 3.12 on each interpreter has room
 * for a GIL (_gil) and a pointer to the GIL it uses (ceval.gil). The main interpreter uses its own.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/python/python_layout.h"

/* Offsets of words in _Py_DebugOffsets, and so in _PyRuntime; all are below PYTHON_LAYOUT_HEAD. */
struct table {
	uint32_t interpreters_head;
	uint32_t interpreter_size, interpreter_id, interpreter_next;
	uint32_t ceval_gil, gil, gil_locked, gil_holder;
	uint32_t thread_size, thread_interpreter;
	uint32_t eval_breaker; /* 0: not in the table */
};

/* 3.13: DWARF of 3.13.0; the same in Debian's 3.13.18; SRC pycore_runtime.h */
static const struct table table_3_13 = {
	.interpreters_head = 40,
	.interpreter_size = 48,
	.interpreter_id = 56,
	.interpreter_next = 64,
	.ceval_gil = 112,
	.gil = 120,
	.gil_locked = 136,
	.gil_holder = 144,
	.thread_size = 152,
	.thread_interpreter = 176,
};

/* 3.14: SRC pycore_debug_offsets.h, which adds threads_main before the GIL's words and two after
 * them; as found in Debian's 3.14.10 */
static const struct table table_3_14 = {
	.interpreters_head = 40,
	.interpreter_size = 48,
	.interpreter_id = 56,
	.interpreter_next = 64,
	.ceval_gil = 120,
	.gil = 128,
	.gil_locked = 144,
	.gil_holder = 152,
	.thread_size = 176,
	.thread_interpreter = 200,
	.eval_breaker = 712,
};

/* 3.15: SRC pycore_debug_offsets.h; as found in Debian's 3.15.2 */
static const struct table table_3_15 = {
	.interpreters_head = 40,
	.interpreter_size = 48,
	.interpreter_id = 56,
	.interpreter_next = 64,
	.ceval_gil = 120,
	.gil = 128,
	.gil_locked = 144,
	.gil_holder = 152,
	.thread_size = 176,
	.thread_interpreter = 200,
	.eval_breaker = 840,
};

struct row {
	/* The versions from `minor` up to `last` (0: only `minor`), which have the same layout. To
	 * support a new release, add a row, or raise `last` if nothing has moved. */
	int minor, last;
	const char *first_exported; /* a function first exported by this version */
	const struct table *table;  /* if set, most of `layout` comes from the TABLE */
	struct python_layout layout;
};

/* Newest first. tstate->interp is at 16 in all of them: DWARF. */
static const struct row rows[] = {
	/* From 3.13 on the drop request is bit 0 of tstate->eval_breaker, which comes right after
	 * tstate->interp: DWARF of 3.13.0. From 3.14 on the table says so too. */
	{
		.minor = 15,
		.table = &table_3_15,
		.layout =
			{
				.drop_kind = PYTHON_DROP_IN_THREAD,
				.drop_request = 24,
				.thread_interpreter = 16,
			},
	},
	{
		.minor = 14,
		.table = &table_3_14,
		.layout =
			{
				.drop_kind = PYTHON_DROP_IN_THREAD,
				.drop_request = 24,
				.thread_interpreter = 16,
			},
	},
	{
		.minor = 13,
		.table = &table_3_13,
		.layout =
			{
				.drop_kind = PYTHON_DROP_IN_THREAD,
				.drop_request = 24,
				.thread_interpreter = 16,
			},
	},
	/* DWARF of 3.12.1: interpreters.main, id, ceval.gil, _gil, ceval.gil_drop_request; `next` is
	   the first word of an interpreter */
	{
		.minor = 12,
		.layout =
			{
				.main = 48,
				.id = 8,
				.gil_pointer = 384,
				.own_gil = 1040,
				.drop_kind = PYTHON_DROP_IN_INTERPRETER,
				.drop_request = 372,
				.thread_interpreter = 16,
			},
	},
	/* DWARF of 3.11.7: interpreters.main, id, _PyRuntime.ceval.gil, ceval.gil_drop_request */
	{
		.minor = 11,
		.layout =
			{
				.main = 48,
				.id = 48,
				.gil = 360,
				.drop_kind = PYTHON_DROP_IN_INTERPRETER,
				.drop_request = 104,
				.thread_interpreter = 16,
			},
	},
	/* DWARF of 3.10.13 */
	{
		.minor = 10,
		.first_exported = "PyModule_AddObjectRef",
		.layout =
			{
				.main = 40,
				.id = 24,
				.gil = 352,
				.drop_kind = PYTHON_DROP_IN_INTERPRETER,
				.drop_request = 72,
				.thread_interpreter = 16,
			},
	},
	/* DWARF of 3.9.18 */
	{
		.minor = 9,
		.first_exported = "PyObject_CallNoArgs",
		.layout =
			{
				.main = 40,
				.id = 24,
				.gil = 352,
				.drop_kind = PYTHON_DROP_IN_INTERPRETER,
				.drop_request = 76,
				.thread_interpreter = 16,
			},
	},
	/* DWARF of 3.8.18: the request is _PyRuntime.ceval.gil_drop_request */
	{
		.minor = 8,
		.first_exported = "PyCode_NewWithPosOnlyArgs",
		.layout =
			{
				.main = 40,
				.id = 16,
				.gil = 1152,
				.drop_kind = PYTHON_DROP_IN_RUNTIME,
				.drop_request = 596,
				.thread_interpreter = 16,
			},
	},
	/* DWARF of 3.7.16; _PyRuntime itself is new in this version */
	{
		.minor = 7,
		.layout =
			{
				.main = 32,
				.id = 16,
				.gil = 1264,
				.drop_kind = PYTHON_DROP_IN_RUNTIME,
				.drop_request = 716,
				.thread_interpreter = 16,
			},
	},
};

#define NR_ROWS (sizeof(rows) / sizeof(*rows))

/* Bits in a process's addresses: 47 on x86-64, at most 52 on AArch64 */
#if defined(__aarch64__)
#define ADDRESS_BITS 52
#else
#define ADDRESS_BITS 47
#endif

static uint64_t word(const void *bytes, size_t offset)
{
	uint64_t v;

	memcpy(&v, (const char *)bytes + offset, sizeof(v));
	return le64toh(v);
}

/* ---- which version ---- */

int python_version__from_hex(uint64_t hex, struct python_version *v)
{
	unsigned int micro = hex >> 8 & 0xff, serial = hex & 0xf;
	const char *level;

	if (hex >> 32 || hex >> 24 < 3)
		return -EPROTO;
	switch (hex >> 4 & 0xf) {
	case 0xa:
		level = "a";
		break;
	case 0xb:
		level = "b";
		break;
	case 0xc:
		level = "rc";
		break;
	case 0xf:
		level = NULL;
		break;
	default:
		return -EPROTO;
	}
	v->major = (int)(hex >> 24);
	v->minor = (int)(hex >> 16 & 0xff);
	if (level)
		snprintf(v->text, sizeof(v->text), "%d.%d.%u%s%u", v->major, v->minor, micro, level,
			 serial);
	else
		snprintf(v->text, sizeof(v->text), "%d.%d.%u", v->major, v->minor, micro);
	return 0;
}

void python_version__from_exports(python_exports exports, void *context, struct python_version *v)
{
	size_t i = 0;

	while (i < NR_ROWS - 1 &&
	       !(rows[i].first_exported && exports(context, rows[i].first_exported)))
		i++;
	v->major = 3;
	v->minor = rows[i].minor;
	snprintf(v->text, sizeof(v->text), "3.%d", v->minor);
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* "18", "0rc1", "2+": what may follow "3.9." */
static bool is_micro(const char *s)
{
	size_t n = digits(s);

	if (!n || n > 3)
		return false;
	s += n;
	n = strspn(s, "abrc");
	if (n && (n > 2 || !digits(s + n)))
		return false;
	s += n ? n + digits(s + n) : 0;
	return !strcmp(s, "+") || !*s;
}

/*
 * The linker may have merged the version into the end of another string ("/opt/python/3.9.18"), but
 * it always ends some string. So if all strings that end in a version end in the same one, that is
 * it. If they differ, some come from a path or a linked-in library, and none is used.
 */
void python_version__find_micro(const char *data, size_t size, struct python_version *v)
{
	const char *end = data + size, *p = data, *nul;
	char prefix[16], found[16] = "";
	size_t length;

	length = (size_t)snprintf(prefix, sizeof(prefix), "%d.%d.", v->major, v->minor);
	while (p && (p = memmem(p, (size_t)(end - p), prefix, length))) {
		size_t most = (size_t)(end - p) < sizeof(found) ? (size_t)(end - p) : sizeof(found);

		/* A search to the end of the data would take quadratic time in a hostile file. */
		nul = memchr(p, '\0', most);
		if (nul && is_micro(p + length)) {
			if (found[0] && strcmp(found, p))
				return;
			memcpy(found, p, (size_t)(nul - p) + 1);
		}
		p++;
	}
	if (found[0])
		strcpy(v->text, found);
}

int python_version__from_tag(const char *data, size_t size, struct python_version *v)
{
	static const char prefix[] = "cpython-3";
	const size_t length = sizeof(prefix) - 1;
	const char *end = data + size, *p = data, *nul;
	int minor = -1, other;

	while ((p = memmem(p, (size_t)(end - p), prefix, length))) {
		p += length;
		nul = memchr(p, '\0', (size_t)(end - p) < 4 ? (size_t)(end - p) : 4);
		if (!nul || nul == p || digits(p) != (size_t)(nul - p))
			continue;
		other = atoi(p);
		if (minor >= 0 && minor != other)
			return -ENOENT;
		minor = other;
	}
	if (minor < 0)
		return -ENOENT;
	v->major = 3;
	v->minor = minor;
	snprintf(v->text, sizeof(v->text), "3.%d", minor);
	python_version__find_micro(data, size, v);
	return 0;
}

static bool has_table(const void *head, size_t size)
{
	return size >= PYTHON_LAYOUT_HEAD && !memcmp(head, "xdebugpy", 8);
}

int python_version__from_head(const void *head, size_t size, struct python_version *v)
{
	if (!has_table(head, size) || python_version__from_hex(word(head, 8), v))
		return -ENOENT;
	return 0;
}

/* ---- where things are ---- */

/*
 * Checks the table against what must hold for any interpreter, because a prerelease may have had
 * another layout; these checks do not pass by chance. Also checks that the two GIL words are where
 * gil_python.h expects them.
 */
static int check_table(const struct table *t, const void *head, const struct python_layout *l)
{
	uint64_t interpreter = word(head, t->interpreter_size);

	if (interpreter > 16 << 20 || l->id >= interpreter || l->next >= interpreter ||
	    l->gil_pointer >= interpreter || l->own_gil >= interpreter || l->main > 1 << 20)
		return -EPROTO;
	if (word(head, t->gil_holder) != l->own_gil + l->gil_shift + GIL_OFFSET_LAST_HOLDER ||
	    word(head, t->gil_locked) != l->own_gil + l->gil_shift + GIL_OFFSET_LOCKED)
		return -EPROTO;
	if (word(head, t->thread_size) > 1 << 20 || l->drop_request >= word(head, t->thread_size) ||
	    word(head, t->thread_interpreter) != l->thread_interpreter)
		return -EPROTO;
	return t->eval_breaker && word(head, t->eval_breaker) != l->drop_request ? -EPROTO : 0;
}

static int read_table(const struct table *t, const struct python_version *v, const void *head,
		      size_t size, struct python_layout *l)
{
	struct python_version own;
	uint64_t free_threaded;

	if (python_version__from_head(head, size, &own) || strcmp(own.text, v->text))
		return -EPROTO;
	free_threaded = word(head, 16);
	if (free_threaded > 1)
		return -EPROTO;
	/* struct pyinterpreters { PyMutex mutex; PyInterpreterState *head, *main; ...: SRC */
	l->main = word(head, t->interpreters_head) + 8;
	l->id = word(head, t->interpreter_id);
	l->next = word(head, t->interpreter_next);
	l->gil_pointer = word(head, t->ceval_gil);
	l->own_gil = word(head, t->gil);
	l->gil_shift = free_threaded ? PYTHON_FREE_THREADED_SHIFT : 0;
	return check_table(t, head, l);
}

static int last_of(const struct row *row)
{
	return row->last ? row->last : row->minor;
}

int python_layout__known(size_t index, int *minor, bool *own_table)
{
	for (size_t i = NR_ROWS; i-- > 0;) {
		size_t n = (size_t)(last_of(&rows[i]) - rows[i].minor) + 1;

		if (index >= n) {
			index -= n;
			continue;
		}
		*minor = rows[i].minor + (int)index;
		*own_table = rows[i].table;
		return 0;
	}
	return -ENOENT;
}

int python_layout__get(const struct python_version *v, const void *head, size_t size,
		       struct python_layout *layout)
{
	for (size_t i = 0; v->major == 3 && i < NR_ROWS; i++) {
		if (v->minor < rows[i].minor || v->minor > last_of(&rows[i]))
			continue;
		*layout = rows[i].layout;
		return rows[i].table ? read_table(rows[i].table, v, head, size, layout) : 0;
	}
	return -ENOTSUP;
}

int python_layout__read_gil(const struct python_layout *layout, const void *head, size_t size,
			    struct python_gil *gil)
{
	int32_t enabled;

	if (size < PYTHON_GIL_HEAD || layout->gil_shift > PYTHON_FREE_THREADED_SHIFT)
		return -EPROTO;
	gil->switch_interval_us = python_interval(word(head, layout->gil_shift));
	gil->locked = (int32_t)word(head, layout->gil_shift + GIL_OFFSET_LOCKED);
	enabled = (int32_t)word(head, 0);
	gil->last_holder = word(head, layout->gil_shift + GIL_OFFSET_LAST_HOLDER);
	gil->free_threaded = layout->gil_shift;
	gil->enabled = !layout->gil_shift || enabled == PYTHON_GIL_ENABLED;
	if (gil->locked == -1)
		return -EAGAIN;
	if (gil->locked < 0 || gil->locked > 1 || gil->switch_interval_us < 0 ||
	    (layout->gil_shift && enabled < 0))
		return -EPROTO;
	if (gil->last_holder % sizeof(uint64_t) || gil->last_holder >> ADDRESS_BITS ||
	    (!gil->last_holder && (gil->locked || !word(head, layout->gil_shift))))
		return -EPROTO;
	return 0;
}

struct gil_finder python_layout__finder(const struct python_layout *layout)
{
	return (struct gil_finder){
		.known = layout->own_gil != 0,
		.thread_interpreter = (__u32)layout->thread_interpreter,
		.gil_pointer = (__u32)layout->gil_pointer,
		.own_gil = (__u32)layout->own_gil,
		.shift = (__u32)layout->gil_shift,
		.id = (__u32)layout->id,
	};
}

struct gil_drop_request python_layout__drop_request(const struct python_layout *layout,
						    uint64_t runtime)
{
	struct gil_drop_request d = {.known = 1};

	switch (layout->drop_kind) {
	case PYTHON_DROP_IN_RUNTIME:
		d.address = runtime + layout->drop_request;
		break;
	case PYTHON_DROP_IN_INTERPRETER:
		d.indirect = 1;
		d.offset[0] = layout->thread_interpreter;
		d.offset[1] = layout->drop_request;
		break;
	case PYTHON_DROP_IN_THREAD:
		d.offset[0] = layout->drop_request;
		break;
	}
	return d;
}
