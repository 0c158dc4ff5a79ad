"""`python -m coursekit COMMAND`: import the module that does it, and no other.

Every command prints on any terminal, and ends with one line where a person can correct what is wrong.
"""

import argparse
import errno
import importlib
import io
import signal
import sys
from typing import TextIO

from convlab import printing
from coursekit.lessons import CourseError

COMMANDS = {
    "run": ("running.run", "run lessons top to bottom into build/run/"),
    "lab": ("running.lab", "open the lessons in JupyterLab"),
    "render": ("running.render", "run lessons in place and store their outputs"),
    "check": ("checking.check", "check the lessons against the rules of form"),
    "numbers": ("checking.prose_numbers", "list the numbers in prose that have no source"),
    "map": ("publishing.map", "write the map of lessons where it is shown"),
    "draw": ("publishing.drawing", "draw who imports whom into docs/architecture.md"),
    "slides": ("publishing.slides", "make a deck of slides out of each lesson"),
    "site": ("publishing.book", "make the book of all lessons"),
    "colab": ("publishing.colab", "make the lessons for Colab, with a first cell that gets the course"),
    "lite": ("publishing.lite", "make lessons 00 to 06 for a browser that has no Python"),
    "student": ("publishing.student", "make the archives to hand out to a class"),
    "record": ("measuring.record", "train in full what a lesson can only begin, and keep how it went"),
    "record-transfer": ("measuring.record_transfer", "record the figures of lesson 17"),
    "record-detector": ("measuring.record_detector", "train the detector of lesson 18 on BCCD"),
    "record-masks": ("measuring.record_masks", "train the networks of lesson 19 on CamVid"),
    "record-captions": ("measuring.record_captions", "train the networks of lesson 20 on scenes"),
    "record-sentences": ("measuring.record_sentences", "train and test lesson 21 on ten folds"),
    "record-selfplay": ("measuring.record_selfplay", "let a network of lesson 25 teach itself a larger game"),
    "record-style": ("measuring.record_style", "train the network of lesson 22 on CamVid"),
    "record-gan": ("measuring.record_gan", "train the networks of lesson 23"),
    "record-dqn": ("measuring.record_dqn", "let the networks of lesson 24 learn to play"),
    "verify": ("measuring.verify", "check a recorded run by its weights and its log"),
    "live-settings": ("measuring.live_settings", "choose the live page's settings on held-out digits"),
    "bench": ("measuring.bench", "measure how fast this machine is"),
    "hub": ("hub.start", "start a JupyterHub on this machine, for trials"),
    "hub-server": ("hub.server", "become a student's server; a JupyterHub calls this"),
    "hub-class": ("hub.simulated_class", "try a hub with a class of simulated students"),
    "grade": ("grading.grade", "grade a folder of submissions"),
    "exam": ("grading.exam", "make the archives for an exam, without solutions"),
    "report": ("grading.report", "make a slide of the mistakes of the last grading"),
    "cards": ("teaching.cards", "write words, questions and mistakes as a deck for Anki"),
    "concept-test": ("teaching.concept_test", "make the concept test, or read what a class answered"),
    "poll": ("teaching.poll", "ask a room, and count its answers from phones"),
    "doctor": ("setup.doctor", "say whether this machine has what the course needs"),
}
STOPPED = 130  # what a shell reports after Ctrl-C
# what a person can correct: rights, a full disk, a file where a folder should be
CORRECTABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
}


def main(argv: list[str]) -> int:
    """Hand the arguments after the command to its module; return the exit status.

    It is 2 for a `CourseError`, and for a file that cannot be written; 141 where nobody reads the output.
    """
    for stream in (sys.stdout, sys.stderr):
        print_on_any_terminal(stream)
    parser = argparse.ArgumentParser(
        prog="python -m coursekit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:17}{what}" for name, (_, what) in COMMANDS.items()),
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    command = parser.parse_args(argv[:1]).command
    try:
        status = importlib.import_module(f"coursekit.{COMMANDS[command][0]}").main(argv[1:])
        return printing.unprinted() or status
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return STOPPED
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        if lost := printing.unprinted(error):
            return lost
        if error.errno not in CORRECTABLE or error.filename is None:
            raise
        print(f"{error.filename}: {error.strerror}. Correct that, or choose another place", file=sys.stderr)
        return 2


def print_on_any_terminal(stream: TextIO) -> None:
    """Let a stream replace the characters that its encoding does not have, instead of raising."""
    if isinstance(stream, io.TextIOWrapper):  # not what a test or a notebook has put in its place
        stream.reconfigure(errors=printing.STAND_INS_ERRORS)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no kernel outlives this process
    sys.exit(main(sys.argv[1:]))
