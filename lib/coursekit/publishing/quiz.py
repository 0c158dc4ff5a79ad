"""The page of the book with a quiz for each part: every question of the bank, its answer folded away."""

import html
import itertools

from convlab.exercises import bank
from coursekit.lessons import Lesson

INTRODUCTION = """# A quiz for each part

Take the quiz of a part some days after its last lesson, from memory: say your letter aloud, then open the
answer. In the lessons the same questions come back at growing intervals; `make cards` has them for Anki.
"""


def page(lessons: list[Lesson]) -> str:
    """Return the page in Markdown: a section for each part, with links to the lessons."""
    slugs = {lesson.number: lesson.slug for lesson in lessons}
    names = {lesson.number: str(lesson.header.get("part", "")) for lesson in lessons}
    asked = [question for question in bank.load() if question.lesson in slugs]
    sections = [INTRODUCTION]
    for name, members in itertools.groupby(asked, key=lambda question: names[question.lesson]):
        items = "\n".join(_item(question, slugs[question.lesson]) for question in members)
        sections.append(f"## Part {name}\n\n<ol>\n{items}\n</ol>\n")
    return "\n".join(sections)


def _item(question: bank.Question, slug: str) -> str:
    """Return one question as an item of a list."""
    choices = "".join(f"<li>{_text(choice)}</li>" for choice in question.choices)
    letter = bank.LETTERS[question.choices.index(question.answer)]
    mistakes = "; ".join(f"{_text(one)}: {_text(name)}" for one, name in question.wrong.items())
    return (
        f'<li>{_text(question.question)}<ol type="a">{choices}</ol>'
        f"<details><summary>Answer</summary><p>{letter}) {_text(question.answer)}. {_text(question.why)}</p>"
        f"<p>Mistakes: {mistakes}.</p>"
        f'<p><a href="{slug}.html">Lesson {question.lesson}</a></p></details></li>'
    )


def _text(text: str) -> str:
    """Return a text as HTML, with code between backticks; nothing in it is Markdown."""
    parts = html.escape(text).replace("*", "&#42;").replace("_", "&#95;").replace("$", "&#36;").split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
