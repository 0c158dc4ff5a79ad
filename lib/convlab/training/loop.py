"""Train a Keras model: seeded, fast on a CPU, with a progress bar, and able to go on after an interruption.

`fit` never sees the test images; `accuracy` looks at them, once, after training. What happens to an image
stands in `augmentation`, in a step in `engine`, what may be chosen in `recipes`. Lessons 11 and 16.
"""

import time
from dataclasses import asdict, replace
from math import ceil
from pathlib import Path

import numpy as np
from tqdm import tqdm

from convlab import runs
from convlab.training import augmentation, checkpoints, engine, schedules
from convlab.training.fused import accelerator
from convlab.training.precision import computing_in, fastest
from convlab.training.recipes import Recipe

CHECKPOINT_EVERY = 60  # seconds
VIEWS = {"plain": 1, "flip": 2, "flip and shift": 6}


def fit(
    model,
    data,
    epochs,
    batch_size=128,
    recipe=Recipe(),  # noqa: B008, a frozen value
    *,
    validation=0,
    seed=0,
    precision="auto",
    compiled="auto",
    checkpoint=None,
    strategy=None,
    progress=True,
    **choices,
):
    """Train `model`, in place, on the training images of `data`; return the Run, without a test accuracy yet.

    model: Keras, logits out, fed standardized images; data: a Dataset; epochs may be a fraction. Single
    choices of the recipe can be named: `fit(model, data, 3, flip="random", crop=4)`. validation: so many
    training images are held out, always the same, and judged after every epoch. precision: "float32",
    "bfloat16" (weights stay float32) or "auto"; compiled: whether TensorFlow uses XLA, or "auto": what a
    short trial finds faster here; bar and Run say which. checkpoint: a file to write every minute and, where
    it exists, to go on from: the batches are those of an unbroken run. strategy: of `tf.distribute`, in whose
    scope the model was made. progress: whether to show the bar. Lessons 11 to 16.
    """
    recipe, saved = replace(recipe, **choices), _saved(checkpoint)
    settings = {"epochs": epochs, "batch_size": batch_size, "validation": validation, "seed": seed}
    settings |= {**_computing(precision, compiled, saved), "recipe": asdict(recipe)}
    clock = _clock(saved)
    kept, held_out = split(len(data.x_train), validation)
    images, labels = _taken(data.x_train, kept), _taken(data.y_train, kept).astype("int32")
    scale = augmentation.statistics(data.x_train)
    with computing_in(model, settings["precision"]):
        steps = engine.TensorFlowSteps(model, images, labels, scale, recipe, settings["compiled"], strategy)
        log = _resumed(steps, saved, settings, checkpoint)
        judge = _judge(model, data, held_out, scale)
        keep = _keeper(steps, checkpoint, settings, clock)
        with _bar(model, settings, len(images), log, progress) as bar:
            history = _train(steps, images.shape, log, settings, judge, keep, clock, bar)
    return _run(model, data, settings, history, **clock())


def planned(recipe, shape, batch_size, epochs, epoch, seed):
    """Return one epoch of a run as a dict of arrays, a row per step: what is drawn, "rate" and "keep".

    recipe: a Recipe; shape: of the training images (N, H, W, C). "keep" is the share of the slow weights when
    the step ends in a look ahead, and -1 when it does not. The same arguments give the same plan. Lesson 16.

    >>> planned(Recipe(schedule="steps"), (10, 32, 32, 3), 4, epochs=2, epoch=1, seed=0)["rate"]
    array([0.01 , 0.001], dtype=float32)
    """
    drawn = augmentation.draw(shape[0], batch_size, epoch, seed, recipe.crop, recipe.flip, shape[1])
    each, total = len(drawn["order"]), _steps(shape[0], batch_size, epochs)
    drawn["rate"] = schedules.learning_rates(recipe.schedule, recipe.learning_rate, total).astype("float32")
    drawn["keep"] = schedules.look_ahead_shares(total) if recipe.lookahead else -np.ones(total, "float32")
    for name in ("rate", "keep"):
        drawn[name] = drawn[name][epoch * each : (epoch + 1) * each]
    return {name: rows[: len(drawn["rate"])] for name, rows in drawn.items()}


