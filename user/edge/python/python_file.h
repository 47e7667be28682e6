/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds out what a file says about the CPython in it: its version, how it was built, and where
 * things are. Nothing is executed, and nothing in the file is trusted.
 */
#ifndef PYTHON_FILE_H
#define PYTHON_FILE_H

#include "edge/elf/elf_file.h"
#include "edge/python/python_layout.h"

enum told {
	TOLD_NO,
	TOLD_YES,
	TOLD_NOTHING, /* the file no longer has what would tell */
};

struct python_file {
	struct python_version version;
	bool is_2;      /* Python 2.7; `runtime` is then the address of the pointer to its GIL */
	bool is_static; /* its C library is linked into the file */
	bool debug;     /* --with-pydebug */
	bool free_threaded; /* --disable-gil */
	bool stripped;      /* no symbol table */
	enum told lto;
	bool fixed_address; /* not position-independent */
	bool is_program;    /* it can be executed, so it is not just a library */
	uint64_t runtime;   /* address of _PyRuntime, without the load bias */
	/* The start of _PyRuntime; zeroes where its content is not in the file */
	unsigned char head[PYTHON_LAYOUT_HEAD];
};

/* Finds an exported symbol. If the file does not export it and has its libraries linked in, looks
 * in the symbol table. Returns 0, -ENOENT or -EBADMSG. */
int python_file__symbol(struct elf_file *e, const char *name, struct elf_symbol *symbol);
/* Finds the address of _PyRuntime, without the load bias. Returns false if there is none.
 * `is_python` means that the file is a program or a libpython, where more ways to search are
 * safe. */
bool python_file__runtime(struct elf_file *e, bool is_python, uint64_t *address);
/* For an interpreter without Py_Version and without a table in _PyRuntime: finds the version from
 * its exported functions, or else from its tags. Returns 0 or -ENODATA. */
int python_file__version(struct elf_file *e, struct python_version *v);
/* Completes a version of which major and minor are known, if the file has the rest. */
void python_file__find_micro(struct elf_file *e, struct python_version *v);

/* Fills *pf. Returns 0; -ENOENT if the file contains no CPython 2.7, or 3.7 or later; -ENODATA if
 * the version is unknown, with the rest filled; or -EBADMSG. */
int python_file__read(struct elf_file *e, struct python_file *pf);

/* Sets `debug` and `free_threaded` from the tags in the read-only data that an interpreter puts
 * into its extension modules' names: "cpython-313td-x86_64-linux-gnu" is a free-threaded debug
 * build. */
void python_file__find_tags(const char *data, size_t size, struct python_file *pf);

#endif
