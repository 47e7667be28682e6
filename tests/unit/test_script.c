// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/doctor/script.h"
#include "random.h"
#include "test.h"

static const struct {
	const char *text;
	enum script_kind kind;
	const char *program;
} rows[] = {
	{"", SCRIPT_NONE, ""},
	{"\177ELF", SCRIPT_NONE, ""},
	{"import os\n", SCRIPT_NONE, ""},
	{"#!/usr/bin/python3\n", SCRIPT_INTERPRETER, "/usr/bin/python3"},
	{"#! /usr/bin/python3 -sE\nimport x\n", SCRIPT_INTERPRETER, "/usr/bin/python3"},
	{"#!/usr/bin/python3", SCRIPT_INTERPRETER, "/usr/bin/python3"},
	{"#!/usr/bin/env python3\n", SCRIPT_INTERPRETER, "python3"},
	{"#!/usr/bin/env -S A=1 -u B python3 -u\n", SCRIPT_INTERPRETER, "python3"},
	{"#!/usr/bin/env\n", SCRIPT_UNCLEAR, ""},
	{"#!\n", SCRIPT_UNCLEAR, ""},
	{"#!/bin/sh\nexec python3 \"$@\"\n", SCRIPT_WRAPPER, "python3"},
	{"#!/bin/bash\nset -e\n  exec '/a b/python' -m x\n", SCRIPT_WRAPPER, "/a b/python"},
	{"#!/bin/sh\n'''exec' \"/venv/bin/python\" \"$0\" \"$@\"\n' '''\nimport re\n",
	 SCRIPT_WRAPPER, "/venv/bin/python"},
	{"#!/bin/sh\nexec -a name /usr/bin/python3\n", SCRIPT_WRAPPER, "/usr/bin/python3"},
	{"#!/bin/sh\nexec env A=1 python3\n", SCRIPT_WRAPPER, "python3"},
	{"#!/bin/sh\nif a; then\nexec python3\nfi\nexec python3 -m b\n", SCRIPT_WRAPPER, "python3"},
	/* Nothing is guessed. */
	{"#!/bin/sh\nif a; then\nexec python3\nfi\nexec pypy\n", SCRIPT_UNCLEAR, ""},
	{"#!/bin/sh\nexec \"$PYTHON\" x\n", SCRIPT_UNCLEAR, ""},
	{"#!/bin/sh\nexec `which python3` x\n", SCRIPT_UNCLEAR, ""},
	{"#!/bin/sh\nexec 2> log\nexec python3\n", SCRIPT_WRAPPER, "python3"},
	{"#!/bin/sh\npython3 x\n", SCRIPT_UNCLEAR, ""},
	{"#!/bin/sh", SCRIPT_UNCLEAR, ""},
	{"#!/bin/sh\nexec 'python3\n", SCRIPT_UNCLEAR, ""},
};

TEST(what_scripts_start)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char program[64];
		enum script_kind kind =
			script__read(rows[i].text, strlen(rows[i].text), program, sizeof(program));

		CHECK(kind == rows[i].kind, "%s: it is %d", rows[i].text, kind);
		CHECK_STR(program, rows[i].program);
	}
}

TEST(any_text)
{
	__u64 seed = 1;

	for (int i = 0; i < 20000; i++) {
		char text[128] = "#!/bin/sh\n", program[16];
		size_t from = i % 2 ? 2 : 10, n = from + random_below(&seed, 100);

		for (size_t j = from; j < n; j++)
			text[j] = "exec env -aA=/'\"$\\\n\n #;\300"[random_below(&seed, 23)];
		text[n] = '\0';
		script__read(text, n, program, sizeof(program));
		CHECK(strlen(program) < sizeof(program), "no end");
	}
}

TEST_MAIN
