"""Captions: BLEU against sacrebleu, beam search against trying everything, the decoder against Keras."""

import itertools

import keras
import numpy as np
import pytest
import sacrebleu
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convlab import networks, runs
from convlab.applications import captioning
from convlab.applications.captioning import BEGIN, END, PADDING, CharacterModel, NGrams, Vocabulary
from convlab.datasets import captions
from convlab.datasets.captions import Fact
from convlab.layers import log_softmax
from convlab.networks.captioning import Moments
from coursekit.measuring import record_captions

sentence = st.lists(st.sampled_from("abc"), min_size=1, max_size=7).map(" ".join)
pairs = st.lists(st.tuples(sentence, st.lists(sentence, min_size=1, max_size=3)), min_size=1, max_size=4)
seeds = st.integers(0, 2**32 - 1)
texts = st.text("abc", min_size=2, max_size=30)


@settings(max_examples=100)
@given(corpus=pairs, longest=st.integers(1, 4))
@example(corpus=[("a a a a a", ["a b", "a a c a"])], longest=1)  # clipped
@example(corpus=[("a b c", ["a b c a", "a b"])], longest=2)  # two references equally near in length
@example(corpus=[("a b", ["a b c a b c"])], longest=2)  # too short
def test_bleu_equals_sacrebleu(corpus, longest):
    said, references = zip(*corpus)
    metric = sacrebleu.BLEU(
        tokenize="none", smooth_method="none", force=True, max_ngram_order=longest, lowercase=False
    )
    streams = list(itertools.zip_longest(*references))  # None where a sentence has fewer references
    expected = metric.corpus_score(list(said), streams).score / 100
    assert captioning.bleu(said, references, longest) == pytest.approx(expected, abs=1e-9)


def test_bleu_of_papineni():
    """The example of the paper's section 2.1: a modified unigram precision of 2/7."""
    references = ["the cat is on the mat", "there is a cat on the mat"]
    assert captioning.bleu(["the the the the the the the"], [references], longest=1) == pytest.approx(2 / 7)


@pytest.mark.parametrize(("said", "references"), [(["a"], [[]]), (["a", "b"], [["a"]])])
def test_bleu_wants_a_reference_for_each_sentence(said, references):
    with pytest.raises(ValueError, match=f"{len(said)} sentences, {len(references)} lists"):
        captioning.bleu(said, references)


class Toy:
    """A decoder of random weights, whose next word depends on all words so far."""

    def __init__(self, seed, words):
        rng = np.random.default_rng(seed)
        self.vectors, self.turn, self.out = (
            rng.normal(0, 1.5, (n, m)) for n, m in ((words, 4), (4, 4), (4, words))
        )

    def step(self, words, state):
        h = np.tanh(state[0] @ self.turn + self.vectors[words])
        return log_softmax(h @ self.out), (h, state[1])

    def score(self, words):
        """The log-probability of a sentence, word by word."""
        state, total = (np.zeros((1, 4)), np.zeros((1, 4))), 0.0
        for before, word in itertools.pairwise((BEGIN, *words)):
            log_probabilities, state = self.step(np.array([before]), state)
            total += log_probabilities[0, word]
        return total


start = np.zeros((1, 4)), np.zeros((1, 4))


def complete(words, longest):
    """Every sentence that ends within `longest` words."""
    others = [word for word in range(words) if word != END]
    for length in range(longest):
        for before in itertools.product(others, repeat=length):
            yield (*before, END)


@settings(max_examples=25)
@given(seed=seeds)
def test_a_beam_that_leaves_nothing_out_finds_the_likeliest_sentences(seed):
    toy, words, longest = Toy(seed, 4), 4, 4
    every = sorted(complete(words, longest), key=toy.score, reverse=True)
    found = captioning.beam_search(toy.step, start, width=words**longest, longest=longest)
    ended = [way for way in found if way.words[-1] == END]
    assert [way.words for way in ended] == every
    assert [way.score for way in ended] == pytest.approx([toy.score(words) for words in every])


