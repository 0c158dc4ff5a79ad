"""What people with or without an account do to the service on purpose: races, floods, look-alikes."""

import gzip
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import requests
from argon2 import PasswordHasher
from serving_tools import seven
from sqlalchemy import event

from convlab.serving import models
from convlab.serving.accounts import Accounts
from convlab.serving.database import Base, engine
from convlab.serving.errors import Refused
from convlab.serving.local import Local
from convlab.serving.protection import SMALL
from convlab.serving.service import BUNDLED
from convlab.serving.settings import Settings
from convlab.serving.tokens import Keys, Signer

TIMEOUT = 120
PASSWORD = "a long password"


@pytest.fixture(scope="module")
def running():
    """A service whose limits are small enough to be reached."""
    with Local(Settings(logins=1000, body_seconds=2, uploads=1)) as service:
        yield service


@pytest.fixture(scope="module")
def header(running):
    """The administrator's header."""
    return running.log_in()


@pytest.fixture
def accounts(tmp_path):
    """Accounts without a service around them, with one user; five attempts to log in, then one an hour."""
    settings = Settings(home=tmp_path, logins=5, login_seconds=3600)
    database = engine(settings.url)
    Base.metadata.create_all(database)
    made = Accounts(database, Signer(Keys(settings.key_file), 900), settings)
    made.hasher = PasswordHasher(1, 8, 1)  # what a password costs is tested elsewhere
    made.nobody = made.hasher.hash("nobody's password")
    made.add("admin", PASSWORD, "admin")
    made.add("ada", PASSWORD)
    return made


def said(action, *arguments) -> int:
    """Return the status with which something is refused; 200 if it is not."""
    try:
        action(*arguments)
    except Refused as error:
        return error.status
    return 200


