#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""privileges.py [OPTIONS] GILSCOPE: which capabilities suffice for what on this kernel.

Runs gilscope as a user with exact sets of capabilities: on a command that it launches, on a process
of that user, and on a process of another user. In each cell `doctor` must predict what happens, and
with the capabilities that a message calls missing, it must work. Run this as root. It changes
nothing on the machine, except the settings that --change-sysctls tries, which it restores.

privileges.py --write FILE JSON...: puts the table of such runs between the marks in FILE."""
import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

PYTHON = "/usr/bin/python3"
USER, OTHER = 1000, 1001
OK, CANNOT_OBSERVE = 0, 4
LIMIT = 300  # time limit of a run in seconds; emulated machines are slow
TARGETS = ("launched", "own", "other's")
BUSY = """
import os, sys, threading
def turn():
    while True:
        os.stat("/")
threading.Thread(target=turn, daemon=True).start()
print("READY", flush=True)
sys.stdin.read()
"""
SHORT = "import os\nfor i in range(2000): os.stat('/')\n"
SETS = ("", "bpf", "perfmon", "bpf perfmon", "bpf perfmon sys_ptrace", "sys_admin",
        "sys_admin sys_ptrace", "bpf perfmon sys_ptrace sys_admin", "root")
# Between these sets, what is possible changes. All commands are tried with them.
TELLING = ("", "bpf perfmon", "bpf perfmon sys_ptrace", "bpf perfmon sys_ptrace sys_admin")
FEW = {"uprobe_multi": ("", "bpf perfmon", "bpf perfmon sys_ptrace", "root"),
       "perf_events": ("bpf perfmon", "bpf perfmon sys_ptrace sys_admin", "root")}
NUMBERS = {"dac_override": 1, "dac_read_search": 2, "kill": 5, "net_raw": 13, "sys_ptrace": 19,
           "sys_admin": 21, "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}
SYSCTLS = {
    "kernel.perf_event_paranoid": ("-1", "4"),
    "kernel.kptr_restrict": ("0", "2"),
    "kernel.yama.ptrace_scope": ("0", "1", "2"),
    "kernel.unprivileged_bpf_disabled": ("0", "2"),
}
SETTING_CELLS = (("bpf perfmon", "launched"), ("bpf perfmon", "own"),
                 ("bpf perfmon sys_ptrace", "own"), ("bpf perfmon sys_ptrace", "other's"))
MARKS = ("<!-- privileges:begin -->", "<!-- privileges:end -->")


def read(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return None


def with_capabilities(names, argv):
    """The command as USER with just these capabilities; with "root", the command itself."""
    if names == "root":
        return argv
    some = ",".join(["-all"] + ["+" + n for n in names.split()])
    return ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups",
            "--inh-caps", some, "--ambient-caps", some] + argv


def set_file_capabilities(path, names):
    """Does what setcap does: revision 2, with the effective bit."""
    bits = sum(1 << NUMBERS[n] for n in names.split())
    os.setxattr(path, "security.capability", struct.pack(
        "<5I", 0x02000001, bits & 0xffffffff, 0, bits >> 32, 0))


class Answer:
    """The result of a run of gilscope. `yes` is true if it observed, or says that it can."""

    def __init__(self, status, err, yes):
        self.status, self.err, self.yes = status, err, yes

    def missing(self):
        """The capabilities that the message names."""
        found = re.search(r"missing[^:]*: (CAP_\w+(?:, CAP_\w+)*)", self.err)
        return {n[4:].lower() for n in found.group(1).split(", ")} if found else set()


class Trial:
    def __init__(self, gilscope, folder, few=False):
        self.folder, self.few = folder, few
        self.gilscope = os.path.join(folder, "gilscope")
        shutil.copy(gilscope, self.gilscope)
        os.chmod(self.gilscope, 0o755)
        self.processes = {}
        self.known = {}  # the answers of runs with sets of capabilities
        self.counts = {"ok": 0, "not ok": 0, "skip": 0}
        self.runs = 0

    def start_targets(self):
        for target, uid in (("own", USER), ("other's", OTHER)):
            p = subprocess.Popen([PYTHON, "-c", BUSY], stdin=subprocess.PIPE, user=uid, group=uid,
                                 extra_groups=[], stdout=subprocess.PIPE, cwd="/")
            assert p.stdout.readline() == b"READY\n"
            self.processes[target] = p

    def end_targets(self):
        for p in self.processes.values():
            p.kill()
            p.wait()

    def say(self, result, name, why=""):
        self.counts[result] += 1
        why = " | ".join(line.strip() for line in why.splitlines())
        print("%s %s%s" % (result, name, ": " + why if why else ""), flush=True)

    # --- single runs ---------------------------------------------------------------------------

    def run(self, names, args, env, gilscope=None):
        self.runs += 1
        done = subprocess.run(
            with_capabilities(names, [gilscope or self.gilscope] + args), cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
            env=dict(os.environ, LC_ALL="C.UTF-8", HOME="/", **env))
        return done

    def words(self, target, duration="0.5"):
        if target == "launched":
            return ["--command-output", "/dev/null", "--", PYTHON, "-c", SHORT]
        return ["-d", duration, "-p", str(self.processes[target].pid)]

    def doctor(self, names, target, env, **how):
        args = ["doctor", "--json"]
        if target != "launched":
            args += ["-p", str(self.processes[target].pid)]
        done = self.run(names, args, env, **how)
        report = json.loads(done.stdout)
        err = "%s\n  try: %s\n" % (report["obstacle"], report["command"])
        answer = Answer(done.returncode, err, report["can_observe"])
        answer.probes = report["machine"]["probes"]
        return answer

    def stat(self, names, target, env, **how):
        done = self.run(names, ["stat", "--json"] + self.words(target), env, **how)
        seen = 0
        if done.stdout.startswith("{"):
            seen = sum(t["acquisitions"] for p in json.loads(done.stdout)["processes"]
                       for g in p["gils"] for t in g["threads"])
        return Answer(done.returncode, done.stderr, seen > 0)

    def record(self, names, target, env):
        path = tempfile.mktemp(suffix=".gil", dir=self.open_folder())
        done = self.run(names, ["record", "-q", "-o", path] + self.words(target), env)
        made = os.path.exists(path) and os.path.getsize(path) > 0
        return Answer(done.returncode, done.stderr, made)

    def open_folder(self):
        path = os.path.join(self.folder, "open")
        if not os.path.isdir(path):
            os.mkdir(path)
            os.chmod(path, 0o1777)
        return path

    def top(self, names, target, env):
        args = ["top", "-b", "-n", "2", "--interval", "0.25"] + self.words(target, "5")
        done = self.run(names, args, env)
        return Answer(done.returncode, done.stderr, "held " in done.stdout)

    def check(self, names, target, env):
        args = ["check", "--assert", "acquisitions > 0"] + self.words(target)
        done = self.run(names, args, env)
        return Answer(done.returncode, done.stderr, "acquisitions" in done.stdout + done.stderr)

    # --- cells ---------------------------------------------------------------------------------

    def compare(self, name, names, target, env, others, **how):
        """Tries one cell. Returns whether the target can be observed, or None if the answers
        contradict each other."""
        answers = {"doctor": self.doctor(names, target, env, **how),
                   "stat": self.stat(names, target, env, **how)}
        for command in others:
            answers[command] = getattr(self, command)(names, target, env)
        truth = answers["stat"].yes
        wrong = [c for c, a in answers.items()
                 if a.yes != truth or a.status != (OK if truth else CANNOT_OBSERVE)]
        wrong += [c + " suggests no command to try" for c, a in answers.items()
                  if not a.yes and "  try: " not in a.err]
        if wrong:
            self.say("not ok", name, "stat %s, but: %s; it says: %s" % (
                "observes" if truth else "cannot observe", ", ".join(wrong),
                " | ".join(answers[wrong[0].split()[0]].err.split("\n"))[-400:]))
            return None
        self.say("ok", name, "all of %s %s" % (", ".join(answers),
                                              "observe" if truth else "refuse"))
        # Under lockdown not even root can observe, so no advice helps.
        if not truth and not how and lockdown() != "confidentiality":
            for command in answers:
                self.follow_advice("%s, with what %s calls missing" % (name, command), names,
                                   target, env, answers[command])
        return truth

    def follow_advice(self, name, names, target, env, answer):
        """Checks that it works with the capabilities that the message calls missing, and with those
        that the next message calls missing, and so on."""
        have = set(names.split())
        while not answer.yes and answer.missing() - have:
            have |= answer.missing()
            key = (" ".join(sorted(have)), target, len(env))
            if key not in self.known:
                self.known[key] = self.stat(key[0], target, env)
            answer = self.known[key]
        self.say("ok" if answer.yes else "not ok", name, " ".join(sorted(have)) + (
            "" if answer.yes else " is not enough: " + answer.err.strip()[-300:]))

    def table(self, sets, env, label):
        rows = {}
        for names in sets:
            rows[names] = [self.compare("%s, %s, %s" % (label, names or "none", t), names, t, env,
                                        self.others(names, t, env)) for t in TARGETS]
        return rows

    def others(self, names, target, env):
        """The commands to try besides stat and doctor."""
        if names not in TELLING or self.few and (env or target != "other's"):
            return ()
        return "top", "record", "check"

    def file_capabilities(self, env, label):
        """Tries what doctor recommends: setcap on the program, for any user."""
        copy = os.path.join(self.folder, "gilscope-setcap")
        shutil.copy(self.gilscope, copy)
        os.chmod(copy, 0o755)
        names = "bpf perfmon sys_ptrace" + (" sys_admin" if env else "")
        try:
            set_file_capabilities(copy, names)
        except OSError as e:
            self.say("skip", "%s, by setcap" % label, e.strerror)
            return
        for target in TARGETS:
            name = "%s, %s by setcap, %s" % (label, names, target)
            if self.compare(name, "", target, env, (), gilscope=copy) is False:
                self.say("not ok", name, "it is not enough")

    def sysctls(self, way):
        """What is possible under each setting: {"name=value": [a result for each of
        SETTING_CELLS]}."""
        changes = {}
        more = "" if way == "uprobe_multi" else " sys_admin"
        for key, values in SYSCTLS.items():
            path = "/proc/sys/" + key.replace(".", "/")
            before = read(path)
            if before is None:
                self.say("skip", key, "this kernel does not have it")
                continue
            for value in values:
                try:
                    with open(path, "w") as f:
                        f.write(value)
                except OSError as e:
                    self.say("skip", "%s=%s" % (key, value), e.strerror)
                    continue
                label = "%s=%s" % (key, value)
                changes[label] = [
                    self.compare("%s, %s, %s" % (label, names + more, target), names + more, target,
                                 {}, ()) for names, target in SETTING_CELLS]
            with open(path, "w") as f:
                f.write(before)
        return changes


def lockdown():
    found = re.search(r"\[(\w+)\]", read("/sys/kernel/security/lockdown") or "")
    return found.group(1) if found else None


def ways(trial):
    """How probes can be attached here: (name, environment)."""
    perf = ("perf_events", {"GILSCOPE_PERF_EVENTS": "1"})
    probes = trial.doctor("root", "launched", {}).probes
    return [("uprobe_multi", {}), perf] if probes == "uprobe_multi" else [perf]


def examine(options):
    with tempfile.TemporaryDirectory(prefix="gilscope-privileges-") as folder:
        os.chmod(folder, 0o755)
        trial = Trial(options.gilscope, folder, options.few)
        release = re.match(r"\d+\.\d+", os.uname().release).group()
        result = {"kernel": os.uname().release, "machine": os.uname().machine,
                  "lockdown": lockdown(), "date": time.strftime("%Y-%m-%d"), "ways": {}}
        trial.start_targets()
        try:
            for way, env in ways(trial):
                label = "%s %s" % (release, way)
                if result["lockdown"] not in (None, "none"):
                    label += ", lockdown=" + result["lockdown"]
                result["ways"][way] = trial.table(FEW[way] if options.few else SETS, env, label)
                if not options.few or way == "uprobe_multi":
                    trial.file_capabilities(env, label)
            if options.change_sysctls:
                result["sysctls"] = trial.sysctls(next(iter(result["ways"])))
        finally:
            trial.end_targets()
    result["runs"] = trial.runs
    if options.json:
        with open(options.json, "w") as f:
            json.dump(result, f, indent=1)
    print("%(ok)d ok, %(not ok)d not ok, %(skip)d skipped" % trial.counts)
    return 1 if trial.counts["not ok"] else 0


# --- the table in the documentation --------------------------------------------------------------

def spoken(cells):
    """What is possible, in words."""
    if None in cells:
        raise SystemExit("privileges.py: the run has contradictions, so it makes no table")
    able = [t for t, yes in zip(TARGETS, cells) if yes]
    return "all" if len(able) == len(TARGETS) else ", ".join(able) or "–"


def short(release):
    return ".".join(release.split(".")[:2])


def column(result, way):
    return "%s%s, %s" % (short(result["kernel"]), "" if result["machine"] == "x86_64" else " " + result["machine"],
                         way.replace("perf_events", "perf events"))


def is_locked_down(result):
    return result["lockdown"] not in (None, "none")


def set_name(names):
    return names if names == "root" else ", ".join("CAP_" + n.upper() for n in names.split())


def alike(one, other):
    """True if two columns agree in all sets that were run in both."""
    return all(one[names] == other[names] for names in one if names in other)


def columns(results):
    """[(title, {set: cells})]. Kernels that agree share a column."""
    merged = []
    for result in results:
        for way, rows in result["ways"].items():
            for title, others in merged:
                if alike(rows, others):
                    title.append(column(result, way))
                    others.update(rows)
                    break
            else:
                merged.append(([column(result, way)], dict(rows)))
    return [("; ".join(title), rows) for title, rows in merged]


def markdown(results):
    free = [r for r in results if not is_locked_down(r)]
    table = columns(free)
    sets = [s for s in SETS if any(s in rows for _, rows in table)]
    lines = ["| capabilities | " + " | ".join(title for title, _ in table) + " |",
             "|---" * (len(table) + 1) + "|"]
    for names in sets:
        cells = [spoken(rows[names]) if names in rows else "not run" for _, rows in table]
        lines.append("| %s | %s |" % (set_name(names) or "none", " | ".join(cells)))
    lines += ["", "Run: " + "; ".join("%s (%s), %d runs, %s" % (
        re.match(r"[\d.]+\d", r["kernel"]).group(), r["machine"], r["runs"], r["date"]) for r in free) + "."]
    return lines + lockdown_lines(results) + sysctl_lines(free)


def lockdown_lines(results):
    """What is still possible under lockdown, even as root."""
    said = {}
    for r in filter(is_locked_down, results):
        for way, rows in r["ways"].items():
            able = sorted({spoken(cells) for cells in rows.values()})
            said.setdefault((r["lockdown"], ", ".join(able)), []).append(column(r, way))
    return [""] + ["With `lockdown=%s`, what can be observed is: %s (%s)." % (
        level, able.replace("–", "nothing"), "; ".join(kernels)) for (level, able), kernels in said.items()] if said else []


def sysctl_lines(results):
    """A row for each setting: what it makes impossible."""
    said = {}
    for r in results:
        for label, cells in r.get("sysctls", {}).items():
            if None in cells:
                raise SystemExit("privileges.py: the run has contradictions, so it makes no table")
            lost = ["%s with %s" % (target, set_name(names))
                    for (names, target), yes in zip(SETTING_CELLS, cells) if not yes]
            said.setdefault((label, ", ".join(lost) or "nothing"), []).append(short(r["kernel"]))
    if not said:
        return []
    return ["", "| setting | what it takes away | kernels |", "|---|---|---|"] + [
        "| `%s` | %s | %s |" % (label, lost, ", ".join(kernels))
        for (label, lost), kernels in said.items()]


def write(path, results):
    with open(path) as f:
        text = f.read()
    begin, end = (text.find(m) for m in MARKS)
    if begin < 0 or end < begin:
        raise SystemExit("privileges.py: %s lacks the marks %s and %s" % ((path,) + MARKS))
    text = "%s\n%s\n%s" % (text[:begin + len(MARKS[0])], "\n".join(markdown(results)), text[end:])
    with open(path, "w") as f:
        f.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("gilscope", nargs="?", help="the program")
    parser.add_argument("--few", action="store_true", help="try only the most telling sets")
    parser.add_argument("--change-sysctls", action="store_true",
                        help="also try other settings of sysctls, and restore them")
    parser.add_argument("--json", metavar="FILE", help="write the results to FILE")
    parser.add_argument("--write", nargs="+", metavar=("FILE", "JSON"),
                        help="put the table of these results into FILE")
    options = parser.parse_args()
    if options.write:
        results = []
        for path in options.write[1:]:
            with open(path) as f:
                results.append(json.load(f))
        write(options.write[0], results)
        return 0
    if not options.gilscope:
        parser.error("no GILSCOPE is given")
    if os.geteuid():
        parser.error("this runs gilscope with many sets of rights, so run it as root")
    return examine(options)


if __name__ == "__main__":
    sys.exit(main())
