"""Fetch the files of a data set and verify them: several sources, resumed, in time, once for all processes.

A source that is slow, silent, torn or wrong is named, and the next one is tried. What has come of a file
stays in a part file, and the next attempt goes on from there, where the server allows it. `obtain` returns
only what has the digests of the data set. All limits are the constants below.
"""

import os
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from convlab.datasets import package_index
from convlab.datasets.published import Original, Published

__all__ = ["WAIT", "Failed", "limit", "obtain", "offline", "workshop"]

WAIT = 300  # seconds that one data set may take, unless DATA_WAIT says otherwise
ANSWER_SECONDS = 6  # for a server's first answer
SILENCE_SECONDS = 15  # for a gap within a download
SLOW_RATE = 200_000  # bytes a second; CIFAR-10's authors' server gives 66,000 to 85,000 since June 2026
SLOW_SECONDS = 10  # over which the rate is taken
TEARS = 5  # how often one file may break off
REDIRECTS = 5
CHUNK = 2**16
LOOK_SECONDS = 0.1  # between two looks at a transfer
BAR: dict[str, Any] = {"unit": "B", "unit_scale": True, "mininterval": 0.5}


class Failed(OSError):
    """A source does not give what it should; the message is a sentence for people, without the full stop."""


class Unreachable(Failed):
    """A server does not answer at all."""


class Torn(Failed):
    """A connection broke off, and what came before stays."""


class Slow(Failed):
    """A source would take too long: `rate` in bytes a second, and `left`, the bytes that are missing."""

    def __init__(self, host: str, rate: float, left: float):
        self.rate, self.left = rate, left
        super().__init__(f"{host} sends {rate / 1000:.0f} kB/s")


class Unwritable(Failed):
    """This machine cannot keep what comes: no other source would help."""


class Hosts:
    """Which servers have answered in this process and which have not: without a network, two are asked."""

    def __init__(self) -> None:
        self.heard: set[str] = set()
        self.silent: set[str] = set()

    def dead(self, host: str) -> bool:
        """Return whether asking a server is a waste of time."""
        return host in self.silent or (len(self.silent) > 1 and not self.heard)


HOSTS = Hosts()


def offline() -> bool:
    """Return whether CONVLAB_OFFLINE forbids to download."""
    return os.environ.get("CONVLAB_OFFLINE", "").lower() not in ("", "0", "no", "off", "false")


def limit(wait: float | str | None = None) -> float:
    """Return the seconds that a download may take: those given, or DATA_WAIT, or 300.

    ValueError for a DATA_WAIT that is no number from 0.

    >>> limit(60)
    60.0
    """
    given = os.environ.get("DATA_WAIT", "") if wait is None else wait
    try:
        seconds = float(WAIT if given == "" else given)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"DATA_WAIT={given} is no number of seconds from 0")
    return seconds


@contextmanager
def workshop(name: str, published: Published, home: Path, until: float) -> Iterator[Path]:
    """Give the folder in which the files of a data set are collected, to one process at a time.

    Others wait for it and see how far it is; Failed if that takes too long. If it cannot be made, a temporary
    folder takes its place, which nobody shares.
    """
    folder = home / ".download" / name
    try:
        lock = _locked(folder, published, until)
    except Failed:
        raise
    except (OSError, NotImplementedError):  # it cannot be written, or knows no locks
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    try:
        yield folder
    finally:
        lock.release()


def _locked(folder, published, until):
    """Return the lock of a folder, acquired; the folder is there then."""
    from filelock import FileLock, Timeout

    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _await(lock, folder, published, until)
    folder.mkdir(exist_ok=True)
    return lock


def _await(lock, folder, published, until):
    """Wait for a lock, and show how far the process is that holds it; Failed if it takes too long."""
    from filelock import Timeout
    from tqdm.auto import tqdm

    total = _size(published)
    with tqdm(desc=f"{published.title}: waiting for another process", total=total, **BAR) as bar:
        while True:
            _show(bar, min(total, _collected(folder)))
            try:
                return lock.acquire(timeout=min(0.5, max(0.0, until - time.monotonic())))
            except Timeout:
                if time.monotonic() >= until:
                    share = 100 * _collected(folder) / total
                    raise Failed(
                        f"another process is downloading it and has {min(99, share):.0f} %, and the limit "
                        "is over (DATA_WAIT)"
                    ) from None


