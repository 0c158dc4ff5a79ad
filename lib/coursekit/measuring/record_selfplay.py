"""`python -m coursekit record-selfplay NAME`: let a network teach itself a game, and store how it went.

One JSON file per name and seed goes to data/runs/selfplay/: the Run, and in its `test` how often the network
and its earlier selves choose an optimal move in positions that an exact solver has judged, beside tree search
with random playouts at equal time, Elo ratings from games among them, and positions a second of self-play.
An interrupted recording goes on with --resume. The settings were not searched for.
"""

import json
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from convlab import DATA_FOLDER
from convlab.files import write_whole
from coursekit.measuring import recorder


@dataclass(frozen=True)
class GameTask:
    """One self-play training to record, with any seed.

    Args:
        game: a function of `convlab.applications.boards`.
        positions: the file with the positions that are judged.
        generations: how often games are played and learned from.
        network: of `networks.policy_value`.
        choices: of `convlab.applications.selfplay.Learner`.
        snapshots: the generations after which the network is stored, to be judged.
        rated: those of them that play for a rating.
        thinking: simulations of the searches with the network.
        playouts: simulations of the searches without a network that play for a rating.
        games: for a rating, of each pairing.
        fewer: a slow player -> games of its pairings.
        against_slowest: who plays the slowest of these searches.
        batches: games of self-play at once whose speeds are compared.
    """

    game: str
    positions: Path
    generations: int
    network: dict = field(default_factory=dict)
    choices: dict = field(default_factory=dict)
    snapshots: tuple[int, ...] = ()
    rated: tuple[int, ...] = ()
    thinking: tuple[int, ...] = (64, 200)
    playouts: tuple[int, ...] = (100, 1_000, 10_000)
    games: int = 100
    fewer: dict[str, int] = field(default_factory=dict)
    against_slowest: tuple[str, ...] = ()
    batches: tuple[int, ...] = (1, 16, 192)


