"""Give Keras the settings that the lessons are written for, whatever a person has set for other work.

`~/.keras/keras.json` and KERAS_BACKEND choose the backend, the order of an image's axes and the type of
numbers. Lessons need TensorFlow, (N, H, W, C) and float32. `import convlab` calls `expect`, before Keras is
imported. The standard library alone.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convlab.machine import in_notebook
from convlab.notebook.quiet import Watch
from convlab.printing import say

BACKEND = "tensorflow"
SETTINGS = {"image_data_format": "channels_last", "floatx": "float32"}


def expect() -> None:
    """Make the first import of Keras run within `applied`; one that is imported already keeps its backend."""
    if "keras" in sys.modules:
        apply()
    else:
        sys.meta_path.insert(0, Watch("keras", applied))


@contextmanager
def applied() -> Iterator[None]:
    """Choose the backend of a Keras that is imported within this context, and then the other settings."""
    if (found := os.environ.get("KERAS_BACKEND", BACKEND)) != BACKEND:
        tell(f"KERAS_BACKEND={found} is not used: lessons need {BACKEND}")
    os.environ["KERAS_BACKEND"] = BACKEND
    yield
    apply()


def apply() -> None:
    """Set what differs from what the lessons need, and say so."""
    config = getattr(sys.modules["keras"], "config", None)
    for name, needed in SETTINGS.items() if config else ():
        if (found := getattr(config, name)()) != needed:
            tell(f"Keras was set to {name}={found}, which is not used: lessons need {needed}")
            getattr(config, f"set_{name}")(needed)


def tell(sentence: str) -> None:
    """Print in a notebook; elsewhere to the standard error, as the output may be for a program."""
    say(sentence, None if in_notebook() else sys.stderr)
