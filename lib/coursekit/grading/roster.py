"""The list of a class, as CSV: who has handed in nothing, and who is on no list."""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from coursekit.grading.wording import decoded
from coursekit.lessons import CourseError

IDS = {
    *("id", "student id", "student_id", "student number", "id number", "number", "identifier", "sis user id"),
    *("username", "user name", "sis login id", "학번", "학생번호", "学籍番号", "学生番号"),
}
NAMES = {
    "name",
    "full name",
    "student",
    "student name",
    "fullname",
    "이름",
    "성명",
    "氏名",
    "名前",
    "学生氏名",
}
FIRST, LAST = (
    {"first name", "firstname", "given name", "이름(명)"},
    {"last name", "lastname", "surname", "성"},
)
WORD = re.compile(r"[^\W_]+(?:[.@-][^\W_]+)*")
KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}  # to Hiragana


@dataclass(frozen=True)
class Person:
    """One line of the list: what identifies the student, and the name."""

    ids: tuple[str, ...]
    name: str

    @property
    def shown(self) -> str:
        """The first number and the name."""
        return " ".join(filter(None, (self.ids[0] if self.ids else "", self.name)))


@dataclass(frozen=True)
class Roster:
    """The students of a class, in the order of the list."""

    people: tuple[Person, ...]

    def whose(self, name: str, number: str = "") -> Person | None:
        """Return whose name or number this is; None where it is nobody's, or the name of several.

        Args:
            name: as a folder or file says it; it may hold the number, too.
            number: of the learning management system.
        """
        plain = unicodedata.normalize("NFKC", name)
        words = {*WORD.findall(plain), *re.findall(r"[\w.@-]+", plain), number}
        by_number = [one for one in self.people if {*one.ids} & (words - {""})]
        if len(by_number) == 1:
            return by_number[0]
        spoken = [one for one in self.people if one.name and alike(one.name) == alike(name)]
        if not spoken:
            spoken = [
                one for one in self.people if one.name and squeezed(one.name) == squeezed(_letters(name))
            ]
        return spoken[0] if len(spoken) == 1 else None


def read(path: Path) -> Roster:
    """Return the list in a CSV file; `CourseError` where no column has names or numbers.

    Columns are known by their titles, in English, Korean or Japanese: a number, a name, first and last name.
    """
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise CourseError(f"the roster {path} cannot be read: {error.strerror}") from error
    mark = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.DictReader(io.StringIO(text), delimiter=mark)
    columns = {(name or "").strip().casefold(): name for name in rows.fieldnames or []}
    ids, names = ([columns[one] for one in columns if one in known] for known in (IDS, NAMES))
    parts = [columns[one] for known in (FIRST, LAST) for one in columns if one in known]
    if not ids and not names and len(parts) < 2:
        found = ", ".join(columns) or "none"
        raise CourseError(
            f"{path} has no column with names or numbers, such as id,name; its columns are: {found}"
        )
    people = []
    for row in rows:
        numbers = tuple(value for one in ids if (value := (row[one] or "").strip()))
        name = (row[names[0]] or "").strip() if names else " ".join((row[one] or "").strip() for one in parts)
        if numbers or name:
            people.append(Person(numbers, unicodedata.normalize("NFC", name)))
    return Roster(tuple(people))


def squeezed(name: str) -> str:
    """Return a name as it is compared: composed, in one width, without spaces, in Hiragana for Katakana.

    >>> squeezed("ﾔﾏﾀﾞ ﾊﾅｺ") == squeezed("やまだはなこ"), squeezed("홍 길동") == squeezed("홍길동")
    (True, True)
    """
    letters = unicodedata.normalize("NFKC", name).casefold().translate(KATAKANA)
    return re.sub(r"[\s.,'-]", "", letters)


def alike(name: str) -> tuple[str, ...]:
    """Return a name's words in order of the alphabet, as last and first name change places."""
    words = re.findall(r"[^\s,_]+", unicodedata.normalize("NFKC", name))
    return (squeezed(name),) if len(words) < 2 else tuple(sorted(map(squeezed, words)))


def _letters(name: str) -> str:
    """Return a name without the numbers and marks around it."""
    return re.sub(r"[\d_]+", "", name)
