# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""named.py NAME HOLD_MS: a thread that the kernel knows by this name sleeps with the GIL held. NAME
may contain escape sequences such as \\n. Prints the thread's tid."""
import ctypes
import threading

import truth


def main():
    name, hold_ms = truth.arguments()[:2]
    libc = ctypes.PyDLL(None)
    found = {}

    def hold():
        libc.prctl(15, name.encode().decode("unicode_escape").encode("latin-1"), 0, 0, 0)
        found["tid"] = truth.tid()
        libc.usleep(int(hold_ms) * 1000)

    truth.ready()
    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    truth.tell(**found)


main()
