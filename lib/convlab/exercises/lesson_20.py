"""Lesson 20: a step of an LSTM, of beam search, the clipped precision of BLEU, and attention."""

from collections import Counter

import numpy as np

from convlab import layers
from convlab.exercises.exercise import exercise

_rng = np.random.default_rng(20)


def _cell(n, inputs, units):
    shapes = (n, inputs), (n, units), (n, units), (inputs, 4 * units), (units, 4 * units), (4 * units,)
    return tuple(_rng.normal(0, 0.8, shape) for shape in shapes)


def _gates(x, h, kernel, recurrent_kernel, bias):
    return np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=1)


@exercise(
    question="What are h and c, both (N, units), after one step of an LSTM?",
    insight="Along c nothing is multiplied but f: a gradient goes back through many steps as long as f is near 1.",
    cases=[_cell(2, 3, 4), _cell(1, 2, 1), _cell(3, 1, 2)],
    hints=[
        "First the four sums, in one product: `x @ kernel + h @ recurrent_kernel + bias`, (N, 4 · units). Which "
        "quarter is which?",
        "The order is i, f, g, o. Three of them are gates between 0 and 1, and g is a value between -1 and 1.",
        "`c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)`, then `h = sigmoid(o) * np.tanh(c)`; return `h, c`.",
    ],
)
def lstm_step(x, h, c, kernel, recurrent_kernel, bias):
    i, f, g, o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
    c = layers.sigmoid(f) * c + layers.sigmoid(i) * np.tanh(g)
    return layers.sigmoid(o) * np.tanh(c), c


