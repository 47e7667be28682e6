// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "edge/proc/privilege.h"
#include "edge/record/trace_output.h"
#include "edge/record/trace_sink.h"

/* Limit on the bytes waiting to be compressed: a disk can stall this long without affecting the
 * ring. */
#define QUEUE_MOST (32UL << 20)

struct item {
	struct item *next;
	struct trace_chunk chunk;
	struct bytes packed; /* flight recorder: the frame as it will be in the file */
};

struct trace_sink {
	struct trace_output out;
	size_t window;
	pthread_t thread;
	bool running, ending, done;
	const struct bytes *preamble; /* flight recorder: written at the end */
	__u32 preamble_count;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct item *queue, **queue_end; /* not yet compressed */
	size_t queued;                   /* bytes in the queue */
	bool busy;                       /* the thread is working on an item */
	__u64 size;                      /* written or kept, without that item */
	int err;
	/* used by a flight recorder only */
	struct item *kept, **kept_end;
	size_t kept_size;
	bool dropped;
	struct item *header;
};

/* ---- a flight recorder ---- */

static void free_item(struct item *i)
{
	if (!i)
		return;
	bytes__free(&i->chunk.payload);
	bytes__free(&i->packed);
	free(i);
}

static struct trace_frame drop_oldest(struct trace_sink *s)
{
	struct item *i = s->kept;
	struct trace_frame frame = i->chunk.frame;

	s->kept = i->next;
	if (!s->kept)
		s->kept_end = &s->kept;
	s->kept_size -= i->packed.size;
	s->dropped = true;
	free_item(i);
	return frame;
}

/* Keeps the item and drops the oldest ones. A frame of edges is dropped together with the records
 * that name its threads. */
static int keep(struct trace_sink *s, struct item *i)
{
	trace_chunk__pack(&i->chunk, &i->packed);
	bytes__free(&i->chunk.payload);
	if (i->packed.failed)
		return -ENOMEM;
	if (i->chunk.frame.type == TRACE_FRAME_HEADER) {
		s->header = i;
		return 0;
	}
	*s->kept_end = i;
	s->kept_end = &i->next;
	s->kept_size += i->packed.size;
	/* Never drop the item that was just added; the list owns it now. */
	while (s->kept_size > s->window && s->kept->next) {
		struct trace_frame f = drop_oldest(s);

		if (f.flags & TRACE_FRAME_WITH_EDGES && s->kept && s->kept->next)
			drop_oldest(s);
	}
	return 0;
}

static __u64 oldest(const struct trace_sink *s)
{
	for (const struct item *i = s->dropped ? s->kept : NULL; i; i = i->next)
		if (i->chunk.frame.type == TRACE_FRAME_EDGES)
			return i->chunk.frame.first;
	return 0;
}

/* Writes the header. If frames after it were dropped, also writes records that say so and that
 * repeat what later frames need from the dropped ones. */
static int write_beginning(struct trace_sink *s, struct trace_output *o,
			   const struct bytes *preamble, __u32 count)
{
	__u32 first = s->kept ? s->kept->chunk.frame.sequence : 1;
	struct bytes none = {0};
	struct trace_chunk c = {.frame = {.type = TRACE_FRAME_META, .count = count + 1}};
	unsigned char *header = s->header->packed.data;
	struct trace_frame f;
	int err;

	if (!s->dropped)
		return trace_output__frame(o, &s->header->chunk.frame, &s->header->packed);
	trace_frame__parse(&f, header);
	f.sequence = first - 2;
	trace_frame__pack(&f, header);
	err = trace_output__frame(o, &f, &s->header->packed);
	c.frame.first = c.frame.last = oldest(s);
	c.frame.sequence = first - 1;
	trace_record__put(&c.payload, TRACE_RECORD_WINDOW, 0, oldest(s), &none);
	bytes__append(&c.payload, preamble->data, preamble->size);
	if (c.payload.size > TRACE_LARGEST)
		err = err ?: -E2BIG;
	err = err ?: c.payload.failed ? -ENOMEM : trace_output__chunk(o, &c);
	bytes__free(&c.payload);
	return err;
}

static int write_kept(struct trace_sink *s, struct trace_output *o, const struct bytes *preamble,
		      __u32 count)
{
	int err = s->header ? write_beginning(s, o, preamble, count) : -EINVAL;

	for (struct item *i = s->kept; i && !err; i = i->next)
		err = trace_output__frame(o, &i->chunk.frame, &i->packed);
	return err ?: trace_output__end(o);
}

/* ---- the thread ---- */

static struct item *take(struct trace_sink *s)
{
	struct item *i;

	pthread_mutex_lock(&s->mutex);
	s->busy = false;
	s->size = s->window ? s->kept_size : s->out.offset;
	pthread_cond_broadcast(&s->changed);
	while (!s->queue && !s->ending)
		pthread_cond_wait(&s->changed, &s->mutex);
	i = s->queue;
	if (i) {
		s->queue = i->next;
		if (!s->queue)
			s->queue_end = &s->queue;
		s->queued -= i->chunk.payload.size;
		i->next = NULL;
		s->busy = true;
	}
	pthread_mutex_unlock(&s->mutex);
	return i;
}

