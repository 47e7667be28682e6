// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any text as a rule, and as a file of rules that includes itself. A rule that parses must print as
 * text that parses to the same rule, and it must be possible to judge it and to report it in every
 * format.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

/* A process with two threads, one of which has a name with characters that are special
 * somewhere. */
static struct snapshot *make_snapshot(void)
{
	struct snapshot *s = snapshot__new();
	struct snapshot_process *p = snapshot__add_process(s);
	struct snapshot_gil *g = snapshot_process__add_gil(p);

	s->end_ns = p->end_ns = 1000000000;
	p->pid = 12;
	strcpy(p->comm, "python3");
	strcpy(p->python, "3.13.5");
	g->main = true;
	gil_lock_begin(&g->lock, 12, 4096, 0);
	for (__u32 tid = 12; tid < 14; tid++) {
		struct gil_thread *t = snapshot_gil__add_thread(g);

		t->tid = tid;
		snprintf(t->comm, sizeof(t->comm), "%s",
			 tid == 12 ? "python3" : "a%\n::b,c:\"<]]>\xff");
		t->fig.acquisitions = t->fig.releases = 200;
		for (__u64 i = 1; i <= 200; i++) {
			gil_hist_add(&t->fig.hold, i * i * 100);
			gil_hist_add(&t->fig.wait, i * i * i * tid);
		}
	}
	snapshot__finish(s);
	return s;
}

static int read_input(void *ctx, const char *path, char **text, size_t *size)
{
	const struct input *in = ctx;

	(void)path;
	*text = malloc(in->size + 1);
	*size = in->size;
	memcpy(*text, in->data, in->size);
	return 0;
}

static void tell_all(const struct assertion_set *set)
{
	struct snapshot *list[] = {make_snapshot(), make_snapshot()};
	struct runs runs = {list, 2}, baseline = {list, 1};
	struct render_options o = {.version = "0"};
	struct check c = {.title = "x"};

	if (check__judge(&c, set, &runs, &baseline))
		abort();
	for (const struct check_format *f = check_format_table; f->name; f++) {
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		if (f->render(out, &c, &o))
			abort();
		fclose(out);
		free(text);
	}
	check__clear(&c);
	snapshot__free(list[0]);
	snapshot__free(list[1]);
}

static void go_round(const char *text)
{
	struct assertion_error e;
	struct assertion a, b;
	struct failure f;

	if (assertion__parse(&a, text, &e)) {
		if (!e.message[0] || e.at < 0 || (size_t)e.at > strlen(text))
			abort();
		assertion_error__tell(&e, "x", text, &f);
		return;
	}
	if (assertion__parse(&b, assertion__print(&a).s, &e) ||
	    strcmp(assertion__print(&a).s, assertion__print(&b).s))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct assertion_reader reader = {.read = read_input, .ctx = &in};
	struct assertion_set set = {0};
	struct failure f = {0};
	char *text;

	if (size > 4096)
		return 0;
	text = strndup((const char *)data, size);
	go_round(text);
	if (!assertion_set__add(&set, text, &f))
		tell_all(&set);
	assertion_set__clear(&set);
	free(text);
	assertion_set__read(&set, "rules", &reader, &f);
	assertion_set__clear(&set);
	return 0;
}
