"""Variants of the exercises for an exam: another seed draws other numbers, where cases hold drawn numbers.

A secret that stays with the instructor goes into what is drawn. Without it nobody can draw the cases again
from a seed, although the course is public.
"""

import ast
import functools
import hashlib
import hmac
import importlib
import json
import secrets
import types
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from convlab.exercises import catalogue, judging
from convlab.exercises.comparing import alike
from convlab.exercises.exercise import Exercise
from convlab.files import write_text
from coursekit.lessons import CourseError

FILE = "exam.json"  # beside the archives; for the instructor alone


@dataclass(frozen=True)
class Exam:
    """What an instructor keeps of an exam: its secret, and the seeds that were handed out."""

    secret: str
    seeds: tuple[int, ...] = ()

    def variant(self, seed: int) -> int:
        """Return the number that a variant's cases are drawn with."""
        return int(self._digest(f"cases {seed}")[:16], 16)

    def code(self, slug: str, seed: int) -> str:
        """Return what proves that a lesson's notebook was handed out with this seed."""
        return self._digest(f"notebook {slug} {seed}")[:16]

    def seed_of(self, slug: str, mark: object) -> int | None:
        """Return the seed of a notebook's mark; None where this exam has not made it."""
        match mark:
            case {"seed": int() as seed, "code": str() as code} if seed in self.seeds:
                right = self.code(slug, seed).encode()
                return seed if hmac.compare_digest(right, code.encode()) else None
        return None

    def _digest(self, text: str) -> str:
        return hmac.new(bytes.fromhex(self.secret), text.encode(), hashlib.sha256).hexdigest()


def begun(path: Path, seed: int) -> Exam:
    """Return the exam of a file with one more seed, and write it; a new exam where there is no file."""
    exam = read(path) if path.exists() else Exam(secrets.token_hex(16))
    exam = Exam(exam.secret, tuple(sorted({*exam.seeds, seed})))
    write_text(path, json.dumps({"secret": exam.secret, "seeds": exam.seeds}, indent=1) + "\n")
    return exam


def read(path: Path) -> Exam:
    """Return the exam of a file; `CourseError` if it holds none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        bytes.fromhex(stored["secret"])
        return Exam(stored["secret"], tuple(map(int, stored["seeds"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path} holds no exam ({error}): name the {FILE} that `make student SEED=` has written"
        ) from error


@functools.cache
def module(name: str, variant: int | None = None) -> types.ModuleType:
    """Return a lesson's exercises, like "lesson_05"; in a variant with other drawn numbers."""
    if variant is None:
        return importlib.import_module(f"convlab.exercises.{name}")
    path = catalogue.FOLDER / f"{name}.py"
    tree = _Seeded(variant).visit(ast.parse(path.read_text(encoding="utf-8")))
    made = types.ModuleType(f"convlab.exercises.{name}")
    made.__file__ = str(path)
    exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), vars(made))
    return made


class _Seeded(ast.NodeTransformer):
    """Mixes a number into every `default_rng(seed)` of a module."""

    def __init__(self, variant: int) -> None:
        self.variant = variant

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(attr="default_rng"):
                node.args = [ast.Tuple([*node.args, ast.Constant(self.variant)], ast.Load())]
        return node


def exercises(name: str, variant: int | None = None) -> dict[str, Exercise]:
    """Return the exercises of a lesson, by name."""
    return {one.name: one for one in catalogue.of_module(module(name, variant))}


def unsound(found: Iterable[Exercise]) -> list[str]:
    """Return the mistakes that the cases of exercises do not tell from the right answer."""
    faults = []
    for one in found:
        expected = judging.outcomes(one, one.reference) if callable(one.reference) else []
        for mistake in one.mistakes if expected else ():
            if alike(expected, judging.outcomes(one, mistake.answer), one.tolerance):
                faults.append(f"{one.lesson}.{one.name}: {mistake.name}")
    return faults
