# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""gilscope record: a recording replays to exactly what the kernel counted. Whatever happens while
the file is written, the part that was written can be read."""
import contextlib
import json
import os
import signal
import subprocess
import time

from lib import (GILSCOPE, Workload, all_shown, attached_by, check, check_nothing_left, check_untouched, bpf_objects, close_to, debian,
                 each, equal, free_pid, gil_of, gilscope, kernel, process_of, scratch, some_interpreters, timeout, usdt_pythons, wait_until, within, workers)
from test_python2 import python2
from test_subinterpreters import with_own_gils
from traces import (Recording, gils, intervals, record_workload, report, verify)


# --- replay equals live --------------------------------------------------------------------------

@each(some_interpreters)
def test_replay_is_exact(interpreter):
    path = record_workload("convoy.py", 300, interpreter=interpreter)
    verify(path)
    result = report(path)
    check(gils(result)[0]["handoffs"] > 0, "no handoff in a convoy")
    equal(result["exit_status"], 0, "exit status")


def workloads():
    return [("mp.py", "fork", 4, 500), ("mp.py", "spawn", 3, 500), ("forks.py", 20),
            ("execs.py", 5, 100), ("cpu_threads.py", 4, 1), ("many_threads.py", 200, 5),
            ("stat_loop.py", 100000), ("daemons.py", 3)]


@each(workloads)
def test_replay_is_exact_of(workload):
    verify(record_workload(*workload))


def several_gils():
    newest = with_own_gils()[-1:]
    return [(i, how) for i in newest for how in (("own", 2, 500, 0.3), ("own", 9, 100, 0.2),
                                                 ("sequence", 30, 50))]


@each(several_gils)
def test_replay_is_exact_of_sub_interpreters(case):
    interpreter, how = case
    path = record_workload("subinterpreters.py", *how, interpreter=interpreter)
    verify(path)
    check(len(gils(report(path))) > 1, "only one GIL")


@each(lambda: [(i, how) for i in python2()[:1] for how in (
    ("calls", 2000), ("compute", 3, 0.5), ("asleep", 2, 5, 5), ("fork", 500), ("alone",))])
def test_replay_is_exact_of_python_2(case):
    interpreter, how = case
    verify(record_workload("python2.py", *how, interpreter=interpreter))


@each(lambda: usdt_pythons()[:1])
def test_replay_is_exact_of_usdt(interpreter):
    verify(record_workload("convoy.py", 200, interpreter=interpreter,
                           options=["--source", "usdt"]))


@timeout(180)
def test_more_threads_than_rows():
    """If more than 1,024 threads have exited, the further ones share a row."""
    path = record_workload("many_threads.py", 1500, 3, seconds=120)
    verify(path)
    check(gils(report(path))[0]["folded_threads"] > 0, "no thread shares a row")


@each(lambda: ["SIGKILL", "SIGTERM", "SIGSEGV"])
def test_replay_is_exact_of_a_command_that_dies(name):
    number = getattr(signal, name)
    path = record_workload("signal_end.py", name, status=128 + number)
    verify(path)
    equal(report(path)["exit_status"], 128 + number, "exit status")


def test_running_process():
    """The recording begins while threads already wait for the GIL and hold it."""
    w = Workload(debian(), "compute_check.py")
    w.go()
    r = Recording("-p", w.pid).observes(w)
    time.sleep(0.3)
    said = r.interrupt()
    check("recorded" in said and "none lost" in said, "it said %r", said)
    check_untouched(w.pid)
    w.go()
    equal(w.truth()["wrong"], 0, "wrong results")
    w.end()
    verify(r.path)
    result = report(r.path)
    equal(process_of(result, w.pid)["exited"], False, "exited")


def test_counts_are_the_truth():
    path = record_workload("stat_loop.py", 5000)
    result = report(path)
    [worker] = [t for t in workers(result["processes"][0]) if t["acquisitions"] >= 5000]
    check(worker["acquisitions"] < 5100, "%d acquisitions", worker["acquisitions"])


def test_through_a_pipe():
    w = Workload(debian(), "compute_check.py")
    w.go()
    r = Recording("-p", w.pid, "-d", "0.3", path="-", stderr=subprocess.DEVNULL)
    done = subprocess.run([GILSCOPE, "report", "-", "--verify"], stdin=r.process.stdout,
                          capture_output=True, text=True, timeout=60)
    equal(r.process.wait(30), 0, "status of record")
    equal(done.returncode, 0, "status of report (%s)" % (done.stdout + done.stderr))


# --- what goes wrong with the file ---------------------------------------------------------------

@contextlib.contextmanager
def small_disk(size, *options):
    """A folder on a file system of `size` bytes."""
    path = scratch("disk")
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(("size=%d" % size,) + options), "none",
                    path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def check_readable(path, note=None):
    result = report(path, clean=False)
    if note:
        check(note in result["stderr"], "report says %r", result["stderr"])
        check(result.get("note"), "the report itself has no note")
    return result


def test_disk_full():
    w = Workload(debian(), "compute_check.py")
    stats = Workload(debian(), "stat_loop.py", 10000000, wait=True)
    with small_disk(256 << 10) as disk:
        path = os.path.join(disk, "trace.gil")
        r = Recording("-p", stats.pid, path=path).observes(stats)
        stats.go()
        said = r.finish(status=2)
        check("No space left on device" in said and "df -h" in said, "it said %r", said)
        check(stats.alive(), "the target is gone")
        result = check_readable(path, "cut off")
        check(gils(result)[0]["acquisitions"] > 10000, "hardly anything is in the file")
    check_untouched(stats.pid)
    del w


def test_disk_full_and_a_command():
    """The command runs to its end; the status says that the trace is incomplete."""
    with small_disk(64 << 10) as disk:
        r = Recording(path=os.path.join(disk, "trace.gil"),
                      command=debian().argv("stat_loop.py", 200000))
        said = r.finish(status=2)
        check("No space left on device" in said, "it said %r", said)
        check('"calls": 200000' in r.out, "the command did not get to its end")


def test_read_only_folder():
    with small_disk(1 << 20, "ro") as disk:
        path = os.path.join(disk, "trace.gil")
        done = gilscope("record", "-o", path, "--", "touch", scratch("begun"))
        equal(done.status, 2, "status")
        check("Read-only file system" in done.err and path in done.err, "it said %r", done.err)


def test_existing_file_is_kept():
    path = scratch("precious")
    with open(path, "w") as f:
        f.write("of value")
    done = gilscope("record", "-o", path, "--", "true")
    equal(done.status, 2, "status")
    check("--force" in done.err, "it said %r", done.err)
    with open(path) as f:
        equal(f.read(), "of value", "the file")
    # Even --force does not touch it before there is something to replace it with.
    done = gilscope("record", "--force", "-o", path, "-p", "4194304")
    equal(done.status, 4, "status")
    with open(path) as f:
        equal(f.read(), "of value", "the file")
    record_workload("stat_loop.py", 100, options=["--force"], path=path)
    verify(path)


def test_closed_pipe():
    w = Workload(debian(), "stat_loop.py", 10000000)
    w.go()
    r = Recording("-p", w.pid, path="-").observes(w)
    os.read(r.process.stdout.fileno(), 100)
    r.process.stdout.close()
    r.process.stdout = open(os.devnull)  # for communicate
    said = r.finish(status=2)
    check("closed it" in said, "it said %r", said)
    check(w.alive(), "the target is gone")
    check_untouched(w.pid)


def test_a_pipe_that_nobody_reads():
    """The recording continues and counts its losses, and Ctrl-C still ends it."""
    w = Workload(debian(), "compute_check.py")
    w.go()
    r = Recording("-p", w.pid, path="-").observes(w)
    r.process.send_signal(signal.SIGINT)
    data = r.process.stdout.buffer.read()
    equal(r.process.wait(30), 0, "status")
    check(data.startswith(b"\x89GIL"), "it is not a trace: %r", data[:20])


def test_interrupted_twice():
    """The first Ctrl-C lets the command end in its own way; the second leaves it running."""
    code = "import time\nwhile 1:\n try: time.sleep(9)\n except KeyboardInterrupt: print('no', flush=True)"
    r = Recording(command=["/usr/bin/python3", "-c", code])
    wait_until(lambda: os.path.exists(r.path) and os.path.getsize(r.path) > 500, "a frame")
    r.process.send_signal(signal.SIGINT)
    equal(r.process.stdout.readline(), "no\n", "what the command says")
    r.process.send_signal(signal.SIGINT)
    said = r.process.stderr.readline()
    check("recorded" in said, "it said %r", said)
    check(report(r.path)["exit_status"] is None, "the command has not ended")
    verify(r.path)


@timeout(120)
def test_killed_in_the_middle_of_a_write():
    before = bpf_objects()
    w = Workload(debian(), "stat_loop.py", 100000000)
    for i in range(5):
        r = Recording("-p", w.pid).observes(w)
        if not i:
            w.go()
        wait_until(lambda: os.path.exists(r.path) and os.path.getsize(r.path) > 20000 + 5000 * i,
                   "some frames", seconds=20)
        r.process.kill()
        r.process.wait(10)
        check(w.alive(), "the target is gone")
        result = check_readable(r.path, "cut off")
        check(gils(result)[0]["acquisitions"] > 1000, "hardly anything is in the file")
        check(result["probe_cost"]["ns_per_hit"], "the cost of a hit is missing")
    check_untouched(w.pid)
    check_nothing_left(before)


@each(lambda: ["multi", "perf events"])
def test_replay_is_exact_though_threads_end_first(how):
    """With perf events, the process's row ends with the main thread, and another row begins."""
    path = record_workload("leader_ends.py", 1000, 2, env=attached_by(how))
    result = report(path, expect_lost=True)
    gaps = result["lost"].get("gaps", 0)
    check(gaps == 0 if how == "multi" and kernel() >= (6, 12) else gaps in (1, 2), "gaps: %s", gaps)
    verify(path)


