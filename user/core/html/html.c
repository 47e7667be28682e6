// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "core/figures/verdict.h"
#include "core/html/escape.h"
#include "core/html/page_data.h"
#include "core/report/render.h"
#include "core/report/text_missed.h"
#include "page_values.h"

/* Lines of what was missed are not wrapped. */
#define ENDLESS 1000000

/* What a marker of page.html stands for. */
struct page {
	FILE *out;
	const struct snapshot *s;
	const struct html_options *o;
};

static int put_style(const struct page *p)
{
	fputs(page_css, p->out);
	return 0;
}

static int put_script(const struct page *p)
{
	fputs(page_js, p->out);
	fputs(page_flame_js, p->out);
	fputs(page_chart_js, p->out);
	return 0;
}

/* "GIL-bound: app.py" */
static int put_title(const struct page *p)
{
	struct verdict v = verdict__of_snapshot(p->s);
	FILE *text = escape__open(p->out, ESCAPE_TEXT);
	struct verdict_text words;

	if (!text)
		return -ENOMEM;
	verdict__tell(&v, false, &words);
	fputs(words.answer, text);
	if (p->s->nr_processes == 1)
		fprintf(text, ": %s", snapshot_process__name(&p->s->processes[0], false).s);
	else if (p->s->nr_processes)
		fprintf(text, ": %zu processes", p->s->nr_processes);
	return fclose(text) ? -ENOMEM : 0;
}

static int put_data(const struct page *p)
{
	FILE *text = escape__open(p->out, ESCAPE_JSON);
	struct json j = {.out = text};
	int err;

	if (!text)
		return -ENOMEM;
	err = page_data(&j, p->s, p->o);
	return fclose(text) ? -ENOMEM : err;
}

/* The lines of the text report, without its title. */
static int put_missed(const struct page *p)
{
	FILE *lines = escape__open(p->out, ESCAPE_LINES);
	struct text t = {.out = lines, .width = ENDLESS};

	if (!lines)
		return -ENOMEM;
	putc('[', p->out);
	text_missed(&t, p->s);
	if (fclose(lines))
		return -ENOMEM;
	putc(']', p->out);
	return 0;
}

static int put_text(const struct page *p)
{
	FILE *text = escape__open(p->out, ESCAPE_TEXT);
	struct render_options look = {.width = 100};
	int err;

	if (!text)
		return -ENOMEM;
	err = render_text(text, p->s, &look);
	return fclose(text) ? -ENOMEM : err;
}

static int put_marker(const struct page *p, const char *name, size_t length)
{
	static const struct {
		const char *name;
		int (*put)(const struct page *p);
	} markers[] = {{"TITLE", put_title}, {"STYLE", put_style},   {"SCRIPT", put_script},
		       {"DATA", put_data},   {"MISSED", put_missed}, {"TEXT", put_text}};

	for (size_t i = 0; i < sizeof(markers) / sizeof(*markers); i++)
		if (!strncmp(markers[i].name, name, length) && !markers[i].name[length])
			return markers[i].put(p);
	return -EINVAL;
}

int html__write(FILE *out, const struct snapshot *s, const struct html_options *o)
{
	const struct page p = {out, s, o};
	const char *at = page_html, *marker;
	int err = 0;

	while (!err && (marker = strchr(at, '@'))) {
		const char *end = strchr(marker + 1, '@');

		fwrite(at, 1, (size_t)(marker - at), out);
		err = put_marker(&p, marker + 1, (size_t)(end - marker - 1));
		at = end + 1;
	}
	fputs(at, out);
	if (!err && (fflush(out) || ferror(out)))
		err = errno ? -errno : -EIO;
	return err;
}
