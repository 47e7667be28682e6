// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What was missed is told: every counter that the BPF programs share is read, and a copy of a record
 * that may be torn is counted. No kernel is needed: the tables are in this program's memory. */
#include <stdlib.h>

#include "edge/kernel/probe_private.h"
#include "test.h"

static struct gil_tables tables;

static void begin(struct probe *p)
{
	memset(p, 0, sizeof(*p));
	memset(&tables, 0, sizeof(tables));
	p->tables = &tables;
	p->skel = calloc(1, sizeof(*p->skel));
}

TEST(every_counter_of_the_tables_is_read)
{
	struct probe p;
	size_t n = 0;

	begin(&p);
#define CHECK_COUNTER(name, to)                                                                    \
	{                                                                                          \
		struct snapshot_lost lost = {0};                                                   \
                                                                                                   \
		memset(&tables, 0, sizeof(tables));                                                \
		tables.name = 3;                                                                   \
		probe__read_lost(&p, &lost);                                                       \
		CHECK(lost.to == 3 && snapshot_lost__total(&lost) == 3, "%s", #name);              \
		n++;                                                                               \
	}
	GIL_TABLES_LOSSES(CHECK_COUNTER)
	/* Besides them there are only three high-water marks, `frozen`, and two counters
	 * that are about nothing missed. */
	CHECK_EQ(sizeof(tables), 4 * sizeof(__u32) + (2 + n) * sizeof(__u64));
	free(p.skel);
}

TEST(torn_copies_are_counted)
{
	struct gil_lock locks[2] = {{.seq = 2}, {.seq = 3}}, copy;
	struct snapshot_lost lost = {0};
	struct probe p;

	begin(&p);
	p.locks = (struct table){.records = locks, .size = sizeof(locks[0]), .max = 2};
	probe__read_lock(&p, 0, &copy);
	probe__read_lost(&p, &lost);
	CHECK_EQ(lost.torn, 0);
	probe__read_lock(&p, 1, &copy);
	probe__read_lost(&p, &lost);
	CHECK_EQ(lost.torn, 1);
	free(p.skel);
}

TEST_MAIN
