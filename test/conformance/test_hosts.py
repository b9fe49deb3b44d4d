"""Jobs on several hosts, whose shells run here: what becomes of them when hosts, agents and connections are not as they
should be. (What a launcher does for any job is in test_launcher.py, by ssh too.)"""

from __future__ import annotations

import hashlib
import json
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


def test_an_agent_that_says_nothing_is_missed(hosts: Place) -> None:
    """Once its shell is there, it is no matter of logging in, which may take longer."""
    mute = hosts.program("mute", "#!/bin/sh\nexec sleep 100\n")
    status, _, err = hosts.run("run", "-n", 2, "--remote-chariot", f"{hosts.path}/{mute}", hosts.pe("forever()\n"))
    assert status == 70 and re.match(r"chariot: host [ab] has not been heard of for 6 seconds\n", err), err


def test_an_agent_that_is_stopped_before_it_was_asked_anything_is_not_left(hosts: Place) -> None:
    with hosts.start("agent", stdin=subprocess.PIPE) as agent:
        assert agent.stdin is not None and agent.stdout is not None
        assert agent.stdout.read(6) == b"\2\0\0\0J\0"  # AgentAlive
        agent.send_signal(signal.SIGSTOP)
        agent.stdin.close()
        agent.stdout.close()
        assert agent.wait(20) == -signal.SIGKILL
    wait_until(hosts.nothing_left, "its guard has ended too")


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


def shared(place: Place, *words: object) -> dict[int, tuple[str, ...]]:  # noqa: F811
    """What each PE's ticket says of its machine's PEs, of its host and of silence, and whether it has a socket for them."""
    program = place.pe(
        "put(f\"{ME} {T.get(30, 0)} {T.get(31, 0)} {T.get(33, b'').decode() or '-'} {T.get(32, 0)} {'CHARIOT_SHM_FD' in os.environ}\"); farewell()\n"
    )
    status, out, err = place.run("run", "-n", 4, *words, program)
    assert status == 0, err
    return {int(line.split()[0]): tuple(line.split()[1:]) for line in out.splitlines()}


def test_pes_of_one_host_share_memory(hosts: Place) -> None:
    said = shared(hosts)
    assert said[0] == said[1] == ("0", "2", "a", "4000", "True") and said[2] == said[3] == ("2", "2", "b", "4000", "True")
    assert shared(hosts, "--silence", "10")[0][3] == "10000"


def test_all_speak_tls_where_that_is_asked_for(hosts: Place) -> None:
    said = shared(hosts, "--transport", "tls")
    assert all(one[1] == "0" and one[4] == "False" for one in said.values())


def test_on_one_host_nobody_is_silent(hosts: Place) -> None:
    hosts.by_ssh = False
    assert set(shared(hosts).values()) == {("0", "4", "-", "0", "True")}


def test_addresses_and_ports(hosts: Place) -> None:
    program = hosts.pe("E = os.environ; put(' '.join([str(ME), E['CHARIOT_LISTEN'], E['CHARIOT_ADDRESS'], E.get('CHARIOT_PORTS', '-')])); farewell()\n")

    def said(*words: str) -> list[str]:
        status, out, err = hosts.run("run", "-n", 4, *words, program)
        assert status == 0, err
        return [line.split(maxsplit=1)[1] for line in sorted(out.splitlines())]

    assert said() == ["127.0.0.1 127.0.0.1 -"] * 4
    assert said("--interface", "lo", "--ports", "5000-5009") == ["127.0.0.1 127.0.0.1 5000-5009"] * 4
    ours, far = "127.0.0.2 127.0.0.2 -", "0.0.0.0 192.0.2.99 -"
    assert said("--advertise", "a=127.0.0.2,b=192.0.2.99") == [ours, ours, far, far]


@pytest.mark.parametrize("word", ["a=127.0.0.1,b=::1", "a=127.0.0.2,b=localhost"])
def test_hosts_reach_each_other_by_both_kinds_of_addresses(hosts: Place, word: str) -> None:
    status, out, err = hosts.run("run", "-n", 4, "--advertise", word, "--ports", "21200-21219", HELLO)
    assert status == 0 and "4 greetings" in out, err


def test_an_interface_that_is_not_there(hosts: Place) -> None:
    got = hosts.run("run", "-n", 2, "--interface", "eth99", hosts.pe("farewell()\n"))
    assert got[0] == 2 and re.fullmatch(r"chariot: host [ab]: there is no interface 'eth99'; there are: lo.*\n", got[2]), got


