"""An attempt as JSON and back: data, never a pickle, and bounded, as it may come from a submission."""

import base64
import math
from typing import Any

import numpy as np

from convlab.exercises.judging import Attempt, Failure, Outcome

LARGEST = 2_000_000  # bytes of one value; no reference answer comes near
DEEPEST = 12  # lists within lists
LONGEST = 500  # characters of what describes a value or an error
NUMBERS = "biufc"


class Opaque:
    """Stands for a value that no answer of an exercise can be: it has a description, and equals nothing."""

    def __init__(self, description: str) -> None:
        self.description = description

    def __repr__(self) -> str:
        return self.description


def encode(attempt: Attempt) -> dict:
    """Return an attempt as what JSON can say."""
    outcomes = [
        {
            "value": encode_value(outcome.value),
            "error": outcome.error and [text[:LONGEST] for text in vars(outcome.error).values()],
            "changed": list(outcome.changed),
        }
        for outcome in attempt.outcomes
    ]
    return {"untouched": attempt.untouched, "function": attempt.function, "outcomes": outcomes}


def decode(data: dict) -> Attempt:
    """Return the attempt that `data` describes; ValueError, TypeError or KeyError if it describes none."""
    outcomes = tuple(
        Outcome(
            decode_value(one["value"]),
            Failure(*map(str, one["error"])) if one["error"] else None,
            tuple(map(int, one["changed"])),
        )
        for one in data["outcomes"]
    )
    if not outcomes and not data["untouched"]:
        raise ValueError("an attempt without an outcome")
    return Attempt(outcomes, bool(data["untouched"]), bool(data["function"]))


def encode_value(value: Any, depth: int = 0) -> dict:
    """Return a value as what JSON can say; of one that no answer can be, its description."""
    if value is None or value is ... or isinstance(value, (str, bool, int, float)):
        return _encode_scalar(value)
    if isinstance(value, (tuple, list, dict)):
        return _encode_collection(value, depth)
    try:
        array = np.asarray(value)  # NumPy's numbers and arrays, and TensorFlow's
        if array.dtype.kind in NUMBERS and array.nbytes <= LARGEST and array.dtype.itemsize <= 16:
            data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
            return {"array": data, "dtype": array.dtype.str, "shape": list(array.shape)}
    except Exception:  # whatever stands there need not be an array
        return _opaque(value)
    return _opaque(value)


def _encode_scalar(value) -> dict:
    match value:
        case str() if len(value) > LARGEST:
            return _opaque(value)
        case float() if not math.isfinite(value):
            return {"number": str(value)}
        case int() if not isinstance(value, bool) and value.bit_length() > 4_000:
            return {"opaque": "int", "says": f"a whole number of {value.bit_length()} bits"}
    return {"dots": True} if value is ... else {"plain": value}


def _encode_collection(value, depth) -> dict:
    if depth >= DEEPEST or len(value) > LARGEST // 100:
        return _opaque(type(value)())
    if isinstance(value, dict):
        return {
            "dict": [
                [encode_value(key, depth + 1), encode_value(one, depth + 1)] for key, one in value.items()
            ]
        }
    kind = "tuple" if isinstance(value, tuple) else "list"
    return {kind: [encode_value(one, depth + 1) for one in value]}


def _opaque(value) -> dict:
    try:
        says = repr(value)[:LONGEST]
    except Exception:
        says = "…"
    return {"opaque": type(value).__name__[:60], "says": says}


def decode_value(data: dict) -> Any:
    """Return the value that `data` describes; ValueError if it describes none."""
    match data:
        case {"dots": True}:
            return ...
        case {"plain": None | str() | bool() | int() | float() as value}:
            return value
        case {"number": str() as value}:
            return float(value)
        case {"tuple": list() as parts}:
            return tuple(map(decode_value, parts))
        case {"list": list() as parts}:
            return list(map(decode_value, parts))
        case {"dict": list() as pairs}:
            return {decode_value(key): decode_value(value) for key, value in pairs}
        case {"array": str() as text, "dtype": str() as name, "shape": list() as shape}:
            return _array(text, np.dtype(name), shape)
        case {"opaque": str() as kind, "says": str() as says}:
            return type(kind if kind.isidentifier() else "object", (Opaque,), {})(says)
    raise ValueError("not a value")


def _array(text: str, dtype: np.dtype, shape: list[int]) -> np.ndarray:
    if dtype.kind not in NUMBERS:
        raise ValueError(f"an array of {dtype}")
    return np.frombuffer(base64.b64decode(text, validate=True), dtype).reshape(shape)[()]  # a number, not 0-d
