# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""call.py releases|keeps [SECONDS]: calls the extension in a thread, while the main thread counts
its own turns."""
import sys
import threading
import time

import spin

call = getattr(spin, sys.argv[1])
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
caller = threading.Thread(target=call, args=(seconds,))
caller.start()
turns = 0
while caller.is_alive():
    time.sleep(0.01)
    turns += 1
print("the other thread had %d turns in %g s" % (turns, seconds))
