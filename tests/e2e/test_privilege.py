# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which capabilities gilscope has, according to the kernel, and when it gives them up; and that
files, signals and launched commands work nonetheless."""
import ctypes
import glob
import os
import pwd
import re
import shutil
import signal
import struct
import subprocess
import sys

from lib import (GILSCOPE, ROOT, Skip, Workload, attach, by_perf_events, check, check_untouched, debian,
                 each, equal, folder, gilscope, scratch, spawn, stat, timeout, wait_until)
from screen import Screen

PYTHON = "/usr/bin/python3"
NOBODY = 65534
CANNOT_OBSERVE = 4
NUMBERS = {"dac_override": 1, "dac_read_search": 2, "fowner": 3, "kill": 5, "net_raw": 13, "setgid": 6, "setuid": 7, "sys_ptrace": 19,
           "sys_admin": 21, "sys_nice": 23, "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}
# CAP_SYS_ADMIN is for perf events. When the main thread of a process ends, one of these binds the
# probes to another thread.
ATTACH = "dac_read_search sys_ptrace checkpoint_restore bpf perfmon sys_admin"
FILES = "dac_override dac_read_search fowner"


def bits(names):
    return sum({1 << NUMBERS[n] for n in names.split()})


def names_of(set_):
    known = {1 << n: name for name, n in NUMBERS.items()}
    return " ".join(known.get(1 << i, str(i)) for i in range(64) if set_ >> i & 1)


def rights(pid, task=None):
    """{"CapPrm": bits, ...} of a thread (by default the main one), and the signals it blocks."""
    with open("/proc/%d/task/%s/status" % (pid, task or pid)) as f:
        return {k: int(v, 16) for k, v in re.findall(r"(Cap\w+|SigBlk):\s+(\w+)", f.read())}


def has_just(pid, names, bounds=None):
    """Checks that the process's main thread has just these rights, that programs that it executes
    can have `bounds` at most, and that its other threads, which only remove probes or write a
    trace, have no rights."""
    own = rights(os.getpid())["CapPrm"]
    for task in os.listdir("/proc/%d/task" % pid):
        is_main = task == str(pid)
        found = rights(pid, task)
        wanted = {"CapPrm": names if is_main else "", "CapEff": names if is_main else ""}
        if is_main:
            wanted["CapBnd"] = bounds or names
        for key, some in wanted.items():
            check(found[key] == bits(some) & own, "%s of thread %s: %s, not %s", key, task,
                  names_of(found[key]), some)
        equal(found["CapInh"] | found["CapAmb"], 0, "CapInh and CapAmb")


# --- what it keeps -------------------------------------------------------------------------------

def test_attached_to_a_process():
    w = Workload(debian(), "stat_loop.py", 100)
    g = attach(w)
    has_just(g.process.pid, ATTACH)
    g.interrupt()


def test_attached_by_perf_events():
    w = Workload(debian(), "stat_loop.py", 100)
    g = attach(w, env=dict(os.environ, GILSCOPE_PERF_EVENTS="1"))
    has_just(g.process.pid, ATTACH)
    g.interrupt()


class Command:
    """A gilscope command that observes a workload until end() is called."""

    def __init__(self, w, *args, **popen):
        self.process = spawn([GILSCOPE] + [str(a) for a in args] + ["-p", str(w.pid)],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, **popen)
        line = self.process.stderr.readline()
        check("observing" in line, "%s says: %s", args[0], line)

    def end(self, status=0):
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=30)
        equal(self.process.returncode, status, "status (stderr: %s)" % err[-300:])


def test_recording():
    w = Workload(debian(), "stat_loop.py", 100)
    r = Command(w, "record", "-q", "-o", scratch("trace.gil"))
    wait_until(lambda: len(os.listdir("/proc/%d/task" % r.process.pid)) > 1, "the writer")
    wait_until(lambda: not rights(r.process.pid, max(
        os.listdir("/proc/%d/task" % r.process.pid), key=int))["CapPrm"], "the writer's rights")
    has_just(r.process.pid, ATTACH)
    r.end()


def test_a_launched_command():
    """After the time given with -d, gilscope only waits for the command's end."""
    g = spawn([GILSCOPE, "stat", "-d", "1.5", "-o", scratch("report"), "--", PYTHON, "-c",
               "print('READY', flush=True); input()"], stdin=subprocess.PIPE,
              stdout=subprocess.PIPE, text=True)
    equal(g.stdout.readline(), "READY\n", "the command's line")
    wait_until(lambda: rights(g.pid)["CapPrm"] == bits(ATTACH + " kill"), "less rights")
    has_just(g.pid, ATTACH + " kill")
    wait_until(lambda: rights(g.pid)["CapPrm"] == bits("kill"), "less rights after the end")
    # Narrowing the bounding set again would take a right that is gone.
    has_just(g.pid, "kill", bounds=ATTACH + " kill")
    g.communicate("\n")
    equal(g.returncode, 0, "status")


