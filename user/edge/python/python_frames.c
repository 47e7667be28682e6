// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One row per minor version, as in python_layout.c. The numbers come from:
 *
 *   HEADERS  offsetof, sizeof in a program compiled with the headers of that version
 *   TABLE    _Py_DebugOffsets in the target itself, which says most from 3.13 on
 *
 * From 3.9 to 3.12, the offset of sys.modules in an interpreter may differ between releases, so
 * python_threads.c checks what is there.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "edge/python/python_frames.h"
#include "gil_python.h"

/* Bytes that AArch64's two mutexes, in _PyRuntime's GIL, have more than those of x86-64. */
#define MUTEXES (2 * (GIL_OFFSET_SWITCH_COND - 120))

/* Not in frame_from and the like: offsets from the start. */
struct row {
	int minor;
	uint16_t current; /* in _PyRuntime: pointer to the state of the thread that has the GIL */
	struct gil_frame_layout layout;
	struct python_objects objects;
};

/* Offsets of words in _Py_DebugOffsets, for 3.13 on. */
struct table {
	int minor;
	uint16_t interpreter_size, interpreter_gc, interpreter_modules;
	uint16_t thread_size, thread_interpreter, thread_frame, thread_native_id;
	uint16_t frame_size, frame_previous, frame_code, frame_at, frame_owner;
	uint16_t code_size, code_file, code_name, code_lines, code_first_line, code_instructions;
	uint16_t object_size, object_type;
	uint16_t text_state, text_length, text_ascii;
	uint16_t collecting, collecting_in;
	uint16_t type_flags;
	uint8_t code_tags;
};

/* HEADERS of 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1. In all of them a string is as long before its
 * characters as in the row, and a type object begins alike. */
#define OLD_OBJECTS                                                                                \
	.old_keys = 1, .head = 16, .attributes = PYTHON_DICT_AT, .type_basic_size = 32,            \
	.type_flags = 168, .type_dict_offset = 288
#define NEW_OBJECTS                                                                                \
	.head = 16, .managed = -24, .type_basic_size = 32, .type_flags = 168,                      \
	.type_dict_offset = 288, .lines = LINES_LOCATIONS
#define OLD_FRAMES                                                                                 \
	.thread_frame = 24, .thread_interpreter = 16, .frame_code = 32, .frame_previous = 24,      \
	.frame_owner = 0xffff, .frame_copy = 0xffff, .code_first_line = 40, .code_name = 112,      \
	.code_lines = 120, .code_file = 104, .text_length = 16, .text_state = 32,                  \
	.text_ascii = 48, .text_other = 72

static const struct row rows[] = {
	{
		.minor = 8,
		.current = 1368,
		.layout = {OLD_FRAMES, .frame_at = 104, .unit = 1},
		.objects = {OLD_OBJECTS, .modules = 56, .type_cached_keys = 872,
			    .lines = LINES_PAIRS},
	},
	{
		.minor = 9,
		.current = 568,
		.layout = {OLD_FRAMES, .frame_at = 104, .unit = 1},
		.objects = {OLD_OBJECTS, .modules = 856, .type_cached_keys = 864,
			    .lines = LINES_PAIRS},
	},
	{
		.minor = 10,
		.current = 568,
		.layout = {OLD_FRAMES, .frame_at = 96, .unit = 2},
		.objects = {OLD_OBJECTS, .modules = 856, .type_cached_keys = 872,
			    .lines = LINES_RANGES},
	},
	{
		.minor = 11,
		.current = 576,
		.layout =
			{
				.thread_frame = 56,
				.thread_indirect = 1,
				.indirect_frame = 8,
				.thread_native_id = 160,
				.thread_interpreter = 16,
				.frame_code = 32,
				.frame_previous = 48,
				.frame_at = 56,
				.frame_owner = 69,
				.frame_copy = 0xffff,
				.code_first_line = 72,
				.code_name = 128,
				.code_lines = 136,
				.code_file = 112,
				.code_instructions = 184,
				.text_length = 16,
				.text_state = 32,
				.text_ascii = 48,
				.text_other = 72,
			},
		.objects = {NEW_OBJECTS, .modules = 888, .type_cached_keys = 872,
			    .attributes = PYTHON_VALUES_AT},
	},
	{
		.minor = 12,
		.layout =
			{
				.thread_frame = 56,
				.thread_indirect = 1,
				.indirect_frame = 0,
				.thread_native_id = 144,
				.thread_interpreter = 16,
				.frame_code = 0,
				.frame_previous = 8,
				.frame_at = 56,
				.frame_owner = 70,
				.frame_copy = 0xffff,
				.code_first_line = 68,
				.code_name = 128,
				.code_lines = 136,
				.code_file = 112,
				.code_instructions = 192,
				.text_length = 16,
				.text_state = 32,
				.text_ascii = 40,
				.text_other = 56,
			},
		.objects = {NEW_OBJECTS, .modules = 944, .type_cached_keys = 880,
			    .attributes = PYTHON_VALUES_TAGGED},
	},
};

