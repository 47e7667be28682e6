# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""signal_end.py SIGNAL: two threads compute, and after 300 ms SIGNAL (a name such as SIGKILL) ends
the process. It prints the truth just before that."""
import os
import signal
import sys
import threading
import time

import truth


def compute():
    while True:
        sum(range(1000))


def main():
    number = getattr(signal, truth.arguments()[0])
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    truth.ready()
    for _ in range(2):
        threading.Thread(target=compute, daemon=True).start()
    time.sleep(0.3)
    truth.tell(signal=int(number))
    os.kill(os.getpid(), number)
    time.sleep(60)
    sys.exit("still alive")


main()
