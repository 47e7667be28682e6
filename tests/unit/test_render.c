// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The renderers, against the files in tests/golden. */
#include <math.h>

#include "fixtures.h"
#include "core/base/format.h"
#include "golden.h"
#include "core/base/json.h"
#include "core/figures/metric.h"
#include "core/report/render.h"
#include "test.h"
#include "core/base/utf8.h"

static char *render(const char *renderer, const char *fixture, const struct render_options *o)
{
	struct snapshot *s = fixture__make(fixture);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err = renderer__find(renderer)->render(out, s, o);

	fclose(out);
	snapshot__free(s);
	if (!err)
		return text;
	free(text);
	return NULL;
}

static void check_golden(const char *renderer, const char *fixture, const char *suffix,
			 const struct render_options *o)
{
	char *got = render(renderer, fixture, o), name[128];

	CHECK(got, "%s of %s failed", renderer, fixture);
	snprintf(name, sizeof(name), "%s%s", fixture, suffix);
	golden_check(name, got);
}

TEST(golden_text)
{
	struct render_options o = {.width = 80};

	for (const struct fixture *f = fixture_table; f->name && !test_failure[0]; f++)
		check_golden("text", f->name, ".txt", &o);
}

/* Whatever was missed, each report says so. */
static void check_loss(const char *name, size_t field)
{
	struct snapshot *s = fixture__make("two_threads");
	struct render_options o = {.width = 80};
	char wanted[64], *text = NULL, *json = NULL;
	size_t size = 0;
	FILE *out;

	memset(&s->lost, 0, sizeof(s->lost));
	((__u64 *)&s->lost)[field] = 987;
	out = open_memstream(&text, &size);
	renderer__find("text")->render(out, s, &o);
	fclose(out);
	out = open_memstream(&json, &size);
	renderer__find("json")->render(out, s, &o);
	fclose(out);
	snprintf(wanted, sizeof(wanted), "\"%s\": 987", name);
	if (!strstr(text, "987") || strstr(text, "Nothing was missed") || !strstr(json, wanted) ||
	    !strstr(json, "\"lost_events\": 987"))
		snprintf(test_failure, sizeof(test_failure), "%s is not told", name);
	free(text);
	free(json);
	snapshot__free(s);
}