def _size(published):
    """Return the bytes that a data set has about, to show how far its download is."""
    return sum(original.size or 0 for original in published.sources[0]) or published.megabytes * 1_000_000


def _collected(folder):
    """Return the bytes that a folder has of its data set."""
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:  # a part became a file meanwhile
        return 0


def obtain(
    published: Published, check: Callable[[list[Path]], Any], folder: Path, until: float
) -> tuple[Any, str]:
    """Return what `check` makes of the files of the first good source, and the name of its server.

    Failed with a sentence about each source if none is good. If all are slow, the fastest goes on, where
    what is missing comes in time.

    Args:
        published: the data set, with its sources.
        check: a function of the files' paths; it returns their content, or raises ValueError or
            FileNotFoundError if that is not the data set.
        folder: where the files are collected.
        until: the moment of `time.monotonic` at which waiting ends.
    """
    faults, slow = [], []
    for source in published.sources:
        host = _host(source[0])
        if HOSTS.dead(host):
            faults.append(f"{host} cannot be reached" if host in HOSTS.silent else "there is no network")
            continue
        try:
            floor = SLOW_RATE if len(published.sources) > 1 else 0
            return _take(source, published, check, folder, until, floor), host
        except Slow as fault:
            slow.append((fault, source))
        except Unwritable:
            raise
        except Failed as fault:
            faults.append(str(fault))
    for pace, source in sorted(slow, key=lambda pair: -pair[0].rate):
        if pace.left > pace.rate * (until - time.monotonic()):
            faults.append(_too_slow(pace))
            break  # the others are slower still
        try:
            return _take(source, published, check, folder, until, floor=0), _host(source[0])
        except Failed as later:
            faults.append(_too_slow(later) if isinstance(later, Slow) else str(later))
    raise Failed("; ".join(dict.fromkeys(faults)))


def _too_slow(fault):
    """Return what to say about the fastest source, if it is too slow for the limit."""
    seconds = fault.left / fault.rate
    rest = f"{seconds / 60:,.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
    return (
        f"{fault}, and the rest would take {rest}, longer than the limit. What has come stays: "
        f"`make data DATA_WAIT={60 * (1 + int(seconds / 30))}` goes on from there"
    )


def _take(source, published, check, folder, until, floor):
    """Return the checked content of one source's files; Failed if it does not give them."""
    host = _host(source[0])
    paths = [_file(original, published, folder, until, floor) for original in source]
    try:
        return check(paths)
    except (ValueError, FileNotFoundError) as fault:
        for path in paths:
            path.unlink(missing_ok=True)
        raise Failed(f"what {host} sends is not {published.title} ({fault})") from fault


def _host(original):
    if package_index.is_package(original.url):
        return package_index.host(package_index.index())
    return package_index.host(original.url)


def _file(original, published, folder, until, floor):
    """Return the path of a file once it is whole, and verified where its SHA-256 is known."""
    key = original.sha256 or sha256(original.url.encode()).hexdigest()
    place = folder / key[:16] / original.file  # sources of the same file share what has come of it
    part = place.with_name(f"{place.name}.part")
    tears, before = 0, -1
    while not place.exists():
        transfer = Transfer(original, part)
        resumed = transfer.done
        try:
            _watch(transfer, published.title, until, floor)
        except Torn as fault:
            tears += 1
            if tears > TEARS or transfer.done <= before:
                raise Failed(f"{fault} {tears} times") from fault
            before = transfer.done
            continue
        if original.sha256 and _sha256(part) != original.sha256:
            part.unlink()
            if not resumed:
                raise Failed(f"{_host(original)} sends other bytes than those published as {original.file}")
            continue  # what was there before may have been wrong: once more, from the beginning
        part.replace(place)
    return place


