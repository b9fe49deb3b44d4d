"""Jobs on several hosts, whose shells run here: what becomes of them when hosts, agents and connections are not as they
should be. (What a launcher does for any job is in test_launcher.py, by ssh too.)"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_launcher import CHARIOT, ROOT, SSH, Place, end_of, lines_of, place, wait_until  # noqa: F401

PYTHON = ROOT / ".venv/bin/python"
HELLO = ROOT / "examples/hello.py"


@pytest.fixture
def hosts(place: Place) -> Iterator[Place]:  # noqa: F811
    place.by_ssh = True
    place.env["CHARIOT_PYTHON"] = str(PYTHON)
    yield place


def run(place: Place, shell: str, *words: object, **env: str) -> tuple[int, str, str]:  # noqa: F811
    """A job of hosts a and b that are reached by this shell script; its words: HOST COMMAND."""
    place.by_ssh = False
    place.env |= env
    place.program("shell", "#!/bin/sh\n" + shell)
    return place.run("run", "--hosts", "a,b", "--remote-shell", f"{place.path}/shell", "-n", 2, *words)


def test_a_program_runs_on_all(hosts: Place) -> None:
    status, out, err = hosts.run("run", "-n", 4, HELLO)
    assert (status, sorted(out.splitlines())[-1]) == (0, "hello, this is PE 0"), err
    assert "4 greetings" in out and out.count("this is PE") == 4


def test_results_are_those_of_one_host(hosts: Place) -> None:
    program = [ROOT / "examples/heat.py", "--iterations", "200"]
    hosts.by_ssh = False
    alone = hosts.run("run", "-n", 4, *program)
    hosts.by_ssh = True
    together = hosts.run("run", "-n", 4, *program)
    assert alone[0] == together[0] == 0, (alone, together)
    assert "equal to numpy" in together[1]


def test_pes_find_what_is_found_here(hosts: Place) -> None:
    program = hosts.pe("put(' '.join([os.getcwd(), os.environ['PATH'], os.environ.get('GIVEN', ''), os.environ['HERE']])); farewell()\n")
    hosts.env["GIVEN"] = "a b"
    status, out, err = hosts.run("run", "-n", 1, "--env", "GIVEN", "--env", "HERE=1=2", program)
    assert (status, out) == (0, f"{hosts.path} {hosts.env['PATH']} a b 1=2\n"), err


def test_charmrunrc_is_read_there(hosts: Place) -> None:
    (hosts.path / ".charmrunrc").write_text("export FROM_RC=yes\n")
    hosts.env["HOME"] = str(hosts.path)
    program = hosts.pe("put(os.environ['FROM_RC']); farewell()\n")
    assert hosts.run("run", "-n", 2, program)[:2] == (0, "yes\nyes\n")


def test_each_host_has_a_directory_of_its_own(hosts: Place) -> None:
    program = hosts.pe("assert os.stat(T[6]).st_mode & 0o7777 == 0o700; put(T[6].decode()); farewell()\n")
    status, out, _ = hosts.run("run", "-n", 4, program)
    directories = sorted(out.splitlines())
    assert status == 0 and directories[0] == directories[1] != directories[2] == directories[3]
    assert not any(os.path.exists(name) for name in directories)


def test_tickets_carry_certificates(hosts: Place) -> None:
    program = hosts.pe(
        """
