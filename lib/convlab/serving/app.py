"""The service's addresses: what each takes and gives. `create_app(settings)` makes the application."""

import base64
import binascii
import json
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from convlab.serving import logs
from convlab.serving.accounts import Person
from convlab.serving.errors import Refused
from convlab.serving.protection import Protection
from convlab.serving.service import Service, page
from convlab.serving.settings import Settings
from convlab.serving.slow_clients import PunctualProtocol


class Refusal(BaseModel):
    """Why a request was refused, in a sentence."""

    detail: str


UNREACHED = (
    "The database cannot be reached or cannot store. "
    "Try again later; look first whether your change was stored."
)
MARKS = 100
"""Brackets and commas in JSON with a picture, at most: 5 MB of empty lists would occupy the service long."""
BEARER = HTTPBearer(auto_error=False, description="The token of POST /login")
REFUSALS: dict[int | str, dict] = {
    status: {"description": text, "model": Refusal}
    for status, text in {
        400: "The request cannot be read.",
        401: "No token, or one that is no longer valid.",
        403: "Not allowed for this role.",
        404: "Not found.",
        408: "The request did not arrive in time.",
        409: "In contradiction with what there is.",
        413: "Too large.",
        415: "Not a format that the service reads.",
        422: "Readable, and not what was asked for.",
        429: "Too often. Retry-After says when.",
        503: "Busy, or the database is away. Retry-After says when.",
    }.items()
}


class Login(BaseModel):
    """A user and the password."""

    user: str = Field(max_length=64)
    password: str = Field(max_length=1000)


class Tokens(BaseModel):
    """A token for the header `Authorization: Bearer …`, and one that gets the next."""

    token: str
    type: str
    expires_in: int
    refresh: str


class Refresh(BaseModel):
    """A refresh token; it works once."""

    refresh: str = Field(max_length=200)


class NewUser(BaseModel):
    """A user to add."""

    user: str = Field(max_length=64)
    password: str = Field(max_length=1000)
    role: str = Field("user", max_length=16)


class NewPassword(BaseModel):
    """The old and the new password."""

    old: str = Field(max_length=1000)
    new: str = Field(max_length=1000)


class Rollout(BaseModel):
    """Which version answers, and which a share of the requests."""

    active: str = Field(max_length=40)
    canary: str | None = Field(None, max_length=40)
    share: float = Field(0.0, ge=0, le=1)


class Prediction(BaseModel):
    """The likeliest class, its share, all shares, and where the evidence for it lies (7x7, from 0 up)."""

    label: int
    confidence: float
    probabilities: list[float]
    heat: list[list[float]]
    image: list[list[int]]
    model: str


class Stored(Prediction):
    """A prediction whose picture was stored."""

    id: str


class Facts(BaseModel):
    """What a list says of a stored picture."""

    id: str
    label: int
    confidence: float
    model: str
    created: float


PICTURE = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"image": {"type": "string", "format": "binary"}},
                    "required": ["image"],
                }
            },
            **{
                f"image/{kind}": {"schema": {"type": "string", "format": "binary"}}
                for kind in ("png", "jpeg", "webp")
            },
        },
    }
}
LOGIN = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": Login.model_json_schema()}
            for kind in ("application/json", "application/x-www-form-urlencoded")
        },
    }
}


def create_app(settings: Settings) -> FastAPI:
    """Return the application for these settings, after `service.prepare` has made what it needs."""
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        await service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="convlab",
        version="1",
        summary="A trained network behind a login (lesson 26)",
        lifespan=lifespan,
        redirect_slashes=False,  # else a redirection names the host that the request's header names
        docs_url=None,
        redoc_url=None,
        responses={status: REFUSALS[status] for status in (400, 408, 413, 422, 503)},
    )
    app.state.service = service
    _handle_errors(app)
    _add_pages(app)
    _add_accounts(app, service)
    _add_predictions(app, service)
    _add_operation(app, service)
    app.add_middleware(Protection, settings=settings, metrics=service.metrics, signer=service.accounts.signer)
    return app


def from_environment() -> FastAPI:
    """Return the application for the settings of the environment; what uvicorn's processes call."""
    logs.begin()
    settings = Settings.from_environment()
    PunctualProtocol.seconds = settings.body_seconds  # of this process, one of several
    return create_app(settings)


