"""Ask a service from many connections at once, and say how long it takes. The standard library alone."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Load:
    """What came of it: statuses with their counts, seconds of each answer with 200, seconds in all.

    `took` counts from the try that was accepted, `since_first` from a client's first try, its waits included.
    """

    seconds: float = 0.0
    statuses: Counter = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    since_first: list[float] = field(default_factory=list)
    retry_after: int = 0  # refusals that said when to come again

    @property
    def rate(self) -> float:
        """Answers with 200, per second."""
        return self.statuses[200] / self.seconds

    def percentile(self, share: float, first: bool = False) -> float:
        """Return the seconds within which this share of the answers with 200 came; `first`: waits included.

        >>> Load(took=[0.4, 0.1, 0.2, 0.3]).percentile(0.5)
        0.2
        """
        ordered = sorted(self.since_first if first else self.took)
        if not ordered:
            return float("nan")
        return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def ask(url: str, header: dict, body: bytes, connections: int, seconds: float) -> Load:
    """Return what came of `connections` clients that post `body`, each again as soon as it is answered.

    The clients run in a process of their own: in that of the service they would slow it down. Lesson 26.

    Args:
        url: the address, http alone.
        header: names and values to send.
        body: bytes to post.
        connections: clients at once.
        seconds: after which no client asks again.
    """
    given: dict[str, object] = {"url": url, "header": header, "body": base64.b64encode(body).decode()}
    given |= {"connections": connections, "seconds": seconds}
    command = [sys.executable, "-m", "convlab.serving.load"]
    said = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    answer = json.loads(said.stdout)
    counts = {int(name) if name.isdigit() else name: count for name, count in answer["statuses"].items()}
    return Load(**(answer | {"statuses": Counter(counts)}))


def main() -> None:
    """Read what to ask from standard input and write what came of it: the process of `ask`."""
    given = json.load(sys.stdin)
    load = Load()
    place = urlsplit(given["url"])
    body = base64.b64decode(given["body"])
    lines = [f"POST {place.path or '/'} HTTP/1.1", f"Host: {place.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in given["header"].items()]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
    begun = time.perf_counter()
    asyncio.run(_all(load, place, request, given["connections"], given["seconds"]))
    load.seconds = time.perf_counter() - begun
    json.dump(vars(load), sys.stdout)


async def _all(load: Load, place, request: bytes, connections: int, seconds: float) -> None:
    end = time.perf_counter() + seconds
    await asyncio.gather(*(_one(load, place, request, end) for _ in range(connections)))


async def _one(load: Load, place, request: bytes, end: float) -> None:
    """Ask until the time is over, on one connection, which is opened again where the other side closes it."""
    streams, first = None, time.perf_counter()
    while time.perf_counter() < end:
        begun = time.perf_counter()
        try:
            streams = streams or await asyncio.open_connection(place.hostname, place.port)
            streams[1].write(request)
            head = await streams[0].readuntil(b"\r\n\r\n")
            lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            await streams[0].readexactly(int(lines[b"content-length"]))
        except (OSError, asyncio.IncompleteReadError):
            load.statuses["no answer"] += 1
            streams = None
            continue
        status = int(head[9:12])
        load.statuses[status] += 1
        load.retry_after += b"retry-after" in lines  # a number of seconds, which this client waits
        if status == 200:
            now = time.perf_counter()
            load.took.append(now - begun)
            load.since_first.append(now - first)
            first = now
        elif status in (429, 503):
            await asyncio.sleep(float(lines.get(b"retry-after", 1)))
        if lines.get(b"connection") == b"close":
            streams[1].close()
            streams = None
    if streams:
        streams[1].close()


if __name__ == "__main__":
    main()
