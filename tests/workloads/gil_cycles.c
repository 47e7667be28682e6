// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An extension module, because C code makes edges fastest. gil_cycles.run(n, ns) releases the GIL and
 * takes it back n times, with at most one cycle every ns nanoseconds or, with 0, as fast as it can.
 * Returns the thread's CPU time in ns.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <time.h>

static long long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static PyObject *run(PyObject *self, PyObject *args)
{
	long long n, ns, begin = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID);

	(void)self;
	if (!PyArg_ParseTuple(args, "LL", &n, &ns))
		return NULL;
	for (long long i = 0; i < n; i++) {
		Py_BEGIN_ALLOW_THREADS;
		Py_END_ALLOW_THREADS;
		if (ns && i % 64 == 0)
			while (now(CLOCK_MONOTONIC) - begin < i * ns)
				;
	}
	return PyLong_FromLongLong(now(CLOCK_THREAD_CPUTIME_ID) - cpu);
}

static PyMethodDef methods[] = {{"run", run, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT, "gil_cycles", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_gil_cycles(void)
{
	return PyModule_Create(&module);
}