@settings(max_examples=25)
@given(seed=seeds, width=st.integers(1, 6))
def test_sentences_of_a_beam_have_their_scores_and_order(seed, width):
    toy = Toy(seed, 6)
    found = captioning.beam_search(toy.step, start, width, longest=5)
    assert 1 <= len(found) <= width and len({way.words for way in found}) == len(found)
    assert [way.score for way in found] == pytest.approx([toy.score(way.words) for way in found])
    order = [(way.words[-1] != END, -way.score) for way in found]
    assert order == sorted(order)


@settings(max_examples=25)
@given(seed=seeds)
def test_a_beam_of_one_is_greedy(seed):
    toy = Toy(seed, 6)
    (found,) = captioning.beam_search(toy.step, start, width=1, longest=5)
    said = captioning.greedy(toy.step, start, longest=5)[0]
    assert tuple(said[: len(found.words)]) == found.words
    assert (said[len(found.words) :] == PADDING).all()


def test_a_wider_beam_finds_what_greedy_misses():
    """The likeliest first word leads nowhere: 3 then END has .6·.4, 4 then END .4·.9."""
    table = np.full((5, 5), -30.0)
    table[BEGIN, [3, 4]], table[3, [END, 3, 4]], table[4, END] = (
        np.log([0.6, 0.4]),
        np.log([0.4, 0.3, 0.3]),
        np.log(0.9),
    )
    step = lambda words, state: (table[words], state)  # noqa: E731
    assert captioning.greedy(step, start)[0, :2].tolist() == [3, END]
    assert captioning.beam_search(step, start, width=2)[0].words == (4, END)


def test_greedy_stops_each_sentence_at_its_own_end():
    table = np.full((5, 5), -30.0)
    table[BEGIN, 3], table[3, 4], table[4, END] = 0, 0, 0
    states = np.array([[0.0], [1.0]]), np.zeros((2, 1))

    def step(words, state):
        rows = table[words].copy()
        rows[(words == 3) & (state[0][:, 0] == 1), END] = 1  # the second sentence ends earlier
        return rows, state

    assert captioning.greedy(step, states, longest=5).tolist() == [[3, 4, END, 0, 0], [3, END, 0, 0, 0]]


def test_a_beam_without_width_is_refused():
    with pytest.raises(ValueError, match="width 0"):
        captioning.beam_search(Toy(0, 4).step, start, width=0)


@pytest.fixture(scope="module", params=["captioner", "attentive_captioner"])
def trained(request):
    """A small captioner, trained a little on features that show the first thing."""
    keras.utils.set_random_seed(0)
    facts = captions.draw(48, seed=0, size=48).facts
    maps = np.random.default_rng(0).random((48, 3, 4, 12), "float32") / 100
    for image, fact in zip(maps, facts):
        image[:, :, captions.NOUNS.index(fact.noun)] += 0.3
    vocabulary = Vocabulary(captions.words())
    model = getattr(networks, request.param)(maps.shape[1:], len(vocabulary), units=16, embedded=12)
    run = captioning.fit(model, maps, facts, epochs=40, batch_size=16, learning_rate=2e-2)
    return model, maps, facts, vocabulary, run


def test_training_lowers_the_loss(trained):
    *_, run = trained
    losses = run.series("loss")
    assert len(losses) == 40 and losses[-1] < 0.7 * losses[0]
    assert run.settings["language"] == "en"


def test_the_decoder_in_numpy_equals_keras(trained):
    model, maps, facts, vocabulary, _ = trained
    words = vocabulary.encode([captions.sentences(fact)[2] for fact in facts])
    expected = log_softmax(model([maps, words], training=False).numpy())
    attentive = model.name == "attentive_captioner"
    decoder = captioning.AttentiveDecoder(model) if attentive else captioning.Decoder(model)
    state = decoder.begin(maps)
    for place in range(words.shape[1]):
        log_probabilities, state = decoder.step(words[:, place], state)
        np.testing.assert_allclose(log_probabilities, expected[:, place], rtol=1e-3, atol=1e-3)
    if attentive:
        looks = keras.Model(model.inputs, model.get_layer("attention").output[1])
        (*_, last) = np.asarray(looks([maps, words])).swapaxes(0, 1)
        np.testing.assert_allclose(decoder.attention.reshape(last.shape), last, rtol=1e-3, atol=1e-5)
        said, looked = captioning.attentions(decoder, maps[:1])
        assert said == [
            number for number in captioning.greedy(decoder.step, decoder.begin(maps[:1]))[0] if number
        ]
        np.testing.assert_allclose(looked.sum(axis=(1, 2)), 1, rtol=1e-4)
        assert looked.shape == (len(said), *maps.shape[1:3])


