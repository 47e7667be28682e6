# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What processes are called: in a report, and in a trace."""
import os

from lib import Workload, check, debian, equal, gilscope, scratch, stat
from traces import Recording, report


def test_a_title_that_is_set_while_observed():
    """As gunicorn, celery and uwsgi set one. The trace has it, so its reports and exports have it."""
    w = Workload(debian(), "title.py", wait=False)
    r = Recording("-p", w.pid).observes(w)
    w.go()
    w.expect("TITLE")
    r.interrupt()
    equal(report(r.path)["processes"][0]["command"], "app: worker 1", "command")
    text = gilscope("report", r.path).out
    check("app: worker 1, process %d, Python 3" % w.pid in text, "it says: %s", text)
    out = scratch("trace.pftrace")
    equal(gilscope("report", r.path, "--format", "perfetto", "-o", out).status, 0, "status of the export")
    with open(out, "rb") as f:
        check(b"app: worker 1" in f.read(), "the export has another name")


def test_scripts_and_modules():
    """Arguments are not in it: they may be secret."""
    script = scratch("serve.py")
    with open(script, "w") as f:
        f.write("import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'platform', 'secret'])\n")
    run = stat(command=["/usr/bin/python3", script, "secret"])
    found = {p["command"]: p["comm"] for p in run.report["processes"]}
    equal(found, {os.path.basename(script): "python3", "-m platform": "python3"}, "commands, and the kernel's names")
