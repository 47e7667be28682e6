# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""N threads that each sleep M times for T ms in libc's usleep. Between two sleeps they release the
GIL (os.stat), so that no hold contains more than one sleep. The library class decides whether a
thread keeps the GIL while it sleeps: with ctypes.PyDLL it does, with ctypes.CDLL it does not."""
import os

import truth


def main(library):
    n, m, t_ms = (int(a) for a in truth.arguments()[:3])
    libc = library(None)
    usleep = libc.usleep
    libc.prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK for all threads: 1 ns instead of 50 µs

    def body():
        for _ in range(m):
            usleep(t_ms * 1000)
            os.stat("/")
        return {"calls": m}

    truth.ready()
    threads = truth.in_threads(n, body)
    truth.tell(threads=threads, sleep_ns=t_ms * 1000000)
