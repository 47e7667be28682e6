# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whenever gilscope is killed with SIGKILL, the target continues, untouched, and computes the right
result."""
import json
import os
import random
import shutil
import signal
import subprocess

from lib import (GILSCOPE, Gilscope, Workload, attach, bpf_objects, check, check_nothing_left,
                 check_untouched, debian, each, equal, scratch, some_interpreters, spawn, stat,
                 timeout)

TIMES = 50


def check_result(truth):
    equal(truth["wrong"], 0, "wrong results")
    equal(truth["sum"], truth["rounds"] * truth["sum_of_a_round"], "sum")
    check(truth["rounds"] > 0, "the target has computed nothing")


def kill_after(g, seconds):
    try:
        g.process.wait(seconds)
    except Exception:  # it has not ended, as it should be
        pass
    equal(g.process.poll(), None, "gilscope's status before it is killed")
    g.process.kill()
    g.process.wait(10)


@timeout(180)
def test_attached_to_a_process():
    before = bpf_objects()
    w = Workload(debian(), "compute_check.py")
    w.go()
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    for i in range(TIMES):
        kill_after(Gilscope("-p", w.pid), dice.uniform(0, 0.4))
        check(w.alive(), "the target did not survive kill %d (seed %d)", i, seed)
    check_untouched(w.pid)
    check_nothing_left(before)
    # Later observations work as usual.
    stat("-p", w.pid, "-d", "0.1")
    w.go()
    check_result(w.truth())
    w.end()


@each(some_interpreters)
def test_while_it_observes(interpreter):
    w = Workload(interpreter, "compute_check.py")
    w.go()
    for _ in range(3):
        kill_after(attach(w), 0.05)
        check_untouched(w.pid)
        check(w.alive(), "the target is gone")
    w.go()
    check_result(w.truth())
    w.end()


@timeout(120)
def test_launched_command_runs_on():
    """A command that is being started when gilscope is killed either runs to its end or never
    begins. It is not left stopped half-way."""
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    begun = i = 0
    while i < 10 or not begun and i < 20:
        i += 1
        g = Gilscope(command=debian().argv("compute_check.py", 0.5), env=debian().environment())
        # If ten kills came before the command began, gilscope is slow here; then kill it later. On
        # other machines the command would have ended by then.
        kill_after(g, dice.uniform(0, 0.5 if i <= 10 else 0.2 * i))
        # The command has inherited gilscope's stdout, which ends when the command does.
        out = g.process.stdout.read().splitlines()
        if out:
            begun += 1
            check(len(out) == 2, "kill %d (seed %d): the command printed %s", i, seed, out)
            check_result(json.loads(out[1]))
    check(begun > 0, "the command was never begun (seed %d)", seed)


def test_children_run_on():
    code = ("import multiprocessing as m, os\n"
            "def f(q): q.put(sum(len(os.listdir('/')) > 0 for _ in range(20000)))\n"
            "q = m.get_context('fork').SimpleQueue()\n"
            "p = [m.get_context('fork').Process(target=f, args=(q,)) for _ in range(4)]\n"
            "[x.start() for x in p]; print('READY', flush=True)\n"
            "[x.join() for x in p]; print(sum(q.get() for _ in p), [x.exitcode for x in p])\n")
    g = Gilscope(command=["/usr/bin/python3", "-c", code])
    equal(g.process.stdout.readline(), "READY\n", "the command's line")
    g.process.send_signal(signal.SIGKILL)
    g.process.wait(10)
    equal(g.process.stdout.read(), "80000 [0, 0, 0, 0]\n", "the command's result")


def test_no_probe_is_leaked_if_nobody_reads_the_report():
    """SIGPIPE ends gilscope while it removes probes of children; a kernel that is interrupted in that
    logs that it leaks the probe."""
    name = "piped%d" % os.getpid()  # is in the kernel's message
    program = scratch(name)
    shutil.copy(GILSCOPE, program)
    w = Workload(debian(), "forks.py", 2000, "quick")
    w.go()
    for _ in range(3):
        reader, writer = os.pipe()
        os.close(reader)
        run = spawn([program, "stat", "--json", "-d", "0.4", "-p", str(w.pid)], stdout=writer,
                    stderr=subprocess.DEVNULL, restore_signals=True)
        os.close(writer)
        equal(run.wait(60), -signal.SIGPIPE, "status")
    log = subprocess.run(["dmesg"], capture_output=True, text=True, errors="replace").stdout
    leaks = [line for line in log.splitlines() if name in line and "leaking" in line]
    check(not leaks, "%s", leaks)
