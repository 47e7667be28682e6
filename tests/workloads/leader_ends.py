# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""leader_ends.py CALLS ENDS: ENDS threads end one after the other, the main one first. After each
end it prints a line (`ENDED 1` for the main thread) and waits for a line on stdin. After the last
end, one of the remaining threads calls os.stat CALLS times."""
import ctypes
import os
import threading
import time

from truth import arguments, await_line, say, stat_calls, tell, tid

SYS_EXIT = {"x86_64": 60, "aarch64": 93}[os.uname().machine]
calls, ends = (int(a) for a in arguments())


def is_gone(thread):
    """True if the thread with this number has ended. The main one becomes a zombie."""
    try:
        with open("/proc/self/task/%d/stat" % thread) as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def watch(i, before, gate, tids):
    """Waits until the thread before this one, which opens the gate, has ended, and prints that."""
    gate.wait()
    while not is_gone(tids[before]):
        time.sleep(0.001)
    say("ENDED %d" % i)
    await_line()


def stand_in(i, gates, tids):
    tids[i] = tid()
    watch(i, i - 1, gates[i - 1], tids)
    gates[i].set()
    if i == ends:
        threading.Event().wait()


def last(gates, tids):
    gates[ends].wait()
    begin = tid()
    stat_calls(calls)
    tell(tid=begin, calls=calls)
    os._exit(0)


def main():
    tids = {0: os.getpid()}
    gates = [threading.Event() for _ in range(ends + 1)]
    for i in range(1, ends + 1):
        threading.Thread(target=stand_in, args=(i, gates, tids)).start()
    threading.Thread(target=last, args=(gates, tids)).start()
    gates[0].set()
    ctypes.CDLL(None).syscall(SYS_EXIT, 0)  # ends only this thread


main()