def test_top_keeps_what_its_keys_need():
    w = Workload(debian(), "stat_loop.py", 100)
    g = Command(w, "top", "-b")
    has_just(g.process.pid, ATTACH + " sys_nice " + FILES)
    g.end()


def test_reading_a_trace():
    """Reading a trace takes only the rights to read files and, with -o, to write them."""
    pipe = scratch("pipe")
    os.mkfifo(pipe)
    for options, names in ([], "dac_read_search"), (["-o", scratch("report")], FILES):
        g = spawn([GILSCOPE, "report", pipe] + options, stdin=subprocess.DEVNULL,
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: rights(g.pid)["CapPrm"] == bits(names), "less rights")
        has_just(g.pid, names)
        with open(pipe, "wb"):
            pass
        g.communicate(timeout=30)


def test_a_user_keeps_no_more_than_there_is():
    """Without CAP_SYS_PTRACE, gilscope can look only into processes that have no more rights than
    it has, so it keeps what the user's other processes have."""
    copy = readable_copy()
    more = " sys_admin" if by_perf_events() else ""
    for names, kept in (probe_rights() + ",+sys_ptrace,+net_raw", "bpf perfmon sys_ptrace" + more), (
            probe_rights() + ",+net_raw", "bpf perfmon net_raw" + more):
        g = spawn(as_user(names, [copy, "stat", "--", PYTHON, "-c", "print('READY', flush=True); input()"]),
                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        equal(g.stdout.readline(), "READY\n", "the command's line")
        wait_until(lambda: rights(g.pid)["CapPrm"] == bits(kept), "just " + kept)
        equal(rights(g.pid)["CapEff"], bits(kept), "CapEff")
        _, err = g.communicate("\n")
        equal(g.returncode, 0, "status (stderr: %s)" % err)
        check("observed for" in " ".join(err.split()), "nothing was observed: %s", err)


def probe_rights():
    """What probes take, for as_user()."""
    return "bpf,+perfmon" + (",+sys_admin" if by_perf_events() else "")


def readable_copy():
    copy = os.path.join(folder(), "gilscope")
    if not os.path.exists(copy):
        shutil.copy(GILSCOPE, copy)
    return copy


def as_user(names, argv):
    some = "-all,+" + names
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
            "--inh-caps", some, "--ambient-caps", some] + argv


class Filter(ctypes.Structure):
    """struct sock_fprog, with its program."""
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def forbid_capset():
    """Puts the child, before its exec, into a sandbox that does not allow capset()."""
    number = {"x86_64": 126, "aarch64": 91}[os.uname().machine]
    code = b"".join(struct.pack("<HBBI", *i) for i in (
        (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)))
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    libc.prctl(22, 2, ctypes.byref(Filter(4, code)))  # PR_SET_SECCOMP


def test_a_sandbox_in_which_nothing_can_be_given_up():
    run = gilscope("stat", "--", PYTHON, "-c", "print('READY')", preexec_fn=forbid_capset)
    equal(run.status, 0, "status (stderr: %s)" % run.err)
    equal(run.err.count("cannot give up capabilities, so they are kept: Operation not permitted"), 1,
          "how often it says so (stderr: %s)" % run.err)


# --- launched commands ---------------------------------------------------------------------------

def own_rights():
    with open("/proc/self/status") as f:
        return [line for line in f.read().splitlines() if line.startswith(("Cap", "NoNewPrivs"))]


GREP = ["grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status"]


def test_a_command_has_the_rights_that_the_user_has():
    launch = ["stat", "-o", scratch("report"), "--"]
    equal(gilscope(*launch, *GREP).out.splitlines(), own_rights(), "rights of the command")
    equal(gilscope(*launch, "sh", "-c", "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; true")
          .out.splitlines(), own_rights(), "rights of a command's child")
    bounds = [line for line in own_rights() if "CapBnd" in line]
    run = gilscope(*launch, *GREP, env=dict(os.environ, SUDO_USER="nobody"))
    equal([line for line in run.out.splitlines() if "CapBnd" in line], bounds, "bounds by sudo")
    check("CapPrm:\t0000000000000000" in run.out, "rights by sudo: %s", run.out)


