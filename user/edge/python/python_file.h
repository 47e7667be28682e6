/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a file says of the CPython in it: which version, how it was built, what is where. Nothing is
 * run, and nothing in the file is trusted.
 */
#ifndef PYTHON_FILE_H
#define PYTHON_FILE_H

#include "edge/elf/elf_file.h"
#include "edge/python/python_layout.h"

enum told {
	TOLD_NO,
	TOLD_YES,
	TOLD_NOTHING, /* the file has not kept what would tell */
};

struct python_file {
	struct python_version version;
	bool is_2;          /* Python 2.7; `runtime` is then where the pointer to its GIL is */
	bool is_static;     /* its C library is linked into the file */
	bool debug;         /* --with-pydebug */
	bool free_threaded; /* --disable-gil */
	bool stripped;      /* no symbol table */
	enum told lto;
	bool fixed_address; /* not position-independent */
	bool is_program;    /* it can be executed: no mere library */
	uint64_t runtime;   /* address of _PyRuntime, before the load bias */
	/* What _PyRuntime begins with; zeroes where that comes with the process */
	unsigned char head[PYTHON_LAYOUT_HEAD];
};

/* A symbol that the file exports, or, if it has its libraries linked in and exports nothing, that its
 * symbol table has. 0, -ENOENT or -EBADMSG. */
int python_file__symbol(struct elf_file *e, const char *name, struct elf_symbol *symbol);
/* The address of _PyRuntime, before the load bias. `is_python`: the file is a program or a libpython,
 * and may be searched in ways that would be rash with another one. */
bool python_file__runtime(struct elf_file *e, bool is_python, uint64_t *address);
/* Of an interpreter without Py_Version and without a table in _PyRuntime: the version that what it
 * exports tells, or else its tags. 0 or -ENODATA. */
int python_file__version(struct elf_file *e, struct python_version *v);
/* The rest of a version of which major and minor are known, if the file tells. */
void python_file__find_micro(struct elf_file *e, struct python_version *v);

/* 0; -ENOENT if there is no CPython of 2.7, or 3.7 or later in it; -ENODATA if its version cannot be told:
 * the rest is then filled; -EBADMSG. */
int python_file__read(struct elf_file *e, struct python_file *pf);

/* What the tags that an interpreter gives its extension modules' files say, in its read-only data:
 * "cpython-313td-x86_64-linux-gnu" is a free-threaded debug build. */
void python_file__find_tags(const char *data, size_t size, struct python_file *pf);

#endif
