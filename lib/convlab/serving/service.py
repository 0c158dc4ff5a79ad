"""The parts of one running service, joined: accounts, models, the batcher, numbers."""

import asyncio
import contextlib
import io
import json
import re
import secrets
import shutil
import threading
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import delete, func, select
from sqlalchemy.engine import CursorResult, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session as Unit

from convlab import DATA_FOLDER
from convlab.serving import logs, models, pictures
from convlab.serving.accounts import Accounts, Person
from convlab.serving.batching import Batcher
from convlab.serving.database import Base, Setting, Upload, User, alone, engine, now
from convlab.serving.errors import Refused
from convlab.serving.limits import RateLimiter
from convlab.serving.metrics import Metrics
from convlab.serving.settings import Settings
from convlab.serving.tokens import Keys, Signer

BUNDLED = DATA_FOLDER / "serving"
"""The models that come with the course."""

SMALL_FILE, SMALL_PIXELS = 20_000, 100_000  # bytes and pixels of a picture that is read within a millisecond
NO_PICTURE = "You have no picture of that number."
STORED_SIDE = 512  # pixels; a stored picture is not larger


def prepare(settings: Settings) -> str | None:
    """Make what the service needs on its first start: folder, keys, models, tables, an administrator.

    Return the administrator's password if one was made, which is the only time that anybody sees it.
    """
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    Keys(settings.key_file)
    if not settings.models and not models.versions(settings.model_folder):
        shutil.copytree(BUNDLED, settings.model_folder, dirs_exist_ok=True)
    database = engine(settings.url)
    with alone(database):  # several machines may start at once
        Base.metadata.create_all(database)
        if settings.url.startswith("sqlite"):
            (settings.home / "service.db").chmod(0o600)
        with Unit(database) as unit:
            if unit.scalar(select(func.count()).select_from(User)):
                return None
        password = secrets.token_urlsafe(12)
        accounts(settings, database).add("admin", password, "admin")
        return password


def accounts(settings: Settings, database: Engine) -> Accounts:
    """Return the accounts of a service in its database."""
    return Accounts(database, Signer(Keys(settings.key_file), settings.token_seconds), settings)


