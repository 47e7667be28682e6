# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The dashboard on a terminal: every key, every way to leave it, and hostile names and output."""
import contextlib
import json
import os
import re
import time

from invariants import check_invariants
from lib import (Workload, check, check_untouched, close_to, debian, equal, gilscope, scratch,
                 total, wait_until, within)
from screen import Screen

@contextlib.contextmanager
def screen(*argv, **options):
    s = Screen(*argv, **options)
    try:
        yield s
    finally:
        s.kill()


def convoy():
    """A program with a thread that computes and one that serves; it runs until the test ends."""
    w = Workload(debian(), "convoy.py", 10 ** 9)
    w.go()
    return w


def watched(w, *options, **more):
    return screen(*options, "-p", w.pid, **more)


def restored(s):
    check(s.on_main_screen(), "the cursor or the screen is not restored")
    before, after = s.modes()
    equal(after, before, "the terminal's modes")


# --- keys ----------------------------------------------------------------------------------------

def test_every_key():
    w = convoy()
    with watched(w, "--blame", 997, width=120, height=40) as s:
        s.see(r"GIL-bound")
        s.see(r"held +\d+\.\d %")
        head = s.see(r"handoffs \d").splitlines()[0]
        check("convoy.py %d" % w.pid in head and "uprobe" in head, "the top row is %r", head)
        for key in ("?", "h", "F1"):
            s.press(key)
            s.see(r"Keys\n")
            s.press(key)
            s.see_no(r"Keys\n")
        s.press("f")
        s.see(r"(?m)^ +\d\S* %.*\bcompute +convoy\.py:\d+")
        s.press("f")
        s.see(r"held ")
        s.press("?")
        s.see(r"Keys\n")
        s.press("j", "j")
        s.see_no(r"Keys\n")
        s.press("Escape")
        s.see(r"held ")
        for key in ("Space", "p"):
            s.press(key)
            s.see(r"PAUSED")
            s.press(key)
            s.see_no(r"PAUSED")
        s.press("r")
        s.see(r"figures start from now")
        s.press("w", "w")
        s.see(r"(?m)^ gilscope.* all ")
        s.press("w")
        s.see(r"(?m)^ gilscope.* last ")
        s.press("l")
        s.see(r"log scale")
        s.press("l")
        s.see_no(r"log scale")
        s.press("C")
        s.see(r"colours: safe")
        s.press("C")
        s.see(r"colours: mono")
        s.press("-")
        s.see(r"every 500 ms")
        s.press("+", "+")
        s.see(r"every 100 ms")
        s.press("t")
        s.see_no(r"held +\d")
        s.press("t")
        s.see(r"held +\d")


def rows(text):
    """The numbers of the threads in the table, from top to bottom."""
    return [int(n) for n in re.findall(r"(?m)^ +(\d+) (?:python3?|MainThread|Thread-\d+) ", text)]


def test_keys_of_the_table():
    w = convoy()
    with watched(w, width=120, height=40) as s:
        wait_until(lambda: len(rows(s.text())) == 2, "both threads")
        s.press("1")  # by number
        wait_until(lambda: rows(s.text()) == sorted(rows(s.text())), "threads by number")
        s.press("S")
        wait_until(lambda: rows(s.text()) == sorted(rows(s.text()), reverse=True), "the reverse")
        s.press("s")
        s.press("1", "G")
        last = max(rows(s.see(r"thread +name")))
        s.press("Enter")
        s.see(r"thread .* %d\n" % last)
        s.see(r"its longest hold")
        s.press("Escape")
        s.see(r"thread +name")
        s.press("g", "Down", "k", "j", "Up", "PPage", "NPage", "Home", "End", "Enter")
        s.see(r"thread .* %d\n" % last)
        s.press("Left")
        s.see(r"thread +name")
        s.press("/")
        s.see(r"filter: _")
        s.type(str(last))
        s.see(r"filter: %d_" % last)
        s.press("Enter")
        wait_until(lambda: rows(s.text()) == [last], "one thread")
        s.see(r'only rows that contain "%d"' % last)
        s.press("c")
        wait_until(lambda: len(rows(s.text())) == 2, "both threads again")
        s.press("/")
        s.type("nobody")
        s.see(r"nothing matches the filter")
        s.press("Escape")
        wait_until(lambda: len(rows(s.text())) == 2, "both threads again")