static const struct table tables[] = {
	/* HEADERS of 3.13.0; the same in Debian's 3.13.5 */
	{
		.minor = 13,
		.interpreter_size = 48,
		.interpreter_gc = 80,
		.interpreter_modules = 88,
		.thread_size = 152,
		.thread_interpreter = 176,
		.thread_frame = 184,
		.thread_native_id = 200,
		.frame_size = 224,
		.frame_previous = 232,
		.frame_code = 240,
		.frame_at = 248,
		.frame_owner = 264,
		.code_size = 272,
		.code_file = 280,
		.code_name = 296,
		.code_lines = 304,
		.code_first_line = 312,
		.code_instructions = 344,
		.object_size = 352,
		.object_type = 360,
		.type_flags = 392,
		.text_state = 544,
		.text_length = 552,
		.text_ascii = 560,
		.collecting = 576,
	},
	/* As found in Debian's 3.14.10, in the order of pycore_debug_offsets.h */
	{
		.minor = 14,
		.interpreter_size = 48,
		.interpreter_gc = 88,
		.interpreter_modules = 96,
		.thread_size = 176,
		.thread_interpreter = 200,
		.thread_frame = 208,
		.thread_native_id = 224,
		.frame_size = 248,
		.frame_previous = 256,
		.frame_code = 264,
		.frame_at = 272,
		.frame_owner = 288,
		.code_size = 312,
		.code_file = 320,
		.code_name = 336,
		.code_lines = 344,
		.code_first_line = 352,
		.code_instructions = 384,
		.object_size = 400,
		.object_type = 408,
		.type_flags = 440,
		.text_state = 624,
		.text_length = 632,
		.text_ascii = 640,
		.collecting = 656,
		.code_tags = 7,
	},
	/* As found in Debian's 3.15.2, in the order of pycore_debug_offsets.h */
	{
		.minor = 15,
		.interpreter_size = 48,
		.interpreter_gc = 88,
		.interpreter_modules = 96,
		.thread_size = 176,
		.thread_interpreter = 200,
		.thread_frame = 208,
		.thread_native_id = 248,
		.frame_size = 312,
		.frame_previous = 320,
		.frame_code = 328,
		.frame_at = 336,
		.frame_owner = 352,
		.code_size = 376,
		.code_file = 384,
		.code_name = 400,
		.code_lines = 408,
		.code_first_line = 416,
		.code_instructions = 448,
		.object_size = 464,
		.object_type = 472,
		.type_flags = 504,
		.text_state = 720,
		.text_length = 728,
		.text_ascii = 736,
		.collecting = 760,
		.collecting_in = 768,
		.code_tags = 7,
	},
};

/* ---- the ranges that are read ---- */

struct range {
	uint32_t from, end;
};

/* Extends the range by a field; 0xffff is none. */
static void include(struct range *r, uint32_t offset, uint32_t size)
{
	if (offset == 0xffff)
		return;
	if (offset < r->from)
		r->from = offset & ~7U;
	if (offset + size > r->end)
		r->end = offset + size;
}

