# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What all files of the end-to-end tests use: assertions, scratch files, waiting."""
import atexit
import functools
import os
import shutil
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORKLOADS = os.path.join(ROOT, "tests", "workloads")
GILSCOPE = os.path.abspath(os.environ.get("GILSCOPE", os.path.join(ROOT, "build", "gilscope")))
# Emulated machines are slow, so all time limits are multiplied by this factor.
PATIENCE = float(os.environ.get("PATIENCE", "1"))

# Files belong to root here, even if sudo runs the tests.
for variable in "SUDO_UID", "SUDO_GID":
    os.environ.pop(variable, None)

started = []  # the processes that the test has started; lib.clean_up() kills them


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


# Whoever develops gilscope may have defaults of their own, and a shell writes its own into this folder.
os.environ["XDG_CONFIG_HOME"] = os.path.join(folder(), "config")


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
