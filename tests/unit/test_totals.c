// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The figures of intervals and of repeated runs. */
#include "core/report/totals.h"
#include "fixtures.h"
#include "test.h"

static const struct render_options look = {.ascii = true};

/* What `put` prints. */
static char text[8192];

static void print(enum totals_format format, const struct totals *t, size_t n, bool of_runs)
{
	const struct totals_style style = {format, ",", &look};
	FILE *out = fmemopen(text, sizeof(text), "w");

	for (size_t i = 0; !of_runs && i < n; i++)
		totals__put_interval(out, &style, &t[i], (i + 1) * S, i);
	if (of_runs)
		totals__put_runs(out, &style, t, n);
	fclose(out);
}

TEST(totals_are_those_of_all_gils)
{
	struct snapshot *s = fixture__make("multiprocess");
	struct totals t, none = {0}, since;
	__u64 acquisitions = 0, waited = 0;

	totals__of(s, &t);
	for (size_t i = 0; i < s->nr_processes; i++)
		for (size_t j = 0; j < s->processes[i].nr_gils; j++) {
			acquisitions += s->processes[i].gils[j].fig.acquisitions;
			waited += s->processes[i].gils[j].fig.wait.sum;
		}
	CHECK_EQ(t.value[TOTAL_acquisitions], acquisitions);
	CHECK(t.value[TOTAL_waited_ns] >= waited, "less than the waits that ended");
	since = totals__since(&t, &none);
	CHECK(!memcmp(&since, &t, sizeof(t)), "since the beginning");
	since = totals__since(&t, &t);
	CHECK_EQ(since.value[TOTAL_acquisitions], 0);
	snapshot__free(s);
}

/* At every step of a story, what the intervals have adds up to the whole. */
static struct totals last, sum;

static void at_a_step(struct story *st)
{
	struct totals now, since;

	st->process->end_ns = st->snapshot->end_ns = st->now;
	snapshot__finish(st->snapshot);
	totals__of(st->snapshot, &now);
	since = totals__since(&now, &last);
	for (int i = 0; i < NR_TOTALS; i++) {
		CHECK(now.value[i] >= last.value[i], "figure %d has fallen", i);
		sum.value[i] += since.value[i];
	}
	last = now;
}

TEST(intervals_add_up)
{
	struct snapshot *s;

	memset(&last, 0, sizeof(last));
	memset(&sum, 0, sizeof(sum));
	story_watch = at_a_step;
	s = fixture__make("two_threads");
	story_watch = NULL;
	CHECK(s, "no snapshot");
	CHECK(sum.value[TOTAL_acquisitions] > 0, "no step");
	for (int i = 0; i < NR_TOTALS; i++)
		CHECK_EQ(sum.value[i], last.value[i]);
	snapshot__free(s);
}

TEST(intervals_as_text_csv_and_json)
{
	struct totals t[2] = {{.value = {[TOTAL_elapsed_ns] = S,
					 [TOTAL_acquisitions] = 1234,
					 [TOTAL_contended] = 100,
					 [TOTAL_held_ns] = S / 2,
					 [TOTAL_contended_ns] = S / 4,
					 [TOTAL_waited_ns] = S / 2}},
			      {.value = {[TOTAL_elapsed_ns] = S, [TOTAL_lost] = 7}}};

	print(TOTALS_TEXT, t, 2, false);
	CHECK_STR(text,
		  "#     time    acquired     held  contended  waiting   handoffs  mean wait\n"
		  "     1.000       1,234   50.0 %     25.0 %     0.50          0    5.00 ms\n"
		  "     2.000           0    0.0 %      0.0 %     0.00          0          -  7 "
		  "lost\n");
	t[0].requests_unknown = true;
	print(TOTALS_CSV, t, 1, false);
	CHECK(strstr(text, "1.000000000,1234,,acquisitions\n"), "%s", text);
	CHECK(strstr(text, "1.000000000,500000000,ns,held_ns\n"), "%s", text);
	CHECK(strstr(text, "1.000000000,<not counted>,,requested_releases\n"), "%s", text);
	print(TOTALS_JSON, t, 2, false);
	CHECK(strstr(text, "\"acquisitions\": 1234,"), "%s", text);
	CHECK(strstr(text, "\"requested_releases\": null,"), "%s", text);
	CHECK(strchr(text, '\n') && strchr(strchr(text, '\n') + 1, '\n'), "not two lines: %s",
	      text);
}

TEST(repeated_runs)
{
	struct totals t[3] = {{.value = {[TOTAL_acquisitions] = 90, [TOTAL_held_ns] = 2 * S}},
			      {.value = {[TOTAL_acquisitions] = 100, [TOTAL_held_ns] = 2 * S}},
			      {.value = {[TOTAL_acquisitions] = 110, [TOTAL_held_ns] = 2 * S}}};

	print(TOTALS_CSV, t, 3, true);
	/* A deviation of 10, by the root of 3. */
	CHECK(strstr(text, "100.000,,acquisitions,5.77%,90,110\n"), "%s", text);
	CHECK(strstr(text, "2000000000.000,ns,held_ns,0.00%,2000000000,2000000000\n"), "%s", text);
	print(TOTALS_TEXT, t, 3, true);
	CHECK(strstr(text, "acquisitions                  100      5.8 %   90 to 110\n"), "%s",
	      text);
	print(TOTALS_TEXT, t, 1, true);
	CHECK(strstr(text, "acquisitions                   90          -   90 to 90\n"), "%s",
	      text);
	t[1].requests_unknown = true;
	print(TOTALS_JSON, t, 3, true);
	CHECK(strstr(text, "\"acquisitions\": {\"mean\": 100.000, \"error\": 5.774, \"least\": 90, "
			   "\"largest\": 110, \"values\": [90, 100, 110]},"),
	      "%s", text);
	CHECK(strstr(text, "\"requested_releases\": null,"), "%s", text);
}

TEST_MAIN
