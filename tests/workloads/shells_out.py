# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs /bin/true 30 times: 20 times through a child that may run in its parent's memory (vfork),
and 10 times through a fork."""
import os
import subprocess

for _ in range(20):
    subprocess.run(["/bin/true"])
for _ in range(5):
    subprocess.run(["/bin/true"], preexec_fn=lambda: None)
for _ in range(5):
    if not os.fork():
        os.execv("/bin/true", ["true"])
    os.wait()
