/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BASE_LOCALE_H
#define BASE_LOCALE_H

#include <stdbool.h>

/* True if the encoding of the user's locale is UTF-8. Sets the locale, for characters only. */
bool locale__is_utf8(void);

#endif
