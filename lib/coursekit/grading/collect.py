"""Collect what lies in a folder of submissions: every file of every student, those in zip archives included.

Nothing is unpacked to the disk, and nothing vanishes: what is not a file of a student is named in `passed`.
"""

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from coursekit.grading import lms

LARGEST = 60_000_000  # bytes of a notebook; the lessons have one million, a loop that prints adds many
LARGEST_ARCHIVE = 200_000_000  # bytes of an archive within an archive
MEMBERS, RATIO, DEEPEST = 50_000, 200, 3  # of one archive: files, bytes for each packed one, archives within
# never through a link, never waiting for the other end of a pipe; some systems do not have them all
OPEN = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
NOTEBOOK = re.compile(r"\.ipynb( ?\(\d+\))?(\.(json|txt|download))?$", re.IGNORECASE)
PERHAPS = re.compile(r"(\.(json|txt)|^[^.]+)$", re.IGNORECASE)  # a notebook by what is in it
SYSTEM = {"__macosx", "thumbs.db", "desktop.ini", ".ipynb_checkpoints"}
LINKED = "it is a link to another place, which is not followed"
BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    OSError,
    zlib.error,
)
ENCODINGS = ("utf-8", "cp949", "cp932")  # of names in archives that do not say


class Unreadable(Exception):
    """A file that is no notebook: why, in words for whoever handed it in."""


@dataclass(frozen=True)
class File:
    """One file that was handed in.

    Args:
        path: where it lies on the disk, or the archive that holds it.
        inside: the name of the member that it is; of an archive within an archive, a name for each.
        modified: when it was changed last, in seconds since 1970; 0 where nothing says.
    """

    path: Path
    inside: tuple[str, ...] = ()
    modified: float = 0.0

    @property
    def name(self) -> str:
        """The last part of its path, composed (NFC)."""
        return composed(PurePosixPath(self.inside[-1]).name if self.inside else self.path.name)

    @property
    def depth(self) -> int:
        """How many folders and archives it lies in."""
        return len(self.path.parts) + sum(one.count("/") + 1 for one in self.inside)

    def content(self, largest: int = LARGEST) -> bytes:
        """Return its bytes; `Unreadable` if there are more than `largest`, or it is no regular file."""
        data = _on_disk(self.path, largest if not self.inside else None)
        for number, member in enumerate(self.inside, start=1):
            last = number == len(self.inside)
            data = _member(data, member, largest if last else LARGEST_ARCHIVE)
        return data if isinstance(data, bytes) else data.read_bytes()


@dataclass
class Entry:
    """One entry of the folder: who handed it in, the files, and why there is nothing to grade if so."""

    name: str
    who: lms.Who
    files: list[File] = field(default_factory=list)
    problem: str = ""
    flat: bool = False  # a file, not a folder


@dataclass
class Collected:
    """All entries of a folder, and what was passed over: systems' own files, files that are no notebooks."""

    entries: list[Entry] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)


def composed(text: str) -> str:
    """Return a name in its composed form (NFC): macOS takes Hangul and Kana with marks apart."""
    return unicodedata.normalize("NFC", text)


def collect(folder: Path, system: str = "", apart: tuple[Path, ...] = ()) -> Collected:
    """Return what lies in `folder`, which may be one zip archive.

    Args:
        folder: of the submissions, with an entry for each student.
        system: the learning management system that named the entries: moodle, canvas, classroom or none.
        apart: files in it that are not submissions, such as the roster.
    """
    found = Collected()
    places = (
        [(one.name, one) for one in sorted(os.scandir(folder), key=lambda one: one.name)]
        if (folder.is_dir())
        else [("", None)]
    )
    for name, place in places:
        path = Path(place) if place else folder
        if place and path.resolve() in apart:
            continue
        if place and _is_systems(name):
            found.passed.append(name)
        elif place and place.is_symlink():
            found.entries.append(Entry(name, lms.who(name, system), problem=LINKED, flat=True))
        elif path.is_dir():
            files = list(_below(path, found))
            found.entries.append(Entry(name, lms.who(name, system), files))
        elif name and not _of_a_class(path, system):
            found.entries.append(_flat(File(path, modified=path.lstat().st_mtime), name, system, found))
        else:
            _archive_of_a_class(path, system, found)
    return found


def _is_systems(name: str) -> bool:
    """Return whether a name is that of a file which an operating system or Jupyter has made by itself."""
    return name.startswith(".") or name.casefold() in SYSTEM


def _flat(file: File, name: str, system: str, found: Collected) -> Entry:
    """Return the entry that is one file: a notebook, an archive, or something else."""
    entry = Entry(composed(name), lms.who(composed(name), system), flat=True)
    if _is_archive(file):
        entry.files, entry.problem = _unpacked(file, found)
    elif is_notebook(file):
        entry.files = [file]
    else:
        entry.problem = f"it is not a notebook: {entry.name}"
    return entry


def _below(folder: Path, found: Collected) -> Iterator[File]:
    """Yield the notebooks below a folder, those in archives included; note what else is there."""
    for place, folders, names in os.walk(folder):
        for name in [one for one in folders if _is_systems(one)]:
            folders.remove(name)
            found.passed.append(str(Path(place, name).relative_to(folder.parent)))
        folders.sort()
        for name in sorted(names):
            path = Path(place, name)
            yield from _kept(
                File(path, modified=path.lstat().st_mtime), found, path.relative_to(folder.parent)
            )


def _kept(file: File, found: Collected, shown: object, depth: int = 1) -> Iterator[File]:
    """Yield a file if it is a notebook, and the notebooks in it if it is an archive; note it otherwise."""
    if _is_systems(file.name):
        found.passed.append(composed(str(shown)))
    elif is_notebook(file):
        yield file
    elif _is_archive(file) and depth <= DEEPEST:
        files, problem = _unpacked(file, found, depth)
        found.passed += [f"{composed(str(shown))} ({problem})"] if problem else []
        yield from files
    else:
        found.passed.append(composed(str(shown)))


