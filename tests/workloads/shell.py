# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""shell.py SCRIPT: runs a script of the shell, which does all the talking."""
import subprocess
import sys

import truth

exited = subprocess.Popen(["true"])  # and not waited for yet
sys.exit(subprocess.call(["sh", "-c", truth.arguments()[0]]))
