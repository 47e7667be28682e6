// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes, reads and gives back records. The kernel may be writing a record while it is read. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "edge/kernel/probe_private.h"

static int take(struct table *t, __u32 *next, __u64 *full)
{
	__u32 i;

	if (!bpf_map_lookup_and_delete_elem(bpf_map__fd(t->recycled), NULL, &i))
		return i;
	if (__atomic_load_n(next, __ATOMIC_RELAXED) < t->max) {
		i = __atomic_fetch_add(next, 1, __ATOMIC_SEQ_CST);
		if (i < t->max)
			return i;
	}
	__atomic_fetch_add(full, 1, __ATOMIC_RELAXED);
	return -ENOSPC;
}

static void give(struct table *t, unsigned int index)
{
	__u32 i = index;

	if (index >= t->max)
		return;
	memset((char *)t->records + t->size * index, 0, t->size);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	bpf_map_update_elem(bpf_map__fd(t->recycled), NULL, &i, BPF_ANY);
}

static void *record(struct table *t, unsigned int index)
{
	return index < t->max ? (char *)t->records + t->size * index : NULL;
}

/*
 * Copies a record, whose first word is its sequence count. An update takes well below a
 * microsecond, unless the writer is preempted in the middle. Then we give it time, 100 ms at most;
 * if that does not do, the copy may be torn, and is counted.
 */
static void read_record(struct probe *p, const struct table *t, unsigned int index, void *copy)
{
	const char *at = (const char *)t->records + t->size * index;
	const __u32 *seq = (const __u32 *)at;

	for (int i = 0; i < 2000; i++) {
		const struct timespec pause = {.tv_nsec = 100 * 1000};
		__u32 before = __atomic_load_n(seq, __ATOMIC_ACQUIRE);

		if (!(before & 1)) {
			memcpy(copy, at, t->size);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
			if (__atomic_load_n(seq, __ATOMIC_RELAXED) == before)
				return;
		}
		if (i >= 1000)
			nanosleep(&pause, NULL);
	}
	memcpy(copy, at, t->size);
	p->nr_torn++;
}

int probe__take_process(struct probe *p, pid_t pid)
{
	int i = take(&p->processes, &p->tables->next_process, &p->tables->processes_full);
	struct gil_process *process;

	if (i < 0)
		return i;
	process = record(&p->processes, i);
	process->pid = process->bound = pid;
	process->state = GIL_PROCESS_QUIET;
	process->sources = GIL_SOURCE_COND;
	return i;
}

int probe__enter_process(struct probe *p, unsigned int index)
{
	const struct gil_process *process = record(&p->processes, index);
	__u32 key = process->pid, value = index;

	p->skel->bss->known_processes[key & (GIL_KNOWN - 1)] = 1;
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.process_of), &key, &value, BPF_ANY))
		return -errno;
	return 0;
}

int probe__add_process(struct probe *p, pid_t pid)
{
	int i = probe__take_process(p, pid), err;

	if (i < 0)
		return i;
	err = probe__enter_process(p, i);
	if (err)
		give(&p->processes, i);
	return err ?: i;
}

int probe__take_lock(struct probe *p)
{
	return take(&p->locks, &p->tables->next_lock, &p->tables->locks_full);
}

int probe__take_thread(struct probe *p)
{
	__u64 full = 0; /* it costs no edge */

	return take(&p->threads, &p->tables->next_thread, &full);
}

int probe__enter_thread(struct probe *p, unsigned int index)
{
	const struct gil_thread *t = record(&p->threads, index);
	struct gil_thread_records r = {.count = 1, .index = {index}};
	__u32 tid = t->tid;

	p->skel->bss->known_threads[tid & (GIL_KNOWN - 1)] = 1;
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.records), &tid, &r, BPF_NOEXIST))
		return -errno;
	return 0;
}

struct gil_process *probe__process(struct probe *p, unsigned int index)
{
	return record(&p->processes, index);
}

struct gil_lock *probe__lock(struct probe *p, unsigned int index)
{
	return record(&p->locks, index);
}

struct gil_thread *probe__thread(struct probe *p, unsigned int index)
{
	return record(&p->threads, index);
}

unsigned int probe__thread_limit(const struct probe *p)
{
	__u32 next = __atomic_load_n(&p->tables->next_thread, __ATOMIC_RELAXED);

	return next < p->threads.max ? next : p->threads.max;
}

bool probe__any_thread_gone(const struct probe *p)
{
	const struct gil_thread *t = p->threads.records;

	for (unsigned int i = 0; i < probe__thread_limit(p); i++)
		if (__atomic_load_n(&t[i].state, __ATOMIC_RELAXED) == GIL_THREAD_GONE)
			return true;
	return false;
}

void probe__read_lock(struct probe *p, unsigned int index, struct gil_lock *copy)
{
	read_record(p, &p->locks, index, copy);
}

