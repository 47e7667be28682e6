# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The one rule for all files that gilscope writes (user/core/base/output_file.h): nothing is written
through a symbolic link or into another user's file, what exists is replaced only when its successor
is complete, and under sudo files belong to the user who called it."""
import os
import signal
import stat as modes
import subprocess
import threading

from lib import (GILSCOPE, Workload, check, debian, each, equal, folder, gilscope, scratch, spawn,
                 timeout, wait_until)

USAGE = 2
NOBODY = 65534
USER = 1234
PYTHON = ["/usr/bin/python3", "-c", "pass"]
SUDO = {"SUDO_UID": str(USER), "SUDO_GID": "5678"}
RULE = ["--assert", "hold.max < 100s"]
BROKEN = ["--assert", "acquisitions < 0"]


def trace():
    if not trace.path:
        trace.path = os.path.join(folder(), "outputs.gil")
        run = gilscope("record", "-q", "-o", trace.path, "--", *PYTHON)
        equal(run.status, 0, "status of record (stderr: %s)" % run.err)
    return trace.path


trace.path = None

# Each option that writes a file: the arguments, in which FILE stands for the file, and the status.
WAYS = {
    "stat": (["stat", "-o", "FILE", "--", *PYTHON], 0),
    "page": (["stat", "-o", "/dev/null", "--html", "FILE", "--", *PYTHON], 0),
    "record": (["record", "-q", "-o", "FILE", "--", *PYTHON], 0),
    "flight-recorder": (["record", "-q", "--flight-recorder", "1M", "-o", "FILE", "--", *PYTHON], 0),
    "report": (["report", "TRACE", "-o", "FILE"], 0),
    "export": (["report", "TRACE", "--format", "csv", "-o", "FILE"], 0),
    "check": (["check", "-i", "TRACE", *RULE, "-o", "FILE"], 0),
    "junit": (["check", "-i", "TRACE", *RULE, "--junit", "FILE"], 0),
    "openmetrics": (["check", "-i", "TRACE", *RULE, "--openmetrics", "FILE"], 0),
    "save-baseline": (["check", "-i", "TRACE", *RULE, "--save-baseline", "FILE"], 0),
    "trace": (["check", *BROKEN, "--trace", "FILE", "--", *PYTHON], 1),
    "command-output": (["top", "-b", "-n", "1", "--command-output", "FILE", "--", *PYTHON], 0),
}
APPENDS = "command-output"
ASKS = ("record", "flight-recorder")


def write(way, path, *more, **popen):
    args = [{"FILE": path, "TRACE": trace()}.get(a, a) for a in WAYS[way][0]]
    args[1:1] = more
    env = dict(os.environ, **popen.pop("env", {}))
    return gilscope(*args, env=env, **popen)


def succeeds(way, path, *more, **popen):
    run = write(way, path, *more, **popen)
    equal(run.status, WAYS[way][1], "status of %s (stderr: %s)" % (way, run.err[-300:]))
    return run


def is_refused(way, path, *words, more=(), **popen):
    run = write(way, path, *more, **popen)
    equal(run.status, USAGE, "status of %s (stderr: %s)" % (way, run.err[-300:]))
    for word in words:
        check(word in run.err, "%s says: %s", way, run.err)
    clean(path)


def clean(path):
    """Checks that no temporary file is left beside path."""
    left = [n for n in os.listdir(os.path.dirname(path)) if n.startswith(".gilscope-")]
    equal(left, [], "files left behind")


def place(way, owner=0):
    """A path for a file in a folder of its own."""
    path = scratch(way)
    os.mkdir(path)
    os.chown(path, owner, owner)
    return os.path.join(path, "file")


def content(path):
    with open(path, "rb") as f:
        return f.read()


def put(path, text=b"yesterday's", owner=0, mode=0o644):
    with open(path, "wb") as f:
        f.write(text)
    os.chown(path, owner, owner)
    os.chmod(path, mode)
    return path


# --- what exists already -------------------------------------------------------------------------

@each(lambda: list(WAYS))
def test_a_symbolic_link_is_not_followed(way):
    for target in put(scratch("precious")), scratch("missing"), "/dev/null":
        path = place(way)
        os.symlink(target, path)
        before = content(target) if os.path.exists(target) else None
        is_refused(way, path, "symbolic link")
        equal(os.readlink(path), target, "the link")
        equal(content(target) if os.path.exists(target) else None, before, "the file behind it")
        if way == APPENDS:
            continue
        succeeds(way, path, "--force")
        check(not os.path.islink(path) and os.path.getsize(path), "the link is not replaced")
        equal(content(target) if os.path.exists(target) else None, before, "the file behind it")
        clean(path)


@each(lambda: list(WAYS))
def test_another_users_file_is_not_replaced(way):
    path = put(place(way), owner=NOBODY)
    is_refused(way, path, "belongs to user %d" % NOBODY, "--force")
    equal(content(path), b"yesterday's", "the file")
    equal(os.stat(path).st_uid, NOBODY, "its owner")
    succeeds(way, path, "--force")
    if way != APPENDS:
        check(content(path) != b"yesterday's", "it is not replaced")
        equal(os.stat(path).st_uid, 0, "the owner of the new file")
    clean(path)


@each(lambda: list(WAYS))
def test_ones_own_file(way):
    """It is replaced, with its permissions; only a recording asks, as it cannot be made again."""
    path = put(place(way), mode=0o600)
    inode = os.stat(path).st_ino
    if way in ASKS:
        is_refused(way, path, "--force")
        equal(content(path), b"yesterday's", "the file")
    succeeds(way, path, *(["--force"] if way in ASKS else []))
    after = os.stat(path)
    if way == APPENDS:
        equal(after.st_ino, inode, "the file")
    else:
        check(b"yesterday's" not in content(path), "it is not replaced")
        check(after.st_ino != inode, "it was written into")
    equal(modes.S_IMODE(after.st_mode), 0o600, "permissions")
    clean(path)


@each(lambda: list(WAYS))
def test_a_new_file(way):
    path = place(way)
    succeeds(way, path, umask=0o027)
    equal(modes.S_IMODE(os.stat(path).st_mode), 0o640, "permissions")
    equal(os.stat(path).st_uid, 0, "owner")
    clean(path)


@each(lambda: list(WAYS))
def test_under_sudo_files_belong_to_the_caller(way):
    home = place(way, USER)
    succeeds(way, home, env=SUDO)
    equal((os.stat(home).st_uid, os.stat(home).st_gid), (USER, 5678), "owner")
    force = ["--force"] if way in ASKS else []
    succeeds(way, home, *force, env=SUDO)
    equal(os.stat(home).st_uid, USER, "owner of the next file")
    of_root = put(place(way))
    is_refused(way, of_root, "belongs to user 0", env=SUDO)
    clean(home)


def test_nobody_else_decides_who_called_sudo():
    """SUDO_UID counts only for root, and only if it is a number."""
    for env in {"SUDO_UID": "x", "SUDO_GID": "1"}, {"SUDO_UID": "-1", "SUDO_GID": "1"}, \
            {"SUDO_UID": "4294967295", "SUDO_GID": "1"}, {"SUDO_UID": "5"}:
        path = place("report")
        succeeds("report", path, env=env)
        equal(os.stat(path).st_uid, 0, "owner with %s" % env)


# --- what is written to as it is -----------------------------------------------------------------

@each(lambda: list(WAYS))
def test_pipes_and_devices(way):
    device, fifo, read = place(way), place(way), []
    os.mknod(device, modes.S_IFCHR | 0o666, os.makedev(1, 3))  # another /dev/null
    for force in [], ["--force"]:
        if way == "trace":  # it is read again after the run
            is_refused(way, device, "not a regular file", more=force)
        else:
            succeeds(way, device, *force)
        check(modes.S_ISCHR(os.stat(device).st_mode), "the device was replaced")
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(content(fifo)))
    reader.start()
    run = write(way, fifo)
    reader.join(10)
    if way != "trace":
        equal(run.status, WAYS[way][1], "status (stderr: %s)" % run.err[-300:])
    check(way in (APPENDS, "trace") or read[0], "nothing came through the pipe")
    check(modes.S_ISFIFO(os.stat(fifo).st_mode), "the pipe was replaced")
    clean(fifo)


@each(lambda: ["stat", "report", "junit", "record"])
def test_descriptors(way):
    """/dev/stdout, /dev/stderr, and what a shell makes of >(command)."""
    run = succeeds(way, "/dev/stderr", stdout=subprocess.PIPE) if way != "record" else None
    check(way == "record" or run.err.strip(), "nothing came through stderr")
    ours, theirs = os.pipe()
    read = []
    reader = threading.Thread(target=lambda: read.append(os.fdopen(ours, "rb").read()))
    reader.start()
    succeeds(way, "/dev/fd/%d" % theirs, pass_fds=[theirs])
    os.close(theirs)
    reader.join(10)
    check(read[0], "nothing came through the descriptor")
    # A shell's `>> file` is written behind what is there.
    path = put(place(way))
    with open(path, "ab") as f:
        succeeds(way, "/dev/fd/%d" % f.fileno(), pass_fds=[f.fileno()])
    check(content(path).startswith(b"yesterday's") and len(content(path)) > 20, "the file")


def test_a_descriptor_that_cannot_be_written():
    with open("/dev/null", "rb") as f:
        run = write("report", "/dev/fd/%d" % f.fileno(), pass_fds=[f.fileno()])
        equal(run.status, USAGE, "status (stderr: %s)" % run.err)


def test_a_pipe_of_another_user():
    path = place("report")
    os.mkfifo(path)
    os.chown(path, NOBODY, NOBODY)
    is_refused("report", path, "belongs to user %d" % NOBODY)


@each(lambda: ["stat", "report", "record"])
def test_neither_file_nor_pipe(way):
    for path in "/tmp", "/tmp/", ".", "", scratch("missing") + "/x", "x" * 300:
        run = write(way, path)
        equal(run.status, USAGE, "status of %r (stderr: %s)" % (path, run.err))
        check(path in run.err, "it says: %s", run.err)


# --- complete or not at all ----------------------------------------------------------------------

def small_disk():
    """A mounted file system of 64 KiB, nearly full; returns its path and how to unmount it."""
    path = scratch("disk")
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", path], check=True)
    return path


@each(lambda: ["stat", "report", "export", "junit"])
def test_a_failed_write_leaves_the_old_file(way):
    disk = small_disk()
    try:
        path = put(os.path.join(disk, "file"))
        with open(os.path.join(disk, "full"), "wb", 0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        run = write(way, path)
        equal(run.status, USAGE, "status (stderr: %s)" % run.err)
        check("No space left" in run.err, "it says: %s", run.err)
        equal(content(path), b"yesterday's", "the file")
        clean(path)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_appears_in_the_meantime_is_not_replaced():
    """A link that somebody makes during the observation; the report is kept, and its place named."""
    precious, path = put(scratch("precious")), place("stat")
    w = Workload(debian(), "stat_loop.py", 100)
    g = spawn([GILSCOPE, "stat", "-o", path, "-p", str(w.pid)], stdin=subprocess.DEVNULL,
              stderr=subprocess.PIPE, text=True)
    check("observing" in g.stderr.readline(), "it does not observe")
    check(not os.path.exists(path), "the file has its name already")
    os.symlink(precious, path)
    g.send_signal(signal.SIGINT)
    _, err = g.communicate(timeout=30)
    equal(g.returncode, USAGE, "status (stderr: %s)" % err)
    equal(content(precious), b"yesterday's", "the file behind the link")
    kept = [n for n in os.listdir(os.path.dirname(path)) if n.startswith(".gilscope-")]
    equal(len(kept), 1, "number of files kept")
    check(kept[0] in err, "the message does not name it: %s", err)
    check("GIL" in content(os.path.join(os.path.dirname(path), kept[0])).decode(), "no report")


@each(lambda: [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_removes_temporary_files(number):
    """Also where a command only reads a trace, here from a pipe that never ends."""
    for way in "export", "junit":
        fifo, path = scratch("fifo"), put(place(way))
        os.mkfifo(fifo)
        args = [{"FILE": path, "TRACE": fifo}.get(a, a) for a in WAYS[way][0]]
        g = spawn([GILSCOPE] + args, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with open(fifo, "wb", 0) as pipe:
            pipe.write(content(trace())[:-200])
            wait_until(lambda: len(os.listdir(os.path.dirname(path))) == 2, "the temporary file")
            g.send_signal(number)
            equal(g.wait(10), -number, "status")
        equal(content(path), b"yesterday's", "the file")
        clean(path)


def test_a_killed_recording_has_its_name():
    path = place("record")
    w = Workload(debian(), "stat_loop.py", 1000000000)
    w.go()
    g = spawn([GILSCOPE, "record", "-q", "-o", path, "-p", str(w.pid)], stdin=subprocess.DEVNULL)
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 2000, "the recording")
    g.kill()
    g.wait(10)
    run = gilscope("report", path)
    equal(run.status, 0, "status of report (stderr: %s)" % run.err)
    clean(path)


def test_a_flight_recorder_does_not_write_through_links():
    precious, path = put(scratch("precious")), place("record")
    os.symlink(precious, path + ".1")
    w = Workload(debian(), "stat_loop.py", 1000000000)
    w.go()
    g = spawn([GILSCOPE, "record", "-q", "--flight-recorder", "1M", "-o", path, "-p", str(w.pid)],
              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=dict(os.environ, **SUDO))
    check("observing" in g.stderr.readline(), "it does not observe")
    wait_until(lambda: is_blocked(g.pid, signal.SIGUSR2), "SIGUSR2 to be handled")
    g.send_signal(signal.SIGUSR2)
    equal(g.stderr.readline(), "wrote %s.2\n" % path, "what it says")
    equal(os.stat(path + ".2").st_uid, USER, "the owner of the copy")
    g.send_signal(signal.SIGINT)
    g.communicate(timeout=30)
    equal(content(precious), b"yesterday's", "the file behind the link")
    clean(path)


def is_blocked(pid, number):
    with open("/proc/%d/status" % pid) as f:
        blocked = [line for line in f if line.startswith("SigBlk")][0]
    return int(blocked.split()[1], 16) >> number - 1 & 1


def test_check_does_not_write_beside_its_trace():
    """The runs of `check --trace` are recorded under temporary names."""
    precious, path = put(scratch("precious")), place("trace")
    for n in 1, 2, 3:
        os.symlink(precious, "%s.%d" % (path, n))
    run = gilscope("check", *BROKEN, "--trace", path, "--repeat", 2, "--warmup", 1, "--", *PYTHON)
    equal(run.status, 1, "status (stderr: %s)" % run.err)
    equal(content(precious), b"yesterday's", "the file behind the links")
    equal(gilscope("report", path).status, 0, "status of report")
    clean(path)


@timeout(120)
def test_a_folder_of_another_user():
    """Files get their name after most capabilities have been given up."""
    for way in WAYS:
        path = place(way, NOBODY)
        os.chmod(os.path.dirname(path), 0o700)
        succeeds(way, path)
        put(path, owner=0)
        succeeds(way, path, *(["--force"] if way in ASKS else []))
        clean(path)


def test_the_steps_summary():
    """GitHub's file may belong to another user than a container's; a link is not followed."""
    path = put(place("summary"), owner=NOBODY)
    run = gilscope("check", "-i", trace(), *RULE, "--github", env=dict(
        os.environ, GITHUB_STEP_SUMMARY=path))
    equal(run.status, 0, "status (stderr: %s)" % run.err)
    check(content(path).startswith(b"yesterday's") and len(content(path)) > 20, "the summary")
    link = place("summary")
    os.symlink(path, link)
    before = content(path)
    run = gilscope("check", "-i", trace(), *RULE, "--github", env=dict(
        os.environ, GITHUB_STEP_SUMMARY=link))
    equal(run.status, USAGE, "status (stderr: %s)" % run.err)
    equal(content(path), before, "the file behind the link")
