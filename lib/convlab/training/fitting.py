"""Train a classifier on a data set: `fit`, and the step with which it fills the loop (lessons 11 to 16).

What happens to an image stands in `augmentation`, the arithmetic of a step in `updates`, what may be chosen
in `recipes`.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from convlab.runs import Run
from convlab.training import augmentation, checkpoints, schedules
from convlab.training.evaluation import answers, forward
from convlab.training.loop import Clock, train
from convlab.training.precision import computing_in, fastest
from convlab.training.recipes import Recipe
from convlab.training.updates import descend, factors, look_ahead, objective

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


class Classifier:
    """A Keras model and the step that trains it by a recipe, one `tf.function`, variables updated in place.

    Args:
        model: Keras, logits out, fed standardized images.
        images: (N, H, W, C) uint8.
        labels: (N,) integers.
        scale: what `augmentation.statistics` returns for the training images.
        recipe: a Recipe.
        batch_size: images in a step.
        epochs: how many times the images are seen; may be a fraction.
        seed: of order and augmentation.
        compiled: whether TensorFlow compiles the step with XLA.
        held_out: images and labels that `validate` judges, or None.
    """

    def __init__(
        self,
        model: keras.Model,
        images: np.ndarray,
        labels: np.ndarray,
        scale: tuple[np.ndarray, np.ndarray],
        recipe: Recipe,
        batch_size: int,
        epochs: float = 1,
        seed: int = 0,
        compiled: bool = False,
        held_out: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self.model, self.scale, self.recipe = model, scale, recipe
        self.images, self.labels = tf.constant(images), tf.constant(labels, tf.int32)
        self.batch_size, self.epochs, self.seed = batch_size, epochs, seed
        self.steps_per_epoch, self.steps = counted(len(images), batch_size, epochs)
        self.epoch = -1  # whose plan this is
        self.plan: dict[str, np.ndarray] = {}
        self.weights = model.trainable_variables
        self.velocities = [tf.Variable(tf.zeros(weight.shape), trainable=False) for weight in self.weights]
        others = [variable for variable in model.non_trainable_variables if "float" in variable.dtype]
        self.averaged = [*self.weights, *others] if recipe.lookahead else []
        self.slow = [tf.Variable(variable.value, trainable=False) for variable in self.averaged]
        self.state = [*self.velocities, *self.slow]  # what a resumed run needs besides the model
        self.descend = tf.function(self._descend, jit_compile=compiled)
        self.look_ahead = tf.function(self._look_ahead)
        self.held_out, self.forward = held_out, forward(model)

    def step(self, number: int) -> dict[str, float]:
        """Train on the batch of step `number`; return {"loss": …, "accuracy": …} of the batch."""
        epoch, place = divmod(number, self.steps_per_epoch)
        if epoch != self.epoch:
            self.epoch, self.plan = epoch, self._planned(epoch)
        row = {name: rows[place] for name, rows in self.plan.items()}
        slow_share = row.pop("slow_share")
        loss, correct = self.descend(row)
        if slow_share >= 0:
            self.look_ahead(tf.constant(slow_share))
        return {"loss": float(loss), "accuracy": int(correct) / self.batch_size}

    def validate(self, done: int) -> dict[str, float]:
        """Return the rate of the last of `done` steps, and the accuracy on the images held out, if any."""
        epoch, place = divmod(done - 1, self.steps_per_epoch)
        figures = {"rate": float(self._planned(epoch)["rate"][place])}
        if self.held_out:
            images, labels = self.held_out
            chosen = answers(self.forward, images, self.scale).argmax(axis=1)
            figures["validation"] = float(np.mean(chosen == labels))
        return figures

    def _planned(self, epoch):
        return planned(self.recipe, len(self.images), self.batch_size, self.epochs, epoch, self.seed)

    def _descend(self, row):
        """Take one step of gradient descent; return the batch's mean loss and how many are right."""
        recipe, order = self.recipe, row["order"]
        pixels = augmentation.gather(
            self.images, self.scale, order, row["shift"], row["mirror"], recipe.border
        )
        with tf.GradientTape() as tape:
            logits = self.model(pixels, training=True)
            loss, correct = objective(logits, tf.gather(self.labels, order), recipe.label_smoothing)
            total = loss + sum(self.model.losses)
        values = [weight.value for weight in self.weights]
        gradients = tape.gradient(total, values, unconnected_gradients="zero")
        rates = factors(self.weights, recipe)
        weights, velocities = descend(values, self.velocities, gradients, row["rate"], rates, recipe)
        for variable, value in zip([*self.weights, *self.velocities], [*weights, *velocities]):
            variable.assign(value)
        return loss, correct

    def _look_ahead(self, slow_share):
        """Replace the weights, and their slow copies, by an average of both."""
        for variable, slow in zip(self.averaged, self.slow):
            slow.assign(look_ahead(variable.value, slow, slow_share))
            variable.assign(slow)


def planned(
    recipe: Recipe, count: int, batch_size: int, epochs: float, epoch: int, seed: int
) -> dict[str, np.ndarray]:
    """Return one epoch of a run as a dict of arrays, a row per step. Lesson 16.

    order, shift and mirror are those of `augmentation.draw`; "rate" is the learning rate; "slow_share" is the
    share of the slow weights if the step ends in a look-ahead, otherwise -1. The same arguments give the same
    plan.

    Args:
        recipe: a Recipe.
        count: number of training images.
        batch_size: images in a step.
        epochs: of the whole run; may be a fraction.
        epoch: which one, from 0.
        seed: of the draws.

    >>> from convlab.training.recipes import Recipe
    >>> planned(Recipe(schedule="steps"), 10, 4, epochs=2, epoch=1, seed=0)["rate"]
    array([0.01 , 0.001], dtype=float32)
    """
    each, total = counted(count, batch_size, epochs)
    rates = schedules.learning_rates(recipe.schedule, recipe.learning_rate, total).astype("float32")
    shares = schedules.look_ahead_shares(total) if recipe.lookahead else -np.ones(total, "float32")
    rows = slice(epoch * each, (epoch + 1) * each)
    plan = augmentation.draw(count, batch_size, epoch, seed, recipe.crop, recipe.flip)
    plan |= {"rate": rates[rows], "slow_share": shares[rows]}
    return {name: values[: len(plan["rate"])] for name, values in plan.items()}


def counted(count: int, batch_size: int, epochs: float) -> tuple[int, int]:
    """Return the steps of an epoch, which has whole batches only, and of the whole run.

    ValueError if a batch is larger than all images together.

    >>> counted(50_000, 128, 1.5)
    (390, 585)
    """
    if batch_size > count:
        raise ValueError(f"a batch of {batch_size} does not fit {count} images: take a smaller batch_size")
    each = count // batch_size
    return each, round(epochs * each)
