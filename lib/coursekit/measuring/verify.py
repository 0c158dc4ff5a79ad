"""`python -m coursekit verify NAME`: check a recorded run by its weights and its log.

The stored weights are evaluated on the test images and compared with the accuracy that the run states; the
log is compared with the task: settings, steps, learning rates. Training is not repeated.
"""

import argparse
import os
from math import ceil

import numpy as np

from coursekit.measuring import record
from coursekit.measuring.tasks import TASKS

ROUNDING = 0.002
"""By how much an accuracy may move because weights are stored as float16: 20 of 10,000 images."""


def main(argv):
    """Verify the run named; print what was compared and return 0, or 1 where something differs."""
    parser = argparse.ArgumentParser(prog="python -m coursekit verify", description=__doc__.split("\n\n")[0])
    parser.add_argument("name", choices=TASKS, metavar="NAME", help="a task that `record` has recorded")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the run (default: 0)")
    chosen = parser.parse_args(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from convlab import runs

    task, name = TASKS[chosen.name], f"{chosen.name}-seed{chosen.seed}"
    try:
        run = runs.load(name)
    except FileNotFoundError:
        raise SystemExit(f"no run {name} is recorded: `record {chosen.name}` does it") from None
    print(f"recorded {run.date} on {described(run.machine)}")
    print(f"verified {runs.today()} on {described(runs.machine())}")
    complaints = log_complaints(task, run)
    print(f"log: {'; '.join(complaints) or 'settings, epochs and learning rates are those of the task'}")
    if chosen.seed == 0 and (runs.WEIGHTS / f"{chosen.name}.npz").exists():
        again = evaluated(chosen.name, task)
        for view, share in again.items():
            print(f"{view}: recorded {run.test[view]:.2%}, from the stored weights {share:.2%}")
        complaints += accuracy_complaints(run, again)
    else:
        print("weights: none are stored for this run; `record` it again to compare accuracies")
    print("DIFFERS: " + "; ".join(complaints) if complaints else "nothing differs")
    return 1 if complaints else 0


def described(machine):
    """Return a machine in one line: processor, cores, accelerator, versions."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    parts = [machine["processor"], f"{machine['cores']} cores", machine["accelerator"], versions]
    return "; ".join(part for part in parts if part)


def log_complaints(task, run):
    """Return what in a run's log is not as the task says, a list of sentences."""
    from convlab.training import schedules

    wanted = {"epochs": task.epochs, "batch_size": task.batch_size, "validation": task.validation}
    complaints = [
        f"{name} is {run.settings[name]}, the task's {value}"
        for name, value in wanted.items()
        if not np.isclose(run.settings[name], value, rtol=1e-5)
    ]
    theirs, ours = run.settings["recipe"], vars(task.recipe)
    complaints += [
        f"{name} is {theirs.get(name)}, the task's {ours[name]}"
        for name in ours
        if theirs.get(name) != ours[name]
    ]
    if len(run.history) != ceil(task.epochs):
        complaints.append(f"the log has {len(run.history)} epochs, the task {ceil(task.epochs)}")
    if complaints:
        return complaints
    steps = (_images(task) - task.validation) // task.batch_size
    rates = schedules.learning_rates(
        task.recipe.schedule, task.recipe.learning_rate, round(task.epochs * steps)
    )
    ends = [rates[min((epoch + 1) * steps, len(rates)) - 1] for epoch in range(len(run.history))]
    if not np.allclose(run.series("rate"), ends, rtol=1e-4):
        complaints.append("the learning rates are not those of the schedule")
    return complaints


def _images(task):
    return task.images or {"cifar10": 50_000, "mnist": 60_000, "fashion_mnist": 60_000}[task.data]


def evaluated(name, task):
    """Return the test accuracy of the stored weights of a task, by view."""
    from convlab import runs, training

    data = record.images_of(task)
    model = runs.load_weights(record.built(task, data, seed=0), name)
    return {view: training.accuracy(model, data, view) for view in record.views(task)}


def accuracy_complaints(run, again):
    """Return in which views an accuracy differs from the recorded one by more than rounding explains."""
    return [
        f"{view}: recorded {run.test[view]:.2%}, but the stored weights give {share:.2%}"
        for view, share in again.items()
        if abs(share - run.test[view]) > ROUNDING
    ]
