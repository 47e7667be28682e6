// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * An extension module with two long calls: one releases the GIL, as it should, and one keeps it.
 * `call.py` calls them, and a rule of gilscope check tells them apart.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void spin(double seconds)
{
	double end = now() + seconds;

	while (now() < end)
		;
}

static PyObject *keeps(PyObject *self, PyObject *args)
{
	double seconds;

	(void)self;
	if (!PyArg_ParseTuple(args, "d", &seconds))
		return NULL;
	spin(seconds);
	Py_RETURN_NONE;
}

static PyObject *releases(PyObject *self, PyObject *args)
{
	double seconds;

	(void)self;
	if (!PyArg_ParseTuple(args, "d", &seconds))
		return NULL;
	Py_BEGIN_ALLOW_THREADS;
	spin(seconds);
	Py_END_ALLOW_THREADS;
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"keeps", keeps, METH_VARARGS, "Computes for this many seconds, with the GIL."},
	{"releases", releases, METH_VARARGS, "Computes for this many seconds, without the GIL."},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "spin", .m_size = -1,
				    .m_methods = methods};

PyMODINIT_FUNC PyInit_spin(void)
{
	return PyModule_Create(&module);
}