def is_notebook(file: File) -> bool:
    """Return whether a file is a notebook by its name, or, where that does not say, by what is in it."""
    if NOTEBOOK.search(file.name):
        return True
    if not PERHAPS.search(file.name):
        return False
    try:
        data = file.content()
    except Unreadable:
        return False
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and b'"cells"' in data


def _is_archive(file: File) -> bool:
    return file.name.casefold().endswith(".zip")


def _unpacked(file: File, found: Collected, depth: int = 1) -> tuple[list[File], str]:
    """Return the notebooks in an archive, and what is wrong with it if there are none."""
    try:
        members = list(_members(file, found))
    except Unreadable as error:
        return [], str(error)
    files = [one for member in members for one in _kept(member, found, _shown(member), depth + 1)]
    return files, "" if files else "there is no notebook in this archive"


def _shown(file: File) -> str:
    return "/".join([file.path.name, *file.inside])


def _members(file: File, found: Collected) -> Iterator[File]:
    """Yield the files in an archive; `Unreadable` where it is none, or one to be wary of."""
    data = file.content(LARGEST_ARCHIVE) if file.inside else _regular(file.path)
    try:
        with _opened(data) as archive:
            members = archive.infolist()
    except BROKEN as error:
        raise Unreadable(f"the archive cannot be read: {error}") from error
    if len(members) > MEMBERS:
        raise Unreadable(f"the archive holds more than {MEMBERS:,} files")
    for member in members:
        name = member_name(member)
        parts = name.split("/")
        if member.is_dir():
            continue
        if fault := _fault(member, name):
            found.passed.append(f"{_shown(file)}/{name} ({fault})")
        elif any(map(_is_systems, parts)):
            found.passed.append(f"{_shown(file)}/{name}")
        else:
            yield File(file.path, (*file.inside, name), _time(member))


def member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; where the archive does not say its encoding, the one that fits."""
    name = member.filename
    if not member.flag_bits & 0x800:
        for encoding in ENCODINGS:
            try:
                name = name.encode("cp437").decode(encoding)
                break
            except UnicodeError:
                continue
    return name.replace("\\", "/")


def _fault(member: zipfile.ZipInfo, name: str) -> str:
    """Return why a member is not opened; nothing if it can be."""
    if name.startswith("/") or ".." in name.split("/") or ":" in name.split("/")[0]:
        return "its name leads out of the archive"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "it is a link"
    if member.flag_bits & 1:
        return "it is encrypted"
    if member.file_size > RATIO * max(member.compress_size, 1):
        return f"it unpacks to more than {RATIO} times its size"
    return ""


def _time(member: zipfile.ZipInfo) -> float:
    try:
        return datetime(*member.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _opened(data: bytes | Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data)


def _member(data: bytes | Path, name: str, largest: int) -> bytes:
    """Return the bytes of a member, never more than `largest`, whatever the archive says of its size."""
    try:
        with _opened(data) as archive:
            member = next(one for one in archive.infolist() if member_name(one) == name)
            if fault := _fault(member, name):
                raise Unreadable(fault)
            with archive.open(member) as stream:
                content = stream.read(largest + 1)
    except BROKEN as error:
        raise Unreadable(f"the archive cannot be read: {error}") from error
    if len(content) > largest:
        raise Unreadable(f"it has more than {largest // 10**6} MB")
    return content


def _regular(path: Path) -> Path:
    """Return the path of a regular file; `Unreadable` for a link, a pipe and the like."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Unreadable(LINKED if path.is_symlink() else "it is not a regular file")
    return path


def _on_disk(path: Path, largest: int | None) -> bytes | Path:
    """Return the bytes of a regular file of at most `largest` bytes; of an archive (None) the path itself."""
    if largest is None:
        return _regular(path)
    try:
        handle = os.open(path, OPEN)
        with open(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode) or path.is_symlink():
                raise Unreadable("it is not a regular file")
            content = stream.read(largest + 1)
    except OSError as error:
        raise Unreadable(LINKED if path.is_symlink() else f"it cannot be read: {error.strerror}") from error
    if len(content) > largest:
        raise Unreadable(f"it has more than {largest // 10**6} MB")
    return content


def _of_a_class(path: Path, system: str) -> bool:
    """Return whether a zip archive holds the files of a whole class, as such a system packs it."""
    if not system or not path.name.casefold().endswith(".zip") or lms.who(path.name, system).id:
        return False
    try:
        members = list(_members(File(path), Collected()))
    except Unreadable:
        return False
    return any(lms.who(part, system).id for one in members for part in one.inside[-1].split("/"))


def _archive_of_a_class(path: Path, system: str, found: Collected) -> None:
    """Add an entry for each student in the archive of a whole class; a folder around all of them is none."""
    members = list(_members(File(path), found))
    cut = 0
    while len({tuple(one.inside[-1].split("/")[: cut + 1]) for one in members}) == 1 and all(
        len(one.inside[-1].split("/")) > cut + 2 for one in members
    ):
        cut += 1
    groups: dict[str, list[File]] = {}
    for member in members:
        groups.setdefault(member.inside[-1].split("/")[cut], []).append(member)
    for name, files in groups.items():
        if files[0].inside[-1].count("/") == cut:
            found.entries.append(_flat(files[0], name, system, found))
        else:
            kept = [one for file in files for one in _kept(file, found, _shown(file))]
            found.entries.append(Entry(composed(name), lms.who(composed(name), system), kept))
