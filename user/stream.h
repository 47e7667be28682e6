/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a report's stream can show. */
#ifndef STREAM_H
#define STREAM_H

#include "render.h"

/* Colour, glyphs and width, from the terminal that out may be, NO_COLOR and the locale. */
struct render_options stream__options(FILE *out);

#endif
