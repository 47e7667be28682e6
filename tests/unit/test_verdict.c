// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>

#include "fixtures.h"
#include "core/report/render.h"
#include "test.h"
#include "core/figures/verdict.h"

/* Ends a story and returns its verdict; frees s. */
static struct verdict finished(struct snapshot *s)
{
	struct verdict v;

	snapshot__finish(s);
	v = verdict__of_snapshot(s);
	snapshot__free(s);
	return v;
}

static struct verdict judge(const char *name)
{
	struct snapshot *s = fixture__make(name);
	struct verdict v = verdict__of_snapshot(s);

	snapshot__free(s);
	return v;
}

TEST(each_story_has_its_verdict)
{
	static const struct {
		const char *name;
		enum verdict_kind kind;
		enum verdict_answer answer;
	} rows[] = {
		{"single", VERDICT_ONE_THREAD, VERDICT_NO},
		{"two_threads", VERDICT_SHARED, VERDICT_YES},
		{"multiprocess", VERDICT_EACH_ITS_OWN, VERDICT_NO},
		{"convoy", VERDICT_CONVOY, VERDICT_YES},
		{"blocked", VERDICT_ASLEEP, VERDICT_YES},
		{"native", VERDICT_NATIVE, VERDICT_YES},
		{"preempted", VERDICT_SHARED, VERDICT_YES},
		{"stuck", VERDICT_STUCK, VERDICT_YES},
		{"free_threaded", VERDICT_FREE_THREADED, VERDICT_NO},
		{"gil_on_for_moments", VERDICT_FREE_THREADED, VERDICT_NO},
		{"gil_turned_on", VERDICT_SHARED, VERDICT_YES},
		{"unseen", VERDICT_ONE_THREAD, VERDICT_NO},
		{"folded", VERDICT_SHARED, VERDICT_YES},
		{"many", VERDICT_SHARED, VERDICT_YES},
		{"empty", VERDICT_NOTHING_SEEN, VERDICT_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct verdict v = judge(rows[i].name);

		CHECK(v.kind == rows[i].kind, "%s: %s", rows[i].name, verdict_kind__name(v.kind));
		CHECK(v.answer == rows[i].answer, "%s: %s", rows[i].name,
		      verdict_answer__name(v.answer));
	}
}

TEST(shared_counts_its_threads)
{
	struct verdict v = judge("two_threads");

	CHECK_EQ(v.waiting.count, 2);
	CHECK(v.waiting.least > 0.45 && v.waiting.most < 0.55, "%g to %g", v.waiting.least,
	      v.waiting.most);
	v = judge("many");
	CHECK_EQ(v.waiting.count, 14);
	CHECK_EQ(v.others, 2);
	CHECK(v.named, "which of the GILs?");
}

TEST(convoy_names_both_threads)
{
	struct verdict v = judge("convoy");

	CHECK_EQ(v.waiting.tid, 4713);
	CHECK_EQ(v.front.tid, 4712);
	CHECK(v.waiting.wait_ns > 5 * MS && v.waiting.wait_ns < 6 * MS, "%llu", v.waiting.wait_ns);
}

TEST(the_native_holder_is_named)
{
	CHECK_EQ(judge("native").front.tid, 4712);
	CHECK_EQ(judge("blocked").front.tid, 4712);
	CHECK_EQ(judge("stuck").front.tid, 4712);
	CHECK(judge("stuck").asleep, "its sleep was seen");
}

/* A web server's thread that seldom meets a long computation, but waits 5 ms each time. */
TEST(a_rare_convoy_is_told)
{
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 1, "python3");
	struct verdict v;

	story__thread(&st, 1, "compute");
	story__thread(&st, 2, "serve");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 20; i++) {
		story__pass(&st, 65 * MS);
		story__wait(&st, 2);
		story__pass(&st, 5 * MS);
		story__hand_over(&st, 1, 2, true);
		story__wait(&st, 1);
		story__hand_over(&st, 2, 1, false);
	}
	story__end(&st, false);
	v = finished(s);
	CHECK_STR(verdict_kind__name(v.kind), "convoy");
	CHECK_STR(verdict_answer__name(v.answer), "partly");
}

/* Threads compute, and the thread that started them waited a whole turn for each. That thread does
 * not matter. */
