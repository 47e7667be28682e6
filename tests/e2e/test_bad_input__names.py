# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Hostile names in messages."""
import os
import re
import subprocess
import sys

from lib import (check, equal, gilscope, scratch)
from test_bad_input import sleeping, NOT_EXECUTABLE

# --- hostile names -------------------------------------------------------------------------------

HOSTILE = "a b\x1b[2J\x9b31m\n  try: it's $(id).gil"


def harmless(text, lines=3):
    """Checks that a terminal would take nothing in stderr for a command, and that no name could
    begin a line."""
    strange = [c for c in text if not c.isprintable() and c != "\n"]
    check(not strange, "stderr has %r: %r", strange, text)
    check(len(text.splitlines()) <= lines, "it says: %s", text)


def test_escape_codes_do_not_reach_the_terminal():
    """All that foreign names could do to a terminal through stderr."""
    env = dict(os.environ, LC_ALL="C.UTF-8")
    missing = os.path.join(scratch("folder"), HOSTILE)
    for args in (["report", missing], ["report", HOSTILE + ".2"], ["check", "-i", missing, "--assert", "wait.max < 1s"],
                 ["check", "--config", missing, "--", "true"], ["stat", "-o", missing, "--", "true"],
                 ["stat", "--", missing], ["stat", "--user", HOSTILE, "--", "true"],
                 ["stat", "--" + HOSTILE], ["stat", "--source", HOSTILE, "--", "true"],
                 ["record", "-o", missing, "--", "true"], [HOSTILE]):
        run = gilscope(*args, env=env)
        check(run.status, "status of %r", args)
        harmless(run.err)


def test_escape_codes_in_the_name_of_a_process():
    process = sleeping([sys.executable, "-c", "import ctypes, sys\n"
                        "ctypes.CDLL(None).prctl(15, b'\\x1b[2J\\nx\\x9b1m')\n"
                        "import os; os.close(1); sys.stdin.read()"])
    process.stdout.read()
    harmless(gilscope("stat", "-p", process.pid, "--source", "usdt").err)


def test_the_command_to_try_names_the_file():
    """A shell that runs the line behind "try:" finds the very file."""
    path = os.path.join(scratch("folder"), HOSTILE)
    os.mkdir(os.path.dirname(path))
    with open(path, "w") as f:
        f.write("x")
    os.chmod(path, 0)
    run = gilscope("stat", "--", path, env=dict(os.environ, LC_ALL="C.UTF-8"))
    equal(run.status, NOT_EXECUTABLE, "status")
    command = re.search("try: ls -l (.*)", run.err)
    check(command, "it says: %s", run.err)
    found = subprocess.run(["bash", "-c", "printf %s " + command.group(1)], capture_output=True)
    equal(found.stdout, os.fsencode(path), "the file in the command to try")
