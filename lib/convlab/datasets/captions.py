"""Scenes with sentences that say what is in them, in English, Korean and Japanese. Lesson 20.

A scene shows one kind of thing left of another, or above it: "a lion left of two apples". A small grammar
says the same fact in several ways. Some pairs of things never meet in training scenes, and only such pairs
are in the unseen ones: who describes those has learned words, not scenes by heart.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from convlab.datasets import scenes

__all__ = [
    "HELD_OUT",
    "LANGUAGES",
    "MOST",
    "NOUNS",
    "RELATIONS",
    "Captioned",
    "Fact",
    "draw",
    "fact_of",
    "facts",
    "nouns",
    "sentences",
    "words",
]

LANGUAGES = ("en", "ko", "ja")
RELATIONS = ("left", "above")
MOST = 3  # things of one kind in a scene
LAYOUTS, PLACES = 10, 10  # layouts tried before things are made smaller; places tried for each thing


class Noun(NamedTuple):
    """A noun: its English plural, how it is counted in Korean and Japanese, and its verb in Japanese."""

    plural: str
    ko: str  # the counting word
    ja: tuple[str, ...]  # one, two, three of them
    verb: str


ANIMAL, THING = (("一匹", "二匹", "三匹"), "いる"), (("一つ", "二つ", "三つ"), "ある")
FLOWER, VEHICLE = (("一本", "二本", "三本"), "ある"), (("一台", "二台", "三台"), "ある")
_NOUNS = {
    "lion": Noun("lions", "마리", *ANIMAL),
    "elephant": Noun("elephants", "마리", *ANIMAL),
    "zebra": Noun("zebras", "마리", *ANIMAL),
    "frog": Noun("frogs", "마리", *ANIMAL),
    "rabbit": Noun("rabbits", "마리", *ANIMAL),
    "rooster": Noun("roosters", "마리", *ANIMAL),
    "apple": Noun("apples", "개", *THING),
    "banana": Noun("bananas", "개", *THING),
    "orange": Noun("oranges", "개", *THING),
    "rose": Noun("roses", "송이", *FLOWER),
    "bus": Noun("buses", "대", *VEHICLE),
    "guitar": Noun("guitars", "대", *THING),
}
NOUNS = tuple(_NOUNS)
"""The things that scenes show, by their English names."""

HELD_OUT = frozenset(
    frozenset((a, b)) for i, a in enumerate(NOUNS) for j, b in enumerate(NOUNS) if i < j and (i + j) % 6 == 5
)
"""The 12 of 66 pairs that no training scene has; each thing is in two of them."""


class Fact(NamedTuple):
    """What a scene shows: so many of one thing, "left" of or "above" so many of another."""

    number: int
    noun: str
    relation: str
    other_number: int
    other_noun: str


@dataclass(frozen=True, eq=False)
class Captioned:
    """Scenes and what they show.

    Attributes:
        images: (N, H, W, 3) uint8. facts: for each image its `Fact`; `sentences` says it in words. boxes:
        for each image float (n, 4): x_min, y_min, x_max, y_max in pixels, the first kind of thing first.
        labels: for each image int64 (n,), numbers into `NOUNS`. unseen: whether these are pairs of things
        that are held out of training.
    """

    images: np.ndarray = field(repr=False)
    facts: tuple[Fact, ...] = field(repr=False)
    boxes: tuple[np.ndarray, ...] = field(repr=False)
    labels: tuple[np.ndarray, ...] = field(repr=False)
    unseen: bool

    def __len__(self) -> int:
        return len(self.images)


def draw(n: int, seed: int, unseen: bool = False, size: int = 96) -> Captioned:
    """Return `n` scenes for training or, if `unseen`, of pairs of things that are in no training scene.

    The same arguments draw the same scenes. No thing hides another. ValueError for less than one scene and
    for a size below 48 pixels.

    >>> drawn = draw(2, seed=0)
    >>> drawn.images.shape, sentences(drawn.facts[0])[0]
    ((2, 96, 96, 3), 'three buses above a zebra')
    """
    if n < 1:
        raise ValueError(f"cannot draw {n} scenes: ask for 1 or more")
    if size < 48:
        raise ValueError(f"a scene of {size}x{size} is too small: it needs 48 pixels or more")
    rng = np.random.Generator(np.random.PCG64(seed))
    possible = facts(unseen)
    chosen = tuple(possible[i] for i in rng.integers(len(possible), size=n))
    images = np.empty((n, size, size, 3), np.uint8)
    boxes, labels = [], []
    for i, fact in enumerate(chosen):
        images[i] = scenes.background(size, size, rng)
        boxes.append(_show(images[i], fact, rng))
        nouns = [fact.noun] * fact.number + [fact.other_noun] * fact.other_number
        labels.append(np.array([NOUNS.index(noun) for noun in nouns], np.int64))
    return Captioned(images, chosen, tuple(boxes), tuple(labels), unseen)


@cache
def facts(unseen: bool = False) -> tuple[Fact, ...]:
    """Return every fact that a training scene can show or, if `unseen`, every fact of the pairs held out.

    >>> len(facts()), len(facts(unseen=True))
    (1944, 432)
    """
    counts = range(1, MOST + 1)
    return tuple(
        Fact(count, noun, relation, other_number, other)
        for noun in NOUNS
        for other in NOUNS
        if noun != other and (frozenset((noun, other)) in HELD_OUT) == unseen
        for relation in RELATIONS
        for count in counts
        for other_number in counts
    )


# --- in words


def sentences(fact: Fact, language: str = "en") -> tuple[str, ...]:
    """Return all sentences of the grammar that say a fact, the shortest first; words are parted by spaces.

    ValueError for a language other than "en", "ko" and "ja".

    >>> fact = Fact(1, "lion", "left", 2, "apple")
    >>> sentences(fact)[0]
    'a lion left of two apples'
    >>> sentences(fact, "ko")[0], sentences(fact, "ja")[0]
    ('사과 두 개 왼쪽에 사자 한 마리가 있다', 'リンゴ 二つ の 左 に ライオン 一匹 が いる')
    """
    if language not in LANGUAGES:
        raise ValueError(f"no sentences in {language!r}: choose from {', '.join(LANGUAGES)}")
    return {"en": _english, "ko": _korean, "ja": _japanese}[language](fact)


@cache
def _known(language):
    """Return the fact that each sentence says."""
    return {said: fact for fact in facts() + facts(unseen=True) for said in sentences(fact, language)}


def fact_of(sentence: str, language: str = "en") -> Fact | None:
    """Return the fact that a sentence says; None if no sentence of the grammar is like it.

    >>> fact_of("two apples to the right of a lion")
    Fact(number=1, noun='lion', relation='left', other_number=2, other_noun='apple')
    """
    return _known(language).get(" ".join(sentence.split()))


def words(language: str = "en") -> tuple[str, ...]:
    """Return every word of the grammar, sorted.

    >>> len(words()), "lion" in words(), "사자" in words("ko"), "ライオン" in words("ja")
    (40, True, True, True)
    """
    return tuple(sorted({word for said in _known(language) for word in said.split()}))


def nouns(language: str = "en") -> tuple[tuple[int, str], ...]:
    """Return each word that names a thing with the thing's number in `NOUNS`, plurals as well.

    >>> nouns()[:2], nouns("ko")[0]
    (((0, 'lion'), (0, 'lions')), (0, '사자'))
    """
    if language == "en":
        return tuple((i, name) for i, noun in enumerate(NOUNS) for name in (noun, _NOUNS[noun].plural))
    return tuple((i, _name(noun, language)) for i, noun in enumerate(NOUNS))


def _english(fact):
    one, other = _english_phrase(fact.number, fact.noun), _english_phrase(fact.other_number, fact.other_noun)
    is_one, is_other = ("is" if count == 1 else "are" for count in (fact.number, fact.other_number))
    if fact.relation == "left":
        return (
            f"{one} left of {other}",
            f"{other} right of {one}",
            f"{one} to the left of {other}",
            f"{other} to the right of {one}",
            f"there {is_one} {one} left of {other}",
            f"there {is_other} {other} right of {one}",
        )
    return (
        f"{one} above {other}",
        f"{one} over {other}",
        f"{other} below {one}",
        f"{other} under {one}",
        f"there {is_one} {one} above {other}",
        f"there {is_other} {other} below {one}",
    )


def _english_phrase(count, noun):
    if count == 1:
        return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    return f"{('two', 'three')[count - 2]} {_NOUNS[noun].plural}"


def _korean(fact):
    one, other = _korean_phrase(fact.number, fact.noun), _korean_phrase(fact.other_number, fact.other_noun)
    here, there = ("왼쪽", "오른쪽") if fact.relation == "left" else ("위", "아래")
    return (  # every counting word here ends in a vowel, and so takes 가
        f"{other} {here}에 {one}가 있다",
        f"{one} {there}에 {other}가 있다",
        f"{one}가 {other} {here}에 있다",
        f"{other}가 {one} {there}에 있다",
    )


def _korean_phrase(count, noun):
    return f"{_name(noun, 'ko')} {('한', '두', '세')[count - 1]} {_NOUNS[noun].ko}"


def _japanese(fact):
    one, other = (
        _japanese_phrase(fact.number, fact.noun),
        _japanese_phrase(fact.other_number, fact.other_noun),
    )
    here, there = ("左", "右") if fact.relation == "left" else ("上", "下")
    is_one, is_other = _NOUNS[fact.noun].verb, _NOUNS[fact.other_noun].verb
    return (
        f"{other} の {here} に {one} が {is_one}",
        f"{one} の {there} に {other} が {is_other}",
        f"{one} が {other} の {here} に {is_one}",
        f"{other} が {one} の {there} に {is_other}",
    )


def _japanese_phrase(count, noun):
    return f"{_name(noun, 'ja')} {_NOUNS[noun].ja[count - 1]}"


def _name(noun, language):
    """Return a thing's name in Korean or Japanese, as its stamps have it."""
    return getattr(_stamps(noun)[0], language)