# --- options -------------------------------------------------------------------------------------

def test_ring_too_small():
    """Losses are counted and located, and the remaining figures are true."""
    w = Workload(debian(), "stat_loop.py", 100000000)
    r = Recording("-p", w.pid, "--ring-size", "256K").observes(w)
    w.go()
    time.sleep(0.3)
    for _ in range(3):
        r.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        r.process.send_signal(signal.SIGCONT)
        time.sleep(0.3)
    said = r.interrupt()
    check("none lost" not in said, "it said %r", said)
    result = report(r.path, expect_lost=True)
    gil = gil_of(process_of(result, w.pid))
    lost = gil["not_recorded"]
    check(lost["edges"] > 1000, "it lost %s", lost)
    equal(result["lost"]["recording"], lost["edges"], "edges lost")
    equal(gil["anomalies"], 0, "anomalies")
    check(gil["held_ratio"] <= 1, "held ratio %s", gil["held_ratio"])
    # Holds are some µs long, so a sum that is larger shows a hold that spans a gap.
    check(gil["hold"]["sum_ns"] <= gil["observed_ns"], "holds of %s in %s ns",
          gil["hold"]["sum_ns"], gil["observed_ns"])
    check(gil["observed_ns"] + lost["ns"] <= result["duration_ns"], "the gaps count as observed")
    text = gilscope("report", r.path).out
    check("are missing, in" in text and "--ring-size" in text, "the report does not say so")
    # The kernel has kept its own figures, without gaps; check judges rules by these.
    done = gilscope("check", "-i", r.path, "--assert",
                    "acquisitions > %d" % (gil["acquisitions"] + lost["edges"] // 3))
    equal(done.status, 0, "status of check: " + done.out)
    check("the kernel's figures" in done.out, "check does not say so")


def test_max_size():
    path = record_workload("stat_loop.py", 3000000, options=["--max-size", "1M"])
    check(os.path.getsize(path) <= 1 << 20, "it has %d bytes", os.path.getsize(path))
    result = report(path)
    check(gils(result)[0]["acquisitions"] > 10000, "hardly anything is in the file")


def test_flight_recorder():
    w = Workload(debian(), "stat_loop.py", 100000000)
    r = Recording("-p", w.pid, "--flight-recorder", "1M").observes(w)
    w.go()
    time.sleep(1)
    check(not os.path.exists(r.path), "the file has its name before the end")
    r.process.send_signal(signal.SIGUSR2)
    check("wrote" in r.process.stderr.readline(), "no message about what was written")
    time.sleep(4)
    r.process.send_signal(signal.SIGUSR2)
    check("wrote" in r.process.stderr.readline(), "no message about what was written")
    r.interrupt()
    for path in (r.path + ".1", r.path + ".2", r.path):
        check(os.path.getsize(path) <= (1 << 20) + 65536, "%s has %d bytes", path,
              os.path.getsize(path))
        result = report(path)
        equal(gil_of(process_of(result, w.pid))["anomalies"], 0, "anomalies in %s" % path)
        check(gils(result)[0]["acquisitions"] > 10000, "hardly anything is in %s", path)
        close_to(result["probe_cost"]["hits"], 2 * gils(result)[0]["acquisitions"], 0.05, "hits")
    check("flight recorder" in result.get("note", ""), "the note: %r", result.get("note"))
    # --from and --to count from the beginning of the flight recorder's window.
    half = result["duration_ns"] / 2e9
    halves = [report(r.path, option, "%.6f" % half) for option in ("--to", "--from")]
    for h in halves:
        within(h["duration_ns"], half * 1e9 * 0.99, half * 1e9 * 1.01, "length of a half")
    equal(sum(gils(h)[0]["acquisitions"] for h in halves), gils(result)[0]["acquisitions"],
          "acquisitions of both halves")
    check(result["duration_ns"] < 5e9, "it reaches back %d ns", result["duration_ns"])


def test_flight_recorder_to_a_pipe():
    """A pipe gets no FILE.1, but SIGUSR2 does not end the recording."""
    w = Workload(debian(), "stat_loop.py", 100000000)
    with open(scratch("piped.gil"), "wb") as out:
        r = Recording("-p", w.pid, "--flight-recorder", "1M", path="-", stdout=out).observes(w)
    w.go()
    time.sleep(0.5)
    r.process.send_signal(signal.SIGUSR2)
    check("with -o -" in r.process.stderr.readline(), "no message about it")
    r.interrupt()
    check(gils(report(out.name))[0]["acquisitions"] > 10000, "hardly anything is in it")


def test_only_what_is_long():
    options = ["--min-wait", "0.004", "--min-hold", "0.004"]
    path = record_workload("convoy.py", 200, options=options)
    done = gilscope("report", "--verify", path)
    equal(done.status, 2, "status of --verify")
    check("only the long" in done.err, "--verify says %r", done.err)
    result = report(path)
    check("figures are the kernel's" in result["note"], "the note: %r", result["note"])
    waits, holds = intervals(path, "wait"), intervals(path, "hold")
    check(waits and holds, "%d waits, %d holds", len(waits), len(holds))
    for rows, key in ((waits, "wait"), (holds, "hold")):
        check(min(int(r["duration_ns"]) for r in rows) >= 4000000, "a short %s", key)
        long = sum(b["count"] for b in gils(result)[0][key]["buckets"] if b["lo_ns"] >= 4000000)
        check(len(rows) >= long, "%d %ss of %d", len(rows), key, long)
    # The kernel's figures exist for each thread, but not for a part of the trace.
    tid = int(waits[0]["tid"])
    one = json.loads(gilscope("report", path, "--json", "--thread", str(tid)).out)
    equal(gils(one)[0]["threads"], [t for t in gils(result)[0]["threads"] if t["tid"] == tid],
          "one thread's row")
    no_figures(path, "--from", "0.1")
    no_figures(path, "--to", "0.1")
    half = result["duration_ns"] / 2e9
    halves = [len(intervals(path, "wait", option, "%.6f" % half)) for option in ("--from", "--to")]
    # Each of three threads may be waiting at the moment between the halves.
    within(sum(halves), len(waits) - 3, len(waits), "waits of two halves")
    done = gilscope("top", "-i", path)
    equal(done.status, 2, "status of top")
    check("--min-wait 0.004 --min-hold 0.004" in done.err, "top says %r", done.err)


def no_figures(path, *options):
    done = gilscope("report", path, *options)
    equal((done.status, done.out), (2, ""), "report of figures that do not exist")
    check("--min-wait" in done.err and "report --format csv" in done.err, "it says %r", done.err)


def test_what_is_long_with_an_end_of_its_own():
    options = ["--min-wait", "0.004"]
    path = record_workload("convoy.py", 100, options=options + ["--flight-recorder", "1M"])
    no_figures(path)
    # The last wait may not have ended when the recording ends.
    check(len(intervals(path, "wait")) >= 50, "%d waits", len(intervals(path, "wait")))
    path = record_workload("stat_loop.py", 2000000, options=["--min-hold", "0.0000001", "--max-size",
                                                            "1M"])
    result = report(path)
    check("figures are the kernel's" in result["note"], "no figures at the end of --max-size")
    check(len(intervals(path, "hold")) < gils(result)[0]["releases"], "the trace has all holds")


def test_progress_on_a_terminal_only():
    import pty
    w = Workload(debian(), "compute_check.py")
    w.go()
    master, slave = pty.openpty()
    r = Recording("-p", w.pid, "-d", "1", stderr=slave, stdout=subprocess.DEVNULL)
    os.close(slave)
    shown = all_shown(master)
    equal(r.process.wait(10), 0, "status")
    check(b"\rrecording: " in shown.replace(b"\x1b[K", b""), "on a terminal: %r", shown)
    r = Recording("-p", w.pid, "-d", "1").observes(w)
    said = r.finish()
    check("recording:" not in said and "\r" not in said, "not on a terminal: %r", said)
    quiet = Recording("-q", "-p", w.pid, "-d", "0.1").finish()
    check("recorded" not in quiet, "with -q: %r", quiet)
    os.close(master)


def test_bad_options():
    for options, word in ((["-o", "-", "--", "true"], "standard output"),
                          (["-o", "x", "--max-size", "1T", "--", "true"], "not a size"),
                          (["-o", "x", "--max-size", "5", "--", "true"], "not between"),
                          (["-o", "x", "--ring-size", "3M", "--", "true"], "power of two"),
                          (["-o", "x", "--max-size", "9M", "--flight-recorder", "9M", "--", "true"],
                           "--max-size")):
        done = gilscope("record", *options)
        equal(done.status, 2, "status of %s" % options)
        check(word in done.err, "%s: it said %r", options, done.err)


def test_without_a_name():
    """The file is called by the process, and the one before it is not replaced."""
    place = scratch("unnamed")
    os.mkdir(place)
    w = Workload(debian(), "stat_loop.py", 100)
    for name in ("gil.%d.gil" % w.pid, "gil.%d.2.gil" % w.pid):
        run = gilscope("record", "-p", w.pid, "-d", "0.1", cwd=place)
        equal(run.status, 0, "status (%s)" % run.err)
        check("recording to %s\n" % name in run.err and " in %s\n" % name in run.err, "it said %r", run.err)
        equal(gilscope("report", os.path.join(place, name)).status, 0, "status of its report")
    before = os.stat(os.path.join(place, "gil.%d.gil" % w.pid)).st_ino
    equal(gilscope("record", "-p", w.pid, "-d", "0.1", "--force", cwd=place).status, 0, "status with --force")
    check(os.stat(os.path.join(place, "gil.%d.gil" % w.pid)).st_ino != before, "--force replaces nothing")
    equal(gilscope("record", "-p", free_pid(), cwd=place).status, 4, "status without a process")
    equal(sorted(os.listdir(place)), ["gil.%d.2.gil" % w.pid, "gil.%d.gil" % w.pid], "files")