def test_each_of_several_runs_has_them():
    seen = scratch("seen")
    script = "with open('/proc/self/status') as f, open(%r, 'a') as out: out.write(f.read())" % seen
    for extra in ([], ["--trace", scratch("trace.gil")]):
        run = gilscope("check", "--assert", "acquisitions >= 0", "--repeat", 3, "--warmup", 1,
                       *extra, "--", PYTHON, "-c", script, seconds=60)
        equal(run.status, 0, "status (stderr: %s)" % run.err[-300:])
        with open(seen) as f:
            found = [line for line in f.read().splitlines()
                     if line.startswith(("Cap", "NoNewPrivs"))]
        equal(found, own_rights() * 4, "rights of the runs")
        os.unlink(seen)


def test_an_interrupt_reaches_another_users_command():
    """gilscope keeps CAP_KILL for that."""
    g = spawn([GILSCOPE, "stat", "-o", scratch("report"), "--user", "nobody", "--", PYTHON, "-c",
               "print('READY', flush=True); import time; time.sleep(600)"],
              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    equal(g.stdout.readline(), "READY\n", "the command's line")
    wait_until(lambda: rights(g.pid)["CapPrm"] != rights(os.getpid())["CapPrm"], "less rights")
    g.send_signal(signal.SIGINT)
    _, err = g.communicate(timeout=30)
    equal(g.returncode, 128 + signal.SIGINT, "status (stderr: %s)" % err[-300:])


SHOW_CAPS = ["grep", "-E", "^Cap(Prm|Eff|Amb)", "/proc/self/status"]


@each(lambda: ["ambient", "file", "ambient and another user", "root"])
def test_a_command_gets_no_capability_that_was_meant_for_gilscope(how):
    """Ambient capabilities survive an exec, so gilscope clears them in the child."""
    if not shutil.which("setpriv"):
        raise Skip("there is no setpriv")
    names, launch = "bpf,+perfmon,+net_raw", [readable_copy(), "stat", "--", *SHOW_CAPS]
    if how == "file":
        launch[0] = copy_with_capabilities("bpf perfmon net_raw")
        argv = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"] + launch
    elif how == "root":
        # Root gets all of its bounding set again, but no ambient capability.
        argv = ["setpriv", "--inh-caps", "+net_raw", "--ambient-caps", "+net_raw"] + launch
    elif how == "ambient":
        argv = as_user(names, launch)
    else:
        launch[2:2] = ["--user", "daemon"]
        argv = as_user(names + ",+setuid,+setgid", launch)
    done = subprocess.run(argv, capture_output=True, text=True)
    found = dict(re.findall(r"(Cap\w+):\s+(\w+)", done.stdout))
    equal(sorted(found), ["CapAmb", "CapEff", "CapPrm"], "what was read (stderr: %s)" % done.stderr)
    for name in ["CapAmb"] if how == "root" else found:
        equal(int(found[name], 16), 0, "%s of the command" % name)


def copy_with_capabilities(names):
    """A copy of the program that has these capabilities by its file."""
    path = scratch("gilscope")
    shutil.copy(GILSCOPE, path)
    set_ = bits(names)
    try:  # struct vfs_ns_cap_data without its root user, revision 2
        os.setxattr(path, "security.capability", struct.pack(
            "<IIIII", 0x02000001, set_ & 0xffffffff, 0, set_ >> 32, 0))
    except OSError as e:
        raise Skip("no file capabilities here: %s" % e) from None
    return path


def test_another_users_command_has_that_users_surroundings():
    """As sudo -u and runuser set them; a program would otherwise write into root's home."""
    show = ["sh", "-c", "echo $HOME $USER $LOGNAME $SHELL $MAIL; id -u; id -g; id -G"]
    user = pwd.getpwnam("daemon")
    groups = " ".join(str(g) for g in os.getgrouplist("daemon", user.pw_gid))
    wanted = "%s daemon daemon %s /var/mail/daemon\n%d\n%d\n%s\n" % (
        user.pw_dir, user.pw_shell, user.pw_uid, user.pw_gid, groups)
    env = dict(os.environ, HOME="/root", USER="root", LOGNAME="root", SHELL="/bin/bash",
               MAIL="/var/mail/root")
    env.pop("SUDO_USER", None)
    for options, more in (["--user", "daemon"], {}), ([], {"SUDO_USER": "daemon"}):
        run = gilscope("stat", "-o", scratch("report"), *options, "--", *show, env=dict(env, **more))
        equal(run.out, wanted, "surroundings (stderr: %s)" % run.err)
    run = gilscope("stat", "-o", scratch("report"), "--", *show, env=env)
    check(run.out.startswith("/root root root /bin/bash /var/mail/root\n0\n"), "root's: %s", run.out)


@each(lambda: [["stat"], ["record", "-q", "-o"], ["check", "--repeat", "2", "--assert", "hold.max < 1s"]])
def test_a_command_has_the_signals_that_gilscope_was_started_with(options):
    """What was blocked stays blocked, and what was ignored stays ignored."""
    def set_up():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGINT])
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    if options[-1] == "-o":
        options = options + [scratch("trace.gil")]
    seen = scratch("seen")
    code = "open(%r, 'a').write(open('/proc/self/status').read())" % seen
    gilscope(*options, "--", PYTHON, "-c", code, preexec_fn=set_up)
    with open(seen) as f:
        text = f.read()
    masks = {k: [int(v, 16) for v in re.findall(k + r":\s+(\w+)", text)] for k in ("SigBlk", "SigIgn")}
    bit = {n: 1 << n - 1 for n in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGCHLD)}
    runs = 2 if "check" in options else 1
    equal(masks["SigBlk"], [bit[signal.SIGUSR1] | bit[signal.SIGINT]] * runs, "blocked signals")
    for ignored in masks["SigIgn"]:
        for n in signal.SIGUSR2, signal.SIGCHLD:
            check(ignored & bit[n], "signal %d is not ignored: %x", n, ignored)