TEST(who_started_the_threads_is_no_convoy)
{
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 1, "python3");
	struct verdict v;
	__u32 holder = 1;

	for (__u32 tid = 1; tid <= 4; tid++) {
		story__thread(&st, tid, "python3");
		if (tid < 4)
			story__wait(&st, tid);
	}
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 150; i++) {
		__u32 next = holder % 3 + 1;

		if (i < 12)
			story__wait(&st, 4);
		story__pass(&st, 6 * MS);
		if (i < 12) {
			story__hand_over(&st, holder, 4, true);
			story__wait(&st, holder);
			story__pass(&st, 50 * US);
			story__hand_over(&st, 4, next, false);
		} else {
			story__hand_over(&st, holder, next, true);
			story__wait(&st, holder);
		}
		holder = next;
	}
	story__end(&st, false);
	v = finished(s);
	CHECK_STR(verdict_kind__name(v.kind), "shared");
	CHECK_EQ(v.waiting.count, 3);
}

/* Both threads had an easy start, and not every turn has to wait, but it is still a convoy. */
TEST(a_convoy_after_an_easy_start)
{
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 1, "python3");
	struct verdict v;

	story__thread(&st, 1, "compute");
	story__thread(&st, 2, "serve");
	for (int i = 0; i < 2000; i++) {
		__u32 tid = i % 2 ? 1 : 2;

		story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 10 * US);
		story__edge(&st, tid, GIL_EDGE_RELEASE, 0);
		story__pass(&st, 2 * US);
	}
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 100; i++) {
		story__pass(&st, 1 * MS);
		story__wait(&st, 2);
		story__pass(&st, 5 * MS);
		story__hand_over(&st, 1, 2, true);
		story__wait(&st, 1);
		story__hand_over(&st, 2, 1, false);
	}
	story__end(&st, false);
	v = finished(s);
	CHECK_STR(verdict_kind__name(v.kind), "convoy");
	CHECK_EQ(v.waiting.tid, 2);
	CHECK_EQ(v.front.tid, 1);
}

/* Threads that sleep most of the time, and meet only now and then. */
static struct snapshot *make_idle(__u64 pause)
{
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 1, "python3");

	story__thread(&st, 1, "a");
	story__thread(&st, 2, "b");
	for (int i = 0; i < 100; i++) {
		story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 200 * US);
		story__wait(&st, 2);
		story__pass(&st, 100 * US);
		story__hand_over(&st, 1, 2, false);
		story__pass(&st, 300 * US);
		story__edge(&st, 2, GIL_EDGE_RELEASE, 0);
		story__pass(&st, pause);
	}
	story__end(&st, false);
	snapshot__finish(s);
	return s;
}

TEST(idle_and_busy_without_much_waiting)
{
	struct snapshot *s = make_idle(20 * MS);
	struct verdict v = verdict__of_snapshot(s);

	snapshot__free(s);
	CHECK_STR(verdict_kind__name(v.kind), "idle");
	CHECK_STR(verdict_answer__name(v.answer), "no");
	s = make_idle(550 * US);
	v = verdict__of_snapshot(s);
	snapshot__free(s);
	CHECK(v.contended_ratio < 0.1 && v.held_ratio > 0.5, "%g %g", v.contended_ratio,
	      v.held_ratio);
	CHECK_STR(verdict_kind__name(v.kind), "busy");
	CHECK_STR(verdict_answer__name(v.answer), "no");
}

/* Long holds prove nothing if no thread asked for their end. */
TEST(a_long_hold_alone_is_not_native_code)
{
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 1, "python3");
	struct verdict v;

	story__thread(&st, 1, "a");
	story__thread(&st, 2, "b");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 1 * S);
	for (int i = 0; i < 200; i++) {
		story__wait(&st, 2);
		story__pass(&st, 5 * MS);
		story__hand_over(&st, 1, 2, true);
		story__wait(&st, 1);
		story__pass(&st, 5 * MS);
		story__hand_over(&st, 2, 1, true);
	}
	story__end(&st, false);
	v = finished(s);
	CHECK_STR(verdict_kind__name(v.kind), "shared");
}

/* Nor do long waits prove anything if the holds are short: a waiter may have bad luck, and on a
 * busy machine a holder lacks a CPU now and then. */
TEST(long_waits_alone_are_not_native_code)
{
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 1, "python3");
	struct verdict v;
	__u32 holder = 1;

	for (__u32 tid = 1; tid <= 3; tid++)
		story__thread(&st, tid, "python3");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__wait(&st, 2);
	story__wait(&st, 3);
	for (int i = 0; i < 200; i++) {
		__u32 next = i % 40 == 39 ? 3 : holder == 1 ? 2 : 1;

		story__pass(&st, i == 100 ? 25 * MS : 6 * MS);
		story__hand_over(&st, holder, next, true);
		story__wait(&st, holder);
		holder = next;
	}
	story__end(&st, false);
	v = finished(s);
	CHECK_STR(verdict_kind__name(v.kind), "shared");
}

