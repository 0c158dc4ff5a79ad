"""Downloads: each fault of a server is named and the next source taken; nothing waits longer than it may.

The servers are on this machine, the files small and the limits short, in the proportions of the real ones: a
CIFAR-10 of 175 kB at 75 kB/s, with a floor of 200 kB/s over 0.3 s in place of 10.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from hashlib import sha256

import filelock
import numpy as np
import pytest
from planting import cell, plant
from tiny_data import ARCHIVE, archive, course_with, offered, pictures, serving, tar, tiny

from convlab import datasets
from convlab.datasets import __main__ as make
from convlab.datasets import download, package_index
from convlab.datasets.published import Original
from coursekit.running import run as running

WHOLE = offered("cifar10")[ARCHIVE]


@pytest.fixture
def site(tmp_path, monkeypatch):
    with serving() as server, course_with(tmp_path, server, monkeypatch) as course:
        monkeypatch.setattr(download, "SLOW_SECONDS", 0.3)
        yield course


@pytest.fixture
def second():
    with serving() as server:
        yield server


def part(site):
    """Return what has come of the archive, or nothing."""
    found = list(site.data.glob(f".download/cifar10/*/{ARCHIVE}.part"))
    return found[0].read_bytes() if found else b""


def in_a_new_process(site):
    """Forget what this process has learned of the network."""
    site.monkeypatch.setattr(datasets, "_gave_up", set())
    site.monkeypatch.setattr(download, "HOSTS", download.Hosts())


def fault_of(site, wait=30.0):
    """Return why the data set cannot be had, after asserting that nothing stands under its name."""
    (row,) = datasets.fetch(["cifar10"], wait)
    assert row.state == "missing" and site.files() == []
    return row.origin


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


# --- a server with a fault, and a good one after it


def lies(server, monkeypatch):
    server.lies = True
    return "sends other bytes than those published"


def lost(server, monkeypatch):
    server.files = {}
    return "answers 404"


def loops(server, monkeypatch):
    server.redirect = True
    return "redirects without end"


def tears(server, monkeypatch):
    server.stop_after, server.ranges = 50_000, False
    return "broke off within cifar-10-binary.tar.gz 2 times"


def closes(server, monkeypatch):
    server.stop_after = 0
    return "broke off within cifar-10-binary.tar.gz 2 times"


def falls_silent(server, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.3)
    server.stop_after, server.hold = 50_000, threading.Event()
    return "fell silent within cifar-10-binary.tar.gz"


def shorter(server, monkeypatch):
    server.files = {ARCHIVE: WHOLE[:-1]}
    return f"offers {len(WHOLE) - 1:,} bytes as {ARCHIVE}, and not {len(WHOLE):,}"


def longer(server, monkeypatch):
    server.files = {ARCHIVE: WHOLE + b"more"}
    return f"offers {len(WHOLE) + 4:,} bytes"


def never_ends(server, monkeypatch):
    """It does not say how much it sends, and sends more than the file."""
    server.files, server.tells_length = {ARCHIVE: WHOLE + b"more"}, False
    return f"sends more than the {len(WHOLE):,} bytes of {ARCHIVE}"


def slow(server, monkeypatch):
    server.rate = 75_000
    return ""


FAULTS = [lies, lost, loops, tears, closes, falls_silent, shorter, longer, never_ends, slow]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_next_source_is_taken(site, second, fault):
    site.publish("cifar10", offered("cifar10"), site.server, second)
    fault(site.server, site.monkeypatch)
    begun = time.monotonic()
    (row,) = datasets.fetch(["cifar10"], 20)
    assert (row.state, row.origin) == ("downloaded", second.address.split("/")[2])
    assert datasets.load("cifar10").genuine and site.files() == ["cifar10.npz"]
    assert not list(site.data.glob(".download/cifar10/*"))
    assert len(site.server.asked) <= 2 or fault is loops
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("fault", FAULTS[:-1], ids=lambda fault: fault.__name__)
def test_where_no_source_is_left_the_fault_is_named(site, capsys, fault):
    words = fault(site.server, site.monkeypatch)
    assert datasets.load("cifar10").source == "stand-in"
    out = capsys.readouterr().out
    host = site.server.address.split("/")[2]
    assert out.count("CIFAR-10 could not be downloaded: ") == 1 and host in out and words in out
    assert "no CIFAR-10" in out and site.files() == []
    asked = len(site.server.asked)
    assert asked == (download.REDIRECTS + 1 if fault is loops else asked)
    assert datasets.load("cifar10").source == "stand-in" and len(site.server.asked) == asked


# --- slow is not down


def test_a_slow_source_leaves_what_has_come_to_the_next(site, second):
    site.publish("cifar10", offered("cifar10"), site.server, second)
    site.server.rate = 75_000
    assert datasets.load("cifar10").genuine
    (path, asked), *more = second.asked
    assert path == f"/{ARCHIVE}" and 0 < int(asked[6:-1]) < len(WHOLE) and not more


def test_the_fastest_of_slow_sources_goes_on_where_it_comes_in_time(site, second):
    site.publish("cifar10", offered("cifar10"), second, site.server)
    second.rate, site.server.rate = 75_000, 150_000
    (row,) = datasets.fetch(["cifar10"], 20)
    assert (row.state, row.origin) == ("downloaded", site.server.address.split("/")[2])
    assert len(second.asked) == 1 and len(site.server.asked) == 2
    assert int(site.server.asked[1][1][6:-1]) > int(site.server.asked[0][1][6:-1])


def test_the_only_source_may_be_slow_where_it_comes_in_time(site):
    site.server.rate = 75_000
    (row,) = datasets.fetch(["cifar10"], 20)
    assert row.state == "downloaded" and len(site.server.asked) == 1


def test_a_download_that_would_take_too_long_is_not_waited_for(site, second, capsys):
    """175 kB at 75 kB/s take 2.3 s, and the limit is 1.5 s: that is known after a few tenths."""
    site.publish("cifar10", offered("cifar10"), site.server, second)
    site.server.rate, second.rate = 75_000, 50_000
    site.monkeypatch.setenv("DATA_WAIT", "1.5")
    begun = time.monotonic()
    assert datasets.load("cifar10").source == "stand-in"
    assert time.monotonic() - begun < 1.6
    assert len(site.server.asked) == len(second.asked) == 1
    out = capsys.readouterr().out
    assert "kB/s, and the rest would take 2 seconds, longer than the limit" in out
    assert "What has come stays: `make data DATA_WAIT=60` goes on from there" in out and "no CIFAR-10" in out


def test_what_came_slowly_is_not_asked_for_again(site):
    site.server.rate = 75_000
    assert "longer than the limit" in fault_of(site, wait=1.0)
    came = len(part(site))
    assert came > 10_000 and part(site) == WHOLE[:came]
    in_a_new_process(site)
    site.server.rate = None
    assert datasets.load("cifar10").genuine
    assert site.server.asked[-1][1] == f"bytes={came}-"


@pytest.mark.parametrize("wait", [0.0, 0.2, 0.7])
def test_nothing_waits_longer_than_it_may(site, second, wait):
    site.publish("cifar10", offered("cifar10"), site.server, second)
    site.monkeypatch.setattr(download, "SLOW_SECONDS", 100)  # no rate is taken: the limit alone ends it
    for server in (site.server, second):
        server.rate = 75_000
    begun = time.monotonic()
    assert "the limit is over (DATA_WAIT)" in fault_of(site, wait)
    assert time.monotonic() - begun < wait + 0.5


def test_the_real_case_is_reported_in_minutes():
    """CIFAR-10 from a server that people measured at 75 kB/s, after its first 10 seconds."""
    words = download._too_slow(download.Slow("www.cs.toronto.edu", 75_000, 170_052_171 - 750_000))
    assert words.startswith("www.cs.toronto.edu sends 75 kB/s, and the rest would take 38 minutes, longer")
    assert "`make data DATA_WAIT=4560`" in words


def test_all_data_sets_together_wait_no_longer_than_they_may(site):
    site.monkeypatch.setattr(download, "SLOW_SECONDS", 100)
    site.server.rate = 20_000
    begun = time.monotonic()
    rows = datasets.fetch(["cifar10", "camvid"], 0.8)
    assert time.monotonic() - begun < 1.5
    assert [(row.name, row.state) for row in rows] == [("cifar10", "missing"), ("camvid", "missing")]


@pytest.mark.parametrize("words", ["soon", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_named(words, monkeypatch):
    monkeypatch.setenv("DATA_WAIT", words)
    with pytest.raises(ValueError, match=f"DATA_WAIT={words} is no number of seconds"):
        download.limit()


# --- torn, and resumed


@pytest.mark.parametrize("tells_length", [True, False])
@pytest.mark.parametrize("byte", [1, 4095, 100_000, len(WHOLE) - 1])
def test_a_download_torn_at_any_byte_goes_on_from_there(site, byte, tells_length):
    site.server.stop_after, site.server.ranges, site.server.tells_length = byte, False, tells_length
    assert "broke off" in fault_of(site)
    assert part(site) == WHOLE[:byte]
    in_a_new_process(site)
    site.server.stop_after, site.server.ranges = None, True
    assert datasets.load("cifar10").genuine
    assert site.server.asked[-1] == (f"/{ARCHIVE}", f"bytes={byte}-")


def test_a_server_that_tears_each_answer_is_asked_on(site):
    site.server.stop_after = len(WHOLE) // 4 + 1
    assert datasets.load("cifar10").genuine
    assert len(site.server.asked) == 4


def test_a_server_that_tears_for_ever_is_left(site):
    site.server.stop_after = 1000
    assert f"{download.TEARS + 1} times" in fault_of(site)
    assert len(site.server.asked) == download.TEARS + 1


def test_a_server_without_ranges_begins_again(site):
    site.server.stop_after = 100_000
    site.server.ranges = False
    fault_of(site)
    in_a_new_process(site)
    site.server.stop_after = None
    assert datasets.load("cifar10").genuine


@pytest.mark.parametrize("size", [1000, len(WHOLE), len(WHOLE) + 1000])
def test_a_wrong_beginning_is_not_kept(site, size):
    """A part file of other bytes, or of too many, does not verify: the file comes again from byte 0."""
    site.server.stop_after = 10
    fault_of(site)
    (place,) = site.data.glob(f".download/cifar10/*/{ARCHIVE}.part")
    place.write_bytes(b"\x99" * size)
    in_a_new_process(site)
    site.server.stop_after = None
    assert datasets.load("cifar10").genuine
    assert [asked for _, asked in site.server.asked[-2:]] == [f"bytes={size}-", ""]


def test_an_interrupted_download_keeps_its_part_alone(site, monkeypatch):
    site.server.rate = 500_000

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_judge", lambda transfer, *_: transfer.done > 20_000 and interrupt())
    with pytest.raises(KeyboardInterrupt):
        datasets.load("cifar10")
    assert site.files() == []
    came = len(part(site))
    assert came > 20_000 and part(site) == WHOLE[:came]
    time.sleep(0.1)
    assert len(part(site)) == came  # what was left behind writes nothing more


def test_an_interruption_while_it_is_kept_leaves_nothing(site, monkeypatch):
    def interrupt(file, **arrays):
        file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupt)
    with pytest.raises(KeyboardInterrupt):
        datasets.load("cifar10")
    assert site.files() == []


# --- nobody answers


def test_without_a_network_it_tries_once_and_two_servers(site, capsys):
    hosts = [closed_port() for _ in range(3)]
    site.move("cifar10", *(f"http://{host}/" for host in hosts))
    assert datasets.load("cifar10").source == datasets.load("cifar10").source == "stand-in"
    words = f"{hosts[0]} cannot be reached; {hosts[1]} cannot be reached; there is no network."
    assert capsys.readouterr().out.count(f"CIFAR-10 could not be downloaded: {words}") == 1
    assert len(download.HOSTS.silent) == 2


def test_silence_is_reported_as_silence_and_not_as_a_low_rate(site, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.8)
    site.server.stop_after, site.server.hold = 50_000, threading.Event()
    assert f"fell silent within {ARCHIVE} for 0.8 seconds" in fault_of(site)


def test_a_server_that_never_answers(site, capsys):
    site.monkeypatch.setattr(download, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        site.move("cifar10", f"http://127.0.0.1:{mute.getsockname()[1]}/")
        begun = time.monotonic()
        assert datasets.load("cifar10").source == "stand-in"
        assert time.monotonic() - begun < 2
    assert "no answer from 127.0.0.1" in capsys.readouterr().out


def test_a_name_that_is_looked_up_for_ever(site, capsys):
    """The timeouts of a request do not bound the look-up of a host's name."""
    found = threading.Event()
    site.monkeypatch.setattr(download, "ANSWER_SECONDS", 0.2)
    site.monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found.wait(60))
    assert datasets.load("cifar10").source == "stand-in"
    assert not found.is_set()
    found.set()
    assert "within 0.2 seconds" in capsys.readouterr().out


