// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Exit statuses, moments, and the formats on snapshots with hostile names. */
#include <errno.h>

#include "core/check/check.h"
#include "fixtures.h"
#include "core/base/format.h"
#include "core/check/openmetrics.h"
#include "test.h"
#include "core/base/utf8.h"

struct trial {
	struct assertion_set set;
	struct snapshot *run;
	struct moments *moments;
	struct check check;
};

/* Judges rules on a fixture. The list of rules ends with NULL. */
static bool begin(struct trial *t, const char *fixture, const char *const *rules)
{
	struct failure f = {0};
	struct runs runs = {&t->run, 1}, none = {NULL, 0};

	memset(t, 0, sizeof(*t));
	t->check.inconclusive_is = JUDGED_INCONCLUSIVE;
	t->check.title = "a<b & \"c\"\n::error::d\x1b[31m\xff\x80";
	t->run = fixture__make(fixture);
	for (; *rules; rules++)
		if (assertion_set__add(&t->set, *rules, &f))
			return false;
	t->moments = moments__new(&t->set);
	t->check.moments = t->moments;
	return t->moments && !moments__look(t->moments, t->run) &&
	       !check__judge(&t->check, &t->set, &runs, &none);
}

static void end(struct trial *t)
{
	check__clear(&t->check);
	moments__free(t->moments);
	assertion_set__clear(&t->set);
	snapshot__free(t->run);
}

