# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the end-to-end tests share: interpreters, workloads, running gilscope, reading its report.

Every report that is read here is checked by invariants.py. Tests never depend on absolute times,
and never sleep in the hope that something has happened meanwhile: `attach` waits until the probes
are in the target's memory, and workloads print READY and wait until they are told to continue."""
import atexit
import ctypes
import functools
import glob
import json
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time

from invariants import check_invariants

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORKLOADS = os.path.join(ROOT, "tests", "workloads")
GILSCOPE = os.path.abspath(os.environ.get("GILSCOPE", os.path.join(ROOT, "build", "gilscope")))
OLDEST = (3, 8)  # the oldest version that the whole matrix is run on
# The numbers of system calls, which differ between architectures.
SYSCALL = {"x86_64": {"bpf": 321, "exit": 60, "futex": 202},
           "aarch64": {"bpf": 280, "exit": 93, "futex": 98}}[os.uname().machine]
# Emulated machines are slow, so all time limits are multiplied by this factor.
PATIENCE = float(os.environ.get("PATIENCE", "1"))

started = []  # the processes that the test has started; clean_up() kills them


class Skip(Exception):
    """Raised when the test cannot be run here; its text says why."""


# --- assertions, with a message that shows the figures -------------------------------------------

def check(condition, message, *args):
    if not condition:
        raise AssertionError(message % args if args else message)


def equal(value, wanted, what):
    check(value == wanted, "%s is %r, not %r", what, value, wanted)


def within(value, low, high, what):
    check(low <= value <= high, "%s is %s, not within [%s, %s]", what, value, low, high)


def close_to(value, truth, relative, what):
    within(value, truth * (1 - relative), truth * (1 + relative), what)


# --- files ---------------------------------------------------------------------------------------

@functools.lru_cache(None)
def folder():
    """A folder for this run; it is removed at the end."""
    path = tempfile.mkdtemp(prefix="gilscope-e2e-")
    os.chmod(path, 0o755)
    atexit.register(shutil.rmtree, path, True)
    return path


def scratch(name):
    """A path for a file that does not exist yet."""
    scratch.n += 1
    return os.path.join(folder(), "%d-%s" % (scratch.n, name))


scratch.n = 0


def workload(name):
    return os.path.join(WORKLOADS, name)


@functools.lru_cache(None)
def built(source, *options):
    """Compiles a C workload, once per run; returns the path of the result."""
    cc = shutil.which("cc") or shutil.which("gcc")
    if not cc:
        raise Skip("no C compiler")
    out = scratch(os.path.splitext(os.path.basename(source))[0])
    argv = [cc, "-O1", "-o", out, workload(source)] + list(options)
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Skip("cannot be built: %s: %s" % (" ".join(argv), done.stderr.strip()[-200:]))
    return out


# --- interpreters --------------------------------------------------------------------------------

class Interpreter:
    """An interpreter to observe. A `foreign` one has its own C library, so its probes are attached
    when it already runs, not before its first instruction."""

    def __init__(self, name, path, version, env=None, foreign=False):
        self.name, self.path, self.version, self.env = name, path, version, env or {}
        self.foreign = foreign

    def __repr__(self):
        return self.name

    def argv(self, script, *args):
        return [self.path, workload(script)] + [str(a) for a in args]

    def environment(self):
        return dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **self.env)


def version_of(path, env=None):
    code = "import sys; print('%d %d %d' % sys.version_info[:3])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True,
                          env=dict(os.environ, **(env or {})))
    return tuple(int(n) for n in done.stdout.split()) if done.returncode == 0 else None


def pyenv_pythons():
    """(path, version) of each pyenv build, oldest first."""
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = []
    for path in glob.glob(os.path.join(root, "versions", "3.*", "bin", "python3.*")):
        if re.fullmatch(r"python3\.\d+", os.path.basename(path)):
            version = version_of(path)
            if version:
                found.append((path, version))
    return sorted(found, key=lambda f: f[1])


def debian():
    return Interpreter("debian", "/usr/bin/python3", version_of("/usr/bin/python3"))


