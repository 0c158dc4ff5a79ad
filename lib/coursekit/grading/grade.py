"""Grade a folder of submissions: each exercise right, wrong and how, or not attempted.

A submission is FOLDER/STUDENT/NN_slug.ipynb, at any depth below STUDENT, or FOLDER/STUDENT_NN_slug.ipynb;
zip archives are looked into. Submissions are untrusted code. Each runs in a process of its own, with limits
on time, memory, processes, files and output, in a sandbox. This stops accidents and pranks, not a person who
means harm: grade in a disposable VM or container.
"""

import argparse
import concurrent.futures
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tqdm import tqdm

from convlab.exercises import comparing, judging, values
from convlab.exercises.exercise import Exercise
from convlab.machine import cores
from coursekit.grading import (
    exports,
    gradebook,
    lms,
    points,
    roster,
    sandbox,
    submissions,
    supervisor,
    variants,
    wording,
)
from coursekit.grading.submissions import Submission, Task, Unreadable
from coursekit.lessons import ROOT, CourseError, Lesson, find, select, source

NOT_GRADED, NOT_HANDED_IN, MODULE = "not graded", "not handed in", "missing module"
SUPERVISOR = [sys.executable, "-I", "-B", "-m", "coursekit.grading.supervisor"]
NO_MODULE = re.compile(r"No module named '([\w.]+)'")
NO_NAME = re.compile(r"name '(\w+)' is not defined")


@dataclass
class Mark:
    """What one exercise of one submission is worth.

    Args:
        exercise: its name.
        status: right, wrong, not attempted, not graded, not handed in or missing module.
        mistake: the named mistake that a wrong answer makes.
        message: what the learner reads.
        notes: what learner and instructor should know.
        private: what only the instructor should know.
        source: the cell that answers it.
        question: what it asks.
        passed: on how many of the `cases` the answer agrees with the reference.
        cases: how many there are; 0 where nothing was tried.
        points: that it earns.
        possible: that a right answer earns.
        correction: why a person has set the points, if so.
    """

    exercise: str
    status: str
    mistake: str = ""
    message: str = ""
    notes: list[str] = field(default_factory=list)
    source: str = ""
    private: list[str] = field(default_factory=list)
    question: str = ""
    passed: int = 0
    cases: int = 0
    points: float = 0.0
    possible: float = 1.0
    correction: str = ""


@dataclass
class Graded:
    """One submission with the marks of its exercises; `kept` is the share of the points that counts."""

    submission: Submission
    marks: list[Mark]
    person: roster.Person | None = None
    kept: float = 1.0

    @property
    def notes(self) -> list[str]:
        """What an instructor should know beside the marks."""
        late = [f"late: {self.kept:g} of the points count" if self.kept != 1 else "late"]
        problem = [self.submission.problem] if self.submission.problem else []
        return problem + (late if self.submission.late else []) + self.submission.notes.get("", [])

    @property
    def points(self) -> float:
        """The points that count."""
        return self.kept * sum(mark.points for mark in self.marks)

    @property
    def possible(self) -> float:
        """The points that right answers to all exercises earn."""
        return sum(mark.possible for mark in self.marks)

    @property
    def names(self) -> list[str]:
        """All that the student is called: by numbers and by name."""
        ids = [*(self.person.ids if self.person else ()), self.submission.who.id]
        return [*filter(None, ids), self.submission.student, *([self.person.name] if self.person else [])]


