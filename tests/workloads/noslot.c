// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An extension module that does not declare that it works without the GIL. */
#include <Python.h>

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "noslot", .m_size = 0};

PyMODINIT_FUNC PyInit_noslot(void)
{
	return PyModule_Create(&definition);
}