async def person(
    request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
) -> Person:
    """Return who asks; `Refused` with 401 without a token that is valid."""
    if bearer is None:
        raise Refused(401, "Log in first: POST /login, then send the header Authorization: Bearer TOKEN.")
    accounts = request.app.state.service.accounts
    if accounts.is_known(bearer.credentials):
        return accounts.person(bearer.credentials)
    return await run_in_threadpool(accounts.person, bearer.credentials)


async def administrator(who: Annotated[Person, Depends(person)]) -> Person:
    """Return who asks; `Refused` with 403 unless it is an administrator."""
    if who.role != "admin":
        raise Refused(403, "Only an administrator may do this.")
    return who


Who = Annotated[Person, Depends(person)]
Admin = Annotated[Person, Depends(administrator)]


def _needs(*more: int) -> dict[int | str, dict]:
    """Return the answers of an address that asks for a token."""
    return {status: REFUSALS[status] for status in (401, *more)}


def _add_accounts(app: FastAPI, service: Service) -> None:
    accounts = service.accounts

    @app.post("/login", responses=_needs(415, 429), openapi_extra=LOGIN, response_model=Tokens)
    async def login(request: Request):
        """Exchange user and password for a token, which works for some minutes."""
        asked = _login(await request.body(), request.headers.get("content-type", ""))
        address = request.client.host if request.client else ""
        try:
            tokens = await run_in_threadpool(accounts.log_in, asked.user, asked.password, address)
        except Refused as error:
            service.metrics.logins.labels(str(error.status)).inc()
            raise
        service.metrics.logins.labels("200").inc()
        return tokens

    @app.post("/refresh", responses=_needs(), response_model=Tokens)
    def refresh(asked: Refresh):
        """Exchange a refresh token for a new token and a new refresh token."""
        return accounts.refresh(asked.refresh)

    @app.post("/logout", status_code=204, responses=_needs())
    def logout(who: Who) -> None:
        """End the session: its tokens are refused from now on."""
        accounts.log_out(who)

    @app.get("/me", responses=_needs())
    async def me(who: Who) -> dict:
        """Say who the token belongs to."""
        return {"user": who.name, "role": who.role}

    @app.post("/password", status_code=204, responses=_needs(403, 429))
    def password(asked: NewPassword, who: Who) -> None:
        """Change your password; your other sessions end."""
        accounts.change_password(who, asked.old, asked.new)

    @app.get("/users", responses=_needs(403))
    def users(who: Admin) -> list[dict]:
        """List the users (administrators)."""
        return accounts.users()

    @app.post("/users", status_code=201, responses=_needs(403, 409))
    def add_user(asked: NewUser, who: Admin) -> dict:
        """Add a user (administrators)."""
        accounts.add(asked.user, asked.password, asked.role)
        return {"user": asked.user, "role": asked.role}

    @app.delete("/users/{name}", status_code=204, responses=_needs(403, 404, 409))
    def remove_user(name: str, who: Admin) -> None:
        """Remove a user with sessions and pictures (administrators)."""
        accounts.remove(name)


def _add_predictions(app: FastAPI, service: Service) -> None:
    taking = _needs(415, 429)

    @app.post("/predict", responses=taking, openapi_extra=PICTURE, response_model=Prediction)
    async def predict(request: Request, who: Who):
        """Say what a picture shows. Nothing of it is stored."""
        service.admit(who)
        return JSONResponse(await service.predict(*await _picture(request)))

    @app.post(
        "/uploads",
        status_code=201,
        responses=taking | _needs(409),
        openapi_extra=PICTURE,
        response_model=Stored,
    )
    async def store(request: Request, who: Who):
        """Say what a picture shows, and store it for you."""
        service.admit(who)
        return JSONResponse(await service.store(who, *await _picture(request)), 201)

    @app.get("/uploads", responses=_needs(), response_model=list[Facts])
    def uploads(who: Who):
        """List the pictures that you have stored."""
        return service.uploads(who)

    @app.get(
        "/uploads/{number}",
        responses=_needs(404) | {200: {"content": {"image/png": {}}}},
        response_class=Response,
    )
    def upload(number: str, who: Who):
        """Give back a picture that you have stored."""
        return Response(service.upload(who, number).picture, media_type="image/png")

    @app.delete("/uploads/{number}", status_code=204, responses=_needs(404))
    def delete_upload(number: str, who: Who) -> None:
        """Delete a picture that you have stored."""
        service.delete_upload(who, number)


