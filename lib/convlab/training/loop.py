"""The one training loop: any step, with a progress bar, checkpoints, resuming and a Run (lessons 11 to 25).

`train` takes the steps, and a `Session` knows how far they are. What a step does is up to the caller:
`fitting.fit` trains classifiers with it, and later lessons a detector, a GAN or an agent that plays.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from convlab import runs
from convlab.printing import say
from convlab.training import checkpoints

CHECKPOINT_EVERY = 60  # seconds


class Clock:
    """The seconds of a run, on the wall and of all threads together; those before an interruption count.

    >>> sorted(Clock().read())
    ['cpu_seconds', 'seconds']
    """

    def __init__(self) -> None:
        self.timers = {"seconds": time.perf_counter, "cpu_seconds": time.process_time}
        self.began = {name: timer() for name, timer in self.timers.items()}

    def read(self) -> dict[str, float]:
        """Return {"seconds": …, "cpu_seconds": …} since the run began."""
        return {name: timer() - self.began[name] for name, timer in self.timers.items()}

    def add(self, seconds: Mapping[str, float]) -> None:
        """Count the seconds of the part before an interruption too; `seconds`: what `read` returned then."""
        self.began = {name: began - seconds[name] for name, began in self.began.items()}


def batch_rows(count: int, batch_size: int, seed: int, number: int) -> np.ndarray:
    """Return which of `count` examples step `number` takes, (batch_size,): all, each epoch in a new order.

    It depends on nothing but its arguments, so a resumed run takes the batches of the unbroken one. What does
    not fill a batch is left out of that epoch. Lessons 18 and 19.

    >>> sorted(np.concatenate([batch_rows(6, 2, seed=0, number=n) for n in range(3)]).tolist())
    [0, 1, 2, 3, 4, 5]
    """
    epoch, place = divmod(number, max(1, count // batch_size))
    order = np.random.default_rng([seed, epoch, 1]).permutation(count)
    return order[place * batch_size : (place + 1) * batch_size]


def train(
    model: Any,
    step: Callable[[int], Mapping],
    steps: int,
    *,
    steps_per_epoch: int | None = None,
    state: Sequence = (),
    validate: Callable[[int], Mapping] | None = None,
    checkpoint: str | Path | None = None,
    settings: Mapping | None = None,
    data: Any = None,
    batch_size: int | None = None,
    title: str | None = None,
    clock: Clock | None = None,
) -> runs.Run:
    """Take training steps with a bar, checkpoints and resuming; return the Run with each epoch's figures.

    The loop knows nothing of losses, gradients or batches: `step` does all of that, for one model or several.

    Args:
        model: what is trained: a Keras model, a variable, or a list of those (a GAN's two networks).
        step: called as `step(number)`, number from 0; trains on one batch and returns its figures, a dict
            name -> number, with any names. An epoch's row in the history has their means; a figure that only
            some steps return (a game's score) is averaged over those. Draw what is random from the seed and
            `number`, as in `np.random.default_rng([seed, number])`: then a resumed run is the unbroken one.
        steps: how many steps the whole run has.
        steps_per_epoch: how many steps make an epoch, a row of the history; by default all of them.
        state: what else an interrupted run needs, besides the model: optimizers (built), further models,
            variables, or objects with `read()`, which returns a list of arrays, and `write(arrays)`.
        validate: called as `validate(done)` after each epoch, with the number of steps done; returns further
            figures of the epoch: a score on images held out, the learning rate. It may also draw or print.
        checkpoint: path of a file to write every minute and after each epoch; if it exists, the run goes on
            from there.
        settings: dict of all else that decides the result (seed, learning rate), as JSON can hold it. It goes
            into the Run, and a checkpoint of other settings is refused.
        data: the Dataset, whose name and source go into the Run.
        batch_size: images in a step, for a bar that counts images; by default it counts steps.
        title: what the bar says; by default the model's name.
        clock: a `Clock` that has been started earlier, to count the preparation too.

    Raises:
        ValueError: there is no step to take, the checkpoint is damaged or of another run, or an optimizer
            whose state is to be saved has not been built.
        TypeError: `step` or `validate` returned something else than a dict.

    Two lines that learn the same slope, one with a decaying rate:

    >>> from keras import Variable
    >>> slopes = [Variable(0.0, name="steady"), Variable(0.0, name="slowing")]
    >>> def step(number):
    ...     steady, slowing = (slope.numpy() - 3 for slope in slopes)  # the errors
    ...     slopes[0].assign_sub(0.5 * steady)
    ...     slopes[1].assign_sub(0.5 / (1 + number) * slowing)
    ...     return {"steady": steady**2, "slowing": slowing**2}
    >>> run = train(slopes, step, steps=8, steps_per_epoch=4, validate=lambda done: {"rate": 0.5 / done})
    >>> run.network, [round(loss, 3) for loss in run.series("steady")], run.series("rate")
    ('steady + slowing', [2.988, 0.012], [0.125, 0.0625])
    """
    models = list(model) if isinstance(model, (list, tuple)) else [model]
    name = " + ".join(part.name for part in models)
    steps_per_epoch = steps_per_epoch or steps
    if steps < 1:
        raise ValueError(f"{steps} steps are none: take at least one")
    settings = {"steps": steps, "steps_per_epoch": steps_per_epoch, **(settings or {})}
    session = Session([*models, *state], {"network": name, **settings}, checkpoint, clock or Clock())
    session.resume()
    with _bar(title or name, steps, session.done, batch_size) as bar:
        for epoch in range(len(session.history), ceil(steps / steps_per_epoch)):
            for number in range(session.done, min(steps, (epoch + 1) * steps_per_epoch)):
                session.advance(step, number)
                bar.set_postfix_str(session.summary(), refresh=False)
                bar.update()
                session.save_when_due()
            session.end_epoch(validate)
            session.save()
    return runs.Run(
        network=name,
        parameters=sum(
            int(np.prod(variable.shape))
            for part in models
            for variable in getattr(part, "trainable_variables", [part])
        ),
        data=getattr(data, "name", ""),
        source=getattr(data, "source", ""),
        settings=settings,
        machine=runs.machine(accelerator()),
        history=tuple(session.history),
        test={},
        date=runs.today(),
        **session.clock.read(),
    )


class Session:
    """A training under way: the steps done, the figures so far, the clock and the checkpoint.

    Args:
        parts: models, optimizers, variables and objects with `read` and `write`, whose values are saved.
        settings: dict of what decides the result; only a checkpoint with the same settings is gone on from.
        checkpoint: path of the file, or None.
        clock: the run's Clock.
    """

    def __init__(self, parts: Sequence, settings: dict, checkpoint: str | Path | None, clock: Clock) -> None:
        self.parts, self.checkpoint, self.clock = parts, checkpoint, clock
        self.settings = json.loads(json.dumps(settings))  # as a checkpoint returns them: tuples are lists
        self.done = 0
        self.history: list[dict[str, float]] = []
        self.sums: dict[str, float] = {}  # of each figure, in this epoch
        self.counts: dict[str, int] = {}  # over how many steps each sum goes
        self.saved_at = clock.read()["seconds"]
        for part in parts:
            if checkpoint and not getattr(part, "built", True):  # its variables could not be saved
                raise ValueError(
                    f"{part.name} has no variables yet: call its build (an optimizer's with "
                    "model.trainable_variables) before training with a checkpoint"
                )

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self.checkpoint or not Path(self.checkpoint).exists():
            return
        arrays, log, before = checkpoints.load(self.checkpoint)
        differences = [
            f"{name} {before.get(name)} → {value}"
            for name, value in self.settings.items()
            if before.get(name) != value
        ]
        if differences:
            raise ValueError(
                f"{self.checkpoint} is of another run ({'; '.join(differences)}): "
                "delete it, or name another file"
            )
        self._restore(arrays)
        self.done, self.history, self.sums, self.counts = (
            log[name] for name in ("done", "history", "sums", "counts")
        )
        self.clock.add(log["clock"])
        in_epoch = self.done - len(self.history) * self.settings["steps_per_epoch"]
        say(f"goes on from {self.checkpoint}: after {len(self.history)} epochs and {in_epoch} steps")

    def advance(self, step: Callable[[int], Mapping], number: int) -> None:
        """Take step `number` and add its figures to those of the epoch."""
        for name, value in _figures(step(number), f"step({number})").items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1
        self.done = number + 1

    def means(self) -> dict[str, float]:
        """Return the mean of each figure over the steps of this epoch that returned it."""
        return {name: total / self.counts[name] for name, total in self.sums.items()}

    def summary(self) -> str:
        """Return what the bar shows: the epoch and the means so far."""
        means = [f"{name} {value:.4g}" for name, value in self.means().items()]
        return ", ".join([f"epoch {len(self.history) + 1}", *means])

    def end_epoch(self, validate: Callable[[int], Mapping] | None) -> None:
        """Add the epoch's row to the history: the means, what `validate` returns, and the seconds so far."""
        extra = _figures(validate(self.done), f"validate({self.done})") if validate else {}
        row = {"epoch": len(self.history) + 1, **self.means(), **extra, **self.clock.read()}
        self.history.append(row)
        self.sums, self.counts = {}, {}

    def save_when_due(self) -> None:
        """Write the checkpoint if the last one is a minute old."""
        if self.clock.read()["seconds"] - self.saved_at > CHECKPOINT_EVERY:
            self.save()

    def save(self) -> None:
        """Write the checkpoint, if the run has one."""
        if not self.checkpoint:
            return
        log = {name: getattr(self, name) for name in ("done", "history", "sums", "counts")}
        log["clock"] = self.clock.read()
        arrays = [
            [np.asarray(value) for value in (part.read() if hasattr(part, "read") else _variables(part))]
            for part in self.parts
        ]
        checkpoints.save(self.checkpoint, arrays, log, self.settings)
        self.saved_at = self.clock.read()["seconds"]

    def _restore(self, arrays):
        """Put back what `save` wrote; ValueError if a part has another number of variables."""
        for part, group in zip(self.parts, arrays, strict=True):
            if hasattr(part, "write"):
                part.write(group)
                continue
            variables = _variables(part)
            if len(variables) != len(group):
                name = getattr(part, "name", type(part).__name__)
                raise ValueError(
                    f"the checkpoint has {len(group)} arrays for {name}, which has {len(variables)}"
                )
            for variable, array in zip(variables, group):
                variable.assign(array)


def accelerator() -> str:
    """Return the model name of the first GPU, "" where there is none."""
    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU") if found else ""


def _figures(returned, call):
    """Return the figures that `call` returned, each as a float; TypeError if they are no dict."""
    if not isinstance(returned, dict):
        raise TypeError(f"{call} returned {returned!r}: return a dict of figures, as {{'loss': 0.5}}")
    return {name: float(value) for name, value in returned.items()}


def _bar(title, steps, done, batch_size):
    """Return the progress bar: it counts images if the size of a batch is known, otherwise steps."""
    unit = {"unit": " images", "unit_scale": batch_size} if batch_size else {"unit": " steps"}
    return tqdm(total=steps, initial=done, desc=title, **unit)


def _variables(part):
    return part.variables if hasattr(part, "variables") else [part]
