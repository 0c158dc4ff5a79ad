"""`python -m coursekit record NAME`: train in full what a lesson can only begin, and keep how it went.

One JSON file per name and seed goes to data/runs/, where `convlab.runs.load` finds it; small weights to
data/weights/. An interrupted recording goes on with --resume. With --search, the task's best learning rate is
sought, on held-out images.
"""

import argparse
import os
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from convlab import DATA_FOLDER
from convlab.files import write_whole
from coursekit.measuring import recorder
from coursekit.measuring.tasks import TASKS, with_rate

CHECKPOINTS = Path("build/record")
MOST_TRIALS = 8  # of a search


def main(argv):
    """Record the task named, or search its rate, with each seed in turn; without a name, list all."""
    chosen = _arguments(argv)
    if chosen.name is None:
        print(listing())
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    task = TASKS[chosen.name]
    task = replace(task, epochs=chosen.epochs or task.epochs)
    data, how = images_of(task), {"resume": chosen.resume, "precision": chosen.precision}
    if chosen.search:
        print(find_rate(chosen.name, task, data, chosen.seed, output=chosen.output, **how))
        return 0
    for seed in chosen.seed:
        print(record(chosen.name, task, data, seed, output=chosen.output, **how))
    return 0


def _arguments(argv):
    parser = argparse.ArgumentParser(prog="python -m coursekit record", description=__doc__.split("\n\n")[0])
    parser.add_argument("name", nargs="?", choices=TASKS, metavar="NAME", help="a task; without it, a list")
    parser.add_argument("--search", action="store_true", help="find the task's best learning rate instead")
    parser.add_argument("--epochs", type=float, help="instead of the task's own")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one run for each (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted recording stopped")
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16"), help="without a trial, and without XLA"
    )
    parser.add_argument("--output", type=Path, default=DATA_FOLDER, help="instead of data/")
    return parser.parse_args(argv)


def listing():
    """Return a line for each task: its name, network, data set, epochs and batch."""
    lines = [
        f"{name:32}{task.network:16}{task.data:14}{task.epochs:>6.4g} epochs, batches of {task.batch_size:,}"
        for name, task in TASKS.items()
    ]
    return "\n".join(lines)


def images_of(task):
    """Return the task's data set, genuine, with as many training images as the task uses."""
    data = recorder.genuine(task.data)
    # the first images only: they are in no order
    return replace(data, x_train=data.x_train[: task.images], y_train=data.y_train[: task.images])


def record(name, task, data, seed=0, resume=False, output=DATA_FOLDER, precision=None):
    """Train one task with one seed, test it once, write what it stores; return how it went, a line."""
    from convlab import runs, training  # not above: Keras reads its backend when it is first imported

    model, run = trained(f"{name}-seed{seed}", task, data, seed, resume, precision)
    answers = {view: training.logits(model, data.x_test, _scale(data), view) for view in views(task)}
    shares = {view: float(np.mean(logits.argmax(axis=1) == data.y_test)) for view, logits in answers.items()}
    runs.save(runs.with_test(run, **shares), output / "runs" / f"{name}-seed{seed}.json")
    if "weights" in task.stores and seed == 0:
        runs.save_weights(model, output / "weights" / f"{name}.npz")
    if "answers" in task.stores:
        _save_answers(answers["plain"], data.y_test, output / "runs" / f"{name}-seed{seed}.npz")
    _checkpoint(f"{name}-seed{seed}").unlink()
    return f"{name}, seed {seed}: " + ", ".join(f"{share:.2%} ({view})" for view, share in shares.items())


