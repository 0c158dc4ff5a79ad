"""Signed tokens that say who asks, for some minutes: JSON Web Tokens (RFC 7519), made and read by PyJWT."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import jwt

from convlab.files import write_whole
from convlab.serving.database import now
from convlab.serving.errors import Refused

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "convlab"
CLAIMS = ["exp", "iat", "iss", "aud", "sub", "sid"]
LEEWAY = 30  # seconds by which the clocks of two machines may differ


class Keys:
    """The keys that sign tokens, newest first, in a file that its owner alone may read.

    `rotate` adds a key. The one before still verifies, so that nobody is logged out; older ones go. The file
    is read again when it has changed, so that all processes follow.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        self.read: list[tuple[str, bytes]] = []
        self.stamp = 0
        if not self.path.exists():
            self.rotate()

    def all(self) -> list[tuple[str, bytes]]:
        """Return (name, key) of each key, the signing one first."""
        stamp = self.path.stat().st_mtime_ns
        if stamp != self.stamp:
            rows = json.loads(self.path.read_text(encoding="utf-8"))
            self.read, self.stamp = [(row["kid"], bytes.fromhex(row["key"])) for row in rows], stamp
        return self.read

    def rotate(self) -> None:
        """Sign with a new key from now on; the key before still verifies."""
        before = self.all()[:1] if self.path.exists() else []
        keys = [(secrets.token_hex(4), secrets.token_bytes(32)), *before]
        rows = json.dumps([{"kid": kid, "key": key.hex()} for kid, key in keys])
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(0o600)
        write_whole(self.path, lambda file: file.write(rows.encode()))


@dataclass(frozen=True)
class Signer:
    """Makes tokens and verifies them. Built by hand in lesson 26; here PyJWT does it."""

    keys: Keys
    seconds: int

    def issue(self, user: int, session: str) -> str:
        """Return a token for a user's session that expires after `seconds`."""
        kid, key = self.keys.all()[0]
        begun = int(now())
        claims: dict[str, str | int] = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(user), "sid": session}
        claims |= {"iat": begun, "exp": begun + self.seconds}
        return jwt.encode(claims, key, ALGORITHM, headers={"kid": kid})

    def verify(self, token: str) -> dict:
        """Return the claims of a token; `Refused` with 401 if it is forged, expired, or signed otherwise.

        The algorithm is ours, never the one that the token names: a token that says `none` or a public key's
        algorithm is refused (RFC 8725, section 3.1).
        """
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next((key for name, key in self.keys.all() if name == kid), None)
            if key is None:
                raise Refused(401, "The token is signed with a key that we do not have. Log in again.")
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY if self.seconds > 10 * LEEWAY else 0,
                options={"require": CLAIMS},
            )
            if not isinstance(claims["sid"], str):
                raise jwt.InvalidTokenError
            return claims
        except jwt.ExpiredSignatureError:
            raise Refused(401, "The token has expired. Log in again.") from None
        except jwt.InvalidTokenError:
            raise Refused(401, "The token is not valid. Log in again.") from None