@cache
def _stamps(noun):
    return [stamp for stamp in scenes.stamps() if stamp.en == noun]


# --- in pixels


def _show(image, fact, rng):
    """Lay the things of a fact on an image, in place; return their boxes (n, 4)."""
    side, boxes = len(image) * rng.uniform(0.24, 0.32), None
    while boxes is None:  # smaller things always fit at last
        cuts = [
            _cuts(noun, count, side, rng)
            for noun, count in ((fact.noun, fact.number), (fact.other_noun, fact.other_number))
        ]
        sizes = [[pixels.shape[1::-1] for pixels in group] for group in cuts]
        for _ in range(LAYOUTS):
            boxes = boxes or _layout(sizes, fact.relation, len(image), rng)
        side *= 0.9
    for pixels, (left, top, _, _) in zip(cuts[0] + cuts[1], boxes):
        scenes.lay(image, pixels, top, left, light=rng.uniform(0.85, 1.15))
    return np.array(boxes, float)


def _cuts(noun, count, side, rng):
    """Return `count` photographs of a thing, about `side` pixels long."""
    stamps = _stamps(noun)
    chosen = [stamps[rng.integers(len(stamps))] for _ in range(count)]
    return [scenes.cut(stamp, side * rng.uniform(0.85, 1.15), bool(rng.integers(2))) for stamp in chosen]


