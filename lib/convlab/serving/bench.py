"""`python -m convlab.serving.bench` measures the service: answers a second, percentiles, memory."""

import argparse
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import psutil
import requests
from PIL import Image
from tabulate import tabulate

from convlab.printing import say
from convlab.serving import load

CONNECTIONS = (1, 16, 64, 256)


@dataclass(frozen=True)
class Subject:
    """A service in a process of its own, what to send to it, and its process."""

    url: str
    header: dict
    process: psutil.Process

    def ask(self, connections: int, seconds: float) -> load.Load:
        """Return what came of asking for predictions."""
        return load.ask(f"{self.url}/predict", self.header, picture(), connections, seconds)

    def memory(self) -> float:
        """Return MB of memory that the process holds."""
        return self.process.memory_info().rss / 1e6


def main(arguments: list[str] | None = None) -> int:
    """Measure, print two tables, and return 0; 1 if any answer was neither a prediction nor a refusal."""
    parser = argparse.ArgumentParser(prog="python -m convlab.serving.bench", description=__doc__)
    parser.add_argument("--connections", type=int, nargs="*", default=CONNECTIONS, help="clients at once")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--requests", type=int, default=100_000, help="over which memory is watched; 0: none")
    given = parser.parse_args(arguments)
    with started() as subject:
        subject.ask(1, 1)  # what is made once is made now
        ok, rows = True, []
        for connections in given.connections:
            result = subject.ask(connections, given.seconds)
            ok = ok and set(result.statuses) <= {200, 503}
            times = [round(1000 * result.percentile(share), 1) for share in (0.5, 0.99)]
            rows.append([connections, round(result.rate), *times, result.statuses[503], errors(result)])
        names = ["connections", "answers a second", "p50 ms", "p99 ms", "refused (503)", "errors"]
        say(tabulate(rows, names))
        if given.requests:
            rows = [list(row) for row in watched(subject, given.requests)]
            ok = ok and not any(row[-1] for row in rows)
            say("\n" + tabulate(rows, ["requests", "memory MB", "errors"], floatfmt=".1f"))
    return 0 if ok else 1


def watched(subject: Subject, total: int, connections: int = 16) -> Iterator[tuple[int, float, int]]:
    """Yield (answers so far, MB of memory, errors so far) at the start and after each tenth."""
    answered, wrong, wanted = 0, 0, 0
    while True:
        if answered >= wanted:
            yield answered, subject.memory(), wrong
            if answered >= total:
                return
            wanted = min(answered + total // 10 + 1, total)
        result = subject.ask(connections, 2)
        answered += result.statuses[200]
        wrong += errors(result)


def errors(result: load.Load) -> int:
    """Return how many requests got neither a prediction nor a refusal."""
    return sum(count for status, count in result.statuses.items() if status not in (200, 503))


@contextmanager
def started() -> Iterator[Subject]:
    """Start a service with an empty folder and limits out of the way; end it afterwards."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "convlab.serving", "--home", home, "--port", "0"]
        limits = {"CONVLAB_SERVE_RATE": "1e9", "CONVLAB_SERVE_BURST": "1000000000"}
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=os.environ | limits,
        )
        try:
            said = ""
            while "/predict" not in said:
                line = process.stdout.readline()  # type: ignore[union-attr]
                if not line:
                    raise RuntimeError("the service did not start; python -m convlab.serving says why")
                said += line
            url = re.findall(r"http://\S+:\d+", said)[0]
            while not _ready(url):
                time.sleep(0.1)
            user = {"user": "admin", "password": re.findall(r"password +(\S+)", said)[0]}
            token = requests.post(f"{url}/login", json=user, timeout=600).json()["token"]
            header = {"Authorization": f"Bearer {token}", "Content-Type": "image/png"}
            yield Subject(url, header, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.communicate()


def _ready(url: str) -> bool:
    """Return whether a service answers; it has opened its port before it can."""
    try:
        return requests.get(f"{url}/ready", timeout=600).status_code == 200
    except requests.ConnectionError:
        return False


def picture() -> bytes:
    """Return a drawn digit, a 1, as PNG of 28x28."""
    image = np.zeros((28, 28), "uint8")
    image[5:23, 13:15] = 255
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
