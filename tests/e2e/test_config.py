# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The file of defaults: what it sets, which one counts, and gilscope config."""
import os

from lib import ROOT, check, equal, gilscope, scratch

TRACE = os.path.join(ROOT, "tests", "golden", "readme-demo.gil")


def home(text, mode=0o644, owner=0):
    folder = scratch("home")
    os.makedirs(os.path.join(folder, "gilscope"))
    path = os.path.join(folder, "gilscope", "config")
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    os.chown(path, owner, owner)
    return path, dict(os.environ, XDG_CONFIG_HOME=folder)


def test_defaults():
    _, env = home("[report top]\ncolor = always\n[stat]\nduration = 1m\n")
    check("\033[" in gilscope("report", TRACE, env=env).out, "the default does not count")
    check("\033[" not in gilscope("report", "--color=never", TRACE, env=env).out,
          "the command line does not come first")
    for words in (["--no-config", TRACE], [TRACE, "--no-config"]):
        check("\033[" not in gilscope("report", *words, env=env).out, "%s does not help", words)
    run = gilscope("config", env=env)
    equal(run.status, 0, "status")
    equal([line.split() for line in run.out.splitlines()],
          [["stat", "--duration", "1m", "(line", "4)"], ["top", "--color", "always", "(line", "2)"],
           ["report", "--color", "always", "(line", "2)"]], "what is shown")


def test_wrong_lines():
    for text, words in (("[report]\ncolor = red\n", ":2: color = red: not one of auto|always|never"),
                        ("\n[report]\nfrom = 1\ncolr = never\n", ":4: there is no option colr (did you mean color?)"),
                        ("[reprot]\n", ":1: there is no command 'reprot' (did you mean report?)"),
                        ("[report]\ninput = x\n", ":2: --input cannot be a default")):
        path, env = home(text)
        run = gilscope("report", TRACE, env=env)
        equal(run.status, 2, "status with %r" % text)
        check(path + words in run.err, "%r: it said %r", text, run.err)
        equal(gilscope("config", env=env).status, 2, "status of config with %r" % text)
        equal(gilscope("report", "--no-config", TRACE, env=env).status, 0, "status without defaults")
        equal(gilscope("report", "--help", env=env).status, 0, "status of --help")


def test_another_users_file_does_not_count():
    for mode, owner, why in ((0o644, 1000, "does not belong to root"), (0o666, 0, "others may write to it")):
        path, env = home("[report]\ncolor = always\n", mode, owner)
        check("\033[" not in gilscope("report", TRACE, env=env).out, "the file of user %d counts", owner)
        run = gilscope("config", env=env)
        check(path in run.err and why in run.err, "config says %r", run.err)


def test_a_mistake_may_come_from_the_defaults():
    _, env = home("[stat]\njson\n")
    run = gilscope("stat", "-x,", "-p", os.getpid(), env=env)
    equal(run.status, 2, "status")
    check("--no-config" in run.err, "it said %r", run.err)