TOPOLOGY = """
from chariot import Chare, Group, charm

class Pe(Chare):
    def where(self): return charm.myHost()

def main(args):
    print(Group(Pe).where(ret=True).get(), charm.numHosts())
    exit()

charm.start(main)
"""


def test_programs_see_hosts(hosts: Place) -> None:
    (hosts.path / "topology.py").write_text(TOPOLOGY)
    assert hosts.run("run", "-n", 4, "--quiet", "topology.py") == (0, "[0, 0, 1, 1] 2\n", "")


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


# ---------------------------------------------------------------- what comes from here, and comes home


def test_pe_0_reads_what_is_given_here(hosts: Place) -> None:
    """More than is under way at once, to its end; the others read nothing."""
    program = hosts.pe(
        """
import hashlib
data = sys.stdin.buffer.read()
put(f"{ME} {len(data)} {hashlib.sha256(data).hexdigest() if ME == 0 else ''}"); farewell()
"""
    )
    text = "line\n" * 400_000
    status, out, err = hosts.run("run", "-n", 4, program, text_in=text)
    whole = f"0 {len(text)} {hashlib.sha256(text.encode()).hexdigest()}"
    assert (status, sorted(out.splitlines())) == (0, [whole, "1 0 ", "2 0 ", "3 0 "]), err


