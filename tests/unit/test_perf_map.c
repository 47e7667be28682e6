// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "core/base/perf_map.h"
#include "random.h"
#include "test.h"

static const char map[] = "7f0000001000 100 py::compute:/srv/app.py\n"
			  "0x7f0000002000 0x20 with a prefix\n"
			  "nonsense\n"
			  "7f0000001040 10 replaced, in part\n"
			  "ffffffffffffffff 10 beyond the end\n"
			  "7f0000003000 0 empty\n"
			  "7f0000004000 10 \n"
			  "10000000000000000 10 seventeen digits\n"
			  "7f0000005000 10 without an end";

static const char *at(uint64_t address)
{
	static char name[64];
	struct perf_map_entry e;

	if (!perf_map__find(map, strlen(map), address, &e))
		return "";
	snprintf(name, sizeof(name), "%.*s", (int)e.length, e.name);
	return name;
}

TEST(functions_are_found)
{
	CHECK_STR(at(0x7f0000001000), "py::compute:/srv/app.py");
	CHECK_STR(at(0x7f00000010ff), "py::compute:/srv/app.py");
	CHECK_STR(at(0x7f0000001100), "");
	CHECK_STR(at(0x7f0000000fff), "");
	CHECK_STR(at(0x7f000000201f), "with a prefix");
	CHECK_STR(at(0x7f0000001045), "replaced, in part");
}

TEST(what_is_no_line_is_skipped)
{
	CHECK_STR(at(0xffffffffffffffff), "");
	CHECK_STR(at(0x7f0000003000), "");
	CHECK_STR(at(0x7f0000004000), "");
	CHECK_STR(at(0), "");
	CHECK_STR(at(0x7f0000005000), "");
}

/* Any bytes: what is found is within the text, and contains the address. */
TEST(any_bytes)
{
	static const char letters[] = "0123abF xX\n\n  7";
	__u64 r = random_seed(1);

	for (int i = 0; i < 200000 && !test_failure[0]; i++) {
		char text[64];
		size_t size = random_below(&r, sizeof(text));
		uint64_t address = random_below(&r, 0x400);
		struct perf_map_entry e;

		for (size_t k = 0; k < size; k++)
			text[k] = letters[random_below(&r, sizeof(letters) - 1)];
		if (!perf_map__find(text, size, address, &e))
			continue;
		CHECK(e.start <= address && address < e.end, "another function's");
		CHECK(e.length && e.name > text && e.name + e.length < text + size, "beyond");
	}
}

TEST_MAIN
