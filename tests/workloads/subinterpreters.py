# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""subinterpreters.py own|shared N CALLS SECS: N sub-interpreters, and one more that is made after
READY. Each one runs in a thread: CALLS calls of os.stat, then SECS seconds of bytecode.
subinterpreters.py sequence N CALLS: N sub-interpreters, each made, used and ended before the next.

subinterpreters.py endless: one that computes in a thread until it is killed. It prints its number, and
that of the thread.

From Python 3.12 on, they may have GILs of their own. Each writes the truth about itself into a
pipe."""
import os
import sys
import threading

import truth

try:
    import _interpreters  # 3.13
except ImportError:
    import _xxsubinterpreters as _interpreters

CODE = """
import os, time
begin = time.monotonic_ns()
for _ in range({calls}):
    os.stat("/")
while time.monotonic_ns() < begin + {ns}:
    pass
os.write({pipe}, b"%d %d" % (begin, time.monotonic_ns()))
"""


def create(own):
    if sys.version_info < (3, 13):
        return _interpreters.create(isolated=own)
    return _interpreters.create("isolated" if own else "legacy")


def run(interpreter, calls, ns):
    """Runs the code in the interpreter, in this thread; returns what it wrote into the pipe."""
    read, write = os.pipe()
    code = CODE.format(calls=calls, ns=ns, pipe=write)
    if hasattr(_interpreters, "exec"):
        _interpreters.exec(interpreter, code)
    else:
        _interpreters.run_string(interpreter, code)
    begin, end = map(int, os.read(read, 100).split())
    return {"id": int(interpreter), "calls": calls, "begin": begin, "end": end}


def together(own, n, calls, ns):
    made = [create(own) for _ in range(n)]
    truth.ready()
    made.append(create(own))
    lock = threading.Lock()

    def body():
        with lock:
            mine = made.pop()
        facts = run(mine, calls, ns)
        return {"interpreter": facts, "handle": mine}

    threads = truth.in_threads(n + 1, body)
    for t in threads:
        _interpreters.destroy(t.pop("handle"))
    return threads


def in_sequence(n, calls):
    truth.ready()
    truths = []
    for _ in range(n):
        one = create(True)
        truths.append({"interpreter": run(one, calls, 0), "tid": truth.tid()})
        _interpreters.destroy(one)
    return truths


def compute_endlessly():
    one = create(True)
    code = "import os, threading\nos.write(1, b'%d %%d\\n' %% threading.get_native_id())\nwhile True: pass" % int(one)
    truth.ready()
    (_interpreters.exec if hasattr(_interpreters, "exec") else _interpreters.run_string)(one, code)


def main():
    args = truth.arguments()
    if args[0] == "endless":
        threading.Thread(target=compute_endlessly).start()
        return
    if args[0] == "sequence":
        truth.tell(threads=in_sequence(int(args[1]), int(args[2])))
    else:
        truth.tell(threads=together(args[0] == "own", int(args[1]), int(args[2]),
                                    int(float(args[3]) * 1e9)))


main()
