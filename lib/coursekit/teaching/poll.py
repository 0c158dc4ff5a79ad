"""Ask a room, and count its answers: `make poll`. Phones open a page, and the teacher's page shows the bars.

Nothing is written to disk, no name is asked for, and everything is gone when the poll stops.
"""

import argparse
import ast
import errno
import re
import socket

import psutil

from convlab.exercises import bank
from convlab.printing import say
from coursekit.lessons import CourseError, Lesson, find, select, source, tags
from coursekit.teaching.ballots import LONGEST_QUESTION, Question
from coursekit.teaching.poll_server import PollServer

PORT = 8765
ASKED = re.compile(r"\*\*Predict:?\*\*:?\s*(.+?)(?=\n\s*\n|\n>|\Z)", re.DOTALL)
BLANK = re.compile(r"^>.*$", re.MULTILINE)  # the line for an answer on paper
ALONE = """Only this computer can open it. To let a room in, stop it (Ctrl-C) and start: make poll ROOM=yes"""
ROOM = """Phones open   {shown}
Everyone in this network can open that page, and answer. The connection is not encrypted.
If phones do not reach it: they need the same network as this computer, and its firewall has to let
TCP port {port} in. Many guest networks do not let devices reach each other: then share a hotspot."""
PRIVATE = """No names are asked for, and nothing is written to disk: a phone is known by a random cookie. Who
clears that can answer twice. Ctrl-C, or the button on your page, ends the poll and forgets all answers."""


def main(argv: list[str]) -> int:
    """Serve a poll until Ctrl-C or the button on the teacher's page; return 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit poll", description=__doc__)
    parser.add_argument("--lesson", default="", help="offer the predictions and questions of these lessons")
    parser.add_argument("--room", action="store_true", help="let phones in this network in")
    parser.add_argument("--port", type=int, default=PORT, help=f"default {PORT}; 0 takes a free one")
    options = parser.parse_args(argv)
    wanted = select(find(), [options.lesson]) if options.lesson.split() else []
    server = opened(options.room, options.port, [one for lesson in wanted for one in prepared(lesson)])
    say(announcement(server, options.room), flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    say("The poll has ended. All answers are gone.")
    return 0


def opened(room: bool, port: int, questions: list[Question]) -> PollServer:
    """Return a server that listens, for this computer alone or for its network."""
    host = addresses()[0] if room else ""
    try:
        return PollServer(("0.0.0.0" if room else "127.0.0.1", port), questions, host)
    except OverflowError:
        raise CourseError(
            f"there is no port {port}: name one from 1024 to 65535, make poll PORT=8766"
        ) from None
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
        raise CourseError(f"port {port} {why}: name another, make poll PORT={port + 1}") from None


def addresses() -> list[str]:
    """Return this computer's IPv4 addresses in its networks, that of the usual route first.

    `CourseError` if it is in no network.
    """
    up = {name for name, status in psutil.net_if_stats().items() if status.isup}
    found = [
        one.address
        for name, of_interface in psutil.net_if_addrs().items()
        for one in of_interface
        if name in up and one.family == socket.AF_INET and not one.address.startswith("127.")
    ]
    if not found:
        raise CourseError("this computer is in no network: join one, or leave ROOM=yes out")
    return sorted(found, key=lambda address: address != _usual())


def _usual() -> str:
    """Return the address that packets to elsewhere would come from; none is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # of a block that is for documentation only (RFC 5737)
            return probe.getsockname()[0]
        except OSError:
            return ""


def announcement(server: PollServer, room: bool) -> str:
    """Return what the terminal says: who reaches the poll, where it is, and what it does not store."""
    port = server.server_port
    yours = f"Your page     http://127.0.0.1:{port}{server.teacher_page}   (the key is for you alone)"
    lines = [ROOM.format(shown=server.shown, port=port)] if room else [f"Phones' page  {server.shown}", ALONE]
    others = [f"It may also be http://{one}:{port}/" for one in addresses()[1:]] if room else []
    return "\n".join([yours, *lines, *others, PRIVATE])


def prepared(lesson: Lesson) -> list[Question]:
    """Return a lesson's predictions, with their choices where it has some, and its questions of the bank."""
    predictions = []
    for cell, following in zip(lesson.cells, [*lesson.cells[1:], None]):
        if "prediction" in tags(cell):
            taken = following is not None and "predict" in tags(following)
            stored = _stored(source(following)) if following is not None and taken else None
            predictions += [stored] if stored else _in_words(source(cell))
    chosen = [one for one in bank.load() if one.lesson == lesson.number]
    return [*predictions, *(Question(one.question, "choice", one.choices) for one in chosen)]


def _stored(code: str) -> Question | None:
    """Return the question of a cell that stores a choice or a number; None for any other cell."""
    asked = re.match(r"#\s*(.+?\?)", code)
    match [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)], asked:
        case [ast.Call(func=ast.Attribute(attr="choice"), keywords=keywords)], re.Match():
            choices = next((one.value for one in keywords if one.arg == "of"), None)
            if isinstance(choices, ast.List) and all(isinstance(one, ast.Constant) for one in choices.elts):
                return Question(asked[1], "choice", tuple(str(ast.literal_eval(one)) for one in choices.elts))
        case [ast.Call(func=ast.Attribute(attr="number"), keywords=keywords)], re.Match():
            units = [ast.literal_eval(one.value) for one in keywords if one.arg == "unit"]
            return Question(" ".join([asked[1], *(f"({unit})" for unit in units)]), "number")
    return None


def _in_words(markdown: str) -> list[Question]:
    """Return the predictions that a cell asks for, to be answered in words; all of it if none is marked."""
    marked = [match[1] for match in ASKED.finditer(markdown)]
    texts = [_plain(one) for one in marked or [BLANK.sub("", markdown)]]
    return [Question(text) for text in texts if len(text) <= LONGEST_QUESTION]


def _plain(markdown: str) -> str:
    """Return markdown as one line of plain words."""
    return " ".join(re.sub(r"\[([^]]*)\]\([^)]*\)|\*\*|[*`]", r"\1", markdown).split())
