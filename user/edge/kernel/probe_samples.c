// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Samples of the code that has a GIL: a timer on each CPU, and the ring that they come in. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "edge/kernel/probe_private.h"
#include "edge/proc/open_files.h"

/* After so long each timer gets another period, which is up to a quarter longer or shorter. Otherwise a
 * program whose work repeats itself in the same rhythm would keep step with the ticks. */
#define JITTER_NS 50000000ULL

bool probe__wants_samples(const struct probe *p)
{
	return p->options.blame_hz && !p->no_samples.what[0];
}

static size_t gaps_bytes(const struct probe *p)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (sizeof(*p->gaps) * p->threads.max + page - 1) / page * page;
}

static int on_sample(void *ctx, void *data, size_t size)
{
	const struct probe *p = ctx;

	if (size >= sizeof(struct gil_blame_head) && p->sample)
		p->sample(p->sample_ctx, data, size);
	return 0;
}

/* Attaches the program to a timer on this CPU. Returns 0 or -errno; -ENODEV: the CPU is off. */
static int tick_on(struct probe *p, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000ULL / p->options.blame_hz,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	struct bpf_link *link;

	if (fd < 0)
		return -errno;
	link = bpf_program__attach_perf_event(p->skel->progs.on_tick, fd);
	if (!link) {
		int err = -errno;

		close(fd);
		return err;
	}
	p->tick_fds[p->nr_ticks] = fd; /* the link's */
	p->ticks[p->nr_ticks++] = link;
	return 0;
}

/* Changes the timers' periods at random, if that is due. */
static void jitter(struct probe *p)
{
	__u64 usual = 1000000000ULL / p->options.blame_hz, now = clock_ns();

	if (gil_elapsed(p->jittered_ns, now) < JITTER_NS)
		return;
	p->jittered_ns = now;
	for (size_t i = 0; i < p->nr_ticks; i++) {
		__u64 period = usual - usual / 4 + (__u64)random() % (usual / 2 + 1);

		ioctl(p->tick_fds[i], PERF_EVENT_IOC_PERIOD, &period);
	}
}

static int start_ticks(struct probe *p)
{
	int cpus = libbpf_num_possible_cpus(), err = 0;

	if (cpus < 0)
		return cpus;
	if (!open_files__have_room(2 * (unsigned int)cpus))
		return -EMFILE;
	p->ticks = calloc((size_t)cpus, sizeof(*p->ticks));
	p->tick_fds = calloc((size_t)cpus, sizeof(*p->tick_fds));
	if (!p->ticks || !p->tick_fds)
		return -ENOMEM;
	srandom((unsigned int)clock_ns());
	for (int cpu = 0; cpu < cpus && !err; cpu++) {
		err = tick_on(p, cpu);
		if (err == -ENODEV)
			err = 0;
	}
	return err ?: p->nr_ticks ? 0 : -ENODEV;
}

static int start(struct probe *p)
{
	p->samples = ring_buffer__new(bpf_map__fd(p->skel->maps.samples), on_sample, p, NULL);
	if (!p->samples)
		return -errno;
	p->gaps = mmap(NULL, gaps_bytes(p), PROT_READ, MAP_SHARED, bpf_map__fd(p->skel->maps.gaps),
		       0);
	if (p->gaps == MAP_FAILED) {
		p->gaps = NULL;
		return -errno;
	}
	return start_ticks(p);
}

void probe__start_samples(struct probe *p)
{
	struct failure *f = &p->no_samples;
	int err;

	if (!probe__wants_samples(p))
		return;
	err = start(p);
	if (!err)
		return;
	probe__stop_samples(p);
	failure__what(f, "cannot set a timer on each CPU: %s", strerror(-err));
	if (err == -EPERM || err == -EACCES)
		probe_kernel__explain_refusal(true, f);
}

void probe__stop_samples(struct probe *p)
{
	for (size_t i = 0; i < p->nr_ticks; i++)
		bpf_link__destroy(p->ticks[i]);
	free(p->ticks);
	free(p->tick_fds);
	p->ticks = NULL;
	p->tick_fds = NULL;
	p->nr_ticks = 0;
	ring_buffer__free(p->samples);
	p->samples = NULL;
	if (p->gaps)
		munmap(p->gaps, gaps_bytes(p));
	p->gaps = NULL;
}

void probe__samples(struct probe *p, void (*sample)(void *ctx, const void *entry, size_t size),
		    void *ctx)
{
	if (!p->samples)
		return;
	p->sample = sample;
	p->sample_ctx = ctx;
	jitter(p);
	ring_buffer__consume(p->samples);
}

unsigned int probe__blame_hz(const struct probe *p, const struct failure **why)
{
	if (why)
		*why = p->no_samples.what[0] ? &p->no_samples : NULL;
	return p->samples ? p->options.blame_hz : 0;
}

bool probe__read_gap(const struct probe *p, unsigned int index, struct gil_blame_gap *gap)
{
	if (!p->gaps || index >= p->threads.max)
		return false;
	*gap = p->gaps[index];
	return gap->since != 0;
}
