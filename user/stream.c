// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"
#include "stream.h"

static int terminal_width(FILE *out)
{
	struct winsize size;

	return ioctl(fileno(out), TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

static bool is_utf8_locale(void)
{
	const char *name = getenv("LC_ALL");

	if (!name || !*name)
		name = getenv("LC_CTYPE");
	if (!name || !*name)
		name = getenv("LANG");
	return name && (strcasestr(name, "UTF-8") || strcasestr(name, "utf8"));
}

struct render_options stream__options(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");

	return (struct render_options){
		.colour = isatty(fileno(out)) && !(no_colour && *no_colour),
		.ascii = !is_utf8_locale(),
		.width = terminal_width(out),
		.version = GILSCOPE_VERSION,
	};
}
