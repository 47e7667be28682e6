/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this program was built from and with, for --version and for bug reports. */
#ifndef BUILD_INFO_H
#define BUILD_INFO_H

#include <stdio.h>

void build_info__print(FILE *out);

#endif
