# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""shell.py SCRIPT: runs a shell script, and prints nothing itself."""
import subprocess
import sys

import truth

exited = subprocess.Popen(["true"])  # a zombie, because nothing waits for it yet
sys.exit(subprocess.call(["sh", "-c", truth.arguments()[0]]))