@lstm_step.mistake("h and c swapped", "these are c and h: return h first.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    return lstm_step.reference(x, h, c, kernel, recurrent_kernel, bias)[::-1]


@lstm_step.mistake(
    "i and f swapped",
    "f lets the new value in and i keeps the old one: the order in the kernel is i, f, g, o.",
)
def _(x, h, c, kernel, recurrent_kernel, bias):
    f, i, g, o = _gates(x, h, kernel, recurrent_kernel, bias)
    c = layers.sigmoid(f) * c + layers.sigmoid(i) * np.tanh(g)
    return layers.sigmoid(o) * np.tanh(c), c


@lstm_step.mistake(
    "g and o swapped", "the third and the fourth quarter have changed places: the order is i, f, g, o."
)
def _(x, h, c, kernel, recurrent_kernel, bias):
    i, f, o, g = _gates(x, h, kernel, recurrent_kernel, bias)
    c = layers.sigmoid(f) * c + layers.sigmoid(i) * np.tanh(g)
    return layers.sigmoid(o) * np.tanh(c), c


@lstm_step.mistake("sigmoid for the value", "g went through a sigmoid: it is a value, and may be negative.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    i, f, g, o = _gates(x, h, kernel, recurrent_kernel, bias)
    c = layers.sigmoid(f) * c + layers.sigmoid(i) * layers.sigmoid(g)
    return layers.sigmoid(o) * np.tanh(c), c


@lstm_step.mistake(
    "tanh of c forgotten", "h is o times c itself: the cell goes through a tanh before it is read."
)
def _(x, h, c, kernel, recurrent_kernel, bias):
    i, f, g, o = _gates(x, h, kernel, recurrent_kernel, bias)
    c = layers.sigmoid(f) * c + layers.sigmoid(i) * np.tanh(g)
    return layers.sigmoid(o) * c, c


@lstm_step.mistake("old c read", "h was read from the old c: update c first.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    _, new = lstm_step.reference(x, h, c, kernel, recurrent_kernel, bias)
    o = _gates(x, h, kernel, recurrent_kernel, bias)[3]
    return layers.sigmoid(o) * np.tanh(c), new


@lstm_step.mistake("nothing forgotten", "the old c is added whole: multiply it by the gate f.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    i, _, g, o = _gates(x, h, kernel, recurrent_kernel, bias)
    c = c + layers.sigmoid(i) * np.tanh(g)
    return layers.sigmoid(o) * np.tanh(c), c


@lstm_step.mistake("everything forgotten", "the old c does not count: it stays, times the gate f.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    return lstm_step.reference(x, h, 0 * c, kernel, recurrent_kernel, bias)


@lstm_step.mistake("old h ignored", "the old h does not count: the gates look at x and at h.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    return lstm_step.reference(x, 0 * h, c, kernel, recurrent_kernel, bias)


@lstm_step.mistake("bias forgotten", "the bias is missing in the four sums.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    return lstm_step.reference(x, h, c, kernel, recurrent_kernel, 0 * bias)


@lstm_step.mistake("only h", "this is h alone: the next step needs c, too. Return `h, c`.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    return lstm_step.reference(x, h, c, kernel, recurrent_kernel, bias)[0]


@lstm_step.mistake(
    "tanh of g forgotten", "g is added without its tanh: only values from -1 to 1 are written."
)
def _(x, h, c, kernel, recurrent_kernel, bias):
    i, f, g, o = _gates(x, h, kernel, recurrent_kernel, bias)
    c = layers.sigmoid(f) * c + layers.sigmoid(i) * g
    return layers.sigmoid(o) * np.tanh(c), c


@lstm_step.mistake("everything written", "the new value is written whole: multiply it by the gate i.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    _, f, g, o = _gates(x, h, kernel, recurrent_kernel, bias)
    c = layers.sigmoid(f) * c + np.tanh(g)
    return layers.sigmoid(o) * np.tanh(c), c


@lstm_step.mistake("everything read", "the cell is read whole: multiply its tanh by the gate o.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    _, c = lstm_step.reference(x, h, c, kernel, recurrent_kernel, bias)
    return np.tanh(c), c


@lstm_step.mistake("gates without a sigmoid", "the sums of i, f and o are no gates yet: they need a sigmoid.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    i, f, g, o = _gates(x, h, kernel, recurrent_kernel, bias)
    c = f * c + i * np.tanh(g)
    return o * np.tanh(c), c


@lstm_step.mistake(
    "1 - f for i", "the new value is multiplied by 1 - f here: it has a gate of its own, which is i."
)
def _(x, h, c, kernel, recurrent_kernel, bias):
    _, f, g, o = _gates(x, h, kernel, recurrent_kernel, bias)
    f = layers.sigmoid(f)
    c = f * c + (1 - f) * np.tanh(g)
    return layers.sigmoid(o) * np.tanh(c), c


@lstm_step.mistake("sigmoid of c", "the cell goes through a sigmoid before it is read: it is a tanh.")
def _(x, h, c, kernel, recurrent_kernel, bias):
    o = _gates(x, h, kernel, recurrent_kernel, bias)[3]
    _, c = lstm_step.reference(x, h, c, kernel, recurrent_kernel, bias)
    return layers.sigmoid(o) * layers.sigmoid(c), c


@lstm_step.mistake(
    "tanh in the cell", "the new c itself goes through a tanh: only what is read does, and c stays as it is."
)
def _(x, h, c, kernel, recurrent_kernel, bias):
    h, c = lstm_step.reference(x, h, c, kernel, recurrent_kernel, bias)
    return h, np.tanh(c)


@lstm_step.mistake(
    "every fourth column",
    "the columns are dealt out in turn, i, f, g, o, i, …: all columns of i come first, then all of f.",
)
def _(x, h, c, kernel, recurrent_kernel, bias):
    units = len(recurrent_kernel)
    order = np.arange(4 * units).reshape(units, 4).T.ravel()
    mixed = kernel[:, order], recurrent_kernel[:, order], bias[order]
    return lstm_step.reference(x, h, c, *mixed)


# three sentences under way, and four or five words: one sentence has the two best ways to go on
_PLAIN = (
    np.log([0.5, 0.3, 0.2]),
    np.log([[0.45, 0.40, 0.10, 0.05], [0.05, 0.15, 0.70, 0.10], [0.10, 0.05, 0.05, 0.80]]),
    2,
)
_WIDE = (
    np.log([0.30, 0.36, 0.04, 0.30]),
    np.log(
        [
            [0.10, 0.20, 0.30, 0.25, 0.15],
            [0.60, 0.02, 0.30, 0.05, 0.03],
            [0.96, 0.01, 0.01, 0.01, 0.01],
            [0.05, 0.07, 0.08, 0.50, 0.30],
        ]
    ),
    4,
)

_NARROW = np.log([0.35, 0.65]), np.log([[0.88, 0.12], [0.56, 0.44]]), 3


@exercise(
    question="Which sentences go on, and with which words, in one step of beam search, the likeliest first?",
    insight="Two ways on from one sentence can push another sentence out of the beam, although it was good so far.",
    tolerance=0,
    cases=[_PLAIN, _WIDE, _NARROW],
    hints=[
        "A sentence of two parts has the product of their probabilities. What does one do with their logarithms?",
        "`totals = scores[:, None] + log_probabilities` has a number for every sentence and every word. The "
        "`width` largest of *all* of them are wanted, not one per sentence.",
        "`best = np.argsort(-totals, axis=None)[:width]`, then `parents, words = np.unravel_index(best, "
        "totals.shape)`; return `list(parents), list(words)`.",
    ],
)
def beam_step(scores, log_probabilities, width):
    totals = scores[:, None] + log_probabilities
    best = np.argsort(-totals, axis=None)[:width]
    parents, words = np.unravel_index(best, totals.shape)
    return parents.tolist(), words.tolist()


@beam_step.mistake(
    "parents and words swapped", "these are the words and the sentences: sentences come first."
)
def _(scores, log_probabilities, width):
    return beam_step.reference(scores, log_probabilities, width)[::-1]


@beam_step.mistake(
    "one word for each sentence",
    "each sentence goes on with its best word: compare *all* ways to go on, and one sentence may have several.",
)
def _(scores, log_probabilities, width):
    totals = scores[:, None] + log_probabilities
    parents = np.argsort(-totals.max(axis=1))[:width]
    return parents.tolist(), totals[parents].argmax(axis=1).tolist()


@beam_step.mistake(
    "only the best sentence", "only the likeliest sentence goes on: one that is behind can still overtake it."
)
def _(scores, log_probabilities, width):
    best = int(scores.argmax())
    return [best] * width, np.argsort(-log_probabilities[best])[:width].tolist()


@beam_step.mistake(
    "scores so far forgotten", "the scores so far do not count: add them to the new log-probabilities."
)
def _(scores, log_probabilities, width):
    return beam_step.reference(0 * scores, log_probabilities, width)


@beam_step.mistake(
    "scores multiplied",
    "logarithms are multiplied here: a product of probabilities is a *sum* of logarithms.",
)
def _(scores, log_probabilities, width):
    totals = scores[:, None] * log_probabilities
    return tuple(
        part.tolist() for part in np.unravel_index(np.argsort(-totals, axis=None)[:width], totals.shape)
    )


@beam_step.mistake("likeliest last", "the order is turned round: the likeliest comes first.")
def _(scores, log_probabilities, width):
    return tuple(part[::-1] for part in beam_step.reference(scores, log_probabilities, width))


@beam_step.mistake(
    "least likely", "these are the least likely ways: `argsort` sorts upwards, so sort the negative totals."
)
def _(scores, log_probabilities, width):
    return beam_step.reference(-scores, -log_probabilities, width)


@beam_step.mistake("one only", "this is one way only: return `width` of them.")
def _(scores, log_probabilities, width):
    return beam_step.reference(scores, log_probabilities, 1)


@beam_step.mistake(
    "divided by the sentences",
    "place k of the flat table is sentence k // words and word k % words: divide by the number of *words*.",
)
def _(scores, log_probabilities, width):
    best = np.argsort(-(scores[:, None] + log_probabilities), axis=None)[:width]
    return (best // len(scores)).tolist(), (best % len(scores)).tolist()


@beam_step.mistake(
    "probabilities added",
    "probabilities are added here: a sentence of two parts has their *product*, which is a sum of logarithms.",
)
def _(scores, log_probabilities, width):
    totals = np.exp(scores)[:, None] + np.exp(log_probabilities)
    best = np.argsort(-totals, axis=None)[:width]
    return tuple(part.tolist() for part in np.unravel_index(best, totals.shape))


@beam_step.mistake(
    "a beam for each sentence",
    "each sentence goes on in `width` ways: `width` ways are wanted in all, from all sentences together.",
)
def _(scores, log_probabilities, width):
    words = np.argsort(-log_probabilities, axis=1)[:, :width]
    return np.repeat(np.arange(len(scores)), words.shape[1]).tolist(), words.ravel().tolist()


@beam_step.mistake(
    "order of the table", "these are the right ways in the order of the table: the likeliest comes first."
)
def _(scores, log_probabilities, width):
    totals = scores[:, None] + log_probabilities
    best = np.sort(np.argsort(-totals, axis=None)[:width])
    return tuple(part.tolist() for part in np.unravel_index(best, totals.shape))


def _grams(text, n):
    words = text.split()
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


@exercise(
    question="What is the clipped precision of a sentence's n-grams, given its references?",
    insight="Without clipping, “the the the the” would have a precision of 1 beside any sentence with a “the”.",
    cases=[
        (
            "the the the the the cat the mat",
            ("the cat is on a mat", "there is a cat on the mat the cat likes"),
            1,
        ),
        ("a lion a lion left of a bus", ("a lion left of a bus", "a lion is left of a lion near a bus"), 2),
        ("two two cats sat on two cats", ("two cats sat on two mats", "two dogs and two cats sat down"), 1),
    ],
    hints=[
        "Count each n-gram of the sentence. How often may it count, at most?",
        "As often as it occurs in that reference which has the most of it: the *largest* count over the references. "
        "The rest is clipped. Then divide by all n-grams of the sentence.",
        "With `Counter`: `allowed |= grams(reference)` takes the larger count of each, `found & allowed` the smaller. "
        "Then `(found & allowed).total() / found.total()`.",
    ],
)
def clipped_precision(said, references, n):
    from collections import Counter

    def grams(sentence):
        words = sentence.split()
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    allowed = Counter()
    for reference in references:
        allowed |= grams(reference)
    found = grams(said)
    return (found & allowed).total() / found.total()


@clipped_precision.mistake(
    "not clipped", "nothing is clipped: an n-gram counts only as often as one reference has it."
)
def _(said, references, n):
    found = _grams(said, n)
    known = set().union(*(_grams(reference, n) for reference in references))
    return sum(count for gram, count in found.items() if gram in known) / found.total()


@clipped_precision.mistake(
    "counts of references added",
    "the counts of all references are added up: take the largest count that *one* reference has.",
)
def _(said, references, n):
    allowed, found = sum((_grams(reference, n) for reference in references), Counter()), _grams(said, n)
    return (found & allowed).total() / found.total()


@clipped_precision.mistake(
    "clipped to one", "each n-gram counts once: it may count as often as a reference has it."
)
def _(said, references, n):
    found = _grams(said, n)
    known = set().union(*(_grams(reference, n) for reference in references))
    return len(known & set(found)) / found.total()


@clipped_precision.mistake(
    "different n-grams",
    "each different n-gram counts once above *and* below: count each as often as it is said.",
)
def _(said, references, n):
    found = set(_grams(said, n))
    return len(found & set().union(*(_grams(reference, n) for reference in references))) / len(found)


@clipped_precision.mistake("first reference only", "only the first reference counts: all of them are right.")
def _(said, references, n):
    return clipped_precision.reference(said, references[:1], n)


@clipped_precision.mistake("last reference only", "only the last reference counts: all of them are right.")
def _(said, references, n):
    return clipped_precision.reference(said, references[-1:], n)


@clipped_precision.mistake(
    "recall",
    "the matches are divided by the n-grams of the first reference, which is recall: divide by those of the sentence.",
)
def _(said, references, n):
    found = _grams(said, n).total()
    return clipped_precision.reference(said, references, n) * found / _grams(references[0], n).total()


@clipped_precision.mistake("number of matches", "this is the number of matches: divide it by all n-grams.")
def _(said, references, n):
    return clipped_precision.reference(said, references, n) * _grams(said, n).total()


@clipped_precision.mistake("per cent", "these are per cent: a precision is between 0 and 1.")
def _(said, references, n):
    return 100 * clipped_precision.reference(said, references, n)


@clipped_precision.mistake(
    "divided by the words",
    "the matches are divided by the number of words: a sentence of w words has w - n + 1 n-grams.",
)
def _(said, references, n):
    return clipped_precision.reference(said, references, n) * _grams(said, n).total() / len(said.split())


@clipped_precision.mistake(
    "best reference",
    "this is the best precision beside *one* reference: of each n-gram take the largest count of all references.",
)
def _(said, references, n):
    return max(clipped_precision.reference(said, [reference], n) for reference in references)


@clipped_precision.mistake(
    "mean over the references",
    "this is the mean over the references: of each n-gram take the largest count of all references.",
)
def _(said, references, n):
    return np.mean([clipped_precision.reference(said, [reference], n) for reference in references])


@clipped_precision.mistake(
    "smallest count", "the smallest count of all references is taken: take the largest of each n-gram."
)
def _(said, references, n):
    found = allowed = _grams(said, n)
    for reference in references:
        allowed = allowed & _grams(reference, n)
    return allowed.total() / found.total()


@clipped_precision.mistake("single words", "single words are counted here: an n-gram has `n` words.")
def _(said, references, n):
    return clipped_precision.reference(said, references, 1)


@clipped_precision.mistake(
    "characters", "characters are counted here: split each sentence into words, and take `n` words in a row."
)
def _(said, references, n):
    spaced = [" ".join(text.replace(" ", "_")) for text in (said, *references)]
    return clipped_precision.reference(spaced[0], spaced[1:], n)


@clipped_precision.mistake(
    "last n-gram missing", "the last n-gram is missing: a sentence of w words has w - n + 1 of them."
)
def _(said, references, n):
    shorter = [text.rpartition(" ")[0] for text in (said, *references)]
    return clipped_precision.reference(shorter[0], shorter[1:], n)


def _places(places, keys, values):
    return tuple(_rng.normal(0, 1.2, shape) for shape in ((keys,), (places, keys), (places, values)))


@exercise(
    question="What does a query see, (V,), at P places with keys (P, K) and values (P, V)?",
    insight="No place is chosen: each counts a little. So the answer has a gradient for the query and the keys.",
    cases=[_places(4, 2, 3), _places(3, 5, 3), _places(6, 1, 6)],
    hints=[
        "First a score for each place: the product of its key with the query, added up. Then a softmax.",
        "The softmax runs over the *places*, and its results add up to 1. They are the attention.",
        "`attention = layers.softmax(keys @ query)`, then the sum of attention times values: `attention @ values`.",
    ],
)
def attend(query, keys, values):
    return layers.softmax(keys @ query) @ values


@attend.mistake(
    "attention only", "this is the attention: what is seen is the mean of the values that it weighs."
)
def _(query, keys, values):
    return layers.softmax(keys @ query)


@attend.mistake("no softmax", "the scores themselves weigh the values: a softmax makes them shares of 1.")
def _(query, keys, values):
    return (keys @ query) @ values


@attend.mistake(
    "one place only", "this is the value at the place with the best score: every place counts a little."
)
def _(query, keys, values):
    return values[(keys @ query).argmax()]


@attend.mistake("every place alike", "this is the plain mean over the places: the query does not count.")
def _(query, keys, values):
    return values.mean(axis=0)


@attend.mistake(
    "divided by the sum", "the scores are divided by their sum: take a softmax, as scores may be negative."
)
def _(query, keys, values):
    scores = keys @ query
    return scores / scores.sum() @ values


@attend.mistake(
    "exp without a sum", "the weights are exp of the scores: divide them by their sum, as softmax does."
)
def _(query, keys, values):
    return np.exp(keys @ query) @ values


@attend.mistake(
    "softmax of the keys", "each key went through a softmax: it comes after the product with the query."
)
def _(query, keys, values):
    return layers.softmax(keys) @ query @ values


@attend.mistake("sum of the keys", "the keys are added up: multiply them by the query first.")
def _(query, keys, values):
    return layers.softmax(keys.sum(axis=1)) @ values


@attend.mistake(
    "least attention", "the place with the lowest score counts most: the sign of the scores is turned round."
)
def _(query, keys, values):
    return layers.softmax(-keys @ query) @ values


@attend.mistake(
    "divided by the places", "a softmax adds up to 1 already: do not divide by the number of places again."
)
def _(query, keys, values):
    return layers.softmax(keys @ query) @ values / len(keys)


@attend.mistake("keys weighed", "the attention weighs the keys here: it weighs the values.")
def _(query, keys, values):
    return layers.softmax(keys @ query) @ keys


@attend.mistake(
    "sigmoid", "each score went through a sigmoid here: the shares add up to 1 only after a softmax."
)
def _(query, keys, values):
    return layers.sigmoid(keys @ query) @ values


@attend.mistake(
    "divided by the root of K",
    "the scores are divided by the square root of K, as in a transformer: here they are not.",
)
def _(query, keys, values):
    return layers.softmax(keys @ query / np.sqrt(len(query))) @ values


@attend.mistake(
    "not added up", "each place's value is weighed, (P, V): what is seen is the sum over the places, (V,)."
)
def _(query, keys, values):
    return layers.softmax(keys @ query)[:, None] * values


@attend.mistake(
    "log of the attention", "the logarithm of the attention weighs the values: the attention itself does."
)
def _(query, keys, values):
    return layers.log_softmax(keys @ query) @ values