def test_the_mouse():
    w = convoy()
    with watched(w, "--no-mouse") as s:
        s.see(r"held +\d")
        check(not s.has_mouse(), "the mouse is taken")
    with watched(w) as s:
        wait_until(lambda: len(rows(s.text())) == 2, "both threads")
        check(s.has_mouse(), "no mouse")
        s.press("t")  # nothing above the table, so that it stays where it is
        s.see_no(r"held +\d")
        x, y = s.find("thread name")
        s.mouse(x, y)
        s.see(r"▲thread name")
        first, last = sorted(rows(s.text()))
        s.mouse(x, y)
        s.see(r"▼thread name")
        wait_until(lambda: rows(s.text()) == [last, first], "the reverse order")
        s.mouse(x, y + 2)
        s.mouse(x, y + 2)
        s.see(r"thread .* %d\n" % first)
        s.mouse(*s.find("back"))
        s.see(r"thread name")
        s.mouse(x, y + 1, 64)
        s.press("Enter")
        s.see(r"thread .* %d\n" % last)
        s.mouse(*s.find("quit"))
        equal(s.end()[0], 0, "the status")
        restored(s)


def saved(s, ending):
    return wait_until(lambda: [f for f in s.files(ending) if os.path.getsize(f)], "a file")[0]


def test_saving():
    w = convoy()
    with watched(w) as s:
        s.see(r"GIL-bound")
        s.press("w", "w", "o")  # all of it
        s.see(r"saved gilscope-%d-\d+-\d+\.txt" % w.pid)
        with open(saved(s, ".txt")) as f:
            check("What this cost and what was missed" in f.read(), "the text is not whole")
        s.press("O")
        s.see(r"saved gilscope-\S+\.json")
        with open(saved(s, ".json")) as f:
            report = json.load(f)
        equal(report["schema"], "gilscope/1", "the schema")
        equal(report["processes"][0]["pid"], w.pid, "the process")
        gil = report["processes"][0]["gils"][0]
        # The records are read one after the other while the program runs.
        close_to(total(gil["handoff_edges"], "count"), gil["handoffs"], 0.2, "handoffs")


# --- what is shown -------------------------------------------------------------------------------

def test_the_end_stays():
    """After a command has ended, its threads are still in the table, and its figures are those that
    `stat` would give."""
    n, calls = 5, 300
    with screen("--", *debian().argv("many_threads.py", n, calls)) as s:
        s.see(r"ENDED")
        s.press("w", "w")
        s.see(r"(?m)^ gilscope.* all ")
        s.press("j", "Enter")
        s.see(r"its longest hold")
        s.press("Escape", "O")
        s.see(r"saved ")
        with open(saved(s, ".json")) as f:
            report = json.load(f)
        check_invariants(report)
        s.press("q")
        status, shown = s.end()
    equal(status, 0, "the status")
    truth = json.loads(re.search(r"\{.*\}", shown.replace("\n", "")).group(0))
    gil = [g for p in report["processes"] if p["pid"] == truth["pid"] for g in p["gils"]][0]
    for t in truth["threads"]:
        found = [r for r in gil["threads"] if r["tid"] == t["tid"]]
        equal(len(found), 1, "rows of thread %d" % t["tid"])
        within(found[0]["acquisitions"], calls, calls + 100, "its acquisitions")


def test_a_commands_status_and_output():
    code = "print('from', 'the', 'command'); import sys; sys.exit(7)"
    with screen("--", debian().path, "-c", code) as s:
        shown = s.see(r"ENDED \(status 7\)")
        check("from the command" not in shown, "its output is on the display")
        s.press("q")
        status, shown = s.end()
    equal(status, 7, "the status")
    check("from the command" in shown, "its output is not shown after the end: %s", shown)


def test_output_of_a_command_in_a_file():
    with screen("--command-output", "out.txt", "--", debian().path, "-c", "print('hello')") as s:
        s.see(r"ENDED")
        s.press("q")
        status, shown = s.end()
        with open(os.path.join(s.place, "out.txt")) as f:
            equal(f.read(), "hello\n", "the file")
    equal(status, 0, "the status")
    check("hello" not in shown, "it is shown as well")


