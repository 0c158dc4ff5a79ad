"""`python -m convlab.serving.bench` measures the service: answers a second, percentiles, memory.

Beside it stands a naive service, that of lesson 26: `model.predict` for each request, without a login, a
database or limits. Both are asked in turn, for each number of clients, so that other work meets both.
"""

import argparse
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

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
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS, help="clients at once")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--requests", type=int, default=100_000, help="over which memory is watched; 0: none")
    given = parser.parse_args(arguments)
    with started() as subject, naive() as address:
        asked: dict[str, Callable[[int, float], load.Load]] = {
            "naive": partial(load.ask, f"{address}/predict", {}, picture()),
            "service": subject.ask,
        }
        results: dict[str, list[load.Load]] = {name: [] for name in asked}
        rows = []
        for ask in asked.values():
            ask(1, 1)  # what is made once is made now
        for connections in given.connections:
            for name, ask in asked.items():
                result = ask(connections, given.seconds)
                results[name].append(result)
                times = [round(1000 * result.percentile(share), 1) for share in (0.5, 0.99)]
                rows.append(
                    [name, connections, round(result.rate, 1), *times, result.statuses[503], errors(result)]
                )
        names = ["", "connections", "answers a second", "p50 ms", "p99 ms", "refused (503)", "errors"]
        say(tabulate(rows, names))
        say("\n" + compared(results["naive"], results["service"]))
        ok = not any(errors(one) for loads in results.values() for one in loads)
        if given.requests:
            rows = [list(row) for row in watched(subject, given.requests)]
            ok = ok and not any(row[-1] for row in rows)
            say("\n" + tabulate(rows, ["requests", "memory MB", "errors"], floatfmt=".1f"))
    return 0 if ok else 1


@contextmanager
def naive() -> Iterator[str]:
    """Serve the trained network as simply as can be; yield the address. It runs in this process."""
    from fastapi import FastAPI, Request

    from convlab import datasets, networks, runs
    from convlab.serving.local import Server

    mnist = datasets.load("mnist")
    assert isinstance(mnist, datasets.Dataset)
    mean, deviation = np.float32(mnist.x_train.mean()), np.float32(mnist.x_train.std())
    trained = runs.load_weights(networks.mnist_fast(), "mnist-994")
    app = FastAPI()

    @app.post("/predict")
    async def read_digit(request: Request) -> dict[str, int]:
        image = np.asarray(Image.open(io.BytesIO(await request.body())), "float32")
        return {
            "label": int(trained.predict((image[None, ..., None] - mean) / deviation, verbose=0).argmax())
        }

    with Server(app) as server:
        yield server.url


def compared(naive: list[load.Load], service: list[load.Load]) -> str:
    """Return how many times as many answers the service gives, with a p99 no longer than the naive one's.

    >>> from collections import Counter
    >>> slow = load.Load(1.0, Counter({200: 4}), took=[0.25] * 4)
    >>> late = load.Load(1.0, Counter({200: 90}), took=[0.3] * 90)
    >>> print(compared([slow], [late, load.Load(1.0, Counter({200: 80}), took=[0.02] * 80)]))
    naive: 4.0 answers a second at best, with a p99 of 250 ms
    service: 80.0 with a p99 no longer than that, 20.0 times as many
    >>> print(compared([slow], [late]))
    naive: 4.0 answers a second at best, with a p99 of 250 ms
    service: its p99 was longer with each number of clients
    """
    best = max(naive, key=lambda one: one.rate)
    if not best.rate:
        return "naive: no answer, so there is nothing to compare with"
    limit = best.percentile(0.99)
    said = f"naive: {best.rate:.1f} answers a second at best, with a p99 of {1000 * limit:.0f} ms\n"
    rates = [one.rate for one in service if one.percentile(0.99) <= limit]
    if not rates:
        return said + "service: its p99 was longer with each number of clients"
    times = max(rates) / best.rate
    return said + f"service: {max(rates):.1f} with a p99 no longer than that, {times:.1f} times as many"


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
