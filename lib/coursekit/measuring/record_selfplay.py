"""`python -m coursekit record-selfplay NAME`: let a network teach itself a game, and store how it went.

One JSON file per name and seed goes to data/runs/selfplay/: the Run, and in its `test` the share of optimal
moves on late positions that an exact solver has judged, and games against tree search with random playouts.
An interrupted recording goes on with --resume. The settings were not searched for.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from convlab import DATA_FOLDER
from coursekit.measuring import recorder


@dataclass(frozen=True)
class GameTask:
    """One self-play training to record, with any seed.

    Args:
        game: a function of `convlab.applications.boards`.
        generations: how often games are played and learned from.
        network: of `networks.policy_value`.
        choices: of `convlab.applications.selfplay.Learner`.
        positions: how many late positions are judged.
        stones: on each of them.
        thinking: simulations of the searches that are compared.
        games: against each opponent.
    """

    game: str
    generations: int
    network: dict = field(default_factory=dict)
    choices: dict = field(default_factory=dict)
    positions: int = 200
    stones: int = 26
    thinking: tuple[int, ...] = (50, 500)
    games: int = 100


TASKS = {
    "connect-four": GameTask(
        "connect_four",
        generations=100,
        network={"width": 48, "blocks": 3, "hidden": 128},
        choices={
            "games": 96,
            "simulations": 64,
            "steps_per_generation": 100,
            "learning_rate": 2e-3,
            "openings": 8,
        },
    ),
}


def main(argv):
    """Record the task named with each seed in turn; without a name, list all."""
    listed = {name: f"{task.generations:4} generations" for name, task in TASKS.items()}
    return recorder.run(
        argv,
        "record-selfplay",
        __doc__,
        listed,
        lambda name: lambda *where: record(name, TASKS[name], *where),
    )


def record(name, task, seed, checkpoint, output=DATA_FOLDER):
    """Train one task with one seed, test it once, write the run; return how it went, a line."""
    import keras

    from convlab import networks, runs
    from convlab.applications import boards, selfplay, solver

    game = getattr(boards, task.game)()
    keras.utils.set_random_seed(seed)
    model = networks.policy_value(game.shape, game.actions, **task.network)
    learner = selfplay.Learner(game, model, task.generations, seed=seed, **task.choices)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run = selfplay.fit(learner, checkpoint=checkpoint)
    late, optimal = solver.late_positions(game, task.positions, task.stones)
    alone = selfplay.network_player(game, learner.evaluate)
    players = {"network": alone}
    for simulations in task.thinking:
        playouts = selfplay.Playouts(game, seed)
        players[f"network+{simulations}"] = selfplay.search_player(game, learner.evaluate, simulations)
        players[f"playouts+{simulations}"] = selfplay.search_player(game, playouts, simulations)
    shares = {
        player: float(optimal[np.arange(len(late)), act(late)].mean()) for player, act in players.items()
    }
    shares["random"] = float((optimal.sum(axis=1) / game.legal(late).sum(axis=1)).mean())
    rng = np.random.default_rng(seed)
    games = {
        f"{player} against {opponent}": selfplay.matches(
            game, players[player], players[opponent], task.games, rng, opening=4
        )
        for player in players
        for opponent in players
        if player.startswith("network") and opponent.startswith("playouts")
    }
    test = {"optimal_late": shares, "games": games, "positions": task.positions, "stones": task.stones}
    runs.save(replace(run, test=test), output / "runs" / "selfplay" / f"{name}-seed{seed}.json")
    runs.save_weights(model, output / "weights" / f"{name}-seed{seed}.npz")
    checkpoint.unlink()
    return f"{name}, seed {seed}: {shares['network']:.1%} optimal moves in late positions, network alone"