void probe__read_thread(struct probe *p, unsigned int index, struct gil_thread *copy)
{
	read_record(p, &p->threads, index, copy);
}

void probe__give_process(struct probe *p, unsigned int index)
{
	struct gil_process *process = record(&p->processes, index);
	__u32 key, value;
	int fd = bpf_map__fd(p->skel->maps.process_of);

	if (!process)
		return;
	key = process->pid;
	if (!bpf_map_lookup_elem(fd, &key, &value) && value == index)
		bpf_map_delete_elem(fd, &key);
	give(&p->processes, index);
}

void probe__give_lock(struct probe *p, unsigned int index)
{
	give(&p->locks, index);
}

void probe__give_thread(struct probe *p, unsigned int index)
{
	give(&p->threads, index);
}

/* ---- sums and losses ---- */

static struct gil_sum sum_of(const struct gil_sum_key *key, const struct gil_sum_value *value)
{
	return (struct gil_sum){
		.key = key->key, .kind = key->kind, .count = value->count, .ns = value->ns};
}

int probe__read_sums(struct probe *p, unsigned int index, struct snapshot_gil *g)
{
	int fd = bpf_map__fd(p->skel->maps.sums);
	struct gil_sum_key key, *previous = NULL;
	struct gil_sum_value value;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		struct gil_sum *sum;

		previous = &key;
		if (key.lock != index || bpf_map_lookup_elem(fd, &key, &value))
			continue;
		sum = snapshot_gil__add_sum(g);
		if (!sum)
			return -ENOMEM;
		*sum = sum_of(&key, &value);
	}
	return 0;
}

/* Reads in batches (Linux 5.6), because one system call per sum is too much if this is called
 * every second. */
int probe__each_sum(struct probe *p,
		    int (*visit)(void *ctx, unsigned int lock, const struct gil_sum *sum),
		    void *ctx)
{
	enum { BATCH = 2048 };
	int fd = bpf_map__fd(p->skel->maps.sums), err = 0, end;
	struct gil_sum_value *values = calloc(BATCH, sizeof(*values));
	struct gil_sum_key *keys = calloc(BATCH, sizeof(*keys));
	__u32 in = 0, out = 0;
	bool first = true;

	if (!values || !keys)
		err = -ENOMEM;
	do {
		__u32 n = BATCH;

		if (err)
			break;
		end = bpf_map_lookup_batch(fd, first ? NULL : &in, &out, keys, values, &n, NULL);
		if (end && end != -ENOENT)
			err = end;
		for (__u32 i = 0; i < n && !err; i++) {
			struct gil_sum sum = sum_of(&keys[i], &values[i]);

			err = visit(ctx, keys[i].lock, &sum);
		}
		in = out;
		first = false;
	} while (!err && !end);
	free(values);
	free(keys);
	return err;
}

/* Deleting a key while walking would restart the walk, so each key is deleted after its successor
 * is known. */
void probe__drop_sums(struct probe *p, unsigned int index)
{
	int fd = bpf_map__fd(p->skel->maps.sums);
	struct gil_sum_key key, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &key);

	while (more) {
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (key.lock == index)
			bpf_map_delete_elem(fd, &key);
		key = next;
	}
}

/* Counts the runs that the kernel skipped because the program was already running on that CPU. */
static __u64 recursion_misses(const struct bpf_program *program)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	if (!program || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return 0;
	return info.recursion_misses;
}

/* Counts the events for which both programs were skipped: see bpf/preempt.h. If only the second one
 * was skipped, the first one's mark is still in the table, or was found there by another event. */
static __u64 events_skipped(const struct probe *p)
{
	const struct gilscope_bpf *s = p->skel;
	__u64 skipped = recursion_misses(s->progs.on_fork_again) +
			recursion_misses(s->progs.on_exec_again) +
			recursion_misses(s->progs.on_exit_again);
	__u64 in_vain = p->tables->skipped_in_vain;
	__u32 key, *previous = NULL;

	while (skipped && !bpf_map_get_next_key(bpf_map__fd(s->maps.handled), previous, &key)) {
		previous = &key;
		in_vain++;
	}
	return skipped > in_vain ? skipped - in_vain : 0;
}

void probe__read_lost(struct probe *p, struct snapshot_lost *lost)
{
	const struct gil_tables *t = p->tables;
	const struct gilscope_bpf *s = p->skel;

	for (int i = 0; i < PROBE_PROGRAMS; i++)
		lost->edges += recursion_misses(probe__program(p, i));
#define ADD(name, to) lost->to += t->name;
	GIL_TABLES_LOSSES(ADD)
#undef ADD
	lost->switches +=
		recursion_misses(s->progs.on_switch) + recursion_misses(s->progs.on_wakeup);
	lost->events += events_skipped(p);
	lost->torn += p->nr_torn;
}
