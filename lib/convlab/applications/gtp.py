"""Games of Go against a program that speaks the Go Text Protocol, as GNU Go does (lesson 25).

The protocol is version 2 of G. Farnebäck's specification (lysator.liu.se/~gunnar/gtp): a command is a line,
an answer begins with "=" or "?" and ends with an empty line. A point is a letter without I for the column,
and the row from below.
"""

import shutil
import subprocess
from collections.abc import Callable, Sequence

import numpy as np

from convlab.applications.boards import Go, GoState

__all__ = ["Engine", "action_of", "gnu_go", "match", "vertex_of"]

LETTERS = "ABCDEFGHJKLMNOPQRST"  # without I
Player = Callable[[GoState], int]
"""One game -> the action to take."""


def gnu_go(level: int = 1, seed: int = 1) -> list[str]:
    """Return the command that starts GNU Go with the rules of `boards.Go`; FileNotFoundError without it.

    It takes dead stones off the board before it passes: all stones on the board count as alive. Lesson 25.

    Args:
        level: how long it thinks, from 1.
        seed: of its choices.
    """
    program = shutil.which("gnugo") or shutil.which("gnugo", path="/usr/games")
    if not program:
        raise FileNotFoundError(
            "GNU Go is not installed: `apt-get install gnugo` brings it on Debian and Ubuntu, "
            "`brew install gnu-go` on macOS"
        )
    rules = ["--chinese-rules", "--positional-superko", "--play-out-aftermath", "--capture-all-dead"]
    return [program, "--mode", "gtp", "--level", str(level), "--seed", str(seed), *rules]


def vertex_of(action: int, size: int) -> str:
    """Return the protocol's name of an action of `boards.Go`.

    >>> vertex_of(0, 5), vertex_of(24, 5), vertex_of(25, 5)
    ('A5', 'E1', 'pass')
    """
    if action == size * size:
        return "pass"
    y, x = divmod(action, size)
    return f"{LETTERS[x]}{size - y}"


def action_of(vertex: str, size: int) -> int:
    """Return the action of `boards.Go` that the protocol names; ValueError if it names none.

    >>> action_of("E1", 5), action_of("PASS", 5)
    (24, 25)
    """
    name = vertex.strip().upper()
    if name == "PASS":
        return size * size
    letter, number = name[:1], name[1:]
    if letter not in LETTERS[:size] or not number.isdigit() or not 1 <= int(number) <= size:
        raise ValueError(f"{vertex!r} is no point of a board of {size}x{size}, and no pass")
    return (size - int(number)) * size + LETTERS.index(letter)


class Engine:
    """A program that plays, as a process that ends with the `with` block. Lesson 25.

    Args:
        command: what starts it, as `gnu_go()` returns it.
        size: points along a side.
        komi: points of the second player.

    Raises:
        ValueError: the program refuses a command, or ends too soon.
    """

    def __init__(self, command: Sequence[str], size: int, komi: float) -> None:
        self.size = size
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            self.ask(f"boardsize {size}")
            self.ask(f"komi {komi}")
            self.clear()
        except ValueError:
            self.close()
            raise

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the program."""
        self.process.kill()
        self.process.communicate()

    def clear(self) -> None:
        """Begin a new game."""
        self.ask("clear_board")

    def play(self, turn: int, action: int) -> None:
        """Let the program know a move; turn 0 is the player who began, black, and 1 is white."""
        self.ask(f"play {('black', 'white')[turn]} {vertex_of(action, self.size)}")

    def choose(self, turn: int) -> int:
        """Return the program's move, which it has then made; it passes where it resigns."""
        answer = self.ask(f"genmove {('black', 'white')[turn]}")
        return self.size**2 if answer.lower() == "resign" else action_of(answer, self.size)

    def ask(self, command: str) -> str:
        """Return the answer to a command, without its sign; ValueError if the program refuses it."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise ValueError(f"the program has ended and cannot answer {command!r}: start it anew") from None
        lines = []
        for line in self.process.stdout:
            if line.strip():
                lines.append(line.strip())
            elif lines:
                break
        answer = "\n".join(lines)
        if not answer.startswith("="):
            raise ValueError(f"the program answers {answer!r} to {command!r}: see what it understands")
        return answer[1:].strip()


def match(go: Go, player: Player, engine: Engine, games: int, most: int = 200) -> dict[str, int]:
    """Return how a player's games against a program ended: {"won": …, "drawn": …, "lost": …, "cut": …}.

    The player begins every second game. Area scoring, all stones on the board count as alive. Lesson 25.

    Args:
        go: the rules.
        player: a game -> its action.
        engine: a program with the same size and komi.
        games: how many.
        most: moves after which a game is cut off and counts for nobody.
    """
    ends = {"won": 0, "drawn": 0, "lost": 0, "cut": 0}
    for number in range(games):
        engine.clear()
        state, own = go.start(), number % 2  # the turn on which the player moves
        for _ in range(most):
            if state.turn == own:
                action = player(state)
                engine.play(state.turn, action)
            else:
                action = engine.choose(state.turn)
            state = go.play(state, [action])
            outcome = go.outcomes(state)[0]
            if not np.isnan(outcome):
                outcome = outcome if state.turn == own else -outcome
                ends[{1: "won", 0: "drawn", -1: "lost"}[int(outcome)]] += 1
                break
        else:
            ends["cut"] += 1
    return ends