def stripped_copy(path, version):
    """An interpreter without symbols: a copy of a pyenv build and of its library."""
    short = "%d.%d" % version[:2]
    prefix = os.path.dirname(os.path.dirname(path))
    libs = glob.glob(os.path.join(prefix, "lib", "libpython%s*.so.1.0" % short))
    if not libs or not shutil.which("strip"):
        return None
    place = os.path.join(folder(), "stripped", "bin")
    os.makedirs(place)
    for source in (path, libs[0]):
        copy = os.path.join(place, os.path.basename(source))
        shutil.copy(source, copy)
        os.chmod(copy, 0o755)
        subprocess.run(["strip", copy], check=True)
    env = {"LD_LIBRARY_PATH": place, "PYTHONHOME": prefix}
    copy = os.path.join(place, os.path.basename(path))
    return Interpreter("stripped-" + short, copy, version, env)


# What tests/interpreters puts into the cache: those of Debian 13 and unstable, in root directories
# of their own, and Debian 12's build with --with-pydebug, which uses this machine's C library.
FOREIGN = ("python3.13", "python3.13d", "python3.14", "python3.15")
NATIVE = ("python3.11d",)


def cached(name):
    """The path of an interpreter that tests/interpreters has fetched or built."""
    cache = os.environ.get("GILSCOPE_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "gilscope")
    path = os.path.join(cache, "bin", name)
    if not os.access(path, os.X_OK):
        raise Skip("tests/interpreters could not get %s" % name)
    return path


def fetched(name, foreign):
    try:
        path = cached(name)
    except Skip:
        return None
    return Interpreter("debian-" + name[len("python"):], path, version_of(path), foreign=foreign)


def embedded_library():
    """The path of Debian's libpython."""
    for path in glob.glob("/usr/lib/*/libpython%d.%d.so.1.0" % debian().version[:2]):
        return path
    raise Skip("Debian's libpython is not installed")


def embedder():
    """A program that loads Debian's libpython at run time."""
    try:
        embedded_library()
        path = built("embed.c", "-ldl")
    except Skip:
        return None
    return Interpreter("embed", path, version_of(path))


@functools.lru_cache(None)
def interpreters():
    """Every interpreter on this machine that gilscope must understand."""
    found = [debian()]
    pyenv = [(p, v) for p, v in pyenv_pythons() if v >= OLDEST]
    for path, version in pyenv:
        found.append(Interpreter("%d.%d.%d" % version, path, version))
    if pyenv:
        newest = [f for f in pyenv if f[1][:2] == (3, 12)] or pyenv[-1:]
        found.append(stripped_copy(*newest[0]))
    found.append(embedder())
    found += [fetched(name, True) for name in FOREIGN]
    found += [fetched(name, False) for name in NATIVE]
    return [i for i in found if i and i.version]


class Unbuilt:
    """A missing interpreter: a test that uses it is skipped with the reason."""

    def __init__(self, name, reason):
        self.__dict__.update(name=name, reason=reason)

    def __repr__(self):
        return self.name

    def __getattr__(self, _):
        raise Skip(self.reason)


@functools.lru_cache(None)
def usdt_pythons():
    """The interpreters with GIL probes that `make usdt-python` has built."""
    found = []
    for version in ("3.13", "3.11"):
        name = "usdt-" + version
        listed = subprocess.run([os.path.join(ROOT, "tests", "usdt-python"), "--list", version],
                                capture_output=True, text=True)
        path = listed.stdout.strip()
        found.append(Interpreter(name, path, version_of(path)) if path else
                     Unbuilt(name, listed.stderr.strip().replace("usdt-python: ", "")))
    return found


def native_interpreters():
    """Those that use gilscope's own C library, so that probes are in place before they start."""
    return [i for i in interpreters() if not i.foreign]


def optimised_interpreters():
    """All but the debug builds, which are some ten times slower."""
    return [i for i in interpreters() if not re.search(r"\dd$", i.name)]


def some_interpreters():
    """One interpreter of each kind (Debian's, before 3.12, from 3.12 on), for tests in which the
    version hardly matters."""
    kinds = {}
    for i in native_interpreters():
        kinds.setdefault(i.name if i.name == "debian" else i.version[:2] >= (3, 12), i)
    return list(kinds.values())


def each(find):
    """Runs the test once for each item that find() returns, with the item as its argument."""
    def mark(test):
        test.parameters = find
        return test
    return mark


def best_of(times, claim):
    """Calls claim() until it holds, at most `times` times. Use this only for what the machine may
    disturb, and with a comment that says how."""
    for _ in range(times - 1):
        try:
            return claim()
        except AssertionError:
            pass
    return claim()


def timeout(seconds):
    """Sets a time limit for one test instead of run.py's."""
    def mark(test):
        test.timeout = seconds
        return test
    return mark


def attached_by(how):
    """The environment that makes gilscope attach by "perf events", or in the best way ("multi")."""
    env = debian().environment()
    env.pop("GILSCOPE_PERF_EVENTS", None)
    if how == "perf events":
        return dict(env, GILSCOPE_PERF_EVENTS="1")
    if probes_here() != "uprobe_multi":
        raise Skip("no uprobe_multi here, or it fails its trial")
    return env


@functools.lru_cache(None)
def probes_here():
    """How gilscope attaches on this kernel by default."""
    env = dict(os.environ)
    env.pop("GILSCOPE_PERF_EVENTS", None)
    done = subprocess.run([GILSCOPE, "doctor", "--json"], env=env, capture_output=True, text=True)
    return json.loads(done.stdout)["machine"]["probes"]


def by_perf_events():
    """True if gilscope, as the tests run it, attaches by perf events."""
    return "GILSCOPE_PERF_EVENTS" in os.environ or probes_here() == "perf_events"


def kernel():
    """The kernel's version, such as (6, 12)."""
    return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())


