// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program that embeds CPython. It loads the library at run time; EMBED_LIBPYTHON names another
 * one. It takes the same arguments as python. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const char *path = getenv("EMBED_LIBPYTHON");
	void *lib = dlopen(path ? path : "libpython3.11.so.1.0", RTLD_NOW | RTLD_GLOBAL);
	int (*run)(int, char **) = lib ? (int (*)(int, char **))dlsym(lib, "Py_BytesMain") : NULL;

	if (!run) {
		fprintf(stderr, "embed: %s\n", dlerror());
		return 1;
	}
	return run(argc, argv);
}