def main(argv: list[str]) -> int:
    """Grade the folder, write the results, show the table; `CourseError` where there is nothing to grade."""
    options = _options(argv)
    folder, output = Path(options.folder).resolve(), options.output.resolve()
    if not options.folder or not folder.exists():
        raise CourseError(f"there is no folder {options.folder!r}: make grade SUBMISSIONS=folder")
    if output == folder or folder in output.parents:
        raise CourseError("the results belong outside of the submissions: choose another --output")
    gradebook.prepare(output)
    lessons = find(ROOT)
    scheme = points.read(options.points, lessons)
    people = roster.read(options.roster) if options.roster else None
    asked = select(lessons, options.lessons) if options.lessons else []
    apart = tuple(one.resolve() for one in (options.roster, options.points, options.worksheet) if one)
    found, passed = submissions.find(folder, lessons, options.lms, options.due, apart)
    if not found:
        raise CourseError(
            f"{options.folder} holds no submissions: one folder per student, or STUDENT_NN_name.ipynb"
        )
    choose_variants(found, variants.read(options.exam) if options.exam else None)
    kind = sandbox.kind(folder)
    if not kind and options.sandbox != "no":
        raise CourseError(sandbox.ADVICE)
    begun = time.monotonic()
    run = Run(options.seconds, options.memory, folder, kind)
    graded = _graded(found, run, max(1, options.jobs), scheme)
    problems = known_people(graded, people, asked, scheme)
    problems += corrected(graded, points.Corrections(output))
    print(gradebook.table(graded))  # first, or it would be lost where a file cannot be written
    gradebook.write(graded, output, scheme, options.tas)
    written = (
        exports.write(graded, output, options.lms, options.worksheet, options.column) if options.lms else []
    )
    for line in [*gradebook.remarks(graded), *gradebook.passed_over(passed), *problems]:
        print(line)
    print(f"{len(graded)} submissions in {time.monotonic() - begun:.0f} s. {protection(run.sandbox)}")
    print(f"See {os.path.relpath(output / 'index.html')}, grades.csv and students.csv beside it.")
    for path in written:
        print(f"For {options.lms.capitalize()}: {os.path.relpath(path)}")
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit grade",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", help="the submissions: a folder, or the archive of a whole class")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "grades", help="where the results go")
    parser.add_argument("--jobs", type=int, default=cores(), help="how many run at once")
    parser.add_argument(
        "--seconds",
        type=float,
        default=20,
        help="of the processor for one exercise; with TensorFlow three times that",
    )
    parser.add_argument("--memory", type=float, default=3, metavar="GB", help="for one submission")
    parser.add_argument(
        "--sandbox", choices=("needed", "no"), default="needed", help="no: run without one, too"
    )
    parser.add_argument("--lms", choices=("", *lms.SYSTEMS), default="", help="whose names the entries bear")
    parser.add_argument("--worksheet", type=Path, help="the CSV that the system exported, to be filled in")
    parser.add_argument("--column", default="", help="of the worksheet, where no column names the lesson")
    parser.add_argument("--roster", type=Path, help="the class as CSV: who has handed in nothing?")
    parser.add_argument(
        "--lessons", nargs="*", default=[], help="that everybody on the roster should hand in"
    )
    parser.add_argument("--due", type=_time, help='after which a file is late, as "2026-11-04 23:59"')
    parser.add_argument("--points", type=Path, help="what marks are worth, as TOML")
    parser.add_argument("--exam", type=Path, help="the exam.json of an exam with seeds")
    parser.add_argument("--tas", type=int, default=0, help="assistants among whom the pages are split")
    return parser.parse_args(argv)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def protection(kind: str) -> str:
    """Return what protected this machine from the submissions: the kind of sandbox, or nothing."""
    if kind == sandbox.LANDLOCK:
        return "Sandbox active (Landlock): as with namespaces, but other programs' processes can be seen."
    if kind:
        return "Sandbox active: no network, no access to other submissions, own folders to write to."
    return "NO SANDBOX: they ran as you, with your network and files. See docs/instructor_guide.md."


def choose_variants(found: list[Submission], exam: variants.Exam | None) -> None:
    """Let each submission be graded with the cases of the seed that it was handed out with.

    Where that cannot be known the course's own cases count, and a note says so.

    Args:
        found: the submissions, which are changed in place.
        exam: that they belong to; None for no exam with seeds.
    """
    for one in found:
        if one.problem or one.lesson is None or one.file is None:
            continue
        with suppress(Unreadable):  # a run will say why
            mark = None
            mark = submissions.exam_mark(one.file)
        if exam is None:
            if mark is not None:
                one.note(
                    "it belongs to an exam with seeds, and was graded with the course's own cases: EXAM="
                )
            continue
        seed = exam.seed_of(one.lesson.slug, mark)
        if seed is not None:
            one.variant = exam.variant(seed)
            one.note(f"seed {seed}")
        elif mark is None:
            one.note("it has lost the mark of its exam: graded with the course's own cases")
        else:
            one.note("the mark of its exam was changed: graded with the course's own cases")