TEST(statuses)
{
	static const struct {
		const char *rules[4];
		enum judged inconclusive_is;
		int status;
	} rows[] = {
		{{"acquisitions > 1"}, JUDGED_INCONCLUSIVE, 0},
		{{"acquisitions < 1"}, JUDGED_INCONCLUSIVE, 1},
		{{"warn acquisitions < 1"}, JUDGED_INCONCLUSIVE, 0},
		{{"wait.p99.99 < 1s"}, JUDGED_INCONCLUSIVE, 3},
		{{"wait.p99.99 < 1s"}, JUDGED_PASS, 0},
		{{"wait.p99.99 < 1s"}, JUDGED_FAIL, 1},
		{{"warn wait.p99.99 < 1s"}, JUDGED_FAIL, 0},
		{{"wait.max{pid=\"1\"} < 1s"}, JUDGED_PASS, 2},
		{{"warn wait.max{pid=\"1\"} < 1s"}, JUDGED_PASS, 2},
		{{"wait.p99 < 1s if wait.count < 1"}, JUDGED_INCONCLUSIVE, 0},
		{{"wait.p99.99 < 1s", "wait.max{pid=\"1\"} < 1s"}, JUDGED_INCONCLUSIVE, 2},
		{{"wait.p99.99 < 1s", "wait.max{pid=\"1\"} < 1s", "acquisitions < 1"},
		 JUDGED_INCONCLUSIVE,
		 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct trial t;
		bool ok = begin(&t, "convoy", rows[i].rules);
		int status;

		t.check.inconclusive_is = rows[i].inconclusive_is;
		status = ok ? check__status(&t.check) : -1;
		end(&t);
		CHECK(status == rows[i].status, "row %zu (%s): %d", i, rows[i].rules[0], status);
	}
}

static char *render(const struct check_format *f, const struct check *c, bool ascii)
{
	struct render_options o = {.version = "0.0.0", .width = 80, .ascii = ascii};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err = f->render(out, c, &o);

	fclose(out);
	if (!err)
		return text;
	free(text);
	return NULL;
}

static const char *const every_verdict[] = {"hold.max < 1ns",
					    "warn wait.max < 1ns",
					    "acquisitions > 1",
					    "wait.p99.9999 < 1s",
					    "wait.p50 < 1s if wait.count > 100000",
					    "hold.max{thread=\"\xff\xe2\x80\xae|`<b>\"} < 1s",
					    "held_ratio > 200%",
					    "chain.max < 1",
					    "contended_ratio >= 0",
					    NULL};

/* Whatever the names are, the output is valid UTF-8 and cannot control a terminal. */
TEST(every_format_is_clean)
{
	for (const struct fixture *x = fixture_table; x->name; x++) {
		for (const struct check_format *f = check_format_table; f->name; f++) {
			struct trial t;
			bool ok = begin(&t, x->name, every_verdict), clean = true;
			char *text = ok ? render(f, &t.check, false) : NULL;
			size_t n;

			for (const char *s = text; s && *s; s += n) {
				__u32 c = utf8__decode(s, &n);

				clean = clean && c != UTF8_INVALID &&
					(c == '\n' || utf8__columns(c) >= 0 || c == 0x202e ||
					 c == 0xfffd);
			}
			free(text);
			end(&t);
			CHECK(text, "%s as %s", x->name, f->name);
			CHECK(clean, "%s as %s", x->name, f->name);
		}
	}
}

TEST(text_without_unicode)
{
	struct trial t;
	bool ok = begin(&t, "hostile", every_verdict);
	char *text = ok ? render(check_format__find("text"), &t.check, true) : NULL;
	bool ascii = true;

	for (const char *s = text; s && *s; s++)
		ascii = ascii && (unsigned char)*s < 0x80;
	free(text);
	end(&t);
	CHECK(text && ascii, "not ASCII");
}

/* A line break in a name never ends a line in formats that machines read line by line. */
TEST(lines_stay_lines)
{
	struct trial t;
	bool ok = begin(&t, "hostile", every_verdict);
	char *text = ok ? render(check_format__find("github"), &t.check, false) : NULL;
	bool good = text;

	for (char *line = text, *next; good && *line; line = next) {
		next = strchr(line, '\n') + 1;
		good = !strncmp(line, "::error ", 8) || !strncmp(line, "::warning ", 10);
	}
	free(text);
	end(&t);
	CHECK(good, "a line that is no annotation");
}

TEST(a_full_disk_is_an_error)
{
	for (const struct check_format *f = check_format_table; f->name; f++) {
		struct render_options o = {.width = 80};
		FILE *out = fopen("/dev/full", "w");
		struct trial t;
		int err;

		if (!out)
			SKIP("no /dev/full");
		begin(&t, "convoy", every_verdict);
		err = f->render(out, &t.check, &o);
		fclose(out);
		end(&t);
		CHECK(err == -ENOSPC, "%s: %d", f->name, err);
	}
}

/* ---- moments ---- */

/* Looks at the story so far. */
static int look(struct moments *m, struct story *st)
{
	story__end(st, false);
	return moments__look(m, st->snapshot);
}

TEST(moments_of_holds)
{
	struct assertion_set set = {0};
	struct snapshot *s = snapshot__new();
	struct story st = story__begin(s, 100, "python3");
	__u32 a = story__thread(&st, 100, "main"), b = story__thread(&st, 101, "native");
	const struct moments_of_rule *r;
	struct moments *m;
	struct failure f = {0};

	CHECK(!assertion_set__add(&set, "hold.max < 10ms", &f), "%s", f.what);
	m = moments__new(&set);
	CHECK(m && moments__wanted(m), "not wanted");
	moments__begin(m, 0);
	story__edge(&st, a, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 5 * MS);
	story__edge(&st, a, GIL_EDGE_RELEASE, 0);
	CHECK(!look(m, &st), "look");
	/* A long hold is noticed while it lasts, and gives a single moment. */
	story__edge(&st, b, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 50 * MS);
	CHECK(!look(m, &st), "look");
	story__pass(&st, 50 * MS);
	CHECK(!look(m, &st), "look");
	story__edge(&st, b, GIL_EDGE_RELEASE, 0);
	story__pass(&st, 100 * MS);
	CHECK(!look(m, &st), "look");
	/* A later one gives another moment. */
	story__edge(&st, b, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 20 * MS);
	story__edge(&st, b, GIL_EDGE_RELEASE, 0);
	CHECK(!look(m, &st), "look");
	r = moments__of(m, 0);
	CHECK_EQ(r->nr, 2);
	CHECK_EQ(r->kept[0].tid, 101);
	CHECK_EQ(r->kept[0].values, 1);
	CHECK_EQ(r->kept[0].longest, 100 * MS);
	CHECK_EQ(r->kept[0].from_ns, 5 * MS);
	CHECK_EQ(r->kept[0].to_ns, 105 * MS);
	CHECK_EQ(r->kept[1].from_ns, 205 * MS);
	CHECK_EQ(r->kept[1].to_ns, 225 * MS);
	CHECK_EQ(r->kept[1].longest, 0);
	moments__free(m);
	assertion_set__clear(&set);
	snapshot__free(s);
}

TEST(moments_are_of_single_values)
{
	static const char *const rules[] = {"hold.sum < 1ms", "held_ratio < 1%", "hold.max > 1ms",
					    "hold.max < +1% vs baseline", "acquisitions < 1"};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct assertion_set set = {0};
		struct failure f = {0};
		struct moments *m;
		bool wanted;

		CHECK(!assertion_set__add(&set, rules[i], &f), "%s", f.what);
		m = moments__new(&set);
		wanted = moments__wanted(m);
		moments__free(m);
		assertion_set__clear(&set);
		CHECK(!wanted, "%s", rules[i]);
	}
}

