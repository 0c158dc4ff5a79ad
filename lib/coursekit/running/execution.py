"""Run one lesson, top to bottom in a fresh kernel, and say exactly what went wrong."""

import logging
import re
import signal
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from papermill.execute import ERROR_MARKER_TAG

from coursekit.lessons import Lesson
from coursekit.running.kernels import Kernel, Kernels
from coursekit.running.stopwatch import Stopwatch

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LAST_LINES = 8
START_LIMIT = 120  # seconds that a kernel may take to start: more than a busy machine needs
OUTPUT_LIMIT = 60  # seconds between a cell's end and its last output
TICK = 0.5  # seconds between two looks at what a cell has computed
GRACE = 5  # seconds in which a cell that is interrupted may say where it was
INJECTED, MEANT = "injected-parameters", "raises-exception"  # tags: papermill's own cell, an error on purpose
OVERWRITTEN = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)  # what a terminal would show no more

# what they report is reported here, once and in plain words
for _name in ("papermill", "traitlets", "asyncio"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False


@dataclass(frozen=True)
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
    limit: float | None = None,
    threads: int | None = None,
    on_cell: Callable[[Cell], None] = lambda cell: None,
) -> nbformat.NotebookNode:
    """Run a lesson in its own folder, write it with its outputs to `output` and return it.

    `LessonFailed` where it does not reach its end; `output` then has the cells up to an exception. The error
    of a cell tagged `raises-exception` is its point, and the lesson goes on.

    `OSError` where `output` cannot be written.

    Args:
        lesson: what to run.
        output: the notebook to write.
        kernels: where its kernel is started.
        parameters: the values that replace those of its parameters cell.
        limit: the processor seconds that one cell may take, or the seconds that it may wait (`Stopwatch`).
        threads: how many threads NumPy and TensorFlow may use; None for their own choice.
        on_cell: gets each code cell before it runs.
    """
    with kernels.start(lesson.path.parent, threads) as kernel, Watch(kernel, limit, on_cell) as watch:
        try:
            done = _papermill(lesson, output, kernel, parameters, watch)
        except PapermillExecutionError as error:
            if watch.why:
                raise LessonFailed(watch.cell, *_explain(error, kernel, watch.why)) from error
            done = nbformat.read(output, as_version=4)
            done.cells = [
                cell for cell in done.cells if ERROR_MARKER_TAG not in cell.metadata.get("tags", [])
            ]
            if fault := _first_error(done):
                raise LessonFailed(*fault) from error
            nbformat.write(done, output)
        except Exception as error:
            if isinstance(error, OSError) and error.errno:  # not the lesson's: `output` cannot be written
                raise
            raise LessonFailed(watch.cell, *_explain(error, kernel, watch.why)) from error
    if watch.why:  # it was interrupted, and went on to its end
        raise LessonFailed(watch.cell, _too_long(watch.why), [])
    if _left_out(done):  # papermill takes sys.exit() for a happy end
        raise LessonFailed(watch.cell, "it ended the lesson: no cell after it has run", [])
    return done


