// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * usdt_target CYCLES ROUNDS WAITERS [--wait]: not a Python, but a program with a lock that has the
 * probes of usdt/gil_probes.h, which fire a known number of times. First the main thread, alone, takes
 * and drops the lock CYCLES times. Then, ROUNDS times, it takes the lock, waits until WAITERS threads
 * are blocked, and drops it because they asked; each of these takes the lock and drops it once. Prints
 * the counts.
 *
 * This is C and C++. -DONLY_LOCK leaves only the lock, for a shared library, and -DONLY_MAIN the rest.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lock {
	int locked;
	int waiting;
	pthread_mutex_t mutex;
	pthread_cond_t freed;
	pthread_cond_t arrived; // another thread waits
};

#ifdef __cplusplus
extern "C" {
#endif
void lock__take(struct lock *lock, void *tstate);
void lock__drop(struct lock *lock, void *tstate, int requested);
void lock__see_waiters(struct lock *lock, int n);
#ifdef __cplusplus
}
#endif

#ifndef ONLY_MAIN
#include "../../usdt/gil_probes.h"

void lock__take(struct lock *lock, void *tstate)
{
	pthread_mutex_lock(&lock->mutex);
	if (lock->locked) {
		GIL_PROBE_WAIT(lock, tstate);
		lock->waiting++;
		pthread_cond_signal(&lock->arrived);
		while (lock->locked)
			pthread_cond_wait(&lock->freed, &lock->mutex);
		lock->waiting--;
	}
	lock->locked = 1;
	GIL_PROBE_ACQUIRE(lock, tstate);
	pthread_mutex_unlock(&lock->mutex);
}

void lock__drop(struct lock *lock, void *tstate, int requested)
{
	pthread_mutex_lock(&lock->mutex);
	GIL_PROBE_RELEASE(lock, tstate, requested);
	lock->locked = 0;
	pthread_cond_signal(&lock->freed);
	pthread_mutex_unlock(&lock->mutex);
}

/* The caller must have the lock. Returns when n other threads wait for it. */
void lock__see_waiters(struct lock *lock, int n)
{
	pthread_mutex_lock(&lock->mutex);
	while (lock->waiting < n)
		pthread_cond_wait(&lock->arrived, &lock->mutex);
	pthread_mutex_unlock(&lock->mutex);
}
#endif

#ifndef ONLY_LOCK
static struct lock the_lock;

static void *one_cycle(void *unused)
{
	int tstate;

	(void)unused;
	lock__take(&the_lock, &tstate);
	lock__drop(&the_lock, &tstate, 0);
	return NULL;
}

static void one_round(int waiters)
{
	pthread_t *threads = (pthread_t *)calloc(waiters, sizeof(*threads));
	int tstate, i;

	lock__take(&the_lock, &tstate);
	for (i = 0; i < waiters; i++) {
		if (!threads || pthread_create(&threads[i], NULL, one_cycle, NULL))
			abort();
	}
	lock__see_waiters(&the_lock, waiters);
	lock__drop(&the_lock, &tstate, 1);
	for (i = 0; i < waiters; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

int main(int argc, char **argv)
{
	int cycles = argc > 3 ? atoi(argv[1]) : 0, rounds = argc > 3 ? atoi(argv[2]) : 0;
	int waiters = argc > 3 ? atoi(argv[3]) : 0, i;

	if (waiters <= 0) {
		fprintf(stderr, "usage: usdt_target CYCLES ROUNDS WAITERS [--wait]\n");
		return 2;
	}
	pthread_mutex_init(&the_lock.mutex, NULL);
	pthread_cond_init(&the_lock.freed, NULL);
	pthread_cond_init(&the_lock.arrived, NULL);
	if (argc > 4 && !strcmp(argv[4], "--wait")) {
		puts("READY");
		fflush(stdout);
		getchar();
	}
	for (i = 0; i < cycles; i++)
		one_cycle(NULL);
	for (i = 0; i < rounds; i++)
		one_round(waiters);
	printf("{\"pid\": %d, \"gil\": %lu, \"waits\": %d, \"acquires\": %d, \"requested\": %d}\n",
	       (int)getpid(), (unsigned long)&the_lock, rounds * waiters,
	       cycles + rounds * (waiters + 1), rounds);
	return 0;
}
#endif
