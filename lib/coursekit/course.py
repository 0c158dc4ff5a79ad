"""What the lessons are checked against: profiles, compared cells, glossary, exercises."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from coursekit.lessons import Lesson, find
from coursekit.profiles import profile

if TYPE_CHECKING:
    from convlab.exercises.exercise import Exercise


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

    def exercises(self, number: str) -> "list[Exercise]":
        """Return a lesson's exercises; none where it has none. Their module is executed."""
        from convlab.exercises import catalogue

        path = self.root / "lib" / "convlab" / "exercises" / f"lesson_{number}.py"
        return catalogue.of_file(path) if path.exists() else []