TASKS = {
    "connect-four": GameTask(
        "connect_four",
        DATA_FOLDER / "connect_four_positions.txt",
        generations=46,
        network={"width": 48, "blocks": 2, "hidden": 128},
        choices={
            "games": 192,
            "simulations": 64,
            "steps_per_generation": 110,
            "learning_rate": 2e-3,
            "falling": 0.5,
            "memory": 14,
            "sampled": 12,
            "openings": 8,
            "blend": 0.5,
            "cached": True,
        },
        snapshots=(1, 2, 3, 5, *range(10, 46, 5)),
        rated=(1, 5, 15, 30),
        fewer={"network + 200": 40, "playouts 1000": 20, "playouts 10000": 6},
        against_slowest=("playouts 1000", "network + 200"),
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
    """Train one task with one seed, judge it, write the run; return how it went, a line."""
    import keras

    from convlab import networks, runs
    from convlab.applications import boards, selfplay

    game = getattr(boards, task.game)()
    keras.utils.set_random_seed(seed)
    model = networks.policy_value(game.shape, game.actions, **task.network)
    learner = selfplay.Learner(game, model, task.generations, seed=seed, **task.choices)
    snapshots = checkpoint.with_suffix("")  # a folder beside it
    if not checkpoint.exists():
        shutil.rmtree(snapshots, ignore_errors=True)  # of an earlier recording
    snapshots.mkdir(parents=True, exist_ok=True)

    def store(done):
        generation = done // learner.steps_per_generation
        if generation in (*task.snapshots, task.generations):
            runs.save_weights(model, snapshots / f"{generation}.npz")
        return {}

    run = selfplay.fit(learner, validate=store, checkpoint=checkpoint)
    test = Judge(task, snapshots, seed).all()
    runs.save(replace(run, test=test), output / "runs" / "selfplay" / f"{name}-seed{seed}.json")
    write_whole(
        output / "weights" / f"{name}-seed{seed}.npz",
        lambda file: file.write((snapshots / f"{task.generations}.npz").read_bytes()),
    )
    checkpoint.unlink()
    return f"{name}, seed {seed}: {test['optimal']['network']:.1%} optimal moves, network alone"


class Judge:
    """Judges the network of a recording and its earlier selves, from their stored weights.

    Args:
        task: a GameTask.
        snapshots: the folder with the weights of each generation stored, and the games played so far.
        seed: of playouts and openings.
    """

    def __init__(self, task, snapshots, seed=0):
        from convlab import networks, runs
        from convlab.applications import boards, selfplay, solver

        self.task, self.snapshots, self.seed = task, snapshots, seed
        self.game = getattr(boards, task.game)()
        self.positions, self.optimal = solver.load_positions(self.game, task.positions)
        self.evaluators = {}  # of the generations whose weights are stored
        for generation in (*task.snapshots, task.generations):
            if (snapshots / f"{generation}.npz").exists():
                model = networks.policy_value(self.game.shape, self.game.actions, **task.network)
                runs.load_weights(model, snapshots / f"{generation}.npz")
                self.evaluators[generation] = selfplay.NetworkEvaluator(model)

    def all(self):
        """Return all that is measured, as a Run's `test` holds it."""
        from convlab.applications import ladder, selfplay

        final = self.evaluators[self.task.generations]
        alone = {
            generation: self.share(selfplay.network_player(self.game, evaluate))
            for generation, evaluate in self.evaluators.items()
        }
        searching = {f"network + {number}": self.equal_time(final, number) for number in self.task.thinking}
        chance = self.optimal.sum(axis=1) / self.game.legal(self.positions).sum(axis=1)
        games = self.games()
        return {
            "positions": len(self.positions),
            "optimal": {
                "random": float(chance.mean()),
                "network": alone[self.task.generations]["all"],
                **{name: figures["network"]["shares"]["all"] for name, figures in searching.items()},
            },
            "by_stones": {
                "random": self.by_stones(chance),
                "network": alone[self.task.generations],
                **{name: figures["network"]["shares"] for name, figures in searching.items()},
            },
            "equal_time": searching,
            "curve": {str(generation): shares["all"] for generation, shares in alone.items()},
            "games": [[*pair, *ends] for pair, ends in games.items()],
            "elo": ladder.elo(games, anchor="random"),
            "positions_a_second": self.speeds(final),
        }

    def by_stones(self, right):
        """Return the mean of `right` over all positions, and over those with each number of stones."""
        stones = (self.positions != 0).sum(axis=(1, 2))
        means = {str(number): float(right[stones == number].mean()) for number in np.unique(stones)}
        return {"all": float(right.mean()), **means}

    def share(self, player):
        """Return the share of positions in which a player takes an optimal action, by stones."""
        return self.by_stones(self.optimal[np.arange(len(self.positions)), player(self.positions)])

    def equal_time(self, evaluate, simulations, batch=100):
        """Return shares and time of a search with the network, and of one with playouts in as much time.

        Processor seconds a position, the median of the batches, which the two search in turns. The number of
        playouts comes from three batches with as many simulations for both.
        """
        from convlab.applications import selfplay

        rows = np.random.default_rng(self.seed).permutation(len(self.positions))  # mixes the stones
        batches = np.split(rows, range(batch, len(rows), batch))
        numbers = {"network": simulations, "playouts": simulations}
        evaluators = {"network": evaluate, "playouts": selfplay.Playouts(self.game, self.seed)}

        def search(kind, batch):
            player = selfplay.search_player(self.game, evaluators[kind], numbers[kind])
            began = time.process_time()
            actions = player(self.positions[batch])
            return actions, (time.process_time() - began) / len(batch)

        search("network", batches[0])  # TensorFlow prepares what it needs for this size
        first = [{kind: search(kind, batch)[1] for kind in numbers} for batch in batches[:3]]
        ratio = np.median([times["network"] / times["playouts"] for times in first])
        numbers["playouts"] = max(1, round(simulations * ratio))
        actions = {kind: np.zeros(len(rows), int) for kind in numbers}
        seconds: dict[str, list[float]] = {kind: [] for kind in numbers}
        for part in batches:
            for kind in numbers:
                actions[kind][part], spent = search(kind, part)
                seconds[kind].append(spent)
        return {
            kind: {
                "shares": self.by_stones(self.optimal[np.arange(len(rows)), actions[kind]]),
                "simulations": numbers[kind],
                "cpu_seconds": float(np.median(seconds[kind])),
            }
            for kind in numbers
        }

    def games(self):
        """Return the games of each pairing, played or read from the folder, where each is stored at once."""
        from convlab.applications import ladder

        file = self.snapshots / "games.json"
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
        games = {(one, other): ends for one, other, *ends in stored}
        players = self.players()
        missing = {pair: count for pair, count in self.pairings(players).items() if pair not in games}
        for count in sorted(set(missing.values()), reverse=True):  # the quick ones first
            group = {pair: count for pair in missing if missing[pair] == count}
            rng = np.random.default_rng([self.seed, count])
            games |= ladder.tournament(self.game, players, group, rng)
            self._store(games, file)
        return games

    def _store(self, games, path):
        """Write the games so far as JSON."""
        text = json.dumps([[*pair, *ends] for pair, ends in games.items()])
        write_whole(path, lambda file: file.write(text.encode()))

    def players(self):
        """Return the players that are rated: name -> player, the slow ones last."""
        from convlab.applications import selfplay

        game, rng = self.game, np.random.default_rng(self.seed)
        players = {"random": lambda boards: selfplay.random_actions(game, boards, rng)}
        for generation in self.task.rated:
            if generation in self.evaluators:
                evaluate = selfplay.Cached(self.evaluators[generation])
                players[f"generation {generation}"] = selfplay.network_player(game, evaluate)
        if self.task.generations in self.evaluators:
            cached = selfplay.Cached(self.evaluators[self.task.generations])  # the same answers, sooner
            players["network"] = selfplay.network_player(game, cached)
            for number in self.task.thinking:
                players[f"network + {number}"] = selfplay.search_player(game, cached, number)
        playouts = selfplay.Playouts(game, self.seed)
        for number in self.task.playouts:
            players[f"playouts {number}"] = selfplay.search_player(game, playouts, number)
        return players

    def pairings(self, players):
        """Return who plays whom, and how many games: fewer where a slow search takes part."""
        games, fewer = self.task.games, self.task.fewer
        pairings = {
            (one, other): min(fewer.get(one, games), fewer.get(other, games))
            for place, one in enumerate(players)
            for other in list(players)[:place]
        }
        slowest = f"playouts {max(self.task.playouts)}"
        return {
            pair: count
            for pair, count in pairings.items()
            if slowest not in pair or pair[pair[0] == slowest] in self.task.against_slowest
        }

    def speeds(self, evaluate):
        """Return positions a processor second of self-play, by games at once, and with remembered answers."""
        from convlab.applications import selfplay

        choices = self.task.choices
        how = {name: choices[name] for name in ("sampled", "openings") if name in choices}

        def speed(games, evaluate):
            rng = np.random.default_rng(self.seed)
            began = time.process_time()
            seen = selfplay.self_play(self.game, evaluate, games, choices["simulations"], rng, **how)
            return len(seen) / (time.process_time() - began)

        speeds = {str(games): speed(games, evaluate) for games in self.task.batches}
        most = self.task.batches[-1]
        return {**speeds, f"{most}, remembered": speed(most, selfplay.Cached(evaluate))}