def _sha256(path):
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _watch(transfer, title, until, floor):
    """Let a transfer run to its end; Failed as soon as it breaks a limit, and it then writes nothing more."""
    from tqdm.auto import tqdm

    host, began = transfer.host, time.monotonic()
    looks: deque[tuple[float, int]] = deque()  # moments and bytes, since the first answer
    with tqdm(desc=f"{title} from {host}", total=transfer.size, initial=transfer.done, **BAR) as bar:
        transfer.start()
        try:
            while not transfer.finished.wait(LOOK_SECONDS):
                now = time.monotonic()
                bar.total = transfer.size
                _show(bar, transfer.done)
                _judge(transfer, now, began, until)
                if transfer.heard:
                    looks.append((now, transfer.done))
                    _judge_rate(transfer, looks, until, floor)
            _show(bar, transfer.done)
        finally:
            transfer.leave()
    if transfer.fault:
        raise transfer.fault


def _show(bar, done):
    """Set a bar to the bytes that have come."""
    bar.update(done - bar.n)


def _judge(transfer, now, began, until):
    """Failed if a server does not answer, falls silent, or time is up."""
    host, file = transfer.host, transfer.original.file
    if not transfer.heard and now - began > ANSWER_SECONDS:
        HOSTS.silent.add(host)
        raise Unreachable(f"no answer from {host} within {ANSWER_SECONDS} seconds")
    if transfer.heard and now - transfer.heard > SILENCE_SECONDS:
        raise Failed(f"{host} fell silent within {file} for {SILENCE_SECONDS} seconds")
    if now > until:
        raise Failed(
            f"the limit is over (DATA_WAIT), and {_share(transfer)} of {file} has come. It stays, and "
            "`make data` goes on from there"
        )


def _share(transfer):
    """Return how much of a file has come, in words."""
    if transfer.size:
        return f"{100 * transfer.done / transfer.size:.0f} %"
    return f"{transfer.done / 1e6:.0f} MB"


def _judge_rate(transfer, looks, until, floor):
    """Slow if the rate of the last seconds is below the floor, or too low for what is missing.

    A rate of 0 is left to the limit of silence.
    """
    while len(looks) > 2 and looks[-1][0] - looks[1][0] >= SLOW_SECONDS:
        looks.popleft()
    (first, before), (now, done) = looks[0], looks[-1]
    if now - first < SLOW_SECONDS or done <= before:
        return
    rate, left = (done - before) / (now - first), max(0, (transfer.size or 0) - done)
    if rate < floor or left > rate * (until - now):
        raise Slow(transfer.host, rate, left)


