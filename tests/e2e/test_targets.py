# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What can be observed (processes, commands and their wrappers, children), and what a launched
command inherits and returns."""
import glob
import json
import os
import signal
import subprocess
import time

from lib import (attach, built, by_perf_events, check, check_untouched, debian, each, embedded_library, equal, gil_of,
                 Gilscope, gilscope, has_link, has_spoken, Interpreter, interpreters, is_observed, native_interpreters,
                 process_of, scratch, Skip,
                 some_interpreters, stat, stat_workload, thread, wait_until, within, Workload)

K = 5000
SLACK = 20  # a thread also takes the GIL a few times at its start, in its gate and at its end


def command(*args):
    return debian().argv("stat_loop.py", K, *args)


def check_stat_loop(report, truth):
    """Checks that the worker's K calls are all counted. If the report says that the process's
    beginning was not observed, as may happen to a child, some may be missing."""
    process = process_of(report, truth["pid"])
    row = thread(process, truth["threads"][0]["tid"])
    within(row["acquisitions"], 0 if process["late_ns"] else K, K + SLACK, "acquisitions")


def executable(name, text):
    path = scratch(name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def launch_and_check(argv, **popen):
    run = stat(command=argv, **popen)
    check_stat_loop(run.report, run.truth())
    return run


# --- processes by number -------------------------------------------------------------------------

def test_one_process():
    w = Workload(debian(), "stat_loop.py", K)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    run = g.finish()
    check_stat_loop(run.report, truth)
    equal(run.report["exit_status"], None, "exit_status")


def test_several_processes():
    loads = [Workload(i, "stat_loop.py", K) for i in some_interpreters()]
    g = attach(loads)
    for w in loads:
        w.go()
    truths = [w.truth() for w in loads]
    for w in loads:
        w.end()
    run = g.finish()
    for truth in truths:
        check_stat_loop(run.report, truth)
    equal(len(run.report["processes"]), len(loads), "number of processes")


def test_option_p_twice():
    loads = [Workload(debian(), "stat_loop.py", K) for _ in range(2)]
    run = gilscope("stat", "-p", loads[0].pid, "-p", loads[1].pid, "-d", "0.1", "--json")
    if run.status == 2:
        check("-p" in run.err, "the message does not name -p: %s", run.err)
        return  # refusing is fine; observing only one of the two would not be
    pids = {p["pid"] for p in json.loads(run.out)["processes"]}
    equal(pids, {w.pid for w in loads}, "processes")


def test_all_processes():
    w = Workload(debian(), "stat_loop.py", K)
    g = attach(w, everything=True)
    late = Workload(debian(), "stat_loop.py", K)
    wait_until(lambda: is_observed(late.pid), "probes in the process that began later")
    w.go()
    late.go()
    truths = [w.truth(), late.truth()]
    run = g.interrupt()
    check_stat_loop(run.report, truths[0])
    pids = [p["pid"] for p in run.report["processes"]]
    check(late.pid in pids, "a process that began later is missing: %s", pids)


def test_for_a_time():
    w = Workload(debian(), "compute_check.py")
    w.go()
    report = stat("-p", w.pid, "-d", "0.5").report
    # The set-up and the last reading take time as well, but even on a busy machine less than 3 s.
    within(report["duration_ns"], 0.5e9, 3.5e9, "duration_ns")
    check(w.alive(), "the target is gone")
    check_untouched(w.pid)
    w.go()
    equal(w.truth()["wrong"], 0, "wrong results")
    w.end()


# --- servers whose workers become a CPython after their fork ---------------------------------------

class Server(Workload):
    """tests/workloads/server.c, which runs stat_loop.py in its workers."""

    def __init__(self, begin):
        python = Interpreter("server", built("server.c", "-ldl"), debian().version,
                             env={"EMBED_LIBPYTHON": embedded_library(), "SERVER_BEGIN": begin})
        super().__init__(python, "stat_loop.py", K)

    def start(self, waits=False):
        """Starts another worker; returns its pid."""
        before = set(self.workers())
        os.kill(self.pid, signal.SIGUSR2 if waits else signal.SIGUSR1)
        self.expect("READY")
        return (set(self.workers()) - before or {None}).pop()

    def workers(self):
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as f:
            return [int(pid) for pid in f.read().split()]


@each(lambda: ["worker", "preload"])
def test_workers_of_a_process_by_number(begin):
    """A process that is no CPython can be named if one of its descendants is, or if it has loaded
    the library. Its workers' probes wait for their first acquisition."""
    w = Server(begin)
    g = attach(w)
    w.start()
    truths = [w.truth()]
    if begin == "worker":
        w.go()
        truths.append(w.truth())
    run = g.interrupt()
    for truth in truths:
        check_stat_loop(run.report, truth)
    pids = {p["pid"] for p in run.report["processes"]}
    check(w.pid not in pids, "the server is no CPython, but has a row")


