// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>

#include "core/base/failure.h"

#define DEFINE_SETTER(field)                                                                       \
	void failure__##field(struct failure *f, const char *fmt, ...)                             \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		if (!f)                                                                            \
			return;                                                                    \
		va_start(ap, fmt);                                                                 \
		vsnprintf(f->field, sizeof(f->field), fmt, ap);                                    \
		va_end(ap);                                                                        \
	}

DEFINE_SETTER(what)
DEFINE_SETTER(cause)
DEFINE_SETTER(command)

void failure__print(const struct failure *f, FILE *out)
{
	fprintf(out, "gilscope: %s\n", f->what);
	if (f->cause[0])
		fprintf(out, "  likely cause: %s\n", f->cause);
	if (f->command[0])
		fprintf(out, "  try: %s\n", f->command);
}
