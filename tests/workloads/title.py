# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sets a title, as gunicorn, celery and uwsgi do: writes it over its arguments. Then works until its input ends."""
import ctypes
import sys
import threading

with open("/proc/self/stat") as f:
    begin, end = [int(n) for n in f.read().rsplit(")", 1)[1].split()[45:47]]
print("READY", flush=True)
sys.stdin.readline()
ctypes.memset(begin, 0, end - begin)
ctypes.memmove(begin, b"app: worker 1", min(13, end - begin))
print("TITLE", flush=True)
for _ in sys.stdin:
    threading.Event().wait(0.001)
