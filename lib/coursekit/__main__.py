"""`python -m coursekit COMMAND`: open the room that does it, and no other."""

import argparse
import importlib
import signal
import sys

COMMANDS = {
    "run": "run lessons top to bottom into build/run/",
    "render": "run lessons in place and store their outputs",
    "check": "hold the lessons against the rules of form",
    "numbers": "list the numbers in prose that have no source",
    "map": "write the map of lessons where it is shown",
    "slides": "make a deck of slides out of each lesson",
    "site": "make the book of all lessons",
    "record": "train in full what a lesson can only begin, and keep how it went",
    "bench": "measure how fast this machine is",
    "grade": "grade a folder of submissions",
    "doctor": "say whether this machine has what the course needs",
}
STOPPED = 130  # what a shell reports after Ctrl-C


def main(argv: list[str]) -> int:
    """Hand the arguments after the command to its room and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:8}{what}" for name, what in COMMANDS.items()),
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    command = parser.parse_args(argv[:1]).command
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that no kernel outlives this process
    try:
        return importlib.import_module(f"coursekit.{command}").main(argv[1:])
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return STOPPED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
