"""What the lessons are held against: profiles, compared cells, glossary, exercises."""

import ast
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from coursekit.lessons import Lesson, find, profile


@dataclass(frozen=True)
class Course:
    """The course in a folder."""

    root: Path

    @cached_property
    def lessons(self) -> list[Lesson]:
        """All lessons, in order."""
        return find(self.root)

    @cached_property
    def profiles(self) -> dict[str, dict]:
        """The parameters of the full profile, by lesson."""
        return profile("full", self.root)

    @cached_property
    def compared(self) -> dict[str, int]:
        """How many cells nbval compared, at most, in each lesson so far."""
        path = self.root / "tests" / "compared_cells.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    @cached_property
    def glossary(self) -> set[tuple[str, str, str]]:
        """The words of the course in English, Korean and Japanese."""
        path = self.root / "docs" / "glossary.yaml"
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else []
        return {(entry["en"], entry["ko"], entry["ja"]) for entry in entries}

    def exercises(self, number: str) -> set[str]:
        """Return the names of a lesson's exercises, read from their module without importing it."""
        path = self.root / "lib" / "convlab" / "exercises" / f"lesson_{number}.py"
        body = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else []
        return {name for node in body for name in _exercise(node)}


def _exercise(node: ast.stmt) -> list[str]:
    """Return the exercise that a statement makes: `@exercise(...) def name` or `name = Exercise(...)`."""
    match node:
        case ast.FunctionDef(name=name, decorator_list=[ast.Call(func=ast.Name(id="exercise"))]):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="Exercise"))):
            return [name]
    return []