static void handle(struct trace_sink *s, struct item *i)
{
	int err = s->err;

	if (!err)
		err = s->window ? keep(s, i) : trace_output__chunk(&s->out, &i->chunk);
	if (!s->window || err)
		free_item(i);
	if (err && !s->err)
		__atomic_store_n(&s->err, err, __ATOMIC_RELEASE);
}

static void finish(struct trace_sink *s)
{
	int err = s->err;

	if (!err)
		err = s->window ? write_kept(s, &s->out, s->preamble, s->preamble_count)
				: trace_output__end(&s->out);
	if (close(s->out.fd) && !err)
		err = -errno;
	s->out.fd = -1;
	pthread_mutex_lock(&s->mutex);
	s->err = err;
	s->size = s->out.offset;
	s->done = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

static void *run(void *ctx)
{
	struct trace_sink *s = ctx;
	struct item *i;

	setpriority(PRIO_PROCESS, 0, 0); /* emptying the ring is more urgent than writing */
	privilege__keep(0);
	while ((i = take(s)))
		handle(s, i);
	finish(s);
	return NULL;
}

/* Waits until everything put so far has been handled; the thread then sleeps. */
static void settle(struct trace_sink *s)
{
	pthread_mutex_lock(&s->mutex);
	while (s->running && (s->queue || s->busy))
		pthread_cond_wait(&s->changed, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
}

/* ---- the rest ---- */

struct trace_sink *trace_sink__new(int fd, size_t window)
{
	struct trace_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->out.fd = fd;
	s->window = window;
	s->queue_end = &s->queue;
	s->kept_end = &s->kept;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->changed, NULL);
	return s;
}

int trace_sink__start(struct trace_sink *s)
{
	sigset_t all, old;
	int err;

	/* The main thread handles signals. Here a closed pipe is an error, and must not kill us. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->running = !err;
	return err;
}

int trace_sink__put(void *ctx, struct trace_chunk *c)
{
	struct trace_sink *s = ctx;
	struct item *i = calloc(1, sizeof(*i));
	int err = __atomic_load_n(&s->err, __ATOMIC_ACQUIRE);

	if (!i || err) {
		free(i);
		bytes__free(&c->payload);
		return err ?: -ENOMEM;
	}
	i->chunk = *c;
	c->payload = (struct bytes){0};
	pthread_mutex_lock(&s->mutex);
	if (i->chunk.frame.type == TRACE_FRAME_HEADER) {
		i->next = s->queue;
		s->queue = i;
		if (!i->next)
			s->queue_end = &i->next;
	} else {
		*s->queue_end = i;
		s->queue_end = &i->next;
	}
	s->queued += i->chunk.payload.size;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
	return 0;
}

bool trace_sink__is_full(struct trace_sink *s)
{
	bool full;

	pthread_mutex_lock(&s->mutex);
	full = s->queued > QUEUE_MOST;
	pthread_mutex_unlock(&s->mutex);
	return full;
}

__u64 trace_sink__size(struct trace_sink *s, __u64 *at_most)
{
	__u64 size;

	pthread_mutex_lock(&s->mutex);
	size = s->size;
	if (at_most)
		*at_most = size + s->queued + (s->busy ? TRACE_CHUNK_SIZE * 2 : 0);
	pthread_mutex_unlock(&s->mutex);
	return size;
}

__u64 trace_sink__oldest(struct trace_sink *s)
{
	settle(s);
	return oldest(s);
}

int trace_sink__dump(struct trace_sink *s, int fd, const struct bytes *preamble, __u32 count)
{
	struct trace_output o = {.fd = fd};
	int err;

	settle(s);
	err = s->err ?: write_kept(s, &o, preamble, count);
	trace_output__clear(&o);
	return err;
}

void trace_sink__end(struct trace_sink *s, const struct bytes *preamble, __u32 count)
{
	pthread_mutex_lock(&s->mutex);
	s->preamble = preamble;
	s->preamble_count = count;
	s->ending = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

int trace_sink__wait(struct trace_sink *s, int ms)
{
	struct timespec until;
	int err;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&s->mutex);
	while (s->running && !s->done) {
		if (ms < 0)
			pthread_cond_wait(&s->changed, &s->mutex);
		else if (pthread_cond_timedwait(&s->changed, &s->mutex, &until) == ETIMEDOUT)
			break;
	}
	err = s->done ? s->err : s->running ? -EAGAIN : -ESRCH;
	pthread_mutex_unlock(&s->mutex);
	return err;
}

static void free_list(struct item *list)
{
	struct item *i;

	while ((i = list)) {
		list = i->next;
		free_item(i);
	}
}

void trace_sink__free(struct trace_sink *s)
{
	if (!s)
		return;
	if (s->running) {
		if (!s->ending)
			trace_sink__end(s, &(struct bytes){0}, 0);
		pthread_join(s->thread, NULL);
	}
	free_list(s->queue);
	free_list(s->kept);
	free_item(s->header);
	if (s->out.fd >= 0)
		close(s->out.fd);
	trace_output__clear(&s->out);
	pthread_mutex_destroy(&s->mutex);
	pthread_cond_destroy(&s->changed);
	free(s);
}