def test_a_word_depends_on_the_image_and_on_no_later_word(trained):
    model, maps, facts, vocabulary, _ = trained
    words = vocabulary.encode([captions.sentences(fact)[0] for fact in facts])
    before = model([maps, words], training=False).numpy()
    other = words.copy()
    other[:, 3:] = BEGIN
    after = model([maps, other], training=False).numpy()
    np.testing.assert_allclose(after[:, :3], before[:, :3], atol=1e-5)
    assert np.abs(after[:, 3:] - before[:, 3:]).max() > 1e-3
    assert np.abs(model([maps[::-1], words], training=False).numpy()[:, 0] - before[:, 0]).max() > 1e-3


def test_attention_cannot_ask_for_a_kind_of_thing():
    """Things that change places with others are looked at as those were, and named by the other name."""
    keras.utils.set_random_seed(1)
    model = networks.attentive_captioner((3, 4, 12), words=20, units=8)
    names = model.get_layer("names")
    names.table.assign(20 * np.eye(12, 20, dtype="float32"))  # word k is the name of thing k
    looks = keras.Model(model.inputs, model.get_layer("attention").output)
    maps = np.zeros((1, 3, 4, 12), "float32")
    maps[0, 0, 0, 3] = maps[0, 2, 3, 5] = 0.9  # one of thing 3, one of thing 5
    swapped = maps[..., [0, 1, 2, 7, 4, 9, 6, 3, 8, 5, 10, 11]]  # 7 in place of 3, 9 in place of 5
    (seen, where), (other_seen, other_where) = (
        [np.asarray(part) for part in looks([some, np.array([[15, 16]])])] for some in (maps, swapped)
    )
    np.testing.assert_allclose(where, other_where, atol=1e-6)
    np.testing.assert_allclose(seen[..., [3, 5]], other_seen[..., [7, 9]], atol=1e-6)
    np.testing.assert_allclose(seen[..., 12:], other_seen[..., 12:], atol=1e-6)


def test_what_has_been_named_is_kept():
    names = networks.captioning.Names(3, 5)
    names.table.assign([[9.0, 0, 0, 0, 0], [0, 9, 0, 0, 0], [0, 0, 9, 0, 0]])
    named = np.asarray(names(np.array([[3, 0, 4, 1]])))[0]
    assert named.argmax(axis=1).tolist()[1:3] == [0, 0]  # words 3 and 4 name nothing
    np.testing.assert_allclose(named[-1] - named[-1].min(), [1, 1, 0], atol=1e-3)
    np.testing.assert_allclose(names(np.eye(3, dtype="float32")[None], reverse=True)[0], names.table)


@pytest.mark.parametrize("rate", [0.0, 0.4, 1.0])
def test_words_are_left_out_in_training_alone(rate):
    words, layer = np.ones((50, 40), "int32"), networks.captioning.WordDropout(rate)
    assert (np.asarray(layer(words)) == 1).all()
    assert abs((np.asarray(layer(words, training=True)) == 0).mean() - rate) < 0.05


def test_features_are_those_of_squeezenet():
    images = captions.draw(3, seed=0, size=64).images
    maps = captioning.features(images, batch=2)
    squeezenet = networks.squeezenet()
    trunk = keras.Model(squeezenet.input, squeezenet.get_layer("fire5").output)
    expected = trunk(networks.pretrained.centred(images), training=False).numpy() / 100
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-4)