def test_workers_among_all_processes():
    """With --all, a worker of a server that is no CPython is found when it has become one."""
    if by_perf_events():
        raise Skip("another gilscope may have the same probes, which cannot be told apart")
    w = Server("")
    g = Gilscope("--all")
    wait_until(lambda: has_spoken(g.process), "gilscope to observe")
    pid = w.start(waits=True)
    wait_until(lambda: has_link(g.process.pid, pid), "probes in the worker")
    w.go()
    truth = w.truth()
    run = g.interrupt()
    row = thread(process_of(run.report, pid), truth["threads"][0]["tid"])
    within(row["acquisitions"], K, K + SLACK, "acquisitions")


def test_no_process_in_the_tree_is_a_python():
    """A message says so, and names a child that is one, if that is left out."""
    w = Server("")
    run = gilscope("stat", "-p", w.pid)
    equal(run.status, 4, "status")
    check("not a CPython process, nor is any that it has started" in run.err, "it says %s", run.err)
    pid = w.start(waits=True)
    run = gilscope("stat", "-p", w.pid, "--no-follow")
    equal(run.status, 4, "status")
    check("gilscope stat -p %d" % pid in run.err, "it says %s", run.err)


# --- the end: Ctrl-C, statuses, what a command inherits and returns ------------------------------

@each(lambda: ["SIGINT", "SIGTERM"])
def test_summary_at(name):
    w = Workload(debian(), "compute_check.py")
    g = attach(w)
    w.go()
    g.process.send_signal(getattr(signal, name))
    run = g.finish(status=None)
    check(run.report is not None, "no summary; stderr: %s", run.err)
    within(run.status, 0, 128 + 15, "status")
    if name == "SIGINT":
        equal(run.status, 0, "status")
    process_of(run.report, w.pid)
    check(w.alive(), "the target is gone")
    check_untouched(w.pid)