def find_rate(name, task, data, seeds=(0,), resume=False, output=DATA_FOLDER, precision=None):
    """Try learning rates until the best lies between two others; return a table of the trials, as text.

    The task's own rate comes first, then twice and half of the best so far. A trial is judged on the held-out
    images, by its mean over seeds, and written as a Run without a test accuracy:
    `search-NAME-rateR-seedS.json`. What is recorded already, also as the task itself, is not repeated. The
    checkpoint of the best stays, so that `record tuned-NAME --resume` need only test it.
    """
    shares: dict[float, float] = {}
    further = task.recipe.learning_rate
    while further and len(shares) < MOST_TRIALS:
        trials = [
            _trial(name, task, further, data, seed, resume, output, precision).series("validation")[-1]
            for seed in seeds
        ]
        shares[further] = float(np.mean(trials))
        further = _further(shares)
    best = max(shares, key=lambda rate: shares[rate])
    for rate, seed in product(shares, seeds):
        checkpoint = _checkpoint(_trial_name(name, rate, seed))
        if rate == best and checkpoint.exists():
            checkpoint.replace(_checkpoint(f"tuned-{name}-seed{seed}"))
        checkpoint.unlink(missing_ok=True)
    lines = [f"{rate:<8g}{shares[rate]:.2%}{'  best' if rate == best else ''}" for rate in sorted(shares)]
    return "\n".join([f"{name}: rate, accuracy on {task.validation:,} held-out images", *lines])


def _trial(name, task, rate, data, seed, resume, output, precision):
    """Return the Run of the task with this rate and seed: the task's own, a recorded trial, or a new one."""
    from convlab import runs

    own, path = (
        output / "runs" / f"{stem}.json" for stem in (f"{name}-seed{seed}", _trial_name(name, rate, seed))
    )
    if rate == task.recipe.learning_rate and own.exists():
        return runs.load(own)
    if not path.exists():
        _, run = trained(path.stem, with_rate(task, rate), data, seed, resume, precision)
        runs.save(run, path)
    return runs.load(path)


def _trial_name(name, rate, seed):
    return f"search-{name}-rate{rate:g}-seed{seed}"


def _further(shares):
    """Return the rate to try next: beyond the edge at which the best of {rate: share} lies; else None."""
    best = max(shares, key=lambda rate: shares[rate])
    if best == max(shares):
        return 2 * best
    return best / 2 if best == min(shares) else None


def trained(name, task, data, seed, resume=False, precision=None):
    """Return the task's network, trained with one seed, and its Run; a checkpoint stays in build/record/."""
    from convlab import training

    if not resume:
        _checkpoint(name).unlink(missing_ok=True)
    model, how = built(task, data, seed), {"validation": task.validation, "seed": seed}
    how |= {"precision": precision, "compiled": False} if precision else {}
    run = training.fit(
        model, data, task.epochs, task.batch_size, task.recipe, checkpoint=_checkpoint(name), **how
    )
    return model, run


def _checkpoint(name):
    return CHECKPOINTS / f"{name}.npz"


def built(task, data, seed):
    """Return the task's network, its weights drawn from the seed; the fast one's first layer whitened."""
    import keras

    from convlab import networks
    from convlab.training import augmentation

    keras.utils.set_random_seed(seed)
    model = getattr(networks, task.network)(**task.arguments)
    if task.network == "cifar_fast" and task.arguments.get("whitening", True):
        sample = np.random.default_rng(seed).choice(len(data.x_train), 5000, replace=False)
        networks.whiten(model, np.asarray(augmentation.standardize(data.x_train[sample], _scale(data))))
    return model


def views(task):
    """Return how the test images are looked at: the fast network's paper averages six views."""
    return ("plain", "flip", "flip and shift") if task.network == "cifar_fast" else ("plain",)


def _scale(data):
    from convlab.training import augmentation

    return augmentation.statistics(data.x_train)


def _save_answers(logits, labels, path):
    """Write the share that the network gives to each class, (N, 10) to three digits, and the labels (N,)."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = np.round(shares / shares.sum(axis=1, keepdims=True), 3).astype("float16")
    write_whole(path, lambda file: np.savez_compressed(file, shares=shares, labels=labels.astype("uint8")))
