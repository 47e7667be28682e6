// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A file that has what gilscope looks for in a Python 2.7. With -DINLINED, it looks as after link-time
 * optimization: the lock's function is inlined where the GIL is released. */
#include <semaphore.h>
#include <stdio.h>

#define EXPORTED __attribute__((visibility("default"), noinline))

static sem_t *interpreter_lock;

EXPORTED void PyThread_acquire_lock(sem_t *lock, int wait)
{
	if (wait ? sem_wait(lock) : sem_trywait(lock))
		perror("sem_wait");
}

EXPORTED void PyThread_release_lock(sem_t *lock)
{
	if (sem_post(lock))
		perror("sem_post");
}

EXPORTED void PyEval_AcquireLock(void)
{
	PyThread_acquire_lock(interpreter_lock, 1);
}

EXPORTED void PyEval_ReleaseLock(void)
{
	PyThread_release_lock(interpreter_lock);
}

EXPORTED void PyThreadState_Swap(sem_t *lock)
{
	interpreter_lock = lock;
}

EXPORTED void PyEval_SaveThread(void)
{
	PyThreadState_Swap(interpreter_lock);
#ifdef INLINED
	if (sem_post(interpreter_lock))
		perror("sem_post");
#else
	PyThread_release_lock(interpreter_lock);
#endif
}

EXPORTED const char *PyString_FromString(void)
{
	return "2.7.18";
}

EXPORTED const char *PyCapsule_New(void)
{
	return "2.7.18";
}
