// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Frames: compared with the files in tests/golden, and tested for what must hold for any size, any
 * snapshot and any keys. */
#include "frames.h"
#include "golden.h"
#include "random.h"
#include "core/base/utf8.h"

/* ---- golden frames ---- */

static void check_frame(const char *fixture, const char *keys, const char *suffix, int width,
			int height)
{
	struct history *h = history_of(fixture);
	bool ascii = strstr(suffix, "ascii"), styles = strstr(suffix, "styles");
	char name[128];
	struct view v;

	view__init(&v);
	free(frame(&v, h, width, height, ascii, false));
	for (; *keys; keys++) {
		view__key(&v, (unsigned char)*keys);
		free(frame(&v, h, width, height, ascii, false));
	}
	snprintf(name, sizeof(name), "top-%s%s-%dx%d.txt", fixture, suffix, width, height);
	golden_check(name, frame(&v, h, width, height, ascii, styles));
	history__free(h);
}

TEST(golden_frames)
{
	static const char *const fixtures[] = {"single", "convoy",       "blocked",
					       "stuck",  "multiprocess", "many"};

	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++)
		for (size_t j = 0; j < 4 && !test_failure[0]; j++)
			check_frame(fixtures[i], "", "", sizes[j].width, sizes[j].height);
}

TEST(golden_frames_of_other_kinds)
{
	static const struct {
		const char *fixture;
		const char *keys;
		const char *suffix;
		int size;
	} frames[] = {
		{"free_threaded", "", "", 1},
		{"unseen", "", "", 1},
		{"empty", "", "", 1},
		{"folded", "", "", 1},
		{"hostile", "", "", 1},
		{"hostile", "", "-ascii", 1},
		{"convoy", "", "-ascii", 2},
		{"convoy", "", "-styles", 1},
		{"convoy", "?", "-help", 2},
		{"convoy", "?", "-help", 0},
		{"convoy", "\n", "-thread", 1},
		{"convoy", "\n", "-thread", 2},
		{"convoy", "t", "-table", 1},
		{"blamed", "f", "-functions", 0},
		{"blamed", "f", "-functions", 1},
		{"blamed", "f", "-functions", 2},
		{"blamed", "f/render\n", "-functions-filter", 1},
		{"blamed", "f3t", "-functions-sorted-ascii", 1},
		{"blamed", "\nf", "-functions-of-thread", 1},
		{"blamed", "j\nf", "-functions-of-another", 1},
		{"convoy", "f", "-functions", 1},
		{"convoy", "wwl", "-all-log", 2},
		{"convoy", "3 ", "-sorted-paused", 1},
		{"convoy", "/serv", "-filter", 1},
		{"many", "\n", "-chosen", 1},
		{"native", "", "", 2},
	};

	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames) && !test_failure[0]; i++)
		check_frame(frames[i].fixture, frames[i].keys, frames[i].suffix,
			    sizes[frames[i].size].width, sizes[frames[i].size].height);
}

/* A block of text has the time, and no keys. */
TEST(golden_frame_of_plain_text)
{
	facts = (struct screen_facts){.when = "2026-01-31 12:34:56.789", .plain = true};
	check_frame("convoy", "", "-plain", 100, 40);
	if (!test_failure[0])
		check_frame("many", "", "-plain", 100, 40);
	facts = (struct screen_facts){0};
}

/* ---- whatever the size ---- */

static void check_cell(const struct grid *g, int x, int y)
{
	const struct cell *c = grid__cell(g, x, y);
	int columns = 0;
	size_t n;

	CHECK(c->style < STYLES, "style %d at %d,%d", c->style, x, y);
	CHECK(memchr(c->s, '\0', sizeof(c->s)), "no end at %d,%d", x, y);
	if (!c->width) {
		CHECK(x && grid__cell(g, x - 1, y)->width == 2, "half a character at %d,%d", x, y);
		CHECK(!c->s[0], "text in the right half at %d,%d", x, y);
		return;
	}
	CHECK(c->width == 1 || x + 1 < g->width, "a wide character at the edge, %d,%d", x, y);
	CHECK(c->s[0], "nothing at %d,%d", x, y);
	for (const char *s = c->s; *s; s += n) {
		__u32 code = utf8__decode(s, &n);

		CHECK(code != UTF8_INVALID && utf8__columns(code) >= 0, "byte %02x at %d,%d",
		      (unsigned char)*s, x, y);
		CHECK(code < 0x80 || !g->ascii, "not ASCII at %d,%d", x, y);
		columns += utf8__columns(code);
	}
	CHECK_EQ(columns, c->width);
}

static void check_grid(struct view *v, const struct history *h, int width, int height, bool ascii)
{
	struct grid *g = grid__new(width, height, ascii);

	CHECK_EQ(screen__draw(g, v, h, &facts), 0);
	for (int i = 0; i < width * height && !test_failure[0]; i++)
		check_cell(g, i % width, i / width);
	grid__free(g);
}