# --- processes -----------------------------------------------------------------------------------

def spawn(argv, **options):
    """Starts a process in its own session; it is killed when the test ends."""
    options.setdefault("start_new_session", True)
    process = subprocess.Popen(argv, **options)
    started.append(process)
    return process


def clean_up():
    """Kills the processes that the test left running, and their children."""
    while started:
        process = started.pop()
        try:
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except ProcessLookupError:
            pass
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        process.wait()


def wait_until(condition, what, seconds=10.0):
    """Waits until condition() is true and returns its value."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited %g s in vain for %s" % (seconds, what))
        time.sleep(0.005)


class Workload:
    """A workload that gilscope does not launch. With --wait, it prints READY and waits for go()."""

    def __init__(self, interpreter, script, *args, wait=True, user=None):
        argv = interpreter.argv(script, *args) + (["--wait"] if wait else [])
        self.process = spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=interpreter.environment(), user=user)
        self.pid = self.process.pid
        self.read = b""  # output that no caller has asked for yet
        self.expect("READY")

    def line(self, seconds=30):
        """The next line of its stdout."""
        seconds *= PATIENCE
        while b"\n" not in self.read:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                raise AssertionError("no line from the workload in %s s" % seconds)
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                status = self.process.wait(10)
                raise AssertionError("the workload ended early, with status %s" % status)
            self.read += more
        line, self.read = self.read.split(b"\n", 1)
        return line.decode()

    def expect(self, wanted):
        equal(self.line(), wanted, "the workload's line")

    def go(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def truth(self):
        return json.loads(self.line())

    def end(self, status=0):
        equal(self.process.wait(30 * PATIENCE), status, "the workload's status")

    def alive(self):
        return self.process.poll() is None


class Run:
    """The result of a run of gilscope."""

    def __init__(self, status, out, err, path):
        self.status, self.out, self.err = status, out, err
        self.report = None
        if path and os.path.exists(path):
            with open(path) as f:
                text = f.read()
            self.report = json.loads(text) if text else None

    def truth(self):
        """The launched workload's last line."""
        lines = [line for line in self.out.splitlines() if line.startswith("{")]
        check(lines, "the command printed no truth; stderr: %s", self.err[-300:])
        return json.loads(lines[-1])


