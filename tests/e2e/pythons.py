# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The interpreters that the tests run on, and the decorators that say on which, how often and how long a test runs."""
import functools
import glob
import json
import os
import re
import shutil
import subprocess

from basics import GILSCOPE, ROOT, Skip, built, folder, workload

OLDEST = (3, 8)  # the oldest version that the whole matrix is run on


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