def _add_operation(app: FastAPI, service: Service) -> None:
    @app.get("/health")
    async def health() -> dict:
        """Say that the process lives. A failure means: restart it."""
        return {"status": "ok"}

    @app.get("/ready")
    def ready() -> dict:
        """Say that the process can answer: database and model are there. A failure means: send nothing."""
        service.ready()
        return {"status": "ready"}

    @app.get("/models", responses=_needs())
    async def show_models(who: Who) -> dict:
        """Say which versions there are and which answer."""
        return service.models()

    @app.put("/models", responses=_needs(403, 409))
    def set_models(asked: Rollout, who: Admin) -> dict:
        """Choose the version that answers, and a canary for a share of the requests (administrators)."""
        return service.set_models(asked.active, asked.canary, asked.share)

    @app.get("/metrics", responses=_needs(403), response_class=Response)
    async def metrics(who: Admin) -> Response:
        """Give the numbers of this process, for Prometheus (administrators)."""
        text, kind = service.metrics.text()
        return Response(text, media_type=kind)


def _add_pages(app: FastAPI) -> None:
    for path, name in {"/": "index.html", "/docs": "docs.html"}.items():
        app.get(path, include_in_schema=False)(_serve(name))
    app.mount("/static", StaticFiles(directory=page("static")), name="static")
    app.mount("/swagger", StaticFiles(packages=[("fastapi_offline", "static")]), name="swagger")


def _serve(name: str):
    async def serve() -> FileResponse:
        return FileResponse(page(name))

    return serve


def _handle_errors(app: FastAPI) -> None:
    """Answer each error with a sentence. None repeats a password or a token."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused):
        return JSONResponse({"detail": error.sentence}, error.status, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
        return JSONResponse({"detail": f"{place}: {first['msg']}."}, 422)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException):
        return JSONResponse({"detail": f"{error.detail}."}, error.status_code, error.headers)

    @app.exception_handler(SQLAlchemyError)
    async def no_database(request: Request, error: SQLAlchemyError):
        logs.LOGGER.error("database", exc_info=error)
        away = isinstance(error, DatabaseError) or "Timeout" in type(error).__name__
        sentence = UNREACHED if away else "The database failed."
        return JSONResponse({"detail": sentence}, 503, {"Retry-After": "5"})


def _login(body: bytes, content_type: str) -> Login:
    """Return user and password from JSON, or from a form, which is what `curl -d` says that it sends."""
    try:
        if content_type.startswith("application/x-www-form-urlencoded") and not body.lstrip().startswith(
            b"{"
        ):
            fields: object = dict(parse_qsl(body.decode(), max_num_fields=10))
        else:
            fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, 'The body is not JSON. Send {"user": "…", "password": "…"}.') from None
    try:
        return Login.model_validate(fields)
    except ValidationError:  # also half of a surrogate pair, which JSON can write and no file can store
        raise Refused(
            422, 'Send {"user": "…", "password": "…"}, texts of 64 and 1000 characters at most.'
        ) from None


async def _picture(request: Request) -> tuple[bytes, str]:
    """Return the bytes of a picture and what the client says that they are.

    It is the first file of a form (`curl -F image=@seven.png`), the body itself
    (`--data-binary @seven.png`), or base64 in JSON's `image`.
    """
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        try:
            form = await request.form(max_files=1, max_fields=10)
        except Exception:
            raise Refused(400, "The form cannot be read. Send one file: -F image=@seven.png.") from None
        try:
            for part in form.values():
                if isinstance(part, UploadFile):
                    return await part.read(), part.content_type or ""
        finally:
            await form.close()
        raise Refused(422, "The form has no file. Send one: -F image=@seven.png.")
    body = await request.body()
    if kind.startswith("application/json"):
        if sum(body.count(mark) for mark in (b"[", b"{", b",")) > MARKS:
            raise Refused(422, 'JSON needs the picture in base64, and little else: {"image": "…"}.')
        try:
            text = json.loads(body)["image"]
            return base64.b64decode(text.rpartition(",")[2], validate=True), ""
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
            raise Refused(422, 'JSON needs the picture in base64: {"image": "…"}.') from None
    if kind.startswith("application/x-www-form-urlencoded"):  # what curl sends by default
        kind = ""
    return body, kind
