"""The service on two nodes of Ray on this machine, of which one is killed under load.

Ray has an environment of its own, for it is large: `make test-ray` makes it in build/ray and runs this file.
"""

import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psutil
import pytest
import requests
from serving_tools import seven

from convlab import DATA_FOLDER
from convlab.serving.settings import PREFIX
from coursekit.lessons import ROOT

PYTHON = os.environ.get("CONVLAB_RAY", str(ROOT / "build/ray/bin/python"))
TIMEOUT = 600
PORTS = ("dashboard-agent-listen", "dashboard-agent-grpc", "metrics-export", "runtime-env-agent")
LEAN = ("--include-dashboard=false", "--no-monitor")  # what is not needed here
NO_ANSWER = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)

if not os.path.exists(PYTHON):
    pytest.skip("Ray is not installed: make test-ray installs it and runs this", allow_module_level=True)


class Node:
    """A node of Ray: `ray start` and all that it has started, ended together as a machine that loses power.

    Args:
        options: of `ray start`.
        environment: what the copies of the service on it read.
        log: a file for what it prints.
    """

    def __init__(self, *options: str, environment: dict, log: Path):
        command = [PYTHON, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
        command += ["--node-ip-address=127.0.0.1", "--object-store-memory=80000000", *options]
        with log.open("wb") as said:
            self.process = psutil.Popen(
                command,
                stdout=said,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        self.log = log

    def said(self) -> str:
        """Return what it has printed so far."""
        return self.log.read_text(encoding="utf-8")

    def copies(self) -> int:
        """Return how many copies of the service run on it."""
        return sum("ServeReplica" in title(one) for one in self.process.children(recursive=True))

    def kill(self) -> None:
        """End all of its processes at once, and no other: those of its session, and their children."""
        everything = {one for one in psutil.process_iter() if session(one) == self.process.pid}
        if self.process.is_running():
            everything |= {self.process, *self.process.children(recursive=True)}
        for one in everything:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(everything)
        self.process.poll()


def session(process: psutil.Process) -> int:
    """Return the number of a process's session; -1 if it has ended."""
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return -1


def title(process: psutil.Process) -> str:
    """Return how a process calls itself; nothing if it has ended."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def free_port() -> int:
    """Return a port that nothing listens at."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_until(true, what: str, *started) -> None:
    """Wait until `true()` while what was started runs; the test's own time limit ends a wait in vain."""
    while not true():
        for one in started:
            if isinstance(one, Node):
                assert one.process.poll() is None, f"{what}: {one.said()}"
            else:
                assert not one.done(), f"{what}: {one.exception()}"
        time.sleep(0.5)


@pytest.fixture
def cluster(tmp_path):
    """Two nodes with a copy each: (url, header of the administrator, first, second, start another)."""
    short = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)  # a socket's path is short
    home = tmp_path / "home"
    settings = {"home": home, "uploads": 100_000, "logins": 1000, "rate": 1e6, "burst": 10**6}
    environment = {name: text for name, text in os.environ.items() if not name.startswith("RAY_")}
    environment |= {PREFIX + name.upper(): str(value) for name, value in settings.items()}
    environment |= {
        "PYTHONPATH": str(ROOT / "lib"),
        "CONVLAB_DATA": str(DATA_FOLDER),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "90",
        "RAY_worker_register_timeout_seconds": str(TIMEOUT),
        "RAY_agent_register_timeout_ms": str(1000 * TIMEOUT),
    }
    port, http = free_port(), free_port()
    with ExitStack() as stack, short as folder:
        logs = (tmp_path / f"log{number}" for number in count())

        def start(*options):
            for _ in range(5):  # a raylet ends itself where another part of its node is not there in 30 s
                ports = [f"--{name}-port={free_port()}" for name in PORTS]
                node = Node(*options, *ports, environment=environment, log=next(logs))
                stack.callback(node.kill)
                while node.process.poll() is None:
                    if "Ray runtime started" in node.said():
                        return node
                    time.sleep(0.5)
                node.kill()
            return pytest.fail(f"no node of Ray starts on this machine: {node.said()}")

        def join():
            return start(f"--address=127.0.0.1:{port}")

        first = start("--head", f"--port={port}", f"--temp-dir={folder}", *LEAN)
        second = join()
        command = [PYTHON, str(ROOT / "deploy/ray/application.py"), "--port", str(http)]
        said = subprocess.run(
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment | {"RAY_ADDRESS": f"127.0.0.1:{port}"},
        )
        assert said.returncode == 0, said.stdout + said.stderr + first.said()
        url = f"http://127.0.0.1:{http}"
        user = {"user": "admin", "password": re.search(r"password +(\S+)", said.stdout)[1]}
        token = requests.post(f"{url}/login", json=user, timeout=TIMEOUT).json()["token"]
        yield url, {"Authorization": f"Bearer {token}"}, first, second, join


def who_answers(url: str, header: dict) -> set[str]:
    """Return a mark of each copy that has answered: when it counted its first request for a token."""
    text = requests.get(f"{url}/metrics", headers=header, timeout=TIMEOUT).text
    return set(re.findall(r'^requests_created{[^}]*route="/ready"[^}]*} (\S+)', text, re.MULTILINE))


@pytest.mark.timeout(1800)
def test_nothing_acknowledged_is_lost_when_one_of_two_nodes_is_killed_and_it_comes_back(cluster):
    url, header, first, second, join = cluster
    assert (first.copies(), second.copies()) == (1, 1)

    def both_answer():
        requests.get(f"{url}/ready", timeout=TIMEOUT)
        seen.update(who_answers(url, header))
        return len(seen) >= 2

    seen = set()
    wait_until(both_answer, "two copies", first, second)
    stored, statuses, over = [], Counter(), threading.Event()

    def upload():
        while not over.is_set():
            try:
                said = requests.post(
                    f"{url}/uploads", headers=header, files={"image": seven()}, timeout=TIMEOUT
                )
            except NO_ANSWER:
                statuses["no answer"] += 1
                continue
            statuses[said.status_code] += 1
            if said.status_code == 201:
                stored.append(said.json()["id"])

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(upload) for _ in range(4)]
        try:
            wait_until(lambda: len(stored) >= 40, "uploads", first, second, *asking)
            before = Counter(statuses)
            second.kill()
            wait_until(lambda: statuses[201] >= before[201] + 100, "uploads with one node", first, *asking)
            alone = Counter(statuses)
            third = join()
            wait_until(
                lambda: third.copies() == 1, "a copy on the node that came back", first, third, *asking
            )
            seen.clear()
            wait_until(both_answer, "two copies again", first, third, *asking)
        finally:
            over.set()
    found = {row["id"] for row in requests.get(f"{url}/uploads", headers=header, timeout=TIMEOUT).json()}
    print("with two nodes", dict(before), "one killed", dict(alone - before), "in all", dict(statuses))
    print("acknowledged", len(stored), "stored", len(found))
    assert set(stored) <= found
    assert set(before) == {201}  # nothing fails before
    assert set(statuses) <= {201, 500, 503, "no answer"}
    stored.append("0" * 32)  # the planted fault: one that was never stored
    assert not set(stored) <= found
