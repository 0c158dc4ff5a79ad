"""What learning management systems call the files of their students: Moodle, Canvas, Classroom.

Moodle names a submission NAME_NUMBER_assignsubmission_file, a folder or the start of a file's name; its
worksheet knows the student as "Participant NUMBER" (mod/assign). Canvas names it
NAME[_LATE]_USER_FILE_TITLE[-ATTEMPT] and its gradebook knows the student by USER in the column ID.
Classroom puts the student before the title, NAME - TITLE, where it makes a copy for each student.
"""

import re
import unicodedata
from dataclasses import dataclass

SYSTEMS = ("moodle", "canvas", "classroom")
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assign(submission|feedback)_[a-z]+(_(?P<rest>.*))?")
CANVAS = re.compile(r"(?P<name>.+?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<rest>(?P<file>\d+)_.+|(text|link)\.html)")
ATTEMPT = re.compile(r"-(\d+)(?=(\.\w+)*$)")
CLASSROOM = re.compile(r"(?P<name>.+?) - (?P<rest>.+)")


@dataclass(frozen=True)
class Who:
    """Whose entry it is: name, the system's own number, attempt, late or not, and the entry's whole name."""

    name: str
    id: str = ""
    attempt: int = 0
    late: bool = False
    entry: str = ""
    title: str = ""  # what of the name is the file's


def who(entry: str, system: str) -> Who:
    """Return whose entry this is by its name; without an `id` where the name does not say it.

    >>> who("김민준_4412345_assignsubmission_file_", "moodle").id
    '4412345'
    >>> who("kim_LATE_55012_998877_05_convolution-1.ipynb", "canvas").late
    True
    """
    entry = unicodedata.normalize("NFC", entry)
    form = {"moodle": MOODLE, "canvas": CANVAS, "classroom": CLASSROOM}.get(system)
    found = form.fullmatch(entry) if form else None
    if not found:
        return Who(entry, entry=entry, title=entry)
    parts = found.groupdict()
    rest = parts.get("rest") or ""
    attempt = ATTEMPT.search(rest) if system == "canvas" else None
    return Who(
        name=parts["name"],
        id=parts.get("id") or "",
        attempt=int(attempt[1]) if attempt else 0,
        late=bool(parts.get("late")),
        entry=entry,
        title=rest,
    )