def test_a_line_comes_before_the_next_is_typed(hosts: Place) -> None:
    program = hosts.pe("for line in sys.stdin: put(line.strip()[::-1])\nfarewell()\n")
    with hosts.start("run", "-n", 2, program, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        for word in (b"abc", b"de"):
            child.stdin.write(word + b"\n")
            child.stdin.flush()
            assert lines_of(child, 1) == [word.decode()[::-1]]
        assert end_of(child)[0] == 0


@pytest.mark.parametrize("body", ["time.sleep(0.5)", "if ME == 0: os.close(0); time.sleep(1)"])
def test_a_program_need_not_read(hosts: Place, body: str) -> None:
    """There is no end to what is given, and its giver ends when the job has."""
    program = hosts.pe(f"{body}\nfarewell(3)\nsys.exit(3)\n")
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as yes:
        assert hosts.run("run", "-n", 2, program, stdin=yes.stdout)[0] == 3
        assert yes.stdout is not None
        yes.stdout.close()
        assert yes.wait(60) == -signal.SIGPIPE


def test_timelines_come_home(hosts: Place) -> None:
    """By one clock: no message arrives before it was sent."""
    status, _, err = hosts.run("run", "-n", 4, "--trace", "line", ROOT / "examples/heat.py", "--iterations", "50")
    assert status == 0, err
    line = json.loads((hosts.path / "line").read_text())
    events = [event for event in line["traceEvents"] if event["ph"] == "X"]
    assert {event["tid"] for event in events} == {1, 2, 3, 4} and line["otherData"]["dropped"] == 0
    sent, came = ({e["id"]: e["ts"] for e in line["traceEvents"] if e["ph"] == kind} for kind in "sf")
    assert len(sent) > 100 and all(came[arrow] >= at for arrow, at in sent.items() if arrow in came)


def test_a_timeline_of_a_job_that_fails(hosts: Place) -> None:
    hosts.program("fails.py", "from chariot import charm\ndef main(args): raise ValueError('so')\ncharm.start(main)\n")
    status, _, err = hosts.run("run", "-n", 4, "--trace", "line", "fails.py")
    assert status == 1 and "ValueError: so" in err
    assert len({event["tid"] for event in json.loads((hosts.path / "line").read_text())["traceEvents"]}) == 4


def test_records_of_load_come_home(hosts: Place) -> None:
    status, _, err = hosts.run("run", "-n", 4, "--lb-record", "load.json", ROOT / "examples/heat.py", "--iterations", "50")
    assert status == 0, err
    for pe in range(4):
        record = json.loads((hosts.path / f"load.{pe}.json").read_text())
        assert record["phases"] and record["metadata"]["attributes"]["complete"] is True
    status, _, err = hosts.run("run", "-n", 4, "--lb-record", "/no/load", ROOT / "examples/heat.py")
    assert (status, err) == (74, "chariot: cannot write '/no/load.0.json': No such file or directory\n")


def test_a_record_that_finds_no_room_here(hosts: Place) -> None:
    (hosts.path / "load.1.json").symlink_to("/dev/full")
    status, out, err = hosts.run("run", "-n", 2, "--quiet", "--lb-record", "load", ROOT / "examples/heat.py", "--iterations", "50")
    assert status == 74 and "equal to numpy" in out
    assert "chariot: no room for all that PEs on other hosts have written (1 files, the first of PE 1)" in err, err


def test_a_job_may_be_suspended(hosts: Place) -> None:
    """For longer than agents wait for a launcher that says nothing; and nobody runs meanwhile."""
    program = hosts.pe("signal.signal(signal.SIGCONT, lambda *_: (put(f'on {ME}'), farewell(), os._exit(0)))\nput(str(ME)); forever()\n")
    with hosts.start("run", "-n", 2, program) as child:
        lines_of(child, 2)
        child.send_signal(signal.SIGTSTP)
        assert os.WIFSTOPPED(os.waitpid(child.pid, os.WUNTRACED)[1])
        pes = [one.split()[0] for one in hosts.processes() if one.endswith(" pe")]
        state = lambda pid: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        wait_until(lambda: [state(pid) for pid in pes] == ["T", "T"], "PEs are stopped")
        time.sleep(6.5)
        assert [state(pid) for pid in pes] == ["T", "T"]
        child.send_signal(signal.SIGCONT)
        status, out, err = end_of(child)
    assert (status, sorted(out.splitlines()), err) == (0, ["on 0", "on 1"], "")


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


def test_a_pe_that_is_stopped_for_long_ends_the_job(hosts: Place) -> None:
    program = hosts.pe("put(f'{ME} {os.getpid()}'); forever()\n")
    with hosts.start("run", "-n", 4, "--silence", "2", program) as child:
        pids = dict(line.split() for line in lines_of(child, 4))
        os.kill(int(pids["3"]), signal.SIGSTOP)
        status, _, err = end_of(child)
    stopped = rf"PE 3 \(pid {pids['3']} on b\) has been stopped by signal 19 \(.*\) for 1.5 seconds"
    assert status == 70 and re.fullmatch(rf"chariot: {stopped}\n", err), err


def test_a_pe_that_goes_on_in_time_does_not(hosts: Place) -> None:
    program = hosts.pe("put(f'{ME} {os.getpid()}'); forever()\n")
    with hosts.start("run", "-n", 2, "--silence", "2", program) as child:
        pids = dict(line.split() for line in lines_of(child, 2))
        for _ in range(3):
            os.kill(int(pids["1"]), signal.SIGSTOP)
            time.sleep(1)
            os.kill(int(pids["1"]), signal.SIGCONT)
        time.sleep(2)
        assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        assert end_of(child)[0] == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    "words, text",
    [
        (["-n", "4", "--ports", "5000-5000"], "--ports 5000-5000 is 1 port(s), and host a has 2 PEs"),
        (["--ports", "5"], "--ports takes LOW-HIGH, two numbers from 1 to 65535, not '5'"),
        (["--advertise", "c=::1"], "--advertise: 'c' is no host of this job"),
        (["--advertise", "::1"], "--advertise takes HOST=ADDRESS, several with commas between, not '::1'"),
        (["--silence", "0.5"], "--silence takes 1 to 86400 seconds, not '0.5'; 'chariot help run' lists the options"),
        (["--transport", "shm"], "--transport shm is for one host; PEs of several reach each other by tls"),
        (["-n", "9", "--hosts", "a:4,b:4"], "9 PEs do not fit: the hosts take 8 in all, and a job at most 65536"),
        (["--hosts", "a,-x"], "'-x' is no host; hosts are named as in 'a:4,b:4'"),
        (["--hosts-file", "/no/file"], "--hosts and --hosts-file: one of the two"),
        (["--env", "=x"], "--env takes NAME or NAME=VALUE, at most 63 times; 'chariot help run' lists the options"),
    ],
)
def test_bad_input(hosts: Place, words: list[str], text: str) -> None:
    assert hosts.run("run", *words, hosts.pe("")) == (2, "", f"chariot: {text}\n")


def test_hosts_that_are_this_one_need_no_ssh(place: Place) -> None:  # noqa: F811
    program = place.pe("put(T[5].decode()); farewell()\n")
    assert place.run("run", "--hosts", "localhost:2", program) == (0, "shm\nshm\n", "")
