// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The HTML page: its data, its size, and the chart of who had the GIL when. tests/views drives pages in a
 * browser; with PAGES=FOLDER, they are kept there. */
#include <math.h>

#include "core/html/escape.h"
#include "core/html/html.h"
#include "core/html/page_data.h"
#include "core/report/render.h"
#include "golden.h"
#include "random.h"
#include "replay_run.h"
#include "fixtures.h"
#include "test.h"

static char *page_of(const struct snapshot *s, const struct chart *c, size_t *size)
{
	const struct html_options o = {.version = "0.0.0", .chart = c};
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	int err = html__write(out, s, &o);

	fclose(out);
	if (!err)
		return text;
	free(text);
	return NULL;
}

static char *data_of(const struct snapshot *s, const struct chart *c)
{
	const struct html_options o = {.version = "0.0.0", .chart = c};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct json j = {.out = out};
	int err = page_data(&j, s, &o);

	fclose(out);
	if (!err)
		return text;
	free(text);
	return NULL;
}

/* Each object and array of a GIL begins a line, so that differences can be read. */
static void break_lines(FILE *out, const char *text)
{
	for (; *text; text++) {
		putc(*text, out);
		if (text[0] == ',' && text[1] == ' ' && (text[2] == '"' || text[2] == '{'))
			putc('\n', out);
	}
	putc('\n', out);
}

static void check_golden(const char *name, char *data)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CHECK(data, "no data");
	break_lines(out, data);
	fclose(out);
	free(data);
	golden_check(name, text);
}

TEST(golden_data)
{
	struct snapshot *s = fixture__make("blamed");

	check_golden("blamed.page.txt", data_of(s, NULL));
	snapshot__free(s);
}

static char *escaped(const char *text, enum escape how)
{
	char *to = NULL;
	size_t size;
	FILE *out = open_memstream(&to, &size), *in = escape__open(out, how);

	fputs(text, in);
	fclose(in);
	fclose(out);
	return to;
}

