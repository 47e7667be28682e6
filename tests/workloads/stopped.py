# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""stopped.py MS: two threads compute, and a helper stops the process for MS in the middle."""
import os
import subprocess
import sys
import threading
import time

ms = int(sys.argv[1])
pid = os.getpid()
end = [0.0]


def compute():
    while time.process_time() < end[0]:
        for _ in range(1000):
            pass


end[0] = time.process_time() + 0.4
threads = [threading.Thread(target=compute) for _ in range(2)]
for t in threads:
    t.start()
subprocess.Popen(["/bin/sh", "-c", "kill -STOP %d; sleep %.3f; kill -CONT %d" % (pid, ms / 1000, pid)])
for t in threads:
    t.join()
