"""A network without memory for its weights, to count what would take gigabytes to build."""

from collections.abc import Callable
from typing import Any

import keras


def outline(builder: Callable[..., keras.Model], *arguments: Any, **options: Any) -> keras.Model:
    """Return what `builder(*arguments, **options)` builds, its weights with shapes but without values.

    For `shapes.count` and for looking at layers: VGG-19 would take 575 MB. It cannot compute anything; build
    the network itself for that. Lessons 12 to 15.

    >>> from convlab import networks
    >>> outline(networks.vgg19).count_params()
    143667240
    """
    with keras.StatelessScope(initialize_variables=False):
        model = builder(*arguments, **options)
    # or Keras would fill the weights when the next layer is called
    keras.utils.clear_session()
    return model
