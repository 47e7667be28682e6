// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * There are two ways to put probes into one process. From Linux 6.6 on, one uprobe_multi link
 * carries all probes of a process. On older kernels, and where that link fails its trial, each
 * probe is a perf event with a link of its own. Measured on 6.18, per process: attach 73 µs against
 * 250 µs, detach 40 ms against 220 ms, and each further traced process adds 35 ns against 53 ns to
 * every other one's hits. libbpf 1.1 does not know uprobe_multi, so we create that link with the
 * bare system call.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "edge/kernel/closer.h"
#include "edge/kernel/probe_private.h"
#include "edge/proc/open_files.h"

/* Records of GILs in addition to one per process, for sub-interpreters. */
#define SPARE_LOCKS 128

/* Linux 6.6, include/uapi/linux/bpf.h; not in older headers. */
#define ATTACH_TYPE_UPROBE_MULTI 48

struct uprobe_multi_attr {
	__u32 prog_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 link_flags;
	__u64 path;
	__u64 offsets;
	__u64 ref_ctr_offsets;
	__u64 cookies;
	__u32 cnt;
	__u32 flags;
	__u32 pid;
	__u32 pad;
};

struct attachment {
	int fd; /* the uprobe_multi link, or -1 */
	size_t nr_links;
	struct bpf_link *link[]; /* otherwise, one link for each site */
};

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
	s->rodata->follow_children = p->options.follow;
	s->rodata->report_all_execs = p->options.all_execs;
	s->rodata->recording = ring != 0;
	bpf_map__set_max_entries(s->maps.edges, ring ? ring : (size_t)sysconf(_SC_PAGESIZE));
	bpf_map__set_max_entries(s->maps.processes, processes);
	bpf_map__set_max_entries(s->maps.free_processes, processes);
	bpf_map__set_max_entries(s->maps.process_of, processes);
	bpf_map__set_max_entries(s->maps.locks, locks);
	bpf_map__set_max_entries(s->maps.free_locks, locks);
	bpf_map__set_max_entries(s->maps.threads, threads);
	bpf_map__set_max_entries(s->maps.free_threads, threads);
	bpf_map__set_max_entries(s->maps.records, threads);
	bpf_map__set_max_entries(s->maps.pairs, threads * 16);
}

