"""`python -m coursekit record-style NAME`: train lesson 22's network on CamVid, and store how it went.

One JSON file per name and seed goes to data/runs/style/: the Run, and in its `test` the loss of each bundled
photograph as the network paints it, and the loss of the optimisation of the same photograph at each step,
before the pixels change: the first is that of the photograph itself. No bundled photograph is trained on.
The masks of CamVid are not used. An interrupted recording goes on with --resume. The settings come from
short trials, not from a search.
"""

import time
from dataclasses import dataclass, field, replace

from convlab import DATA_FOLDER
from coursekit.measuring import recorder

SIDE = 224  # of the photographs of the test
HELD_OUT = 8  # photographs of the validation split that are judged after each epoch


@dataclass(frozen=True)
class StyleTask:
    """One training to record, with any seed.

    Args:
        painting: name of a bundled painting.
        steps: batches that the network sees.
        each: steps of an epoch, after which the network is judged.
        painting_side: pixels of the painting's longer side, as in the lesson: strokes have its size.
        optimisation: steps of the optimisation that the network is compared with.
        network: arguments of `networks.style_network`.
        choices: of `convlab.applications.style.fit`.
    """

    painting: str
    steps: int = 3000
    each: int = 500
    painting_side: int = 128
    optimisation: int = 60
    network: dict = field(default_factory=dict)
    choices: dict = field(default_factory=dict)


WEIGHTS = {"content": 1.0, "style": 10.0, "variation": 0.0}  # the lesson's

TASKS = {"style-auvers": StyleTask("auvers")}


def main(argv):
    """Record the task named with each seed in turn; without a name, list all."""
    listed = {name: f"{task.steps:7,} steps" for name, task in TASKS.items()}
    return recorder.run(argv, "record-style", __doc__, listed, _begin)


def _begin(name):
    data = recorder.genuine("camvid")
    return lambda *where: record(name, TASKS[name], data, *where)


def record(name, task, data, seed, checkpoint, output=DATA_FOLDER):
    """Train one task with one seed, test it, write run and weights; return how it went, a line."""
    import keras
    import numpy as np

    from convlab import networks, runs
    from convlab.applications import style

    keras.utils.set_random_seed(seed)
    network = networks.style_network(**task.network)
    perceptual_loss = style.PerceptualLoss(style.bundled(task.painting, task.painting_side), WEIGHTS)
    held_out = data.val.images[:: max(1, len(data.val) // HELD_OUT)][:HELD_OUT]

    def judged(done):
        losses = [perceptual_loss.evaluate(style.forward(network, one), one)["total"] for one in held_out]
        return {"validation": float(np.mean(losses))}

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = style.fit(
        network,
        data.train.images,
        perceptual_loss,
        task.steps,
        checkpoint,
        task.each,
        judged,
        data,
        seed=seed,
        **task.choices,
    )
    test = {
        photograph: _compared(network, perceptual_loss, task, photograph) for photograph in style.PHOTOGRAPHS
    }
    settings = {**run.settings, "painting": task.painting, "painting_side": task.painting_side}
    runs.save(
        replace(run, settings=settings, test={"side": SIDE, **test}),
        output / "runs" / "style" / f"{name}-seed{seed}.json",
    )
    if seed == 0:
        runs.save_weights(network, output / "weights" / f"{name}.npz")
    checkpoint.unlink()
    said = [f"{one} {found['network']['total']:.2f}" for one, found in test.items()]
    return f"{name}, seed {seed}: total loss of {', '.join(said)}"


def _compared(network, perceptual_loss, task, photograph):
    """Return the losses of one photograph, painted by the network and by the optimisation."""
    from convlab.applications import style

    content = style.bundled(photograph, SIDE)
    painting = style.bundled(task.painting, task.painting_side)
    painted = style.forward(network, content)
    began = time.process_time()
    slowly = style.paint(content, painting, steps=task.optimisation, style_weight=WEIGHTS["style"])
    seconds = time.process_time() - began
    totals = [float(f"{parts['total']:.4g}") for parts in slowly.history]
    return {
        "network": perceptual_loss.evaluate(painted, content),
        "optimisation": perceptual_loss.evaluate(slowly.image, content),
        "optimisation_totals": totals,
        "optimisation_cpu_seconds": seconds,
    }
