// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes as entries of the ring of samples, which the kernel fills with what it copies from the memory of
 * a process. The first byte says of which version's objects; then come entries, each with its size
 * in two bytes. One of the kind 255 is a gap that is still open. What comes out must be usable: text
 * that ends and is UTF-8, and rows that add up to the figures of the GIL.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/figures/blame.h"
#include "edge/observe/process_blame.h"
#include "gil_blame.h"

#define OPEN_GAP 255
/* The largest entry. */
#define ROOM 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of the looker's. Its names are those of native code, which an ELF file's owner chooses. */
int looker__native(struct looker *l, pid_t pid, const struct python *py, __u64 address,
		   struct native *n)
{
	(void)l, (void)pid, (void)py;
	memset(n, 0, sizeof(*n));
	if (address % 5 == 4)
		return -ENOENT;
	n->start = address & ~0xffULL;
	n->end = n->start + (address % 5 == 3 ? 0 : 256);
	memset(n->path, 'p', sizeof(n->path)); /* without an end */
	memset(n->name, (int)(address >> 8 & 0xff), sizeof(n->name));
	return 0;
}

static void check_text(const char *s, size_t room)
{
	size_t length;

	if (!s)
		return;
	if (strnlen(s, room) == room)
		abort();
	for (; *s; s += length)
		if (utf8__decode(s, &length) == UTF8_INVALID)
			abort();
}

static void check_sample(const struct blame_sample *s)
{
	const struct blame_row *row = NULL;

	if (!s)
		return;
	if (s->kind >= BLAME_SAMPLES || s->at.kind >= BLAME_OTHERS)
		abort();
	check_text(s->at.function, sizeof(row->function));
	check_text(s->at.file, sizeof(row->file));
	if (s->at.native && strnlen(s->at.native, sizeof(row->native)) == sizeof(row->native))
		abort();
}

static void check_rows(const struct blame *samples)
{
	const struct blame_totals totals = {.oncpu_ns = 1000000007,
					    .blocked_ns = 500000,
					    .preempted_ns = 3,
					    .wait_ns = 3000000019};
	struct blame_row *rows, *sums;
	__u64 held = 0, waited = 0;
	size_t n, nr_sums;

	rows = blame__rows(samples, &totals, &n);
	if (!rows || n > BLAME_STACKS + BLAME_PLACES + 3)
		abort();
	for (size_t i = 0; i < n; i++) {
		held += rows[i].hold_ns;
		waited += rows[i].wait_ns;
		check_text(rows[i].function, sizeof(rows[i].function));
		check_text(rows[i].file, sizeof(rows[i].file));
	}
	if (held != totals.oncpu_ns + totals.blocked_ns + totals.preempted_ns ||
	    waited != totals.wait_ns)
		abort();
	nr_sums = n;
	sums = blame__by_function(rows, &nr_sums);
	if (!sums || nr_sums > n)
		abort();
	free(sums);
	free(rows);
}

/* The rows as they would be if the observation ended with the thread in this gap. */
static void end_in(struct process_blame *b, const void *entry)
{
	struct gil_thread t = {.state = GIL_THREAD_HOLDING, .tid = 1, .cpu = GIL_PART_BLOCKED};
	struct snapshot_gil g = {.lock = {.state = GIL_LOCK_HELD, .last_tid = 1}};
	const struct blame_sample *open;
	struct gil_blame_gap gap;
	struct blame *samples;

	memcpy(&gap, entry, sizeof(gap));
	t.since = gap.since;
	if (process_blame__samples(b, NULL, 1, gap.since ? &gap : NULL, &t, &g, 1000, &samples,
				   &open))
		abort();
	check_sample(open);
	check_rows(samples);
	blame__free(samples);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static __u64 entry[ROOM / 8];
	struct python_version v = {.major = 3};
	struct python py = {.major = 3};
	struct process_blame *b;

	if (!size)
		return 0;
	py.minor = v.minor = 8 + data[0] % 5;
	memset(py.path, 'p', sizeof(py.path) - 1);
	if (python_frames__get(&v, 4096, NULL, 0, &py.frames, &py.objects))
		abort();
	b = process_blame__new(&py);
	if (!b)
		abort();
	data++;
	size--;
	while (size > 2) {
		size_t n = (data[0] | (size_t)data[1] << 8) % ROOM;

		data += 2;
		size -= 2;
		n = n < size ? n : size;
		memset(entry, 0, sizeof(entry));
		memcpy(entry, data, n);
		data += n;
		size -= n;
		if (*(unsigned char *)entry == OPEN_GAP)
			end_in(b, (unsigned char *)entry + 8);
		else
			check_sample(process_blame__entry(b, NULL, 1, entry,
							  n < sizeof(struct gil_blame_head)
								  ? sizeof(struct gil_blame_head)
								  : n));
	}
	end_in(b, entry);
	process_blame__free(b);
	return 0;
}