def test_a_user_that_gilscope_cannot_become():
    """The held child ends before it is let go, and gilscope survives that."""
    if not shutil.which("setpriv"):
        raise Skip("there is no setpriv")
    done = subprocess.run(["setpriv", "--bounding-set", "-setuid,-setgid", GILSCOPE, "stat",
                           "--user", "nobody", "--", "true"], capture_output=True, text=True)
    equal(done.returncode, CANNOT_OBSERVE, "status (stderr: %s)" % done.stderr)
    check("cannot run true as user nobody: Operation not permitted" in done.stderr, "it says: %s",
          done.stderr)


def held_child(pid):
    """The child of gilscope that waits to become the command, or None. It is the one that has the
    write end of only one pipe; a child of the trial has none."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            children = f.read().split()
        for child in children:
            with open("/proc/%s/syscall" % child) as f, open("/proc/%s/comm" % child) as g:
                number = {"x86_64": "0", "aarch64": "63"}[os.uname().machine]
                fields = f.read().split()
                if fields[0] == number and g.read() == "gilscope\n" and fields[3] == "0x1" and \
                        "pipe" in os.readlink("/proc/%s/fd/%d" % (child, int(fields[1], 16))):
                    return int(child)
    except (OSError, IndexError):
        pass
    return None


def kill_held_child():
    """Kills the held child before it is let go; returns gilscope's status and stderr, or None if
    that came too late."""
    marker = scratch("marker")
    g = spawn([GILSCOPE, "stat", "--", "touch", marker], stdin=subprocess.DEVNULL,
              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    child = None
    while not child and g.poll() is None:
        child = held_child(g.pid)
    if child:
        g.send_signal(signal.SIGSTOP)
        os.kill(child, signal.SIGKILL)
        g.send_signal(signal.SIGCONT)
    _, err = g.communicate(timeout=30)
    return (g.returncode, err) if not os.path.exists(marker) and "its process ended" in err or \
        g.returncode < 0 else None


def test_a_held_child_that_is_killed():
    for _ in range(30):
        ended = kill_held_child()
        if ended:
            equal(ended[0], CANNOT_OBSERVE, "status (stderr: %s)" % ended[1])
            return
    raise Skip("the child was never killed in time")


# --- files ---------------------------------------------------------------------------------------

def folder_of_nobody():
    path = scratch("folder")
    os.mkdir(path)
    os.chown(path, NOBODY, NOBODY)
    os.chmod(path, 0o700)
    return path


def test_files_in_another_users_folder():
    """`sudo gilscope record -o FILE` writes into such a folder, the user's home."""
    home = folder_of_nobody()
    w = Workload(debian(), "stat_loop.py", 100)
    trace = os.path.join(home, "a.gil")
    for args in (["stat", "-o", os.path.join(home, "stat")], ["record", "-q", "-o", trace],
                 ["check", "--assert", "acquisitions >= 0", "-o", os.path.join(home, "check"),
                  "--trace", os.path.join(home, "b.gil")]):
        run = gilscope(*args, "-d", 0.2, "-p", w.pid)
        equal(run.status, 0, "status of %s (stderr: %s)" % (args[0], run.err[-300:]))
    run = gilscope("report", trace, "-o", os.path.join(home, "report"))
    equal(run.status, 0, "status of report (stderr: %s)" % run.err[-300:])
    run = gilscope("check", "-i", trace, "--assert", "acquisitions >= 0", "--junit",
                   os.path.join(home, "junit"))
    equal(run.status, 0, "status of check -i (stderr: %s)" % run.err[-300:])
    equal(sorted(os.listdir(home)), ["a.gil", "check", "junit", "report", "stat"], "files")


