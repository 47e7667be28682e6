# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""short.py: lives for about 50 ms, including the start of the interpreter. It releases and retakes
the GIL 100 times, and sleeps for 20 ms without releasing it."""
import os
import time

begin = time.monotonic_ns()
for _ in range(100):
    os.stat("/")
import ctypes  # noqa: E402

ctypes.PyDLL(None).usleep(20000)
os.stat("/")
with open("/proc/self/stat") as f:
    started = int(f.read().rsplit(")", 1)[1].split()[19]) * 10000000  # 1/100 s after boot
alive = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - started
print('{"calls": 101, "pid": %d, "alive_ns": %d}' % (os.getpid(), alive))