static struct bpf_program *program_in(const struct probe *p, const struct gilscope_bpf *s,
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
	return p->loaded[which] ? program_in(p, p->loaded[which], which) : NULL;
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
		bpf_program__set_expected_attach_type(program_in(p, s, i),
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
	for (int i = 0; i < PROBE_PROGRAMS; i++) {
		if (is_rare(i))
			continue;
		bpf_program__set_autoload(program_in(p, s, i), true);
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
		bpf_program__set_autoload(program, program == program_in(p, s, which));
	bpf_object__for_each_map (map, s->obj) {
		const struct bpf_map *first =
			bpf_object__find_map_by_name(p->skel->obj, bpf_map__name(map));

		err = err ?: first ? bpf_map__reuse_fd(map, bpf_map__fd(first)) : -ENOENT;
	}
	return err ?: gilscope_bpf__load(s);
}

/* Where the object with the program for uprobe_multi links, or for perf events, is kept. */
static struct gilscope_bpf **object_with(struct probe *p, enum probe_program which, bool multi)
{
	return multi == p->multi ? &p->loaded[which] : &p->for_events[which];
}

static int prepare(struct probe *p, enum probe_program which, bool multi, struct failure *f)
{
	struct gilscope_bpf *s, **object = object_with(p, which, multi);
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
	return prepare(p, which, p->multi, f);
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
		/* The order matters: see bpf/preempt.h. */
		{s->progs.on_fork, &s->links.on_fork},
		{s->progs.on_fork_again, &s->links.on_fork_again},
		{s->progs.on_exec, &s->links.on_exec},
		{s->progs.on_exec_again, &s->links.on_exec_again},
		{s->progs.on_exit, &s->links.on_exit},
		{s->progs.on_exit_again, &s->links.on_exit_again},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		*row[i].link = bpf_program__attach(row[i].program);
		if (!*row[i].link)
			return -errno;
	}
	return 0;
}

static int start(struct probe *p, struct failure *f)
{
	int err;

	probe_kernel__listen(p->options.verbose);
	err = probe_kernel__look(&p->kernel, f);
	if (err == -ENOTSUP)
		return err;
	err = err ?: load(p);
	err = err ?: map_tables(p);
	err = err ?: attach_tracepoints(p);
	if (err)
		return probe_kernel__explain(err, f);
	p->ring = ring_buffer__new(bpf_map__fd(p->skel->maps.events), on_event, p, NULL);
	if (!p->ring)
		return probe_kernel__explain(-errno, f);
	if (p->options.entry)
		p->edges = ring_buffer__new(bpf_map__fd(p->skel->maps.edges), on_entry, p, NULL);
	return p->edges || !p->options.entry ? 0 : probe_kernel__explain(-errno, f);
}

static void stop(struct probe *p)
{
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

/* ---- probes in a process ---- */

/* Sites in the form that the system call takes. */
struct site_list {
	__u64 *offset, *semaphore, *cookie;
	size_t n;
};

static int attach_multi(struct attachment *a, struct bpf_program *program, pid_t pid,
			const char *path, const struct site_list *sites)
{
	struct uprobe_multi_attr attr = {
		.prog_fd = bpf_program__fd(program),
		.attach_type = ATTACH_TYPE_UPROBE_MULTI,
		.path = (__u64)(unsigned long)path,
		.offsets = (__u64)(unsigned long)sites->offset,
		.ref_ctr_offsets = (__u64)(unsigned long)sites->semaphore,
		.cookies = (__u64)(unsigned long)sites->cookie,
		.cnt = sites->n,
		.pid = pid,
	};

	a->fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return a->fd < 0 ? -errno : 0;
}

static int attach_perf_events(struct attachment *a, struct bpf_program *program, pid_t pid,
			      const char *path, const struct site_list *sites)
{
	for (size_t i = 0; i < sites->n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = sites->cookie[i],
			    .ref_ctr_offset = sites->semaphore[i]);

		a->link[i] = bpf_program__attach_uprobe_opts(program, pid, path, sites->offset[i],
							     &options);
		if (!a->link[i])
			return -errno;
		a->nr_links++;
	}
	return 0;
}

static void close_attachment(void *what)
{
	struct attachment *a = what;

	if (a->fd >= 0)
		close(a->fd);
	for (size_t i = 0; i < a->nr_links; i++)
		bpf_link__destroy(a->link[i]);
	free(a);
}

static int attach(struct probe *p, struct attachment *a, enum probe_program which, bool multi,
		  pid_t pid, unsigned int index, const char *path, const struct probe_site *site,
		  size_t n)
{
	struct bpf_program *program = program_in(p, *object_with(p, which, multi), which);
	__u64 offset[PROBE_SITES], semaphore[PROBE_SITES], cookie[PROBE_SITES];
	const struct site_list sites = {offset, semaphore, cookie, n};

	for (size_t i = 0; i < n; i++) {
		offset[i] = site[i].offset;
		semaphore[i] = site[i].semaphore;
		cookie[i] = GIL_COOKIE(index, site[i].kind, site[i].arguments);
	}
	if (multi)
		return attach_multi(a, program, pid, path, &sites);
	return attach_perf_events(a, program, pid, path, &sites);
}

static struct attachment *attach_or_explain(struct probe *p, enum probe_program which, bool multi,
					    pid_t pid, unsigned int index, const char *path,
					    const struct probe_site *site, size_t n,
					    struct failure *f)
{
	struct attachment *a;
	int err = -E2BIG;

	a = calloc(1, sizeof(*a) + n * sizeof(a->link[0]));
	if (!a)
		return NULL;
	a->fd = -1;
	if (n <= PROBE_SITES)
		err = prepare(p, which, multi, f);
	/* A perf event and its link are a file each. */
	if (!err && !open_files__have_room(multi ? 1 : 2 * (unsigned int)n))
		err = -EMFILE;
	if (!err)
		err = attach(p, a, which, multi, pid, index, path, site, n);
	if (!err)
		return a;
	failure__what(f, "cannot attach probes to process %d: %s", pid, strerror(-err));
	if (err == -EPERM || err == -EACCES)
		probe_kernel__explain_refusal(multi, f);
	probe__detach(p, a);
	errno = -err;
	return NULL;
}

struct attachment *probe__attach(struct probe *p, enum probe_program which, pid_t pid,
				 unsigned int index, const char *path,
				 const struct probe_site *site, size_t n, struct failure *f)
{
	return attach_or_explain(p, which, p->multi, pid, index, path, site, n, f);
}

struct attachment *probe__attach_thread(struct probe *p, enum probe_program which, pid_t tid,
					unsigned int index, const char *path,
					const struct probe_site *site, size_t n, struct failure *f)
{
	return attach_or_explain(p, which, false, tid, index, path, site, n, f);
}

/* Copies of a probe often have their arguments in the same place; equal descriptions are stored
 * once. */
int probe__enter_arguments(struct probe *p, const struct gil_arguments *a)
{
	int fd = bpf_map__fd(p->skel->maps.arguments);

	for (__u32 i = 1; i <= p->nr_arguments; i++) {
		struct gil_arguments entered;

		if (!bpf_map_lookup_elem(fd, &i, &entered) && !memcmp(&entered, a, sizeof(*a)))
			return (int)i;
	}
	if (p->nr_arguments + 1 >= GIL_MAX_ARGUMENTS)
		return -ENOSPC;
	p->nr_arguments++;
	if (bpf_map_update_elem(fd, &p->nr_arguments, a, BPF_ANY))
		return -errno;
	return (int)p->nr_arguments;
}

void probe__detach(struct probe *p, struct attachment *a)
{
	if (a)
		closer__add(p->closer, close_attachment, a);
}

bool probe__is_settled(struct probe *p)
{
	return closer__is_idle(p->closer);
}

void probe__settle(struct probe *p)
{
	closer__wait(p->closer);
}