class Gilscope:
    """A run of `gilscope stat` in the background."""

    def __init__(self, *options, command=None, **popen):
        self.path = scratch("report.json")
        argv = [GILSCOPE, "stat", "--json", "-o", self.path]
        argv += [str(o) for o in options]
        if command:
            argv += ["--"] + [str(c) for c in command]
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stdout", subprocess.PIPE)
        self.process = spawn(argv, stderr=subprocess.PIPE, text=True, **popen)

    def finish(self, status=0, seconds=60, **expectations):
        """Waits for the end; returns the Run, its report checked."""
        out, err = self.process.communicate(timeout=seconds * PATIENCE)
        run = Run(self.process.returncode, out or "", err, self.path)
        if status is not None:
            check(run.status == status, "gilscope's status is %s, not %s; stderr: %s",
                  run.status, status, err.strip()[-400:])
        if run.report is not None:
            check_invariants(run.report, **expectations)
        return run

    def interrupt(self, **options):
        """Interrupts gilscope like Ctrl-C, but not its command."""
        self.process.send_signal(signal.SIGINT)
        return self.finish(**options)


def stat(*options, command=None, status=0, seconds=60, expectations=None, **popen):
    """`gilscope stat` from its start to its end. The report must exist."""
    run = Gilscope(*options, command=command, **popen).finish(
        status, seconds, **(expectations or {}))
    check(run.report is not None, "no report; stderr: %s", run.err.strip()[-400:])
    return run


def stat_workload(interpreter, script, *args, options=(), **more):
    """Launches the workload under gilscope; returns (report of its process, truth, run)."""
    if interpreter.foreign:
        return attach_to_workload(interpreter, script, *args, options=options, **more)
    run = stat(*options, command=interpreter.argv(script, *args),
               env=interpreter.environment(), **more)
    truth = run.truth()
    return process_of(run.report, truth["pid"]), truth, run


def attach_to_workload(interpreter, script, *args, options=(), status=0, expectations=None):
    """Like stat_workload, but gilscope attaches when the workload is ready."""
    w = Workload(interpreter, script, *args)
    g = attach(w, *options)
    w.go()
    truth = w.truth()
    w.end()
    run = g.finish(status, **(expectations or {}))
    return process_of(run.report, w.pid), truth, run


def gilscope(*args, seconds=30, **popen):
    """Any gilscope command, with plain arguments."""
    popen.setdefault("stdin", subprocess.DEVNULL)
    popen.setdefault("stdout", subprocess.PIPE)
    process = spawn([GILSCOPE] + [str(a) for a in args], stderr=subprocess.PIPE, text=True, **popen)
    out, err = process.communicate(timeout=seconds * PATIENCE)
    return Run(process.returncode, out or "", err, None)


def attach(workloads, *options, everything=False, **popen):
    """Starts gilscope on running workloads (or with --all); returns when it observes them."""
    if isinstance(workloads, Workload):
        workloads = [workloads]
    target = ["--all"] if everything else ["-p", ",".join(str(w.pid) for w in workloads)]
    running = Gilscope(*target, *options, **popen)
    for w in workloads:
        wait_until(lambda: has_probes(running.process.pid, w.pid) or
                   has_spoken(running.process) or running.process.poll() is not None,
                   "probes in process %d" % w.pid)
    wait_until(lambda: at_rest(running.process), "gilscope to finish its set-up")
    if running.process.poll() is not None:
        raise AssertionError("gilscope ended, with status %s: %s" % (
            running.process.returncode, running.process.stderr.read().strip()[-400:]))
    return running


def has_spoken(process):
    """True if gilscope has written to stderr, as it does when it observes. For perf events in a
    file other than the C library, this is the only sign."""
    return bool(select.select([process.stderr], [], [], 0)[0])