@contextmanager
def meanwhile(database, beginning, act):
    """Do something just before the first statement that begins so, as another process might."""
    acted = []

    def before(_connection, _cursor, statement, *_):
        if statement.startswith(beginning) and not acted:
            acted.append(True)
            act()

    event.listen(database, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(database, "before_cursor_execute", before)
    assert acted, f"no statement begins with {beginning}"


# Races: two requests that are each allowed alone


def test_a_login_with_the_old_password_that_ends_after_its_change_is_refused(accounts, monkeypatch):
    me = accounts.person(accounts.log_in("ada", PASSWORD, "here")["token"])
    compare, begun = accounts._matches, []

    def compare_slowly(stored, password):
        fits = compare(stored, password)
        if not begun:  # the thief's login has compared, and the owner is faster now
            begun.append(True)
            accounts.change_password(me, PASSWORD, "another password")
        return fits

    monkeypatch.setattr(accounts, "_matches", compare_slowly)
    assert said(accounts.log_in, "ada", PASSWORD, "there") == 401
    assert said(accounts.log_in, "ada", "another password", "there") == 200


def test_of_two_changes_of_a_password_at_once_one_counts(accounts):
    me = accounts.person(accounts.log_in("ada", PASSWORD, "here")["token"])
    first = lambda: accounts.change_password(me, PASSWORD, "the owner's password")  # noqa: E731
    with meanwhile(accounts.engine, "UPDATE users", first):
        assert said(accounts.change_password, me, PASSWORD, "the thief's password") == 403
    assert said(accounts.log_in, "ada", "the owner's password", "here") == 200


def test_a_user_who_is_removed_during_a_login_is_not_let_in(accounts):
    with meanwhile(accounts.engine, "UPDATE users", lambda: accounts.remove("ada")):
        assert said(accounts.log_in, "ada", PASSWORD, "here") == 401


def test_two_administrators_cannot_remove_each_other_at_once(accounts):
    accounts.add("eve", PASSWORD, "admin")
    with meanwhile(accounts.engine, "DELETE FROM users", lambda: accounts.remove("admin")):
        assert said(accounts.remove, "eve") == 409
    assert [one["user"] for one in accounts.users() if one["role"] == "admin"] == ["eve"]


def test_uploads_that_come_at_once_do_not_exceed_what_one_user_may_store(running, header):
    def store():
        again = requests.post(
            f"{running.url}/uploads", headers=header, files={"image": seven()}, timeout=TIMEOUT
        )
        assert again.status_code == 201

    with meanwhile(running.service.database, "INSERT INTO uploads", store):
        second = requests.post(
            f"{running.url}/uploads", headers=header, files={"image": seven()}, timeout=TIMEOUT
        )
    assert second.status_code == 409
    assert len(requests.get(f"{running.url}/uploads", headers=header, timeout=TIMEOUT).json()) == 1


def test_a_canary_that_is_taken_back_while_a_request_chooses_fails_no_request():
    rollout = models.Rollout(BUNDLED)
    rollout.set("1", "2", 0.5)

    class TakesItBack:
        def random(self):
            rollout.set("1")
            return -1.0

    rollout.draw = TakesItBack()
    assert rollout.choose().version in ("1", "2")
    assert rollout.answering.canary is None


def test_the_number_of_a_removed_user_is_nobody_s_again(accounts):
    first = accounts.add("bob", PASSWORD)
    accounts.remove("bob")
    assert accounts.add("carol", PASSWORD) > first


# Names


@pytest.mark.parametrize("name", ["Ada", "ADA"])
def test_no_name_differs_from_another_in_capital_letters_alone(name, accounts):
    assert said(accounts.add, name, PASSWORD) == 409
    with meanwhile(accounts.engine, "INSERT INTO users", lambda: accounts.add("bob", PASSWORD)):
        assert said(accounts.add, "Bob", PASSWORD) == 409  # the database holds it, too


LOOK_ALIKES = [
    "\u0430da",
    "ad\u0430",
    "ada\u200b",
    "\uff41\uff44\uff41",
    "a\u0301da",
    " ada",
    "ada ",
    "ada\n",
]


@pytest.mark.parametrize("name", [*LOOK_ALIKES, "../ada", ".", "ada/..", "", "a" * 65])
def test_no_name_looks_like_another_or_like_a_path(name, accounts):
    assert said(accounts.add, name, PASSWORD) == 422
    assert said(accounts.log_in, name, PASSWORD, "here") == 401
    assert said(accounts.remove, name) == 404


# Guesses


def guess(accounts, name, addresses):
    """Return the statuses of wrong passwords from some addresses."""
    return [said(accounts.log_in, name, "a wrong password", address) for address in addresses]


def strangers(count):
    """Return addresses."""
    return [f"203.0.{n // 250}.{n % 250}" for n in range(count)]


def test_strangers_who_guess_do_not_keep_the_owner_out(accounts):
    assert said(accounts.log_in, "ada", PASSWORD, "198.51.100.7") == 200
    assert 429 in guess(accounts, "ada", strangers(8))
    assert said(accounts.log_in, "ada", PASSWORD, "198.51.100.7") == 200
    assert said(accounts.log_in, "ada", PASSWORD, "203.0.9.9") == 429  # a stranger with the right one


def test_guesses_from_where_the_owner_has_logged_in_are_counted_too(accounts):
    assert said(accounts.log_in, "ada", PASSWORD, "198.51.100.7") == 200
    assert guess(accounts, "ada", ["198.51.100.7"] * 6) == [401] * 4 + [429] * 2


def test_an_address_that_is_refused_uses_up_nobody_s_attempts(accounts):
    assert guess(accounts, "nobody", ["203.0.113.9"] * 5) == [401] * 5
    assert guess(accounts, "ada", ["203.0.113.9"] * 10) == [429] * 10
    assert said(accounts.log_in, "ada", PASSWORD, "198.51.100.7") == 200


def test_a_flood_of_names_does_not_make_the_service_forget_a_limit(accounts):
    assert guess(accounts, "ada", strangers(6))[-1] == 429
    guess(accounts, "nobody", ["198.51.100.1"] * 5)
    for number in range(accounts.names.keys + 1):
        assert said(accounts.log_in, f"n{number}", "a wrong password", "198.51.100.1") == 429
    assert said(accounts.log_in, "ada", PASSWORD, "203.0.200.1") == 429


def test_the_addresses_of_one_network_of_ipv6_are_one_client(accounts):
    addresses = [f"2001:db8::{n:x}" for n in range(1, 8)]
    statuses = [said(accounts.log_in, f"n{n}", "a wrong password", one) for n, one in enumerate(addresses)]
    assert statuses == [401] * 5 + [429] * 2
    assert guess(accounts, "ada", ["2001:db8:0:1::1", "::ffff:198.51.100.7"]) == [401] * 2


def test_who_guesses_at_the_login_does_not_stop_a_change_of_the_password(accounts):
    me = accounts.person(accounts.log_in("ada", PASSWORD, "198.51.100.7")["token"])
    assert 429 in guess(accounts, "ada", strangers(8))
    assert said(accounts.change_password, me, PASSWORD, "another password") == 200
    wrong = [said(accounts.change_password, me, "a wrong password", PASSWORD) for _ in range(6)]
    assert wrong == [403] * 4 + [429] * 2


# What is sent, and how


@contextmanager
def connected(running, receive=None):
    """A bare connection, perhaps with a small buffer for what comes."""
    with socket.socket() as connection:
        if receive:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        connection.settimeout(TIMEOUT)
        connection.connect(("127.0.0.1", int(running.url.rpartition(":")[2])))
        yield connection


@pytest.mark.parametrize("header", ["", "Authorization: Bearer a.b.c\r\n", "Authorization: Basic YTpi\r\n"])
@pytest.mark.parametrize("path", ["/predict", "/uploads"])
def test_who_has_no_token_cannot_fill_the_memory_with_pictures(path, header, running):
    with connected(running) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{header}Content-Length: 4000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * (SMALL + 1))
        assert connection.recv(12) == b"HTTP/1.1 401"  # long before the rest has come


