# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""names.py SECONDS: threads that compute, with names that could upset a terminal: control
characters, wide and combining characters, bytes that are not UTF-8."""
import os
import threading
import time

import truth

NAMES = (b"\x1b[31mred\x1b[0m", b"bell\x07\rback\x08", b"\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97wide",
         b"e\xcc\x81\xcc\x82combined", b"\xff\xfe\xc3bytes", b"\xe2\x80\xaeturned", b"plain name")


def main():
    until = time.monotonic() + float(truth.arguments()[0])

    def body(name):
        with open("/proc/self/task/%d/comm" % truth.tid(), "wb", buffering=0) as f:
            f.write(name)
        named.wait()
        while time.monotonic() < until:
            sum(range(1000))

    named = threading.Barrier(len(NAMES) + 1)
    threads = [threading.Thread(target=body, args=(name,), daemon=True) for name in NAMES]
    for t in threads:
        t.start()
    named.wait()
    truth.ready()
    for t in threads:
        t.join()


main()
