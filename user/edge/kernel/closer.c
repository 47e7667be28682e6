// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "edge/kernel/closer.h"
#include "edge/proc/privilege.h"

#define MAX_WORKERS 32 /* they mostly sleep; more of them share a grace period */

struct job {
	void (*close)(void *what);
	void *what;
	struct job *next;
};

struct closer {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct job *jobs;
	int workers; /* running workers; each ends when there is nothing to do */
};

struct closer *closer__new(void)
{
	struct closer *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_cond_init(&c->changed, NULL);
	return c;
}

static void *work(void *arg)
{
	struct closer *c = arg;

	privilege__keep(0);
	pthread_mutex_lock(&c->mutex);
	while (c->jobs) {
		struct job *job = c->jobs;

		c->jobs = job->next;
		pthread_mutex_unlock(&c->mutex);
		job->close(job->what);
		free(job);
		pthread_mutex_lock(&c->mutex);
	}
	c->workers--;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

static bool start_worker(struct closer *c)
{
	sigset_t all, old;
	pthread_t thread;
	int err;

	/* Without this, a signal that the main thread blocks only later could kill the program
	 * here. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, NULL, work, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return false;
	pthread_detach(thread);
	c->workers++;
	return true;
}

void closer__add(struct closer *c, void (*close)(void *what), void *what)
{
	struct job *job = malloc(sizeof(*job));

	if (!job) {
		close(what);
		return;
	}
	*job = (struct job){.close = close, .what = what};
	pthread_mutex_lock(&c->mutex);
	job->next = c->jobs;
	c->jobs = job;
	if (c->workers < MAX_WORKERS && !start_worker(c) && !c->workers) {
		c->jobs = job->next;
		free(job);
		job = NULL;
	}
	pthread_mutex_unlock(&c->mutex);
	if (!job)
		close(what);
}

bool closer__is_idle(struct closer *c)
{
	bool idle;

	pthread_mutex_lock(&c->mutex);
	idle = !c->workers;
	pthread_mutex_unlock(&c->mutex);
	return idle;
}

void closer__wait(struct closer *c)
{
	pthread_mutex_lock(&c->mutex);
	while (c->workers)
		pthread_cond_wait(&c->changed, &c->mutex);
	pthread_mutex_unlock(&c->mutex);
}

void closer__free(struct closer *c)
{
	if (!c)
		return;
	closer__wait(c);
	pthread_mutex_destroy(&c->mutex);
	pthread_cond_destroy(&c->changed);
	free(c);
}