def known_people(
    graded: list[Graded], people: roster.Roster | None, asked: list[Lesson], scheme: points.Scheme
) -> list[str]:
    """Find each student on the roster; add who has handed in nothing; return what does not fit.

    Args:
        graded: the submissions, to which those that are missing are added.
        people: the roster; None where there is none.
        asked: the lessons that everybody should hand in; where empty, those that somebody has.
        scheme: what marks are worth.
    """
    if people is None:
        return []
    for one in graded:
        one.person = people.whose(one.submission.student, one.submission.who.id)
    strangers = dict.fromkeys(one.submission.student for one in graded if one.person is None)
    lessons = asked or list(
        {
            one.submission.lesson.slug: one.submission.lesson for one in graded if one.submission.lesson
        }.values()
    )
    for lesson in sorted(lessons, key=lambda lesson: lesson.slug):
        there = {one.person for one in graded if one.submission.lesson in (lesson, None)}
        for person in people.people:
            if person not in there:
                missing = Submission(person.name or person.shown, lesson, None, "nothing was handed in")
                marks = [
                    Mark(stub.exercise, NOT_HANDED_IN, possible=scheme.possible(lesson.number, stub.exercise))
                    for stub in missing.stubs
                ]
                graded.append(Graded(missing, marks, person))
    return [f"Not on the roster: {', '.join(strangers)}."] if strangers else []


def corrected(graded: list[Graded], corrections: points.Corrections) -> list[str]:
    """Put corrections in the place of marks; return what is wrong with the corrections."""
    for one in graded:
        number = one.submission.lesson.number if one.submission.lesson else ""
        for mark in one.marks:
            if correction := corrections.of(one.names, number, mark.exercise):
                mark.points = correction.points
                mark.correction = correction.reason or "set by hand"
    return corrections.problems + corrections.unused()


def _graded(found: list[Submission], run: "Run", jobs: int, scheme: points.Scheme) -> list[Graded]:
    """Run all submissions, `jobs` at once, and return them with their marks, in order."""
    done: dict[int, tuple[list[Task], dict]] = {}
    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(run, one): i for i, one in enumerate(found)}
        finished = concurrent.futures.as_completed(futures)
        for future in tqdm(finished, total=len(found), disable=None, leave=False, unit="submission"):
            done[futures[future]] = future.result()
        for i, (_, report) in sorted(done.items()):
            if stopped := stopped_by_the_clock(report):
                again = pool.submit(run, found[i], stopped).result()[
                    1
                ]  # in the pool, so that Ctrl-C is heard
                report["results"] |= again.get("results", {})
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        run.stop()
        pool.shutdown()
    marker = Marker(scheme)
    graded = [marker(one, *done[i]) for i, one in enumerate(found)]
    note_equal_answers(graded, {id(one): done[i][1].get("looks", {}) for i, one in enumerate(found)})
    return graded


def stopped_by_the_clock(report: dict) -> list[str]:
    """Return the exercises that only the clock has stopped, which may be the fault of what else ran."""
    results = report.get("results", {}).items()
    return [name for name, one in results if isinstance(one, dict) and one.get("kind") == "clock"]


def note_equal_answers(graded: list[Graded], looks: dict[int, dict]) -> None:
    """Note, for the instructor alone, which answers are one program but for its names.

    Args:
        graded: all submissions.
        looks: for the `id` of each submission, {exercise: what `likeness.of` has returned}.
    """
    groups: dict[tuple, list[tuple[Graded, Mark]]] = {}
    for one in graded:
        for mark in one.marks:
            look = looks.get(id(one.submission), {}).get(mark.exercise)
            if not isinstance(look, dict):
                continue
            if used := str(look.get("uses") or "")[:100]:
                mark.private.append(used)
            if (same := str(look.get("same") or "")) and one.submission.lesson:
                groups.setdefault((one.submission.lesson.number, mark.exercise, same), []).append((one, mark))
    for members in groups.values():
        students = list(dict.fromkeys(one.submission.student for one, _ in members))
        for one, mark in members if len(students) > 1 else ():
            others = [name for name in students if name != one.submission.student]
            named = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
            mark.private.append(f"but for names the same program as that of {named}, which proves nothing")


