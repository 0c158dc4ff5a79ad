"""`python -m coursekit record-detector one-stage`: train lesson 18's detector on BCCD, and store how it went.

One JSON file per seed goes to data/runs/detector/: the Run, and in its `test` AP50, AP and the error of the
count for each class on the test photographs, which are looked at once. The validation photographs choose the
score from which a find counts, and nothing else. An interrupted recording goes on with --resume.
"""

from dataclasses import replace

import numpy as np

from convlab import DATA_FOLDER
from coursekit.measuring import recorder

HEIGHT, WIDTH = 240, 320
EPOCHS, BATCH, RATE = 60, 8, 2e-3
LIMITS = np.arange(0.1, 0.9, 0.02)  # scores from which a find may count


def main(argv):
    """Record the detector with each seed in turn; without its name, list it."""
    listed = {"one-stage": f"{EPOCHS:4} epochs at {WIDTH}x{HEIGHT}"}
    return recorder.run(argv, "record-detector", __doc__, listed, _begin)


def _begin(name):
    data = recorder.genuine("bccd")
    return lambda seed, *where: record(data, seed, EPOCHS, *where)


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
