# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""exec_self.py FOLDER: a process that replaces itself by the same program every 50 ms, as long as the
folder exists."""
import os
import sys
import time

time.sleep(0.05)
if os.path.exists(sys.argv[1]):
    os.execv(sys.executable, [sys.executable, "-S", "-E", __file__, sys.argv[1]])
