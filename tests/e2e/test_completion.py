# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""gilscope completion: what the program offers, and the scripts in the shells themselves."""
import os
import pty
import select
import shutil
import subprocess
import time

from lib import GILSCOPE, ROOT, Skip, check, equal, gilscope, spawn


def offered(*words):
    done = gilscope(*words)
    equal(done.status, 0, "status of %s" % (words,))
    return [line.split("\t")[0] for line in done.out.splitlines()]


def test_words():
    check("stat" in offered("__complete", "") and "completion" in offered("__complete", ""), "commands")
    equal(offered("__complete", "st"), ["stat"], "commands")
    equal(offered("stat", "__complete", "--so"), ["--source"], "options")
    equal(offered("stat", "__complete", "--source", "u"), ["usdt", "uprobe"], "values of an option")
    equal(offered("stat", "__complete", "--source=us"), ["--source=usdt"], "values behind =")
    equal(offered("stat", "__complete", "--source", "=", "us"), ["usdt"], "values behind =, as bash says it")
    check("wait.p99" in offered("check", "__complete", "--assert", "'wait.p9"), "figures, behind a quote")
    equal(offered("check", "__complete", "--assert", "'blame.ratio{f"),
          ["blame.ratio{function=", "blame.ratio{file="], "keys of functions")
    equal(offered("check", "__complete", "--assert", "wait.max{process=\"x\",t"),
          ["wait.max{process=\"x\",thread="], "keys of threads")
    equal(offered("report", "__complete", "--format", "n"), ["ndjson"], "formats")
    equal(offered("top", "__complete", "--theme", "m"), ["mono"], "themes")
    equal(offered("report", "__complete", "--json", "x"), [":files"], "a trace")
    equal(offered("stat", "__complete", "-o", ""), [":files"], "files")
    equal(offered("stat", "__complete", "--json", "--", "python3", ""), [":command"], "a command's words")
    equal(offered("completion", "__complete", "z"), ["zsh"], "shells")


def test_processes():
    process = spawn(["/usr/bin/python3", "-c", "print('READY', flush=True); input()"], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE)
    process.stdout.readline()
    done = gilscope("stat", "__complete", "-p", "1,")
    line = [line for line in done.out.splitlines() if line.startswith("1,%d\t" % process.pid)]
    names = offered("stat", "__complete", "--name", "REA")
    check(not names, "code after -c is no name: %s", names)
    check(line and "READY" in line[0], "the process with its command line is not in %r", done.out)


def shell(program, script):
    if not shutil.which(program):
        raise Skip("there is no %s (make deps)" % program)
    path = "%s:%s" % (os.path.dirname(GILSCOPE), os.environ["PATH"])
    return subprocess.run([program, "-c", script], env=dict(os.environ, PATH=path), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False, cwd=ROOT).stdout.split()


def test_bash():
    equal(shell("bash", """
        compopt() { :; }
        source <(gilscope completion bash)
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gilscope gilscope; echo "${COMPREPLY[@]}"; }
        ask gilscope st; ask gilscope stat --so; ask gilscope stat --source = us; ask gilscope report REA
        """), ["stat", "--source", "usdt", "README.md"], "completions")


def test_zsh():
    equal(shell("zsh", """
        compdef() { echo compdef $1; }
        source <(gilscope completion zsh)
        _describe() { print -rl -- ${candidates%%:*}; }
        _files() { echo files; }
        _normal() { echo normal $words $CURRENT; }
        ask() { words=("$@"); CURRENT=$#; _gilscope; }
        ask gilscope st; ask gilscope stat --so; ask gilscope stat -o ''; ask gilscope stat -- python3 -m
        """), "compdef _gilscope stat --source files normal python3 -m 2".split(), "completions")


def test_zsh_as_it_is_typed():
    """zsh's own functions decide what is listed, which the test before replaces."""
    if not shutil.which("zsh"):
        raise Skip("no zsh")
    terminal, other = pty.openpty()
    path = "%s:%s" % (os.path.dirname(os.path.abspath(GILSCOPE)), os.environ["PATH"])
    spawn(["zsh", "-f", "-i"], stdin=other, stdout=other, stderr=other, start_new_session=True,
          env=dict(os.environ, PATH=path, TERM="vt100"))

    def shows(typed, wanted):
        os.write(terminal, typed)
        seen, end = b"", time.monotonic() + 20
        while wanted not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 0.5)[0]:
                seen += os.read(terminal, 4096)
        check(wanted in seen, "%r did not come after %r: %r", wanted, typed, seen[-800:])

    shows(b"autoload -Uz compinit; compinit -u -D; source <(gilscope completion zsh); echo REA''DY\n", b"READY")
    shows(b"gilscope \t", b"find out what can be observed here")
    shows(b"\x15gilscope check --assert wait.p9\t", b"wait.p99.9")
    os.close(terminal)
    os.close(other)


def test_fish():
    equal([word.split("\t")[0] for word in shell("fish", """
        gilscope completion fish | source
        for line in st 'stat --so' 'stat --source us' 'stat -- /bin/fals'
            complete -C "gilscope $line" | string replace -r '\\t.*' ''
        end
        """)], ["stat", "--source", "usdt", "/bin/false"], "completions")
