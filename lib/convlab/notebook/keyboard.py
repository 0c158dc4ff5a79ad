"""A game that the reader plays with the keyboard in a notebook; a picture of it where it is only read."""

import base64
import html
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import gymnasium
    import ipywidgets

__all__ = ["Keyboard"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SIDE = 320  # pixels of the picture on the page


class Keyboard:
    """A game whose frames wait for the reader's keys, typed into a field below its picture (lesson 24).

    Each key plays one frame. After the end, the next key begins a new episode. Nothing runs between keys, so
    that a player may think, and nobody needs to be quick.

    Args:
        game: a `gymnasium.Env` whose observation is a grey picture (H, W) uint8.
        keys: the action of each key: {"a": 0, "s": 1, "d": 2}.
        seed: of the first episode; the next ones follow from it.

    >>> from convlab.applications.games import Catch
    >>> Keyboard(Catch(), {"a": 0, "s": 1, "d": 2}, seed=0)
    keys: a, s, d; 0 episodes, score 0
    """

    def __init__(self, game: "gymnasium.Env", keys: Mapping[str, int], seed: int = 0):
        if not keys or any(len(key) != 1 for key in keys):
            raise ValueError(f"keys {list(keys)}: name each by one character, as in {{'a': 0}}")
        self.game, self.keys = game, dict(keys)
        self.picture, _ = game.reset(seed=seed)
        self.episodes, self.score, self.over = 0, 0.0, False

    def press(self, key: str) -> None:
        """Play one frame with the action of a key, or begin anew after the end; ignore any other key."""
        if key not in self.keys:
            return
        if self.over:
            self.picture, _ = self.game.reset()
            self.over = False
            return
        self.picture, reward, ended, cut, _ = self.game.step(self.keys[key])
        self.score += float(reward)
        self.over = ended or cut
        self.episodes += self.over

    def sentence(self) -> str:
        """Return the keys and the score so far, and what to do after the end."""
        said = f"keys: {', '.join(self.keys)}; {self.episodes} episodes, score {self.score:g}"
        return f"{said}; the episode is over, any of these keys begins the next" if self.over else said

    def page(self) -> str:
        """Return HTML with the sentence and the picture."""
        said = html.escape(self.sentence(), quote=True)
        picture = base64.b64encode(self.png()).decode()
        return f'<p role="status">{said}</p><img alt="{said}" src="data:image/png;base64,{picture}">'

    def png(self) -> bytes:
        """Return the picture, enlarged, as the bytes of a PNG."""
        factor = max(1, SIDE // max(self.picture.shape))
        stream = io.BytesIO()
        Image.fromarray(np.kron(self.picture, np.ones((factor, factor), np.uint8))).save(stream, format="png")
        return stream.getvalue()

    def box(self) -> "ipywidgets.VBox":
        """Return the live form: the picture, and a field that takes the keys.

        The field is not emptied: a browser that sends several keys at once would send those again that were
        taken from it meanwhile.
        """
        import ipywidgets

        page = ipywidgets.HTML(self.page())
        field = ipywidgets.Text(description="type here", continuous_update=True)

        def typed(change):
            old, new = change["old"], change["new"]
            differ = (place for place, (one, other) in enumerate(zip(old, new)) if one != other)
            for key in new[next(differ, min(len(old), len(new))) :]:
                self.press(key)
            page.value = self.page()

        field.observe(typed, "value")
        return ipywidgets.VBox([page, field])

    def __repr__(self) -> str:
        return self.sentence()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        still = {"text/plain": self.sentence(), "image/png": self.png()}
        return still | {WIDGET_VIEW: self.box()._repr_mimebundle_()[WIDGET_VIEW]}