static uint16_t within(const struct range *r, uint16_t offset)
{
	return offset == 0xffff ? offset : (uint16_t)(offset - r->from);
}

/* Sets what is read of a frame and of a code object, and lets the offsets there count from its start.
 * Returns 0, or -EPROTO if that is more than one read may take. */
static int set_ranges(struct gil_frame_layout *l)
{
	struct range frame = {.from = UINT32_MAX}, code = {.from = UINT32_MAX};

	include(&frame, l->frame_code, 8);
	include(&frame, l->frame_previous, 8);
	include(&frame, l->frame_at, l->unit ? 4 : 8);
	include(&frame, l->frame_owner, 1);
	include(&frame, l->frame_copy, 4);
	include(&code, l->code_first_line, 4);
	include(&code, l->code_name, 8);
	include(&code, l->code_lines, 8);
	if (frame.end - frame.from >= GIL_FRAMES_READ || code.end - code.from >= GIL_FRAMES_READ)
		return -EPROTO;
	l->frame_from = (uint16_t)frame.from;
	l->frame_size = (uint16_t)(frame.end - frame.from);
	l->frame_code = within(&frame, l->frame_code);
	l->frame_previous = within(&frame, l->frame_previous);
	l->frame_at = within(&frame, l->frame_at);
	l->frame_owner = within(&frame, l->frame_owner);
	l->frame_copy = within(&frame, l->frame_copy);
	l->code_from = (uint16_t)code.from;
	l->code_size = (uint16_t)(code.end - code.from);
	l->code_first_line = within(&code, l->code_first_line);
	l->code_name = within(&code, l->code_name);
	l->code_lines = within(&code, l->code_lines);
	l->known = 1;
	return 0;
}

/* ---- from 3.13 on ---- */

/* The words of a table, which all must be less than some limit. */
struct reading {
	const unsigned char *head;
	int bad;
};

static uint64_t word(const struct reading *r, uint16_t at)
{
	uint64_t v;

	memcpy(&v, r->head + at, sizeof(v));
	return le64toh(v);
}

/* The word at an offset in the table: where a field of so many bytes is in something of `size`. */
static uint16_t field(struct reading *r, uint16_t at, uint64_t size, uint32_t bytes)
{
	uint64_t v = word(r, at);

	if (v >= UINT16_MAX || v + bytes > size || (bytes == 8 && v & 7))
		r->bad = 1;
	return (uint16_t)v;
}

static uint32_t size_of(struct reading *r, uint16_t at, uint64_t most)
{
	uint64_t v = word(r, at);

	if (!v || v > most)
		r->bad = 1;
	return (uint32_t)v;
}

/* A field that may be far inside an interpreter. */
static uint32_t far_field(struct reading *r, uint16_t at, uint64_t size)
{
	uint64_t v = word(r, at);

	if (v + 8 > size || v & 7)
		r->bad = 1;
	return (uint32_t)v;
}

static void read_layout(struct reading *r, const struct table *t, struct gil_frame_layout *l)
{
	uint32_t thread = size_of(r, t->thread_size, UINT16_MAX);
	uint32_t frame = size_of(r, t->frame_size, UINT16_MAX);
	uint32_t code = size_of(r, t->code_size, UINT16_MAX);
	uint32_t interpreter = size_of(r, t->interpreter_size, 16 << 20);
	uint32_t gc = far_field(r, t->interpreter_gc, interpreter);

	l->thread_interpreter = field(r, t->thread_interpreter, thread, 8);
	l->thread_frame = field(r, t->thread_frame, thread, 8);
	l->thread_native_id = field(r, t->thread_native_id, thread, 8);
	l->frame_previous = field(r, t->frame_previous, frame, 8);
	l->frame_code = field(r, t->frame_code, frame, 8);
	l->frame_at = field(r, t->frame_at, frame, 8);
	l->frame_owner = field(r, t->frame_owner, frame, 1);
	l->frame_copy = 0xffff;
	l->code_file = field(r, t->code_file, code, 8);
	l->code_name = field(r, t->code_name, code, 8);
	l->code_lines = field(r, t->code_lines, code, 8);
	l->code_first_line = field(r, t->code_first_line, code, 4);
	/* An array of no fixed length, at the end. */
	l->code_instructions = field(r, t->code_instructions, code, 0);
	l->code_tags = t->code_tags;
	l->collecting = gc + field(r, t->collecting, 4096, 4);
	if (t->collecting_in)
		l->collecting_in = gc + field(r, t->collecting_in, 4096, 8);
}

