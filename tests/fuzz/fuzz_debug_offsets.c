// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes as the memory of an interpreter: PYTHON_LAYOUT_HEAD bytes of _PyRuntime, then
 * PYTHON_GIL_HEAD bytes of a GIL, then read-only data. What is accepted must be usable.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edge/python/python_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_layout(const struct python_layout *l, const uint8_t *gil, size_t size)
{
	struct gil_drop_request d = python_layout__drop_request(l, 4096);
	struct python_gil g;

	if (!d.known || l->main > 1 << 24 || l->own_gil > 1 << 24 || l->gil_shift > 8 ||
	    d.offset[0] > 1 << 24 || d.offset[1] > 1 << 24)
		abort();
	if (!python_layout__read_gil(l, gil, size, &g) &&
	    (g.switch_interval_us <= 0 || g.locked < 0 || g.locked > 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t head = size < PYTHON_LAYOUT_HEAD ? size : PYTHON_LAYOUT_HEAD;
	size_t gil = size - head < PYTHON_GIL_HEAD ? size - head : PYTHON_GIL_HEAD;
	struct python_version v;
	struct python_layout l;

	if (!python_version__from_head(data, head, &v) && !python_layout__get(&v, data, head, &l))
		use_layout(&l, data + head, gil);
	for (int minor = 0; minor < 20; minor++) {
		v = (struct python_version){.major = 3, .minor = minor, .text = "3"};
		if (!python_layout__get(&v, data, head, &l))
			use_layout(&l, data + head, gil);
		python_version__find_micro((const char *)data + head + gil, size - head - gil, &v);
		if (strlen(v.text) >= sizeof(v.text))
			abort();
		if (!python_version__from_tag((const char *)data + head + gil, size - head - gil,
					      &v) &&
		    strlen(v.text) >= sizeof(v.text))
			abort();
	}
	return 0;
}
