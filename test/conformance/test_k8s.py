"""`chariot k8s render`: what it prints is read back as Kubernetes would, and agrees with what deploy/k8s/ says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from test_launcher import CHARIOT, ROOT

K8S = ROOT / "deploy/k8s"
Objects = dict[str, Any]


def run(*words: str | bytes, status: int = 0) -> tuple[str, str]:
    done = subprocess.run([CHARIOT, "k8s", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout, done.stderr


def objects(text: str) -> Objects:
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def render(*words: str) -> Objects:
    return objects(run("render", *words)[0])


def container(found: Objects, kind: str = "Job") -> dict[str, Any]:
    (one,) = found[kind]["spec"]["template"]["spec"]["containers"]
    assert isinstance(one, dict)
    return one


def program_of(found: Objects) -> list[str]:
    """The words behind the options, as Kubernetes passes them on: `$$` is `$`."""
    words = container(found)["args"]
    return [re.sub(r"\$\$", "$", word) for word in words[5:]]


def refused(*words: str | bytes) -> str:
    out, err = run("render", *words, status=2)
    assert out == "" and err.startswith("chariot: ") and err.count("\n") == 1
    return err


def test_a_job_of_n_pods() -> None:
    found = render("-n", "4", "--image", "registry.example.org:5000/me/heat:1", "heat.py", "picture.png")
    assert list(found) == ["Secret", "Service", "NetworkPolicy", "Job"]
    assert {one["metadata"]["name"] for one in found.values()} == {"heat"}
    spec = found["Job"]["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"], spec["backoffLimit"]) == ("Indexed", 4, 4, 0)
    one = container(found)
    assert (one["image"], one["command"]) == ("registry.example.org:5000/me/heat:1", ["chariot"])
    assert one["args"] == ["run", "-n", "4", "--ready-file", "/tmp/chariot-ready", "heat.py", "picture.png"]
    assert {"name": "CHARIOT_MEMBERS", "value": "4"} in one["env"]
    assert {"name": "CHARIOT_JOB", "value": "heat"} in one["env"]
    assert {"name": "CHARIOT_HEAD", "value": "heat-0.heat:7227"} in one["env"]
    assert one["resources"]["requests"]["cpu"] == "1"


def test_a_service_is_a_stateful_set() -> None:
    found = render("--service", "-n", "6", "--pods", "2", "--name", "front", "heat.py")
    assert list(found) == ["Secret", "Service", "NetworkPolicy", "StatefulSet"]
    spec = found["StatefulSet"]["spec"]
    assert (spec["replicas"], spec["serviceName"], spec["podManagementPolicy"]) == (2, "front", "Parallel")
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert "restartPolicy" not in spec["template"]["spec"]
    assert container(found, "StatefulSet")["resources"]["requests"]["cpu"] == "3"


def test_a_service_that_others_call() -> None:
    text = run("render", "--service", "--serve", "front-serve", "--name", "front", "heat.py")[0]
    all_of_them = list(yaml.safe_load_all(text))
    assert [one["kind"] for one in all_of_them] == ["Secret", "Service", "Service", "NetworkPolicy", "StatefulSet"]
    front = all_of_them[2]
    assert front["metadata"]["name"] == "front-serve" and front["spec"]["ports"][0]["port"] == 7000
    assert front["spec"]["selector"]["statefulset.kubernetes.io/pod-name"] == "front-0"
    assert {"ports": [{"protocol": "TCP", "port": 7000}]} in all_of_them[3]["spec"]["ingress"]
    pod = all_of_them[4]["spec"]["template"]["spec"]
    (one,) = pod["containers"]
    assert " ".join(one["args"][5:]) == (
        "--serve [::]:7000 --serve-clients /etc/chariot-serve/clients"
        " --serve-certificate /etc/chariot-serve/tls.crt --serve-key /etc/chariot-serve/tls.key heat.py"
    )
    assert {"name": "serve", "mountPath": "/etc/chariot-serve", "readOnly": True} in one["volumeMounts"]
    assert {"name": "serve", "secret": {"secretName": "front-serve", "defaultMode": 0o440}} in pod["volumes"]
    assert "--serve is of use with --service" in refused("--serve", "front-serve", "heat.py")


def test_pods_are_restricted() -> None:
    """What Kubernetes' Pod Security Standards call "restricted"."""
    found = render("heat.py")
    pod, one = found["Job"]["spec"]["template"]["spec"], container(found)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one["securityContext"]["allowPrivilegeEscalation"] is False
    assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert one["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["automountServiceAccountToken"] is False
    assert {list(volume)[1] for volume in pod["volumes"]} <= {"emptyDir", "secret"}


def test_each_secret_is_another() -> None:
    keys = [render("heat.py")["Secret"]["stringData"]["secret"] for _ in range(2)]
    assert keys[0] != keys[1] and all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)