TEST(foreign_text_is_no_markup)
{
	char *text = escaped("<a b=\"&\">\n", ESCAPE_TEXT);
	char *json = escaped("\"</script>&<!--\"", ESCAPE_JSON);
	char *lines = escaped("  One \"a\\b\"\n\n  </Two\nthree", ESCAPE_LINES);

	CHECK_STR(text, "&#60;a b=&#34;&#38;&#34;&#62;\n");
	CHECK_STR(json, "\"\\u003c/script\\u003e\\u0026\\u003c!--\"");
	CHECK_STR(lines, "\"One \\\"a\\\\b\\\"\", \"\\u003c/Two\", \"three\"");
	free(text);
	free(json);
	free(lines);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* Whatever a snapshot has in it, the page has the elements of page.html and no others. */
TEST(no_snapshot_adds_an_element)
{
	size_t size, tags = 0;

	for (const struct fixture *f = fixture_table; f->name; f++) {
		struct snapshot *s = fixture__make(f->name);
		char *page, *script;

		if (s->nr_processes)
			strcpy(s->processes[0].comm, "<b onclick=1>");
		if (s->nr_processes && s->processes[0].nr_gils &&
		    s->processes[0].gils[0].nr_threads)
			strcpy(s->processes[0].gils[0].threads[0].comm, "</script><i>");
		page = page_of(s, NULL, &size);
		snapshot__free(s);
		CHECK(page, "%s", f->name);
		/* The page's own script, which is the last one, has "<" in it. */
		script = strstr(page, "<script>");
		CHECK(script && !strstr(script + 1, "<script>"), "%s", f->name);
		*script = '\0';
		tags = tags ?: count(page, "<");
		CHECK_EQ(count(page, "<"), tags);
		CHECK_EQ(count(page, "</script>"), 2);
		free(page);
	}
}

TEST(a_full_disk_is_an_error)
{
	struct snapshot *s = fixture__make("blamed");
	FILE *out = fopen("/dev/full", "w");
	int err;

	if (!out)
		SKIP("no /dev/full");
	err = html__write(out, s, &(struct html_options){0});
	fclose(out);
	snapshot__free(s);
	CHECK_EQ(err, -ENOSPC);
}

/* ---- the chart ---- */

static struct chart *charted(struct replay *r, struct snapshot **s)
{
	struct chart *c = chart__new();

	chart__follow(c, r);
	*s = replay__run(r, ~0ULL, &failure) < 0 ? NULL : replay__snapshot(r);
	if (chart__finish(c) || !*s) {
		chart__free(c);
		return NULL;
	}
	return c;
}

static __u64 sum(const __u64 *ns)
{
	__u64 all = 0;

	for (size_t i = 0; i < CHART_COLUMNS; i++)
		all += ns[i];
	return all;
}

static __u64 of_thread(const struct chart_gil *g, __u32 tid, enum chart_kind kind)
{
	__u64 all = 0;

	for (size_t i = 0; g && i < g->nr; i++)
		if (g->lanes[i]->tid == tid && sum(g->lanes[i]->ns[kind]) == g->lanes[i]->sum[kind])
			all += g->lanes[i]->sum[kind];
	return all;
}

/* The columns of a thread add up to its figures, to the nanosecond. */
static void check_chart(const struct chart *c, const struct snapshot *s, __u64 seed)
{
	const struct snapshot_process *p = &s->processes[0];
	const struct snapshot_gil *g = &p->gils[0];
	const struct chart_gil *cg = chart__gil(c, p->pid, g);
	__u64 end = snapshot_gil__end(p, g);

	CHECK(cg, "seed %llu", seed);
	for (size_t i = 0; i < g->nr_threads; i++) {
		const struct gil_thread *t = &g->threads[i];
		__u64 held = of_thread(cg, t->tid, CHART_HOLD);
		__u64 waited = of_thread(cg, t->tid, CHART_WAIT);

		CHECK(held == snapshot_gil__thread_held(g, t, end),
		      "seed %llu, thread %u: %llu, %llu", seed, t->tid, held,
		      snapshot_gil__thread_held(g, t, end));
		/* Of a wait that had begun before, the chart shows what was seen. */
		CHECK(waited == snapshot_gil__thread_waited(t, end) ||
			      (run.attached && waited > snapshot_gil__thread_waited(t, end)),
		      "seed %llu, thread %u: %llu, %llu", seed, t->tid, waited,
		      snapshot_gil__thread_waited(t, end));
	}
}

TEST(chart_adds_up)
{
	for (__u64 seed = 1; seed <= 300 && !test_failure[0]; seed++) {
		struct snapshot *s;
		struct replay *r;
		struct chart *c;

		record(seed, &(struct shape){.chunk_edges = 30});
		tape__end(&tape, NULL, false);
		r = tape__replay(&tape, tape.file.size, &failure);
		c = charted(r, &s);
		CHECK(c, "seed %llu: %s", seed, failure.what);
		check_chart(c, s, seed);
		chart__free(c);
		snapshot__free(s);
		replay__free(r);
		tape__free(&tape);
	}
}

/* Threads take turns of different lengths; whoever lets go waits again at once. */
static void record_turns(__u32 threads, __u64 length, __u64 turn)
{
	__u64 random = random_seed(7), now = FIXTURE_START;
	__u32 holder = 0, next;

	run.attached = false;
	tape__begin(&tape, PID, now, true, NULL);
	for (__u32 i = 0; i < threads; i++)
		tape__thread(&tape, i, 1000 + i, GIL_THREAD_IDLE, now);
	for (__u32 i = 1; i < threads; i++)
		tape__edge(&tape, i, GIL_EDGE_WAIT, 0, 0, now += 1000);
	tape__edge(&tape, holder, GIL_EDGE_ACQUIRE, 0, 0, now += 1000);
	while (now < FIXTURE_START + length) {
		next = (holder + 1 + (__u32)random_below(&random, threads - 1)) % threads;
		now += random_below(&random, 2 * turn);
		tape__edge(&tape, holder, GIL_EDGE_RELEASE, GIL_EDGE_F_REQUESTED, 0, now);
		tape__edge(&tape, next, GIL_EDGE_ACQUIRE, 0, 0, now += 5000);
		tape__edge(&tape, holder, GIL_EDGE_WAIT, 0, 0, now += 5000);
		holder = next;
	}
	tape__end(&tape, NULL, false);
}

static void write_page(const char *name, const struct snapshot *s, const struct chart *c)
{
	const char *folder = getenv("PAGES");
	char path[256];
	size_t size;
	char *page;
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "/dev", folder ? name : "null");
	page = page_of(s, c, &size);
	CHECK(page, "%s", name);
	out = fopen(path, "w");
	CHECK(out, "%s", path);
	fwrite(page, 1, size, out);
	fclose(out);
	free(page);
}