class Transfer:
    """One file on its way from one server into a part file, in a thread of its own.

    Looking up a server's name and reading its header have no time limit of their own. So whoever waits for a
    transfer can leave it behind: it then writes nothing more.

    Attributes:
        original, host, size: the file, its server, and its bytes, as soon as they are known.
        done: the bytes in the part file.
        heard: the moment of the last byte or answer; 0 before the first.
        finished: an event that is set at the end.
        fault: what went wrong, or None.
    """

    def __init__(self, original: Original, part: Path):
        self.original, self.part = original, part
        self.host, self.size = _host(original), original.size
        self.done = part.stat().st_size if part.exists() else 0
        self.heard = 0.0
        self.finished = threading.Event()
        self.fault: Exception | None = None
        self._writing, self._left = threading.Lock(), False

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, daemon=True).start()

    def leave(self) -> None:
        """Write nothing more from now on."""
        with self._writing:
            self._left = True

    def _run(self):
        try:
            self._receive()
        except Failed as fault:
            self.fault = fault
        except Exception as fault:  # a dozen kinds come from requests, urllib3 and the socket
            self.fault = _words(fault, self.host, self.original.file)
        finally:
            self.finished.set()

    def _receive(self):
        import requests

        headers = {"Accept-Encoding": "identity", "User-Agent": "convlab"}
        if self.done:
            headers["Range"] = f"bytes={self.done}-"
        with requests.Session() as session:
            session.max_redirects = REDIRECTS
            timeout = ANSWER_SECONDS, SILENCE_SECONDS
            url = self.original.url
            if package_index.is_package(url):
                url = package_index.address(url, session)
            with session.get(url, headers=headers, stream=True, timeout=timeout) as answer:
                HOSTS.heard.add(self.host)
                self.heard = time.monotonic()
                if answer.status_code == 416:  # nothing follows: the part is whole, or of another file
                    self._begin(0 if self.done != self.size else self.done)
                    if self.done:
                        return
                    raise Torn(f"the connection to {self.host} broke off within {self.original.file}")
                answer.raise_for_status()
                self._begin(_start(answer, self.done))
                self._check_size(answer)
                while chunk := answer.raw.read1(CHUNK):
                    self._write(chunk)
        if self.size and self.done < self.size:
            raise Torn(f"the connection to {self.host} broke off within {self.original.file}")

    def _begin(self, start):
        """Make the part file as long as the byte at which the server begins."""
        if start == self.done and self.part.exists():
            return
        try:
            with self._writing:
                if not self._left:
                    self.part.parent.mkdir(parents=True, exist_ok=True)
                    with open(self.part, "ab") as file:
                        file.truncate(start)
                    self.done = start
        except OSError as fault:
            raise Unwritable(f"it cannot be written ({fault.strerror})") from fault

    def _check_size(self, answer):
        """Failed if the server offers a file of another size than the published one."""
        length = answer.headers.get("Content-Length", "")
        if not length.isdigit():
            return
        whole = self.done + int(length)
        if self.size and whole != self.size:
            raise Failed(f"{self.host} offers {whole:,} bytes as {self.original.file}, and not {self.size:,}")
        self.size = whole

    def _write(self, chunk):
        if self.size and self.done + len(chunk) > self.size:
            raise Failed(f"{self.host} sends more than the {self.size:,} bytes of {self.original.file}")
        try:
            with self._writing:
                if self._left:
                    raise Failed("it was left behind")
                _append(self.part, chunk)
                self.done += len(chunk)
                self.heard = time.monotonic()
        except Failed:
            raise
        except OSError as fault:
            raise Unwritable(f"it cannot be written ({fault.strerror})") from fault


def _append(path, chunk):
    with open(path, "ab") as file:
        file.write(chunk)


def _start(answer, done):
    """Return the byte at which a server begins: where it was asked to, or 0 if it sends the whole file."""
    said = answer.headers.get("Content-Range", "")
    return done if answer.status_code == 206 and said.startswith(f"bytes {done}-") else 0


def _words(fault, host, file):
    """Return an error of the network as a sentence about a server."""
    import requests
    from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

    if isinstance(fault, FileNotFoundError):  # of a package index
        return Failed(str(fault))
    if isinstance(fault, requests.exceptions.SSLError):
        return Failed(
            f"{host} shows no certificate that this machine trusts. A proxy or a virus scanner may read "
            "along: REQUESTS_CA_BUNDLE=file names the certificates to trust"
        )
    if isinstance(fault, requests.exceptions.ProxyError):
        return Failed(f"the proxy between here and {host} refuses (see HTTPS_PROXY and HTTP_PROXY)")
    if isinstance(fault, requests.exceptions.TooManyRedirects):
        return Failed(f"{host} redirects without end")
    if isinstance(fault, requests.exceptions.HTTPError):
        return Failed(f"{host} answers {fault.response.status_code} for {file}")
    if isinstance(fault, requests.exceptions.ConnectTimeout):
        HOSTS.silent.add(host)
        return Unreachable(f"no answer from {host} within {ANSWER_SECONDS} seconds")
    if isinstance(fault, requests.exceptions.Timeout | ReadTimeoutError):
        return Failed(f"{host} fell silent within {file} for {SILENCE_SECONDS} seconds")
    if isinstance(fault, requests.exceptions.ChunkedEncodingError | ProtocolError) or "aborted" in str(fault):
        return Torn(f"the connection to {host} broke off within {file}")
    if isinstance(fault, requests.exceptions.ConnectionError):
        HOSTS.silent.add(host)
        return Unreachable(f"{host} cannot be reached")
    if isinstance(fault, requests.exceptions.RequestException | HTTPError):
        return Failed(f"{host} gives no usable answer ({type(fault).__name__})")
    if isinstance(fault, OSError) and "certificate" in str(fault):
        return Failed("REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file that is not there")
    return Failed(f"{host} gives no usable answer ({type(fault).__name__})")
