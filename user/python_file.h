/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a file says of the CPython in it: which version, how it was built, what is where. Nothing is
 * run, and nothing in the file is trusted.
 */
#ifndef PYTHON_FILE_H
#define PYTHON_FILE_H

#include "elf_file.h"
#include "python_layout.h"

enum told {
	TOLD_NO,
	TOLD_YES,
	TOLD_NOTHING, /* the file has not kept what would tell */
};

struct python_file {
	struct python_version version;
	bool debug;         /* --with-pydebug */
	bool free_threaded; /* --disable-gil */
	bool stripped;      /* no symbol table */
	enum told lto;
	bool fixed_address; /* not position-independent */
	bool is_program;    /* it can be executed: no mere library */
	bool is_static;     /* its C library is linked into it */
	bool is_2;          /* a Python 2.7, which has no _PyRuntime */
	uint64_t runtime;   /* address of _PyRuntime, before the load bias */
	/* What _PyRuntime begins with; zeroes where that comes with the process */
	unsigned char head[PYTHON_LAYOUT_HEAD];
};

/* 0; -ENOENT if there is no CPython of 2.7, or 3.7 or later, in it; -ENODATA if its version cannot be told:
 * the rest is then filled; -EBADMSG. */
int python_file__read(struct elf_file *e, struct python_file *pf);

/* What the tags that an interpreter gives its extension modules' files say, in its read-only data:
 * "cpython-313td-x86_64-linux-gnu" is a free-threaded debug build. */
void python_file__find_tags(const char *data, size_t size, struct python_file *pf);

#endif
