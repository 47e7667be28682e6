// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as the arguments of a process, and as a script. The name that people see must be
 * printable, and everything has an end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/program.h"
#include "core/base/utf8.h"
#include "core/doctor/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	size_t n;

	if (strnlen(name, PROGRAM_NAME) == PROGRAM_NAME)
		abort();
	for (; *name; name += n) {
		__u32 c = utf8__decode(name, &n);

		if (c == UTF8_INVALID || utf8__columns(c) < 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[PROGRAM_NAME], program[256], *text;

	if (size > SCRIPT_MOST)
		return 0;
	/* Exactly as large as it is, so that the sanitizer notices a read beyond. */
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	memset(name, 'x', sizeof(name));
	program__name(text, size, name);
	check_name(name);
	memset(program, 'x', sizeof(program));
	script__read(text, size, program, sizeof(program));
	if (strnlen(program, sizeof(program)) == sizeof(program))
		abort();
	free(text);
	return 0;
}