def test_leaving_a_command_that_goes_on():
    code = ("import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('it went',"
            " 'on')")
    with screen("--", debian().path, "-c", code) as s:
        s.see(r"idle|Not GIL-bound")
        s.press("q")
        wait_until(s.on_main_screen, "the terminal's main screen")
        with open(os.path.join(s.place, "go"), "w"):
            pass
        status, shown = s.end()
    equal(status, 0, "the status")
    check("it went on" in shown, "what it printed is lost: %s", shown)


def test_several_processes():
    several = [convoy() for _ in range(3)]
    pids = ",".join(str(w.pid) for w in several)
    with screen("-p", pids) as s:
        shown = s.see(r"(?s)process +name(.* convoy\.py ){3}")
        for w in several:
            check(" %d " % w.pid in shown, "%d is not in the list", w.pid)
        s.press("1", "Enter")
        s.see(r"(?m)^ gilscope · convoy\.py %d " % min(w.pid for w in several))
        s.see(r"thread +name")
        s.press("Escape")
        s.see(r"process +name")
        s.press("G", "Enter")
        s.see(r"(?m)^ gilscope · convoy\.py %d " % max(w.pid for w in several))
        for w in several:
            w.process.kill()
        s.see(r"ENDED")
        s.press("Escape")
        s.see(r"exited")


def test_names_that_want_to_do_something():
    w = Workload(debian(), "names.py", 60, wait=False)
    with watched(w, width=120, height=40) as s:
        shown = s.see(r"(?s)plain name.*\d %")
        for name in ("?[31mred?[0m", "bell??back?", "中文字wide", "???bytes", "?turned"):
            check(name in s.see(re.escape(name)), "%r is missing", name)
        check("combined" in shown, "no combining characters")
        check("\x1b[31mred" not in s.text("-e"), "a thread's name has coloured the screen")


# --- recordings ----------------------------------------------------------------------------------

def test_playback():
    trace = scratch("demo.gil")
    run = gilscope("record", "-q", "-o", trace, "--", *debian().argv("demo.py", 1))
    equal(run.status, 0, "the status of record; %s" % run.err)
    with screen("-i", trace) as s:
        s.see(r"x1, .* of 1\.\d+ s")
        s.press("<", "<", "<")
        s.see(r"x1/8, ")
        s.press("Space")
        s.see(r"PAUSED")
        where = re.search(r"x1/8, ([\d.]+ .?s)", s.text()).group(1)
        s.press(".")
        s.see_no(re.escape("x1/8, %s" % where))
        s.press(">", ">", ">", ">", "Space")
        s.see(r"x2, .* END")
        s.see(r"GIL-bound")
        s.press("w", "w", "O")
        s.see(r"saved ")
        with open(saved(s, ".json")) as f:
            report = json.load(f)
        check_invariants(report)
        s.press("q")
        equal(s.end()[0], 0, "the status")
        restored(s)
    wanted = json.loads(gilscope("report", trace, "--json").out)
    for p, q in zip(report["processes"], wanted["processes"]):
        equal(p["gils"][0]["acquisitions"], q["gils"][0]["acquisitions"], "acquisitions")
        equal(p["gils"][0]["hold"]["buckets"], q["gils"][0]["hold"]["buckets"], "holds")
    run = gilscope("top", "-i", trace)
    equal(run.status, 0, "the status of the text; %s" % run.err)
    check(len(re.findall(r"(?m)^ gilscope ", run.out)) >= 4 and ", END" in run.out, "%s", run.out)


