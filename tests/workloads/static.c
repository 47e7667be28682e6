// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A CPython with everything linked in, including its C library. It cannot load ctypes, so it has a
 * module `held` with the two functions that sleepers.py needs; they keep the GIL. */
#include <Python.h>
#include <sys/prctl.h>
#include <time.h>

static PyObject *held_usleep(PyObject *self, PyObject *args)
{
	unsigned long us;
	struct timespec t;

	(void)self;
	if (!PyArg_ParseTuple(args, "k", &us))
		return NULL;
	t = (struct timespec){(time_t)(us / 1000000), (long)(us % 1000000 * 1000)};
	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	Py_RETURN_NONE;
}

static PyObject *held_prctl(PyObject *self, PyObject *args)
{
	int option;
	unsigned long a, b, c, d;

	(void)self;
	if (!PyArg_ParseTuple(args, "ikkkk", &option, &a, &b, &c, &d))
		return NULL;
	return PyLong_FromLong(prctl(option, a, b, c, d));
}

static PyMethodDef methods[] = {
	{"usleep", held_usleep, METH_VARARGS, NULL},
	{"prctl", held_prctl, METH_VARARGS, NULL},
	{0},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "held", .m_methods = methods};

static PyObject *held(void)
{
	return PyModule_Create(&module);
}

int main(int argc, char **argv)
{
	PyImport_AppendInittab("held", held);
	return Py_BytesMain(argc, argv);
}