def test_a_finder_learns_where_the_middles_are():
    scenes = captions.draw(24, seed=0, size=64)
    targets = captioning._middles(scenes, (8, 8))
    for classes, boxes, labels in zip(targets, scenes.boxes, scenes.labels):
        for (x_min, y_min, x_max, y_max), label in zip(boxes, labels):
            assert classes[int((y_min + y_max) / 16), int((x_min + x_max) / 16)] == label
        assert (classes < 12).sum() == len(labels)
    shown = np.eye(13, dtype="float32")[targets]  # features in which it is easy to see
    keras.utils.set_random_seed(0)
    model = networks.finder((8, 8, 13), things=12, maps=32)
    run = captioning.fit_finder(model, shown, scenes, epochs=30, batch_size=8, learning_rate=1e-2)
    found = captioning.find(model, shown)
    assert found.shape == (24, 8, 8, 12) and run.series("loss")[-1] < 0.2 * run.series("loss")[0]
    assert np.mean(found.argmax(axis=3)[targets < 12] == targets[targets < 12]) > 0.9


def test_a_mirrored_scene_has_the_mirrored_fact():
    facts = [Fact(1, "lion", "left", 2, "bus"), Fact(1, "lion", "above", 2, "bus")]
    mirrored = [Fact(2, "bus", "left", 1, "lion"), facts[1]]
    assert [captioning._mirrored(fact) for fact in facts] == mirrored


