"""Interactive mode in a real terminal (tmux): Ctrl-C, Ctrl-D, tab, history, lines of several PEs around the prompt."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import CHARIOT, PYTHON

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")


# Stands for ssh: hosts are names, their shells run here, without a terminal.
SSH = '#!/bin/sh\nexec setsid -w /bin/sh -c "$2"\n'


class Screen:
    """A shell in a terminal of 100 by 50. by_ssh: jobs are those of two hosts, with PE 0 on another."""

    def __init__(self, directory: Path, by_ssh: bool) -> None:
        self.run: list[str | Path] = [CHARIOT, "run"]
        if by_ssh:
            (directory / "ssh").write_text(SSH)
            (directory / "ssh").chmod(0o755)
            self.run += ["--hosts", "a,b", "--remote-shell", directory / "ssh"]
        self.name = f"chariot-{uuid.uuid4().hex[:8]}"
        self.directory = directory
        home = f"HOME={directory}"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "50", "-c", str(directory), "-e", home, "bash --norc")
        self.type("PS1='$ '; clear", "Enter")
        self.expect("$")

    def tmux(self, *words: str) -> str:
        return subprocess.run(["tmux", "-L", self.name, *words], capture_output=True, text=True, check=True).stdout

    def type(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.tmux("capture-pane", "-p").rstrip().splitlines()]

    def expect(self, *lines: str, any_order: bool = False) -> None:
        """Until the screen ends with these lines; any_order: of all but the last one, as PEs print when they come to it."""
        until = time.monotonic() + 60
        order = (lambda these: [*sorted(these[:-1]), *these[-1:]]) if any_order else list
        while order((shown := self.shown())[-len(lines) :]) != order(list(lines)):
            assert time.monotonic() < until, "\n".join([*shown, "--- expected", *lines])
            time.sleep(0.05)

    def close(self) -> None:
        socket = self.tmux("display-message", "-p", "#{socket_path}").strip()
        self.tmux("kill-server")
        Path(socket).unlink(missing_ok=True)  # which it leaves behind


@pytest.fixture(params=[False, True], ids=["here", "by ssh"])
def screen(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Screen]:
    made = Screen(tmp_path, request.param)
    yield made
    made.close()


def start(screen: Screen, *words: str | Path) -> None:
    screen.type(" ".join(map(str, words)), "Enter")
    screen.expect(">>>")


@pytest.mark.parametrize("n", (None, 3))
def test_a_terminal(screen: Screen, n: int | None) -> None:
    """Prompts; Ctrl-C resets the line, the block, what runs and what waits; EOF leaves the prompt; the terminal is whole."""
    launch = [PYTHON, "-m", "chariot.interactive"] if n is None else [*screen.run, "-n", str(n), "--interactive"]
    start(screen, *launch)
    screen.type("1 + 1", "Enter")
    screen.expect(">>> 1 + 1", "2", ">>>")
    screen.type("for i in range(2):", "Enter")
    screen.expect(">>> for i in range(2):", "...")
    screen.type("    i", "Enter", "Enter")
    screen.expect("...     i", "...", "0", "1", ">>>")
    screen.type("not to be run")
    screen.expect(">>> not to be run")
    screen.type("C-c")
    screen.expect(">>> not to be run^C", "KeyboardInterrupt", ">>>")
    screen.type("if True:", "Enter")
    screen.expect("...")
    screen.type("C-c")
    screen.expect("... ^C", "KeyboardInterrupt", ">>>")
    screen.type("for i in [print('runs')]:", "Enter", "    while True: pass", "Enter", "Enter")
    screen.expect("runs")
    screen.type("C-c")
    screen.expect("    while True: pass", "KeyboardInterrupt", ">>>")
    screen.type("print('waits'); charm.sleep(1000)", "Enter")
    screen.expect("waits")
    screen.type("C-c")
    screen.expect("KeyboardInterrupt", ">>>")
    screen.type("C-d")
    screen.expect(">>>", "$")
    screen.type("echo status $?; stty -a | grep -o 'intr = ^C'; stty -a | grep -ow -- '-\\?echo'", "Enter")
    screen.expect("status 0", "intr = ^C", "echo", "$")


def test_a_prompt_that_is_asked_for_is_shown_once(screen: Screen) -> None:
    """Word of lines that have been printed may come when the prompt, or the next one, is there already."""
    start(screen, *screen.run, "-n", "2", "--interactive")
    screen.type("import os, signal", "Enter")
    screen.expect(">>> import os, signal", ">>>")
    screen.type("charm.scheduleCallableAfter(lambda: [os.kill(os.getpid(), signal.SIGWINCH), os.mkdir('sent')], 0.5)", "Enter")
    screen.type("value = 12")
    while not (screen.directory / "sent").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    screen.expect(">>> value = 12")
    screen.type("Enter")
    screen.expect(">>> value = 12", ">>>")


def test_editing(screen: Screen) -> None:
    """Tab completes, the arrows bring lines back, also those of an earlier session; keys that edit."""
    start(screen, *screen.run, "-n", "2", "--interactive")
    screen.type("charm.myP", "Tab")
    screen.expect(">>> charm.myPe()")
    screen.type("Enter")
    screen.expect("0", ">>>")
    screen.type("value = 12", "Enter")
    screen.expect(">>> value = 12", ">>>")
    screen.type("val", "Tab", "Enter")
    screen.expect(">>> value", "12", ">>>")
    screen.type("Up", "Up", "BSpace", "3", "C-a", "x = ", "Enter")
    screen.expect(">>> x = value = 13", ">>>")
    screen.type("exit(3)", "Enter")
    screen.expect(">>> exit(3)", "$")
    screen.type("echo $?", "Enter")
    screen.expect("3", "$")
    start(screen, *screen.run, "-n", "1", "--interactive")
    screen.type("Up", "Up")
    screen.expect(">>> x = value = 13")
    screen.type("C-c", "C-d")
    screen.expect("KeyboardInterrupt", ">>>", "$")


def test_lines_of_others_come_above_the_prompt(screen: Screen) -> None:
    """Whole lines, before the next prompt where they were printed before; the line that is typed stays as it is."""
    start(screen, *screen.run, "-n", "3", "--interactive")
    for line in (
        "class A(Chare):",
        "    def say(self, text): print(text, self.thisIndex, flush=True)",
        "    @coro",
        "    def late(self): charm.sleep(0.5 + self.thisIndex / 4); self.say('late')",
        "",
        "g = Group(A)",
    ):
        screen.type(line, "Enter")
    screen.expect(">>> g = Group(A)", ">>>")
    screen.type("[g[i].say('now', awaitable=True).get() for i in range(3)]", "Enter")
    screen.expect("now 0", "now 1", "now 2", "[None, None, None]", ">>>", any_order=True)
    screen.type("g.late()", "Enter")
    screen.expect(">>> g.late()", ">>>")
    screen.type("half a line", "Left", "Left", "Left", "Left")
    screen.expect(">>> g.late()", "late 0", "late 1", "late 2", ">>> half a line", any_order=True)
    screen.type("new ")
    screen.expect(">>> half a new line")
    screen.type("C-c")
    screen.expect(">>> half a new line^C", "KeyboardInterrupt", ">>>")
    screen.type("C-d")
    screen.expect(">>>", "$")


def test_the_end_of_a_job_gives_the_terminal_back(screen: Screen) -> None:
    """Another PE ends the job while the prompt is shown."""
    start(screen, *screen.run, "-n", "2", "--interactive")
    screen.type("charm.thisProxy[1].exec('charm.scheduleCallableAfter(lambda: charm.abort(\"enough\"), 1)')", "Enter")
    screen.type("typing")
    until = time.monotonic() + 60
    while screen.shown()[-1] != "$" and time.monotonic() < until:
        time.sleep(0.05)
    shown = screen.shown()
    assert shown[-1] == "$" and any("enough" in line for line in shown) and ">>> typing" not in shown, shown
    screen.type("clear; stty -a | grep -o 'intr = ^C'; stty -a | grep -ow -- '-\\?echo'", "Enter")
    screen.expect("intr = ^C", "echo", "$")


def test_a_job_that_ends_without_a_word_leaves_the_prompt_on_its_line(screen: Screen) -> None:
    start(screen, *screen.run, "-n", "2", "--interactive")
    statement = "charm.thisProxy[1].exec('charm.scheduleCallableAfter(lambda: charm.exit(3), 1)')"
    screen.type(statement, "Enter")
    screen.expect(f">>> {statement}", ">>>")
    screen.type("typing")
    screen.expect(">>> typing", "$")
    screen.type("echo $?", "Enter")
    screen.expect(">>> typing", "$ echo $?", "3", "$")


def test_ctrl_z(screen: Screen) -> None:
    """The shell gets its terminal, as it was, and gives it back."""
    start(screen, *screen.run, "-n", "2", "--interactive")
    screen.type("x = 5", "Enter")
    screen.expect(">>> x = 5", ">>>")
    screen.type("C-z")
    until = time.monotonic() + 60
    while not any("Stopped" in line for line in screen.shown()) and time.monotonic() < until:
        time.sleep(0.05)
    screen.type("clear; stty -a | grep -ow -- '-\\?icanon'; stty -a | grep -o 'intr = ^C'", "Enter")
    screen.expect("icanon", "intr = ^C", "$")
    screen.type("fg", "Enter")
    time.sleep(1)
    screen.type("x + 1", "Enter")
    until = time.monotonic() + 60
    while "6" not in screen.shown() and time.monotonic() < until:
        time.sleep(0.05)
    assert "6" in screen.shown(), screen.shown()
    screen.type("C-d")
    until = time.monotonic() + 60
    while not screen.shown()[-1].startswith("$") and time.monotonic() < until:
        time.sleep(0.05)
    assert screen.shown()[-1] == "$", screen.shown()
