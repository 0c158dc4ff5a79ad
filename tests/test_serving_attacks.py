"""Each attack that lesson 26 tries, and some more: refused with a sentence, and nothing secret is let out."""

import base64
import hashlib
import hmac
import io
import json
import logging
import os
import socket
import stat
import time
from contextlib import closing
from dataclasses import replace

import jwt
import pytest
import requests
from fastapi.exceptions import RequestValidationError
from serving_tools import seven

from convlab.serving import logs
from convlab.serving.accounts import Accounts
from convlab.serving.database import engine
from convlab.serving.errors import Refused
from convlab.serving.local import Local
from convlab.serving.protection import SMALL
from convlab.serving.service import prepare
from convlab.serving.settings import Settings
from convlab.serving.tokens import Keys, Signer

TIMEOUT = 60


@pytest.fixture(scope="module")
def running():
    """A service whose limits are small enough to be reached."""
    with Local(Settings(logins=1000, body_bytes=200_000, body_seconds=3, uploads=3)) as service:
        yield service


@pytest.fixture(scope="module")
def token(running):
    """The administrator's token."""
    return running.log_in()["Authorization"].removeprefix("Bearer ")


def me(running, token):
    return requests.get(f"{running.url}/me", headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT)


def part(data) -> str:
    """Return a part of a token."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header, claims, key) -> str:
    """Return a token signed by hand, whatever its header says."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.new(key, text.encode(), hashlib.sha256).digest())}"


def key_of(running):
    """Return the name and the bytes of the key that signs."""
    return Keys(running.settings.home / "keys.json").all()[0]


def test_a_token_by_hand_with_the_right_key_passes(running, token):
    """Otherwise the tests below would refuse for the wrong reason."""
    kid, key = key_of(running)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert me(running, signed({"alg": "HS256", "kid": kid}, claims, key)).status_code == 200


FORGERIES = {
    "algorithm none": lambda head, claims, key: f"{part(head | {'alg': 'none'})}.{part(claims)}.",
    "algorithm None": lambda head, claims, key: f"{part(head | {'alg': 'None'})}.{part(claims)}.",
    "no algorithm": lambda head, claims, key: signed({"kid": head["kid"]}, claims, key),
    "another algorithm, the right key": lambda head, claims, key: jwt.encode(
        claims, key * 2, "HS512", headers=head
    ),
    "a public key's algorithm": lambda head, claims, key: signed(head | {"alg": "RS256"}, claims, key),
    "another key": lambda head, claims, key: signed(head, claims, b"x" * 32),
    "no key": lambda head, claims, key: signed(head, claims, b""),
    "the key's name as key": lambda head, claims, key: signed(head, claims, head["kid"].encode()),
    "a key that is not ours": lambda head, claims, key: signed(head | {"kid": "0000"}, claims, key),
    "a key by path": lambda head, claims, key: signed(head | {"kid": "../../../dev/null"}, claims, b""),
    "a key that is a list": lambda head, claims, key: signed(head | {"kid": ["a"]}, claims, key),
    "a key within the token": lambda head, claims, key: signed(
        head | {"kid": None, "jwk": {"kty": "oct", "k": part(b"x" * 32)}}, claims, b"x" * 32
    ),
    "a key by address": lambda head, claims, key: signed(
        head | {"kid": None, "jku": "http://127.0.0.1:1/keys"}, claims, b"x" * 32
    ),
    "another user": lambda head, claims, key: signed(head, claims | {"sub": "2"}, key),
    "another session": lambda head, claims, key: signed(head, claims | {"sid": "guess"}, key),
    "SQL for a session": lambda head, claims, key: signed(head, claims | {"sid": "' OR 1=1 --"}, key),
    "a session that is a number": lambda head, claims, key: signed(head, claims | {"sid": 1}, key),
    "a session that is a list": lambda head, claims, key: signed(head, claims | {"sid": ["a"]}, key),
    "expired": lambda head, claims, key: signed(head, claims | {"exp": int(time.time()) - 60}, key),
    "expires as text": lambda head, claims, key: signed(head, claims | {"exp": "never"}, key),
    "never expires": lambda head, claims, key: signed(
        head, {k: v for k, v in claims.items() if k != "exp"}, key
    ),
    "from the future": lambda head, claims, key: signed(head, claims | {"iat": int(time.time()) + 3600}, key),
    "for another service": lambda head, claims, key: signed(head, claims | {"aud": "bank"}, key),
    "from another service": lambda head, claims, key: signed(head, claims | {"iss": "bank"}, key),
    "claims that are a list": lambda head, claims, key: signed(head, [1, 2], key),
    "half of it": lambda head, claims, key: signed(head, claims, key)[:-20],
    "its signature twice": lambda head, claims, key: signed(head, claims, key) + ".x",
    "empty": lambda head, claims, key: "x",
    "no JSON": lambda head, claims, key: f"{part(b'no')}.{part(b'no')}.{part(b'no')}",
    "very long": lambda head, claims, key: signed(head, claims | {"x": "y" * 20_000}, b"x" * 32),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused(name, running, token):
    kid, key = key_of(running)
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = FORGERIES[name]({"alg": "HS256", "typ": "JWT", "kid": kid}, claims, key)
    said = me(running, forged)
    assert said.status_code == 401, name
    assert said.json()["detail"].endswith("Log in again.")
    assert said.headers["WWW-Authenticate"] == "Bearer"
    assert forged not in said.text


def test_a_changed_letter_of_a_token_is_refused_wherever_it_stands(running, token):
    body = token.rpartition(".")[0]
    for place in range(0, len(body), 7):
        if token[place] != ".":
            other = "A" if token[place] != "A" else "B"
            assert me(running, token[:place] + other + token[place + 1 :]).status_code == 401, place


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YWRtaW46YWRtaW4=", "bearer  x y", "Token x"]
)
def test_no_token_is_refused_with_what_to_do(running, header):
    said = requests.get(f"{running.url}/me", headers={"Authorization": header}, timeout=TIMEOUT)
    assert said.status_code == 401
    assert "og in" in said.json()["detail"]


