"""`python -m coursekit record-masks NAME`: train a network of lesson 19 on CamVid, and store how it went.

One JSON file per name and seed goes to data/runs/masks/: the Run, and in its `test` the confusion matrix on
the test photographs, mean IoU, pixel accuracy, and those of each class. An interrupted recording goes on with
--resume. The settings come from a few trials on validation photographs at 80x60, not from a search.
"""

import argparse
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from convlab import DATA_FOLDER

CHECKPOINTS = Path("build/record")


@dataclass(frozen=True)
class MaskTask:
    """One training to record, with any seed.

    Args:
        network: a builder in `convlab.networks`.
        epochs: how many times each photograph is seen.
        factor: by which the photographs' sides, 240x180, are divided.
        choices: of `convlab.applications.segmentation.fit`.
        stores: whether the weights of seed 0 are stored, as float16.
    """

    network: str
    epochs: int
    factor: int = 1
    choices: dict = field(default_factory=dict)
    stores: bool = False


EQUAL = {"learning_rate": 5e-3, "balance": 0.5}

TASKS = {
    # At 120x90: as many epochs as take the processor time of U-Net's 30.
    "camvid-fcn": MaskTask("fcn", epochs=50, factor=2, choices=EQUAL),
    "camvid-segnet": MaskTask("segnet", epochs=22, factor=2, choices=EQUAL),
    "camvid-unet": MaskTask("unet", epochs=30, factor=2, choices=EQUAL),
    # The best that two cores do: the encoder comes with ImageNet's weights.
    "camvid-squeeze-unet": MaskTask(
        "squeeze_unet", epochs=60, choices={"learning_rate": 3e-3, "balance": 0.5}, stores=True
    ),
}


def main(argv):
    """Record the task named with each seed in turn; without a name, list all."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit record-masks", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("name", nargs="?", choices=TASKS, metavar="NAME", help="a task; without it, a list")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one run for each (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted recording stopped")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS, help="instead of build/record/")
    parser.add_argument("--output", type=Path, default=DATA_FOLDER, help="instead of data/")
    chosen = parser.parse_args(argv)
    if chosen.name is None:
        print("\n".join(f"{name:22}{task.network:14}{task.epochs:4} epochs" for name, task in TASKS.items()))
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    task, data = TASKS[chosen.name], _photographs()
    for seed in chosen.seed:
        checkpoint = chosen.checkpoints / f"{chosen.name}-seed{seed}.npz"
        if not chosen.resume:
            checkpoint.unlink(missing_ok=True)
        print(record(chosen.name, task, data, seed, checkpoint, chosen.output))
    return 0


def _photographs():
    from convlab import datasets

    data = datasets.load("camvid")
    if not data.genuine:
        raise SystemExit("a recorded run needs the genuine CamVid: `make data`, or set CONVLAB_DATA")
    return data


def record(name, task, data, seed, checkpoint, output=DATA_FOLDER):
    """Train one task with one seed, test it once, write the run; return how it went, a line."""
    import keras

    from convlab import networks, runs
    from convlab.applications import segmentation

    data = segmentation.reduced(data, task.factor)
    classes = len(data.class_names)
    keras.utils.set_random_seed(seed)
    model = getattr(networks, task.network)(classes, data.train.images.shape[1:])
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = segmentation.fit(model, data, task.epochs, checkpoint, seed=seed, **task.choices)
    found = segmentation.confusion(data.test.masks, segmentation.answers(model, data.test.images), classes)
    test = {
        "mean_iou": segmentation.mean_iou(found),
        "pixels": segmentation.pixel_accuracy(found),
        "iou": [float(f"{value:.6g}") for value in segmentation.iou(found)],
        "accuracy": [float(f"{value:.6g}") for value in segmentation.class_accuracy(found)],
        "confusion": found.tolist(),
    }
    runs.save(replace(run, test=test), output / "runs" / "masks" / f"{name}-seed{seed}.json")
    if task.stores and seed == 0:
        runs.save_weights(model, output / "weights" / f"{name}.npz")
    checkpoint.unlink()
    return f"{name}, seed {seed}: mean IoU {test['mean_iou']:.3f}, pixels {test['pixels']:.1%}"