def test_offline_asks_nobody(site, capsys):
    site.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    assert datasets.load("cifar10").source == "stand-in"
    assert site.server.asked == []
    assert "downloaded" not in capsys.readouterr().out


def test_a_proxy_that_cannot_be_reached_is_named(site):
    site.monkeypatch.setenv("HTTP_PROXY", f"http://{closed_port()}")
    site.monkeypatch.setenv("NO_PROXY", "")
    assert "the proxy between here and" in fault_of(site) and site.server.asked == []


def test_a_proxy_that_refuses_is_reported(site, second):
    """It answers each request itself, with a page of its own."""
    site.monkeypatch.setenv("HTTP_PROXY", second.address)
    site.monkeypatch.setenv("NO_PROXY", "")
    assert "answers 404" in fault_of(site)
    assert site.server.asked == [] and second.asked


def test_a_server_without_a_certificate_is_reported(site):
    """It speaks plainly where a certificate is due."""

    def speak():
        connection, _ = plain.accept()
        with connection:
            connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            connection.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=speak, daemon=True).start()
        site.move("cifar10", f"https://127.0.0.1:{plain.getsockname()[1]}/")
        assert "shows no certificate that this machine trusts" in fault_of(site)


def test_certificates_that_are_not_there_are_reported(site, tmp_path):
    site.monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    site.move("cifar10", site.server.address.replace("http", "https"))
    assert "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file that is not there" in fault_of(site)


