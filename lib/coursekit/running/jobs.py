"""A lesson that is to run: with which parameters, where its result goes, and how it went."""

from dataclasses import dataclass, field
from pathlib import Path

from coursekit.lessons import Lesson

UNKNOWN_GB = 1.0
UNKNOWN_SECONDS = 30.0


@dataclass(frozen=True)
class Job:
    """A lesson of the course in `root` and the parameters that it runs with."""

    lesson: Lesson
    root: Path
    parameters: dict = field(compare=False)

    @property
    def output(self) -> Path:
        """The notebook that a run leaves."""
        return self.root / "build" / "run" / self.lesson.path.name

    @property
    def record(self) -> Path:
        """What a good run leaves beside it: its inputs' digests, its seconds, its figures."""
        return self.output.with_suffix(".json")

    @property
    def seconds(self) -> float:
        """What the lesson takes, as it says itself."""
        return float(self.lesson.header.get("seconds", UNKNOWN_SECONDS))

    @property
    def memory(self) -> float:
        """Its peak memory in GB, as it says itself."""
        return float(self.lesson.header.get("memory_gb", UNKNOWN_GB))


@dataclass
class Outcome:
    """How a job went."""

    job: Job
    seconds: float = 0.0
    summary: dict = field(default_factory=dict)
    failure: str = ""
    recorded: bool = False
