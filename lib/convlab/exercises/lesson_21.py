"""Lesson 21: sizes along one axis, the largest value over time, the phrase of a window, and a fair fold."""

import numpy as np

from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(21)


@exercise(
    question="How many windows does a kernel have over a sentence, and how many parameters have all its kernels?",
    insight="A kernel over words has one size, not two: it always covers all numbers of each of its words.",
    tolerance=0,
    cases=[(20, 3, 50, 100, 0), (7, 5, 300, 32, 4), (11, 4, 8, 6, 3), (5, 5, 2, 1, 0)],
    hints=[
        "Two questions. How many places has a kernel along one axis (lesson 06)? How many numbers does one kernel "
        "hold, if it covers `k` words of `d` numbers each?",
        "Windows: `n + 2 * p - k + 1`. One kernel has `k * d` weights, and each filter has a bias.",
        "`(n + 2 * p - k + 1, k * d * filters + filters)`",
    ],
)
def sizes(n, k, d, filters, p):
    return n + 2 * p - k + 1, k * d * filters + filters


@sizes.mistake("padding once", "the padding is added on one side only: there are `p` zero vectors on each.")
def _(n, k, d, filters, p):
    return n + p - k + 1, k * d * filters + filters


@sizes.mistake("padding forgotten", "the padding is not counted: `p` zero vectors stand on each side.")
def _(n, k, d, filters, p):
    return n - k + 1, k * d * filters + filters


@sizes.mistake("one window missing", "one window is missing: a kernel as long as its input has one place.")
def _(n, k, d, filters, p):
    return n + 2 * p - k, k * d * filters + filters


@sizes.mistake(
    "square kernel",
    "the kernel is counted as k x k: over words it covers `k` words and all `d` numbers of each.",
)
def _(n, k, d, filters, p):
    return n + 2 * p - k + 1, k * k * filters + filters


@sizes.mistake(
    "square kernel over channels",
    "the kernel is counted as k x k x d, like one for images: it moves along one axis only, and covers k x d.",
)
def _(n, k, d, filters, p):
    return n + 2 * p - k + 1, k * k * d * filters + filters


@sizes.mistake("bias forgotten", "the biases are missing: each filter has one.")
def _(n, k, d, filters, p):
    return n + 2 * p - k + 1, k * d * filters


@sizes.mistake("one bias for all", "there is one bias for all filters: each filter has its own.")
def _(n, k, d, filters, p):
    return n + 2 * p - k + 1, k * d * filters + 1


@sizes.mistake("one filter", "these are the parameters of one filter: there are `filters` of them.")
def _(n, k, d, filters, p):
    return n + 2 * p - k + 1, k * d + 1


@sizes.mistake(
    "one kernel for each number", "the kernel covers `d` numbers of each word: multiply its weights by `d`."
)
def _(n, k, d, filters, p):
    return n + 2 * p - k + 1, k * filters + filters


@sizes.mistake(
    "windows over the numbers", "the kernel also moves over the numbers of a word: it moves over words alone."
)
def _(n, k, d, filters, p):
    return (n + 2 * p - k + 1) * d, k * d * filters + filters


@sizes.mistake("parameters first", "the two numbers have changed places: the windows come first.")
def _(n, k, d, filters, p):
    return k * d * filters + filters, n + 2 * p - k + 1


@sizes.mistake(
    "windows of all filters",
    "the windows are multiplied by the filters: all filters read the same windows.",
)
def _(n, k, d, filters, p):
    return (n + 2 * p - k + 1) * filters, k * d * filters + filters


@sizes.mistake(
    "weights of each window",
    "the parameters are multiplied by the windows: a kernel has the same weights in all windows.",
)
def _(n, k, d, filters, p):
    windows = n + 2 * p - k + 1
    return windows, windows * (k * d * filters + filters)