/* A page stays below a mebibyte, however long the recording is. */
TEST(an_hour_of_fifty_threads_is_below_a_mebibyte)
{
	struct snapshot *s;
	struct replay *r;
	struct chart *c;
	size_t size;
	char *page;

	record_turns(50, 3600 * S, 25 * MS);
	r = tape__replay(&tape, tape.file.size, &failure);
	c = charted(r, &s);
	CHECK(c, "%s", failure.what);
	check_chart(c, s, 0);
	page = page_of(s, c, &size);
	CHECK(page && size <= 1 << 20, "%zu bytes", size);
	if (getenv("PAGES"))
		printf("an hour: %zu bytes\n", size);
	write_page("hour.html", s, c);
	free(page);
	chart__free(c);
	snapshot__free(s);
	replay__free(r);
	tape__free(&tape);
}

TEST(more_threads_than_lanes)
{
	struct snapshot *s;
	struct replay *r;
	struct chart *c;
	__u64 held = 0, wanted = 0;

	record_turns(CHART_LANES + 300, 5 * S, MS);
	r = tape__replay(&tape, tape.file.size, &failure);
	c = charted(r, &s);
	CHECK(c, "%s", failure.what);
	CHECK_EQ(c->gils[0]->nr, CHART_LANES + 1);
	CHECK_EQ(c->gils[0]->rest->threads, 300);
	for (size_t i = 0; i < c->gils[0]->nr; i++)
		held += c->gils[0]->lanes[i]->sum[CHART_HOLD];
	for (size_t i = 0; i < s->processes[0].gils[0].nr_threads; i++)
		wanted += snapshot_gil__thread_held(&s->processes[0].gils[0],
						    &s->processes[0].gils[0].threads[i],
						    s->processes[0].end_ns);
	CHECK_EQ(held, wanted);
	chart__free(c);
	snapshot__free(s);
	replay__free(r);
	tape__free(&tape);
}

static void write_json(const char *name, const struct snapshot *s)
{
	const struct render_options o = {.version = "0.0.0"};
	const char *folder = getenv("PAGES");
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "/dev", folder ? name : "null");
	out = fopen(path, "w");
	CHECK(out, "%s", path);
	render_json(out, s, &o);
	fclose(out);
}

TEST(pages_for_a_browser)
{
	static const char *const names[] = {"blamed", "hostile", "multiprocess", "empty", "convoy"};
	struct snapshot *s;
	struct replay *r;
	struct chart *c;
	char name[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		s = fixture__make(names[i]);
		snprintf(name, sizeof(name), "%s.html", names[i]);
		write_page(name, s, NULL);
		snprintf(name, sizeof(name), "%s.json", names[i]);
		write_json(name, s);
		snapshot__free(s);
	}
	record_turns(5, S / 2, 5 * MS);
	r = tape__replay(&tape, tape.file.size, &failure);
	c = charted(r, &s);
	CHECK(c, "%s", failure.what);
	write_page("turns.html", s, c);
	write_json("turns.json", s);
	chart__free(c);
	snapshot__free(s);
	replay__free(r);
	tape__free(&tape);
}

TEST_MAIN