# --- what a file holds


def test_a_published_file_that_holds_something_else(site, second):
    """The SHA-256 is the one expected, and yet these are not the images: the next source is taken."""
    wrong = {"wrong.tar.gz": archive(tiny("cifar10", seed=1))}
    site.publish("cifar10", wrong)
    (bad,) = datasets.PUBLISHED["cifar10"].sources
    assert "is not CIFAR-10 (its images are others)" in fault_of(site)
    in_a_new_process(site)
    site.publish("cifar10", offered("cifar10"), second)
    good = datasets.PUBLISHED["cifar10"]
    site.monkeypatch.setitem(datasets.PUBLISHED, "cifar10", good._replace(sources=(bad, *good.sources)))
    assert datasets.load("cifar10").genuine


@pytest.mark.parametrize(
    "content, words",
    [(WHOLE, ""), (b"<html>", "is not CIFAR-10"), (WHOLE[:99], "is not CIFAR-10")],
    ids=["whole", "a page", "cut short"],  # or the ids hold the time at which the archive was packed
)
def test_without_a_known_sha256_the_content_decides(site, content, words):
    site.server.files["mirror.tgz"] = content
    row = datasets.PUBLISHED["cifar10"]
    source = (Original(f"{site.server.address}mirror.tgz"),)
    site.monkeypatch.setitem(datasets.PUBLISHED, "cifar10", row._replace(sources=(source,)))
    if words:
        assert words in fault_of(site) and not part(site)
    else:
        assert datasets.load("cifar10").genuine


