"""Lesson 24: games against gymnasium's own checks and games, replay against a plain memory, and learning."""

import json
import warnings
from dataclasses import replace

import gymnasium
import keras
import numpy as np
import pytest
import tensorflow as tf
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from convlab import networks, runs
from convlab.applications import dqn, games
from convlab.notebook.keyboard import Keyboard
from coursekit.lessons import ROOT
from coursekit.measuring import record_dqn

GAMES = (games.Catch, games.Bird, games.Grid)
PICTURES = (games.Catch, games.Bird)


@pytest.mark.parametrize("game", GAMES)
def test_gymnasium_accepts_each_game(game):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(game(), skip_render_check=True)
    shown = game(render_mode=game.metadata["render_modes"][0])
    shown.reset(seed=0)
    assert isinstance(shown.render(), str if game is games.Grid else np.ndarray)


def test_fault_gymnasium_refuses_a_game_that_ignores_its_seed():
    class Careless(games.Catch):
        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.inner.generators = [np.random.default_rng()]
            self.inner.begin(self.inner.rows)
            return self.inner.pictures()[0], {}

    with pytest.raises(AssertionError, match="Deterministic"):
        for _ in range(5):  # chance may draw the same ball twice
            check_env(Careless(), skip_render_check=True)


@pytest.mark.parametrize("game", PICTURES)
@pytest.mark.parametrize("skip", [1, 3])
def test_a_batch_plays_as_gymnasium_plays_single_games(game, skip):
    rng, ended = np.random.default_rng(1), 0
    ours = game.batch(4, skip=skip)
    theirs = SyncVectorEnv([lambda: game(skip=skip)] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    np.testing.assert_array_equal(ours.reset(seed=5)[0], theirs.reset(seed=5)[0])
    for _ in range(120):
        actions = rng.integers(ours.single_action_space.n, size=4) * (rng.random(4) < 0.5)
        mine, yours = ours.step(actions), theirs.step(actions)
        for one, other in zip(mine[:4], yours[:4]):
            np.testing.assert_array_equal(one, other)
        for row in np.flatnonzero(mine[2]):
            np.testing.assert_array_equal(mine[4]["final_obs"][row], yours[4]["final_obs"][row])
            ended += 1
    assert ended > 5


@pytest.mark.parametrize("game", PICTURES)
def test_a_game_goes_on_from_what_was_read(game):
    one, other = game.batch(3), game.batch(3)
    one.reset(seed=0)
    actions = np.random.default_rng(0).integers(2, size=(60, 3))
    for row in actions[:20]:
        one.step(row)
    other.write(one.read())
    for row in actions[20:]:
        np.testing.assert_array_equal(one.step(row)[0], other.step(row)[0])


@pytest.mark.parametrize("game", PICTURES)
def test_a_game_refuses_what_it_cannot_play(game):
    batch, single = game.batch(2), game()
    with pytest.raises(ValueError, match=r"call reset\(\) first"):
        batch.step(np.zeros(2, int))
    batch.reset(seed=0)
    with pytest.raises(ValueError, match="give 2 whole numbers from 0 to"):
        batch.step(np.array([0, 3]))
    with pytest.raises(ValueError, match="give 2 whole numbers from 0 to"):
        batch.step(np.array([0]))
    with pytest.raises(ValueError, match=r"call reset\(\)"):
        single.step(0)
    with pytest.raises(ValueError, match="at least one of each"):
        game.batch(0)


def test_the_grid_moves_as_gymnasiums_frozen_lake():
    lake = gymnasium.make("FrozenLake-v1", is_slippery=False).unwrapped.P
    following, rewards, ends = games.Grid.moves()
    for field, action in np.ndindex(16, 4):
        ((_, there, reward, ended),) = lake[field][action]
        pit = "".join(games.Grid.map)[there] == "X" and there != field
        assert following[field, action] == there
        assert rewards[field, action] == reward - pit  # a pit gives 0 there and -1 here
        assert ends[field, action] == ended


def test_value_iteration_solves_bellmans_equations():
    following, rewards, ends = games.Grid.moves()
    values = dqn.table(following, rewards, ends, 0.9)
    best = values.argmax(axis=1)  # the values of the best play solve linear equations
    rows, chosen = np.arange(16), (np.arange(16), best)
    matrix = np.eye(16)
    matrix[rows, following[chosen]] -= 0.9 * ~ends[chosen]
    np.testing.assert_allclose(values.max(axis=1), np.linalg.solve(matrix, rewards[chosen]), atol=1e-9)
    with pytest.raises(ValueError, match="need not converge"):
        dqn.table(following, rewards, ends, 1.0)


def ball(column, speed, frames):
    """Return where a ball is after some frames, one column at a time."""
    way = 1 if speed > 0 else -1
    for _ in range(frames * abs(speed)):
        if not 0 <= column + way <= 9:
            way = -way
        column += way
    return column


@pytest.mark.parametrize("speed", [-2, -1, 1, 2])
def test_a_ball_bounces_as_one_that_is_moved_column_by_column(speed):
    batch = games.Catch.batch(10)
    batch.reset(seed=0)
    batch.column, batch.speed = np.arange(10), np.full(10, speed)
    for frame in range(1, 10):
        batch.play(np.ones(10, int))
        assert batch.column.tolist() == [ball(start, speed, frame) for start in range(10)]


def test_rules_of_catch_from_planted_positions():
    batch = games.Catch.batch(4, worth=5)
    batch.reset(seed=0)
    batch.row[:], batch.speed[:], batch.column[:] = 7, 1, (2, 2, 2, 8)
    batch.paddle[:] = (4, 5, 6, 8)
    middle = batch.step(np.array([1, 1, 1, 1]))
    assert not middle[1].any() and not middle[2].any()
    end = batch.step(np.array([1, 1, 1, 2]))  # the balls land in 4, 4, 4 and 8, bounced
    assert end[1].tolist() == [5, 5, -5, 5] and end[2].all()


def test_the_best_rule_catches_all_and_the_simple_one_does_not():
    batch = games.Catch.batch(200)
    assert dqn.play(lambda states: games.intercept(batch), batch, seed=0).min() == 1
    assert 0 < dqn.play(lambda states: games.follow(batch), batch, seed=0).mean() < 0.5


def test_rules_of_the_bird_from_planted_positions():
    birds = games.Bird.batch(4)
    birds.reset(seed=0)
    birds.pipes[:], birds.gaps[:] = (8, 56, 104), 20
    birds.pipes[1] += 4  # still beside the bird
    birds.height[:] = (30, 18, 30, 77)  # in the gap, in the upper pipe, flapping, at the ground
    birds.velocity[:] = (0, 0, 0, 5)
    _, rewards, ended, _, _ = birds.step(np.array([0, 0, 1, 0]))
    assert rewards.tolist() == [1, -1, 1, -1]  # the pipe's last column has come to stand left of the bird
    assert ended.tolist() == [False, True, False, True]
    np.testing.assert_allclose(birds.height[[0, 2]], [30.4, 27])
    assert birds.pipes[0].tolist() == [6, 54, 102]


def test_a_bird_that_is_seen_to_touch_a_pipe_has_crashed():
    birds = games.Bird.batch(8)
    rng = np.random.default_rng(0)
    birds.reset(seed=3)
    touched = 0
    for _ in range(300):
        _, rewards, ended, _, infos = birds.step((rng.random(8) < 0.09).astype(int))
        for row in np.flatnonzero(ended):
            last = infos["final_obs"][row]
            bird = np.argwhere(last == 255)
            top = bird[:, 0].min()
            beside = last[top : top + 5, 15:22] == 128
            assert len(bird) == 25 and (beside.any() or top in (0, 75))
            touched += beside.any()
        assert np.all(rewards[ended] == -1)
    assert touched


def naive_state(shown, ends, time, game, stack):
    """Return a state from lists of pictures, newest last, black from before the episode."""
    picked = [shown[time][game]]
    for back in range(1, stack):
        alive = time - back >= 0 and not any(ends[t][game] for t in range(time - back, time))
        picked.insert(0, shown[time - back][game] if alive else 0 * shown[0][game])
    return np.stack(picked, axis=-1)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 60), st.integers(3, 30), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_replay_draws_what_a_plain_memory_holds(count, stack, frames, capacity, seed):
    rng = np.random.default_rng(seed)
    shown, done = [rng.integers(1, 255, (count, 2, 3), np.uint8)], []
    replay = dqn.Replay(shown[0], capacity, stack)
    for _ in range(frames):
        done.append((rng.integers(4, size=count), rng.normal(size=count), rng.random(count) < 0.3))
        shown.append(rng.integers(1, 255, (count, 2, 3), np.uint8))
        replay.add(*done[-1], shown[-1])
    ends = [ended for _, _, ended in done]
    oldest = max(0, frames - capacity // count)
    assert len(replay) == (frames - oldest) * count
    for game in range(count):
        for time in range(oldest, frames + 1):
            found = replay.states(np.array([time]), np.array([game]))[0]
            np.testing.assert_array_equal(found, naive_state(shown, ends, time, game, stack))
    states, actions, _, ended, following = replay.sample(rng, 20)
    for i in range(20):
        (time, game), *_ = (
            (t, g)
            for t in range(oldest, frames)
            for g in range(count)
            if np.array_equal(naive_state(shown, ends, t, g, stack), states[i])
            and np.array_equal(naive_state(shown, ends, t + 1, g, stack), following[i])
        )
        assert actions[i] == done[time][0][game] and ended[i] == ends[time][game]


def test_replay_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match="store 4 or more"):
        dqn.Replay(np.zeros((4, 2, 2), np.uint8), capacity=3, stack=2)
    with pytest.raises(ValueError, match="play first"):
        dqn.Replay(np.zeros((4, 2, 2), np.uint8), 8, 2).sample(np.random.default_rng(0), 1)


