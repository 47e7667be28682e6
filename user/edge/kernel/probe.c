// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edge/kernel/closer.h"
#include "edge/kernel/probe_private.h"

/* Records of GILs in addition to one per process, for sub-interpreters. */
#define SPARE_LOCKS 128
/* Of the ring of samples, in bytes. 100,000 gaps a second, for 100 ms, are 1 MB. */
#define SAMPLES_SIZE (2U << 20)

static size_t table_bytes(const struct table *t)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (t->size * t->max + page - 1) / page * page;
}

static int map_table(struct table *t, struct bpf_map *map, struct bpf_map *recycled)
{
	t->map = map;
	t->recycled = recycled;
	t->max = bpf_map__max_entries(map);
	t->size = bpf_map__value_size(map);
	t->records =
		mmap(NULL, table_bytes(t), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (t->records == MAP_FAILED) {
		t->records = NULL;
		return -errno;
	}
	return 0;
}

static int map_tables(struct probe *p)
{
	struct gilscope_bpf *s = p->skel;
	int err;

	err = map_table(&p->processes, s->maps.processes, s->maps.free_processes);
	err = err ?: map_table(&p->locks, s->maps.locks, s->maps.free_locks);
	err = err ?: map_table(&p->threads, s->maps.threads, s->maps.free_threads);
	if (err)
		return err;
	p->tables = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
			 bpf_map__fd(s->maps.tables), 0);
	if (p->tables == MAP_FAILED) {
		p->tables = NULL;
		return -errno;
	}
	return 0;
}

static void unmap_table(struct table *t)
{
	if (t->records)
		munmap(t->records, table_bytes(t));
	t->records = NULL;
}

static int on_event(void *ctx, void *data, size_t size)
{
	struct probe *p = ctx;

	if (size >= sizeof(struct gil_event) && p->handle)
		p->handle(p->handle_ctx, data);
	return 0;
}

static int on_entry(void *ctx, void *data, size_t size)
{
	const struct probe_options *o = &((struct probe *)ctx)->options;

	return o->entry(o->entry_ctx, data, size);
}

static void set_sizes(const struct probe *p, struct gilscope_bpf *s)
{
	size_t ring = p->options.ring_size;
	unsigned int processes = p->options.max_processes, threads = p->options.max_threads;
	unsigned int locks = processes + SPARE_LOCKS;

	s->rodata->max_processes = processes;
	s->rodata->max_locks = locks;
	s->rodata->max_threads = threads;
	s->rodata->closed_at_most = threads < 16 ? 1 : threads / 16;
	s->rodata->follow_children = p->options.follow;
	s->rodata->report_all_execs = p->options.all_execs;
	s->rodata->recording = ring != 0;
	s->rodata->futex = p->options.waits;
	bpf_map__set_max_entries(s->maps.edges, ring ? ring : (size_t)sysconf(_SC_PAGESIZE));
	bpf_map__set_max_entries(s->maps.processes, processes);
	bpf_map__set_max_entries(s->maps.free_processes, processes);
	bpf_map__set_max_entries(s->maps.process_of, processes);
	bpf_map__set_max_entries(s->maps.locks, locks);
	bpf_map__set_max_entries(s->maps.free_locks, locks);
	bpf_map__set_max_entries(s->maps.threads, threads);
	bpf_map__set_max_entries(s->maps.free_threads, threads);
	bpf_map__set_max_entries(s->maps.records, threads);
	bpf_map__set_max_entries(s->maps.sums, threads * 16);
	s->rodata->blame = probe__wants_samples(p);
	if (probe__wants_samples(p)) {
		bpf_map__set_max_entries(s->maps.samples, SAMPLES_SIZE);
		bpf_map__set_max_entries(s->maps.gaps, threads);
	}
}

