// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/proc/proc_maps.h"
#include "edge/python/python_code.h"
#include "edge/python/python_memory.h"

#define MAX_TABLE (4 << 20) /* bytes of a table of lines */

/* The words of a code object. */
struct words {
	uint64_t name, lines;
	int first_line;
	__u32 check;
};

static int read_words(pid_t pid, const struct gil_frame_layout *l, uint64_t code, struct words *w)
{
	unsigned char bytes[GIL_FRAMES_READ];
	int err = proc_mem__read(pid, code + l->code_from, bytes, l->code_size);

	if (err)
		return err;
	memcpy(&w->first_line, bytes + l->code_first_line, sizeof(w->first_line));
	memcpy(&w->name, bytes + l->code_name, sizeof(w->name));
	memcpy(&w->lines, bytes + l->code_lines, sizeof(w->lines));
	w->check = gil_frame_check((__u32)w->first_line, w->name, w->lines);
	return 0;
}

static int check(pid_t pid, const struct python *py, const struct gil_frame *frame, struct words *w)
{
	int err = read_words(pid, &py->frames, frame->code, w);

	if (err || frame->check == GIL_CHECK_NONE)
		return err;
	return w->check == frame->check ? 0 : -ESTALE;
}

/* 0 if the object is of the type "code", which no program can derive from. */
static int is_code(pid_t pid, const struct python *py, uint64_t object)
{
	uint64_t type, flags, name;
	char text[5];
	int err = python_memory__type(pid, py, object, &type, &flags);

	/* The name is the first thing in a type, after its head and a length. */
	err = err ?: python_memory__word(pid, type + py->objects.head + 8, &name);
	err = err ?: proc_mem__read(pid, name, text, sizeof(text));
	return err ?: memcmp(text, "code", sizeof(text)) ? -EFAULT : 0;
}

static int read_lines(pid_t pid, const struct python *py, const struct words *w,
		      const struct gil_frame *frame, struct python_code *code)
{
	unsigned char *table = code->lines;
	uint64_t at, size;
	int err = python_memory__bytes(pid, py, w->lines, &at, &size);

	if (err || size > MAX_TABLE)
		return err ?: -EFAULT;
	code->kind = py->objects.lines;
	code->at = frame->at;
	if (size > sizeof(code->lines))
		table = malloc(size);
	if (!table)
		return -ENOMEM;
	err = proc_mem__read(pid, at, table, size);
	if (!err)
		code->line = lines__at(code->kind, table, size, code->first_line, frame->at);
	if (table == code->lines)
		code->nr_lines = (unsigned int)size;
	else
		free(table);
	return err;
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* The interpreter's own bytecode is named alike in all places, by one and the same string. The
 * machinery of import is known by its file. */
static void name_what_nobody_knows(struct python_code *code, bool one_string)
{
	code->hidden = one_string && !strcmp(code->function, "__init__");
	code->importing = begins(code->file, "<frozen importlib._bootstrap") ||
			  !strcmp(code->file, "<frozen zipimport>");
	if (!code->importing)
		return;
	strcpy(code->function, "<import>");
	code->file[0] = '\0';
	code->first_line = code->line = 0;
	code->nr_lines = 0;
}

static int read_code(pid_t pid, const struct python *py, const struct gil_frame *frame,
		     struct python_code *code)
{
	struct words words = {0}, again = {0};
	uint64_t file;
	int err = check(pid, py, frame, &words);

	err = err ?: is_code(pid, py, frame->code);
	err = err
		      ?: python_memory__text(pid, py, words.name, PYTHON_CUT_END, code->function,
					     sizeof(code->function));
	err = err ?: python_memory__word(pid, frame->code + py->frames.code_file, &file);
	err = err
		      ?: python_memory__text(pid, py, file, PYTHON_CUT_START, code->file,
					     sizeof(code->file));
	code->first_line = words.first_line;
	err = err ?: read_lines(pid, py, &words, frame, code);
	/* It may have ended while it was being read. */
	err = err ?: read_words(pid, &py->frames, frame->code, &again);
	if (err)
		return err;
	if (again.check != words.check)
		return -ESTALE;
	name_what_nobody_knows(code, file == words.name);
	return 0;
}

int python_code__read(pid_t pid, const struct python *py, const struct gil_frame *frame,
		      struct python_code *code)
{
	int err;

	memset(code, 0, sizeof(*code));
	code->at = frame->at;
	if (frame->code == GIL_FRAME_COLLECTING) {
		strcpy(code->function, "<garbage collection>");
		return 0;
	}
	if (!py->frames.known || frame->check == GIL_CHECK_UNREADABLE)
		return -ESTALE;
	err = read_code(pid, py, frame, code);
	if (err)
		memset(code, 0, sizeof(*code));
	return err;
}

int python_code__line(const struct python_code *code, const struct gil_frame *frame)
{
	if (code->nr_lines)
		return lines__at(code->kind, code->lines, code->nr_lines, code->first_line,
				 frame->at);
	return !code->first_line || code->at == frame->at ? code->line : -1;
}