def test_a_token_in_the_address_is_not_a_token(running, token):
    said = requests.get(f"{running.url}/me?token={token}&access_token={token}", timeout=TIMEOUT)
    assert said.status_code == 401


def test_a_new_key_signs_the_old_one_still_verifies_and_the_one_before_does_not(tmp_path):
    keys = Keys(tmp_path / "keys.json")
    signer = Signer(keys, 900)
    first = signer.issue(1, "s")
    Keys(tmp_path / "keys.json").rotate()  # another process
    second = signer.issue(1, "s")
    assert jwt.get_unverified_header(first)["kid"] != jwt.get_unverified_header(second)["kid"]
    assert signer.verify(first)["sid"] == signer.verify(second)["sid"] == "s"
    keys.rotate()
    assert signer.verify(second)
    with pytest.raises(Refused, match="we do not have"):
        signer.verify(first)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_nobody_else_may_read_keys_and_database(tmp_path):
    prepare(Settings(home=tmp_path / "home"))
    for name in ("keys.json", "service.db"):
        assert stat.S_IMODE((tmp_path / "home" / name).stat().st_mode) == 0o600
    Keys(tmp_path / "home/keys.json").rotate()
    assert stat.S_IMODE((tmp_path / "home/keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


@pytest.fixture
def accounts(tmp_path):
    """Accounts without a service around them, with one user."""
    settings = Settings(home=tmp_path, logins=5, login_seconds=3600)
    prepare(settings)
    made = Accounts(engine(settings.url), Signer(Keys(tmp_path / "keys.json"), 900), settings)
    made.add("ada", "a long password")
    return made


def test_guessing_a_password_is_stopped_and_a_right_one_comes_too_late(accounts):
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            accounts.log_in("ada", "password123", "198.51.100.7")
        assert refused.value.status == 401
    for address in ("198.51.100.7", "203.0.113.9"):  # from another address, too
        with pytest.raises(Refused) as refused:
            accounts.log_in("ADA" if address[0] == "1" else "ada", "a long password", address)
        assert refused.value.status == 429
        assert 0 < refused.value.retry <= 3600


def test_one_address_that_tries_many_names_is_stopped(accounts):
    said = []
    for number in range(7):
        with pytest.raises(Refused) as refused:
            accounts.log_in(f"user{number}", "password123", "198.51.100.7")
        said.append(refused.value.status)
    assert said == [401] * 5 + [429] * 2


def test_who_waits_as_long_as_the_answer_says_may_try_again():
    with Local(Settings(logins=1, login_seconds=1)) as service:
        body = {"user": "admin", "password": service.password}
        assert requests.post(f"{service.url}/login", json=body, timeout=TIMEOUT).status_code == 200
        stopped = requests.post(f"{service.url}/login", json=body, timeout=TIMEOUT)
        while stopped.status_code == 429:  # the first may have taken longer than a second
            time.sleep(int(stopped.headers["Retry-After"]))
            stopped = requests.post(f"{service.url}/login", json=body, timeout=TIMEOUT)
        assert stopped.status_code == 200


def test_a_name_that_does_not_exist_is_answered_in_the_same_words_and_by_the_same_work(accounts, monkeypatch):
    compared = []
    verify = accounts.hasher.verify

    def noted(stored, password):
        compared.append(stored[:40])
        return verify(stored, password)

    monkeypatch.setattr(type(accounts.hasher), "verify", lambda self, *both: noted(*both))
    said = []
    for name in ("ada", "nobody"):
        with pytest.raises(Refused) as refused:
            accounts.log_in(name, "wrong password", name)
        said.append((refused.value.status, refused.value.sentence))
    assert said[0] == said[1]
    assert len(compared) == 2
    assert compared[0].rpartition("$")[0] == compared[1].rpartition("$")[0]  # argon2id with the same costs


def test_passwords_are_stored_as_argon2id_and_no_two_alike(accounts):
    from sqlalchemy import text

    accounts.add("bob", "a long password")
    with accounts.engine.connect() as connection:
        stored = connection.execute(text("SELECT password FROM users")).scalars().all()
    assert len(set(stored)) == len(stored) == 3
    assert all(one.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for one in stored)


def test_secrets_are_compared_in_constant_time(accounts, monkeypatch):
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    tokens = accounts.log_in("ada", "a long password", "here")
    accounts.refresh(tokens["refresh"])
    assert len(compared) == 1
    assert accounts.signer.verify(tokens["token"])
    assert len(compared) == 2  # PyJWT's comparison of signatures


def test_a_session_ends_by_itself(accounts, monkeypatch):
    tokens = accounts.log_in("ada", "a long password", "here")
    later = time.time() + accounts.settings.session_seconds + 1
    for module in ("accounts", "tokens"):
        monkeypatch.setattr(f"convlab.serving.{module}.now", lambda: later)
    with pytest.raises(Refused, match="session has ended"):
        accounts.refresh(tokens["refresh"])


def test_many_who_log_in_at_once_take_the_memory_of_two(accounts):
    for _ in range(accounts.settings.hashes):
        accounts.hashing.acquire()
    with pytest.raises(Refused) as refused:
        accounts.log_in("ada", "a long password", "here")
    assert (refused.value.status, refused.value.retry) == (503, 2)


INJECTED = [
    "' OR '1'='1",
    "admin'--",
    'admin"; DROP TABLE users;--',
    "admin\0",
    "\u202eadmin",
    "${jndi:ldap://x}",
]


@pytest.mark.parametrize("name", INJECTED)
def test_code_for_a_name_is_a_name_that_does_not_exist(name, running):
    body = {"user": name, "password": "' OR '1'='1"}
    said = requests.post(f"{running.url}/login", json=body, timeout=TIMEOUT)
    assert said.status_code == 401
    assert name not in said.text


BODIES = {
    "empty": b"",
    "no JSON": b"{user: admin}",
    "a list": b"[1, 2]",
    "a number": b"1",
    "null": b"null",
    "not UTF-8": b'{"user": "\xff\xfe", "password": "x"}',
    "half": b'{"user": "admin", "pass',
    "deep": b"[" * 30_000,
    "numbers for names": b'{"user": 1, "password": 2}',
    "lists for names": b'{"user": ["admin"], "password": {"$ne": null}}',
    "no password": b'{"user": "admin"}',
    "very long": b'{"user": "admin", "password": "' + b"x" * 2000 + b'"}',
    "not a number": b"NaN",
    "half of a surrogate pair": b'{"user": "admin", "password": "\\ud800", "refresh": "a.\\ud800"}',
    "half of a pair for a name": b'{"user": "\\udfff", "password": "x", "refresh": "\\udfff"}',
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/login", "/refresh"])
def test_a_body_that_is_none_is_refused(path, name, running):
    kind = {"Content-Type": "application/json"}
    said = requests.post(running.url + path, data=BODIES[name], headers=kind, timeout=TIMEOUT)
    assert said.status_code in (400, 422)
    assert said.json()["detail"].endswith(".")
    assert "xxxx" not in said.text


SECRET = "correct horse battery"


def repeating(running, token) -> list[str]:
    """Return the refused requests whose answer repeats the password or the token that was sent."""
    header = {"Authorization": f"Bearer {token}"}
    asked = {
        "a user of wrong types": ("/users", header, {"user": {"a": SECRET}, "password": [SECRET]}, 422),
        "a user of a wrong role": ("/users", header, {"user": "ada", "password": SECRET, "role": "x"}, 422),
        "passwords of wrong types": ("/password", header, {"old": [SECRET], "new": {"x": SECRET}}, 422),
        "a wrong old password": ("/password", header, {"old": SECRET, "new": SECRET + "!"}, 403),
        "a refresh token of a wrong type": ("/refresh", {}, {"refresh": [SECRET]}, 422),
        "a wrong refresh token": ("/refresh", {}, {"refresh": SECRET}, 401),
        "a login of wrong types": ("/login", {}, {"user": "ada", "password": [SECRET]}, 422),
        "a wrong login": ("/login", {}, {"user": "ada", "password": SECRET}, 401),
        "a wrong token": ("/logout", {"Authorization": f"Bearer {SECRET}"}, {}, 401),
    }
    found = []
    for name, (path, head, body, status) in asked.items():
        said = requests.post(running.url + path, json=body, headers=head, timeout=TIMEOUT)
        assert said.status_code == status, (name, said.text)
        if SECRET in said.text or token in said.text:
            found.append(name)
    return found


def test_a_refused_body_is_not_repeated_for_it_may_be_a_password(running, token):
    assert repeating(running, token) == []


def test_fault_an_answer_that_repeats_a_password_is_found(running, token, monkeypatch):
    """Pydantic's errors hold what was sent, and a careless handler would write it into its sentence."""
    errors = RequestValidationError.errors

    def careless(error):
        return [one | {"msg": f"{one['msg']}, not {one['input']}"} for one in errors(error)]

    monkeypatch.setattr(RequestValidationError, "errors", careless)
    types = ("a user of wrong types", "passwords of wrong types", "a refresh token of a wrong type")
    assert repeating(running, token) == list(types)


def connected(running, seconds=30):
    """Return a bare connection."""
    host, port = running.url.removeprefix("http://").split(":")
    return closing(socket.create_connection((host, int(port)), timeout=seconds))


def answer_to(connection) -> bytes:
    """Return all that the other side sends until it closes."""
    parts = []
    while data := connection.recv(65536):
        parts.append(data)
    return b"".join(parts)


@pytest.mark.parametrize("path", ["/predict", "/login"])
def test_too_long_a_body_is_refused_before_it_has_come(path, running, token):
    most = 200_000 if path == "/predict" else SMALL
    with connected(running) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        head += "Content-Length: 9000000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * (most + 1))
        said = answer_to(connection)
    assert said.startswith(b"HTTP/1.1 413")
    assert b"is most" in said


def test_a_body_in_pieces_is_counted_too(running):
    with connected(running) as connection:
        connection.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall((b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 2)
        assert answer_to(connection).startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_come_is_not_waited_for(running):
    with connected(running) as connection:
        connection.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        said = answer_to(connection)
    assert said.startswith(b"HTTP/1.1 408")
    assert b"within 3 seconds" in said


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nX-a: b"])
def test_a_head_that_does_not_come_is_not_waited_for(sent, running):
    with connected(running) as connection:
        connection.sendall(sent)
        assert answer_to(connection) == b""  # closed by the other side; else the socket's limit raises


def test_a_byte_now_and_then_does_not_keep_a_connection(running):
    with connected(running) as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        for _ in range(300):
            time.sleep(0.1)
            connection.sendall(b"X-a: b\r\n")


def test_others_are_answered_while_a_hundred_clients_are_slow(running):
    connections = []
    try:
        for _ in range(100):
            one = socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])))
            one.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx")
            connections.append(one)
        assert requests.get(f"{running.url}/health", timeout=TIMEOUT).status_code == 200
    finally:
        for one in connections:
            one.close()


