"""Read the files that people made with the concept test; a file that cannot be counted is named, with why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursekit.lessons import CourseError

LARGEST = 100_000  # bytes
OCCASIONS = ("before", "after")


@dataclass(frozen=True)
class Sheet:
    """One person's answers, {item: choice or None}, known by a code."""

    form: str
    when: str
    code: str
    answers: Mapping[str, str | None]


def collected(folder: Path, forms: Mapping[str, list], test: str, version: str):
    """Return the sheets of a folder and its folders, and [(path, why)] of the files that are not counted.

    Args:
        folder: where the files are; hidden ones are left out.
        forms: {form: items} of the test.
        test: its name.
        version: the version that counts.
    """
    if not folder.is_dir():
        raise CourseError(f"there is no folder {folder}")
    found: dict[tuple[str, str], tuple[Path, Sheet]] = {}
    refused = []
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    for name in sorted(name for name in names if not any(part.startswith(".") for part in name.parts)):
        try:
            sheet = _read(folder / name, forms, test, version)
            if (sheet.code, sheet.when) in found:
                raise ValueError(f"has the code and the occasion of {found[sheet.code, sheet.when][0]}")
        except ValueError as problem:
            refused.append((name, str(problem)))
        else:
            found[sheet.code, sheet.when] = (name, sheet)
    return [sheet for _, sheet in found.values()], refused


def _read(path: Path, forms: Mapping[str, list], test: str, version: str) -> Sheet:
    """Return the sheet in a file; ValueError says why it is none."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"is larger than {LARGEST} bytes")
        sent = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("is not JSON in UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if not isinstance(sent, dict) or sent.get("test") != test:
        raise ValueError("is not a file of this test")
    if sent.get("version") != version:
        raise ValueError(f"belongs to another version of the test, {sent.get('version')!r:.40}")
    if sent.get("form") not in [*forms] or sent.get("when") not in OCCASIONS:
        raise ValueError(f"has the form {sent.get('form')!r:.20} and the occasion {sent.get('when')!r:.20}")
    if not isinstance(sent.get("code"), str) or not sent["code"].strip():
        raise ValueError("has no code")
    return Sheet(
        sent["form"], sent["when"], sent["code"].strip().upper(), _answers(sent, forms[sent["form"]])
    )


def _answers(sent: dict[str, Any], items: list) -> dict[str, str | None]:
    """Return the answers to all items; ValueError names one that is missing or that is no choice."""
    answers = sent.get("answers")
    if not isinstance(answers, dict) or set(answers) != {item.id for item in items}:
        raise ValueError("does not have exactly the items of the test")
    for item in items:
        if answers[item.id] is not None and answers[item.id] not in item.choices:
            raise ValueError(f"answers {item.id} with what is no choice: {answers[item.id]!r:.40}")
    return answers
