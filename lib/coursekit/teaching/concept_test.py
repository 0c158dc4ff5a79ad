"""The concept test of convolution: two forms as pages without a key, and the statistics of what comes back.

`make concept-test` writes the pages. `make concept-test ANSWERS=folder` reads the files of a class.
"""

import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from convlab.files import write_text
from convlab.printing import say
from coursekit.lessons import ROOT, CourseError
from coursekit.teaching import item_statistics
from coursekit.teaching.sheets import collected

ITEMS = ROOT / "docs" / "concept_test.yaml"  # instructors only: it has the key
PAGE = Path(__file__).parent / "pages" / "concept.html"
NAME = "convolution"
FORMS = ("A", "B")


@dataclass(frozen=True)
class Item:
    """One item of one form; `wrong` has each wrong choice and the name of its mistake."""

    id: str
    concept: str
    question: str
    answer: str
    wrong: Mapping[str, str]

    @property
    def choices(self) -> list[str]:
        """All choices, in an order that looks random and is always the same."""
        return sorted([self.answer, *self.wrong], key=lambda choice: _digest(f"{self.question}{choice}"))


def main(argv: list[str]) -> int:
    """Write both forms, or print the statistics of a folder of answers; return 1 if a file was refused."""
    parser = argparse.ArgumentParser(prog="python -m coursekit concept-test", description=__doc__)
    parser.add_argument("answers", nargs="?", type=Path, help="a folder of the files that a class has made")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "concept-test", help="where pages go")
    options = parser.parse_args(argv)
    forms = load(ITEMS)
    if options.answers is None:
        for form, items in forms.items():
            write_text(options.out / f"form-{form}.html", page(form, items))
            print(f"{options.out / f'form-{form}.html'}: {len(items)} items, without a key")
        return 0
    found, refused = collected(options.answers, forms, NAME, version(forms))
    say(item_statistics.report(forms, found))
    say(f"\n{len(found) + len(refused)} files: {len(found)} counted, {len(refused)} not counted")
    for path, why in refused:
        say(f"  {path}: {why}")
    return int(bool(refused))


def load(path: Path) -> dict[str, list[Item]]:
    """Return {form: items}; `CourseError` where the file with the key is missing, as students have it."""
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise CourseError(f"{path.name} is missing: the students' edition comes without it") from None
    return {form: [Item(one["id"], one["concept"], **one[form]) for one in entries] for form in FORMS}


def version(forms: Mapping[str, list[Item]]) -> str:
    """Return a digest of the test: answers to another version are not counted."""
    return _digest(json.dumps([[vars(item) for item in items] for items in forms.values()]))[:12]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def page(form: str, items: list[Item]) -> str:
    """Return the page of one form, which holds no key."""
    shown = [{"id": item.id, "question": item.question, "choices": item.choices} for item in items]
    test = {"test": NAME, "version": version(load(ITEMS)), "form": form, "items": shown}
    text = json.dumps(test, ensure_ascii=False).replace("<", "\\u003c")
    return PAGE.read_text(encoding="utf-8").replace("/*TEST*/", text)