def split(count, validation):
    """Return the indices to train on and those held out, the same for every seed.

    >>> [len(part) for part in split(50_000, 1_000)]
    [49000, 1000]
    """
    if not 0 <= validation < count:
        raise ValueError(f"validation of {validation} does not fit {count} training images")
    order = np.random.default_rng(0).permutation(count)
    return (np.sort(order[validation:]), np.sort(order[:validation]))


def logits(model, images, scale, view="plain", batch_size=500):
    """Return the logits of uint8 images, (N, classes) float32, averaged over what `view` looks at.

    scale: `augmentation.statistics` of the training images. view: "plain"; "flip", the mirror image too; or
    "flip and shift", both also one pixel up left and down right, at half the weight: Jordan 2024
    (arXiv:2404.00498, section 3.5). Lessons 09 to 16.
    """
    if view not in VIEWS:
        raise ValueError(f"view {view!r} is not one of {', '.join(VIEWS)}")
    return _answers(engine.forward(model), images, scale, VIEWS[view], batch_size)


def accuracy(model, data, view="plain"):
    """Return the share of the test images of `data` that `model` gets right; `view` as in `logits`.

    The test images are for looking at once, after training; choose by `fit(..., validation=...)`. Lesson 15.
    """
    with computing_in(model, "float32"):
        answers = logits(model, data.x_test, augmentation.statistics(data.x_train), view)
    return float(np.mean(answers.argmax(axis=1) == data.y_test))


def _answers(forward, images, scale, views=1, batch_size=500):
    batches = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
    return np.concatenate([_viewed(forward, batch, scale, views, batch_size) for batch in batches])


def _viewed(forward, images, scale, views, batch_size):
    """Return the logits of a batch, filled up, because a shape of its own would cost a trace."""
    filled = np.resize(images, (batch_size, *images.shape[1:]))
    pixels = np.asarray(augmentation.standardize(filled, scale))
    return sum(weight * forward(view) for weight, view in _views(pixels, views))[: len(images)]


def _views(pixels, views):
    """Return weights and views of a batch: itself, its mirror image, and both a pixel further either way."""
    if views < 6:
        return [(1 / views, view) for view in _mirrored(pixels)[:views]]
    near = [view for by in (-1, 1) for view in _mirrored(_shifted(pixels, by))]
    return [(1 / 4, view) for view in _mirrored(pixels)] + [(1 / 8, view) for view in near]


def _mirrored(pixels):
    return pixels, pixels[:, :, ::-1]


def _shifted(pixels, by):
    """Return the batch a pixel further, its border reflected."""
    height, width = pixels.shape[1:3]
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), "reflect")
    return padded[:, 1 + by : 1 + by + height, 1 + by : 1 + by + width]


def _train(engine, shape, log, settings, judge, keep, clock, bar):
    """Take the steps that the log does not hold; return the history, a dict per epoch."""
    recipe = Recipe(**settings["recipe"])
    batch_size, epochs, seed = (settings[name] for name in ("batch_size", "epochs", "seed"))
    for epoch in range(len(log["history"]), ceil(epochs)):
        plan = planned(recipe, shape, batch_size, epochs, epoch, seed)
        for piece in _pieces(plan, len(log["losses"]), engine.chunk):
            log = _noted(log, *engine.advance(piece))
            _show(bar, epoch, log, len(piece["rate"]), batch_size)
            keep(log)
        row = {"epoch": epoch + 1, **_means(log, batch_size), "rate": float(plan["rate"][-1]), **judge()}
        log = {"history": [*log["history"], {**row, **clock()}], "losses": [], "hits": []}
        keep(log, at_once=True)
    return log["history"]


def _pieces(plan, done, chunk):
    """Return what is left of a plan after `done` steps, in pieces of `chunk` steps (None: one piece)."""
    count = len(plan["rate"])
    starts = range(done, count, chunk or max(count, 1))
    return [{name: rows[start : start + (chunk or count)] for name, rows in plan.items()} for start in starts]


def _noted(log, losses, hits):
    return {**log, "losses": log["losses"] + losses.tolist(), "hits": log["hits"] + hits.tolist()}


