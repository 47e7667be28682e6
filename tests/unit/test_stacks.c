// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The formats for viewers of stacks, against the files in tests/golden. */
#include <zlib.h>

#include "fixtures.h"
#include "golden.h"
#include "core/report/render.h"
#include "core/report/stacks.h"
#include "test.h"

static char *render(const char *format, const char *fixture, bool by_hold, size_t *size)
{
	struct render_options o = {.version = "0.0.0", .by_hold = by_hold};
	struct snapshot *s = fixture__make(fixture);
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	int err = renderer__find(format)->render(out, s, &o);

	fclose(out);
	snapshot__free(s);
	if (!err)
		return text;
	free(text);
	return NULL;
}

static void check_golden(const char *format, const char *name, bool by_hold)
{
	size_t size;
	char *got = render(format, "blamed", by_hold, &size);

	CHECK(got, "%s failed", format);
	golden_check(name, got);
}

TEST(golden_folded)
{
	check_golden("folded", "blamed.folded", false);
	check_golden("folded", "blamed-hold.folded", true);
}

TEST(golden_speedscope)
{
	check_golden("speedscope", "blamed.speedscope.json", false);
}

static __u64 sum_of_folded(const char *text)
{
	__u64 sum = 0;

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		const char *number = end;

		while (number > text && number[-1] != ' ')
			number--;
		sum += strtoull(number, NULL, 10);
	}
	return sum;
}

/* Nothing is lost on the way from the rows. */
TEST(folded_adds_up)
{
	struct snapshot *s = fixture__make("blamed");
	const struct snapshot_gil *g = &s->processes[0].gils[0];
	__u64 wait = 0, hold = 0;
	size_t size;
	char *by_wait = render("folded", "blamed", false, &size);
	char *by_hold = render("folded", "blamed", true, &size);

	for (size_t i = 0; i < g->nr_functions; i++) {
		wait += g->functions[i].wait_ns;
		hold += g->functions[i].hold_ns;
	}
	snapshot__free(s);
	CHECK_EQ(sum_of_folded(by_wait), wait);
	CHECK_EQ(sum_of_folded(by_hold), hold);
	free(by_wait);
	free(by_hold);
}

/* The folded lines of one place that has been met. The caller frees them. */
static char *folded_of(const struct blame_place *at)
{
	struct snapshot *s = fixture__make("blamed");
	struct snapshot_gil *g = &s->processes[0].gils[0];
	const struct render_options o = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	blame__free(g->samples);
	g->samples = blame__new();
	fixture__tick(g->samples, 0, at, 1);
	if (render_folded(out, s, &o))
		abort();
	fclose(out);
	snapshot__free(s);
	*strrchr(strtok(text, "\n"), ' ') = '\0';
	return text;
}

/* A name cannot begin another frame or line. */
TEST(folded_names_are_safe)
{
	static const struct blame_place at = {.function = "a;b\nc 7", .file = "/x;y.py", .line = 3};
	char *text = folded_of(&at);

	CHECK_STR(text, "a,b?c 7 (x,y.py:3)");
	free(text);
}

TEST(callers_come_first)
{
	const struct blame_frame callers[] = {
		{"g", "/srv/a.py", 2}, {NULL, NULL, 0}, {"main", "/srv/a.py", 9}};
	struct blame_place at = {.function = "f",
				 .file = "/srv/b.py",
				 .line = 3,
				 .callers = callers,
				 .nr_callers = 3};
	char *text = folded_of(&at);

	CHECK_STR(text, "main (a.py:9);(not readable);g (a.py:2);f (b.py:3)");
	free(text);
	at.cut = 1; /* behind g */
	text = folded_of(&at);
	CHECK_STR(text, "main (a.py:9);(not readable);(frames left out);g (a.py:2);f (b.py:3)");
	free(text);
	at.cut = 3;
	text = folded_of(&at);
	CHECK_STR(text, "(frames left out);main (a.py:9);(not readable);g (a.py:2);f (b.py:3)");
	free(text);
}

/* Runs protoc on the uncompressed profile. Returns its text, or NULL. */
static char *decoded(const char *compressed, size_t size)
{
	unsigned char *data = malloc(1 << 20);
	z_stream z = {.next_in = (void *)compressed,
		      .avail_in = (unsigned int)size,
		      .next_out = data,
		      .avail_out = 1 << 20};
	char path[] = "/tmp/gilscope-XXXXXX", command[256];
	int fd = mkstemp(path), status = inflateInit2(&z, 16 + MAX_WBITS) ?: inflate(&z, Z_FINISH);
	FILE *file = fdopen(fd, "w"), *protoc;
	char *text = NULL;

	inflateEnd(&z);
	fwrite(data, 1, z.total_out, file);
	fclose(file);
	free(data);
	snprintf(command, sizeof(command),
		 "protoc --decode=perftools.profiles.Profile -Itests/unit tests/unit/profile.proto "
		 "< %s",
		 path);
	protoc = status == Z_STREAM_END ? popen(command, "r") : NULL;
	size = 0;
	if (protoc && getdelim(&text, &size, '\0', protoc) < 0)
		status = -1;
	if (!protoc || pclose(protoc) || status != Z_STREAM_END) {
		free(text);
		text = NULL;
	}
	remove(path);
	return text;
}

TEST(golden_pprof)
{
	size_t size, again;
	char *one, *two, *text;

	if (system("command -v protoc > /dev/null"))
		SKIP("there is no protoc");
	one = render("pprof", "blamed", false, &size);
	two = render("pprof", "blamed", false, &again);
	CHECK(size == again && !memcmp(one, two, size), "two files of a report differ");
	text = decoded(one, size);
	free(one);
	free(two);
	CHECK(text, "protoc cannot read it");
	golden_check("blamed.pprof.txt", text);
}

TEST(pprof_begins_with_the_weight_that_was_asked_for)
{
	size_t size;
	char *data, *text;

	if (system("command -v protoc > /dev/null"))
		SKIP("there is no protoc");
	data = render("pprof", "blamed", true, &size);
	text = decoded(data, size);
	free(data);
	CHECK(text && strstr(text, "default_sample_type: 2"), "%.300s", text);
	free(text);
}

/* More frames than the table has slots at first, each twice. */
TEST(frames_are_numbered)
{
	static struct stack_frame frames[5000];
	struct stack_frames whole = {0}, functions = {0};
	size_t n = sizeof(frames) / sizeof(*frames);

	for (size_t i = 0; i < n; i++) {
		snprintf(frames[i].function, sizeof(frames[i].function), "f%zu", i / 2 % 1250);
		frames[i].line = 1 + (unsigned int)i % 2;
	}
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(stack_frames__number(&whole, &frames[i], true), i % 2500);
		CHECK_EQ(stack_frames__number(&functions, &frames[i], false), i / 2 % 1250);
	}
	CHECK_EQ(whole.nr, 2500);
	stack_frames__free(&whole);
	stack_frames__free(&functions);
}

TEST_MAIN