static void read_text(struct reading *r, const struct table *t, struct gil_frame_layout *l)
{
	uint32_t head = size_of(r, t->object_size, 64);

	l->text_ascii = (uint16_t)size_of(r, t->text_ascii, 64);
	/* Another string has the length of its UTF-8 form, and a pointer to that, before its
	 * characters. */
	l->text_other = l->text_ascii + 16;
	l->text_length = field(r, t->text_length, l->text_ascii, 8);
	l->text_state = field(r, t->text_state, l->text_ascii, 4);
	if (l->text_length != head || l->text_state != head + 16 || l->text_ascii != head + 24)
		r->bad = 1;
}

static void read_objects(struct reading *r, const struct table *t, struct python_objects *o)
{
	uint32_t head = size_of(r, t->object_size, 64);

	o->head = (uint8_t)head;
	o->modules =
		far_field(r, t->interpreter_modules, size_of(r, t->interpreter_size, 16 << 20));
	o->lines = LINES_LOCATIONS;
	o->attributes = PYTHON_VALUES_INSIDE;
	o->managed = head > 16 ? -8 : -24;
	/* HEADERS of 3.13.0, with and without a GIL. The distances have not changed since 3.8. */
	o->type_flags = field(r, t->type_flags, 1024, 8);
	o->type_basic_size = o->type_flags - 136;
	o->type_dict_offset = o->type_flags + 120;
	o->type_cached_keys = o->type_flags + (t->minor < 15 ? 712 : 720);
	if (field(r, t->object_type, head, 8) != head - 8 || o->type_flags != head + 152)
		r->bad = 1;
}

static int read_table(const struct table *t, const unsigned char *head, size_t size,
		      struct gil_frame_layout *l, struct python_objects *o)
{
	struct reading r = {.head = head};

	if (size < PYTHON_LAYOUT_HEAD)
		return -EPROTO;
	read_layout(&r, t, l);
	read_text(&r, t, l);
	read_objects(&r, t, o);
	return r.bad ? -EPROTO : 0;
}

/* ---- any version ---- */

static int get(const struct python_version *v, uint64_t runtime, const void *head, size_t size,
	       struct gil_frame_layout *l, struct python_objects *o)
{
	for (size_t i = 0; v->major == 3 && i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].minor != v->minor)
			continue;
		*l = rows[i].layout;
		*o = rows[i].objects;
		if (rows[i].current)
			l->current_thread = runtime + rows[i].current + MUTEXES;
		return 0;
	}
	for (size_t i = 0; v->major == 3 && i < sizeof(tables) / sizeof(*tables); i++)
		if (tables[i].minor == v->minor)
			return read_table(&tables[i], head, size, l, o);
	return -ENOTSUP;
}

/* A free-threaded build of 3.14 or later has the bits of a string's state elsewhere, and runs copies
 * of the bytecode; that has not been seen yet. */
static int is_unseen(const struct python_version *v, const struct python_objects *o)
{
	return v->minor > 13 && o->head > 16;
}

int python_frames__get(const struct python_version *v, uint64_t runtime, const void *head,
		       size_t size, struct gil_frame_layout *layout, struct python_objects *objects)
{
	int err;

	memset(layout, 0, sizeof(*layout));
	memset(objects, 0, sizeof(*objects));
	err = get(v, runtime, head, size, layout, objects);
	if (!err && is_unseen(v, objects))
		err = -ENOTSUP;
	err = err ?: set_ranges(layout);
	if (err)
		layout->known = 0;
	return err;
}