class Service:
    """What the handlers of requests use."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.metrics = Metrics()
        self.database = engine(settings.url)
        self.accounts = accounts(settings, self.database)
        self.rollout = models.Rollout(settings.model_folder, settings.threads)
        self.batcher = Batcher(
            settings.batch, settings.waiting, settings.patience, self.metrics.batches.observe
        )
        self.rates = RateLimiter(settings.rate, settings.burst)
        self.decoding = asyncio.Semaphore(2)  # large pictures at once: 140 MB each at most
        self.inside = 0  # predictions that have begun
        self.following: asyncio.Task | None = None
        self.changing = threading.Lock()
        self.state = ""

    async def start(self) -> None:
        """Load the models that the database names and begin to answer."""
        try:
            await asyncio.to_thread(self.follow)
        except SQLAlchemyError:  # the database is away: the service starts, and is ready once it is back
            logs.LOGGER.exception("no database")
        self.batcher.start()
        self.following = asyncio.create_task(self._keep_following())

    async def stop(self) -> None:
        """Answer what has begun, then stop."""
        if self.following is not None:
            self.following.cancel()
            await asyncio.gather(self.following, return_exceptions=True)
        await self.batcher.stop()
        self.database.dispose()

    async def _keep_following(self) -> None:
        while True:
            await asyncio.sleep(1)
            with contextlib.suppress(SQLAlchemyError):
                await asyncio.to_thread(self.follow)

    def follow(self) -> None:
        """Use the models that the database names; where they do not load, go on with those that do."""
        with self.changing:  # from before the look: else a change in between would be undone
            with Unit(self.database) as unit:
                state = unit.scalar(select(Setting.value).where(Setting.name == "rollout")) or ""
            if state == self.state and self.rollout.answering.active is not None:
                return
            wanted = json.loads(state) if state else {"active": self._first(), "canary": None, "share": 0.0}
            try:
                self.rollout.set(**wanted)
            except models.ModelError as error:
                if self.state != state:
                    logs.LOGGER.error("model", extra={"fields": {"reason": str(error)}})
            else:
                self._show()
            self.state = state

    def _first(self) -> str:
        """Return the version with which a new service begins."""
        return next(iter(models.versions(self.settings.model_folder)), "")

    def set_models(self, active: str, canary: str | None, share: float) -> dict:
        """Let these versions answer, here at once and in other processes within a second."""
        value = json.dumps({"active": active, "canary": canary, "share": share})
        with self.changing:
            before = self.rollout.answering
            try:
                self.rollout.set(active, canary, share)
            except models.ModelError as error:
                raise Refused(409, str(error)) from None
            try:
                with Unit(self.database) as unit, unit.begin():
                    unit.merge(Setting(name="rollout", value=value))
            except SQLAlchemyError:
                self.rollout.answering = before
                raise
            self.state = value
            self._show()
        logs.event("models", active=active, canary=canary, share=share)
        return self.models()

    def _show(self) -> None:
        for version in models.versions(self.settings.model_folder):
            active = self.rollout.answering.active
            self.metrics.version.labels(version).set(active is not None and active.version == version)

    def models(self) -> dict:
        """Return which versions there are and which answer."""
        answering = self.rollout.answering
        active, canary = answering.active, answering.canary
        return {
            "versions": models.versions(self.settings.model_folder),
            "active": active.version if active else None,
            "canary": canary.version if canary else None,
            "share": answering.share,
        }

    def admit(self, person: Person) -> None:
        """Count one prediction of a user; `Refused` with 429 beyond what one may ask for."""
        if (seconds := self.rates.wait(person.id)) > 0:
            raise Refused(429, "You ask for more predictions than you may. Wait.", retry=seconds)

    async def predict(self, data: bytes, content_type: str) -> dict:
        """Return what a model says of a picture."""
        answer, _ = await self._read_and_answer(data, content_type)
        return answer

    async def _read_and_answer(self, data: bytes, content_type: str) -> tuple[dict, Image.Image]:
        if self.inside >= self.settings.waiting:  # before any work is put into it
            raise Refused(503, "The service is busy. Try again soon.", retry=1)
        self.inside += 1
        try:
            picture, image = await self._read(data, content_type)
            model = self.rollout.choose()
            shares, heat = await self.batcher.answer(model, image)
        finally:
            self.inside -= 1
        best = int(shares.argmax())
        self.metrics.predictions.labels(model.version, str(best)).inc()
        self.metrics.confidence.labels(model.version).observe(float(shares[best]))
        self.metrics.ink.observe(float(image.mean()) / 255)
        answer = {
            "label": best,
            "confidence": round(float(shares[best]), 6),
            "probabilities": [round(float(share), 6) for share in shares],
            "heat": heat[:, :, best].astype(float).round(4).tolist(),
            "image": image.tolist(),
            "model": model.version,
        }
        return answer, picture

    async def _read(self, data: bytes, content_type: str) -> tuple[Image.Image, np.ndarray]:
        """Return a picture and its digit: a small one here, a large one in a thread, for it takes longer."""
        if len(data) <= SMALL_FILE:
            try:
                picture = pictures.read(data, content_type, SMALL_PIXELS)
                return picture, pictures.digit(picture)
            except Refused as error:
                if error.status != 413:
                    raise
        async with self.decoding:
            return await asyncio.to_thread(self._read_large, data, content_type)

    def _read_large(self, data: bytes, content_type: str) -> tuple[Image.Image, np.ndarray]:
        picture = pictures.read(data, content_type, self.settings.pixels, self.settings.side)
        return picture, pictures.digit(picture)

    async def store(self, person: Person, data: bytes, content_type: str) -> dict:
        """Predict, store the picture for its owner, and return both; what was returned is on the disk."""
        answer, picture = await self._read_and_answer(data, content_type)
        picture.thumbnail((STORED_SIDE, STORED_SIDE))
        file = io.BytesIO()
        picture.save(file, "PNG")  # written anew: what the camera noted about place and owner stays out
        upload = Upload(
            id=secrets.token_hex(16),
            user_id=person.id,
            created=now(),
            picture=file.getvalue(),
            label=str(answer["label"]),
            confidence=answer["confidence"],
            model=answer["model"],
        )
        return answer | {"id": await asyncio.to_thread(self._insert, upload)}

    def _insert(self, upload: Upload) -> str:
        """Insert a picture, then count: those that come at the same time do so one after the other.

        PostgreSQL locks the user's row for it; SQLite lets one write at a time, from the insertion on.
        """
        number, owner = upload.id, upload.user_id
        with Unit(self.database) as unit, unit.begin():
            if unit.scalar(select(User.id).where(User.id == owner).with_for_update()) is None:
                raise Refused(401, "The session has ended. Log in again.")  # the user was removed meanwhile
            unit.add(upload)
            try:
                unit.flush()
            except IntegrityError:  # or just now
                raise Refused(401, "The session has ended. Log in again.") from None
            mine = select(func.count()).select_from(Upload).where(Upload.user_id == owner)
            if (unit.scalar(mine) or 0) > self.settings.uploads:
                raise Refused(409, f"You have stored {self.settings.uploads} pictures. Delete some.")
        return number

    def uploads(self, person: Person) -> list[dict]:
        """Return what a user has stored, newest first."""
        with Unit(self.database) as unit:
            rows = unit.scalars(
                select(Upload).where(Upload.user_id == person.id).order_by(Upload.created.desc())
            )
            return [_facts(row) for row in rows]

    def upload(self, person: Person, number: str) -> Upload:
        """Return a picture of this user; `Refused` with 404 if it is somebody else's or does not exist."""
        _check_number(number)
        with Unit(self.database) as unit:
            row = unit.scalar(select(Upload).where(Upload.id == number, Upload.user_id == person.id))
        if row is None:
            raise Refused(404, NO_PICTURE)
        return row

    def delete_upload(self, person: Person, number: str) -> None:
        """Delete a picture of this user; `Refused` with 404 if it is not there."""
        _check_number(number)
        with Unit(self.database) as unit, unit.begin():
            mine = (Upload.id == number) & (Upload.user_id == person.id)
            deleted = unit.execute(delete(Upload).where(mine))
            assert isinstance(deleted, CursorResult)  # as a deletion returns
            if not deleted.rowcount:
                raise Refused(404, NO_PICTURE)

    def ready(self) -> None:
        """Raise unless the database answers and a model is loaded."""
        with Unit(self.database) as unit:
            unit.execute(select(1))
        if self.rollout.answering.active is None:
            raise Refused(503, "No model is ready.", retry=5)


def _check_number(number: str) -> None:
    """Refuse what is no number of a picture, before the database sees it: PostgreSQL takes no NUL."""
    if not re.fullmatch("[0-9a-f]{32}", number):
        raise Refused(404, NO_PICTURE)


def _facts(row: Upload) -> dict:
    """Return what a list says of a stored picture."""
    return {
        "id": row.id,
        "label": int(row.label),
        "confidence": row.confidence,
        "model": row.model,
        "created": row.created,
    }


def page(name: str) -> Path:
    """Return a file of the page."""
    return Path(__file__).parent / "page" / name
