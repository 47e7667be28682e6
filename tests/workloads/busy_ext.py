# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""busy_ext.py LIBRARY N M MS: N threads that each call a C library (busy.c) M times. Each call uses
MS ms of CPU time without releasing the GIL."""
import ctypes
import os

import truth


def main():
    path, n, m, ms = truth.arguments()[:4]
    busy = ctypes.PyDLL(path).busy
    busy.argtypes = [ctypes.c_longlong, ctypes.POINTER(ctypes.c_longlong)]
    busy.restype = None

    def body():
        took = (ctypes.c_longlong * 2)()
        cpu = wall = 0
        for _ in range(int(m)):
            busy(int(ms) * 1000000, took)
            cpu += took[0]
            wall += took[1]
            os.stat("/")
        return {"calls": int(m), "cpu_ns": cpu, "wall_ns": wall}

    truth.ready()
    truth.tell(threads=truth.in_threads(int(n), body))


main()