def _means(log, batch_size):
    return {"loss": float(np.mean(log["losses"])), "accuracy": float(np.mean(log["hits"]) / batch_size)}


def _show(bar, epoch, log, steps_taken, batch_size):
    means = _means(log, batch_size)
    bar.set_postfix_str(
        f"epoch {epoch + 1}, loss {means['loss']:.3f}, accuracy {means['accuracy']:.1%}", refresh=False
    )
    bar.update(steps_taken)


def _bar(model, settings, count, log, progress):
    """Return the progress bar, which counts images and says how the machine is used."""
    batch_size = settings["batch_size"]
    compiled = ", XLA" if settings["compiled"] else ""
    return tqdm(
        total=_steps(count, batch_size, settings["epochs"]),
        initial=len(log["history"]) * (count // batch_size) + len(log["losses"]),
        desc=f"{model.name} in {settings['precision']}{compiled}",
        unit=" images",
        unit_scale=batch_size,
        **({} if progress else {"disable": True}),
    )


def _steps(count, batch_size, epochs):
    """Return the number of steps of a run; an epoch has whole batches only."""
    return round(epochs * (count // batch_size))


def _taken(values, indices):
    """Return those entries, without a copy where it is all of them."""
    return values if len(indices) == len(values) else values[indices]


def _judge(model, data, held_out, scale):
    """Return a function that gives the accuracy on the held out images, or nothing where none are."""
    if not len(held_out):
        return dict
    images, labels = data.x_train[held_out], data.y_train[held_out]
    forward = engine.forward(model)
    return lambda: {"validation": float(np.mean(_answers(forward, images, scale).argmax(axis=1) == labels))}


def _computing(precision, compiled, saved):
    """Return precision and compilation: as told, else as before the interruption, else the fastest here."""
    told = {"precision": precision, "compiled": compiled}
    if "auto" in told.values():
        usual = saved[2] if saved else dict(zip(told, fastest()))
        told = {name: usual[name] if value == "auto" else value for name, value in told.items()}
    return told


def _clock(saved):
    """Return a function that gives the seconds spent so far, those before an interruption included.

    "seconds" on the wall and "cpu_seconds" of all threads together, which other programs disturb less.
    """
    timers = {"seconds": time.perf_counter, "cpu_seconds": time.process_time}
    began = {name: timer() - (saved[1][name] if saved else 0.0) for name, timer in timers.items()}
    return lambda: {name: timer() - began[name] for name, timer in timers.items()}


def _saved(checkpoint):
    """Return what a checkpoint holds, None where there is none."""
    return checkpoints.load(checkpoint) if checkpoint and Path(checkpoint).exists() else None


def _resumed(engine, saved, settings, checkpoint):
    """Put the engine back to where the checkpoint is; return its log, empty without a checkpoint."""
    if not saved:
        return {"history": [], "losses": [], "hits": []}
    state, log, before = saved
    changed = [
        f"{name} {before[name]} → {settings[name]}" for name in settings if settings[name] != before[name]
    ]
    if changed:
        raise ValueError(
            f"{checkpoint} is of another run ({'; '.join(changed)}): delete it, or name another file"
        )
    engine.write(state)
    print(f"goes on from {checkpoint}: after {len(log['history'])} epochs and {len(log['losses'])} steps")
    return log


def _keeper(engine, checkpoint, settings, clock):
    """Return a function that writes a checkpoint when told, or when the last is a minute old."""
    last = clock()["seconds"]

    def keep(log, at_once=False):
        nonlocal last
        if checkpoint and (at_once or clock()["seconds"] - last > CHECKPOINT_EVERY):
            last = clock()["seconds"]
            checkpoints.save(checkpoint, engine.read(), {**log, **clock()}, settings)

    return keep


def _run(model, data, settings, history, seconds, cpu_seconds):
    return runs.Run(
        network=model.name,
        parameters=int(sum(np.prod(weight.shape) for weight in model.trainable_variables)),
        data=data.name,
        source=data.source,
        settings=settings,
        machine=runs.machine(accelerator()),
        history=tuple(history),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        test={},
        date=runs.today(),
    )