class Watch:
    """Knows which cell of a lesson runs, and stops one that takes too long: `why` then says how long."""

    def __init__(self, kernel: Kernel, limit: float | None, on_cell: Callable[[Cell], None]) -> None:
        self.kernel, self.limit, self.on_cell = kernel, limit, on_cell
        self.cell, self.why = Cell(), ""
        self._stopwatch: Stopwatch | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()

    def begins(self, cell: nbformat.NotebookNode, **_) -> None:
        """Take note of a cell that begins."""
        if self.why:
            raise RuntimeError("the cell before it was stopped")
        if cell.cell_type == "code":
            injected = INJECTED in cell.metadata.get("tags", [])
            name = INJECTED if injected else cell.get("id", "none")
            self.cell = Cell(name, self.cell.number + (not injected))
            self.on_cell(self.cell)
            if self.kernel.process is not None:
                self._stopwatch = Stopwatch(self.kernel.process.pid, self.limit)

    def ends(self, cell: nbformat.NotebookNode, **_) -> None:
        """Take note that the cell has ended, and join what it has printed."""
        self._stopwatch = None
        cell.outputs = joined(cell.outputs)

    def _look(self) -> None:
        """Interrupt a cell as soon as it is overdue; end the kernel if that does not help."""
        while not self._over.wait(TICK):
            stopwatch = self._stopwatch
            if stopwatch and (why := stopwatch.overdue()) and stopwatch is self._stopwatch:
                self.why = why
                self.kernel.interrupt()
                if not self._over.wait(GRACE):
                    self.kernel.kill()
                return


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return outputs with one text for each stream, as a terminal shows it, standard output first.

    nbclient's own `coalesce_streams` takes minutes for a long line: its time grows with the square.
    """
    texts: dict[str, list[str]] = {}
    kept = []
    for output in outputs:
        if output.output_type != "stream" or output.name not in texts:
            kept.append(output)
        if output.output_type == "stream":
            texts.setdefault(output.name, []).append(output.text)
    for i, output in enumerate(kept):
        if output.output_type == "stream":
            output.text = OVERWRITTEN.sub("", "".join(texts[output.name]))
            if i and output.name == "stdout" and kept[i - 1].get("name") == "stderr":
                kept[i - 1 : i + 1] = [output, kept[i - 1]]
    return kept


def _first_error(notebook: nbformat.NotebookNode) -> tuple[Cell, str, list[str]] | None:
    """Return the first cell with an error that is not the point of the cell, why, and the lines that show it.

    It need not be the last that has run: below `%%capture`, IPython takes an error for a good end.
    """
    number = 0
    for code in (cell for cell in notebook.cells if cell.cell_type == "code"):
        labels = code.metadata.get("tags", [])
        number += INJECTED not in labels
        cell = Cell(INJECTED if INJECTED in labels else code.get("id", "none"), number)
        if MEANT in labels:
            continue
        errors = [output for output in code.outputs if output.output_type == "error"]
        for error in errors:
            if error.ename != "SystemExit" or error.evalue not in ("", "0"):
                lines = _last_lines(plain(error.traceback))
                return cell, f"{error.ename}: {plain(error.evalue)}", lines
        if not errors and code.metadata.get("papermill", {}).get("exception"):
            return cell, "it raised an exception, and shows it nowhere", []
    return None


def _left_out(notebook: nbformat.NotebookNode) -> bool:
    """Return whether a code cell has not run."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    return any(cell.execution_count is None for cell in code)


def _papermill(lesson: Lesson, output: Path, kernel: Kernel, parameters: dict | None, watch: Watch):
    """Execute the lesson in `kernel` through papermill."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a planted notebook's missing ids; `check` reports them
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
            execution_timeout=None,  # `watch` counts the cell's own seconds
            iopub_timeout=OUTPUT_LIMIT,
            coalesce_streams=False,  # `watch` does it
            km=kernel,
            on_cell_start=watch.begins,
            on_cell_executed=watch.ends,
        )


def _without_braces(path: Path) -> str:
    """Return the path so that papermill, which formats it, leaves its braces alone."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _explain(error: Exception, kernel: Kernel, overdue: str) -> tuple[str, list[str]]:
    """Return what happened in one sentence, and the lines that show it."""
    if overdue:
        traceback = error.traceback if isinstance(error, PapermillExecutionError) else ""
        return _too_long(overdue), _last_lines(plain(traceback))
    match error:
        case DeadKernelError() | RuntimeError() if (status := _ended_with(kernel)) is not None:
            return _death(status), _log_end(kernel)
    return f"{type(error).__name__}: {error}", _log_end(kernel)


def _too_long(why: str) -> str:
    """Say that a cell was stopped, and how to allow it more."""
    return f"it {why} (TIME_LIMIT=SECONDS allows more, 0 any time)"


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