def test_playback_of_a_pipe_that_is_silent():
    trace, pipe = scratch("whole.gil"), scratch("pipe")
    run = gilscope("record", "-q", "-o", trace, "--", *debian().argv("demo.py", 2))
    equal(run.status, 0, "the status of record; %s" % run.err)
    with open(trace, "rb") as f:
        data = f.read()
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)  # with O_RDWR it opens at once, and stays open
    os.write(writer, data[:min(len(data) * 2 // 3, 60000)])
    with screen("-i", pipe) as s:
        s.see(r"waiting for more")
        s.press("?")
        s.see(r"pause")
        s.press("?", "q")
        equal(s.end()[0], 0, "the status")
        restored(s)
    os.close(writer)


def test_no_playback():
    run = gilscope("top", "-i", "/no/such/trace")
    equal(run.status, 2, "the status")
    check("/no/such/trace" in run.err, "%s", run.err)
    equal(gilscope("top", "-i", "x", "-p", 1).status, 2, "the status of both")
    run = gilscope("top", "-i", "x", "-d", 1)
    check(run.status == 2 and "-d needs a target" in run.err, "-d is ignored: %s", run.err)


def test_recording():
    w = convoy()
    with watched(w) as s:
        s.see(r"GIL-bound")
        s.press("R")
        s.see(r"recording to gilscope-%d-\S+\.gil" % w.pid)
        s.see(r"REC \d")
        wait_until(lambda: [f for f in s.files(".gil") if os.path.getsize(f)], "a trace")
        s.press("R")
        s.see(r"recorded gilscope-")
        s.see_no(r"REC ")
        run = gilscope("top", "-i", saved(s, ".gil"))
        equal(run.status, 0, "the status of the playback; %s" % run.err)
        s.press("R")
        s.see(r"REC \d")
        s.press("q")  # ends it as well
        equal(s.end()[0], 0, "the status")
        restored(s)
    check_untouched(w.pid)


def test_no_recording_without_probes():
    """Whoever wants no probe in the process does not get one by a key."""
    w = convoy()
    with watched(w, "--source", "futex", width=120, height=40) as s:
        s.see(r"convoy.py %d" % w.pid)
        s.see(r"waits")
        s.press("R")
        s.see(r"cannot record: --source futex sees only waits")


def test_recording_until_the_targets_end():
    w = convoy()
    with watched(w) as s:
        s.see(r"GIL-bound")
        s.press("R")
        s.see(r"REC \d")
        wait_until(lambda: [f for f in s.files(".gil") if os.path.getsize(f)], "a trace")
        w.process.kill()
        s.see(r"ENDED")
        s.see(r"(?m)^ recorded gilscope-%d-\S+\.gil" % w.pid)
        run = gilscope("report", saved(s, ".gil"))
        equal((run.status, run.err), (0, ""), "what report said")


def test_reset_in_a_pause():
    """What happened between the last frame and the reset is discarded too."""
    w = convoy()
    with watched(w) as s:
        s.see(r"GIL-bound")
        s.press("Space")
        s.see(r"PAUSED")
        time.sleep(5)
        s.press("r", "Space")
        s.see_no(r"PAUSED")
        shown = s.see(r"last ([1-9]\d* ms|\d\.\d+ s)")
        length = re.search(r"last ([\d.]+) (m?s)", shown)
        within(float(length.group(1)) / (1000 if length.group(2) == "ms" else 1), 0, 4,
               "seconds since the reset")


# --- windows and terminals -----------------------------------------------------------------------

def test_sizes():
    w = convoy()
    with watched(w, width=60, height=12) as s:
        s.see(r"(?s)GIL-bound.*Try: .*thread +name")
        s.resize(40, 10)
        s.see(r"40x10 is too small\nat least 60x12 is needed")
        s.resize(200, 60)
        s.see(r"(?s)acquired +handoffs.*longest chain")
        s.resize(80, 24)
        s.see(r"(?s)GIL-bound.*thread +name")
        s.press("q")
        equal(s.end()[0], 0, "the status")


def test_no_utf8():
    w = convoy()
    for env, options in (({"LC_ALL": "C", "LANG": "C"}, ()), ({}, ("--ascii",))):
        with watched(w, *options, env=env) as s:
            shown = s.see(r"held +\d+\.\d % #+")
            check(shown.isascii(), "not ASCII: %s", [c for c in shown if ord(c) > 127])


def test_no_colour():
    w = convoy()
    with watched(w, env={"NO_COLOR": "1"}) as s:
        s.see(r"held +\d")
        check(not re.search(r"\x1b\[[\d;]*3[0-8]", s.text("-e")), "there are colours")
    with watched(w) as s:
        s.see(r"held +\d")
        wait_until(lambda: re.search(r"\x1b\[[\d;]*3[0-8]", s.text("-e")), "colours")


def test_a_terminal_that_is_not_known():
    w = convoy()
    for name in ("no-such-terminal", "dumb"):
        with watched(w, env={"TERM": name}) as s:
            status, shown = s.end()
        equal(status, 2, "the status with TERM=%s" % name)
        check("TERM is '%s'" % name in shown and "gilscope top" in shown, "%s", shown)
