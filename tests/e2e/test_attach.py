# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Attaching to processes that are already running."""
import os
import resource

from lib import (SYSCALL, Workload, attach, attached_by, check, check_untouched, debian, each, equal, gil_of,
                 interpreters, is_observed, process_of, stat, thread, timeout, total, wait_until,
                 within, workers)


def sleepers_on_a_lock(pid):
    """The number of the process's threads in a futex call, as those that wait for the GIL are."""
    n = 0
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/syscall" % (pid, tid)) as f:
            n += f.read().split()[0] == str(SYSCALL["futex"])
    return n


@each(interpreters)
def test_while_threads_wait_and_one_holds(interpreter):
    n = 3
    w = Workload(interpreter, "holding.py", n, 2000, wait=False)
    wait_until(lambda: sleepers_on_a_lock(w.pid) == n, "all others to wait for the GIL")
    g = attach(w)
    check(is_observed(w.pid), "not observed")
    wait_until(lambda: sleepers_on_a_lock(w.pid) == n, "the others to wait again")
    w.expect("RESTED")
    w.go()
    truth = w.truth()
    w.end()
    process = process_of(g.finish().report, w.pid)
    gil = gil_of(process)
    # The hold and the waits that were under way are counted apart, and are in no distribution.
    equal(gil["partial_holds"], 1, "partial_holds")
    equal(gil["partial_waits"], n, "partial_waits")
    check((gil["hold"]["max_ns"] or 0) < truth["held_ns"] / 4, "a phantom hold of %s ns",
          gil["hold"]["max_ns"])
    check((gil["wait"]["max_ns"] or 0) < truth["held_ns"] / 4, "a phantom wait of %s ns",
          gil["wait"]["max_ns"])
    for t in truth["threads"]:
        row = thread(process, t["tid"])
        # Each thread acquires the GIL a few more times: to return from the call it was in, to wait
        # for the end of the others, to end, and for some calls of os.stat until it sees the flag.
        check(row["acquisitions"] >= t["calls"], "%s of %s acquisitions", row["acquisitions"],
              t["calls"])
    # held_ratio includes all of the first hold that was observed.
    check(gil["held_ratio"] > 0, "held_ratio is %s", gil["held_ratio"])


@each(interpreters)
def test_at_rest_counts_are_exact(interpreter):
    w = Workload(interpreter, "stat_loop.py", 20000)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    process = process_of(g.finish().report, w.pid)
    equal(process["exited"], True, "exited")
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], 20000, 20020, "acquisitions")
    gil = gil_of(process)
    equal(gil["partial_waits"], 0, "partial_waits")
    # The main thread was in read(2), without the GIL, so no hold was under way.
    equal(gil["partial_holds"], 0, "partial_holds")


def test_a_process_at_rest():
    w = Workload(debian(), "compute_check.py")
    process = process_of(stat("-p", w.pid, "-d", "0.5").report, w.pid)
    equal(process["exited"], False, "exited")
    gil = gil_of(process)
    equal(gil["acquisitions"], 0, "acquisitions of a process at rest")
    check(w.alive(), "the target is gone")
    check_untouched(w.pid)


@each(interpreters)
def test_switch_interval_is_read(interpreter):
    """The interval is not the default, and was set before gilscope attached."""
    w = Workload(interpreter, "cpu_threads.py", 2, 0.3, 0.002)
    g = attach(w)
    w.go()
    w.truth()
    w.end()
    gil = gil_of(process_of(g.finish().report, w.pid))
    equal(gil["switch_interval_us"], 2000, "switch_interval_us")


@each(lambda: [(i, v) for i in interpreters() for v in ((1e-7, 1), (1e9, 10 ** 15))])
def test_switch_interval_is_unusual(case):
    """A program may set any interval above 0; CPython makes those below 1 µs 1 µs."""
    interpreter, (secs, us) = case
    w = Workload(interpreter, "cpu_threads.py", 1, 0.1, secs)
    g = attach(w)
    w.go()
    w.truth()
    w.end()
    gil = gil_of(process_of(g.finish().report, w.pid))
    equal(gil["switch_interval_us"], us, "switch_interval_us")


def test_attach_and_leave_again_and_again():
    w = Workload(debian(), "compute_check.py")
    w.go()  # the workload's first line: it begins to compute
    for i in range(10):
        report = stat("-p", w.pid, "-d", "0.1").report
        gil = gil_of(process_of(report, w.pid))
        check(gil["acquisitions"] > 0, "round %d: no acquisition was seen", i)
        check(gil["partial_waits"] <= 3, "round %d: %s partial waits", i, gil["partial_waits"])
        check(gil["partial_holds"] <= 1, "round %d: %s partial holds", i, gil["partial_holds"])
        check_untouched(w.pid)
    w.go()  # its second line: it ends
    truth = w.truth()
    w.end()
    equal(truth["wrong"], 0, "wrong results")
    equal(truth["sum"], truth["rounds"] * truth["sum_of_a_round"], "sum")


def test_two_observers_at_once():
    w = Workload(debian(), "stat_loop.py", 5000)
    first, second = attach(w), attach(w)
    w.go()
    truth = w.truth()
    w.end()
    for g in (first, second):
        row = thread(process_of(g.finish().report, w.pid), truth["threads"][0]["tid"])
        within(row["acquisitions"], 5000, 5020, "acquisitions")


@timeout(120)
def test_many_threads_that_are_there_already():
    w = Workload(debian(), "holding.py", 100, 3000, wait=False)
    wait_until(lambda: sleepers_on_a_lock(w.pid) == 100, "all others to wait for the GIL")
    g = attach(w)
    w.expect("RESTED")
    w.go()
    truth = w.truth()
    w.end()
    process = process_of(g.finish().report, w.pid)
    equal(gil_of(process)["partial_waits"], 100, "partial_waits")
    calls = sum(t["calls"] for t in truth["threads"])
    check(total(workers(process), "acquisitions") >= calls, "acquisitions below %s", calls)


# --- the limit on open files ----------------------------------------------------------------------

def files_limited_to(soft, hard):
    """Sets a program's soft and hard limits on open files."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@timeout(120)
def test_more_processes_than_open_files():
    """A process takes four open files: two perf events and their links. gilscope raises its own
    limit; beyond the highest limit it names the processes that are not observed."""
    n = 40
    for hard in (4 * n * 2, 4 * n // 2):
        w = Workload(debian(), "waiting_children.py", n, 50)
        g = attach(w, env=attached_by("perf events"), preexec_fn=files_limited_to(4 * n // 2, hard))
        w.go()
        w.end()
        report = g.finish(seconds=90).report
        unobserved = [u["why"] for u in report["unobserved"]]
        equal(len(report["processes"]) + len(unobserved), n + 1, "processes")
        if hard > 4 * n:
            equal(unobserved, [], "processes that were not observed")
        else:
            check(unobserved and all("Too many open files" in u for u in unobserved),
                  "it says %s", unobserved)
        for p in report["processes"]:
            check(p["pid"] == w.pid or gil_of(p)["acquisitions"] >= 50, "process %s: %s", p["pid"],
                  gil_of(p)["acquisitions"])


def test_the_command_keeps_its_limit_on_open_files():
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    run = stat(command=["/usr/bin/python3", "-c", code], preexec_fn=files_limited_to(200, 300))
    equal(run.out.strip(), "(200, 300)", "the command's limits")
