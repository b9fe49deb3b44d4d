"""What `chariot k8s render` prints, played by podman: pods as Kubernetes' controllers would make them of the Job and of the StatefulSet."""

from __future__ import annotations

import base64
import copy
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from conftest import IMAGE
from engine import ROOT, Engine

Object = dict[str, Any]


def render(*words: str) -> dict[str, Object]:
    command: list[str | Path] = [ROOT / ".venv/bin/chariot", "k8s", "render", "--image", IMAGE, *words]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def pod_of(owner: Object, index: int) -> Object:
    """As the controller makes it: a name, a host name, the index; and as podman 4.3 needs it (said at each line)."""
    name = f"{owner['metadata']['name']}-{index}"
    template = copy.deepcopy(owner["spec"]["template"])
    spec = template["spec"] | {"hostname": name}
    (container,) = spec["containers"]
    container["env"].append({"name": "KUBERNETES_SERVICE_HOST", "value": "10.0.0.1"})
    if owner["kind"] == "Job":
        container["env"].append({"name": "JOB_COMPLETION_INDEX", "value": str(index)})
    tmp, secret = spec["volumes"]
    tmp["name"] = container["volumeMounts"][0]["name"] = f"tmp-{name}"  # its emptyDirs of one name are one
    secret["secret"]["optional"] = False  # without, it ends by a nil pointer
    for variable in container["env"]:  # it knows names of pods, and of no service
        variable["value"] = re.sub(r"^(.*-0)\..*:", r"\1:", variable["value"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name} | template["metadata"], "spec": spec}


def secret_of(given: Object) -> Object:
    """As the API server keeps it."""
    data = {name: base64.b64encode(text.encode()).decode() for name, text in given.pop("stringData").items()}
    return {name: value for name, value in given.items() if name != "immutable"} | {"data": data}  # else it stays for ever


class Pods:
    def __init__(self, engine: Engine, *words: str) -> None:
        self.engine, self.objects = engine, render(*words)
        self.owner = self.objects.get("Job") or self.objects["StatefulSet"]
        spec = self.owner["spec"]
        self.name, self.count = self.owner["metadata"]["name"], spec.get("completions") or spec["replicas"]
        self.file = Path(engine.path / f"{self.name}.yaml")

    def __enter__(self) -> Pods:
        pods = [pod_of(self.owner, index) for index in range(self.count)]
        self.file.write_text(yaml.safe_dump_all([secret_of(self.objects["Secret"]), *pods]))
        self.engine.podman("network", "create", "--internal", self.name)
        self.engine.podman("kube", "play", "--start=false", "--network", self.name, self.file)
        self.close_secret()
        self.engine.podman("pod", "start", "--all")
        return self

    def close_secret(self) -> None:
        """As defaultMode and fsGroup have it, which podman 4.3 passes over."""
        place = self.engine.podman("volume", "inspect", "--format", "{{.Mountpoint}}", self.name).stdout.strip()
        os.chown(f"{place}/secret", 0, 10001)
        os.chmod(f"{place}/secret", 0o440)

    def __exit__(self, *_: object) -> None:
        self.engine.podman("kube", "down", self.file, check=False)
        self.engine.podman("volume", "prune", "--force")
        self.engine.podman("secret", "rm", self.name)
        self.engine.podman("network", "rm", "--force", self.name)

    def container(self, index: int) -> str:
        return f"{self.name}-{index}-chariot"

    def state(self, index: int) -> Object:
        (found,) = json.loads(self.engine.podman("inspect", self.container(index)).stdout)
        assert isinstance(found, dict)
        return found

    def wait(self) -> list[int]:
        deadline = time.monotonic() + 120
        while any(self.state(index)["State"]["Running"] for index in range(self.count)):
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.2)
        return [self.state(index)["State"]["ExitCode"] for index in range(self.count)]

    def logs(self) -> str:
        return "".join(self.engine.podman("logs", self.container(index), check=False).stdout for index in range(self.count))


def test_a_jobs_pods(engine: Engine) -> None:
    with Pods(engine, "-n", "4", "examples/heat.py", "--iterations", "50", "--out", "/tmp") as pods:
        assert pods.wait() == [0] * 4
        said = pods.logs()
        assert "on 4 PEs" in said and "equal to numpy" in said
        host = pods.state(1)["HostConfig"]
        assert host["ReadonlyRootfs"] is True and host["CapAdd"] in ([], None)


def test_a_program_that_fails_fails_its_job(engine: Engine) -> None:
    with Pods(engine, "-n", "2", "examples/heat.py", "no/such/picture.png") as pods:
        statuses = pods.wait()
        assert statuses[0] == 1 and "no/such/picture.png" in pods.logs() + pods.engine.podman("logs", pods.container(0)).stderr


def test_a_services_pods_get_ready_and_come_again(engine: Engine) -> None:
    """Ready by the probe that the manifest has; a pod that is lost ends the others, and all start anew."""
    program = ["examples/heat.py", "--iterations", "1000000", "--out", "/tmp"]
    with Pods(engine, "--service", "-n", "2", "--name", "front", *program) as pods:
        probe = pods.objects["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]

        def is_ready(index: int) -> bool:
            return engine.podman("exec", pods.container(index), *probe, check=False).returncode == 0

        def wait_ready(lives: int) -> None:
            deadline = time.monotonic() + 90
            for index in range(2):
                while pods.state(index)["RestartCount"] < lives or not is_ready(index):
                    assert time.monotonic() < deadline, pods.logs()
                    time.sleep(0.2)

        wait_ready(0)
        os.kill(pods.state(1)["State"]["Pid"], signal.SIGKILL)
        wait_ready(1)