@given(st.integers(1, 9), st.integers(2, 5), st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_targets_are_those_of_a_loop(count, actions, discount, seed):
    rng = np.random.default_rng(seed)
    rewards, ended = rng.normal(size=count), rng.random(count) < 0.4
    online, following = rng.normal(size=(2, count, actions))
    plain = [r + (0 if e else discount * max(f)) for r, e, f in zip(rewards, ended, following)]
    np.testing.assert_allclose(dqn.targets(rewards, ended, following, discount), plain)
    double = [
        r + (0 if e else discount * f[list(o).index(max(o))])
        for r, e, o, f in zip(rewards, ended, online, following)
    ]
    np.testing.assert_allclose(dqn.double_targets(rewards, ended, online, following, discount), double)


def test_epsilon_falls_along_a_line_and_stays():
    found = [dqn.epsilon(step, 0.9, 0.1, 8) for step in range(12)]
    np.testing.assert_allclose(found[:9], np.linspace(0.9, 0.1, 9))
    assert found[9:] == [pytest.approx(0.1)] * 3
    with pytest.raises(ValueError, match="give 1 or more"):
        dqn.epsilon(0, 1, 0, 0)


def test_the_lectures_network_has_its_layers_and_parameters():
    model = networks.lecture_dqn(2)
    assert model.count_params() == 3_334_946
    assert model.count_params() - 2 * 512 - 2 == 3_333_920
    assert [model.get_layer(f"pool{block}").output.shape[1:] for block in (1, 2, 3)] == [
        (40, 40, 32),
        (20, 20, 64),
        (10, 10, 64),
    ]
    assert model.get_layer("flatten").output.shape[1] == 6400


def learner(seed=0, **choices):
    keras.utils.set_random_seed(seed)
    model = networks.small_dqn()
    return dqn.Learner(model, games.Catch.batch(4), seed=seed, warmup=40, batch_size=8, **choices)


@pytest.mark.parametrize("double", [True, False])
def test_a_round_takes_the_gradient_step_that_its_parts_say(double):
    one = learner(double=double)
    drawn = []
    one.learn = lambda *parts: drawn.append(parts) or 0.0
    one.step(0)
    states, actions, rewards, ended, next_states = drawn[0]
    rng = np.random.default_rng(3)
    one.target.set_weights([w + 0.05 * rng.normal(size=w.shape) for w in one.target.get_weights()])
    online, following = one.model(next_states).numpy(), one.target(next_states).numpy()
    if double:
        wanted = dqn.double_targets(rewards, ended, online, following, 0.95).numpy()
    else:
        wanted = dqn.targets(rewards, ended, following, 0.95).numpy()
    with tf.GradientTape() as tape:
        error = tf.gather(one.model(states), actions, axis=1, batch_dims=1) - wanted
        loss = tf.reduce_mean(tf.where(tf.abs(error) < 1, error**2 / 2, tf.abs(error) - 0.5))
    gradients = tape.gradient(loss, one.model.trainable_variables)
    seen = []
    one.optimizer.apply_gradients = lambda pairs: seen.extend(gradient for gradient, _ in pairs)
    tf.config.run_functions_eagerly(True)
    try:
        found = one._learn(*drawn[0])
    finally:
        tf.config.run_functions_eagerly(False)
    assert float(found) == pytest.approx(float(loss), rel=1e-4)
    for mine, yours in zip(seen, gradients):
        np.testing.assert_allclose(mine, yours, rtol=1e-3, atol=1e-6)


def test_the_target_network_is_renewed_when_it_is_due():
    one = learner(target_every=3)
    same = []
    for number in range(5):
        one.step(number)
        pairs = zip(one.model.get_weights(), one.target.get_weights())
        same.append(all(np.array_equal(a, b) for a, b in pairs))
        if number == 1:
            before = one.target.get_weights()
        if number == 2:
            assert all(np.array_equal(a, b) for a, b in zip(before, one.target.get_weights()))
        if number == 3:
            assert not all(np.array_equal(a, b) for a, b in zip(before, one.target.get_weights()))
    assert not any(same)  # the network has learned since


def test_rewards_are_clipped_in_the_memory_and_not_in_the_score():
    for clip, stored in ((True, 1), (False, 100)):
        keras.utils.set_random_seed(0)
        one = dqn.Learner(networks.small_dqn(), games.Catch.batch(4, worth=100), warmup=4, clip=clip)
        scores = [one.play(np.random.default_rng(0), 1.0) for _ in range(20)]
        assert np.abs(one.replay.rewards).max() == stored
        assert set(np.abs(np.concatenate(scores))) == {100}


def test_fault_games_that_give_no_whole_number_of_steps_are_refused():
    with pytest.raises(ValueError, match="take a multiple of 4 games"):
        dqn.Learner(networks.small_dqn(), games.Catch.batch(6))


def test_the_same_seed_learns_the_same_and_an_interrupted_run_goes_on(tmp_path):
    def run(steps, checkpoint=None):
        keras.utils.set_random_seed(0)
        model = networks.small_dqn()
        found = dqn.fit(
            model, games.Catch.batch(4), steps, games.Catch.batch(10), 10, checkpoint, warmup=40, batch_size=8
        )
        return model.get_weights(), found.series("test")

    whole, again = run(20), run(20)
    for one, other in zip(whole[0], again[0]):
        np.testing.assert_array_equal(one, other)
    path = tmp_path / "interrupted.npz"

    class Stopped(Exception):
        pass

    taken = dqn.Learner.step

    def stopping(self, number):
        if number == 13:
            raise Stopped
        return taken(self, number)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(dqn.Learner, "step", stopping)
        run(20, path)
    resumed = run(20, path)
    assert resumed[1] == whole[1]
    for one, other in zip(whole[0], resumed[0]):
        np.testing.assert_array_equal(one, other)


def test_a_tiny_recording_is_written_with_its_baselines(tmp_path, capsys, monkeypatch):
    task = record_dqn.GameTask("small_dqn", "Catch", 4, 2, 20, 9, 2, choices={"warmup": 16, "batch_size": 4})
    monkeypatch.setitem(record_dqn.TASKS, "tiny", task)
    assert record_dqn.main(["tiny", "--checkpoints", str(tmp_path), "--output", str(tmp_path)]) == 0
    path = tmp_path / "runs" / "dqn" / "tiny-seed0.json"
    run = runs.load(path)
    assert set(run.test) == {"score", "rule", "random"} and len(run.history) == 2
    assert json.loads(path.read_text(encoding="utf-8"))["settings"]["game"] == "Catches"
    assert not list(tmp_path.glob("*.npz"))
    assert "tiny, seed 0" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        record_dqn.main(["tiny", "bird-that-swims"])
    assert "no task is called bird-that-swims: choose from catch" in capsys.readouterr().err
    assert record_dqn.main([]) == 0
    assert capsys.readouterr().out.count("\n") == len(record_dqn.TASKS)


def test_every_task_names_a_network_and_a_game():
    for task in record_dqn.TASKS.values():
        assert hasattr(networks, task.network) and issubclass(getattr(games, task.game), games.Game)
        assert task.rounds % task.each == 0


def test_the_lesson_takes_away_what_is_recorded_and_one_thing_at_a_time():
    lesson = json.loads((ROOT / "notebooks" / "24_dqn.ipynb").read_text(encoding="utf-8"))
    cell = next(cell for cell in lesson["cells"] if cell["id"] == "changes")
    said: dict = {}
    exec("".join(cell["source"]), said)
    assert list(said["changes"]) == ["nothing", "replay", "target", "exploration", "warmup", "double"]
    for name, choices in said["changes"].items():
        task = record_dqn.TASKS["catch" if name == "nothing" else f"catch-less-{name}"]
        assert task == replace(record_dqn.CATCH, choices=choices)
        assert len(choices) == (name != "nothing")


def test_keys_play_a_game_and_others_are_ignored():
    player = Keyboard(games.Catch(), {"a": 0, "d": 2}, seed=0)
    twin = games.Catch()
    picture, _ = twin.reset(seed=0)
    for key in "ad?daadadd":
        if key != "?":
            picture, reward, *_ = twin.step({"a": 0, "d": 2}[key])
        player.press(key)
        np.testing.assert_array_equal(player.picture, picture)
    assert player.over and player.score == reward and "is over" in player.sentence()
    player.press("a")
    assert not player.over and player.episodes == 1
    with pytest.raises(ValueError, match="by one character"):
        Keyboard(games.Catch(), {"left": 0})


def test_a_field_takes_the_keys_and_a_bundle_holds_a_still_picture():
    player = Keyboard(games.Bird(), {"f": 1, "g": 0}, seed=0)
    page, field = player.box().children
    before = page.value
    field.value = "gg"
    assert page.value != before
    bundle = player._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG") and bundle["text/plain"] == repr(player)


def test_fault_a_key_that_stays_in_the_field_is_not_taken_twice(monkeypatch):
    player = Keyboard(games.Catch(), {"a": 0, "s": 1, "d": 2}, seed=0)
    pressed = []
    monkeypatch.setattr(player, "press", pressed.append)
    field = player.box().children[1]
    for text in ("a", "as", "asda", "asd", "asda"):  # a browser sends all that the field holds
        field.value = text
    assert "".join(pressed) == "asdaa"