struct bpf_program *probe__program_in(const struct probe *p, const struct gilscope_bpf *s,
				      enum probe_program which)
{
	struct bpf_program *const form[PROBE_PROGRAMS][2] = {
		[PROBE_COND] = {s->progs.on_cond, s->progs.on_cond_preempt_off},
		[PROBE_USDT] = {s->progs.on_usdt, s->progs.on_usdt_preempt_off},
		[PROBE_SEMAPHORE] = {s->progs.on_semaphore, s->progs.on_semaphore_preempt_off},
		[PROBE_EMPTY] = {s->progs.on_nothing, s->progs.on_nothing},
	};

	return form[which][p->kernel.preempt_off]; /* bpf/preempt.h */
}

struct bpf_program *probe__program(const struct probe *p, enum probe_program which)
{
	return p->loaded[which] ? probe__program_in(p, p->loaded[which], which) : NULL;
}

/* Few targets need these programs, so loading them at the start would only delay everyone else. */
static bool is_rare(enum probe_program which)
{
	return which == PROBE_USDT || which == PROBE_SEMAPHORE;
}

static struct gilscope_bpf *open_skeleton(struct probe *p, bool multi)
{
	struct gilscope_bpf *s = gilscope_bpf__open();

	if (!s)
		return NULL;
	set_sizes(p, s);
	for (int i = 0; multi && i < PROBE_PROGRAMS; i++)
		bpf_program__set_expected_attach_type(probe__program_in(p, s, i),
						      ATTACH_TYPE_UPROBE_MULTI);
	return s;
}

static int load(struct probe *p)
{
	struct bpf_program *program;
	struct gilscope_bpf *s;

	s = p->skel = open_skeleton(p, p->multi);
	if (!s)
		return -errno;
	bpf_object__for_each_program (program, s->obj)
		if (bpf_program__type(program) == BPF_PROG_TYPE_KPROBE)
			bpf_program__set_autoload(program, false);
	bpf_program__set_autoload(s->progs.on_tick, probe__wants_samples(p));
	bpf_program__set_autoload(s->progs.on_waking, p->options.waits);
	for (int i = 0; i < PROBE_PROGRAMS; i++) {
		if (is_rare(i))
			continue;
		bpf_program__set_autoload(probe__program_in(p, s, i), true);
		p->loaded[i] = s;
	}
	return gilscope_bpf__load(s);
}

/* Loads only one program of the object, which uses the maps of the first object. */
static int load_alone(struct probe *p, struct gilscope_bpf *s, enum probe_program which)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_program (program, s->obj)
		bpf_program__set_autoload(program, program == probe__program_in(p, s, which));
	bpf_object__for_each_map (map, s->obj) {
		const struct bpf_map *first =
			bpf_object__find_map_by_name(p->skel->obj, bpf_map__name(map));

		err = err ?: first ? bpf_map__reuse_fd(map, bpf_map__fd(first)) : -ENOENT;
	}
	return err ?: gilscope_bpf__load(s);
}

/* Where the object with the program for uprobe_multi links, or for perf events, is kept. */
struct gilscope_bpf **probe__object_with(struct probe *p, enum probe_program which, bool multi)
{
	return multi == p->multi ? &p->loaded[which] : &p->for_events[which];
}

int probe__prepare_form(struct probe *p, enum probe_program which, bool multi, struct failure *f)
{
	struct gilscope_bpf *s, **object = probe__object_with(p, which, multi);
	int err;

	if (*object)
		return 0;
	s = open_skeleton(p, multi);
	err = s ? load_alone(p, s, which) : -errno;
	if (err) {
		gilscope_bpf__destroy(s);
		return probe_kernel__explain(err, f);
	}
	*object = s;
	return 0;
}

int probe__prepare(struct probe *p, enum probe_program which, struct failure *f)
{
	return probe__prepare_form(p, which, p->multi, f);
}