@sizes.mistake(
    "a window for each word",
    "there is a window for each word here: one begins only where all of its `k` words or zero vectors fit.",
)
def _(n, k, d, filters, p):
    return n, k * d * filters + filters


@sizes.mistake(
    "windows side by side", "the windows do not overlap here: the kernel moves on by one word, not by `k`."
)
def _(n, k, d, filters, p):
    return (n + 2 * p) // k, k * d * filters + filters


def _maps(number, time, filters, counts):
    maps = _rng.normal(-0.5, 1, (number, time, filters)).round(2)
    for row, count in enumerate(counts):
        maps[row, count:] += 4  # what stands in the padding is larger
    maps[0, : counts[0], 0] = -abs(maps[0, : counts[0], 0]) - 0.5  # one map is negative wherever it counts
    return maps, np.array(counts)


@exercise(
    question="What is the largest value of each map over the windows that count, (N, F)?",
    insight="The answer cannot change when more padding is added, and that is what the mask is for.",
    cases=[
        _maps(2, 5, 3, [3, 5]),
        _maps(3, 7, 2, [2, 6, 4]),
        _maps(1, 4, 4, [1]),
    ],
    hints=[
        "`maps` is (N, T, F), and of sentence i only the first `counts[i]` windows count. Which axis goes away?",
        "What does not count must never win. 0 is not low enough, if all other values are negative.",
        "`real = np.arange(maps.shape[1]) < counts[:, None]`, then "
        "`np.where(real[..., None], maps, -np.inf).max(axis=1)`.",
    ],
)
def largest(maps, counts):
    real = np.arange(maps.shape[1]) < counts[:, None]
    return np.where(real[..., None], maps, -np.inf).max(axis=1)


@largest.mistake("padding counts", "windows of padding win: only the first `counts[i]` of a sentence count.")
def _(maps, counts):
    return maps.max(axis=1)


@largest.mistake(
    "padding set to 0", "padding is set to 0, and 0 wins where all values that count are negative: use -inf."
)
def _(maps, counts):
    real = np.arange(maps.shape[1]) < counts[:, None]
    return (maps * real[..., None]).max(axis=1)


@largest.mistake("mean", "this is the mean over time: the largest value was asked for.")
def _(maps, counts):
    return np.stack([maps[i, : counts[i]].mean(axis=0) for i in range(len(maps))])


@largest.mistake("smallest", "this is the smallest value over time.")
def _(maps, counts):
    return np.stack([maps[i, : counts[i]].min(axis=0) for i in range(len(maps))])


@largest.mistake("last", "this is the last window that counts: look at all of them.")
def _(maps, counts):
    return np.stack([maps[i, counts[i] - 1] for i in range(len(maps))])


@largest.mistake(
    "where, not what", "these are the places of the largest values: return the values themselves."
)
def _(maps, counts):
    return np.stack([maps[i, : counts[i]].argmax(axis=0) for i in range(len(maps))])


@largest.mistake("over the filters", "the maximum runs over the filters: it runs over time, axis 1.")
def _(maps, counts):
    return maps.max(axis=2)


@largest.mistake(
    "over the sentences", "the maximum runs over all sentences at once: each has a maximum of its own."
)
def _(maps, counts):
    return largest.reference(maps, counts).max(axis=0)


@largest.mistake("one window missing", "the last window that counts is left out: `counts[i]` windows count.")
def _(maps, counts):
    return np.stack([maps[i, : max(1, counts[i] - 1)].max(axis=0) for i in range(len(maps))])


@largest.mistake(
    "one length for all", "all sentences are cut at the shortest one's length: each has its own count."
)
def _(maps, counts):
    return maps[:, : counts.min()].max(axis=1)


@largest.mistake(
    "longest length for all",
    "all sentences are cut at the longest one's length: windows of padding win in the shorter ones.",
)
def _(maps, counts):
    return maps[:, : counts.max()].max(axis=1)


