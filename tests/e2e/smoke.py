# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each command of gilscope once, on one Python: what it must pass wherever it is brought to, in another system's root directory, on
another kernel, as a package. It needs nothing but what the program prints, because the program runs elsewhere."""
import json
import re

from basics import check, equal

BUSY = "import threading\nfor _ in range(2): threading.Thread(target=lambda: sum(range(3000000))).start()"


class Smoke:
    def __init__(self, run, python, path):
        """run(word, ...) calls gilscope there, and returns what subprocess.run() returns, as text; `python` is the target, and `path`
        a folder that can be written to, both as they are named there."""
        self.run, self.path = run, path
        self.command = ("--", python, "-c", BUSY)

    def good(self, *words):
        done = self.run(*words)
        equal(done.returncode, 0, "status of %s (it said: %s)" % (" ".join(words[:3]), (done.stdout + done.stderr).strip()[-300:]))
        return done

    def says(self, wanted, *words):
        """What is printed; that may be on standard error, because a command has standard output for itself."""
        done = self.good(*words)
        out = done.stdout + done.stderr
        check(wanted in out, "%s does not print %r, but %s", " ".join(words), wanted, out[-300:])

    def doctor(self):
        self.says("can observe", "doctor")
        self.says("can observe", "doctor", self.command[1])

    def stat(self):
        report = json.loads(self.good("stat", "--json", "-o", "/dev/stdout", "--command-output", "stderr", *self.command).stdout)
        process, = report["processes"]
        gil, = process["gils"]
        check(gil["acquisitions"] > 0 and gil["hold"]["count"] > 0, "no hold was seen")
        check(process["python"], "no version of Python")
        return process

    def record(self):
        self.good("record", "--force", "-o", self.path + "/trace.gil", *self.command)

    def report(self):
        trace = self.path + "/trace.gil"
        self.says("acquisitions", "report", trace)
        check(json.loads(self.good("report", "--json", trace).stdout)["processes"], "no process in the trace")
        for form in "csv", "ndjson":
            check(len(self.good("report", "--format", form, trace).stdout.splitlines()) > 1, "%s is empty", form)
        self.good("report", "--format", "perfetto", "--force", "-o", self.path + "/trace.pftrace", trace)

    def check(self):
        self.says("1 rule: 1 pass", "check", "--assert", "acquisitions > 0", *self.command)
        self.says("1 rule: 1 pass", "check", "--assert", "acquisitions > 0", "-i", self.path + "/trace.gil")
        equal(self.run("check", "--assert", "acquisitions < 1", "-i", self.path + "/trace.gil").returncode, 1, "status of a failed check")

    def top(self):
        self.says("held", "top", "-b", "--ascii", *self.command)

    def metrics(self):
        self.says("wait", "metrics")

    def completion(self):
        for shell in "bash", "zsh", "fish":
            self.says("gilscope", "completion", shell)

    def config(self):
        self.says("config", "config")

    def everything(self):
        """All commands that the program says it has; a new one needs a function here."""
        commands = re.findall(r"(?m)^  (\w+) +\w", self.good("--help").stdout.split("\nTARGET")[0])
        check("stat" in commands and "completion" in commands, "the commands are %s", commands)
        self.says("gilscope", "--version")
        # A trace is recorded before it is read.
        for command in sorted(commands, key=lambda c: c not in ("doctor", "stat", "record")):
            getattr(self, command)()
