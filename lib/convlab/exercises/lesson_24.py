"""Lesson 24: Bellman targets, what a target network freezes, the schedule of exploration, double Q-learning."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(24)


def _batch(count, actions, discount):
    return (
        _rng.integers(-3, 4, count) / 2,
        np.arange(count) % 3 == 1,
        _rng.permutation(count * actions).reshape(count, actions) / 4 - 2,
        discount,
    )


@exercise(
    question="What should the values of the actions taken be: which Bellman targets does a batch have?",
    insight="A target is a guess made of a true reward and the network's own opinion: it improves as both do.",
    cases=[_batch(5, 3, 0.9), _batch(4, 2, 0.5), _batch(7, 4, 0.99)],
    hints=[
        "A target is the reward, plus what the next state is worth to a player who plays it best.",
        "What comes next counts by the factor `discount`, and not at all where the game has ended.",
        "`rewards + discount * np.where(ended, 0, following.max(axis=1))`",
    ],
)
def bellman(rewards, ended, following, discount):
    return rewards + discount * np.where(ended, 0, following.max(axis=1))


@bellman.mistake("end ignored", "after the end of a game nothing follows: only the reward counts there.")
def _(rewards, ended, following, discount):
    return rewards + discount * following.max(axis=1)


@bellman.mistake(
    "end turned round", "what follows counts where the game has ended: it is the other way round."
)
def _(rewards, ended, following, discount):
    return rewards + discount * np.where(ended, following.max(axis=1), 0)


@bellman.mistake("discount forgotten", "what follows counts in full: multiply it by `discount`.")
def _(rewards, ended, following, discount):
    return rewards + np.where(ended, 0, following.max(axis=1))


@bellman.mistake("reward discounted", "the reward is discounted, too: only what comes next is.")
def _(rewards, ended, following, discount):
    return discount * (rewards + np.where(ended, 0, following.max(axis=1)))


@bellman.mistake("reward forgotten", "the rewards are missing: without them no value is ever learned.")
def _(rewards, ended, following, discount):
    return discount * np.where(ended, 0, following.max(axis=1))


@bellman.mistake(
    "reward lost at the end", "the reward is dropped where the game has ended: it counts there, too."
)
def _(rewards, ended, following, discount):
    return np.where(ended, 0, rewards + discount * following.max(axis=1))


@bellman.mistake("mean of the actions", "this is the mean over the actions: the best one will be taken.")
def _(rewards, ended, following, discount):
    return rewards + discount * np.where(ended, 0, following.mean(axis=1))


@bellman.mistake("worst action", "this is the worst of the next actions: take the best.")
def _(rewards, ended, following, discount):
    return rewards + discount * np.where(ended, 0, following.min(axis=1))


@bellman.mistake(
    "number of the action", "this is which action is the best, not what it is worth: `max`, not `argmax`."
)
def _(rewards, ended, following, discount):
    return rewards + discount * np.where(ended, 0, following.argmax(axis=1))


@bellman.mistake(
    "best of the batch", "the maximum goes over the whole batch: each state has a best action of its own."
)
def _(rewards, ended, following, discount):
    return rewards + discount * np.where(ended, 0, following.max())


@bellman.mistake(
    "for each action", "there is a target for each action: return one for each row of the batch."
)
def _(rewards, ended, following, discount):
    return rewards[:, None] + discount * np.where(ended[:, None], 0, following)


@bellman.mistake(
    "sum of the actions", "this is the sum over the actions: only one of them, the best, will be taken."
)
def _(rewards, ended, following, discount):
    return rewards + discount * np.where(ended, 0, following.sum(axis=1))


@bellman.mistake(
    "reward at the end alone",
    "the reward is dropped where the game goes on: each action's reward is a part of its target.",
)
def _(rewards, ended, following, discount):
    return np.where(ended, rewards, discount * following.max(axis=1))


@bellman.mistake(
    "end and discount forgotten",
    "two things are missing: the factor `discount`, and that nothing follows where the game has ended.",
)
def _(rewards, ended, following, discount):
    return rewards + following.max(axis=1)


@bellman.mistake(
    "column and row",
    "this is a table (N, N): a column (N, 1) was added to a row (N,). Take the maximum without `keepdims`.",
)
def _(rewards, ended, following, discount):
    return rewards + discount * np.where(ended, 0, following.max(axis=1, keepdims=True))


def _step(features, actions, action, reward, discount):
    return (
        _rng.integers(-4, 5, (features, actions)) / 2,
        _rng.integers(-4, 5, (features, actions)) / 2,
        _rng.integers(1, 5, features) / 2,
        action,
        reward,
        _rng.integers(1, 5, features) / 2,
        discount,
    )


@exercise(
    question="What is the gradient of half the squared error for the weights, when the target is frozen?",
    insight="The target is a constant: the value moves to it, and it does not come to meet the value.",
    cases=[_step(3, 2, 1, 1.0, 0.9), _step(4, 3, 0, -0.5, 0.5), _step(2, 4, 2, 0.25, 0.8)],
    hints=[
        "Values are `state @ weights`, one for each action. The target is computed with `frozen` weights. Which "
        "weights does the error depend on, then?",
        "Only the value of `action` is in the error, so only this column of the gradient is not zero. The target "
        "is a constant, so nothing flows through it.",
        "`error = state @ weights[:, action] - (reward + discount * (next_state @ frozen).max())`; in zeros like "
        "`weights`, column `action` is `error * state`.",
    ],
)
def frozen_gradient(weights, frozen, state, action, reward, next_state, discount):
    target = reward + discount * (next_state @ frozen).max()
    gradient = np.zeros_like(weights)
    gradient[:, action] = (state @ weights[:, action] - target) * state
    return gradient


def _gradient(weights, state, action, error):
    gradient = np.zeros_like(weights)
    gradient[:, action] = error * state
    return gradient


@frozen_gradient.mistake(
    "target not frozen", "the target is computed with the weights that learn: it would move with every step."
)
def _(weights, frozen, state, action, reward, next_state, discount):
    return frozen_gradient.reference(weights, weights, state, action, reward, next_state, discount)


@frozen_gradient.mistake(
    "gradient through the target",
    "a part of the gradient flows through the target: it is frozen, so its derivative is zero.",
)
def _(weights, frozen, state, action, reward, next_state, discount):
    gradient = frozen_gradient.reference(weights, frozen, state, action, reward, next_state, discount)
    best = (next_state @ frozen).argmax()
    error = state @ weights[:, action] - reward - discount * (next_state @ frozen).max()
    gradient[:, best] -= discount * error * next_state
    return gradient


@frozen_gradient.mistake(
    "only the target frozen", "the value is computed with the frozen weights: only the target is."
)
def _(weights, frozen, state, action, reward, next_state, discount):
    target = reward + discount * (next_state @ frozen).max()
    return _gradient(weights, state, action, state @ frozen[:, action] - target)


@frozen_gradient.mistake("uphill", "the sign is turned round: the error is value minus target.")
def _(weights, frozen, state, action, reward, next_state, discount):
    return -frozen_gradient.reference(weights, frozen, state, action, reward, next_state, discount)


@frozen_gradient.mistake("factor 2", "a factor 2 is too much: the error's square is halved.")
def _(weights, frozen, state, action, reward, next_state, discount):
    return 2 * frozen_gradient.reference(weights, frozen, state, action, reward, next_state, discount)


@frozen_gradient.mistake(
    "all actions", "all columns have a gradient: only the value of the action taken is compared."
)
def _(weights, frozen, state, action, reward, next_state, discount):
    target = reward + discount * (next_state @ frozen).max()
    return np.outer(state, state @ weights - target)


@frozen_gradient.mistake("discount forgotten", "the next value is not discounted in the target.")
def _(weights, frozen, state, action, reward, next_state, discount):
    return frozen_gradient.reference(weights, frozen, state, action, reward, next_state, 1.0)


@frozen_gradient.mistake(
    "only the column", "this is the column of one action: return it within zeros like `weights`."
)
def _(weights, frozen, state, action, reward, next_state, discount):
    gradient = frozen_gradient.reference(weights, frozen, state, action, reward, next_state, discount)
    return gradient[:, action]


@frozen_gradient.mistake(
    "only the error", "this is the error: multiply it by the derivative of the value, the state."
)
def _(weights, frozen, state, action, reward, next_state, discount):
    return state @ weights[:, action] - reward - discount * (next_state @ frozen).max()


@frozen_gradient.mistake(
    "largest value of the state",
    "the largest value of `state` is compared with the target: take the value of `action`, which was played.",
)
def _(weights, frozen, state, action, reward, next_state, discount):
    target = reward + discount * (next_state @ frozen).max()
    return _gradient(weights, state, action, (state @ weights).max() - target)


@frozen_gradient.mistake(
    "same action next",
    "the target takes the next value of the same `action`: it takes the largest of the next values.",
)
def _(weights, frozen, state, action, reward, next_state, discount):
    target = reward + discount * (next_state @ frozen)[action]
    return _gradient(weights, state, action, state @ weights[:, action] - target)


@frozen_gradient.mistake(
    "target of the same state", "the target is computed from `state`: its values are those of `next_state`."
)
def _(weights, frozen, state, action, reward, next_state, discount):
    target = reward + discount * (state @ frozen).max()
    return _gradient(weights, state, action, state @ weights[:, action] - target)


@frozen_gradient.mistake(
    "reward forgotten",
    "the reward is missing in the target, which is the reward plus the discounted next value.",
)
def _(weights, frozen, state, action, reward, next_state, discount):
    target = discount * (next_state @ frozen).max()
    return _gradient(weights, state, action, state @ weights[:, action] - target)


@frozen_gradient.mistake(
    "times the next state",
    "the error is multiplied by `next_state`: the value's derivative for its weights is `state`.",
)
def _(weights, frozen, state, action, reward, next_state, discount):
    error = state @ weights[:, action] - reward - discount * (next_state @ frozen).max()
    return _gradient(weights, next_state, action, error)


@frozen_gradient.mistake(
    "nothing frozen",
    "the target uses the weights that learn, and a part of the gradient flows through it: take `frozen`, and "
    "treat the target as a constant.",
)
def _(weights, frozen, state, action, reward, next_state, discount):
    error = state @ weights[:, action] - reward - discount * (next_state @ weights).max()
    gradient = _gradient(weights, state, action, error)
    gradient[:, (next_state @ weights).argmax()] -= discount * error * next_state
    return gradient


@frozen_gradient.mistake("the loss", "this is the loss: its derivative for each of the weights is asked for.")
def _(weights, frozen, state, action, reward, next_state, discount):
    return (state @ weights[:, action] - reward - discount * (next_state @ frozen).max()) ** 2 / 2


@frozen_gradient.mistake(
    "weights after a step", "these are the weights after a step: return the gradient alone."
)
def _(weights, frozen, state, action, reward, next_state, discount):
    return weights - frozen_gradient.reference(weights, frozen, state, action, reward, next_state, discount)


@exercise(
    question="What is the chance of a random action at a step: a line from first to last, then last?",
    insight="Chance finds what the network does not know yet; later it only costs points.",
    cases=[
        (0, 1.0, 0.1, 100),
        (30, 1.0, 0.1, 100),
        (100, 0.9, 0.05, 100),
        (250, 0.8, 0.2, 100),
        (7, 0.5, 0.0, 9),
    ],
    hints=[
        "How far along the line is the step, from 0 to 1? What is that share after the line's end?",
        "The share is `step / steps`, but never above 1. The chance is `first` where it is 0, `last` where it is 1.",
        "`first + (last - first) * min(1, step / steps)`",
    ],
)
def chance(step, first, last, steps):
    return first + (last - first) * min(1, step / steps)


@chance.mistake("line without an end", "the line goes on below `last`: it stays there from step `steps` on.")
def _(step, first, last, steps):
    return first + (last - first) * step / steps


@chance.mistake("turned round", "the line goes from `last` to `first`: turn it round.")
def _(step, first, last, steps):
    return last + (first - last) * min(1, step / steps)


@chance.mistake("down to nothing", "the line ends at 0: it ends at `last`.")
def _(step, first, last, steps):
    return first * (1 - min(1, step / steps))


@chance.mistake(
    "line to nothing, cut off",
    "the line aims at 0 and is cut off at `last`: it should arrive there at `steps`.",
)
def _(step, first, last, steps):
    return max(last, first * (1 - step / steps))


@chance.mistake("a jump", "the chance jumps from `first` to `last`: it falls along a line.")
def _(step, first, last, steps):
    return first if step < steps else last


@chance.mistake(
    "last added", "the line falls by `first`, and then `last` is added: it falls by `first - last`."
)
def _(step, first, last, steps):
    return last + first * (1 - min(1, step / steps))


@chance.mistake("geometric", "this falls by the same factor each step: a line falls by the same amount.")
def _(step, first, last, steps):
    return first * (max(last, 1e-9) / first) ** min(1, step / steps)


@chance.mistake("nothing at the end", "after the line's end the chance is 0: it stays at `last`.")
def _(step, first, last, steps):
    return first + (last - first) * step / steps if step <= steps else 0.0


@chance.mistake(
    "one step too early",
    "the line arrives one step too early: it ends at step `steps`, so the share is `step / steps`.",
)
def _(step, first, last, steps):
    return first + (last - first) * min(1, step / (steps - 1))


@chance.mistake(
    "begun one step late", "this is the chance of the next step: the line begins with `first` at step 0."
)
def _(step, first, last, steps):
    return first + (last - first) * min(1, (step + 1) / steps)


@chance.mistake(
    "max for min", "the share is never below 1 here: `min(1, step / steps)` keeps it from going above 1."
)
def _(step, first, last, steps):
    return first + (last - first) * max(1, step / steps)


@chance.mistake("begins at 1", "the line begins at 1 in each case: it begins at `first`.")
def _(step, first, last, steps):
    return 1 + (last - 1) * min(1, step / steps)


@chance.mistake(
    "falls by last", "the line falls by `last` in all: it falls by `first - last`, so that it ends at `last`."
)
def _(step, first, last, steps):
    return first - last * min(1, step / steps)


@chance.mistake(
    "without last", "this is how far the chance is above `last`: add `last`, where the line ends."
)
def _(step, first, last, steps):
    return (first - last) * (1 - min(1, step / steps))


@chance.mistake("rises", "the chance rises: add `last - first`, which is negative, times the share.")
def _(step, first, last, steps):
    return first + (first - last) * min(1, step / steps)


@chance.mistake(
    "share of the line", "this is the step's share of the line: put `first` at 0 and `last` at 1."
)
def _(step, first, last, steps):
    return min(1, step / steps)


@exercise(
    question="Which targets does double Q-learning give: the online network chooses, the target network values?",
    insight="Where the two networks disagree, the largest value is often noise; the other network's value is not.",
    cases=[
        (rewards, ended, np.roll(following[::-1], 1, axis=1), following, discount)
        for rewards, ended, following, discount in (_batch(5, 3, 0.9), _batch(6, 4, 0.5), _batch(4, 2, 0.8))
    ],
    hints=[
        "First choose the best next action by `online`. Then look up this action in `following`.",
        "`np.take_along_axis` or an index `[np.arange(N), chosen]` takes one value from each row.",
        "`chosen = following[np.arange(len(rewards)), online.argmax(axis=1)]`, then as in the Bellman target.",
    ],
)
def double(rewards, ended, online, following, discount):
    chosen = following[np.arange(len(rewards)), online.argmax(axis=1)]
    return rewards + discount * np.where(ended, 0, chosen)


@double.mistake(
    "target chooses, too", "the target network chooses and values: this is the plain Bellman target."
)
def _(rewards, ended, online, following, discount):
    return bellman.reference(rewards, ended, following, discount)


@double.mistake(
    "online values, too", "the online network chooses and values: take the value from `following`."
)
def _(rewards, ended, online, following, discount):
    return bellman.reference(rewards, ended, online, discount)


@double.mistake(
    "networks swapped", "the two networks have changed places: `online` chooses, `following` values."
)
def _(rewards, ended, online, following, discount):
    return double.reference(rewards, ended, following, online, discount)


@double.mistake("end ignored", "after the end of a game nothing follows: only the reward counts there.")
def _(rewards, ended, online, following, discount):
    return double.reference(rewards, np.zeros_like(ended), online, following, discount)


@double.mistake(
    "smaller of the two", "this is the smaller of two maxima, which is another method: look one action up."
)
def _(rewards, ended, online, following, discount):
    best = np.minimum(online.max(axis=1), following.max(axis=1))
    return rewards + discount * np.where(ended, 0, best)


@double.mistake(
    "mean of the two", "this is the mean of two maxima: choose by one network, and value by the other."
)
def _(rewards, ended, online, following, discount):
    best = (online.max(axis=1) + following.max(axis=1)) / 2
    return rewards + discount * np.where(ended, 0, best)


@double.mistake("discount forgotten", "what follows counts in full: multiply it by `discount`.")
def _(rewards, ended, online, following, discount):
    return double.reference(rewards, ended, online, following, 1.0)


@double.mistake(
    "reward forgotten", "the rewards are missing: the value of the chosen action comes on top of them."
)
def _(rewards, ended, online, following, discount):
    return double.reference(np.zeros_like(rewards), ended, online, following, discount)


@double.mistake(
    "end turned round", "what follows counts where the game has ended: it is the other way round."
)
def _(rewards, ended, online, following, discount):
    return double.reference(rewards, ~ended, online, following, discount)


@double.mistake(
    "reward lost at the end", "the reward is dropped where the game has ended: it counts there, too."
)
def _(rewards, ended, online, following, discount):
    chosen = following[np.arange(len(rewards)), online.argmax(axis=1)]
    return np.where(ended, 0, rewards + discount * chosen)


@double.mistake(
    "number of the action", "this is which action is chosen, not what it is worth: look it up in `following`."
)
def _(rewards, ended, online, following, discount):
    return rewards + discount * np.where(ended, 0, online.argmax(axis=1))


@double.mistake(
    "all rows for each choice",
    "`following[:, chosen]` takes the chosen columns of every row: index with the row's own number, too.",
)
def _(rewards, ended, online, following, discount):
    return rewards + discount * np.where(ended, 0, following[:, online.argmax(axis=1)])


@double.mistake(
    "column and row",
    "this is a table (N, N): a column (N, 1) was added to a row (N,). Take column 0 of what you looked up.",
)
def _(rewards, ended, online, following, discount):
    chosen = np.take_along_axis(following, online.argmax(axis=1)[:, None], axis=1)
    return rewards + discount * np.where(ended, 0, chosen)


@double.mistake(
    "chosen by the sum", "the action is chosen by the sum of both networks: `online` alone chooses it."
)
def _(rewards, ended, online, following, discount):
    return double.reference(rewards, ended, online + following, following, discount)


@double.mistake("worst action", "the action of the smallest value is chosen: take `argmax` of `online`.")
def _(rewards, ended, online, following, discount):
    return double.reference(rewards, ended, -online, following, discount)
