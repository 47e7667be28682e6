// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A dashboard tells a program under one load the same sentence all the time: only figures change. */
#include <ctype.h>

#include "frames.h"
#include "core/figures/verdict_steady.h"
#include "core/replay/replay.h"

/* Removes what changes: figures and their units, and the second one of "50.0 % to 58.2 %". */
static void remove_figures(char *text)
{
	static const char *const units[] = {" ns", " us", " ms", " s", " %", " to #"};
	char *to = text;

	for (const char *at = text; *at;) {
		if (!isdigit((unsigned char)*at)) {
			*to++ = *at++;
			continue;
		}
		at += strspn(at, "0123456789.,");
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
			size_t n = strlen(units[i]);

			if (!strncmp(at, units[i], n) && !isalpha((unsigned char)at[n]))
				at += n;
		}
		/* A comma or a dot at its end is not a part of the figure, but does not matter. */
		if (!strncmp(at, " to ", 4) && isdigit((unsigned char)at[4]))
			at += 4;
		else
			*to++ = '#';
	}
	*to = '\0';
}

struct words {
	char s[(1 + VERDICT_SUPPORT) * VERDICT_TEXT];
};

static struct words words_of(const struct verdict *v)
{
	struct verdict_text text;
	struct words w;

	verdict__tell(v, true, &text);
	snprintf(w.s, sizeof(w.s), "%s: %s %s %s %s", text.answer, text.sentence, text.support[0],
		 text.support[1], text.support[2]);
	remove_figures(w.s);
	return w;
}

static const struct verdict shared = {
	.kind = VERDICT_SHARED,
	.answer = VERDICT_YES,
	.held_ratio = 0.9,
	.contended_ratio = 0.9,
	.waiting = {.count = 9, .tid = 12, .name = "io", .least = 0.5, .most = 0.6},
};

/* What is told beside the cause, and how, hangs on figures as well. */
TEST(words_beside_the_cause_do_not_flicker)
{
	struct verdict_steady steady = {0};
	struct words first = {""};

	for (int i = 1; i < 240; i++) {
		struct verdict v = shared;
		bool odd = i > 16 && i / 5 % 2;
		struct words w;

		v.preempted_share = odd ? 0.09 : 0.11;
		v.asleep_share = odd ? 0.11 : 0.09;
		v.held_ratio = odd ? 0.78 : 0.82;
		v.others = odd ? 0 : 2;
		v.small_turns = odd;
		v.computing = !odd;
		if (!odd)
			v.brief = (struct verdict_threads){.count = 1, .tid = 7, .name = "brief"};
		w = words_of(verdict_steady__next(&steady, &v, 5, (__u64)i * 250 * MS));
		if (i == 1)
			first = w;
		CHECK(!strcmp(w.s, first.s), "%d:\n%.700s\n%.700s", i, first.s, w.s);
	}
}

/* But what has changed for good is told. */
TEST(words_follow_what_lasts)
{
	struct verdict_steady steady = {0};
	struct verdict v = shared;
	const char *more = "though it could run";

	for (int second = 1; second < 30; second++) {
		struct words w;

		v.preempted_share = second < 10 ? 0.02 : second < 20 ? 0.3 : 0.02;
		w = words_of(verdict_steady__next(&steady, &v, 5, (__u64)second * S));
		CHECK(!strstr(w.s, more) == (second < 16 || second >= 26), "at %d s: %.700s",
		      second, w.s);
	}
}

/* Two processes in which threads wait about as long: each second, the other one's wait longer. */
static pid_t named(pid_t before, __u64 more)
{
	struct snapshot *s = snapshot__new();
	pid_t pid;

	for (pid_t p = 11; p < 13; p++) {
		struct story st = story__begin(s, p, "server");
		__u32 a = story__thread(&st, (__u32)p, "a"),
		      b = story__thread(&st, 20 + (__u32)p, "b");

		story__edge(&st, a, GIL_EDGE_ACQUIRE, 0);
		story__wait(&st, b);
		for (int i = 0; i < 100; i++) {
			story__pass(&st, 5 * MS + (p == 11 ? more : 0));
			story__hand_over(&st, i & 1 ? b : a, i & 1 ? a : b, true);
			story__wait(&st, i & 1 ? b : a);
		}
		story__end(&st, false);
	}
	snapshot__finish(s);
	pid = verdict__of_snapshot_after(s, before).pid;
	snapshot__free(s);
	return pid;
}

TEST(a_process_that_was_named_stays_so)
{
	CHECK_EQ(named(0, 1 * MS), 11);
	CHECK_EQ(named(11, 1 * MS), 11);
	CHECK_EQ(named(12, 1 * MS), 12);
	CHECK_EQ(named(12, 5 * MS), 11);
}

/* Shows a recording as `top` does, four times a second. The program needs a moment to start. */
static void check_recording(const char *path, const char *says)
{
	struct history *h = history__new(10 * S);
	struct words first = {""}, w;
	struct failure f = {0};
	struct replay *r;
	struct view v;
	int frames = 0;

	view__init(&v);
	CHECK_EQ(replay__open(&r, path, &f), 0);
	for (__u64 at = replay__start(r) + 250 * MS; replay__run(r, at, &f) == 1; at += 250 * MS) {
		struct snapshot *s = replay__snapshot(r);

		CHECK_EQ(history__add(h, s), 0);
		snapshot__free(s);
		free(frame(&v, h, 80, 24, false, false));
		if (at - replay__start(r) < 4 * S)
			continue;
		w = words_of(&v.verdict.shown);
		if (!frames++)
			first = w;
		CHECK(!strcmp(w.s, first.s), "after %.2f s:\n%.700s\n%.700s",
		      (double)(at - replay__start(r)) / 1e9, first.s, w.s);
	}
	CHECK(frames >= 4 * 56, "%d frames", frames);
	CHECK(strstr(first.s, says), "%.900s", first.s);
	replay__free(r);
	history__free(h);
}

TEST(a_minute_of_threads_that_compute)
{
	check_recording("tests/unit/traces/computing.gil", "want the GIL at the same time");
}

TEST(a_minute_of_a_convoy)
{
	check_recording("tests/unit/traces/convoy.gil", "This is the convoy effect");
}

/* Two threads that compute, and two that serve: for some seconds the one verdict fits, and then the
 * other one. */
TEST(a_minute_between_two_verdicts)
{
	check_recording("tests/unit/traces/between.gil", "want the GIL at the same time");
}

TEST_MAIN