def test_a_report_that_comes_to_nothing_is_removed():
    home = folder_of_nobody()
    run = gilscope("check", "--assert", "acquisitions >= 0", "-o", os.path.join(home, "check"),
                   "--", "true")
    equal(run.status, CANNOT_OBSERVE, "status (stderr: %s)" % run.err[-300:])
    equal(os.listdir(home), [], "files")


def test_a_flight_recorder_writes_new_files():
    home = folder_of_nobody()
    w = Workload(debian(), "stat_loop.py", 100)
    r = Command(w, "record", "-q", "-o", os.path.join(home, "a.gil"), "--flight-recorder", "1M")
    wait_until(lambda: rights(r.process.pid)["SigBlk"] >> signal.SIGUSR2 - 1 & 1, "SIGUSR2")
    check(not rights(r.process.pid)["CapPrm"] & bits("kill sys_nice"), "it has given up nothing")
    r.process.send_signal(signal.SIGUSR2)
    line = r.process.stderr.readline()
    check("wrote" in line, "it says: %s", line)
    r.end()
    equal(sorted(os.listdir(home)), ["a.gil", "a.gil.1"], "files")


def test_a_recorder_started_in_top():
    """top executes the recorder with the rights that it has left, in a folder of another user."""
    w = Workload(debian(), "stat_loop.py", 1000000000)
    w.go()
    s = Screen("-p", w.pid)
    try:
        os.chown(s.place, NOBODY, NOBODY)
        os.chmod(s.place, 0o700)
        s.see(r"GIL-bound")
        s.press("R")
        s.see(r"recording to gilscope-%d-\S+\.gil" % w.pid)
        wait_until(lambda: [f for f in glob.glob(s.place + "/*.gil") if os.path.getsize(f)],
                   "a trace")
        s.press("R")
        s.see(r"recorded gilscope-")
        s.press("q")
    finally:
        s.kill()
    equal(gilscope("report", glob.glob(s.place + "/*.gil")[0]).status, 0, "status of report")
    check_untouched(w.pid)


# --- exact sets ----------------------------------------------------------------------------------

@timeout(300)
def test_doctor_says_what_then_happens():
    """Runs the most telling part of tests/kernels/privileges.py on this kernel."""
    if not shutil.which("setpriv"):
        raise Skip("there is no setpriv")
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tests", "kernels", "privileges.py"),
                           "--few", GILSCOPE], capture_output=True, text=True)
    wrong = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    check(done.returncode == 0 and not wrong, "%s %s", wrong, done.stderr[-300:])


def test_memory_of_another_user():
    """CAP_SYS_PTRACE is enough for it; rights to open other users' files are not needed."""
    w = Workload(debian(), "stat_loop.py", 1000, user=1001)
    run = subprocess.run(as_user(probe_rights() + ",+sys_ptrace", [
        readable_copy(), "stat", "-d", "0.3", "-p", str(w.pid)]), capture_output=True, text=True)
    equal(run.returncode, 0, "status (stderr: %s)" % run.stderr[-300:])
    run = subprocess.run(as_user(probe_rights(), [readable_copy(), "stat", "-p", str(w.pid)]),
                         capture_output=True, text=True)
    equal(run.returncode, CANNOT_OBSERVE, "status (stderr: %s)" % run.stderr[-300:])
    check("missing: CAP_SYS_PTRACE" in run.stderr, "it says: %s", run.stderr)
    equal(stat("-d", "0.1", "-p", w.pid).status, 0, "status as root")