def _layout(sizes, relation, size, rng):
    """Return boxes of things at random places that say a relation and no other; None if they were not found.

    The first group is on the left or upper side of a line, the second on the other. Across it they overlap,
    so that nobody can say that one is above the other, too. No two boxes meet.
    """
    line, boxes = int(size * rng.uniform(0.4, 0.6)), []
    for (begin, end), group in zip(((0, line), (line, size)), sizes):
        for width, height in group:
            space = (begin, 0, end, size) if relation == "left" else (0, begin, size, end)
            box = _free_box(space, width, height, boxes, rng)
            if box is None:
                return None
            boxes.append(box)
    low, high = (1, 3) if relation == "left" else (0, 2)
    first, second = boxes[: len(sizes[0])], boxes[len(sizes[0]) :]
    apart = min(box[low] for box in first) >= max(box[high] for box in second)
    apart = apart or min(box[low] for box in second) >= max(box[high] for box in first)
    return None if apart else boxes


def _free_box(space, width, height, boxes, rng):
    """Return a box of a size at a random place within a space that meets no other box; None if not found."""
    x_min, y_min, x_max, y_max = space
    if x_max - x_min < width or y_max - y_min < height:
        return None
    for x, y in rng.random((PLACES, 2)).tolist():
        left = x_min + int(x * (x_max - x_min - width + 1))
        top = y_min + int(y * (y_max - y_min - height + 1))
        if all(left >= b[2] or b[0] >= left + width or top >= b[3] or b[1] >= top + height for b in boxes):
            return left, top, left + width, top + height
    return None
