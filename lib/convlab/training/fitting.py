"""Train a classifier on a data set: `fit`, which fills the loop with a classifier's step (lessons 11 to 16).

What happens to an image stands in `augmentation`, a step in `classifier`, what may be chosen in `recipes`.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from convlab.runs import Run
from convlab.training import augmentation, checkpoints
from convlab.training.classifier import Classifier
from convlab.training.loop import Clock, train
from convlab.training.precision import computing_in, fastest
from convlab.training.recipes import Recipe

if TYPE_CHECKING:
    from convlab.datasets import Dataset


def fit(
    model: keras.Model,
    data: "Dataset",
    epochs: float,
    batch_size: int = 128,
    recipe: Recipe = Recipe(),  # noqa: B008, a frozen value
    *,
    validation: int = 0,
    seed: int = 0,
    precision: str = "auto",
    compiled: bool | str = "auto",
    checkpoint: str | Path | None = None,
    **choices: Any,
) -> Run:
    """Train `model`, in place, on the training images of `data`; return the Run, without a test accuracy yet.

    The test images are not looked at: `accuracy` does that, once, afterwards. Lessons 11 to 16.

    Args:
        model: Keras, logits out, fed standardized images.
        data: a Dataset.
        epochs: how many times the training images are seen; may be a fraction.
        batch_size: images in a step.
        recipe: a Recipe: learning rate, schedule, augmentation and so on.
        validation: so many training images are held out, always the same, and judged after every epoch.
        seed: of order and augmentation.
        precision: "float32", "bfloat16" (the weights stay float32), or "auto": the faster one in a short
            trial here.
        compiled: whether TensorFlow compiles the step with XLA, or "auto": decided by the same trial. The bar
            and the Run say what was taken.
        checkpoint: path of a file to write every minute; if it exists, the run goes on from there, with the
            batches of an unbroken run.
        **choices: single choices of the recipe, as `flip="random", crop=4`.

    Raises:
        ValueError: a choice is unknown, a batch or the validation does not fit the images, or the checkpoint
            is damaged or of another run.
    """
    clock = Clock()
    recipe = replace(recipe, **choices)
    precision, with_xla = _computing(precision, compiled, checkpoint)
    taken, held_out = (data.x_train, data.y_train), None  # no copy where all images are trained on
    if validation:
        taken, held_out = (
            (data.x_train[part], data.y_train[part]) for part in split(len(data.x_train), validation)
        )
    scale = augmentation.statistics(data.x_train)
    with computing_in(model, precision):
        classifier = Classifier(model, *taken, scale, recipe, batch_size, epochs, seed, with_xla, held_out)
        return train(
            model,
            classifier.step,
            classifier.steps,
            steps_per_epoch=classifier.steps_per_epoch,
            state=classifier.state,
            validate=classifier.validate,
            checkpoint=checkpoint,
            settings={
                "epochs": epochs,
                "batch_size": batch_size,
                "validation": validation,
                "seed": seed,
                "precision": precision,
                "compiled": with_xla,
                "recipe": asdict(recipe),
            },
            data=data,
            batch_size=batch_size,
            title=f"{model.name} in {precision}{', XLA' if with_xla else ''}",
            clock=clock,
        )


def split(count: int, validation: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices to train on and those held out, the same for every seed.

    ValueError unless 0 ≤ validation < count. Lesson 11.

    >>> [len(part) for part in split(50_000, 1_000)]
    [49000, 1000]
    """
    if not 0 <= validation < count:
        raise ValueError(f"validation of {validation} does not fit {count} training images")
    order = np.random.default_rng(0).permutation(count)
    return (np.sort(order[validation:]), np.sort(order[:validation]))


def _computing(precision: str, compiled: bool | str, checkpoint: str | Path | None) -> tuple[str, bool]:
    """Return precision and compilation: as given, else as before the interruption, else the fastest here."""
    if "auto" not in (precision, compiled):
        return precision, bool(compiled)
    if checkpoint and Path(checkpoint).exists():
        _, _, before = checkpoints.load(checkpoint)
        usual = before["precision"], before["compiled"]
    else:
        usual = fastest()
    return usual[0] if precision == "auto" else precision, usual[1] if compiled == "auto" else bool(compiled)
