"""The page of quizzes has every question once, below its part, with its answer folded away."""

import html
import re

from convlab.exercises import bank
from coursekit.lessons import ROOT, find
from coursekit.publishing import book, quiz

LESSONS = find(ROOT)
PAGE = quiz.page(LESSONS)


def text(part):
    return html.unescape(re.sub(r"<[^>]+>", "", part))


def test_each_part_has_its_questions_and_the_letter_is_that_of_the_right_choice():
    sections = re.split(r"^## Part ", PAGE, flags=re.MULTILINE)[1:]
    assert [one.partition("\n")[0] for one in sections] == list(
        dict.fromkeys(one.header["part"] for one in LESSONS)
    )
    for place, section in enumerate(sections, start=1):
        asked = [question for question in bank.load() if question.part == place]
        items = re.findall(
            r"^<li>(.*?)<ol type=\"a\">(.*?)</ol><details>.*?<p>(\w)\) ", section, re.MULTILINE
        )
        assert [text(one) for one, _, _ in items] == [
            question.question.replace("`", "") for question in asked
        ]
        for (_, choices, letter), question in zip(items, asked):
            listed = re.findall(r"<li>(.*?)</li>", choices)
            assert text(listed["abcd".index(letter)]) == question.answer


def test_the_answer_is_folded_away_and_the_book_has_the_page():
    assert "<details open" not in PAGE and PAGE.count("<details>") == len(bank.load())
    assert book.sources(ROOT)["quiz.md"] == PAGE
    assert "\nquiz\n" in book.sources(ROOT)["index.md"]