assert T[5] == b"tls" and T[8].startswith(b"-----BEGIN CERTIFICATE"), T[5]
put(f"{ME} {hash(T[8])} {hash(T[9]) != hash(T[8])} {T[10].startswith(b'-----BEGIN')}"); farewell()
"""
    )
    hosts.env["PYTHONHASHSEED"] = "0"
    status, out, _ = hosts.run("run", "-n", 2, program)
    assert status == 0 and all(line.endswith("True True") for line in out.splitlines())


def test_the_old_launch_line_reads_nodelists(hosts: Place) -> None:
    """./nodelist without ++local; more PEs than lines are divided; ~/.charmrunrc is read there."""
    hosts.by_ssh = False
    hosts.program("shell", SSH)
    (hosts.path / "nodelist").write_text("group main\nhost a\nhost b\ngroup one\nhost a\n")
    program = hosts.pe("put(' '.join([T[5].decode(), str(ME), T[6].decode()[-1]])); farewell()\n")
    line = ["+p4", program, "++remote-shell", hosts.path / "shell"]
    charmrun = str(Path(CHARIOT).with_name("charmrun"))
    status, out, err = hosts.run(*line, command=charmrun)
    assert (status, sorted(out.splitlines())) == (0, ["tls 0 0", "tls 1 0", "tls 2 1", "tls 3 1"]), err
    status, out, err = hosts.run(*line, "++nodegroup", "one", command=charmrun)
    assert (status, out.count("tls"), out.count(" 0\n")) == (0, 4, 4), err
    status, out, err = hosts.run(*line, "++local", command=charmrun)
    assert (status, out.count("shm"), err) == (0, 4, "")
    (hosts.path / "nodelist").write_text("group main\nhost localhost\n")
    assert hosts.run(*line, command=charmrun)[1].count("shm") == 4
    assert hosts.run(*line, "++nodelist", "none", command=charmrun)[::2] == (
        2, "chariot: cannot read hosts from 'none': No such file or directory\n")  # fmt: skip


# ---------------------------------------------------------------- what goes wrong

ONE = 'shift; exec /bin/sh -c "$1"\n'  # reaches a host


@pytest.mark.parametrize(
    "shell, status, text",
    [
        ("echo 'no route to host' >&2; exit 255\n", 70,
         r"the connection to host [ab] ended \(.*/shell, status 255\): no route to host"),
        ("exit 0\n", 70, r"the connection to host [ab] ended \(.*/shell, status 0\)"),
        ("echo 'Welcome!'; " + ONE, 70, r"what comes from host [ab] is not from its agent; does its shell print when it starts\?"),
        ("head -c 100000 /dev/urandom\n", 70, r"what comes from host [ab] is not from its agent.*"),
        ("kill -9 $$\n", 70, r"the connection to host [ab] ended \(.*/shell, status -1\)"),
    ],
    ids=["refused", "ends at once", "prints", "noise", "killed"],
)  # fmt: skip
def test_a_host_that_cannot_be_used_is_named(place: Place, shell: str, status: int, text: str) -> None:  # noqa: F811
    got = run(place, shell, place.pe("forever()\n"))
    assert got[0] == status and re.fullmatch(f"chariot: {text}\n", got[2]), got


def test_one_bad_host_ends_the_job_on_the_other(place: Place) -> None:  # noqa: F811
    got = run(place, f'[ "$1" = a ] || {{ sleep 1; echo gone >&2; exit 255; }}\n{ONE}', place.pe("forever()\n"))
    assert got[0] == 70 and re.fullmatch(r"chariot: the connection to host b ended \(.*, status 255\): gone\n", got[2])


def test_no_chariot_there(place: Place) -> None:  # noqa: F811
    got = run(place, ONE, "--remote-chariot", "/no/chariot", place.pe("forever()\n"))
    assert got[0] == 127
    assert re.match(r"chariot: there is no /no/chariot on host [ab] \(--remote-chariot says where it is\): .*not found", got[2])


def test_a_path_with_quotes(place: Place) -> None:  # noqa: F811
    (place.path / "it's").symlink_to(CHARIOT)
    got = run(place, ONE, "--remote-chariot", f"{place.path}/it's", place.pe("put('here'); farewell()\n"))
    assert got == (0, "here\nhere\n", "")


def test_no_such_program_there(place: Place) -> None:  # noqa: F811
    place.program("prog", "#!/no/interpreter\n")
    got = run(place, ONE, "./prog")
    assert got[0] == 127 and got[2].startswith("chariot: cannot execute './prog'"), got


def test_no_such_directory_there(place: Place) -> None:  # noqa: F811
    gone = place.path / "gone"
    gone.mkdir()
    program = place.path / "pe"
    place.pe("forever()\n")
    place.program("shell", "#!/bin/sh\n" + ONE.replace("shift;", f"shift; rmdir {gone} 2>/dev/null;"))
    with subprocess.Popen([CHARIOT, "run", "--hosts", "a,b", "--remote-shell", str(place.path / "shell"), str(program)],
                          cwd=gone, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # fmt: skip
        status, _, err = end_of(child)
    assert status == 127 and re.fullmatch(rf"chariot: host [ab]: cannot enter directory '{gone}': .*\n", err), err


def test_a_lost_connection_ends_the_job_everywhere(hosts: Place) -> None:
    program = hosts.pe("put(f'{ME} {os.getppid()}'); forever()\n")
    with hosts.start("run", "-n", 4, program) as child:
        agents = dict(line.split() for line in lines_of(child, 4))
        os.kill(int(agents["3"]), signal.SIGKILL)
        status, _, err = end_of(child)
    assert status == 70 and re.fullmatch(r"chariot: the connection to host b ended \(.*\)\n", err), err


def test_a_host_that_falls_silent_is_given_up(hosts: Place) -> None:
    program = hosts.pe("put(f'{ME} {os.getppid()}'); forever()\n")
    with hosts.start("run", "-n", 2, program) as child:
        agents = dict(line.split() for line in lines_of(child, 2))
        os.kill(int(agents["1"]), signal.SIGSTOP)
        started = time.monotonic()
        status, _, err = end_of(child)
        assert time.monotonic() - started < 30
    assert (status, err) == (70, "chariot: host b has not been heard of for 5 seconds\n")


def test_an_agent_whose_launcher_is_stopped_ends_its_pes(hosts: Place) -> None:
    program = hosts.pe("put(str(ME)); forever()\n")
    with hosts.start("run", "-n", 2, program) as child:
        lines_of(child, 2)
        child.send_signal(signal.SIGSTOP)
        wait_until(lambda: not any(one.endswith(" pe") for one in hosts.processes()), "no PE left")
        child.send_signal(signal.SIGCONT)
        assert end_of(child)[0] != 0


@pytest.mark.parametrize(
    "words, text",
    [
        (["--transport", "shm"], "--transport shm is for one host; PEs of several reach each other by tls"),
        (["-n", "9", "--hosts", "a:4,b:4"], "9 PEs do not fit: the hosts take 8 in all, and a job at most 65536"),
        (["--hosts", "a,-x"], "'-x' is no host; hosts are named as in 'a:4,b:4'"),
        (["--hosts-file", "/no/file"], "--hosts and --hosts-file: one of the two"),
        (["--interactive"], "--interactive is for PEs on this host, so far"),
        (["--env", "=x"], "--env takes NAME or NAME=VALUE, at most 63 times; 'chariot help run' lists the options"),
    ],
)
def test_bad_input(hosts: Place, words: list[str], text: str) -> None:
    assert hosts.run("run", *words, hosts.pe("")) == (2, "", f"chariot: {text}\n")


def test_hosts_that_are_this_one_need_no_ssh(place: Place) -> None:  # noqa: F811
    program = place.pe("put(T[5].decode()); farewell()\n")
    assert place.run("run", "--hosts", "localhost:2", program) == (0, "shm\nshm\n", "")
