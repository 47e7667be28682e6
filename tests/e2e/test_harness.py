# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The harness itself: whatever started it, and whatever a test leaves running."""
import os
import re
import signal
import subprocess
import sys

from lib import HERE, check, equal, scratch, spawn, wait_until

# Runs a test in a harness of its own.
CODE = """
import signal, subprocess, sys
sys.path.insert(0, %r)
import lib, run
signal.signal(signal.SIGALRM, run.expire)
run.set_dispositions()
%s
"""


def harness(code, *argv, **popen):
    argv = [sys.executable, "-B", "-c", CODE % (HERE, code)] + list(argv)
    p = spawn(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **popen)
    out, _ = p.communicate(timeout=60)
    equal(p.returncode, 0, "status of the harness, which says %r," % out)
    return out


def ignore_all():
    for number in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])


def test_signals_are_as_usual_in_a_background_job():
    out = harness("subprocess.run(['cat', '/proc/self/status'])", preexec_fn=ignore_all)
    masks = dict(re.findall(r"(SigBlk|SigIgn):\s*([0-9a-f]+)", out))
    python = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1  # Python ignores these
    equal(int(masks["SigBlk"], 16), 0, "blocked signals")
    libc = 1 << 32 - 1 | 1 << 33 - 1  # the C library's own, which no program can set
    equal(int(masks["SigIgn"], 16) & ~python & ~libc, 0, "ignored signals")


def test_a_test_that_times_out_leaves_nothing_running():
    """Its child has started others, in sessions of their own, which nobody waits for."""
    pids = scratch("pids")
    out = harness("""
def test():
    subprocess.run(["sh", "-c", "for i in 1 2; do setsid sh -c 'echo $$ >> %s; exec sleep 300' & done; wait"])
print(run.attempt(test, 2)[0])
""" % pids)
    equal(out.strip(), "not ok", "the test's result")
    with open(pids) as f:
        found = f.read().split()
    equal(len(found), 2, "the number of processes")
    for pid in found:
        wait_until(lambda: not os.path.exists("/proc/%s/exe" % pid) or state(pid) in "ZX", "the end of " + pid)


def state(pid):
    try:
        with open("/proc/%s/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def test_later_attempts_are_counted():
    out = harness("print(run.summary({'ok': 5, 'not ok': 1, 'skip': 0}, [1, 2, 0, 2, 1, 4], 7))")
    check("passed at the second attempt: 2\npassed at the fourth attempt: 1" in out, "%s", out)