def test_a_mirror_in_another_form_serves_too(site):
    files = {"cifar10.tgz": tar(pictures("cifar10", site.arrays["cifar10"]))}
    site.publish("cifar10", files)
    assert datasets.load("cifar10").genuine


def test_no_member_of_an_archive_is_extracted(site, tmp_path, monkeypatch):
    """Plant members that an extraction by path would write outside its folder."""
    monkeypatch.chdir(tmp_path)
    evil = [("../evil", b"1"), (str(tmp_path / "evil"), b"2"), ("a/../../evil", b"3"), ("evil", b"4")]
    site.publish("cifar10", {ARCHIVE: archive(site.arrays["cifar10"], planted=evil)})
    assert datasets.load("cifar10").genuine
    assert not list(tmp_path.parent.rglob("evil"))


# --- a package index


def served_by_an_index(site, page, content_type):
    """Let the reviews be a file of a package, in an index at this machine's server."""
    file = "vaderSentiment-3.3.2.tar.gz"
    content = offered("movie_reviews")[file]
    site.server.files |= {"simple/vadersentiment/": page.encode(), f"packages/{file}": content}
    site.server.types["simple/vadersentiment/"] = content_type
    original = Original(f"pypi:vaderSentiment/{file}", len(content), sha256(content).hexdigest())
    row = datasets.PUBLISHED["movie_reviews"]._replace(sources=((original,),))
    site.monkeypatch.setitem(datasets.PUBLISHED, "movie_reviews", row)
    user = site.server.address.replace("http://", "http://me:secret@")
    site.monkeypatch.setenv("PIP_INDEX_URL", f"{user}simple")