def test_moments_say_how_much_and_where():
    maps = np.random.default_rng(0).random((2, 3, 5, 4)).astype("float32")
    y, x = np.meshgrid(np.linspace(-1, 1, 3), np.linspace(-1, 1, 5), indexing="ij")
    expected = [(maps * place[None, :, :, None]).sum(axis=(1, 2)) for place in (np.ones_like(x), x, y)]
    np.testing.assert_allclose(Moments()(maps), np.concatenate(expected, axis=1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("language", captions.LANGUAGES)
def test_a_vocabulary_reads_back_what_it_wrote(language):
    vocabulary = Vocabulary(captions.words(language))
    said = [sentence for fact in captions.facts()[::97] for sentence in captions.sentences(fact, language)]
    numbers = vocabulary.encode(said)
    assert [vocabulary.decode(row[1:]) for row in numbers] == said
    assert (numbers[:, 0] == BEGIN).all() and ((numbers == END).sum(axis=1) == 1).all()
    for row in numbers:
        assert (row[list(row).index(END) + 1 :] == PADDING).all()


def test_a_word_that_is_unknown_is_named():
    for word in ("zoo", "<end>"):
        with pytest.raises(ValueError, match=f"'{word}' is none of the 1 words"):
            Vocabulary(["lion"]).encode([f"lion {word}"])


def test_scores_count_each_fact():
    truth = Fact(2, "lion", "left", 1, "bus")
    said = [
        "two lions left of a bus",
        "a bus right of two lions",  # the same, said the other way round
        "three lions left of a bus",
        "two lions above a bus",
        "a bus left of two lions",  # the things have changed places
        "lion lion lion",
    ]
    found = captioning.scores(said, [truth] * 6)
    assert found.facts == pytest.approx((5 + 5 + 4 + 4 + 1 + 0) / 30)
    assert (found.scenes, found.grammatical) == (pytest.approx(2 / 6), pytest.approx(5 / 6))
    assert found.facts_in_grammar == pytest.approx((5 + 5 + 4 + 4 + 1) / 25)  # "lion lion lion" is apart
    assert np.isnan(captioning.scores(["lion lion lion"], [truth]).facts_in_grammar)
    with pytest.raises(ValueError, match="1 captions for 2 scenes"):
        captioning.scores(["a lion"], [truth, truth])


@settings(max_examples=30)
@given(
    text=st.text("abc", min_size=2, max_size=30), context=st.text("abc", max_size=4), order=st.integers(1, 4)
)
def test_probabilities_of_ngrams_add_up_to_one(text, context, order):
    model = NGrams(text, order)
    assert sum(model.probability(context, character) for character in set(text)) == pytest.approx(1)


def test_ngrams_are_counted_by_hand():
    """In abac, after a: b once, c once; three characters, of which a is two of four."""
    model = NGrams("abac", order=2, weight=1)
    p_c = (1 + 1 / 3) / (4 + 1)
    assert model.probability("", "c") == pytest.approx(p_c)
    assert model.probability("xa", "c") == pytest.approx((1 + p_c) / (2 + 1))
    assert model.perplexity("ac") == pytest.approx(1 / model.probability("a", "c"))
    assert model.perplexity("ac", order=1) == pytest.approx(1 / p_c)


def test_a_character_model_learns_what_repeats():
    text = "to be, or not to be? " * 60
    model = CharacterModel(units=24, embedded=8, seed=0)
    before = model.perplexity(text)
    losses = list(model.fit(text, updates=300, batch=8, steps=16, learning_rate=2e-2))
    assert len(losses) == 300
    assert before == pytest.approx(len(CharacterModel.CHARACTERS), rel=0.1)
    assert model.perplexity(text) < 1.3
    assert model.sample(30, seed=0, temperature=0.3, begin="to be, or") == model.sample(
        30, seed=0, temperature=0.3, begin="to be, or"
    )
    assert "not to be?" in model.sample(40, seed=0, temperature=0.3, begin="to be, or")


def test_what_a_character_model_does_not_know_is_named():
    model = CharacterModel(units=2, embedded=2)
    with pytest.raises(ValueError, match="'7é' are not among"):
        model.encode("café 7")
    with pytest.raises(ValueError, match="100 characters are too few for 10 pieces of over 20"):
        next(model.fit("a" * 100, updates=1, batch=10, steps=20))


def test_plain_characters_are_those_of_the_model():
    said = ["A film, isn't it?", "Café", "Two\nlines", "90 minutes", " Good!  "]
    assert captioning.plain_characters(said) == ["a film, isn't it?", "good!"]


def test_attention_on_what_is_named_and_on_what_is_not():
    scenes = captions.draw(6, seed=3)
    inside = np.stack(
        [captioning._inside(*there, (96, 96), (6, 12, 12, 12)) for there in zip(scenes.boxes, scenes.labels)]
    )
    for row, boxes, labels in zip(inside, scenes.boxes, scenes.labels):
        for (x_min, y_min, x_max, y_max), label in zip(boxes, labels):
            assert row[int((y_min + y_max) / 16), int((x_min + x_max) / 16), label]

    class Looks:
        """Attention on one thing of each scene, whatever is said."""

        def __init__(self, which):
            self.attention = np.stack([row[..., labels[which]] for row, labels in zip(inside, scenes.labels)])
            self.attention = self.attention / self.attention.sum(axis=(1, 2), keepdims=True)

        def begin(self, maps):
            return ()

        def step(self, words, state):
            return None, state

    maps = np.zeros((6, 12, 12, 12), "float32")
    for which in (0, -1):  # each of the two things is named once
        found = captioning.attention_on_things(Looks(which), maps, scenes)
        assert found.words == 12 and 0 < found.area < 0.5
        assert found.named >= 0.5 and found.named + found.other == pytest.approx(1)


def test_a_recording_of_captions_is_stored(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(captions, "LANGUAGES", ("en",))
    task = record_captions.CaptionTask(to_find=32, finder_epochs=1, scenes=32, epochs=1, tests=3, maps=4)
    line = record_captions.record("tiny", task, 0, tmp_path / "c" / "tiny.npz", tmp_path)
    assert line.startswith("tiny, seed 0: right facts of unseen pairs, en ")
    run = runs.load(tmp_path / "runs" / "captions" / "tiny-seed0.json")
    assert set(run.test) == {"finder"} | {f"{network}-en" for network in record_captions.MODELS}
    attentive = run.test["attentive_captioner-en"]["unseen"]
    assert (
        set(attentive) == {*captioning.Scores._fields, "beam", "attention"}
        and attentive["attention"]["words"] == 6
    )
    assert not (tmp_path / "c" / "tiny.npz").exists()
    assert record_captions.main([]) == 0 and "captions" in capsys.readouterr().out
