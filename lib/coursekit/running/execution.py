"""One lesson, top to bottom in a fresh kernel; what goes wrong is told as what it is."""

import copy
import logging
import re
import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from coursekit.lessons import Lesson
from coursekit.running.kernels import Kernel, Kernels

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LAST_LINES = 8
START_LIMIT = 120  # seconds that a kernel may take to start: more than a busy machine needs
OUTPUT_LIMIT = 60  # seconds between a cell's end and its last output

# what they report is reported here, once and in plain words
for _name in ("papermill", "traitlets", "asyncio"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False


@dataclass
class Cell:
    """The code cell that a reader would point at: its id, and its number among the code cells."""

    id: str = ""
    number: int = 0

    def __str__(self) -> str:
        return f"cell {self.number} (id {self.id})" if self.id else "its start"


class LessonFailed(Exception):
    """A lesson that did not reach its end: where, why, and the last lines of what the kernel said."""

    def __init__(self, cell: Cell, why: str, lines: list[str]) -> None:
        super().__init__(why)
        self.cell, self.why, self.lines = cell, why, lines

    def __str__(self) -> str:
        return "\n".join([f"failed in {self.cell}: {self.why}", *(f"    {line}" for line in self.lines)])


def execute(
    lesson: Lesson,
    output: Path,
    kernels: Kernels,
    parameters: dict | None = None,
    limit: int | None = None,
    threads: int | None = None,
    on_cell: Callable[[Cell], None] = lambda cell: None,
) -> nbformat.NotebookNode:
    """Run a lesson in its own folder, write it with its outputs to `output` and return it.

    `limit` is the longest that one cell may take, in seconds. `on_cell` is told each code cell before it
    runs. Raises `LessonFailed`; `output` then holds what there is after an exception in a cell. `OSError`
    where `output` cannot be written.
    """
    cell = Cell()

    def started(**message) -> None:
        if message["cell"].cell_type == "code":
            injected = "injected-parameters" in message["cell"].metadata.get("tags", [])
            cell.id = "injected-parameters" if injected else message["cell"].get("id", "none")
            cell.number += not injected
            on_cell(copy.copy(cell))

    with kernels.start(lesson.path.parent, threads) as kernel:
        try:
            done = _papermill(lesson, output, kernel, parameters, limit, on_cell_start=started)
        except Exception as error:
            if isinstance(error, OSError) and error.errno:  # not the lesson's: `output` cannot be written
                raise
            raise LessonFailed(cell, *_explain(error, kernel, limit)) from error
    if _left_out(done):  # papermill takes sys.exit() for a happy end
        raise LessonFailed(cell, "it ended the lesson: no cell after it has run", [])
    return done


def _left_out(notebook: nbformat.NotebookNode) -> bool:
    """Tell whether a code cell has not run."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    return any(cell.execution_count is None for cell in code)


def _papermill(
    lesson: Lesson, output: Path, kernel: Kernel, parameters: dict | None, limit: int | None, **hooks
):
    """Execute the lesson in `kernel` through papermill."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a planted notebook's missing ids; `check` tells of them
        return papermill.execute_notebook(
            _without_braces(lesson.path),
            _without_braces(output),
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            start_timeout=START_LIMIT,
            execution_timeout=limit,
            iopub_timeout=OUTPUT_LIMIT,
            coalesce_streams=True,
            km=kernel,
            **hooks,
        )


def _without_braces(path: Path) -> str:
    """Return the path so that papermill, which formats it, leaves its braces alone."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _explain(error: Exception, kernel: Kernel, limit: int | None) -> tuple[str, list[str]]:
    """Return what happened in one sentence, and the lines that show it."""
    match error:
        case PapermillExecutionError():
            return f"{error.ename}: {plain(error.evalue)}", _last_lines(plain(error.traceback))
        case CellTimeoutError():
            return f"it did not end within {limit} seconds (TIME_LIMIT=SECONDS allows more, 0 any time)", []
        case DeadKernelError() | RuntimeError() if (status := _ended_with(kernel)) is not None:
            return _death(status), _log_end(kernel)
    return f"{type(error).__name__}: {error}", _log_end(kernel)


def _ended_with(kernel: Kernel) -> int | None:
    """Return the status that the kernel's process has ended with; None if it has not ended."""
    return kernel.process.poll() if kernel.process else None


def _death(status: int) -> str:
    """Say how a kernel's process ended."""
    if status == -getattr(signal, "SIGKILL", 9):
        return "the kernel was killed, as the system does when memory runs out"
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return f"the kernel died ({how})"


def _log_end(kernel: Kernel) -> list[str]:
    """Return the last lines that the kernel wrote outside of its cells."""
    log = Path(kernel.connection_file).with_suffix(".log")
    return _last_lines(plain(log.read_text(encoding="utf-8", errors="replace"))) if log.exists() else []


def _last_lines(text: str) -> list[str]:
    """Return the end of a text, without its empty lines and rules."""
    return [line.rstrip() for line in text.splitlines() if line.strip("- ")][-LAST_LINES:]


def plain(text: str | list[str]) -> str:
    """Return text without the escape codes that colour it."""
    return ESCAPES.sub("", text if isinstance(text, str) else "\n".join(text))
