# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ways to leave the dashboard, and the dashboard without a terminal."""
import datetime
import os
import re
import signal
import time

from lib import (GILSCOPE, check, check_untouched, debian, equal, gilscope, spawn, wait_until, within,
                 workload)
from screen import Screen
from test_top import convoy, restored, watched

# --- leaving it ----------------------------------------------------------------------------------

def leave(way, status):
    w = convoy()
    with watched(w) as s:
        s.see(r"GIL-bound")
        way(s)
        equal(s.end()[0], status, "the status")
        restored(s)
    check(w.alive(), "the target is gone")
    check_untouched(w.pid)


def test_leaving_by_key():
    leave(lambda s: s.press("q"), 0)


def test_leaving_by_ctrl_c():
    leave(lambda s: s.press("C-c"), 0)


def test_leaving_by_sigterm():
    leave(lambda s: os.kill(s.pid(), signal.SIGTERM), 0)


def test_leaving_by_a_crash():
    for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT):
        leave(lambda s, n=number: os.kill(s.pid(), n), 128 + number)


def test_stopping_and_going_on():
    w = convoy()
    s = Screen("-p", w.pid)
    try:
        s.see(r"GIL-bound")
        os.kill(s.pid(), signal.SIGTSTP)
        wait_until(s.on_main_screen, "the terminal's main screen")
        wait_until(lambda: state(s.pid()) == "T", "gilscope to stop")
        os.kill(s.pid(), signal.SIGCONT)
        wait_until(lambda: not s.on_main_screen(), "the alternate screen")
        s.see(r"GIL-bound")
        # gilscope cannot restore the terminal at SIGSTOP, but it sets it up again when continued.
        os.kill(s.pid(), signal.SIGSTOP)
        wait_until(lambda: state(s.pid()) == "T", "gilscope to stop")
        os.kill(s.pid(), signal.SIGCONT)
        s.press("?")
        s.see(r"Keys\n")
        s.press("q", "q")
        equal(s.end()[0], 0, "the status")
        restored(s)
    finally:
        s.kill()


def test_job_control():
    """A user in a shell stops gilscope with Ctrl-Z, runs a command, and continues it with fg."""
    w = convoy()
    s = Screen(shell=True)
    try:
        s.see(r"\$\s*$")
        s.type("%s top -p %d" % (GILSCOPE, w.pid))
        s.press("Enter")
        s.see(r"GIL-bound")
        s.press("C-z")
        s.see(r"Stopped")
        check(s.on_main_screen(), "the display is still there")
        s.type("echo hel''lo")
        s.press("Enter")
        s.see(r"hello")
        s.type("fg")
        s.press("Enter")
        s.see(r"held +\d")
        s.press("q")
        s.see(r"(?s)Stopped.*hello.*\$\s*$")
        check(s.on_main_screen(), "the display is still there")
    finally:
        s.kill()


def state(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0]


# --- without a terminal --------------------------------------------------------------------------

def test_plain_text():
    w = convoy()
    before = time.time() - 0.001
    run = gilscope("top", "-n", 3, "--interval", 0.1, "-p", w.pid)
    equal(run.status, 0, "the status; %s" % run.err)
    times = re.findall(r"(?m)^ gilscope .* (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}), ", run.out)
    equal(len(times), 3, "blocks with a time")
    check(times == sorted(set(times)), "times %s", times)
    begin = datetime.datetime.strptime(times[0], "%Y-%m-%d %H:%M:%S.%f")
    within(begin.timestamp(), before, time.time(), "the first time")
    check("\x1b" not in run.out, "escape codes in plain text")
    check("thread" in run.out and "GIL-bound" in run.out, "%s", run.out)


def test_plain_text_of_a_command():
    run = gilscope("top", "-b", "--interval", 0.1, "--", *debian().argv("many_threads.py", 3, 100))
    equal(run.status, 0, "the status; %s" % run.err)
    check("ENDED" in run.out, "no last block: %s", run.out)
    check(re.search(r'(?m)^\{"', run.out), "the command has lost its output")


def test_nobody_reads():
    """When its output is a closed pipe, gilscope ends and removes its probes."""
    w = convoy()
    process = spawn([GILSCOPE, "top", "-b", "--interval", "0.1", "-p", str(w.pid)],
                    stdout=-1, stderr=-3)
    process.stdout.readline()
    process.stdout.close()
    process.wait(20)
    check_untouched(w.pid)


def test_wrong_usage():
    for options in (("--theme", "pink"), ("-n", "0"), ("--interval", "x"), ("--interval", "11"), (),
                    ("--command-output", "/dev/null", "-p", str(os.getpid()))):
        run = gilscope("top", *options)
        equal(run.status, 2, "the status of %s" % (options,))
        check("gilscope top --help" in run.err, "%s", run.err)
    equal(workload("convoy.py")[-9:], "convoy.py", "the workload")
