"""Sentences as tokens, and tokens as whole numbers, which networks take (lesson 21)."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["PADDING", "UNKNOWN", "Vocabulary", "tokens"]

PADDING, UNKNOWN = 0, 1
"""The numbers of what fills a short sentence up, and of every word that is not in the vocabulary."""

_OTHER = re.compile(r"[^a-z0-9(),!?'`]")  # becomes a space
_ENDING = re.compile(r"('s|'ve|n't|'re|'d|'ll)")
_MARK = re.compile(r"([,!()?])")


def tokens(sentence: str) -> list[str]:
    """Return the words and marks of an English sentence, in small letters (lesson 21).

    The rules are those of the code that Kim published with his paper of 2014: other marks, such as full stops
    and dashes, are left out, and endings as in "isn't" become tokens of their own.

    >>> tokens("It isn't Chaplin's best film, but who cares?")
    ['it', 'is', "n't", 'chaplin', "'s", 'best', 'film', ',', 'but', 'who', 'cares', '?']
    """
    spaced = _ENDING.sub(r" \1", _OTHER.sub(" ", sentence.lower()))
    return _MARK.sub(r" \1 ", spaced).split()


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words and their numbers: 0 is padding, 1 is every unknown word, and the words follow from 2 on.

    Attributes:
        words: the known words; word i has the number i + 2.

    >>> vocabulary = Vocabulary.of([["a", "good", "film"], ["a", "bad", "film"]], least=2)
    >>> vocabulary.words, len(vocabulary)
    (('a', 'film'), 4)
    >>> vocabulary.encode([["a", "new", "film"], ["film"]])
    array([[2, 1, 3],
           [3, 0, 0]], dtype=int32)
    """

    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]], least: int = 1) -> "Vocabulary":
        """Return the vocabulary of tokenised texts: the words that occur `least` times or more.

        The most frequent word comes first, words that are equally frequent in the order of the alphabet.
        """
        counts = Counter(word for text in texts for word in text)
        known = [word for word, count in counts.items() if count >= least]
        return cls(tuple(sorted(known, key=lambda word: (-counts[word], word))))

    def __len__(self) -> int:
        return len(self.words) + 2

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, start=2)}

    def encode(self, texts: Sequence[Sequence[str]], length: int | None = None) -> np.ndarray:
        """Return the numbers of tokenised texts, (N, T) int32, filled up with `PADDING` at their end.

        `length` is T; by default that of the longest text. ValueError if a text is longer: nothing is cut
        off unseen.
        """
        longest = max((len(text) for text in texts), default=0)
        length = longest if length is None else length
        if longest > length:
            raise ValueError(f"a text of {longest} tokens does not fit {length}: take a length of {longest}")
        encoded = np.full((len(texts), length), PADDING, np.int32)
        for row, text in zip(encoded, texts):
            row[: len(text)] = [self._numbers.get(word, UNKNOWN) for word in text]
        return encoded

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the words of numbers: "" for padding and "…" for an unknown word.

        >>> Vocabulary(("a", "film")).decode([2, 1, 3, 0])
        ['a', '…', 'film', '']
        """
        return [("", "…", *self.words)[number] for number in numbers]
