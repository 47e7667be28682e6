# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""static.py: runs in a guest, and calls each command of the static program once."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))
from smoke import Smoke  # noqa: E402

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(HERE)), "build", "gilscope.static")


def run(*words):
    return subprocess.run([PROGRAM] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=400, check=False)


try:
    if not os.path.exists(PROGRAM):
        print("skip static/commands: make static has not built it")
        sys.exit()
    Smoke(run, "/usr/bin/python3", "/tmp").everything()
except (AssertionError, OSError, subprocess.SubprocessError) as e:
    print("not ok static/commands: %s" % " ".join(str(e).split()))
    sys.exit(1)
print("ok static/commands: %d bytes, needs no library" % os.path.getsize(PROGRAM))
