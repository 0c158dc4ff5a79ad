"""`python -m coursekit record-detector`: train lesson 18's one-stage detector on BCCD, and store how it went.

One JSON file per seed goes to data/runs/detector/: the Run, and in its `test` AP50, AP and the error of the
count for each class on the test photographs, which are looked at once. The validation photographs choose the
score from which a find counts, and nothing else. An interrupted recording goes on with --resume.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from convlab import DATA_FOLDER

CHECKPOINTS = Path("build/record")
HEIGHT, WIDTH = 240, 320
BATCH, RATE = 8, 2e-3
LIMITS = np.arange(0.1, 0.9, 0.02)  # scores from which a find may count


def main(argv):
    """Record the detector with each seed in turn; print a line for each."""
    parser = argparse.ArgumentParser(
        prog="python -m coursekit record-detector", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="one run for each (default: 0)")
    parser.add_argument("--epochs", type=int, default=60, help="how often each photograph is seen")
    parser.add_argument("--resume", action="store_true", help="go on where an interrupted recording stopped")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS, help="instead of build/record/")
    parser.add_argument("--output", type=Path, default=DATA_FOLDER, help="instead of data/")
    chosen = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from convlab import datasets  # not above: Keras reads its backend when it is first imported

    data = datasets.load("bccd")
    if not data.genuine:
        raise SystemExit("a recorded run needs the genuine BCCD: `make data`, or set CONVLAB_DATA")
    for seed in chosen.seed:
        checkpoint = chosen.checkpoints / f"detector-seed{seed}.npz"
        if not chosen.resume:
            checkpoint.unlink(missing_ok=True)
        print(record(data, seed, chosen.epochs, checkpoint, chosen.output), flush=True)
    return 0


def record(data, seed, epochs, checkpoint, output=DATA_FOLDER, size=(HEIGHT, WIDTH)):
    """Train with one seed on images of `size`, test once, write the Run; return how it went, a line."""
    from convlab import runs, training
    from convlab.applications import detection

    val, test = (detection.resize(part, *size) for part in (data.val, data.test))
    in_epoch = len(data.train) // BATCH
    detector = detection.OneStage(data.class_names, size, epochs * in_epoch, seed, RATE, BATCH)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = training.train(
        detector.model,
        detector.step(data.train),
        epochs * in_epoch,
        steps_per_epoch=in_epoch,
        state=detector.optimizers,
        checkpoint=checkpoint,
        data=data,
        settings={
            "seed": seed,
            "epochs": epochs,
            "batch_size": BATCH,
            "learning_rate": RATE,
            "size": list(size),
        },
        batch_size=BATCH,
    )
    figures = tested(detector, val, test)
    runs.save(replace(run, test=figures), output / "runs" / "detector" / f"one-stage-seed{seed}.json")
    checkpoint.unlink(missing_ok=True)
    shares = ", ".join(
        f"{name} {value:.3f}" for name, value in zip(data.class_names, figures["ap50"], strict=True)
    )
    return f"seed {seed}: mean AP50 {figures['mean_ap50']:.3f} ({shares}), AP {figures['mean_ap']:.3f}"


def tested(detector, val, test):
    """Return the figures on `test`: AP50, AP and count error, a list for each, and their means.

    The count's limit for each class is the one with the smallest error on `val`.
    """
    from convlab.applications import detection

    classes = len(detector.class_names)
    sure, found = detector.detect(val.images), detector.detect(test.images)
    ap50, ap = detection.evaluate(found, test, classes)
    errors = np.stack([detection.count_error(sure, val, classes, limit) for limit in LIMITS])
    limits = LIMITS[errors.argmin(axis=0)]
    wrong = detection.count_error(found, test, classes, limits)
    lists = {"ap50": ap50, "ap": ap, "count_error": wrong, "count_limit": limits}
    figures = {name: [float(f"{value:.6g}") for value in values] for name, values in lists.items()}
    return figures | {"mean_ap50": float(ap50.mean()), "mean_ap": float(ap.mean())}