/* A helper that holds its GIL for all of its short life is not a second worker. */
TEST(a_short_helper_is_not_multiprocessing)
{
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 1, "python3");
	struct verdict v;

	story__thread(&st, 1, "python3");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 10 * S);
	story__end(&st, false);
	st = story__begin(s, 2, "python3");
	story__thread(&st, 2, "python3");
	story__edge(&st, 2, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 15 * MS);
	story__end(&st, true);
	v = finished(s);
	CHECK_STR(verdict_kind__name(v.kind), "one_thread");
	CHECK_EQ(v.pid, 1);
}

/* A process that ended before a window does not count in it, although its last seconds are
 * listed. */
TEST(what_ended_before_is_not_judged)
{
	struct snapshot *s = fixture__make("two_threads");
	struct verdict v;

	s->processes[0].exited = true;
	s->start_ns = s->processes[0].end_ns - 1;
	v = verdict__of_snapshot(s);
	CHECK_STR(verdict_kind__name(v.kind), "shared");
	s->start_ns = s->processes[0].end_ns + 1;
	v = verdict__of_snapshot(s);
	snapshot__free(s);
	CHECK_STR(verdict_kind__name(v.kind), "nothing_seen");
}

TEST(an_unknown_lock_word_is_not_zero)
{
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 1, "python3");
	struct verdict v;

	story__pass(&st, 1 * S);
	story__end(&st, false);
	snapshot__finish(s);
	v = verdict__of_snapshot(s);
	CHECK_STR(verdict_kind__name(v.kind), "nothing_seen");
	st.gil->locked_at_start = 0;
	v = verdict__of_snapshot(s);
	snapshot__free(s);
	CHECK_STR(verdict_kind__name(v.kind), "idle");
}

static void tell_all(const struct verdict *v, char *text, size_t size)
{
	struct verdict_text t;

	verdict__tell(v, true, &t);
	snprintf(text, size, "%s: %s %s %s %s", t.answer, t.sentence, t.support[0], t.support[1],
		 t.support[2]);
}

/* The report as one line, without line breaks. */
static char *report(const struct snapshot *s)
{
	struct render_options o = {.width = 120, .ascii = true};
	char *text = NULL;
	size_t size = 0, to = 0;
	FILE *out = open_memstream(&text, &size);

	render_text(out, s, &o);
	fclose(out);
	for (size_t i = 0; i < size; i++) {
		if (isspace(text[i]) && to && text[to - 1] == ' ')
			continue;
		text[to++] = isspace(text[i]) ? ' ' : text[i];
	}
	text[to] = '\0';
	return text;
}

/* Where the report continues after the verdict and its support, with which it begins; 0 if it does
 * not begin with them. */
static size_t below(const char *report, const struct verdict *v)
{
	struct verdict_text t;
	const char *last;
	int i = VERDICT_SUPPORT;

	verdict__tell(v, true, &t);
	while (i && !t.support[i - 1][0])
		i--;
	last = i ? t.support[i - 1] : t.sentence;
	report = strstr(report, last) ? report : "";
	return *report ? (size_t)(strstr(report, last) - report) + strlen(last) : 0;
}

/* Every figure with a unit or a per cent sign in the verdict must be in the report below it. */
TEST(the_report_has_every_figure_of_its_verdict)
{
	for (const struct fixture *f = fixture_table; f->name; f++) {
		struct snapshot *s = f->make();
		struct verdict v = verdict__of_snapshot(s);
		char *text = report(s), told[2048], figure[64] = "";
		size_t rest = below(text, &v);
		bool found = rest > 0;

		tell_all(&v, told, sizeof(told));
		for (char *c = told; found && *c; c++) {
			int length = 0, unit = 0;

			if (!isdigit(*c) || (c > told && !strchr(" (", c[-1])))
				continue;
			sscanf(c, "%*[0-9.,]%n %*[a-z%%]%n", &length, &unit);
			if (unit <= length || unit > 30 || !strchr("mnus%", c[length + 1]))
				unit = length;
			snprintf(figure, sizeof(figure), "%.*s", unit, c);
			found = strstr(text + rest, figure) || unit == length;
			c += unit - 1;
		}
		free(text);
		snapshot__free(s);
		CHECK(found, "%s: \"%s\" of: %.300s", f->name, figure, told);
	}
}

TEST(names_and_sentences_are_complete)
{
	for (int kind = 0; kind <= VERDICT_INTERVAL; kind++) {
		struct verdict v = {.kind = (enum verdict_kind)kind, .switch_interval_us = 5000};
		struct verdict_text t;

		verdict__tell(&v, false, &t);
		CHECK(t.sentence[0] && t.sentence[strlen(t.sentence) - 1] == '.', "%.200s",
		      t.sentence);
		CHECK(verdict_kind__name(v.kind)[0], "kind %d", kind);
	}
}

TEST_MAIN