class Run:
    """Runs the submissions in `folder`, each with its own supervisor, in a sandbox of one kind or in none."""

    def __init__(self, seconds: float, memory: float, folder: Path, kind: str) -> None:
        self.seconds, self.memory = seconds, memory
        self.folder, self.sandbox = folder, kind
        self.mark = secrets.token_hex(8)
        self.running: set[subprocess.Popen] = set()

    def __call__(self, submission: Submission, only: list[str] | None = None) -> tuple[list[Task], dict]:
        """Return the answers of a submission and what the supervisor reports of them.

        Args:
            submission: to run.
            only: the exercises to run; all that are answered where None.
        """
        if submission.problem or submission.lesson is None or submission.file is None:
            submission.problem = submission.problem or "it is no lesson of this course"
            return [], {}
        try:
            cells = submissions.cells(submission.file)
        except Unreadable as error:
            submission.problem = str(error)
            return [], {}
        if only is None:
            tasks = list(submissions.tasks(submission, cells))
        else:  # what is to be noted was noted the first time
            silent = Submission(submission.student, submission.lesson, submission.file)
            tasks = [task for task in submissions.tasks(silent, cells) if task.stub.exercise in only]
        return tasks, self._watched(
            self._order(submission.lesson, submission.variant, tasks, cells)
        ) if tasks else {}

    def _order(self, lesson: Lesson, variant: int | None, tasks: list[Task], cells: list[dict]) -> dict:
        """Return what supervisor and worker have to know, and nothing of anybody else."""
        seconds = self.seconds * (3 if lesson.header.get("tensorflow") else 1)
        earlier = seconds + float(lesson.header.get("seconds", 0))  # the lesson's own cells take that at most
        imports = [source(cell) for cell in lesson.code_cells if cell.get("id") == "imports"]
        return {
            "mark": f"{self.mark}-{secrets.token_hex(8)}",
            "module": f"lesson_{lesson.number}",
            "variant": variant,
            "cells": ["\n".join(imports), *map(source, cells)],
            "tasks": [
                {"exercise": t.stub.exercise, "answer": t.stub.answer, "source": t.source, "before": t.before}
                for t in tasks
            ],
            "seconds": seconds,
            "earlier_seconds": earlier,
            "limits": {"memory_gb": self.memory, "cpu_seconds": 60 + (seconds + earlier) * len(tasks)},
        }

    def _watched(self, order: dict) -> dict:
        """Return the supervisor's report; a note if the submission has ended its supervisor."""
        box = Path(tempfile.mkdtemp(prefix="grading-")).resolve()
        around = sandbox.around(box, self.folder, self.sandbox) if self.sandbox else []
        order |= {"box": str(box), "sandbox": around}
        process = subprocess.Popen(
            SUPERVISOR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=box
        )
        self.running.add(process)
        try:
            said, wrong = process.communicate(json.dumps(order).encode() + b"\n", _longest(order))
            return json.loads(said)
        except subprocess.TimeoutExpired:
            stopped = {"ended": "it could not be ended in time", "kind": "clock"}
            return {"results": {task["exercise"]: stopped for task in order["tasks"]}, "notes": []}
        except (ValueError, RecursionError):
            last = (wrong.decode(errors="replace").strip().splitlines() or [""])[-1]
            return {"results": {}, "notes": [f"it ended the process that watches it {last[:200]}".strip()]}
        finally:
            process.kill()
            process.wait()
            self.running.discard(process)
            if process.returncode:
                supervisor.end_marked(order["mark"])
            supervisor.remove(box)

    def stop(self) -> None:
        """End what still runs, as after Ctrl-C."""
        for process in list(self.running):
            with suppress(OSError):
                process.terminate()


def _longest(order: dict) -> float:
    """Return the seconds after which something is wrong with the supervisor itself."""
    busy = 20  # times as long as on a quiet machine
    return 60 + busy * len(order["tasks"]) * (
        order["seconds"] + order["earlier_seconds"] + supervisor.START_SECONDS
    )