def test_a_secret_that_is_there_is_used() -> None:
    found = render("--secret", "mine", "heat.py")
    assert "Secret" not in found
    volumes = found["Job"]["spec"]["template"]["spec"]["volumes"]
    assert volumes[1]["secret"]["secretName"] == "mine"


WORDS = [
    "", " ", "a b", "--flag", "-n", "- x", "? x", ": y", "key: value", "#no", "a #b", "'", '"', "\\", "\\n", "\n\t\r", "$(HOME)", "$$",
    "$", "${X}", "{a: b}", "[x]", "*a", "&a", "!tag", "%x", "@x", "`x`", "true", "null", "~", "1e3", "0x10", "012", "2001-01-01", "größe",
    "語", "\U0001f30d", "\x01\x1b[0m\x7f", "\x85\u2028\u2029\ufeff", "---", "...", "<<", "=", "|", ">", "a" * 5000,
]  # fmt: skip


def test_words_come_back_as_they_were() -> None:
    assert program_of(render("prog.py", *WORDS)) == ["prog.py", *WORDS]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_kubectl_reads_the_same(tmp_path: Path) -> None:
    cannot = r"[\x00-\x08\x7f-\x9f\u2028\ufeff]|^<<$|^=$"  # write what PyYAML reads
    words = [word for word in WORDS if not re.search(cannot, word)]
    (tmp_path / "all.yaml").write_text(run("render", "prog.py", *words)[0])
    (tmp_path / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    assert program_of(objects(kustomize(tmp_path))) == ["prog.py", *words]


@pytest.mark.parametrize(
    ("program", "name"),
    [
        (["heat.py"], "heat"), (["dir/My_Prog.v2.py"], "my-prog-v2"), (["-m", "package.mod"], "package-mod"), (["./2fast"], "fast"),
        (["null"], "chariot"), (["__.py"], "chariot"), (["x" * 80], "x" * 52), (["größe.py"], "gr-e"),
    ],
)  # fmt: skip
def test_a_name_is_made_of_the_programs(program: list[str], name: str) -> None:
    assert render(*program)["Job"]["metadata"]["name"] == name


def test_a_program_may_look_like_an_option() -> None:
    assert container(render("--", "-x"))["args"][5:] == ["--", "-x"]
    assert container(render("-m", "a.b", "-x"))["args"][5:] == ["-m", "a.b", "-x"]


def test_what_makes_no_sense_is_refused() -> None:
    assert "no program given" in refused()
    assert "-m needs the name" in refused("-m")
    assert "did you mean '--image'" in refused("--imag", "x", "prog.py")
    assert "a number of PEs from 1" in refused("-n", "0", "prog.py")
    assert "5 pods have no use for 4 PEs" in refused("--pods", "5", "prog.py")
    assert "--image takes an image" in refused("--image", "a b", "prog.py")
    for name in ("", "Heat", "1st", "a_b", "a-", "no", "x" * 53, "a b: c"):
        assert "--name takes a name" in refused("--name", name, "prog.py")
    assert "--secret takes a name" in refused("--secret", "a: b", "prog.py")
    assert "word 2 of the program's command is no UTF-8" in refused("prog.py", b"\xff")
    assert "no command k8s rend" in run("rend", status=2)[1]


def test_output_that_cannot_be_written_is_a_failure() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([CHARIOT, "k8s", "render", "prog.py"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 74 and "cannot write standard output" in done.stderr


# ---------------------------------------------------------------- deploy/k8s


def kustomize(directory: Path) -> str:
    done = subprocess.run(["kubectl", "kustomize", directory], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def values(found: Objects, kind: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(found, kind)["env"]}


@pytest.fixture
def k8s(tmp_path: Path) -> Path:
    """A copy, with a secret."""
    shutil.copytree(K8S, tmp_path / "k8s")
    (tmp_path / "k8s/secret/secret").write_bytes(b"k" * 44)
    return tmp_path / "k8s"


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
@pytest.mark.parametrize(("directory", "kind", "words"), [("overlays/program", "Job", []), ("overlays/standing", "StatefulSet", ["--service"])])
def test_the_manifests_are_what_is_rendered(k8s: Path, directory: str, kind: str, words: list[str]) -> None:
    program = ["examples/heat.py", "examples/data/evening.png", "--out", "/tmp"]
    rendered = render("--name", "chariot", "--image", "chariot", *words, *program)
    made = objects(kustomize(k8s / directory))
    assert list(made["Secret"]["data"]) == list(rendered["Secret"]["stringData"])
    secret = made[kind]["spec"]["template"]["spec"]["volumes"][1]["secret"]
    assert secret["secretName"] == made["Secret"]["metadata"]["name"]
    secret["secretName"] = "chariot"
    del made["Secret"], rendered["Secret"]
    assert made == rendered


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_what_serves_is_what_is_rendered(k8s: Path) -> None:
    program = ["examples/heat.py", "examples/data/evening.png", "--out", "/tmp"]
    words = ["--name", "chariot", "--image", "chariot", "--service", "--serve", "chariot-serve", "--secret", "chariot"]
    found = yaml.safe_load_all(run("render", *words, *program)[0])
    rendered = {(one["kind"], one["metadata"]["name"]): one for one in found}
    made = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(kustomize(k8s / "overlays/serving"))}
    made[("StatefulSet", "chariot")]["spec"]["template"]["spec"]["volumes"][1]["secret"]["secretName"] = "chariot"
    assert {key: one for key, one in made.items() if key[0] != "Secret"} == rendered


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_certificates_take_the_secrets_place(k8s: Path) -> None:
    (k8s / "secret/secret").unlink()  # nobody asks for it
    text = kustomize(k8s / "overlays/cert-manager")
    made = objects(text)
    said = values(made, "Job")
    assert said["CHARIOT_TLS_DIR"] == "/etc/chariot" and "CHARIOT_SECRET_FILE" not in said
    volumes = {one["name"]: one for one in made["Job"]["spec"]["template"]["spec"]["volumes"]}
    assert volumes["secret"]["secret"] == {"secretName": "chariot-tls", "defaultMode": 0o440}
    (wanted,) = [one for one in yaml.safe_load_all(text) if one["kind"] == "Certificate" and one["metadata"]["name"] == "chariot"]
    assert wanted["spec"]["dnsNames"] == [said["CHARIOT_HEAD"].split(":")[0]]
    assert wanted["spec"]["secretName"] == "chariot-tls"


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_pods_may_reach_etcd(k8s: Path) -> None:
    plain, made = objects(kustomize(k8s / "overlays/program")), objects(kustomize(k8s / "overlays/etcd"))
    assert values(made, "Job") == values(plain, "Job") | {"CHARIOT_RENDEZVOUS": "etcd://etcd:2379/chariot"}
    more = made["NetworkPolicy"]["spec"]["egress"]
    assert more[:-1] == plain["NetworkPolicy"]["spec"]["egress"]
    assert more[-1]["ports"] == [{"protocol": "TCP", "port": 2379}]
