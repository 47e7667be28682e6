# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""waiting_children.py N CALLS: forks N children before it is ready. After that, each child calls
os.stat CALLS times."""
import os

from truth import arguments, ready, stat_calls, tell

n, calls = (int(a) for a in arguments())
gate, opener = os.pipe()
for _ in range(n):
    if not os.fork():
        os.close(opener)
        os.read(gate, 1)  # returns when no process has the pipe open for writing
        stat_calls(calls)
        os._exit(0)
ready()
os.close(opener)
for _ in range(n):
    os.wait()
tell(children=n, calls=calls)