PAGES = {
    "json": (
        '{"files": [{"filename": "other.whl", "url": "/x"}, '
        '{"filename": "vaderSentiment-3.3.2.tar.gz", "url": "../../packages/vaderSentiment-3.3.2.tar.gz"}]}',
        "application/vnd.pypi.simple.v1+json",
    ),
    "html": (
        '<html><a href="/x#sha256=1">other.whl</a><br/>\n<a class="file" '
        'href="/packages/vaderSentiment-3.3.2.tar.gz#sha256=2" data-yanked>vaderSentiment-3.3.2.tar.gz</a>',
        "text/html",
    ),
}


@pytest.mark.parametrize("form", PAGES)
def test_a_package_index_is_a_source_too(site, form):
    served_by_an_index(site, *PAGES[form])
    (row,) = datasets.fetch(["movie_reviews"], 20)
    assert (row.state, row.origin) == ("downloaded", site.server.address.split("/")[2])
    assert "vaderSentiment" not in sys.modules
    assert datasets.load("movie_reviews").sentences[1] == "No."


def test_a_package_index_without_the_file_is_named_without_its_password(site):
    served_by_an_index(site, '{"files": []}', PAGES["json"][1])
    (row,) = datasets.fetch(["movie_reviews"], 20)
    host = site.server.address.split("/")[2]
    assert row.state == "missing" and row.origin == f"{host} has no file vaderSentiment-3.3.2.tar.gz"


def test_the_index_is_the_one_that_pip_uses(monkeypatch):
    for name in package_index.SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for said, expected in (("https://mirror.example/simple\n", "https://mirror.example/simple/"), ("", None)):
        done = subprocess.CompletedProcess([], 0, stdout=said)
        monkeypatch.setattr(package_index.subprocess, "run", lambda *_, done=done, **__: done)
        assert package_index.index() == (expected or package_index.DEFAULT)


