"""The Go Text Protocol: names of points, a program of a few lines, and GNU Go where it is installed."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab.applications import boards, gtp

GO = boards.Go(3, komi=0.5)
SCRIPT = """
import sys
moves = iter({moves!r})
for line in sys.stdin:
    word, *rest = line.split()
    if word == "clear_board":
        moves = iter({moves!r})
    refused = word == "play" and rest[1] == {refuses!r}
    answer = next(moves, "pass") if word == "genmove" else ""
    print("? illegal" if refused else "= " + answer, end="\\n\\n", flush=True)
"""


def engine(*moves, refuses=""):
    """Return a program that makes these moves and then passes; it refuses a move of the other player."""
    command = [sys.executable, "-I", "-c", SCRIPT.format(moves=list(moves), refuses=refuses)]
    return gtp.Engine(command, 3, 0.5)


def passes(state):
    return GO.points


@given(size=st.integers(2, 19), data=st.data())
def test_names_of_points_and_back(size, data):
    action = data.draw(st.integers(0, size * size))
    name = gtp.vertex_of(action, size)
    assert gtp.action_of(name, size) == gtp.action_of(name.lower(), size) == action and "I" not in name[:1]


@pytest.mark.parametrize("name", ["F1", "A6", "A0", "I1", "", "A", "resign"])
def test_fault_names_of_no_point(name):
    with pytest.raises(ValueError, match="no point of a board of 5x5"):
        gtp.action_of(name, 5)


def test_who_occupies_the_board_wins_with_both_colours():
    """The program puts one stone and owns all; against a player that passes it wins both games."""
    with engine("B2") as program:
        assert gtp.match(GO, passes, program, 2) == {"won": 0, "drawn": 0, "lost": 2, "cut": 0}
    with engine() as program:
        fills = lambda state: 4 if GO.legal(state)[0, 4] else GO.points  # noqa: E731
        assert gtp.match(GO, fills, program, 2) == {"won": 2, "drawn": 0, "lost": 0, "cut": 0}


def test_komi_decides_an_empty_board():
    """Nobody puts a stone: the second player has the komi."""
    with engine() as program:
        assert gtp.match(GO, passes, program, 4) == {"won": 2, "drawn": 0, "lost": 2, "cut": 0}


def test_a_long_game_is_cut_off():
    with engine("A1", "C3") as program:
        assert gtp.match(GO, passes, program, 1, most=2)["cut"] == 1


def test_fault_the_program_refuses_a_move_or_is_gone():
    with engine(refuses="B2") as program:
        with pytest.raises(ValueError, match=r"illegal' to 'play black B2'"):
            gtp.match(GO, lambda state: 4, program, 1)
        program.process.kill()
        program.process.wait()
        with pytest.raises(ValueError, match="the program"):
            program.ask("name")


def test_fault_gnu_go_is_missing(monkeypatch):
    monkeypatch.setattr(gtp.shutil, "which", lambda *given, **named: None)
    with pytest.raises(FileNotFoundError, match="apt-get install gnugo"):
        gtp.gnu_go()


def test_gnu_go_plays_by_these_rules_and_counts_as_they_do():
    """Each of its moves is legal here, it accepts all legal moves, and chance does not beat it."""
    try:
        command = gtp.gnu_go()
    except FileNotFoundError as missing:
        pytest.skip(f"not tried against GNU Go: {missing}")
    go, rng = boards.Go(5, komi=0.5), np.random.default_rng(0)

    def chance(state):
        return int(rng.choice(np.flatnonzero(go.legal(state)[0])))

    with gtp.Engine(command, 5, 0.5) as program:
        assert "GNU Go" in program.ask("name")
        ends = gtp.match(go, chance, program, 6)
    assert sum(ends.values()) == 6 and ends["lost"] >= 5