class Marker:
    """Turns what the answers did into marks, by the rules of this process, where no submission runs."""

    def __init__(self, scheme: points.Scheme | None = None) -> None:
        self.scheme = scheme or points.Scheme()
        self._known: dict[tuple, list] = {}

    def __call__(self, submission: Submission, tasks: list[Task], report: dict) -> Graded:
        """Return a submission with its marks."""
        for note in report.get("notes", []):
            submission.note(note)
        answered = {task.stub.exercise: task for task in tasks}
        marks = []
        for stub in submission.stubs:
            result = report.get("results", {}).get(stub.exercise)
            mark = self._mark(submission, stub.exercise, answered.get(stub.exercise), result)
            mark.notes = submission.notes.get(stub.exercise, []) + mark.notes
            marks.append(mark)
        if submission.lesson:
            self._price(submission.lesson.number, marks)  # a variant asks the same
        return Graded(submission, marks, kept=self.scheme.late if submission.late else 1.0)

    def _price(self, number: str, marks: list[Mark]) -> None:
        """Give marks their question and their points."""
        for mark in marks:
            mark.question = variants.exercises(f"lesson_{number}")[mark.exercise].question
            mark.possible = self.scheme.possible(number, mark.exercise)
            right = mark.status == judging.RIGHT
            mark.points = self.scheme.earned(mark.possible, right, mark.passed, mark.cases)

    def _mark(self, submission: Submission, name: str, task: Task | None, result: dict | None) -> Mark:
        """Return the mark of one exercise."""
        if submission.problem or submission.lesson is None:
            return Mark(name, NOT_GRADED)
        if task is None:
            return Mark(name, judging.NOT_ATTEMPTED)
        exercise = variants.exercises(f"lesson_{submission.lesson.number}", submission.variant)[name]
        mark = self._of_result(exercise, task, result)
        said = result.get("notes") if result else None
        mark.notes += [wording.clean(str(one), 200) for one in said[:5]] if isinstance(said, list) else []
        return mark

    def _of_result(self, exercise: Exercise, task: Task, result: dict | None) -> Mark:
        """Return the mark of what the worker has reported of an answer."""
        name = exercise.name
        match result:
            case {"attempt": data, "lost": lost}:
                return self._tried(exercise, task, data, lost)
            case {"stopped": str() as why, "module": str() as module} if module:
                return _without(module, name, task, why)
            case {"ended": str() as why, "kind": "clock"}:
                why = f"{why}, and again when it ran alone: only the clock has stopped it"
                return Mark(name, NOT_GRADED, "", why, [why], task.source)
            case {"ended": str() as why, "kind": "before"}:
                why = f"{why}: the answer itself has not been tried"
                return Mark(name, NOT_GRADED, "", why, [why], task.source)
            case {"stopped": str() as why} | {"ended": str() as why}:
                return Mark(name, judging.WRONG, "", why, [why], task.source)
        return Mark(name, NOT_GRADED, source=task.source)

    def _tried(self, exercise: Exercise, task: Task, data: dict, lost: object) -> Mark:
        """Return the mark of an answer that was tried on the cases."""
        verdict = self.verdict(exercise, data)
        passed, cases = self.passed(exercise, data)
        if verdict.status == judging.WRONG and (module := _module_of(data, lost)):
            return _without(module, exercise.name, task, verdict.message)
        return Mark(
            exercise.name,
            verdict.status,
            verdict.mistake or "",
            verdict.message,
            source=task.source,
            passed=passed,
            cases=cases,
        )

    def verdict(self, exercise: Exercise, data: dict) -> judging.Verdict:
        """Return the verdict on an attempt."""
        try:
            attempt = values.decode(data)
            return judging.weigh(exercise, attempt, self._outcomes)
        except Exception as error:
            why = f"what it returns could not be compared ({type(error).__name__})"
            return judging.Verdict(judging.WRONG, why)

    def passed(self, exercise: Exercise, data: dict) -> tuple[int, int]:
        """Return on how many cases an attempt agrees with the reference, and how many there are."""
        try:
            expected, came = self._outcomes(exercise, exercise.reference), values.decode(data).outcomes
            if len(expected) != len(came):
                return 0, len(expected)
            agree = (comparing.alike([a], [b], exercise.tolerance) for a, b in zip(expected, came))
            return sum(agree), len(expected)
        except Exception:
            return 0, 0

    def _outcomes(self, exercise, answer) -> list:
        """Return what reference or mistake do, tried once for all submissions."""
        key = exercise.lesson, exercise.name, id(answer)
        if key not in self._known:
            with silent_stderr():
                self._known[key] = judging.outcomes(exercise, answer)
        return self._known[key]


def _without(module: str, name: str, task: Task, why: str) -> Mark:
    """Return the mark of an answer that needs a module which the course does not have."""
    module = wording.clean(module.partition(".")[0], 40)
    message = (
        f"this needs the module `{module}`, which is not part of the course, so it could not be tried here. "
        f"Write it without, or ask your instructor.\n{why}"
    )
    return Mark(
        name,
        MODULE,
        "",
        message,
        [f"needs the module `{module}`, which is not part of the course"],
        task.source,
    )


def _module_of(data: dict, lost: object) -> str:
    """Return the module for whose absence an answer fails; nothing if it fails in another way somewhere."""
    try:
        errors = [outcome.error for outcome in values.decode(data).outcomes if outcome.error]
    except Exception:
        return ""
    modules = set()
    for error in errors:
        named, unknown = NO_MODULE.search(error.says), NO_NAME.search(error.says)
        if error.name == "ModuleNotFoundError" and named:
            modules.add(named[1])
        elif error.name == "NameError" and unknown and isinstance(lost, dict) and unknown[1] in lost:
            modules.add(str(lost[unknown[1]]))
        else:
            return ""
    return min(modules, default="")


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Discard what TensorFlow's C++ code, which some references need, would write into the progress bar."""
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