TEST(every_loss_is_told)
{
	size_t field = 0;

#define CHECK_LOSS(name)                                                                           \
	if (!test_failure[0])                                                                      \
		check_loss(#name, field++);
	SNAPSHOT_LOSSES(CHECK_LOSS)
}

TEST(golden_text_of_other_kinds)
{
	struct render_options wide = {.width = 120}, ascii = {.ascii = true};
	struct render_options colour = {.width = 100, .colour = true};

	check_golden("text", "convoy", "-120.txt", &wide);
	check_golden("text", "hostile", "-ascii.txt", &ascii);
	check_golden("text", "two_threads", "-colour.txt", &colour);
}

TEST(golden_json)
{
	static const char *const names[] = {"single",        "two_threads",   "convoy",
					    "multiprocess",  "free_threaded", "gil_on_for_moments",
					    "gil_turned_on", "hostile",       "unseen",
					    "empty",         "blamed"};
	struct render_options o = {.version = "0.0.0"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !test_failure[0]; i++)
		check_golden("json", names[i], ".json", &o);
}

TEST(json_has_no_character_that_disturbs_a_terminal)
{
	struct render_options o = {.version = "0.0.0"};
	char *text = render("json", "hostile", &o);
	size_t n;

	CHECK(strstr(text, "\\u202eright-to-left"));
	for (const char *s = text; *s; s += n) {
		__u32 c = utf8__decode(s, &n);

		CHECK(c == '\n' || (c != UTF8_INVALID && utf8__columns(c) >= 0), "%#x", c);
	}
	free(text);
}

/* Checks each line: not too long, no control characters, valid UTF-8, ASCII if asked for. */
static void check_lines(const char *fixture, const struct render_options *o)
{
	char *text = render("text", fixture, o), *line = text, *end, bad[200];
	bool good = true;

	while (good && (end = strchr(line, '\n'))) {
		size_t n;

		*end = '\0';
		good = format__columns(line) <= o->width;
		for (const char *s = line; good && *s; s += n) {
			__u32 c = utf8__decode(s, &n);

			good = c != UTF8_INVALID && utf8__columns(c) >= 0 &&
			       (!o->ascii || c < 0x80);
		}
		line = good ? end + 1 : line;
	}
	snprintf(bad, sizeof(bad), "%s", line);
	free(text);
	CHECK(good, "%s at %d columns: \"%s\"", fixture, o->width, bad);
}

TEST(lines_fit_and_are_clean)
{
	static const int widths[] = {80, 89, 90, 100, 120, 79, 60, 48};

	for (const struct fixture *f = fixture_table; f->name && !test_failure[0]; f++) {
		for (int i = 0; i < 16 && !test_failure[0]; i++) {
			struct render_options o = {.width = widths[i / 2], .ascii = i & 1};

			check_lines(f->name, &o);
		}
	}
}

/* Colour only adds to the text: without the colour codes, both versions are the same. */
TEST(colour_changes_no_text)
{
	struct render_options plain = {.width = 80}, colour = {.width = 80, .colour = true};

	for (const struct fixture *f = fixture_table; f->name; f++) {
		char *a = render("text", f->name, &plain), *b = render("text", f->name, &colour);
		char *to = b;
		bool same;

		for (char *from = b; *from; from++) {
			if (*from == '\033')
				from = strchr(from, 'm');
			else
				*to++ = *from;
		}
		*to = '\0';
		same = !strcmp(a, b);
		free(a);
		free(b);
		CHECK(same, "%s", f->name);
	}
}

TEST(a_full_disk_is_an_error)
{
	struct render_options o = {.width = 80};

	for (const struct renderer *r = renderer_table; r->name; r++) {
		FILE *out = fopen("/dev/full", "w");
		struct snapshot *s = fixture__make("blamed");
		int err;

		if (!out)
			SKIP("no /dev/full");
		err = r->render(out, s, &o);
		fclose(out);
		snapshot__free(s);
		CHECK_EQ(err, -ENOSPC);
	}
}

TEST(renderers_are_found)
{
	CHECK(renderer__find("json")->render == render_json, "json");
	CHECK(renderer__find("text")->render == render_text, "text");
	CHECK(!renderer__find("jso"), "a name must be whole");
}

static char *json_of(void (*put)(struct json *))
{
	static char text[512];
	FILE *out = fmemopen(text, sizeof(text), "w");
	struct json j = {.out = out};

	put(&j);
	fclose(out);
	return text;
}

static void put_numbers(struct json *j)
{
	json__open_inline(j, NULL, '[');
	json__integer(j, NULL, ~0ULL);
	json__signed(j, NULL, -7);
	json__real(j, NULL, 0.1234567);
	json__real(j, NULL, -0.0000001);
	json__real(j, NULL, -1.5);
	json__real(j, NULL, NAN);
	json__real(j, NULL, INFINITY);
	json__bool(j, NULL, true);
	json__open(j, NULL, '{');
	json__close(j, '}');
	json__close(j, ']');
}

TEST(json_numbers)
{
	CHECK_STR(json_of(put_numbers), "[18446744073709551615, -7, 0.123457, 0.000000, -1.500000, "
					"null, null, true, {}]");
}

static void put_strings(struct json *j)
{
	json__open(j, NULL, '{');
	json__string(j, "a\"b", "\\ \n\t\x01\x7f");
	json__string(j, "utf8", "\xc3\xbc\xff\xed\xa0\x80\xe2\x82");
	json__open(j, "empty", '[');
	json__close(j, ']');
	json__close(j, '}');
}

TEST(json_strings)
{
	CHECK_STR(json_of(put_strings), "{\n"
					"  \"a\\\"b\": \"\\\\ \\n\\t\\u0001\\u007f\",\n"
					"  \"utf8\": \"\xc3\xbc\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"
					"\\ufffd\",\n"
					"  \"empty\": []\n"
					"}");
}

TEST(metrics_are_whole)
{
	struct snapshot *s = fixture__make("convoy");
	const struct snapshot_process *p = &s->processes[0];
	const struct snapshot_gil *g = &p->gils[0];
	bool good = true;

	for (const struct metric *m = metric_table; m->name; m++) {
		int getters = !!m->of_figures + !!m->hist_of_figures + !!m->of_gil +
			      !!m->hist_of_gil + !!m->of_process + !!m->of_functions;

		good = good && getters == 1 && m->help[0] && metric__find(m->name) == m;
		good = good && metric__is_distribution(m) == !!metric__hist(m, g);
		good = good && metric__is_distribution(m) + metric__is_per_function(m) !=
				       metric__value(m, p, g).known;
		good = good && metric__is_per_process(m) == !!m->of_process;
		good = good && (!m->whole || metric__find(m->whole)->unit == m->unit);
		good = good && (metric__is_per_thread(m) ||
				(!metric__thread_hist(m, g, g->threads) &&
				 !metric__thread_value(m, g, g->threads).known));
	}
	CHECK(metric_value__number(metric__value(metric__find("acquisitions"), p, g)) == 1001,
	      "acquisitions");
	CHECK(isnan(metric_value__number(metric__value(metric__find("wait"), p, g))), "wait");
	CHECK(!metric__find("no such thing"), "found");
	snapshot__free(s);
	CHECK(good, "a row is not whole");
}

TEST_MAIN
