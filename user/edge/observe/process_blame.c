// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/python/lines.h"
#include "edge/observe/process_blame.h"
#include "edge/observe/process_callers.h"
#include "edge/python/python_string.h"

/* Limits per GIL. */
#define MAX_CODES   8192
#define MAX_NATIVES 1024
#define MAX_TABLE   (GIL_BLAME_CHUNKS * GIL_BLAME_CHUNK)
#define MAX_TABLES  (2U << 20) /* bytes of all location tables */
/* The limit over all GILs together, in bytes. It is enough for some hundred programs of many modules. */
#define MAX_MEMORY (256UL << 20)
/* Looking up a native function takes a millisecond, or many if its library is large, and a line of a
 * large table up to a tenth. Neither must keep gilscope from other work: so long each in each period. */
#define SHARE_NS    30000000ULL
#define PERIOD_NS   100000000ULL
#define LARGE_TABLE 4096

/* A code object, with what its entries have said so far. */
struct code {
	__u64 id; /* 0: this place in the table is free */
	char function[sizeof(((struct blame_row *)NULL)->function)];
	char file[sizeof(((struct blame_row *)NULL)->file)];
	int first_line;
	unsigned char *table; /* owned */
	size_t table_size;    /* what has come without a hole */
	bool known;           /* its names have come */
	bool whole;           /* its table, too */
};

struct process_blame {
	struct blame *sums;
	struct python python;
	struct code *codes; /* a hash table with open addressing */
	size_t nr_codes, room;
	struct native *natives;
	size_t nr_natives;
	size_t tables_size; /* of all location tables */
	bool no_looks;      /* its native code cannot be looked at, or not in time */
	struct process_callers callers;
	struct blame_sample sample; /* the last one, its system call, and its callers */
	char syscall[64];
	struct blame_frame frames[BLAME_CALLERS];
};

/* The time spent in this period, over all GILs. */
static struct share {
	__u64 since, spent;
} looks, lines;

/* What is known of code takes so many bytes, over all GILs. */
static size_t memory;

struct process_blame *process_blame__new(const struct python *py)
{
	struct process_blame *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->sums = blame__new();
	if (!b->sums) {
		free(b);
		return NULL;
	}
	b->python = *py;
	return b;
}

void process_blame__free(struct process_blame *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->room; i++)
		free(b->codes[i].table);
	memory -= b->room * sizeof(*b->codes) + b->tables_size +
		  b->nr_natives * sizeof(*b->natives) + b->callers.memory;
	process_callers__free(&b->callers);
	free(b->codes);
	free(b->natives);
	blame__free(b->sums);
	free(b);
}

/* True if there is time left at `now`. What took longer than its share uses up the next periods, too. */
static bool has_time(struct share *s, __u64 now)
{
	if (gil_elapsed(s->since, now) > PERIOD_NS * (1 + s->spent / SHARE_NS))
		*s = (struct share){.since = now};
	return s->spent < SHARE_NS;
}

/* ---- code objects ---- */

static struct code *slot_of(struct code *codes, size_t room, __u64 id)
{
	size_t i = (size_t)(id * 0x9e3779b97f4a7c15ULL >> 32) & (room - 1);

	while (codes[i].id && codes[i].id != id)
		i = (i + 1) & (room - 1);
	return &codes[i];
}

static bool grow(struct process_blame *b)
{
	size_t room = b->room ? 2 * b->room : 64, more = (room - b->room) * sizeof(*b->codes);
	struct code *codes = memory + more > MAX_MEMORY ? NULL : calloc(room, sizeof(*codes));

	if (!codes)
		return false;
	memory += more;
	for (size_t i = 0; i < b->room; i++)
		if (b->codes[i].id)
			*slot_of(codes, room, b->codes[i].id) = b->codes[i];
	free(b->codes);
	b->codes = codes;
	b->room = room;
	return true;
}

static const struct code *find_code(const struct process_blame *b, __u64 id)
{
	const struct code *c = b->room ? slot_of(b->codes, b->room, id) : NULL;

	return c && c->id && c->known ? c : NULL;
}

/* The code object, entered if it is new; NULL if there is no room. */
static struct code *enter_code(struct process_blame *b, __u64 id)
{
	struct code *c = b->room ? slot_of(b->codes, b->room, id) : NULL;

	if (!id || (c && c->id))
		return id ? c : NULL;
	if (b->nr_codes == MAX_CODES || (2 * (b->nr_codes + 1) > b->room && !grow(b)))
		return NULL;
	c = slot_of(b->codes, b->room, id);
	c->id = id;
	b->nr_codes++;
	return c;
}

static bool text_of(const struct process_blame *b, const struct gil_blame_text *text,
		    const unsigned char *bytes, size_t n, char *to, size_t size)
{
	return text->known &&
	       python_string__get(&b->python.frames, text->state, text->length, bytes, n, to, size);
}

