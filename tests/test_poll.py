"""A poll counts what phones send, refuses what is no answer in a sentence, and stays with this computer."""

import http.client
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from planting import cell, markdown, plant

from convlab.exercises import bank
from coursekit.lessons import ROOT, CourseError, Lesson, find, tags
from coursekit.teaching import poll, poll_server
from coursekit.teaching.ballots import BARS, LARGEST_ROOM, Poll, Question, Refused, histogram

SIDES = Question("How large is the output?", "choice", ("3", "5", "7"))


class Client:
    """A browser as the server sees it: it sends its cookies back, and nothing else."""

    def __init__(self, server):
        self.port, self.cookies = server.server_port, {}

    def __call__(self, path, body=None, method=None, **headers):
        """Return (status, answer): JSON as it is, other content as text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Content-Type": "application/json", "Cookie": cookies} | headers
        connection.request(method or ("GET" if body is None else "POST"), path, data, sent)
        response = connection.getresponse()
        for header in response.headers.get_all("Set-Cookie", []):
            name, _, value = header.partition(";")[0].partition("=")
            self.cookies[name] = value
        text = response.read().decode()
        connection.close()
        is_json = response.headers["Content-Type"].startswith("application/json")
        return response.status, json.loads(text) if is_json and text else text


@pytest.fixture
def server():
    with poll_server.PollServer(("127.0.0.1", 0), [Question("Prepared?")]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def teacher(server):
    client = Client(server)
    assert client(server.teacher_page)[0] == 303
    return client


@pytest.fixture
def phone(server):
    client = Client(server)
    assert client("/")[0] == 200
    return client


def ask(teacher, question):
    status, said = teacher("/teacher/ask", vars(question))
    assert status == 200
    return said["number"]


def test_forty_phones_at_once_are_counted_as_they_answer(server, teacher):
    planted = ["5"] * 23 + ["7"] * 12 + ["3"] * 5
    number = ask(teacher, SIDES)

    def one_phone(answer):
        client = Client(server)
        client("/")
        assert client("/state")[1]["choices"] == ["3", "5", "7"]
        wrong_first = client("/answer", {"number": number, "answer": "3"})
        changed = client("/answer", {"number": number, "answer": answer})
        return wrong_first[0], changed[0], changed[1]["yours"]

    with ThreadPoolExecutor(40) as pool:
        replies = list(pool.map(one_phone, planted))
    assert replies == [(200, 200, answer) for answer in planted]
    state = teacher("/teacher/state")[1]
    assert state["answers"] == 40
    assert dict(state["bars"]) == Counter(planted)
    teacher("/teacher/close", {})
    assert teacher("/teacher/state")[1]["bars"] == state["bars"]


def test_the_next_question_begins_without_answers(teacher, phone):
    first = ask(teacher, SIDES)
    phone("/answer", {"number": first, "answer": "5"})
    second = ask(teacher, Question("How many?", "number"))
    assert phone("/state")[1]["yours"] is None
    assert phone("/answer", {"number": first, "answer": "5"})[0] == 409
    assert phone("/answer", {"number": second, "answer": "2,50"})[1]["yours"] == 2.5
    assert teacher("/teacher/state")[1]["bars"] == [["2.5", 1]]


BAD = {
    "of another question": ({"number": 7, "answer": "5"}, 409, "Question 1 is asked now"),
    "that is no choice": ({"number": 1, "answer": "6"}, 400, "none of the choices"),
    "that is a list": ({"number": 1, "answer": ["5"]}, 400, "a text or a number"),
    "that is missing": ({"number": 1}, 400, "a text or a number"),
    "that is too long": ({"number": 1, "answer": "5" * 300}, 400, "at most 200 characters"),
    "that is no JSON": (b"5", 400, "not a JSON object"),
    "that cannot be read": (b"{", 400, "not JSON"),
    "that is nested deeply": (b"[" * 8000, 400, "not JSON"),
    "that is not UTF-8": (b"\xff\xfe\xfd", 400, "not JSON"),
    "that is oversized": (b"x" * 100_000, 413, "too long"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_is_refused(teacher, phone, name):
    ask(teacher, SIDES)
    body, status, sentence = BAD[name]
    came, said = phone("/answer", body)
    assert (came, sentence in said["error"]) == (status, True), said
    assert teacher("/teacher/state")[1]["answers"] == 0


def test_answers_without_question_cookie_or_type_and_after_the_end_are_refused(server, teacher, phone):
    good = {"number": 1, "answer": "5"}
    assert phone("/answer", good) == (409, {"error": "No question has been asked yet."})
    ask(teacher, SIDES)
    assert Client(server)("/answer", good)[0] == 403
    assert phone("/answer", good, **{"Content-Type": "text/plain"})[0] == 415
    for length, status in (("x", 411), ("-5", 411), ("9" * 40, 413)):
        assert phone("/answer", b"{}", **{"Content-Length": length})[0] == status
    assert phone("/answer", good)[0] == 200
    teacher("/teacher/close", {})
    assert phone("/answer", good) == (409, {"error": "This question is closed."})
    assert teacher("/teacher/state")[1]["answers"] == 1


@pytest.mark.parametrize("value", ["no", "nan", "inf", "1e999", "", "1,2,3"])
def test_what_is_no_number_is_refused(teacher, phone, value):
    ask(teacher, Question("How many?", "number"))
    assert phone("/answer", {"number": 1, "answer": value})[0] == 400


@pytest.mark.parametrize("path", ["/answer", "/teacher/ask", "/teacher/close", "/teacher/stop"])
def test_wrong_methods_and_pages_get_a_sentence(phone, path):
    assert phone(path)[0] == 405
    for method in ("PUT", "DELETE", "TRACE", "BREW"):
        status, said = phone(path, method=method)
        assert (status, said) == (405, {"error": "This poll takes GET and POST only."})
    assert phone("/", {})[0] == 405
    assert phone("/../../etc/passwd") == (404, {"error": "There is no such page."})
    assert phone("/none", {})[0] == 404


@pytest.mark.parametrize(
    "path", ["/teacher", "/teacher/state", "/teacher/qr.svg", "/teacher?key=", "/teacher?key=x"]
)
def test_the_teachers_pages_need_the_key(server, phone, path):
    assert phone(path)[0] == 403
    phone.cookies["teacher"] = "A" * 22
    assert phone(path)[0] == 403
    assert phone("/teacher/ask", vars(SIDES))[0] == 403
    assert phone("/teacher/stop", {})[0] == 403
    assert server.poll.number == 0


def test_the_key_does_not_stay_in_the_address_and_is_in_no_page(server, teacher):
    assert teacher("/teacher")[0] == 200
    for path in ("/teacher", "/teacher/state", "/", "/state", "/poll.js", "/phone.js", "/teacher.js"):
        assert server.key not in str(teacher(path)[1])


def test_markup_in_an_answer_stays_text(teacher, phone):
    ask(teacher, Question("In your words?"))
    evil = "<img src=x onerror=alert(1)>"
    assert phone("/answer", {"number": 1, "answer": evil})[1]["yours"] == evil
    assert teacher("/teacher/state")[1]["bars"] == [[evil, 1]]
    for name in ("poll.js", "phone.js", "teacher.js"):  # which the browser test sees at work
        script = (poll_server.PAGES / name).read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)


def test_ten_thousand_answers_are_not_taken():
    room = Poll()
    room.ask(Question("In your words?"))
    refused = 0
    for voter in range(10_000):
        try:
            room.answer(1, str(voter), "yes")
        except Refused as why:
            refused += why.status == 429
    assert (len(room.answers), refused) == (LARGEST_ROOM, 10_000 - LARGEST_ROOM)
    room.answer(1, "0", "no")  # who is in may change the answer
    assert histogram(room.question, list(room.answers.values())) == [("yes", LARGEST_ROOM - 1), ("no", 1)]


NO_QUESTIONS = (
    {"text": ""},
    {"text": "x" * 601},
    {"text": None},
    {"kind": "essay"},
    {"choices": ["one"]},
    {"choices": ["a", "a"]},
    {"choices": ["a", 3]},
    {"choices": "ab"},
    {"choices": [*"abcdefghi"]},
    {"choices": ["a", "x" * 121]},
)


@pytest.mark.parametrize("changes", NO_QUESTIONS, ids=str)
def test_what_is_no_question_is_refused(teacher, changes):
    status, said = teacher("/teacher/ask", vars(SIDES) | changes)
    assert status == 400 and said["error"].endswith(".")
    assert teacher("/teacher/state")[1]["number"] == 0


def test_many_numbers_are_counted_in_ranges():
    values = [float(i) for i in range(25)]
    bars = histogram(Question("?", "number"), values)
    assert len(bars) == BARS
    assert sum(count for _, count in bars) == 25
    assert bars[0] == ("0 to 2", 2) and bars[-1] == ("22 to 24", 3)
    huge = [*values, -1e308, 1e308]
    assert sum(count for _, count in histogram(Question("?", "number"), huge)) == len(huge)
    assert math.isfinite(1e308)


def test_texts_that_differ_in_capitals_count_as_one():
    assert histogram(Question("?"), ["A seven", "grey", "a Seven"]) == [("A seven", 2), ("grey", 1)]


@pytest.mark.parametrize("lesson", find(ROOT), ids=lambda lesson: lesson.slug)
def test_a_lesson_offers_its_predictions_and_its_questions_of_the_bank(lesson):
    offered = poll.prepared(lesson)
    mine = [one for one in bank.load() if one.lesson == lesson.number]
    assert [(one.text, one.choices) for one in offered[-len(mine) :]] == [
        (q.question, q.choices) for q in mine
    ]
    predictions = [cell for cell in lesson.cells if "prediction" in tags(cell)]
    assert len(offered) - len(mine) >= len(predictions)
    assert not [one.text for one in offered[: -len(mine)] if re.search(r"\*\*|Your prediction", one.text)]


def test_a_prediction_is_offered_with_the_choices_of_its_lesson(tmp_path):
    asked = "**Predict:** which of the *two*, `a` or `b`?\n\n> *Your prediction:* …"
    predictions = [markdown(name, asked, "prediction") for name in ("one", "two", "three", "four")]
    of_two = '# Which one? Sure: 50.\npredict.choice("05-a", ..., of=["a", 0.5], sure=...)'
    count = '# How many? Sure: 0.\npredict.number("05-b", ..., unit="rows", sure=...)'
    words = '# Why? In your words.\npredict.words("05-c", ...)'
    cells = [
        *(predictions[0], cell("a", of_two, "predict")),
        *(predictions[1], cell("b", count, "predict")),
        *(predictions[2], cell("c", words, "predict")),
        *(predictions[3], cell("d", of_two)),  # not a cell that stores a prediction
    ]
    lesson = Lesson(plant(tmp_path, "77_planted", *cells))
    in_words = Question("which of the two, a or b?")
    assert poll.prepared(lesson) == [
        Question("Which one?", "choice", ("a", "0.5")),
        Question("How many? (rows)", "number"),
        in_words,
        in_words,
    ]


@pytest.mark.parametrize("room", [False, True])
def test_it_listens_where_it_says_and_says_who_may_come(room, monkeypatch):
    monkeypatch.setattr(poll, "addresses", lambda: ["192.0.2.7", "198.51.100.9"])
    with poll.opened(room, 0, []) as server:
        said = poll.announcement(server, room)
        assert server.server_address[0] == ("0.0.0.0" if room else "127.0.0.1")
    assert server.key in said and "No names" in said and "nothing is written to disk" in said
    assert ("ROOM=yes" in said) == (not room)
    assert (f"http://192.0.2.7:{server.server_port}/" in said) == room
    assert ("http://198.51.100.9" in said and "firewall" in said) == room


def test_fault_a_port_in_use_and_no_port_are_named(server):
    with pytest.raises(CourseError, match=rf"port {server.server_port} is in use: name another"):
        poll.opened(False, server.server_port, [])
    with pytest.raises(CourseError, match="there is no port 70000"):
        poll.opened(False, 70000, [])


def test_fault_no_network_is_named(monkeypatch):
    monkeypatch.setattr(poll.psutil, "net_if_addrs", dict)
    with pytest.raises(CourseError, match="in no network"):
        poll.addresses()


INTERRUPT = pytest.param("Ctrl-C", marks=pytest.mark.skipif(os.name == "nt", reason="no signal to send"))


@pytest.mark.parametrize("ending", ["the button", INTERRUPT])
def test_the_command_ends_and_leaves_no_file(tmp_path, ending):
    command = [sys.executable, "-m", "coursekit", "poll", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    # a run of tests in the background ignores Ctrl-C, and its children would, too
    heed = None if os.name == "nt" else lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, preexec_fn=heed, **pipes)
    try:
        first = process.stdout.readline()
        port, page = re.search(r":(\d+)(/teacher\?key=\S+)", first).groups()
        client = Client(type("Server", (), {"server_port": int(port)}))
        assert client(page)[0] == 303
        if ending == "the button":
            assert client("/teacher/stop", {}) == (200, {"stopped": True})
        else:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    assert "The poll has ended" in out
    assert not list(Path(tmp_path).iterdir())