def test_bodies_in_memory_are_counted_together_and_forgotten_again():
    with Local(Settings(memory_bytes=150_000, body_bytes=100_000, body_seconds=30)) as service:
        header = service.log_in()
        with connected(service) as one:
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: {header['Authorization']}\r\n"
            one.sendall(f"{head}Content-Length: 99000\r\n\r\n".encode() + b"x" * 98_000)
            stopped = None
            while stopped is None or stopped.status_code != 503:  # until what the first has sent has arrived
                data = {"data": b"x" * 60_000, "headers": header | {"Content-Type": "image/png"}}
                stopped = requests.post(f"{service.url}/predict", timeout=TIMEOUT, **data)
            assert int(stopped.headers["Retry-After"]) >= 1
        while requests.post(f"{service.url}/predict", timeout=TIMEOUT, **data).status_code == 503:
            pass  # until it has been noticed that the first has gone


PATHS = [
    "/static/../app.py",
    "/static/%2e%2e/app.py",
    "/static/..%2f..%2fapp.py",
    "/static/....//app.py",
    "/static/%2e%2e%5capp.py",
    "/static//etc/passwd",
    "/swagger/../../../../../../etc/passwd",
    "/swagger/%2e%2e/%2e%2e/__init__.py",
    "/../keys.json",
    "/keys.json",
    "/service.db",
    "/.git/config",
    "/static/",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_to_another_file(path, running):
    with connected(running) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        said = answer_to(connection)
    assert said.split()[1] in (b"404", b"405")
    assert b"def " not in said and b"root:" not in said


@pytest.mark.parametrize("version", ["../1", "/etc/passwd", "..", "", "1\0", "x" * 40, "1.onnx"])
def test_no_version_leads_to_another_file(version, running, token):
    header = {"Authorization": f"Bearer {token}"}
    said = requests.put(f"{running.url}/models", json={"active": version}, headers=header, timeout=TIMEOUT)
    assert said.status_code in (409, 422)


def test_a_user_cannot_fill_the_disk(running, token):
    header = {"Authorization": f"Bearer {token}"}
    said = [
        requests.post(f"{running.url}/uploads", files={"image": seven()}, headers=header, timeout=TIMEOUT)
        for _ in range(4)
    ]
    assert [one.status_code for one in said] == [201, 201, 201, 409]


def test_a_user_cannot_ask_without_end():
    with Local(Settings(rate=0.1, burst=3)) as service:
        header = service.log_in()
        said = [
            requests.post(f"{service.url}/predict", files={"image": seven()}, headers=header, timeout=TIMEOUT)
            for _ in range(4)
        ]
        assert [one.status_code for one in said] == [200, 200, 200, 429]
        assert 1 <= int(said[3].headers["Retry-After"]) <= 11


def test_browsers_are_asked_to_run_nothing_foreign(running):
    for path in ("/", "/docs", "/health", "/nowhere", "/static/page.js"):
        said = requests.get(running.url + path, timeout=TIMEOUT)
        assert "default-src 'none'" in said.headers["Content-Security-Policy"], path
        assert said.headers["X-Content-Type-Options"] == "nosniff"
        assert said.headers["X-Frame-Options"] == "DENY"
        assert "Server" not in said.headers
        assert "Access-Control-Allow-Origin" not in said.headers


@pytest.fixture
def written(caplog):
    """What the service logs, as its lines are written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    level = logging.root.level
    logging.root.addHandler(handler)
    logs.LOGGER.setLevel(logging.INFO)
    logging.root.setLevel(logging.DEBUG)
    yield stream
    logging.root.removeHandler(handler)
    logging.root.setLevel(level)


def test_no_secret_and_no_person_is_logged(written, tmp_path):
    with Local(Settings(home=tmp_path)) as service:
        secret = "correct horse battery staple"
        admin = service.log_in()
        add = {"user": "ada.lovelace", "password": secret}
        requests.post(f"{service.url}/users", json=add, headers=admin, timeout=TIMEOUT)
        requests.post(f"{service.url}/login", json=add | {"password": secret + "!"}, timeout=TIMEOUT)
        tokens = requests.post(f"{service.url}/login", json=add, timeout=TIMEOUT).json()
        header = {"Authorization": f"Bearer {tokens['token']}"}
        requests.post(f"{service.url}/predict", files={"image": seven()}, headers=header, timeout=TIMEOUT)
        requests.get(
            f"{service.url}/uploads/{secret.replace(' ', '')}?token={secret}", headers=header, timeout=TIMEOUT
        )
        requests.post(f"{service.url}/refresh", json={"refresh": tokens["refresh"]}, timeout=TIMEOUT)
        requests.post(f"{service.url}/login", data=b"{" + secret.encode(), timeout=TIMEOUT)
        service.service.database.dispose()

        def fails(*_):
            raise RuntimeError(f"password={secret}")

        service.service.batcher.answer = fails
        failed = requests.post(
            f"{service.url}/predict", files={"image": seven()}, headers=header, timeout=TIMEOUT
        )
    assert failed.status_code == 500
    assert secret not in failed.text
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    number = failed.headers["X-Request-Id"]
    assert number in failed.json()["detail"]
    assert any(line.get("request") == number and line.get("error") == "RuntimeError" for line in lines)
    assert {"/login", "/predict", "/users"} <= {line.get("route") for line in lines}
    for word in (
        secret,
        "correcthorse",
        service.password,
        tokens["token"],
        tokens["refresh"],
        "lovelace",  # not "ada", which the hexadecimal number of a request may hold
        "127.0.0.1",
    ):
        assert word not in written.getvalue(), word


def test_fault_a_secret_in_a_line_is_found(written):
    logs.event("login", password="correct horse battery staple")
    assert "correct horse" in written.getvalue()


def test_a_clock_that_is_set_back_does_not_let_old_tokens_live(accounts, monkeypatch):
    token = accounts.log_in("ada", "a long password", "here")["token"]
    real = time.time()
    monkeypatch.setattr("convlab.serving.tokens.now", lambda: real + 3600)
    early = accounts.signer.issue(1, "s")  # made while the clock was an hour ahead
    with pytest.raises(Refused, match="not valid"):
        accounts.signer.verify(early)
    assert accounts.signer.verify(token)


def test_limits_do_not_see_the_time_of_day(accounts):
    for limiter in (accounts.addresses, accounts.names):
        assert limiter.clock is time.monotonic


def test_settings_come_from_the_environment_and_a_word_for_a_number_is_named(monkeypatch):
    monkeypatch.setenv("CONVLAB_SERVE_TOKEN_SECONDS", "60")
    assert Settings.from_environment().token_seconds == 60
    assert replace(Settings(), batch=3).batch == 3
    monkeypatch.setenv("CONVLAB_SERVE_BATCH", "many")
    with pytest.raises(ValueError, match="CONVLAB_SERVE_BATCH is 'many'"):
        Settings.from_environment()
