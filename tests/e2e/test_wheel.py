# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The wheel: pip installs it, the module measures from inside a program, and pytest runs with it."""
import functools
import glob
import os
import re
import subprocess
import zipfile

from lib import GILSCOPE, Skip, check, debian, each, equal, folder, pyenv_pythons, scratch, OLDEST

MEASURE = """
import threading, gilscope
def work():
    for _ in range(3): sum(range(1000000))
with gilscope.measure() as m:
    threads = [threading.Thread(target=work) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
assert m.process["pid"] == __import__("os").getpid()
assert m.contended == m.wait.count >= 1 and m.wait.sum >= m.wait.max > 0, m.wait
assert 0 < m.held_ratio <= 1 and 0 < m.hold.count <= m.acquisitions and m.verdict
try:
    m.nonsense
except AttributeError:
    print("MEASURED")
"""

TESTS = """
import threading, pytest
def busy():
    threads = [threading.Thread(target=lambda: sum(range(2000000))) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
def test_plain(): busy()
@pytest.mark.gil("wait.max < 1us")
def test_too_slow(): busy()
@pytest.mark.gil("hold.max < 1000s")
def test_good(): busy()
@pytest.mark.gil("hold.max < 1000s")
def test_own_failure(): assert 0
"""


@functools.lru_cache(None)
def wheel():
    found = glob.glob(os.path.join(os.path.dirname(GILSCOPE), "wheel", "*.whl"))
    if not found:
        raise Skip("make wheel has not built it")
    return found[0]


@functools.lru_cache(None)
def environment():
    """A virtual environment with the wheel, and with the pytest of the system."""
    place = os.path.join(folder(), "venv")
    for argv in (["/usr/bin/python3", "-m", "venv", "--system-site-packages", place],
                 [os.path.join(place, "bin/pip"), "install", "-q", "--no-index", wheel()]):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=80, check=False)
        equal(done.returncode, 0, "status of %s (%s)" % (argv[0], done.stderr[-300:]))
    return os.path.join(place, "bin")


def pytest(*options, before=()):
    path = os.path.join(folder(), "test_wheel_inside.py")
    with open(path, "w") as f:
        f.write(TESTS)
    argv = list(before) + [os.path.join(environment(), "python"), "-m", "pytest", "-p", "no:cacheprovider", "-rsf"]
    # It uses the program that it was installed with.
    variables = {k: v for k, v in os.environ.items() if k != "GILSCOPE"}
    done = subprocess.run(argv + list(options) + [path], capture_output=True, text=True, timeout=80, check=False,
                          cwd=folder(), env=variables)
    if "No module named pytest" in done.stderr:
        raise Skip("no pytest")
    return done.stdout


def test_installed():
    done = subprocess.run([os.path.join(environment(), "gilscope"), "doctor"], capture_output=True, text=True, check=False,
                          timeout=60)
    check("can observe" in done.stdout, "doctor says %s", done.stdout)


@functools.lru_cache(None)
def unpacked():
    place = scratch("wheel")
    with zipfile.ZipFile(wheel()) as z:
        z.extractall(place)
    return place


def measurers():
    pyenv = [(p, v) for p, v in pyenv_pythons() if v >= OLDEST]
    return [debian().path] + [p for p, _ in (pyenv[:1] + pyenv[-1:])]


@each(measurers)
def test_measure(python):
    done = subprocess.run([python, "-c", MEASURE], capture_output=True, text=True, check=False, timeout=60,
                          env=dict(os.environ, PYTHONPATH=unpacked(), GILSCOPE=GILSCOPE))
    equal(done.stdout, "MEASURED\n", "output (%s)" % done.stderr[-500:])


def test_pytest():
    junit = scratch("junit.xml")
    out = pytest("--gilscope", "--junitxml", junit)
    check("2 passed" in out and "2 failed" in out, "the result is %s", out[-500:])
    check("FAIL" in out and "wait.max < 1us" in out, "the rule that does not hold is not in %s", out)
    check(re.search(r"held +contended", out) and re.search(r"%.*test_plain", out), "no figures in %s", out[-1500:])
    with open(junit) as f:
        check('name="gil.held_ratio"' in f.read(), "no figures in the XML")


def test_pytest_without_privileges():
    drop = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs")
    out = pytest(before=drop)
    check("1 passed, 3 skipped" in out and "the GIL cannot be observed" in out, "the result is %s", out[-800:])
    out = pytest("--gilscope=require", "-k", "not plain", before=drop)
    check("3 failed" in out and "passed" not in out, "with =require, the result is %s", out[-800:])