def test_nohup():
    """If SIGHUP is ignored when gilscope starts, it does not end gilscope."""
    w = Workload(debian(), "stat_loop.py", K)
    g = attach(w, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    g.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    w.go()
    truth = w.truth()
    w.end()
    check_stat_loop(g.finish().report, truth)


def test_sigchld_is_ignored():
    """gilscope may be started with SIGCHLD ignored, and still sees the command's end."""
    run = stat(command=["/usr/bin/python3", "-c", "import sys; sys.exit(7)"], status=7, seconds=20,
               preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    equal(run.report["exit_status"], 7, "exit_status")


def test_text_report_in_a_file():
    w = Workload(debian(), "compute_check.py")
    w.go()
    path = scratch("report.txt")
    run = gilscope("stat", "-p", w.pid, "-d", "0.3", "-o", path)
    equal(run.status, 0, "status")
    equal(run.out, "", "stdout")
    with open(path) as f:
        text = f.read()
    for word in ("GIL", "hold", "wait", "handoff", str(w.pid)):
        check(word in text, "the text does not contain %r", word)
    check("\x1b" not in text, "escape codes in a file")


def test_a_command_has_stdout_for_itself():
    """The report for people goes to stderr; a report for programs goes to stdout only if the command's
    output goes elsewhere, and otherwise gilscope says what to run, before anything is run."""
    command, marker = ["/usr/bin/python3", "-c", "print('{')"], scratch("marker")
    run = gilscope("stat", "--", *command)
    equal((run.status, run.out), (0, "{\n"), "status and stdout")
    check("observed for" in run.err, "stderr: %s", run.err)
    equal(gilscope("stat", "-o", "-", "--", *command).out.count("observed for"), 1, "reports on stdout")
    run = gilscope("stat", "--json", "--", "touch", marker)
    equal((run.status, run.out, os.path.exists(marker)), (2, "", False), "status, stdout, and whether it ran")
    check("gilscope stat --command-output stderr --json -- touch " + marker in run.err, "stderr: %s", run.err)
    log = scratch("log")
    for to in "stderr", log:
        run = gilscope("stat", "--json", "--command-output", to, "--", *command)
        equal((run.status, json.loads(run.out)["exit_status"]), (0, 0), "statuses")
        equal("{\n" in run.err, to == "stderr", "whether it is in stderr")
    with open(log) as f:
        equal(f.read(), "{\n", "the log")
    run = gilscope("stat", "--json", "--command-output", "/nowhere/log", "--", *command)
    equal((run.status, run.out), (2, ""), "status and stdout without a file")
    equal(gilscope("stat", "--command-output", log, "-p", os.getpid()).status, 2, "status without a command")


def test_ctrl_c_in_a_terminal_reaches_both():
    # A signal right before a sleep only ends it when it is over.
    code = "import time; print('READY', flush=True)\nfor _ in range(300): time.sleep(0.1)"
    g = Gilscope(command=["/usr/bin/python3", "-c", code])
    equal(g.process.stdout.readline(), "READY\n", "the command's line")
    os.killpg(g.process.pid, signal.SIGINT)
    run = g.finish(status=None)
    equal(run.status, 128 + signal.SIGINT, "status, of a command that SIGINT ends,")
    check(run.report is not None, "no summary; stderr: %s", run.err)
    equal(run.report["exit_status"], 130, "exit_status")


@each(lambda: [0, 1, 7, 255])
def test_exit_status(status):
    argv = ["/usr/bin/python3", "-c", "import sys; sys.exit(%d)" % status]
    equal(stat(command=argv, status=status).report["exit_status"], status, "exit_status")


@each(lambda: ["SIGTERM", "SIGKILL", "SIGSEGV", "SIGABRT"])
def test_exit_status_after(name):
    number = int(getattr(signal, name))
    process, truth, run = stat_workload(debian(), "signal_end.py", name, status=128 + number)
    equal(run.report["exit_status"], 128 + number, "exit_status")
    check(gil_of(process)["requested_releases"] > 0, "two threads compute, but request no release")


def test_stdin_stdout_and_stderr_are_the_commands():
    code = "import sys; print(sys.stdin.read().upper()); print('aside', file=sys.stderr)"
    g = Gilscope(command=["/usr/bin/python3", "-c", code], stdin=subprocess.PIPE)
    g.process.stdin.write("some data")
    g.process.stdin.flush()
    run = g.finish()
    equal(run.out, "SOME DATA\n", "stdout")
    check("aside\n" in run.err, "stderr: %s", run.err)


def test_environment_and_arguments_are_passed_on():
    code = "import os, sys; print(sys.argv[1:], os.environ['SOME'])"
    env = dict(os.environ, SOME="thing")
    run = stat(command=["/usr/bin/python3", "-c", code, "a b", "", "--json", "-p"], env=env)
    equal(run.out, "['a b', '', '--json', '-p'] thing\n", "stdout")


def test_switch_interval_that_the_program_sets():
    process, truth, _ = stat_workload(debian(), "cpu_threads.py", 2, 1.5, 0.001)
    equal(gil_of(process)["switch_interval_us"], 1000, "switch_interval_us")


# --- wrappers ------------------------------------------------------------------------------------

@each(interpreters)
def test_command(interpreter):
    process, truth, run = stat_workload(interpreter, "stat_loop.py", K)
    check_stat_loop(run.report, truth)
    equal(process["python"].split(".")[:2], truth["python"].split(".")[:2], "python")
    check(gil_of(process)["acquisitions"] > K, "the start of the interpreter is missing")


def test_command_found_in_path():
    env = dict(os.environ, PATH="/usr/bin:/bin")
    launch_and_check(["python3"] + command()[1:], env=env)


def test_shell_script():
    script = executable("run.sh", "#!/bin/sh\ncd /\ntrue\n%s\n" % " ".join(command()))
    launch_and_check([script])


def test_programs_of_a_shell_script():
    """Each is observed, whole if its probes were in place in time, or named."""
    one = " ".join(command())
    run = stat(command=["sh", "-c", "; ".join([one] * 4) + "; true"], env=debian().environment())
    truths = [json.loads(line) for line in run.out.splitlines() if line.startswith("{")]
    equal(len(truths), 4, "programs")
    unobserved = {u["pid"] for u in run.report["unobserved"]}
    for truth in truths:
        if truth["pid"] not in unobserved:
            check_stat_loop(run.report, truth)


def test_shell_script_that_execs():
    script = executable("run.sh", "#!/bin/sh\nexec %s\n" % " ".join(command()))
    launch_and_check([script])


def test_shell_in_a_shell():
    launch_and_check(["sh", "-c", "sh -c '%s; true'; true" % " ".join(command())])


def test_env():
    launch_and_check(["env", "A=1"] + command())


def test_shebang():
    with open(command()[1]) as f:
        body = f.read()
    folder = os.path.dirname(command()[1])
    path = executable("program", "#!/usr/bin/python3\nimport sys\nsys.path[:0] = [%r]\n%s" % (
        folder, body))
    launch_and_check([path, K])


def test_venv():
    path = scratch("venv")
    made = subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", path],
                          capture_output=True, text=True)
    if made.returncode:
        raise Skip("no venv: %s" % made.stderr.strip()[-100:])
    launch_and_check([os.path.join(path, "bin", "python")] + command()[1:])


@each(native_interpreters)
def test_short_command(interpreter):
    process, truth, _ = stat_workload(interpreter, "short.py")
    gil = gil_of(process)
    check(gil["acquisitions"] >= truth["calls"], "%s acquisitions in a process with %s calls",
          gil["acquisitions"], truth["calls"])
    check(gil["hold_blocked_ns"] >= 19e6, "its 20 ms asleep are missing: %s",
          gil["hold_blocked_ns"])


# --- children ------------------------------------------------------------------------------------

def check_child(report, child, rest_ns):
    """Checks that a child was observed while its worker still rested without the GIL, and that its
    count is therefore exact."""
    process = process_of(report, child["pid"])
    check(process.get("late_ns", 0) < rest_ns, "child %s was observed %s ns late", child["pid"],
          process.get("late_ns"))
    w = child["threads"][0]
    row = thread(process, w["tid"])
    within(row["acquisitions"], w["calls"], w["calls"] + SLACK, "a child's acquisitions")


def mp_cases():
    return ["%s, %s" % (i, m) for i in some_interpreters() for m in ("fork", "spawn", "forkserver")]


@each(mp_cases)
def test_multiprocessing(case):
    name, method = case.split(", ")
    interpreter = [i for i in some_interpreters() if i.name == name][0]
    process, truth, run = stat_workload(interpreter, "mp.py", method, 3, 2000)
    equal(truth["failed"], 0, "children that failed")
    for child in truth["children"]:
        check_child(run.report, child, truth["rest_ns"])
    if method == "forkserver":
        server = {c["parent"] for c in truth["children"]}.pop()
        check(server != truth["pid"], "the workload's children are not the server's")
        process_of(run.report, server)


def test_children_of_a_process_by_number():
    w = Workload(debian(), "mp.py", "fork", 2, 2000)
    g = attach(w)
    w.go()
    truth = w.truth()
    w.end()
    run = g.finish()
    for child in truth["children"]:
        check_child(run.report, child, truth["rest_ns"])


def test_descendants_that_run_already():
    """-p also observes descendants behind a shell, and what that shell starts later."""
    script = "%s; %s" % (" ".join(command("--wait")), " ".join(command()))
    w = Workload(debian(), "shell.py", script)
    g = attach(w)
    w.go()
    first = w.truth()
    w.expect("READY")
    second = w.truth()
    w.end()
    run = g.finish()
    check_stat_loop(run.report, first)
    check_stat_loop(run.report, second)


def test_a_descendant_that_cannot_be_observed():
    old = glob.glob(os.path.expanduser("~/.pyenv/versions/3.6.*/bin/python3"))
    if not old:
        raise Skip("there is no Python 3.6")
    w = Workload(debian(), "shell.py", "exec %s -c 'print(\"READY\", flush=True); input()'" % old[0])
    g = attach(w)
    w.go()
    w.end()
    whys = [u["why"] for u in g.finish().report["unobserved"]]
    check(len(whys) == 1 and "Python 3.6" in whys[0], "%s", whys)


def test_subprocess():
    argv = debian().argv("stat_loop.py", K)
    code = "import subprocess, sys; sys.exit(subprocess.call(%r))" % (argv,)
    run = stat(command=["/usr/bin/python3", "-c", code], env=debian().environment())
    check_stat_loop(run.report, run.truth())
    active = [p for p in run.report["processes"] if any(g["acquisitions"] for g in p["gils"])]
    equal(len(active), 2, "number of processes with acquisitions")


@each(lambda: ["fork", "spawn"])
def test_no_follow(method):
    process, truth, run = stat_workload(debian(), "mp.py", method, 2, 500,
                                        options=["--no-follow"])
    equal(truth["failed"], 0, "children that failed")
    equal([p["pid"] for p in run.report["processes"]], [truth["pid"]], "processes")
    check(gil_of(process)["acquisitions"] > 0, "no acquisition was seen")


def test_no_follow_of_a_command_that_execs():
    script = executable("run.sh", "#!/bin/sh\nexec %s\n" % " ".join(command()))
    run = stat("--no-follow", command=[script])
    check_stat_loop(run.report, run.truth())


def test_a_command_without_python():
    """A message says that nothing was observed, and the command's status is passed on."""
    run = Gilscope(command=["sh", "-c", "exit 3"]).finish(status=None)
    within(run.status, 3, 4, "status")
    check(run.err.strip(), "no message about a command without Python")


def test_max_threads_is_enforced_and_said():
    run = Gilscope("--max-threads", "16", command=debian().argv("many_threads.py", 60, 50),
                   env=debian().environment()).finish(expect_lost=True)
    report = run.report
    rows = sum(len(g["threads"]) for p in report["processes"] for g in p["gils"])
    if rows < 60:
        check(report["lost_events"] > 0 or any(p["note"] for p in report["processes"]),
              "%d rows for 60 threads, but the report does not say so", rows)
