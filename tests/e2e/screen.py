# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A terminal whose screen tests can read: a session in a tmux server of its own. Nothing here
depends on time: after a test has pressed a key, it waits until it sees what it expects."""
import os
import re
import shlex
import shutil
import subprocess

from lib import GILSCOPE, Skip, folder, scratch, wait_until


class Screen:
    """`gilscope top` (or a shell) on a terminal of this size, in a folder of its own."""

    def __init__(self, *argv, width=100, height=30, env=None, shell=False):
        if not shutil.which("tmux"):
            raise Skip("there is no tmux")
        self.socket = os.path.join(folder(), "tmux-%d" % os.getpid())
        self.place = scratch("screen")
        os.mkdir(self.place)
        self.pid_file = os.path.join(self.place, "pid")
        settings = dict({"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "NO_COLOR": ""}, **(env or {}))
        assignments = " ".join(shlex.quote("%s=%s" % s) for s in settings.items())
        command = " ".join(shlex.quote(str(a)) for a in [GILSCOPE, "top"] + list(argv))
        # Ctrl-C must end only gilscope, not the shell.
        script = ("trap : INT; stty -a > %s/before; env %s sh -c 'echo $$ > %s; exec \"$0\" \"$@\"' %s; "
                  "echo STATUS $? END; stty -a > %s/after; echo SHELL; exec cat" % (
                      self.place, assignments, self.pid_file, command, self.place))
        program = ["/bin/sh", "-c", script]
        if shell:
            program = ["env", "PS1=$ ", "LC_ALL=C.UTF-8", "/bin/bash", "--norc", "--noprofile", "-i"]
        self.kill()
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  "-c", self.place, *program)

    def tmux(self, *args, check=True):
        done = subprocess.run(["tmux", "-u", "-S", self.socket] + list(args), capture_output=True,
                              text=True, errors="surrogateescape")
        if check and done.returncode:
            raise AssertionError("tmux %s: %s" % (args[0], done.stderr.strip()))
        return done.stdout

    def kill(self):
        self.tmux("kill-server", check=False)

    def text(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def see(self, pattern, seconds=20.0):
        """Waits until the screen has the pattern; returns the screen."""
        last = [""]

        def seen():
            last[0] = self.text()
            return re.search(pattern, last[0])
        try:
            wait_until(seen, "", seconds)
        except AssertionError:
            raise AssertionError("never saw %r on:\n%s" % (pattern, last[0])) from None
        return last[0]

    def see_no(self, pattern, seconds=20.0):
        last = [""]

        def gone():
            last[0] = self.text()
            return not re.search(pattern, last[0])
        try:
            wait_until(gone, "", seconds)
        except AssertionError:
            raise AssertionError("still saw %r on:\n%s" % (pattern, last[0])) from None
        return last[0]

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def pid(self):
        """gilscope's process id."""
        def read():
            try:
                with open(self.pid_file) as f:
                    return int(f.read() or 0)
            except FileNotFoundError:
                return 0
        return wait_until(read, "gilscope's process id")

    def end(self):
        """Waits for gilscope's end; returns its status and what is on the screen."""
        screen = self.see(r"STATUS \d+ END[\s\S]*SHELL")
        return int(re.search(r"STATUS (\d+) END", screen).group(1)), screen

    def modes(self):
        """The terminal's modes before and after."""
        found = []
        for name in ("before", "after"):
            with open(os.path.join(self.place, name)) as f:
                found.append(f.read())
        return found

    def on_main_screen(self):
        """True if the cursor shows, the screen is not the alternate one, and the mouse is free."""
        flags = self.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on} #{mouse_any_flag}")
        return flags.split() == ["1", "0", "0"]

    def has_mouse(self):
        """True if the program has asked for the mouse."""
        return self.tmux("display-message", "-p", "#{mouse_any_flag}").strip() == "1"

    def mouse(self, x, y, button=0):
        """Presses and releases a button at a cell near the left upper corner, as a terminal reports
        it; 64 and 65 are the wheel, which is not released."""
        for code in (button, 3) if button < 64 else (button,):
            self.type("\x1b[M%c%c%c" % (32 + code, 33 + x, 33 + y))

    def find(self, text):
        """The first cell of this text."""
        wait_until(lambda: text in self.text(), "%r on the screen" % text)
        for y, line in enumerate(self.text().splitlines()):
            if text in line:
                return line.index(text), y
        raise AssertionError("%r has gone" % text)

    def files(self, ending):
        return sorted(os.path.join(self.place, f) for f in os.listdir(self.place)
                      if f.endswith(ending))
