// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a table of lines: a byte for its kind, two for the first line, and two for the
 * instruction come first. */
#include <stdint.h>
#include <stdlib.h>

#include "core/python/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 5)
		return 0;
	if (lines__at(data[0] % 3, data + 5, size - 5, data[1] | data[2] << 8,
		      data[3] | data[4] << 8) < 0)
		abort();
	return 0;
}