static int attach_tracepoints(struct probe *p)
{
	struct gilscope_bpf *s = p->skel;
	const struct {
		struct bpf_program *program;
		struct bpf_link **link;
	} row[] = {
		{s->progs.on_switch, &s->links.on_switch},
		{s->progs.on_wakeup, &s->links.on_wakeup},
		{s->progs.on_waking, &s->links.on_waking},
		/* The order matters: see bpf/preempt.h. */
		{s->progs.on_fork, &s->links.on_fork},
		{s->progs.on_fork_again, &s->links.on_fork_again},
		{s->progs.on_exec, &s->links.on_exec},
		{s->progs.on_exec_again, &s->links.on_exec_again},
		{s->progs.on_exit, &s->links.on_exit},
		{s->progs.on_exit_again, &s->links.on_exit_again},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (!bpf_program__autoload(row[i].program))
			continue;
		*row[i].link = bpf_program__attach(row[i].program);
		if (!*row[i].link)
			return -errno;
	}
	return 0;
}

/* If the programs that take samples cannot be loaded, those without can. */
static int load_with_samples(struct probe *p)
{
	bool wanted = probe__wants_samples(p);
	int err = load(p);

	if (!err || !wanted)
		return err;
	probe_kernel__explain(err, &p->no_samples);
	gilscope_bpf__destroy(p->skel);
	return load(p);
}

static int start(struct probe *p, struct failure *f)
{
	int err;

	probe_kernel__listen(p->options.verbose);
	err = probe_kernel__look(&p->kernel, f);
	if (err == -ENOTSUP)
		return err;
	err = err ?: load_with_samples(p);
	err = err ?: map_tables(p);
	err = err ?: attach_tracepoints(p);
	if (err)
		return probe_kernel__explain(err, f);
	p->ring = ring_buffer__new(bpf_map__fd(p->skel->maps.events), on_event, p, NULL);
	if (!p->ring)
		return probe_kernel__explain(-errno, f);
	probe__start_samples(p);
	if (p->options.entry)
		p->edges = ring_buffer__new(bpf_map__fd(p->skel->maps.edges), on_entry, p, NULL);
	return p->edges || !p->options.entry ? 0 : probe_kernel__explain(-errno, f);
}

static void stop(struct probe *p)
{
	probe__stop_samples(p);
	ring_buffer__free(p->ring);
	ring_buffer__free(p->edges);
	p->ring = p->edges = NULL;
	unmap_table(&p->processes);
	unmap_table(&p->locks);
	unmap_table(&p->threads);
	if (p->tables)
		munmap(p->tables, sysconf(_SC_PAGESIZE));
	p->tables = NULL;
	for (int i = 0; i < PROBE_PROGRAMS; i++) {
		if (p->loaded[i] != p->skel)
			gilscope_bpf__destroy(p->loaded[i]);
		gilscope_bpf__destroy(p->for_events[i]);
		p->loaded[i] = p->for_events[i] = NULL;
	}
	gilscope_bpf__destroy(p->skel);
	p->skel = NULL;
}

int probe__open(struct probe **out, const struct probe_options *options, struct failure *f)
{
	struct probe *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	*out = NULL;
	if (!p)
		return err;
	p->options = *options;
	p->multi = !options->perf_events;
	p->closer = closer__new();
	if (p->closer)
		err = start(p, f);
	if (err)
		probe__free(p);
	else
		*out = p;
	return err;
}

void probe__free(struct probe *p)
{
	if (!p)
		return;
	probe__detach_leaving(p);
	closer__free(p->closer);
	stop(p);
	free(p);
}

bool probe__is_multi(const struct probe *p)
{
	return p->multi;
}

int probe__use_perf_events(struct probe *p, struct failure *f)
{
	probe__detach_leaving(p);
	closer__free(p->closer);
	stop(p);
	p->multi = false;
	p->closer = closer__new();
	return p->closer ? start(p, f) : -ENOMEM;
}

int probe__event_fd(const struct probe *p)
{
	return ring_buffer__epoll_fd(p->ring);
}

void probe__events(struct probe *p, void (*handle)(void *ctx, const struct gil_event *e), void *ctx)
{
	p->handle = handle;
	p->handle_ctx = ctx;
	ring_buffer__consume(p->ring);
}

void probe__freeze(struct probe *p)
{
	__atomic_store_n(&p->tables->frozen, 1, __ATOMIC_SEQ_CST);
}

void probe__entries(struct probe *p)
{
	if (p->edges)
		ring_buffer__consume(p->edges);
}