def has_probes(gilscope_pid, pid):
    """True if this gilscope has attached probes to process pid, in any file."""
    for path in glob.glob("/proc/%d/fdinfo/*" % gilscope_pid):
        try:
            with open(path) as f:
                if re.search(r"\buprobe_multi\b(.|\n)*\npid:\s*%d\n" % pid, f.read()):
                    return True
        except OSError:
            pass
    try:
        return is_observed(pid)
    except Skip:
        return False


def cpu_time(pid):
    """(state, ticks of CPU time, voluntary switches) of a process."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open("/proc/%d/status" % pid) as f:
        switches = re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)", f.read()).group(1)
    return fields[0], int(fields[11]) + int(fields[12]), switches


def at_rest(process):
    """True if the process has slept in the same place for 30 ms, or is gone."""
    try:
        before = cpu_time(process.pid)
        time.sleep(0.03)
        return before[0] in "ZX" or (before[0] == "S" and cpu_time(process.pid) == before)
    except (FileNotFoundError, ProcessLookupError):
        return True


# --- probes, as seen in the target's memory ------------------------------------------------------

PROBED = ("pthread_cond_signal", "pthread_cond_timedwait")


def mapped(pid, condition):
    """(start, end, file offset, inode, path) of the first executable mapping that meets the
    condition on (inode, name); None if there is none."""
    with open("/proc/%s/maps" % pid) as f:
        for line in f:
            fields = line.split(None, 5)
            low, high = (int(a, 16) for a in fields[0].split("-"))
            path = fields[5].strip() if len(fields) > 5 else ""
            if "x" in fields[1] and condition(int(fields[4]), os.path.basename(path)):
                return low, high, int(fields[2], 16), int(fields[4]), path
    return None


PROBED_FILES = {}


def probed_bytes(pid):
    """(inode, [(file offset, first bytes)]) of the probed functions in the C library of a process.
    If a symbol has several versions, the default one counts."""
    place = mapped(pid, lambda inode, name: name.startswith(("libc.so", "libc-")))
    if not place:
        raise Skip("process %d has no C library" % pid)
    low, high, _, inode, _ = place
    if inode not in PROBED_FILES:
        PROBED_FILES[inode] = functions_in("/proc/%d/map_files/%x-%x" % (pid, low, high))
    return inode, PROBED_FILES[inode]


def functions_in(path):
    """[(file offset, first bytes)] of the probed functions in a library. There are many bytes of
    each, because a probe may be some instructions behind the start."""
    text = subprocess.run(["readelf", "-W", "--segments", "--dyn-syms", path], check=True,
                          capture_output=True, text=True).stdout
    segments = [[int(n, 16) for n in found] for found in re.findall(
        r"^ +LOAD +(0x\w+) +(0x\w+) +0x\w+ +(0x\w+)", text, re.M)]
    found = []
    for name in PROBED:
        address = int(re.search(r": (\w+) .* %s(?:@@|\n)" % name, text).group(1), 16)
        offset = [address - v + o for o, v, size in segments if v <= address < v + size][0]
        with open(path, "rb") as f:
            f.seek(offset)
            found.append((offset, f.read(64)))
    return found


def breakpoints(pid):
    """For each probed function: True if there is a breakpoint in it in process pid."""
    inode, functions = probed_bytes(pid)
    found = []
    with open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for offset, original in functions:
            low, _, first, _, _ = mapped(pid, lambda i, _: i == inode)
            memory.seek(low + offset - first)
            found.append(memory.read(64) != original)
    return found


def is_observed(pid):
    return all(breakpoints(pid))


def check_untouched(pid):
    """Checks that no probe is left in the process's memory, for which the kernel may need a
    moment."""
    wait_until(lambda: not any(breakpoints(pid)), "probes to be gone from process %d" % pid)


# --- BPF objects, as the kernel lists them -------------------------------------------------------

NEXT_ID = {"prog": 11, "map": 12, "link": 31}  # commands BPF_*_GET_NEXT_ID


def bpf_objects():
    """{(kind, id)} of all BPF programs, maps and links on the machine."""
    return {(kind, i) for kind, command in NEXT_ID.items() for i in bpf_ids(command)}


def bpf_ids(command):
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    attributes = ctypes.create_string_buffer(64)
    last = 0
    while True:
        struct.pack_into("II", attributes, 0, last, 0)
        if syscall(SYSCALL["bpf"], command, attributes, 12) != 0:
            return
        last = struct.unpack_from("II", attributes)[1]
        yield last


def held_by_others():
    """{(kind, id)} that other processes hold, because other tests may run at the same time."""
    mine = {p.pid for p in started}
    found = set()
    for path in glob.glob("/proc/[0-9]*/fdinfo/*"):
        if int(path.split("/")[2]) in mine:
            continue
        try:
            with open(path) as f:
                text = f.read()
        except OSError:
            continue
        for kind in NEXT_ID:
            found.update((kind, int(i)) for i in re.findall(r"\n%s_id:\s*(\d+)" % kind, text))
    return found


def check_nothing_left(before):
    """Checks that this test has left no BPF object behind. The kernel frees objects a moment after
    their last user is gone, and runs of others come and go, so this waits for a while."""
    def is_clean():
        new = bpf_objects() - before
        check_nothing_left.new = new - held_by_others() if new else new
        return not check_nothing_left.new
    try:
        wait_until(is_clean, "BPF objects to be gone", seconds=8)
    except AssertionError:
        raise AssertionError("left behind: %s" % sorted(check_nothing_left.new)) from None


# --- reading a report ----------------------------------------------------------------------------

def process_of(report, pid):
    """The process's part of the report; after an exec there are several, and this is the last."""
    found = [p for p in report["processes"] if p["pid"] == pid]
    check(found, "process %s is not in the report, only %s; unobserved: %s", pid,
          [p["pid"] for p in report["processes"]], report.get("unobserved"))
    return found[-1]