static void on_code(struct process_blame *b, const struct gil_blame_code *e)
{
	struct code *c = enter_code(b, e->code);

	if (!c || c->known)
		return;
	if (!text_of(b, &e->name, e->name_bytes, sizeof(e->name_bytes), c->function,
		     sizeof(c->function)))
		return;
	text_of(b, &e->file, e->file_bytes, sizeof(e->file_bytes), c->file, sizeof(c->file));
	c->first_line = (int)e->first_line;
	c->known = true;
	c->whole = e->table_size && c->table_size == e->table_size;
}

/* The pieces come in order. A table that has lost one has its beginning only, until it comes again. */
static void on_table(struct process_blame *b, const struct gil_blame_table *e)
{
	struct code *c = enter_code(b, e->code);
	unsigned char *table;

	if (!c || c->whole || !e->size || e->size > sizeof(e->bytes) ||
	    e->offset > MAX_TABLE - e->size || e->offset > c->table_size ||
	    b->tables_size + e->size > MAX_TABLES || memory + e->size > MAX_MEMORY)
		return;
	table = realloc(c->table, e->offset + e->size);
	if (!table)
		return;
	memcpy(table + e->offset, e->bytes, e->size);
	b->tables_size += e->offset + e->size - c->table_size;
	memory += e->offset + e->size - c->table_size;
	c->table = table;
	c->table_size = e->offset + e->size;
}

static int search_line(const struct process_blame *b, const struct code *c, int lasti)
{
	return lines__at(b->python.objects.lines, c->table, c->table_size, c->first_line, lasti);
}

static unsigned int line_of(const struct process_blame *b, const struct code *c, int lasti)
{
	int line = c->first_line;

	if (lasti >= 0 && c->table_size > LARGE_TABLE) {
		__u64 begin = clock_ns();

		line = has_time(&lines, begin) ? search_line(b, c, lasti) : 0;
		lines.spent += gil_elapsed(begin, clock_ns());
	} else if (lasti >= 0 && c->table) {
		line = search_line(b, c, lasti);
	}
	return line > 0 ? (unsigned int)line : 0;
}

/* ---- native code ---- */

static const struct native *known_native(const struct process_blame *b, __u64 ip)
{
	for (size_t i = 0; i < b->nr_natives; i++)
		if (ip >= b->natives[i].start && ip < b->natives[i].end)
			return &b->natives[i];
	return NULL;
}

/* Looks up what is at ip, unless there is no time for it. Returns 0 or -errno. */
static int look(struct process_blame *b, struct looker *l, pid_t pid, __u64 ip, struct native *n)
{
	__u64 begin = clock_ns();
	int err;

	if (b->no_looks || !has_time(&looks, begin))
		return -EAGAIN;
	err = looker__native(l, pid, &b->python, ip, n);
	looks.spent += gil_elapsed(begin, clock_ns());
	b->no_looks = err == -EPERM || err == -ESRCH;
	return err;
}

static const struct native *find_native(struct process_blame *b, struct looker *l, pid_t pid,
					__u64 ip)
{
	const struct native *known = known_native(b, ip);
	struct native n, *more;

	if (known || b->nr_natives == MAX_NATIVES || memory + sizeof(n) > MAX_MEMORY ||
	    look(b, l, pid, ip, &n) || ip < n.start || ip >= n.end)
		return known;
	more = reallocarray(b->natives, b->nr_natives + 1, sizeof(n));
	if (!more)
		return NULL;
	n.path[sizeof(n.path) - 1] = n.name[sizeof(n.name) - 1] = '\0';
	b->natives = more;
	memory += sizeof(n);
	more[b->nr_natives] = n;
	return &more[b->nr_natives++];
}

/* What keeps the GIL in native code; "" if the interpreter itself runs; NULL if it is unknown. */
static const char *native_of(struct process_blame *b, struct looker *l, pid_t pid,
			     const struct gil_blame_place *at, char *text, size_t size)
{
	const struct native *n;
	const char *name;

	if (at->syscall >= 0) {
		name = native__syscall(at->syscall);
		if (name)
			snprintf(text, size, "syscall:%s", name);
		else
			snprintf(text, size, "syscall:%d", at->syscall);
		return text;
	}
	n = find_native(b, l, pid, at->ip);
	if (!n)
		return NULL;
	/* The path of a native is cut. */
	return strncmp(n->path, b->python.path, sizeof(n->path) - 1) != 0 ? n->name : "";
}

/* ---- samples ---- */

/* One frame of a list. Its line is looked up once, when its location table is complete. */
static struct blame_frame frame_of(const struct process_blame *b, struct process_caller *caller)
{
	const struct code *c = find_code(b, caller->code);
	unsigned int line = caller->line;

	if (caller->code == GIL_BLAME_COLLECTING)
		return (struct blame_frame){.function = "<garbage collection>"};
	if (!c)
		return (struct blame_frame){0};
	if (!caller->line_known) {
		line = line_of(b, c, caller->lasti);
		caller->line_known = c->whole;
		caller->line = line;
	}
	return (struct blame_frame){c->function, c->file, line};
}