@largest.mistake("one window too many", "one window of padding counts, too: `counts[i]` windows count.")
def _(maps, counts):
    return np.stack([maps[i, : counts[i] + 1].max(axis=0) for i in range(len(maps))])


@largest.mistake(
    "one value for each sentence", "this is one value for each sentence: each of the F maps has its own."
)
def _(maps, counts):
    return largest.reference(maps, counts).max(axis=1)


@largest.mistake(
    "without the sign", "the largest *absolute* value is taken here: take the largest value, with its sign."
)
def _(maps, counts):
    return np.stack([abs(maps[i, : counts[i]]).max(axis=0) for i in range(len(maps))])


_FILM = ("a", "film", "that", "is", "never", "dull", "nor", "long")


def _lit(size, place, words=_FILM):
    values = _rng.uniform(0, 1, len(words) + size - 1).round(2)
    values[place] = 2.0
    values[(place + 2) % len(values)] = -2.0
    return list(words), values, size


@exercise(
    question="Which words stand in the window on which a filter is largest, as one text?",
    insight="The first windows reach back into the padding, so they hold fewer words than the kernel is long.",
    cases=[_lit(3, 6), _lit(5, 1), _lit(4, 9), _lit(2, 0), _lit(1, 4)],
    hints=[
        "There are `size - 1` zero vectors before the first word. So window 0 ends at word 0. Where does window i "
        "begin?",
        "Window i holds the words from i - size + 1 to i. Those before 0 and after the last one are padding.",
        "`i = int(values.argmax())`, then `' '.join(words[max(0, i - size + 1) : i + 1])`.",
    ],
)
def phrase(words, values, size):
    place = int(np.argmax(values))
    return " ".join(words[max(0, place - size + 1) : place + 1])


@phrase.mistake(
    "padding forgotten",
    "the window begins at word i here: `size - 1` zero vectors stand before the first word, so it ends there.",
)
def _(words, values, size):
    place = int(np.argmax(values))
    return " ".join(words[place : place + size])


@phrase.mistake("smallest", "this is the window on which the filter is smallest.")
def _(words, values, size):
    return phrase.reference(words, -np.asarray(values), size)


@phrase.mistake("one word missing", "the last word of the window is missing: a slice ends before its end.")
def _(words, values, size):
    place = int(np.argmax(values))
    return " ".join(words[max(0, place - size + 1) : place])


@phrase.mistake("one word too many", "the window has one word too many: it holds `size` words.")
def _(words, values, size):
    place = int(np.argmax(values))
    return " ".join(words[max(0, place - size) : place + 1])


@phrase.mistake("one word", "this is one word of the window: return all of its words.")
def _(words, values, size):
    return words[min(int(np.argmax(values)), len(words) - 1)]


@phrase.mistake("a list", "these are the right words as a list: join them to one text.")
def _(words, values, size):
    return phrase.reference(words, values, size).split()


@phrase.mistake(
    "negative start",
    "a slice that begins below 0 counts from the end of the list: begin at 0 where the window reaches back.",
)
def _(words, values, size):
    place = int(np.argmax(values))
    return " ".join(words[place - size + 1 : place + 1])


@phrase.mistake(
    "always size words",
    "the window is filled up to `size` words here: at the edges it holds fewer, and the rest is padding.",
)
def _(words, values, size):
    start = max(0, int(np.argmax(values)) - size + 1)
    return " ".join(words[start : start + size])


@phrase.mistake(
    "edges left out",
    "windows that reach into the padding are left out: one of them may have the largest value.",
)
def _(words, values, size):
    place = int(np.argmax(values[size - 1 : len(words)]))
    return " ".join(words[place : place + size])


@phrase.mistake("no spaces", "these are the right words without spaces between them.")
def _(words, values, size):
    return phrase.reference(words, values, size).replace(" ", "")


_TEN = np.array([3, 0, 2, 1, 1, 0, 3, 2, 2, 0, 1, 3])


