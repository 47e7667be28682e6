# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""If gilscope cannot do what it is asked, it prints a message on stderr that names what failed,
prints nothing on stdout, exits with the documented status, and leaves nothing attached (the runner
looks for BPF objects after each test)."""
import glob
import os
import re
import resource
import shutil
import signal
import subprocess

from lib import (GILSCOPE, Skip, Workload, attach, breakpoints, built, by_perf_events, check,
                 check_untouched, debian, each, equal, free_pid, gilscope, scratch, spawn,
                 version_of, wait_until, within)

USAGE, CANNOT_OBSERVE, NOT_EXECUTABLE, NOT_FOUND = 2, 4, 126, 127
NOBODY = 65534


def refused(status, *words, args=(), **popen):
    """Checks that `gilscope stat args` is refused with this status, and with a message that
    contains each of the words."""
    run = gilscope("stat", *args, **popen)
    equal(run.status, status, "status (stderr: %s)" % run.err.strip()[-300:])
    equal(run.out, "", "stdout")
    check(run.err.strip(), "no message")
    for word in words:
        check(str(word).lower() in run.err.lower(), "the message does not name %r: %s", word,
              run.err.strip()[-300:])
    return run


def sleeping(argv, **options):
    """A process that exists until its stdin ends."""
    return spawn(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)


# --- the target ----------------------------------------------------------------------------------

def test_no_such_process():
    pid = free_pid()
    refused(CANNOT_OBSERVE, "no process %d" % pid, args=["-p", pid])


def test_one_of_two_does_not_exist():
    """gilscope either refuses, or reports the other process and names the one it could not find."""
    w, pid = Workload(debian(), "stat_loop.py", 10), free_pid()
    run = gilscope("stat", "--json", "-d", "0.2", "-p", "%d,%d" % (w.pid, pid))
    check(run.status in (0, CANNOT_OBSERVE), "status %s", run.status)
    check(str(pid) in run.err + run.out, "process %d is not named: %s", pid, run.err)
    check_untouched(w.pid)


def test_a_zombie():
    process = spawn(["true"])
    wait_until(lambda: open("/proc/%d/stat" % process.pid).read().split()[2] == "Z", "the zombie")
    refused(CANNOT_OBSERVE, process.pid, args=["-p", process.pid])


def test_not_python():
    process = sleeping(["cat"])
    refused(CANNOT_OBSERVE, process.pid, "python", args=["-p", process.pid])
    equal(any(breakpoints(process.pid)), False, "something left attached")
    equal(process.poll(), None, "cat's status")


def test_kernel_thread():
    with open("/proc/2/comm") as f:
        if f.read() != "kthreadd\n":
            raise Skip("process 2 is not a kernel thread here (a container)")
    refused(CANNOT_OBSERVE, "2", args=["-p", "2"])


def test_stripped_static_binary():
    path = built("static_sleep.c", "-static", "-s")
    process = sleeping([path])
    equal(process.stdout.readline(), b"READY\n", "its line")
    refused(CANNOT_OBSERVE, process.pid, "python", args=["-p", process.pid])
    equal(process.poll(), None, "its status")


FAKE = """
#include <unistd.h>
/* As CPython 3.11 and later export them. */
__attribute__((section(".PyRuntime"), used)) char _PyRuntime[200000] = %s;
const unsigned long Py_Version = %s;
int main(void)
{
	char c;

	if (write(1, "READY\\n", 6) != 6)
		return 1;
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
"""


SENSELESS = '"xdebugpy%s"' % ("\\xff" * 8)


def fake_program(name, runtime, version):
    """The path of a program with the marks of a CPython of that version."""
    source, path = scratch("fake.c"), os.path.join(scratch("fake"), name)
    os.mkdir(os.path.dirname(path))
    with open(source, "w") as f:
        f.write(FAKE % (runtime, version))
    cc = shutil.which("cc")
    if not cc:
        raise Skip("no C compiler")
    subprocess.run([cc, "-rdynamic", "-o", path, source], check=True, capture_output=True)
    return path


def fake_python(*marks):
    process = sleeping([fake_program(*marks)])
    equal(process.stdout.readline(), b"READY\n", "its line")
    return process


def test_unknown_future_version():
    process = fake_python("python3.99", '"xdebugpy\\0\\0\\0\\0\\0\\x63\\x03"', "0x036300f0")
    refused(CANNOT_OBSERVE, process.pid, "3.99", args=["-p", process.pid])
    equal(any(breakpoints(process.pid)), False, "something left attached")


def test_a_runtime_that_makes_no_sense():
    """A process that says it is CPython 3.13, but whose memory contradicts that, is refused;
    gilscope does not guess."""
    process = fake_python("python3.13", SENSELESS, "0x030d00f0")
    refused(CANNOT_OBSERVE, process.pid, args=["-p", process.pid])


@each(lambda: [0.1, 1])
def test_a_command_that_makes_no_sense(seconds):
    """The interpreter of a launched command may not have finished starting, so gilscope examines it
    again. The command ends before or after gilscope gives up."""
    path = fake_program("python3.13", SENSELESS, "0x030d00f0")
    process = gilscope("stat", "--", "sh", "-c", "sleep %s | %s" % (seconds, path))
    equal(process.status, CANNOT_OBSERVE, "status")
    check("says it is CPython 3.13" in process.err, "it says: %s", process.err)


def old_pythons():
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = [glob.glob("%s/versions/%s/bin/python" % (root, v)) for v in ("2.6*", "3.6*")]
    return sum(found, []) or ["none"]


@each(old_pythons)
def test_old_version(path):
    version = version_of(path) if os.path.exists(path) else None
    if not version:
        raise Skip("no Python 2.6 or 3.6 here")
    process = sleeping([path, "-c", "import sys; sys.stdin.read()"])
    wait_until(lambda: "python" in os.readlink("/proc/%d/exe" % process.pid) and
               "libc.so" in open("/proc/%d/maps" % process.pid).read(), "the interpreter")
    refused(CANNOT_OBSERVE, process.pid, args=["-p", process.pid])
    equal(any(breakpoints(process.pid)), False, "something left attached")


def test_command_without_python_is_still_run():
    """A launched command that cannot be observed still runs, and the report says so."""
    process = gilscope("stat", "--", "sh", "-c", "echo hello; exit 3")
    equal(process.out.split("\n")[0], "hello", "stdout")
    check(process.status in (3, CANNOT_OBSERVE), "status %s", process.status)
    check(process.err.strip() or len(process.out.split("\n")) > 2, "no message")


def test_the_reason_is_of_a_python():
    """The reason given is about the Python, not about a shell's children that ended before they
    could be examined."""
    # While perf events are removed, none can be attached: the Python has to wait for its turn.
    program = "import time; time.sleep(4)" if by_perf_events() else "pass"
    script = "for i in $(seq 60); do (:) & done; wait; exec %s -c '%s'" % (debian().path, program)
    run = gilscope("stat", "--source", "usdt", "--", "sh", "-c", script, env=debian().environment())
    equal(run.status, CANNOT_OBSERVE, "status")
    check("no GIL probes" in run.err, "it says: %s", run.err)


# --- permissions ---------------------------------------------------------------------------------

def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def program_for_nobody():
    """A copy of the program where an unprivileged user can run it."""
    place = scratch("bin")
    os.mkdir(place)
    os.chmod(place, 0o755)
    return shutil.copy(GILSCOPE, place)


def unprivileged(*args):
    process = spawn([program_for_nobody(), "stat"] + [str(a) for a in args],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True, preexec_fn=as_nobody)
    out, err = process.communicate(timeout=30)
    equal(process.returncode, CANNOT_OBSERVE, "status (stderr: %s)" % err.strip()[-300:])
    equal(out, "", "stdout")
    check(any(w in err.lower() for w in ("permi", "privilege", "root", "cap_")),
          "the message does not speak of permission: %s", err)
    return err


def test_not_root_and_somebody_elses_process():
    w = Workload(debian(), "stat_loop.py", 10)
    unprivileged("-p", w.pid)
    equal(any(breakpoints(w.pid)), False, "something left attached")
    check(w.alive(), "the target is gone")


def test_not_root_and_ones_own_process():
    process = sleeping(["/usr/bin/python3", "-c", "print('READY', flush=True); input()"],
                       preexec_fn=as_nobody)
    equal(process.stdout.readline(), b"READY\n", "its line")
    unprivileged("-p", process.pid)
    equal(any(breakpoints(process.pid)), False, "something left attached")


def test_not_root_and_a_command():
    """The command is not started, because a run without the wanted figures is useless."""
    marker = os.path.join(scratch("open"), "marker")
    os.mkdir(os.path.dirname(marker))
    os.chmod(os.path.dirname(marker), 0o777)
    unprivileged("--", "touch", marker)
    check(not os.path.exists(marker), "the command was run")


def test_no_btf():
    other = glob.glob("/boot/vmlinux*") + glob.glob("/lib/modules/*/vmlinux*") + \
        glob.glob("/lib/modules/*/build/vmlinux") + glob.glob("/usr/lib/debug/**/vmlinux*")
    if other:
        raise Skip("the kernel's types are also in %s" % other[0])
    if not shutil.which("unshare"):
        raise Skip("no unshare")
    w = Workload(debian(), "stat_loop.py", 10)
    script = "mount -t tmpfs none /sys/kernel/btf && exec \"$@\""
    process = spawn(["unshare", "-m", "sh", "-c", script, "sh", GILSCOPE, "stat", "-p", str(w.pid)],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True)
    out, err = process.communicate(timeout=30)
    equal(process.returncode, CANNOT_OBSERVE, "status (stderr: %s)" % err.strip()[-300:])
    equal(out, "", "stdout")
    check("btf" in err.lower(), "the message does not name BTF: %s", err)
    equal(any(breakpoints(w.pid)), False, "something left attached")


def test_too_few_files_may_be_open():
    refused(CANNOT_OBSERVE, "ulimit", args=["--", "true"],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)))


# --- the command line ----------------------------------------------------------------------------

@each(lambda: ["nonsense", "-1", "0x", "", "1s2", "nan", "1e", " ", "--json"])
def test_duration(text):
    refused(USAGE, "-d", args=["-p", os.getpid(), "-d", text])


@each(lambda: ["abc", "-1", "", "1,", ",1", "1,,2", "1 2", "0", "99999999999999999999", "1.5"])
def test_process_number(text):
    refused(USAGE, "-p", args=["-p", text])


@each(lambda: ["0", "-1", "x", "", "99999999999999999999"])
def test_max_threads(text):
    refused(USAGE, "--max-threads", args=["-p", os.getpid(), "--max-threads", text])


def test_a_page_that_has_no_file_of_its_own():
    refused(USAGE, "--html needs the name of a file", args=["--html", "-", "--", "true"])
    refused(USAGE, "both write to /dev/null",
            args=["-o", "/dev/null", "--html", "/dev/null", "--", "true"])


def test_unknown_option():
    refused(USAGE, "--nonsense", args=["--nonsense", "-p", os.getpid()])
    refused(USAGE, "unknown option --jsn (did you mean --json?)", args=["--jsn"])
    refused(USAGE, "--max is short for several options", args=["--max=3"])
    refused(USAGE, "--json takes no argument", args=["--json=yes"])


def test_unknown_short_option():
    refused(USAGE, "-Z", args=["-Z", "-p", os.getpid()])


@each(lambda: ["-p", "-d", "-o", "--max-threads"])
def test_option_without_its_value(option):
    refused(USAGE, option, args=[option])


def test_unknown_command():
    run = gilscope("nonsense")
    equal(run.status, USAGE, "status")
    equal(run.out, "", "stdout")
    check("nonsense" in run.err, "the message does not name it: %s", run.err)


def test_no_command():
    run = gilscope()
    equal(run.status, USAGE, "status")
    equal(run.out, "", "stdout")


def test_no_target():
    refused(USAGE, args=[])


def test_empty_command():
    refused(USAGE, args=["--"])


def test_two_targets():
    refused(USAGE, args=["-p", os.getpid(), "--", "true"])


def test_all_and_a_process():
    refused(USAGE, args=["--all", "-p", os.getpid()])


def test_all_and_a_command():
    refused(USAGE, args=["--all", "--", "true"])


def test_a_user_without_a_command():
    refused(USAGE, "--user", args=["--user", "root", "-p", os.getpid()])
    refused(USAGE, "--user", args=["--user", "root", "--all"])


# --- the command ---------------------------------------------------------------------------------

def test_command_that_does_not_exist():
    refused(NOT_FOUND, "no-such-command", args=["--", "no-such-command"])


def test_path_that_does_not_exist():
    refused(NOT_FOUND, "/no/such/command", args=["--", "/no/such/command"])


def test_command_that_is_not_executable():
    path = scratch("file")
    with open(path, "w") as f:
        f.write("#!/bin/sh\n")
    os.chmod(path, 0o644)
    refused(NOT_EXECUTABLE, path, args=["--", path])


def test_command_that_is_a_folder():
    refused(NOT_EXECUTABLE, "/tmp", args=["--", "/tmp"])


def test_command_that_is_no_program():
    path = scratch("file")
    with open(path, "wb") as f:
        f.write(b"\x7fELF nonsense")
    os.chmod(path, 0o755)
    # execvp(3) asks a shell to run it, which finds no command in it.
    run = gilscope("stat", "--", path)
    check(run.status in (NOT_FOUND, NOT_EXECUTABLE), "status %s", run.status)
    check(path in run.err, "the message does not name the file: %s", run.err)


def test_interpreter_of_the_script_does_not_exist():
    path = scratch("script")
    with open(path, "w") as f:
        f.write("#!/no/such/interpreter\n")
    os.chmod(path, 0o755)
    run = refused_either((NOT_FOUND, NOT_EXECUTABLE), ["--", path])
    check(path in run.err, "the message does not name the script: %s", run.err)


def refused_either(statuses, args):
    run = gilscope("stat", *args)
    check(run.status in statuses, "status %s (stderr: %s)", run.status, run.err.strip()[-300:])
    equal(run.out, "", "stdout")
    return run


# --- the output file -----------------------------------------------------------------------------

@each(lambda: ["in a missing folder", "a folder", "in a file"])
def test_output_cannot_be_written(how):
    """This is noticed before the command runs, not hours later."""
    path = {"in a missing folder": "/no/such/folder/report.json", "a folder": "/tmp",
            "in a file": "/etc/passwd/report.json"}[how]
    marker = scratch("marker")
    run = gilscope("stat", "-o", path, "--", "touch", marker)
    within(run.status, 1, 125, "status")
    check(path in run.err, "the message does not name the file: %s", run.err)
    check(not os.path.exists(marker), "the command was run")


@each(lambda: ["text", "json"])
def test_output_device_is_full(form):
    options = ["--json"] if form == "json" else []
    run = gilscope("stat", *options, "-o", "/dev/full", "--",
                   *debian().argv("stat_loop.py", 10), env=debian().environment())
    within(run.status, 1, 125, "status")
    check("/dev/full" in run.err or "no space" in run.err.lower(), "no message: %s", run.err)


def test_stdout_is_full():
    with open("/dev/full", "w") as full:
        run = gilscope("stat", "-p", Workload(debian(), "stat_loop.py", 10).pid, "-d", "0.1",
                       stdout=full)
    within(run.status, 1, 125, "status")
    check(run.err.strip(), "no message")


def test_stdout_is_a_closed_pipe():
    """In `gilscope stat ... | head -1`, gilscope exits or dies of SIGPIPE; it neither hangs nor
    crashes."""
    reader, writer = os.pipe()
    os.close(reader)
    w = Workload(debian(), "stat_loop.py", 10)
    with os.fdopen(writer, "w") as pipe:
        run = gilscope("stat", "-p", w.pid, "-d", "0.1", stdout=pipe)
    check(run.status == -signal.SIGPIPE or 0 <= run.status < 126, "status %s", run.status)
    check_untouched(w.pid)


def test_output_file_is_kept_if_the_target_is_refused():
    """A wrong process number does not cost the user an old report."""
    path = scratch("report.json")
    with open(path, "w") as f:
        f.write("yesterday's")
    refused(CANNOT_OBSERVE, args=["-o", path, "-p", free_pid()])
    with open(path) as f:
        equal(f.read(), "yesterday's", "the file")


# --- other cases ---------------------------------------------------------------------------------

def test_help_and_version():
    for args in (["--help"], ["-h"], ["stat", "--help"], ["--version"], ["-V"]):
        run = gilscope(*args)
        equal(run.status, 0, "status of %s" % args)
        check("gilscope" in run.out, "%s: stdout is %r", args, run.out[:100])
        equal(run.err, "", "stderr of %s" % args)


def test_unknown_commands():
    for word, wanted in (("stst", "did you mean stat?"), ("1234", "try: gilscope stat -p 1234"), ("nonsense", "try: gilscope --help")):
        run = gilscope(word)
        equal(run.status, 2, "status of %s" % word)
        check(wanted in run.err, "no %r in %s", wanted, run.err)


def test_help_fits_a_terminal():
    for command in (), ("stat",), ("top",), ("record",), ("report",), ("check",), ("metrics",), ("doctor",), ("completion",), ("config",):
        for line in gilscope(*command, "--help").out.splitlines():
            check(len(line) <= 80, "a line of %s --help has %s columns: %r", command, len(line), line)


def test_version_names_the_build():
    """--version prints what a bug report needs: version, commit, libbpf, and how it was built."""
    lines = gilscope("--version").out.splitlines()
    check(re.fullmatch(r"gilscope \d+\.\d+\.\d+", lines[0]), "the first line is %r", lines[0])
    check(re.fullmatch(r"  commit  (unknown|\S+)", lines[1]), "the second line is %r", lines[1])
    check(re.fullmatch(r"  libbpf  v\d+\.\d+.*", lines[2]), "the third line is %r", lines[2])
    check(re.fullmatch(r"  built   for \w+, by .+, with .*", lines[3]), "the fourth is %r", lines[3])
    equal(len(lines), 4, "the number of lines")


def test_target_replaced_by_something_else():
    """If a Python process under -p executes something else, the report is about the Python."""
    w = sleeping(["/usr/bin/python3", "-c", "import os; print('READY', flush=True); input();"
                  "os.execv('/bin/cat', ['cat'])"])
    equal(w.stdout.readline(), b"READY\n", "its line")
    w_like = type("Target", (), {"pid": w.pid})
    g = attach([w_like])
    w.stdin.write(b"go\n")
    w.stdin.flush()
    wait_until(lambda: "cat" in os.readlink("/proc/%d/exe" % w.pid), "the exec")
    w.stdin.close()
    w.wait(10)
    w.stdin = None
    run = g.finish()
    check(run.report["processes"], "no process in the report")
