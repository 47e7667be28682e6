// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes as a trace, through the reader, the replay, the reports and each export. Checksums
 * would keep nearly all changed bytes from ever being read. So the first byte says whether the
 * frames are used as they are, or are rebuilt around their content with correct checksums.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/export.h"
#include "core/report/render.h"

#define MEMORY (64UL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Builds frames from the data. Each begins with two bytes for type and flags, and two for its
 * length. */
static void frame_anew(struct bytes *file, const uint8_t *data, size_t size)
{
	__u32 sequence = 0;

	bytes__append(file, TRACE_MAGIC, TRACE_MAGIC_SIZE);
	while (size >= 4) {
		size_t n = data[2] | (size_t)data[3] << 8;
		struct trace_chunk c = {.frame = {.type = data[0] & 7,
						  .flags = data[1] & TRACE_FRAME_WITH_EDGES,
						  .sequence = sequence}};

		sequence += 1 + (data[1] >> 7); /* now and then a frame is missing */
		data += 4;
		size -= 4;
		if (n > size)
			n = size;
		bytes__append(&c.payload, data, n);
		trace_chunk__pack(&c, file);
		bytes__free(&c.payload);
		data += n;
		size -= n;
	}
}

static struct replay *open_bytes(const struct bytes *file)
{
	FILE *in = fmemopen(file->data, file->size, "r");
	struct failure f = {0};
	struct replay *r;

	if (!in)
		abort();
	if (replay__open_stream(&r, in, "fuzz", &f)) {
		if (!f.what[0])
			abort();
		return NULL;
	}
	replay__limit_memory(r, MEMORY);
	return r;
}

static void check_error(int err, const struct failure *f)
{
	if (err < 0 && !f->what[0])
		abort();
}

static void report(const struct bytes *file, FILE *out)
{
	const struct render_options o = {0};
	struct replay *r = open_bytes(file);
	struct failure f = {0};
	struct snapshot *s;
	int err;

	if (!r)
		return;
	err = replay__run(r, replay__start(r) + 1000000, &f);
	check_error(err, &f);
	s = err < 0 ? NULL : replay__snapshot(r);
	snapshot__free(s);
	err = err < 0 ? err : replay__run(r, ~0ULL, &f);
	check_error(err, &f);
	s = replay__snapshot(r);
	if (s) {
		render_text(out, s, &o);
		render_json(out, s, &o);
	}
	snapshot__free(s);
	if (replay__kernel_figures(r))
		render_json(out, replay__kernel_figures(r), &o);
	replay__free(r);
}

static void export(const struct bytes *file, FILE *out, const struct exporter *e, bool ranged)
{
	struct replay *r = open_bytes(file);
	const struct export_part part = {.until_ns = ~0ULL, .min_ns = ranged ? 1000000 : 0};
	struct failure f = {0};
	int err = 0;

	if (!r)
		return;
	if (ranged)
		err = replay__begin(r, replay__start(r) + 5000000, &f);
	check_error(err, &f);
	if (err >= 0)
		check_error(e->run(out, r, &part, &f), &f);
	replay__free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes file = {0};
	FILE *out = fopen("/dev/null", "w");

	if (!out || !size)
		return out ? fclose(out) : 0;
	if (data[0] & 1)
		frame_anew(&file, data + 1, size - 1);
	else
		bytes__append(&file, data + 1, size - 1);
	if (file.size) {
		report(&file, out);
		for (const struct exporter *e = exporter_table; e->name; e++)
			export(&file, out, e, data[0] & 2);
	}
	bytes__free(&file);
	fclose(out);
	return 0;
}
