"""Who may use the service: passwords, sessions that end, roles."""

import hashlib
import hmac
import ipaddress
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Delete, Update, delete, func, select, update
from sqlalchemy.engine import CursorResult, Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Unit

from convlab.serving.database import Session, User, now
from convlab.serving.errors import Refused
from convlab.serving.limits import RateLimiter
from convlab.serving.settings import Settings
from convlab.serving.tokens import Signer

ROLES = ("admin", "user")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
RANDOM = re.compile(r"[A-Za-z0-9_-]{1,43}")  # what secrets.token_urlsafe writes
SHORTEST, LONGEST = 10, 200  # characters of a password
WRONG = "User or password is wrong."


@dataclass(frozen=True)
class Person:
    """Who asks: the user, the role and the session."""

    id: int
    name: str
    role: str
    session: str


class Accounts:
    """Users and their sessions, in a database.

    Args:
        engine: of the database.
        signer: makes and verifies tokens.
        settings: limits.
    """

    def __init__(self, engine: Engine, signer: Signer, settings: Settings):
        self.engine = engine
        self.signer = signer
        self.settings = settings
        self.hasher = PasswordHasher()  # argon2id, RFC 9106's second recommended option: 64 MiB, 3 passes
        self.hashing = threading.BoundedSemaphore(settings.hashes)
        self.nobody = self.hasher.hash(secrets.token_hex())
        self.addresses = RateLimiter(1 / settings.login_seconds, settings.logins)
        self.names = RateLimiter(1 / settings.login_seconds, settings.logins)
        self.familiar: OrderedDict[tuple[str, str], None] = (
            OrderedDict()
        )  # (name, network) that have logged in
        self.known: OrderedDict[str, tuple[float, Person]] = OrderedDict()  # session -> when it was looked up
        self.lock = threading.Lock()

    def add(self, name: str, password: str, role: str = "user") -> int:
        """Add a user and return its number; `Refused` for a taken name or a password that is too short."""
        if not NAME.fullmatch(name):
            raise Refused(
                422, "A name has 1 to 64 letters, digits or one of . _ @ - and begins with a letter or digit."
            )
        if not SHORTEST <= len(password) <= LONGEST:
            raise Refused(422, f"A password has {SHORTEST} to {LONGEST} characters.")
        if role not in ROLES:
            raise Refused(422, f"A role is one of {', '.join(ROLES)}.")
        user = User(name=name, password=self._hash(password), role=role)
        taken = Refused(409, "There is a user of that name, or of one that differs only in capital letters.")
        try:
            with Unit(self.engine) as unit, unit.begin():
                if unit.scalar(select(User.id).where(func.lower(User.name) == name.lower())) is not None:
                    raise taken
                unit.add(user)
                unit.flush()
                return user.id
        except IntegrityError:  # another was faster
            raise taken from None

    def remove(self, name: str) -> None:
        """Remove a user with sessions and pictures; `Refused` for nobody and for the last administrator."""
        admins = select(User.id).where(User.role == "admin")
        with Unit(self.engine) as unit, unit.begin():
            unit.scalars(admins.with_for_update()).all()  # administrators who remove each other do so in turn
            if not NAME.fullmatch(name) or not _changed(unit, delete(User).where(User.name == name)):
                raise Refused(404, "There is no user of that name.")
            if not unit.scalars(admins).all():
                raise Refused(409, "The last administrator cannot be removed.")
        with self.lock:
            self.known.clear()

    def users(self) -> list[dict]:
        """Return name and role of each user."""
        with Unit(self.engine) as unit:
            return [
                {"user": user.name, "role": user.role}
                for user in unit.scalars(select(User).order_by(User.name))
            ]

    def log_in(self, name: str, password: str, address: str) -> dict:
        """Return a token and a refresh token for a right password; else `Refused`, with 429 after many tries.

        A name that does not exist takes as long as a wrong password, so that time does not say which names
        there are.
        """
        key = name.casefold(), _network(address)
        self._limit(*key)
        user = None
        if NAME.fullmatch(name):  # others are nobody's, and not every database takes each
            with Unit(self.engine) as unit:
                user = unit.scalar(select(User).where(User.name == name))
        if not self._matches(user.password if user else self.nobody, password) or user is None:
            raise Refused(401, WRONG)
        refresh, session = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
        old = self.hasher.check_needs_rehash(user.password)
        stored = self._hash(password) if old else user.password
        same = (User.id == user.id) & (User.password == user.password)
        with Unit(self.engine) as unit, unit.begin():
            if not _changed(unit, update(User).where(same).values(password=stored)):
                raise Refused(401, WRONG)  # it was changed while we compared
            unit.execute(delete(Session).where(Session.expires < now()))
            unit.add(
                Session(
                    id=session,
                    user_id=user.id,
                    refresh=_digest(refresh),
                    expires=now() + self.settings.session_seconds,
                )
            )
        with self.lock:
            self.familiar[key] = None
            self.familiar.move_to_end(key)
            if len(self.familiar) > 10_000:
                self.familiar.popitem(last=False)
        return self._tokens(user.id, session, refresh)

    def _limit(self, name: str, network: str) -> None:
        """Count an attempt to log in; `Refused` with 429 after many for a name, or from a network.

        The network comes first: one that is refused uses up nobody's attempts. Where a name has logged in
        from a network before, its attempts from there are counted apart, so that strangers who guess cannot
        keep the owner out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
        """
        with self.lock:
            familiar = (name, network) in self.familiar
        name_key = (name, network) if familiar else name
        for limiter, key in ((self.addresses, network), (self.names, name_key)):
            if (seconds := limiter.wait(key)) > 0:
                raise Refused(429, "Too many attempts to log in. Wait.", retry=seconds)

    def refresh(self, token: str) -> dict:
        """Return new tokens for a refresh token, which works once; used again, it ends its session.

        Who has stolen a refresh token and who owns it cannot both use it: the second use shows the theft
        (RFC 9700, section 4.14.2).
        """
        session, _, secret = token.partition(".")
        new = secrets.token_urlsafe(32)
        with Unit(self.engine) as unit, unit.begin():
            row = unit.get(Session, session) if RANDOM.fullmatch(session) else None
            if row is None or row.ended or row.expires < now():
                raise Refused(401, "The session has ended. Log in again.")
            user, before = row.user_id, row.refresh
            genuine = hmac.compare_digest(before, _digest(secret))
            mine = (Session.id == session) & (Session.refresh == before)  # nobody else was faster
            change = {"refresh": _digest(new)} if genuine else {"ended": True}
            changed = _changed(unit, update(Session).where(mine).values(**change))
        if not genuine:
            self._forget(session)
            raise Refused(401, "The refresh token was used before. The session has been ended. Log in again.")
        if not changed:
            raise Refused(401, "The refresh token was used before. Log in again.")
        return self._tokens(user, session, new)

    def log_out(self, person: Person) -> None:
        """End a session: its tokens are refused from now on, although they have not expired."""
        with Unit(self.engine) as unit, unit.begin():
            unit.execute(update(Session).where(Session.id == person.session).values(ended=True))
        self._forget(person.session)

    def change_password(self, person: Person, old: str, new: str) -> None:
        """Change a password and end all of the user's other sessions; `Refused` if the old one is wrong."""
        if (seconds := self.names.wait(person.id)) > 0:  # whoever guesses at the login uses up none of these
            raise Refused(429, "Too many attempts. Wait.", retry=seconds)
        with Unit(self.engine) as unit:
            stored = unit.scalar(select(User.password).where(User.id == person.id))
        if not self._matches(stored or self.nobody, old):
            raise Refused(403, "The old password is wrong.")
        if not SHORTEST <= len(new) <= LONGEST:
            raise Refused(422, f"A password has {SHORTEST} to {LONGEST} characters.")
        hashed = self._hash(new)
        with Unit(self.engine) as unit, unit.begin():
            same = (User.id == person.id) & (User.password == stored)
            if not _changed(unit, update(User).where(same).values(password=hashed)):
                raise Refused(403, "The old password is wrong.")  # it was changed while we compared
            others = (Session.user_id == person.id) & (Session.id != person.session)
            unit.execute(update(Session).where(others).values(ended=True))
        with self.lock:
            self.known.clear()

    def person(self, token: str) -> Person:
        """Return who a token belongs to; `Refused` with 401 if its session has ended or its user is gone."""
        claims = self.signer.verify(token)
        with self.lock:
            when, person = self.known.get(claims["sid"], (-1e9, None))
        if person is None or time.monotonic() - when > self.settings.session_check_seconds:
            person = self._look_up(claims["sid"])
        if person is None or str(person.id) != claims["sub"]:
            raise Refused(401, "The session has ended. Log in again.")
        return person

    def is_known(self, token: str) -> bool:
        """Return whether `person` will answer without asking the database."""
        try:
            session = self.signer.verify(token)["sid"]
        except Refused:
            return True
        when, _ = self.known.get(session, (-1e9, None))
        return time.monotonic() - when <= self.settings.session_check_seconds

    def _look_up(self, session: str) -> Person | None:
        """Return whose session this is, from the database; None if it has ended."""
        with Unit(self.engine) as unit:
            found = unit.execute(
                select(User.id, User.name, User.role)
                .join(Session, Session.user_id == User.id)
                .where(Session.id == session, ~Session.ended, Session.expires > now())
            ).one_or_none()
        if found is None:
            self._forget(session)
            return None
        person = Person(found.id, found.name, found.role, session)
        with self.lock:
            self.known[session] = time.monotonic(), person
            self.known.move_to_end(session)
            if len(self.known) > 10_000:
                self.known.popitem(last=False)
        return person

    def _forget(self, session: str) -> None:
        with self.lock:
            self.known.pop(session, None)

    def _tokens(self, user: int, session: str, refresh: str) -> dict:
        """Return what a client gets. The refresh token names its session."""
        return {
            "token": self.signer.issue(user, session),
            "type": "bearer",
            "expires_in": self.signer.seconds,
            "refresh": f"{session}.{refresh}",
        }

    def _hash(self, password: str) -> str:
        with self._few_at_once():
            return self.hasher.hash(password)

    def _matches(self, stored: str, password: str) -> bool:
        """Return whether a password is the one; argon2 compares in constant time."""
        if len(password) > LONGEST:
            return False
        with self._few_at_once():
            try:
                return self.hasher.verify(stored, password)
            except (Argon2Error, InvalidHashError):
                return False

    @contextmanager
    def _few_at_once(self) -> Iterator[None]:
        """Let few passwords be computed at once; `Refused` with 503 for one that waits over two seconds."""
        if not self.hashing.acquire(timeout=2):
            raise Refused(503, "Too many people log in at the moment. Try again soon.", retry=2)
        try:
            yield
        finally:
            self.hashing.release()


def _changed(unit: Unit, statement: Update | Delete) -> bool:
    """Return whether an update or a deletion has found a row."""
    result = unit.execute(statement)
    assert isinstance(result, CursorResult)  # as these return
    return result.rowcount > 0


def _network(address: str) -> str:
    """Return the network of an address: itself, and of IPv6 its first 64 bits, which one client has alone.

    >>> _network("198.51.100.7"), _network("2001:db8::1"), _network("::ffff:198.51.100.7")
    ('198.51.100.7', '2001:db8::/64', '198.51.100.7')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def _digest(secret: str) -> str:
    """Return the digest under which a random secret is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