/* Whose list has not come, has no callers. */
static void set_callers(struct process_blame *b, __u64 id, struct blame_place *to)
{
	struct process_callers_list *l = process_callers__find(&b->callers, id);

	if (!l)
		return;
	for (__u32 i = 0; i < l->nr; i++)
		b->frames[i] = frame_of(b, &l->frame[i]);
	to->callers = b->frames;
	to->nr_callers = l->nr;
	to->cut = l->cut;
}

static void on_callers(struct process_blame *b, const struct gil_blame_callers *e, size_t size)
{
	size_t before = b->callers.memory;

	process_callers__enter(&b->callers, e, size, memory < MAX_MEMORY ? MAX_MEMORY - memory : 0);
	memory += b->callers.memory - before;
}

static struct blame_place place_of(struct process_blame *b, const struct gil_blame_place *at)
{
	const struct code *c = find_code(b, at->code);
	struct blame_place place = {.kind = BLAME_FUNCTION};

	if (at->top == GIL_BLAME_NO_FRAME)
		return (struct blame_place){.kind = BLAME_NO_PYTHON};
	if (at->top == GIL_BLAME_FRAME && at->code == GIL_BLAME_COLLECTING) {
		place.function = "<garbage collection>";
	} else if (at->top == GIL_BLAME_FRAME && c) {
		place.function = c->function;
		place.file = c->file;
		place.line = line_of(b, c, at->lasti);
	} else {
		return (struct blame_place){.kind = BLAME_UNREADABLE};
	}
	set_callers(b, at->callers, &place);
	return place;
}

static const struct blame_sample *on_sample(struct process_blame *b, struct looker *l, pid_t pid,
					    const struct gil_blame_sample *e)
{
	struct blame_sample *s = &b->sample;

	*s = (struct blame_sample){
		.kind = e->head.kind == GIL_BLAME_TICK ? BLAME_TICK : BLAME_GAP,
		.ts = e->ts,
		.tid = e->tid,
		.waiters = e->waiters,
		.blocked_ns = e->blocked_ns,
		.preempted_ns = e->preempted_ns,
		.wait_ns = e->wait_ns,
		.at = place_of(b, &e->at),
	};
	s->at.native = native_of(b, l, pid, &e->at, b->syscall, sizeof(b->syscall));
	blame__sample(b->sums, s);
	return s;
}

const struct blame_sample *process_blame__entry(struct process_blame *b, struct looker *l,
						pid_t pid, const void *entry, size_t size)
{
	const struct gil_blame_head *head = entry;

	if ((head->kind == GIL_BLAME_TICK || head->kind == GIL_BLAME_GAP) &&
	    size >= sizeof(struct gil_blame_sample))
		return on_sample(b, l, pid, entry);
	if (head->kind == GIL_BLAME_CODE && size >= sizeof(struct gil_blame_code))
		on_code(b, entry);
	else if (head->kind == GIL_BLAME_TABLE && size >= sizeof(struct gil_blame_table))
		on_table(b, entry);
	else if (head->kind == GIL_BLAME_CALLERS &&
		 size >= sizeof(struct gil_blame_callers) -
				 sizeof(((struct gil_blame_callers *)entry)->frame))
		on_callers(b, entry, size);
	return NULL;
}

/* ---- rows ---- */

/* The gap as it would be if it ended now. */
static const struct blame_sample *open_gap(struct process_blame *b, struct looker *l, pid_t pid,
					   const struct gil_blame_gap *gap,
					   const struct gil_thread *t, const struct snapshot_gil *g,
					   __u64 now)
{
	__u64 part[GIL_PARTS], waited = gil_lock_waiting_until(&g->lock, now);
	struct blame_sample *s = &b->sample;

	memcpy(part, t->part, sizeof(part));
	part[t->cpu] += gil_elapsed(t->mark, now);
	*s = (struct blame_sample){
		.kind = BLAME_OPEN_GAP,
		.ts = now,
		.tid = t->tid,
		.blocked_ns = gil_elapsed(gap->blocked_ns, part[GIL_PART_BLOCKED]),
		.preempted_ns = gil_elapsed(gap->preempted_ns, part[GIL_PART_RUNNABLE]),
		.wait_ns = gil_elapsed(gap->wait_ns, waited),
		.at = place_of(b, &gap->at),
	};
	s->at.native = native_of(b, l, pid, &gap->at, b->syscall, sizeof(b->syscall));
	return s;
}

int process_blame__samples(struct process_blame *b, struct looker *l, pid_t pid,
			   const struct gil_blame_gap *gap, const struct gil_thread *t,
			   const struct snapshot_gil *g, __u64 now, struct blame **samples,
			   const struct blame_sample **open)
{
	*open = NULL;
	*samples = blame__copy(b->sums);
	if (!*samples)
		return -ENOMEM;
	if (gap && gap->since == t->since && snapshot_gil__holds(g, t) &&
	    (t->cpu == GIL_PART_BLOCKED || t->cpu == GIL_PART_RUNNABLE)) {
		*open = open_gap(b, l, pid, gap, t, g, now);
		blame__sample(*samples, *open);
	}
	return 0;
}