@exercise(
    question="Which sentences train, which choose the epoch and which test, for one fold of several?",
    insight="A score that was used to choose anything is too high: only sentences that chose nothing may test.",
    tolerance=0,
    cases=[(_TEN, 1, 4), (_TEN, 3, 4), (np.array([2, 1, 0, 2, 1, 0, 0]), 0, 3)],
    hints=[
        "Three groups without a common sentence. The fold `which` tests. The next fold, `which + 1`, chooses the "
        "epoch; after the last fold comes fold 0. What remains?",
        "`np.flatnonzero(numbers == which)` are the test sentences. The next fold is `(which + 1) % folds`.",
        "`after = (which + 1) % folds`, and train where `(numbers != which) & (numbers != after)`. Return (train, "
        "choose, test).",
    ],
)
def fair_fold(numbers, which, folds):
    after = (which + 1) % folds
    train = np.flatnonzero((numbers != which) & (numbers != after))
    return train, np.flatnonzero(numbers == after), np.flatnonzero(numbers == which)


@fair_fold.mistake(
    "chosen on the test",
    "the test sentences choose the epoch: the best of many test scores is too high by luck alone.",
)
def _(numbers, which, folds):
    train, _, test = fair_fold.reference(numbers, which, folds)
    return train, test, test


@fair_fold.mistake(
    "learned what chooses", "the sentences that choose are in training, too: the network knows them by heart."
)
def _(numbers, which, folds):
    _, choose, test = fair_fold.reference(numbers, which, folds)
    return np.flatnonzero(numbers != which), choose, test


@fair_fold.mistake("learned the test", "the test sentences are in training: then the score says nothing.")
def _(numbers, which, folds):
    _, choose, test = fair_fold.reference(numbers, which, folds)
    return np.arange(len(numbers)), choose, test


@fair_fold.mistake("only the test is kept out", "the test sentences are left in training.")
def _(numbers, which, folds):
    _, choose, test = fair_fold.reference(numbers, which, folds)
    return np.flatnonzero(numbers != (which + 1) % folds), choose, test


@fair_fold.mistake(
    "test and choice swapped", "the fold `which` chooses here, and the next one tests: swap them."
)
def _(numbers, which, folds):
    train, choose, test = fair_fold.reference(numbers, which, folds)
    return train, test, choose


@fair_fold.mistake("fold before", "the fold before chooses here: take the next one, `which + 1`.")
def _(numbers, which, folds):
    before = (which - 1) % folds
    train = np.flatnonzero((numbers != which) & (numbers != before))
    return train, np.flatnonzero(numbers == before), np.flatnonzero(numbers == which)


@fair_fold.mistake(
    "after the last fold", "after the last fold nothing chooses: the next one is `(which + 1) % folds`."
)
def _(numbers, which, folds):
    train = np.flatnonzero((numbers != which) & (numbers != which + 1))
    return train, np.flatnonzero(numbers == which + 1), np.flatnonzero(numbers == which)


@fair_fold.mistake(
    "cut in order", "the sentences are cut in their order: their folds are in `numbers`, drawn at random."
)
def _(numbers, which, folds):
    return fair_fold.reference(np.sort(numbers), which, folds)


@fair_fold.mistake(
    "masks", "these are masks, a truth value for each sentence: return the numbers of the sentences."
)
def _(numbers, which, folds):
    after = (which + 1) % folds
    return (numbers != which) & (numbers != after), numbers == after, numbers == which


@fair_fold.mistake(
    "folds of the sentences",
    "these are the folds of the sentences, from `numbers`: return the numbers of the sentences, as "
    "`np.flatnonzero` gives them.",
)
def _(numbers, which, folds):
    return tuple(numbers[rows] for rows in fair_fold.reference(numbers, which, folds))


@fair_fold.mistake("test first", "the three groups are in another order: train, choose, test.")
def _(numbers, which, folds):
    return fair_fold.reference(numbers, which, folds)[::-1]