def test_who_asks_for_much_and_reads_nothing_is_not_waited_for(running):
    connections = running.server.server_state.connections
    with connected(running, receive=2048) as connection:
        asked = b"GET /swagger/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.sendall(asked * 10)
        mine = connection.getsockname()
        while mine not in {one.client for one in connections}:
            time.sleep(0.05)
        while mine in {one.client for one in connections}:  # the test's own time limit ends this
            time.sleep(0.05)


def test_json_that_is_more_than_a_picture_is_not_even_read(running, header, monkeypatch):
    reads = SimpleNamespace(loads=lambda _: pytest.fail("it was read"))
    monkeypatch.setattr("convlab.serving.app.json", reads)
    for body in (b"[" + b"[]," * 1000 + b"1]", b"{" * 1000, b'{"a": [' + b"1," * 1000 + b"1]}"):
        kind = header | {"Content-Type": "application/json"}
        answer = requests.post(f"{running.url}/predict", data=body, headers=kind, timeout=TIMEOUT)
        assert answer.status_code == 422
        assert "little else" in answer.json()["detail"]


def test_a_compressed_body_is_not_unpacked(running, header):
    bomb = gzip.compress(bytes(50_000_000))
    for body in (bomb, gzip.compress(seven())):
        kinds = header | {"Content-Type": "image/png", "Content-Encoding": "gzip"}
        answer = requests.post(f"{running.url}/predict", data=body, headers=kinds, timeout=TIMEOUT)
        assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/uploads/", "/docs/", "/users/", "/static", "/swagger", "/health/"])
def test_no_answer_leads_to_a_host_that_the_request_has_named(path, running, header):
    named = header | {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    answer = requests.get(running.url + path, headers=named, allow_redirects=False, timeout=TIMEOUT)
    assert answer.status_code == 404
    assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "path", ["/uploads/%0d%0aSet-Cookie:%20a=1", "/%0d%0aSet-Cookie:%20a=1", "/docs?%0d%0aa:b"]
)
def test_no_line_of_a_request_becomes_a_header_of_the_answer(path, running, header):
    answer = requests.get(running.url + path, headers=header, timeout=TIMEOUT)
    assert answer.status_code in (200, 404)
    assert not {"set-cookie", "a"} & {name.lower() for name in answer.headers}


def test_a_rate_is_counted_before_a_body_is_read():
    with Local(Settings(rate=0.01, burst=1)) as service:
        header = service.log_in() | {"Content-Type": "application/json"}
        statuses = [
            requests.post(f"{service.url}/predict", data=b"{", headers=header, timeout=TIMEOUT).status_code
            for _ in range(2)
        ]
        assert statuses == [422, 429]


LARGE = """
import re, struct, zlib
from convlab.serving import pictures

def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

def peak():
    status = open("/proc/self/status", encoding="utf-8").read()
    return int(re.search(r"VmHWM: *\\s*(\\d+) kB", status)[1]) / 1e3

packer, packed = zlib.compressobj(1), []
for row in range(4000):
    ink = bytes(1000) if 1000 <= row < 1200 else b"\\xff" * 1000
    packed.append(packer.compress(b"\\0" + b"\\xff" * 7000 + ink + b"\\xff" * 8000))
header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4000, 4000, 8, 6, 0, 0, 0))
data = chunk(b"IDAT", b"".join(packed) + packer.flush())
before = peak()
pictures.digit(pictures.read(b"\\x89PNG\\r\\n\\x1a\\n" + header + data + chunk(b"IEND", b"")))
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says it in /proc")
def test_the_largest_picture_takes_no_more_memory_than_the_service_reckons_with():
    """`Service.decoding` lets two of them be decoded at once: 300 MB together."""
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)
    assert 100 < float(done.stdout) < 150  # MB: 64 of pixels, 64 while they become fewer, and little else