def gil_of(process):
    mains = [g for g in process["gils"] if g["main"]]
    equal(len(mains), 1, "number of main GILs of process %s (note: %r)" % (
        process["pid"], process.get("note")))
    return mains[0]


def workers(process):
    """The rows of all threads except the main one."""
    return [t for t in gil_of(process)["threads"] if t["tid"] != process["pid"]]


def thread(process, tid):
    rows = [t for t in gil_of(process)["threads"] if t["tid"] == tid]
    equal(len(rows), 1, "number of rows of thread %s of process %s" % (tid, process["pid"]))
    return rows[0]


def total(rows, *path):
    """The sum over rows of row[path[0]][path[1]]..."""
    result = 0
    for r in rows:
        for k in path:
            r = r[k]
        result += r or 0
    return result


def longer_than(rows, name, ns):
    """The number of the rows' holds (or waits) in buckets that reach beyond ns."""
    return sum(b["count"] for r in rows for b in r[name]["buckets"] if b["hi_ns"] > ns)


def check_asleep_with_the_gil(rows, threads, sleeps, t, room):
    """Checks the rows of workers that slept `sleeps` times in all, t ns each, with the GIL, and
    released it in between. `threads` is what they know about themselves. Returns the sum of their
    lifetimes."""
    # A hold may also be long because its holder had no CPU. There are at most as many such holds as
    # fit into the time for which holders had none, which is 0 on an idle machine.
    within(longer_than(rows, "hold", t), sleeps, sleeps + total(rows, "hold_preempted_ns") // t,
           "holds of at least %d ns" % t)
    close_to(total(rows, "hold_blocked_ns"), sleeps * t, 0.05, "hold_blocked_ns")
    # For nearly all its life, each worker sleeps with the GIL or waits for it; only the few µs
    # around a release are neither. It may also wait before it notes its beginning, because it needs
    # the GIL for that, and after it has noted its end.
    lives = sum(w["end"] - w["begin"] for w in threads)
    span = max(w["end"] for w in threads) - min(w["begin"] for w in threads)
    within(total(rows, "hold", "sum_ns") + total(rows, "wait", "sum_ns"), 0.9 * lives,
           room * len(threads) * span, "holds and waits of all workers")
    return lives


def verdict(report):
    """The report's verdict, or {}."""
    return report.get("verdict") or {}


def free_pid():
    """The id of a process that has just ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid
