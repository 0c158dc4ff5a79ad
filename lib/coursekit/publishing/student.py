"""Make the archives to hand out to a class: `make student`.

They hold the course without the outputs of its lessons, so that no answer stands below a prediction, and
without tests, the instructor guide and the key of the concept test; and the book, without the guide. The
exercises keep their references and solutions: checks work from them. `coursekit.grading.exam` makes an
edition without.
"""

import argparse
import copy
import fnmatch
import functools
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from convlab.files import write_whole
from coursekit.lessons import ROOT, CourseError, Lesson, find
from coursekit.publishing import book

HANDED_OUT = (
    *("LICENSE", "Makefile", "README.md", "environment.yml", "pyproject.toml", "requirements.txt"),
    *("data", "docs", "lib", "notebooks", "web"),
)
WITHHELD = ("docs/instructor_guide.md", "docs/concept_test.yaml")  # the guide, and the key of a test
FOLDER = "course"  # in the archive


def main(argv: list[str]) -> int:
    """Write course.zip for Windows and course.tar.gz for macOS and Linux; return 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit student", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    parser.add_argument("--out", type=Path, help="where to write, build/student by default")
    parser.add_argument(
        "--no-book", action="store_true", help="without the book, which takes minutes to make"
    )
    options = parser.parse_args(argv)
    out = options.out or options.root / "build" / "student"
    files = edition(options.root)
    if not options.no_book:
        if book.make(options.root, out / "book", guide=False):
            raise CourseError("the book has faults, which are named above")
        pages = (path for path in sorted((out / "book").rglob("*")) if path.is_file())
        files |= {f"book/{path.relative_to(out / 'book').as_posix()}": path for path in pages}
    write(files, out, "course")
    return 0


def write(files: dict[str, Path | bytes], out: Path, stem: str) -> None:
    """Write the files as `stem`.zip and `stem`.tar.gz into the folder `out`."""
    for ending, archive in (("zip", write_zip), ("tar.gz", write_tar)):
        path = out / f"{stem}.{ending}"
        write_whole(path, functools.partial(archive, files=files))
        print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")


def edition(root: Path) -> dict[str, Path | bytes]:
    """Return what students get: for each name a file, or the bytes of a lesson without its outputs."""
    lessons = {lesson.path: lesson for lesson in find(root)}
    if not lessons:
        raise CourseError(f"there are no lessons in {root}")
    files: dict[str, Path | bytes] = {}
    for path in _kept(root):
        name = path.relative_to(root).as_posix()
        if name not in WITHHELD:
            files[name] = cleared(lessons[path]).encode() if path in lessons else path
    return files


def cleared(lesson: Lesson) -> str:
    """Return a lesson as its file would say it without outputs."""
    notebook = copy.deepcopy(lesson.notebook)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _kept(root: Path) -> Iterator[Path]:
    """Yield the files to hand out, but for those that git ignores: what belongs to one person or machine."""
    patterns = [line for line in (root / ".gitignore").read_text(encoding="utf-8").split() if line[:1] != "#"]
    for part in HANDED_OUT:
        if (root / part).is_file():
            yield root / part
        for place, folders, names in os.walk(root / part):
            folders[:] = sorted(
                name for name in folders if not _is_ignored(Path(place, name), root, patterns)
            )
            for name in sorted(names):
                if not _is_ignored(Path(place, name), root, patterns):
                    yield Path(place, name)


def _is_ignored(path: Path, root: Path, patterns: list[str]) -> bool:
    """Return whether one of .gitignore's patterns means this path: from the root where it begins with `/`."""
    whole = f"/{path.relative_to(root).as_posix()}"
    return any(
        fnmatch.fnmatch(whole if pattern.startswith("/") else path.name, pattern.rstrip("/"))
        for pattern in patterns
    )


def write_zip(file, files: dict[str, Path | bytes]) -> None:
    """Write the files as a zip archive, below one folder."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(f"{FOLDER}/{name}", data)


def write_tar(file, files: dict[str, Path | bytes]) -> None:
    """Write the files as a compressed tar archive, below one folder, as nobody's in particular."""
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
