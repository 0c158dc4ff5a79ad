"""The games of lessons 24 and 25 in JupyterLab, in a browser: played with the keyboard and with the mouse."""

import nbformat
import pytest
from selenium.webdriver.common.by import By

from convlab.applications import games

from .lab_page import axe, opened, output, run, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

KEYS = {"a": 0, "s": 1, "d": 2}
CELLS = {
    "catch": f"""from convlab.applications.games import Catch
from convlab.notebook.keyboard import Keyboard
Keyboard(Catch(), {KEYS}, seed=0)""",
    "board": """from convlab.applications import boards
from convlab.notebook.board import PlayBoard
game = boards.tic_tac_toe()
PlayBoard(game, lambda position: game.legal(position).argmax(axis=1))  # takes the first free point""",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    """A notebook with both games, open in the browser, nothing run yet."""
    home = tmp_path_factory.mktemp("games")
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, home / "games.ipynb")
    with opened(home, home / "games.ipynb", chromium) as browser:
        yield browser


def test_each_typed_key_plays_one_frame_however_fast_it_is_typed(page):
    run(page, "catch")
    shown = until(page, lambda: output(page, "catch"))
    until(page, lambda: "0 episodes, score 0" in shown.text)
    before = shown.find_element(By.CSS_SELECTOR, "img").get_attribute("src")
    typed = "asdaadsd"  # the ball reaches the last row with the ninth key
    shown.find_element(By.CSS_SELECTOR, "input").send_keys(typed)
    until(page, lambda: shown.find_element(By.CSS_SELECTOR, "img").get_attribute("src") != before)
    until(page, lambda: shown.find_element(By.CSS_SELECTOR, "input").get_property("value") == typed)
    assert "0 episodes" in shown.text
    shown.find_element(By.CSS_SELECTOR, "input").send_keys("a")
    twin = games.Catch()
    twin.reset(seed=0)
    reward = [twin.step(KEYS[key])[1] for key in typed + "a"][-1]
    until(page, lambda: f"1 episodes, score {reward:g}; the episode is over" in shown.text)


def test_a_point_that_is_clicked_gets_a_stone_and_the_program_answers(page):
    run(page, "board")
    shown = until(page, lambda: output(page, "board"))
    until(page, lambda: "you play X, and it is your move" in shown.text)

    def points():
        return shown.find_elements(By.CSS_SELECTOR, "button")[2:]  # after the two that begin a game

    def click(point, stones):
        points()[point].click()
        until(page, lambda: "".join(point.text for point in points()) == stones)

    click(4, "O···X····")
    assert not points()[4].is_enabled() and points()[1].is_enabled()
    click(2, "OOX·X····")
    click(6, "OOX·X·X··")
    assert "you win" in shown.text
    shown.find_elements(By.CSS_SELECTOR, "button")[1].click()  # the program begins
    until(page, lambda: "you play O, and it is your move" in shown.text and points()[0].text == "X")


@pytest.mark.parametrize("game", CELLS)
def test_axe_finds_nothing_serious_in_a_game(page, game):
    assert axe(page, output(page, game)) == []
