// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/libbpf.h>

#include "core/base/version.h"
#include "edge/kernel/build_info.h"
/* The Makefile writes it. Only this file includes it, so that a commit compiles one file again. */
#include "build_info_values.h"

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

void build_info__print(FILE *out)
{
	fprintf(out,
		"gilscope %s\n"
		"  commit  %s\n"
		"  libbpf  %s\n"
		"  built   for %s, by %s, with %s\n",
		GILSCOPE_VERSION, BUILD_COMMIT, libbpf_version_string(), BUILD_ARCH, COMPILER,
		BUILD_OPTIONS);
}