# --- where it cannot be written


def test_a_folder_that_cannot_be_made_costs_only_the_keeping(site, tmp_path, capsys):
    site.data.parent.write_text("a file where the course's folder should be")
    dataset = datasets.load("cifar10")
    assert (dataset.source, dataset.genuine) == ("downloaded", True)
    out = capsys.readouterr().out
    assert "CIFAR-10 is used from memory only: data/cifar10.npz cannot be written (Not a directory)." in out
    assert str(tmp_path) not in out


def test_a_copy_that_cannot_be_kept_costs_only_the_keeping(site, monkeypatch, capsys):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", "/somebody/else")

    monkeypatch.setattr(datasets.files, "write_whole", refuse)
    assert datasets.load("cifar10").genuine
    assert "data/cifar10.npz cannot be written (Permission denied)." in capsys.readouterr().out
    assert site.files() == []


@pytest.mark.parametrize("fault", [PermissionError(13, "Permission denied"), NotImplementedError("no locks")])
def test_without_a_lock_it_is_fetched_all_the_same(site, monkeypatch, fault):
    def refuse(*_, **__):
        raise fault

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    assert datasets.load("cifar10").genuine and site.files() == ["cifar10.npz"]
    assert not list(site.data.glob(".download/cifar10/*"))


def test_what_a_killed_process_left_of_a_copy_goes_and_what_may_be_alive_stays(site):
    site.data.mkdir(parents=True)
    dead, alive = site.data / ".cifar10.npz.part1-2", site.data / ".cifar10.npz.part3-4"
    for path in (dead, alive):
        path.write_bytes(b"half of it")
    os.utime(dead, (0, 0))
    datasets.load("cifar10")
    assert site.files() == [alive.name, "cifar10.npz"]


def test_a_full_disk_is_reported_and_no_other_source_asked(site, second, monkeypatch):
    site.publish("cifar10", offered("cifar10"), site.server, second)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_append", full)
    assert fault_of(site) == "it cannot be written (No space left on device)"
    assert second.asked == []


# --- several at once

PROCESS = """
import json, sys
from pathlib import Path
from convlab import datasets
from convlab.datasets.published import Original
folder, digests, sources, wait = json.loads(sys.argv[1])
datasets.DATA_FOLDER = Path(folder)
sources = tuple(tuple(Original(*original) for original in source) for source in sources)
row = datasets.PUBLISHED["cifar10"]._replace(sources=sources, digests=tuple(digests))
datasets.PUBLISHED["cifar10"] = row
print("ready", flush=True)
print(datasets.fetch(["cifar10"], wait)[0][2:4], flush=True)
"""


