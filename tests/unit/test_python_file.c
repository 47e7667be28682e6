// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What interpreters' files say about themselves, and whether the documentation agrees on what is
 * supported. Run from the root of the tree. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "edge/python/python_file.h"
#include "edge/python/python_layout.h"
#include "test.h"

/* ---- tags ---- */

static struct python_file tags(const char *data, size_t size)
{
	struct python_file pf = {0};

	python_file__find_tags(data, size, &pf);
	return pf;
}

#define TAGS(data) tags(data, sizeof(data) - 1)

TEST(tags_of_builds)
{
	CHECK(!TAGS(".cpython-311-x86_64-linux-gnu.so").debug);
	CHECK(!TAGS(".cpython-311-x86_64-linux-gnu.so").free_threaded);
	CHECK(TAGS("\0cpython-311d-x86_64-linux-gnu").debug);
	CHECK(!TAGS("\0cpython-311d-x86_64-linux-gnu").free_threaded);
	CHECK(TAGS(".cpython-314t-aarch64-linux-gnu.so").free_threaded);
	CHECK(TAGS(".cpython-314td-x86_64-linux-gnu.so\0").debug);
	CHECK(TAGS(".cpython-314td-x86_64-linux-gnu.so\0").free_threaded);
	CHECK(!TAGS(".cpython-37m-x86_64-linux-gnu.so").debug);
	CHECK(TAGS(".cpython-311-x.so\0.cpython-311d-x.so").debug);
	CHECK(!TAGS("").debug);
	CHECK(!TAGS("cpython-3").debug);
	CHECK(!TAGS("cpython-31").debug);
	CHECK(TAGS("cpython-31d").debug);
	CHECK(!TAGS("cpython-cpython-d").debug);
}

/* ---- files ---- */

static int read_file(const char *path, struct python_file *pf)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	struct elf_file e;

	if (fd < 0)
		return -errno;
	err = elf_file__open_fd(&e, fd);
	if (err)
		return err;
	err = python_file__read(&e, pf);
	elf_file__close(&e);
	return err;
}

TEST(file_of_the_system)
{
	struct python_file pf;
	struct python_layout l;
	int err = read_file("/usr/bin/python3", &pf);

	if (err == -ENOENT)
		SKIP("/usr/bin/python3 is no CPython, or there is none");
	CHECK_EQ(err, 0);
	CHECK_EQ(pf.version.major, 3);
	CHECK(!strncmp(pf.version.text, "3.", 2), "%s", pf.version.text);
	CHECK(pf.is_program && !pf.debug && !pf.free_threaded && pf.runtime);
	CHECK_EQ(python_layout__get(&pf.version, pf.head, sizeof(pf.head), &l), 0);
	if (pf.stripped)
		CHECK_EQ(pf.lto, TOLD_NOTHING);
}

TEST(file_that_is_no_python)
{
	struct python_file pf;

	CHECK_EQ(read_file("/bin/true", &pf), -ENOENT);
	CHECK_EQ(read_file("/proc/self/exe", &pf), -ENOENT);
	CHECK_EQ(read_file("/etc/passwd", &pf), -EBADMSG);
}

/* ---- the documentation ---- */

/* A row of the table of CPythons: "| 3.11 | fixed | ..."; false for anything else. */
static bool read_row(const char *line, int *minor, char layout[16])
{
	return sscanf(line, "| 3.%d | %15[a-z ]|", minor, layout) == 2;
}

TEST(documented_versions_are_those_known)
{
	FILE *in = fopen("docs/supported.md", "r");
	char line[1024], layout[16], text[16];
	int minor, known = -1;
	bool own_table = false;
	size_t rows = 0;

	if (!in)
		SKIP("docs/supported.md is not here");
	while (fgets(line, sizeof(line), in) && !test_failure[0]) {
		if (!read_row(line, &minor, layout))
			continue;
		if (python_layout__known(rows, &known, &own_table) || minor != known)
			snprintf(test_failure, sizeof(test_failure),
				 "row %zu is 3.%d; the %zuth version known is 3.%d", rows, minor,
				 rows, known);
		else if (strcmp(layout, own_table ? "its own " : "fixed "))
			snprintf(test_failure, sizeof(test_failure), "3.%d: layout is %s", minor,
				 layout);
		rows++;
	}
	fclose(in);
	if (test_failure[0])
		return;
	CHECK(python_layout__known(rows, &known, &own_table), "3.%d has no row", known);
	CHECK(rows > 0);
	CHECK_EQ(python_layout__known(0, &minor, &own_table), 0);
	snprintf(text, sizeof(text), "3.%d", minor);
	CHECK_STR(text, PYTHON_OLDEST);
	CHECK_EQ(python_layout__known(rows - 1, &minor, &own_table), 0);
	snprintf(text, sizeof(text), "3.%d", minor);
	CHECK_STR(text, PYTHON_NEWEST);
}

TEST_MAIN
