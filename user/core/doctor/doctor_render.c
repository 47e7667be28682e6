// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "core/doctor/doctor.h"
#include "core/base/format.h"
#include "core/base/json.h"
#include "core/base/text.h"

#define NAME_COLUMNS 31
#define WIDTH        80
#define WIDTH_LEAST  60
#define WIDTH_MOST   120

static const struct {
	const char *name, *shown;
	enum text_style style;
} states[] = {
	[DOCTOR_GOOD] = {"good", "good", TEXT_GOOD},
	[DOCTOR_NOTE] = {"note", "note", TEXT_FAIR},
	[DOCTOR_BAD] = {"bad", "BAD ", TEXT_BAD},
};

static int finish(FILE *out)
{
	return fflush(out) || ferror(out) ? (errno ? -errno : -EIO) : 0;
}

/* ---- text ---- */

/* Paths and names come from elsewhere. Characters that could disturb a terminal are replaced. */
static void put_paragraph(const struct text *t, int at, int indent, const char *s)
{
	char clean[1024];
	size_t n = 0;

	for (; *s && n < sizeof(clean) - 1; s++)
		clean[n++] = (unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f ? '?' : *s;
	clean[n] = '\0';
	text__wrap(t, TEXT_PLAIN, at, indent, clean);
}

static void put_check(const struct text *t, const struct doctor_check *c)
{
	char line[sizeof(c->text) + sizeof(c->command) + 24];

	fputs("  ", t->out);
	text__style(t, states[c->state].style);
	fputs(states[c->state].shown, t->out);
	text__style(t, TEXT_PLAIN);
	fprintf(t->out, "  %-*s", NAME_COLUMNS - 8, c->name);
	if (c->state == DOCTOR_NOTE && c->command[0])
		snprintf(line, sizeof(line), "%s; to change that: %s", c->text, c->command);
	else
		snprintf(line, sizeof(line), "%s", c->text);
	put_paragraph(t, NAME_COLUMNS, NAME_COLUMNS, line);
}

static void put_part(const struct text *t, const char *title, const struct doctor_part *part)
{
	text__style(t, TEXT_BOLD);
	put_paragraph(t, 0, 2, title);
	text__style(t, TEXT_PLAIN);
	for (size_t i = 0; i < part->n; i++)
		put_check(t, &part->check[i]);
	putc('\n', t->out);
}

static void put_conclusion(const struct text *t, const struct doctor *d)
{
	static const char *const what[] = {
		[DOCTOR_NO_PYTHON] = "observe CPython on this machine",
		[DOCTOR_PROCESS] = "observe this process",
		[DOCTOR_FILE] = "observe processes of this interpreter",
	};
	const struct doctor_check *bad = doctor__obstacle(d);

	text__style(t, bad ? TEXT_BAD : TEXT_GOOD);
	fprintf(t->out, "gilscope %s %s.\n", bad ? "cannot" : "can", what[d->python.subject]);
	text__style(t, TEXT_PLAIN);
	if (bad && bad->command[0]) {
		fputs("  try: ", t->out);
		put_paragraph(t, 7, 7, bad->command);
	}
}

int doctor__render_text(FILE *out, const struct doctor *d, const struct render_options *o)
{
	int width = o->width > 0 ? o->width : WIDTH;
	struct text t = {.out = out, .colour = o->colour, .ascii = true};
	const struct doctor_python *p = &d->python;
	char title[4500];

	t.width = width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : width;
	put_part(&t, "This machine", &d->machine_part);
	if (p->subject == DOCTOR_PROCESS)
		snprintf(title, sizeof(title), "Process %d (%s)", p->pid, p->comm);
	else
		snprintf(title, sizeof(title), "%s%s%s", p->path,
			 p->script[0] ? ", which is started by " : "", p->script);
	if (p->subject != DOCTOR_NO_PYTHON)
		put_part(&t, title, &d->python_part);
	put_conclusion(&t, d);
	return finish(out);
}

/* ---- JSON ---- */

static void put_checks(struct json *j, const struct doctor_part *part)
{
	json__open(j, "checks", '[');
	for (size_t i = 0; i < part->n; i++) {
		const struct doctor_check *c = &part->check[i];

		json__open(j, NULL, '{');
		json__string(j, "name", c->name);
		json__string(j, "state", states[c->state].name);
		json__string(j, "text", c->text);
		json__text(j, "command", c->command);
		json__close(j, '}');
	}
	json__close(j, ']');
}

static void put_machine(struct json *j, const struct doctor *d)
{
	const struct doctor_machine *m = &d->machine;

	json__open(j, "machine", '{');
	json__string(j, "kernel", m->release);
	json__string(j, "hardware", m->hardware);
	if (m->hit) {
		json__string(j, "probes", m->multi ? "uprobe_multi" : "perf_events");
		json__signed(j, "ns_per_hit", m->ns_per_hit);
	} else {
		json__null(j, "probes");
		json__null(j, "ns_per_hit");
	}
	put_checks(j, &d->machine_part);
	json__close(j, '}');
}

static void put_answer(struct json *j, const char *key, enum doctor_answer a)
{
	if (a == DOCTOR_UNTOLD)
		json__null(j, key);
	else
		json__bool(j, key, a == DOCTOR_YES);
}

static void put_build(struct json *j, const struct doctor_python *p)
{
	json__string(j, "version", p->version);
	put_answer(j, "debug", p->debug);
	put_answer(j, "free_threaded_build", p->free_threaded_build);
	put_answer(j, "stripped", p->stripped);
	put_answer(j, "lto", p->lto);
	json__bool(j, "library", p->is_library);
	json__bool(j, "fixed_address", p->fixed_address);
	json__bool(j, "deleted", p->deleted);
}

static void put_gil(struct json *j, const struct doctor_python *p)
{
	char address[24];

	snprintf(address, sizeof(address), "0x%llx", p->gil);
	json__open(j, "gil", '{');
	json__string(j, "place", p->gil_place);
	if (p->gil) {
		json__string(j, "address", address);
		json__bool(j, "off", p->gil_off);
		if (p->switch_interval_us > 0)
			json__signed(j, "switch_interval_us", p->switch_interval_us);
		else
			json__null(j, "switch_interval_us");
	}
	json__close(j, '}');
}

static void put_python(struct json *j, const struct doctor *d)
{
	const struct doctor_python *p = &d->python;

	if (p->subject == DOCTOR_NO_PYTHON) {
		json__null(j, "python");
		return;
	}
	json__open(j, "python", '{');
	if (p->subject == DOCTOR_PROCESS)
		json__signed(j, "pid", p->pid);
	else
		json__null(j, "pid");
	json__text(j, "path", p->path);
	json__text(j, "script", p->script);
	if (p->version[0])
		put_build(j, p);
	else
		json__null(j, "version");
	if (p->gil_place[0])
		put_gil(j, p);
	else
		json__null(j, "gil");
	json__text(j, "source", p->source);
	json__text(j, "source_why", p->source_why);
	put_checks(j, &d->python_part);
	json__close(j, '}');
}

int doctor__render_json(FILE *out, const struct doctor *d, const struct render_options *o)
{
	const struct doctor_check *bad = doctor__obstacle(d);
	struct json j = {.out = out};

	json__open(&j, NULL, '{');
	json__string(&j, "schema", "gilscope-doctor/1");
	json__text(&j, "version", o->version);
	json__bool(&j, "can_observe", !bad);
	json__text(&j, "obstacle", bad ? bad->text : NULL);
	json__text(&j, "command", bad ? bad->command : NULL);
	put_machine(&j, d);
	put_python(&j, d);
	json__close(&j, '}');
	putc('\n', out);
	return finish(out);
}
