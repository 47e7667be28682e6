# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""thread_names.py SECONDS: threads with names, one of which the program changes, one that would upset a
terminal, one that only the kernel has been told of, one that nobody has named, and one that ends early.
Prints the number of each."""
import threading
import time

import truth

HOSTILE = "\x1b[31mröd\x07\n中文" + 300 * "x"


def main():
    until = time.monotonic() + float(truth.arguments()[0])
    numbers = {}

    def work(end):
        while time.monotonic() < end:
            sum(range(100))
            time.sleep(0.001)

    def run(key, end=until):
        numbers[key] = truth.tid()
        started.wait()
        if key == "renamed":
            threading.current_thread().name = "render"
        if key == "kernel":
            with open("/proc/self/task/%d/comm" % truth.tid(), "w") as f:
                f.write("by-the-kernel")
        work(end)

    named = {"io": "io-1", "hostile": HOSTILE, "early": "early bird", "renamed": "pending"}
    started = threading.Barrier(len(named) + 3)
    threads = [threading.Thread(target=run, name=name, args=(key,)) for key, name in named.items() if key != "early"]
    threads.append(threading.Thread(target=run, name="early bird", args=("early", until - 0.2)))
    threads += [threading.Thread(target=run, args=(key,)) for key in ("kernel", "unnamed")]
    for t in threads:
        t.start()
    numbers["unnamed_name"] = threads[-1].name
    numbers["main"] = truth.tid()
    truth.ready()
    started.wait()
    work(until)
    for t in threads:
        t.join()
    truth.tell(**numbers)


main()