static const unsigned int all_keys[] = {'q',
					'?',
					'h',
					' ',
					'p',
					'r',
					'/',
					'c',
					27,
					'\n',
					't',
					'j',
					'k',
					'g',
					'G',
					's',
					'S',
					'1',
					'2',
					'3',
					'5',
					'9',
					'+',
					'-',
					'w',
					'l',
					'C',
					'o',
					'O',
					'<',
					'>',
					'.',
					0xfc,
					0x4e2d,
					'a',
					127,
					KEY_CODE_PAGE_DOWN,
					KEY_CODE_PAGE_UP,
					KEY_CODE_HOME,
					KEY_CODE_END,
					KEY_CODE_F1,
					KEY_CODE_WHEEL_UP,
					KEY_CODE_WHEEL_DOWN};

/* Any keys, in any window, on any fixture. */
TEST(any_size_and_any_keys)
{
	__u64 random = random_seed(5);

	for (const struct fixture *f = fixture_table; f->name && !test_failure[0]; f++) {
		struct history *h = history_of(f->name);
		struct view v;

		view__init(&v);
		for (int i = 0; i < 300 && !test_failure[0]; i++) {
			int width = 1 + (int)random_below(&random, i % 4 ? 150 : 300);
			int height = 1 + (int)random_below(&random, 70);

			view__key(&v, all_keys[random_below(&random,
							    sizeof(all_keys) / sizeof(*all_keys))]);
			view__click(&v, (int)random_below(&random, 300),
				    (int)random_below(&random, 70), i & 2);
			check_grid(&v, h, width, height, i & 1);
		}
		history__free(h);
	}
}

static void scramble(void *what, size_t size, __u64 *random)
{
	for (size_t i = 0; i + 8 <= size; i += 8) {
		__u64 v = random_size(random, 64);

		memcpy((char *)what + i, &v, 8);
	}
}

/* Any numbers and names: counters that jump, times in the future. */
TEST(any_figures)
{
	__u64 random = random_seed(6);

	for (int round = 0; round < 60 && !test_failure[0]; round++) {
		struct snapshot *s = fixture__make(round & 1 ? "hostile" : "many");
		struct history *h = history__new(10 * S);
		struct view v;

		view__init(&v);
		for (int tick = 0; tick < 6 && !test_failure[0]; tick++) {
			struct snapshot_process *p =
				&s->processes[random_below(&random, 26) % s->nr_processes];
			struct gil_thread *t =
				&p->gils[0].threads[random_below(&random, p->gils[0].nr_threads)];
			__u64 end = s->end_ns + random_size(&random, 40);

			scramble(t->comm, sizeof(t->comm), &random);
			scramble(&t->fig, sizeof(t->fig), &random);
			scramble(&t->since, 5 * 8, &random);
			scramble(p->comm, sizeof(p->comm), &random);
			scramble(&p->gils[0].lock.held_ns, 8 * 8, &random);
			t->state = (__u8)random_below(&random, 6);
			t->cpu = (__u8)random_below(&random, 6);
			p->gils[0].lock.start = random_size(&random, 64);
			p->exited = false;
			s->end_ns = p->end_ns = end;
			CHECK_EQ(history__add(h, s), 0);
			view__key(&v, all_keys[random_below(&random,
							    sizeof(all_keys) / sizeof(*all_keys))]);
			check_grid(&v, h, 60 + (int)random_below(&random, 150),
				   12 + (int)random_below(&random, 60), round & 2);
		}
		snapshot__free(s);
		history__free(h);
	}
}

TEST(a_thousand_threads_in_a_hundred_processes)
{
	struct snapshot *s = snapshot__new();
	struct history *h = history__new(10 * S);
	struct view v;

	for (int i = 0; i < 100; i++) {
		struct story st = story__begin(s, 1000 + i, "pool");

		for (__u32 j = 0; j < (i ? 1U : 1000U); j++) {
			__u32 tid = story__thread(&st, 10000 + 1000 * (__u32)i + j, "worker");

			story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
			story__pass(&st, 10 * US);
			story__edge(&st, tid, GIL_EDGE_RELEASE, 0);
		}
		story__end(&st, false);
	}
	CHECK_EQ(history__add(h, s), 0);
	view__init(&v);
	for (const char *key = "GgG\nGggG1GS\n\033\033t/99\n"; *key && !test_failure[0]; key++) {
		check_grid(&v, h, 100, 30, false);
		view__key(&v, (unsigned char)*key);
	}
	snapshot__free(s);
	history__free(h);
}

TEST(a_small_window_says_so)
{
	struct history *h = history_of("convoy");
	struct view v;
	char *text;

	view__init(&v);
	text = frame(&v, h, 59, 12, false, false);
	CHECK(strstr(text, "59x12 is too small\nat least 60x12 is needed"), "%.60s", text);
	free(text);
	history__free(h);
}

/* A thread's name must not reach the terminal unchanged. */
TEST(names_are_harmless)
{
	struct history *h = history_of("hostile");
	struct view v;
	char *text;

	view__init(&v);
	text = frame(&v, h, 120, 40, false, false);
	CHECK(!strchr(text, '\033') && !strchr(text, '\a') && !strchr(text, '\r'), "a control");
	CHECK(strstr(text, "grüß 中文"), "a name that is fine");
	free(text);
	history__free(h);
}

TEST_MAIN
