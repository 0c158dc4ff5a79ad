"""Versions of a network beside each other: read from ONNX files, verified, switched without a stop."""

import hashlib
import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime

from convlab.serving.errors import Refused

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class ModelError(Exception):
    """A model that cannot be used, with the reason."""


@dataclass(frozen=True, eq=False)
class Model:
    """One version of a network: uint8 (N, 28, 28) in, shares (N, classes) and heat (N, 7, 7, classes) out.

    The file has everything between pixels and shares, normalisation too, so that a client of the file cannot
    get it wrong. Lesson 26.
    """

    version: str
    session: onnxruntime.InferenceSession
    facts: dict

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (shares, heat) of a batch of images."""
        probabilities, heat = self.session.run(["probabilities", "heat"], {"images": images})
        return probabilities, heat


def versions(folder: Path) -> list[str]:
    """Return the versions that lie in a folder, sorted."""
    names = (path.stem for path in Path(folder).glob("*.json"))
    return sorted(name for name in names if VERSION.fullmatch(name))


def load(folder: Path, version: str, threads: int = 1) -> Model:
    """Return a version, once its file has the digest of its `.json` and it reads its known digit right.

    `ModelError` says which of these fails: a file that is torn, altered, or of another network never answers
    anybody. Lesson 26.
    """
    if not VERSION.fullmatch(version) or version not in versions(folder):
        raise ModelError(
            f"There is no version {version!r}; there are {', '.join(versions(folder)) or 'none'}."
        )
    try:
        facts = json.loads((Path(folder) / f"{version}.json").read_text(encoding="utf-8"))
        data = (Path(folder) / f"{version}.onnx").read_bytes()
    except (OSError, ValueError) as error:
        raise ModelError(f"Version {version} cannot be read ({type(error).__name__}).") from error
    if hashlib.sha256(data).hexdigest() != facts.get("sha256"):
        raise ModelError(
            f"The file of version {version} is torn or altered: its digest is not the one named."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        model = Model(version, session, facts)
        probe = np.frombuffer(bytes.fromhex(facts["probe"]), "uint8").reshape(1, 28, 28)
        answer = int(model(probe)[0].argmax())
    except Exception as error:
        raise ModelError(f"Version {version} does not run ({type(error).__name__}).") from error
    if answer != facts["probe_label"]:
        raise ModelError(f"Version {version} reads its known {facts['probe_label']} as {answer}.")
    return model


@dataclass(frozen=True)
class Answering:
    """The version that answers, and a canary with its share of the requests."""

    active: Model | None = None
    canary: Model | None = None
    share: float = 0.0


@dataclass
class Rollout:
    """Which version answers: the active one, and a canary for a share of the requests.

    A version that is asked for is loaded and tried before anything changes; requests that have begun end with
    the version with which they began. Lesson 26.
    """

    folder: Path
    threads: int = 1
    answering: Answering = Answering()
    draw: random.Random = field(default_factory=random.Random)

    def set(self, active: str, canary: str | None = None, share: float = 0.0) -> None:
        """Let `active` answer, and `canary` a share of the requests; `ModelError` changes nothing."""
        self.answering = Answering(self._get(active), self._get(canary) if canary else None, share)

    def _get(self, version: str) -> Model:
        """Return a version, the loaded one where it is loaded."""
        for model in (self.answering.active, self.answering.canary):
            if model is not None and model.version == version:
                return model
        return load(self.folder, version, self.threads)

    def choose(self) -> Model:
        """Return the model for one request."""
        answering = self.answering  # read once: another thread may replace it meanwhile
        if answering.canary is not None and self.draw.random() < answering.share:
            return answering.canary
        if answering.active is None:
            raise Refused(503, "No model is ready.", retry=5)
        return answering.active