/* A value that is not at the limit must not be shown as the limit, or on its other side. */
TEST(shares_as_fractions)
{
	static const struct {
		double value;
		const char *shown;
	} rows[] = {{0, "0.0000"}, {0.00001, "<0.0001"}, {0.99643, "0.9964"}, {0.99999, ">0.9999"},
		    {1, "1.0000"}, {1.5, "1.5000"},      {12.34, "12.3"}};
	struct assertion_error e;
	struct assertion a;

	CHECK(!assertion__parse(&a, "held_ratio < 0.996", &e), "%s", e.message);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK(!strcmp(check__value(&a, rows[i].value, true).s, rows[i].shown), "%s: %s",
		      rows[i].shown, check__value(&a, rows[i].value, true).s);
}

/* A sum of 20 minutes, and a tenth. */
TEST(json_has_large_limits)
{
	static const char *const rules[] = {"hold.sum < 1s", NULL};
	struct trial t;
	bool ok = begin(&t, "convoy", rules);
	char *text;

	CHECK(ok, "the rule");
	t.check.judgements[0].limit = 1358045146067.5;
	text = render(check_format__find("json"), &t.check, false);
	end(&t);
	ok = text && strstr(text, "\"limit\": 1358045146067,");
	free(text);
	CHECK(ok, "the limit is not there");
}

/* Two sub-interpreters, one after the other, with their GIL at the same address. */
TEST(gils_at_one_address)
{
	struct assertion_set set = {0};
	struct snapshot *s = snapshot__new();
	struct snapshot_process *p = snapshot__add_process(s);
	const struct moments_of_rule *r;
	struct runs runs = {&s, 1};
	struct moments *m;
	struct failure f = {0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	CHECK(!assertion_set__add(&set, "hold.max < 10ms", &f), "%s", f.what);
	for (int i = 0; i < 2; i++) {
		struct snapshot_gil *g = snapshot_process__add_gil(p);
		struct gil_thread *t = snapshot_gil__add_thread(g);

		g->lock.address = 0x1000;
		g->interpreter = i + 1;
		t->tid = 100;
		for (int k = i; k < 2; k++)
			gil_hist_add(&t->fig.hold, 20 * MS);
	}
	s->end_ns = 100 * MS;
	m = moments__new(&set);
	for (int i = 0; i < 3; i++)
		CHECK(!moments__look(m, s), "look");
	r = moments__of(m, 0);
	CHECK_EQ(r->nr, 2);
	CHECK_EQ(r->kept[0].values, 2);
	CHECK_EQ(r->kept[1].values, 1);
	moments__free(m);
	assertion_set__clear(&set);

	snapshot__finish(s);
	openmetrics__families(out, &runs, false);
	fclose(out);
	CHECK(strstr(text, "gil=\"0x1000\",interpreter=\"1\"}"), "%.200s", text);
	CHECK(strstr(text, "gil=\"0x1000\",interpreter=\"2\"}"), "%.200s", text);
	free(text);
	snapshot__free(s);
}

TEST_MAIN