def process(site, wait=30.0):
    """Start a process that fetches the data set."""
    row = datasets.PUBLISHED["cifar10"]
    arguments = json.dumps([str(site.data), row.digests, row.sources, wait])
    command = [sys.executable, "-c", PROCESS, arguments]
    environment = os.environ | {"CONVLAB_OFFLINE": "0"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return subprocess.Popen(command, env=environment, **pipes)


def until(true, seconds=30):
    """Wait for something; fail if it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_two_processes_make_one_download(site):
    """The second waits, sees how far the first is, and takes its copy."""
    site.server.stop_after, site.server.hold = 100_000, threading.Event()
    with ExitStack() as stack:
        first, other = (stack.enter_context(process(site)) for _ in range(2))
        until(lambda: len(part(site)) == 100_000)
        site.server.stop_after = None
        time.sleep(1.5)  # the other process is waiting by now
        site.server.hold.set()
        said = [one.communicate(timeout=30) for one in (first, other)]
    states = sorted(out.splitlines()[-1].split("'")[1] for out, _ in said)
    assert states == ["downloaded", "here"] and site.files() == ["cifar10.npz"]
    places = sorted(out.splitlines()[-1].split("'")[3] for out, _ in said)
    assert places == [site.server.address.split("/")[2], "data/"]
    assert [asked for _, asked in site.server.asked] == ["", "bytes=100000-"]
    waiting = next(err for _, err in said if "waiting for another process" in err)
    assert f"{100_000 / len(WHOLE):.0%}".rstrip("%") in waiting


def test_another_process_is_not_waited_for_longer_than_it_may(site):
    site.server.stop_after, site.server.hold = 100_000, threading.Event()
    with process(site) as first:
        until(lambda: len(part(site)) == 100_000)
        begun = time.monotonic()
        words = fault_of(site, wait=0.6)
        assert time.monotonic() - begun < 1.5
        assert (
            f"another process is downloading it and has {100_000 / len(WHOLE):.0%}".replace("%", " %")
            in words
        )
        first.kill()


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_download_goes_on_in_the_next_process(site):
    site.server.stop_after, site.server.hold = 100_000, threading.Event()
    with process(site) as killed:
        until(lambda: len(part(site)) == 100_000)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert site.files() == [] and part(site) == WHOLE[:100_000]
    site.server.stop_after = None
    site.server.hold.set()
    assert datasets.load("cifar10").genuine
    assert site.server.asked[-1][1] == "bytes=100000-" and site.files() == ["cifar10.npz"]


def test_threads_of_one_process_make_one_download(site):
    start, results = threading.Barrier(4), []

    def work():
        start.wait()
        results.append(datasets.load("cifar10"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and all(dataset.genuine for dataset in results)
    assert site.files() == ["cifar10.npz"] and len(site.server.asked) == 1


# --- make run

LESSON = """
from pathlib import Path
from convlab import datasets, report
from convlab.datasets import drawn
datasets.DATA_FOLDER = Path({folder!r})
row = datasets.PUBLISHED["cifar10"]._replace(sources=(), digests={digests!r})
datasets.PUBLISHED["cifar10"] = row
drawn.make = lambda: (*drawn.draw(20, 0), *drawn.draw(10, 1))
report.summary(data=datasets.load("cifar10").source)
"""


@pytest.mark.parametrize(
    "last, source", [(None, "stand-in"), ("good", "downloaded"), ("behind a proxy that refuses", "stand-in")]
)
def test_make_run_ends_with_every_lesson_run(site, tmp_path, monkeypatch, capfd, last, source):
    """Four servers, each with a fault, and then none or a good one: fetched once, before the first lesson."""
    root, calls = tmp_path / "lessons", []
    code = LESSON.format(folder=str(site.data), digests=datasets.PUBLISHED["cifar10"].digests)
    for slug in ("01_first", "02_second"):
        plant(root, slug, cell("load", code.strip()), data=["cifar10"], tensorflow=False)
    with ExitStack() as stack:
        servers = [stack.enter_context(serving()) for _ in range(4)] + [site.server] * (last is not None)
        site.publish("cifar10", offered("cifar10"), *servers)
        for server, fault in zip(servers, (slow, tears, lies, loops)):
            fault(server, monkeypatch)
        monkeypatch.setattr(running.subprocess, "run", lambda command: calls.append(make.main(command[3:])))
        monkeypatch.setenv("DATA_WAIT", "1.5")
        if last == "behind a proxy that refuses":
            monkeypatch.setenv("HTTP_PROXY", f"http://{closed_port()}")
            monkeypatch.setenv("NO_PROXY", "")
        status = running.main(["--root", str(root), "--jobs", "1"])
    said = capfd.readouterr().out
    assert status == 0 and "2 lessons" in said and ": 2 run, 0 unchanged, 0 failed" in said
    assert said.count(source) >= 2 and len(calls) == 1
    assert site.files() == (["cifar10.npz"] if last == "good" else [])
    assert os.environ["CONVLAB_OFFLINE"] == "0"
