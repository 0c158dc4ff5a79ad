"""Captions: what a sentence says is what its scene shows, in three languages, and unseen pairs are unseen."""

import itertools

import numpy as np
import pytest

from convlab.datasets import captions, scenes
from convlab.datasets.captions import Fact


@pytest.fixture(scope="module", params=[48, 96])
def drawn(request):
    return captions.draw(60, seed=1, size=request.param)


def test_a_scene_shows_what_its_fact_says(drawn):
    """By its boxes alone: how many of which kind, on which side, and on no other side as well."""
    for fact, boxes, labels in zip(drawn.facts, drawn.boxes, drawn.labels):
        nouns = [captions.NOUNS[label] for label in labels]
        assert nouns == [fact.noun] * fact.number + [fact.other_noun] * fact.other_number
        first, second = boxes[: fact.number], boxes[fact.number :]
        along = 0 if fact.relation == "left" else 1
        across = 1 - along
        assert first[:, along + 2].max() <= second[:, along].min()
        assert first[:, across].min() < second[:, across + 2].max()
        assert second[:, across].min() < first[:, across + 2].max()


def test_nothing_hides_another_thing_or_leaves_the_scene(drawn):
    size = drawn.images.shape[1]
    for boxes in drawn.boxes:
        assert boxes.min() >= 0 and boxes.max() <= size
        cover = np.zeros((size, size), int)
        for x_min, y_min, x_max, y_max in boxes.astype(int):
            cover[y_min:y_max, x_min:x_max] += 1
        assert cover.max() == 1


def test_a_box_holds_a_photograph_and_its_surroundings_do_not(monkeypatch):
    """On a black background, all that is not black lies in the boxes, and touches each side of each."""
    monkeypatch.setattr(scenes, "background", lambda h, w, rng: np.zeros((h, w, 3), np.uint8))
    monkeypatch.setattr(
        captions.scenes, "lay", lambda image, pixels, top, left, light: paint(image, pixels, top, left)
    )
    drawn = captions.draw(20, seed=2)
    for image, boxes in zip(drawn.images, drawn.boxes):
        seen = image[..., 0] > 0
        for x_min, y_min, x_max, y_max in boxes.astype(int):
            inside = seen[y_min:y_max, x_min:x_max]
            assert inside[[0, -1]].any(axis=1).all() and inside[:, [0, -1]].any(axis=0).all()
            seen[y_min:y_max, x_min:x_max] = False
        assert not seen.any()


def paint(image, pixels, top, left):
    """Paint the opaque pixels white."""
    window = image[top : top + pixels.shape[0], left : left + pixels.shape[1]]
    window[pixels[..., 3] > scenes.OPAQUE // 2] = 255


@pytest.mark.parametrize("language", captions.LANGUAGES)
def test_each_sentence_says_one_fact(language):
    """Read every sentence of the grammar back: none is said of two facts."""
    every = captions.facts() + captions.facts(unseen=True)
    said = [(sentence, fact) for fact in every for sentence in captions.sentences(fact, language)]
    assert len({sentence for sentence, _ in said}) == len(said)
    assert all(captions.fact_of(sentence, language) == fact for sentence, fact in said[::7])
    assert len({len(captions.sentences(fact, language)) for fact in every}) == 1


def test_sentences_as_a_person_would_say_them():
    assert captions.sentences(Fact(1, "elephant", "above", 3, "bus"))[::2] == (
        "an elephant above three buses",
        "three buses below an elephant",
        "there is an elephant above three buses",
    )
    assert captions.sentences(Fact(2, "bus", "left", 1, "orange"))[4:] == (
        "there are two buses left of an orange",
        "there is an orange right of two buses",
    )
    assert captions.sentences(Fact(1, "rose", "above", 3, "bus"), "ko")[:2] == (
        "버스 세 대 위에 장미 한 송이가 있다",
        "장미 한 송이 아래에 버스 세 대가 있다",
    )
    assert captions.sentences(Fact(3, "frog", "left", 1, "guitar"), "ja")[:2] == (
        "ギター 一つ の 左 に カエル 三匹 が いる",
        "カエル 三匹 の 右 に ギター 一つ が ある",
    )


def test_korean_counting_words_end_in_a_vowel():
    """The particle 가 follows a vowel; after a consonant it would be 이."""
    for noun in captions._NOUNS.values():
        assert (ord(noun.ko[-1]) - ord("가")) % 28 == 0


def test_what_is_no_sentence_says_nothing():
    for sentence in ("", "a lion", "a lion left of", "two lion left of a bus", "a lion left of a lion"):
        assert captions.fact_of(sentence) is None
    assert captions.fact_of("  a lion left  of a bus\n") == Fact(1, "lion", "left", 1, "bus")
    with pytest.raises(ValueError, match="no sentences in 'fr': choose from en, ko, ja"):
        captions.sentences(Fact(1, "lion", "left", 1, "bus"), "fr")


def test_pairs_held_out_are_in_no_training_scene():
    train, unseen = captions.draw(300, seed=0, size=48), captions.draw(100, seed=0, unseen=True, size=48)
    pairs = [{frozenset((fact.noun, fact.other_noun)) for fact in data.facts} for data in (train, unseen)]
    assert not pairs[0] & captions.HELD_OUT and pairs[1] <= captions.HELD_OUT
    assert (train.unseen, unseen.unseen) == (False, True)


def test_each_thing_is_known_from_training_and_asked_for_in_unseen_pairs():
    for noun in captions.NOUNS:
        assert sum(noun in pair for pair in captions.HELD_OUT) == 2
        for unseen in (False, True):
            mine = [fact for fact in captions.facts(unseen) if fact.noun == noun]
            assert {(fact.number, fact.relation) for fact in mine} == set(
                itertools.product((1, 2, 3), captions.RELATIONS)
            )


def test_every_word_of_unseen_scenes_is_in_training_sentences():
    for language in captions.LANGUAGES:
        train, unseen = (
            {
                word
                for fact in captions.facts(held)
                for said in captions.sentences(fact, language)
                for word in said.split()
            }
            for held in (False, True)
        )
        assert unseen <= train == set(captions.words(language))


def test_every_thing_has_photographs():
    assert all(captions._stamps(noun) for noun in captions.NOUNS)


def test_a_seed_draws_the_same_and_another_draws_others(drawn):
    size = drawn.images.shape[1]
    again, other = captions.draw(60, seed=1, size=size), captions.draw(60, seed=2, size=size)
    assert np.array_equal(drawn.images, again.images) and drawn.facts == again.facts
    assert drawn.facts != other.facts and len(drawn) == 60


@pytest.mark.parametrize(
    "arguments, words", [({"n": 0}, "cannot draw 0"), ({"size": 40}, "40x40 is too small")]
)
def test_impossible_wishes_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        captions.draw(**{"n": 1, "seed": 0} | arguments)
