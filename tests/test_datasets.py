"""The data rooms: every source in its order, every fault named, nothing half-written, no server asked twice.

The tests use tiny data sets under the real names: `room` puts their digests, and the addresses of a
server on this machine into the table of what is published.
"""

import gzip
import http.server
import importlib.metadata
import io
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import types
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convlab import datasets
from convlab.datasets import Original, drawn

NAMES = ("mnist", "fashion_mnist", "cifar10")
REAL = dict(datasets.PUBLISHED)
IDX_FILES = [
    f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
]
ARCHIVE = "cifar-10-binary.tar.gz"


# --- tiny data sets, in every form


def tiny(name, seed=0):
    """Return a tiny data set: 50 training images, as CIFAR-10 has five batches, and 7 test images."""
    rng = np.random.default_rng([NAMES.index(name), seed])
    shape = REAL[name].image_shape
    return {
        "x_train": rng.integers(0, 256, (50, *shape), np.uint8),
        "y_train": rng.integers(0, 10, 50),
        "x_test": rng.integers(0, 256, (7, *shape), np.uint8),
        "y_test": rng.integers(0, 10, 7),
    }


def idx(array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def idx_files(arrays):
    parts = [arrays["x_train"][..., 0], arrays["y_train"], arrays["x_test"][..., 0], arrays["y_test"]]
    return {f"{file}.gz": gzip.compress(idx(part), 1) for file, part in zip(IDX_FILES, parts)}


def records(images, labels):
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.column_stack([labels.astype(np.uint8), planes]).tobytes()


def archive(arrays, planted=()):
    """Return a small cifar-10-binary.tar.gz, with further members (name, content) before the true ones."""
    whole = zip(arrays["x_train"].reshape(5, 10, 32, 32, 3), arrays["y_train"].reshape(5, 10))
    members = [(f"data_batch_{i}.bin", records(*batch)) for i, batch in enumerate(whole, 1)]
    members.append(("test_batch.bin", records(arrays["x_test"], arrays["y_test"])))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for name, content in [
            *planted,
            *((f"cifar-10-batches-bin/{file}", content) for file, content in members),
        ]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def npz(arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def originals(name, arrays):
    """Return the files, name to content, as the publisher of the data set would offer them."""
    if name == "mnist":
        return {
            "mnist.npz": npz(
                arrays | {"x_train": arrays["x_train"][..., 0], "x_test": arrays["x_test"][..., 0]}
            )
        }
    return idx_files(arrays) if name == "fashion_mnist" else {ARCHIVE: archive(arrays)}


# --- a server on this machine, and a room to work in


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.server.asked.append(("HEAD", self.path))
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.server.asked.append(("GET", self.path))
        content = self.server.files.get(self.path[1:])
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", len(content or b""))
        self.end_headers()
        if content:
            self.wfile.write(content[: self.server.stop_after])
            self.wfile.flush()
            self.server.resume.wait(60)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """Serve `server.files`; `stop_after` cuts them short, and a cleared `resume` holds the connection."""
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.files, httpd.asked, httpd.stop_after, httpd.resume = {}, [], None, threading.Event()
    httpd.resume.set()
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,))
    thread.start()
    yield httpd
    httpd.resume.set()
    httpd.shutdown()
    thread.join()
    httpd.server_close()


class Room:
    """A data folder with nothing in it, and the tiny data sets published on the server."""

    def __init__(self, data, server, monkeypatch):
        self.data, self.server, self.monkeypatch = data, server, monkeypatch
        self.arrays = {name: tiny(name) for name in NAMES}
        for name in NAMES:
            self.publish(name, originals(name, self.arrays[name]))

    def publish(self, name, files):
        self.server.files.update(files)
        address = f"http://127.0.0.1:{self.server.server_port}/"
        offered = tuple(Original(address + file, len(c), sha256(c).hexdigest()) for file, c in files.items())
        a = self.arrays[name]
        digests = datasets.digest(a["x_train"], a["y_train"]), datasets.digest(a["x_test"], a["y_test"])
        row = REAL[name]._replace(digests=digests, originals=offered)
        self.monkeypatch.setitem(datasets.PUBLISHED, name, row)

    def put(self, name, content=None, folder=None):
        """Write data/<name>.npz, the true one unless other content is given."""
        path = (folder or self.data) / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(npz(self.arrays[name]) if content is None else content)
        return path

    def files(self):
        return sorted(path.name for path in self.data.iterdir()) if self.data.is_dir() else []


@pytest.fixture
def room(tmp_path, server, monkeypatch):
    monkeypatch.setattr(datasets, "DATA_FOLDER", tmp_path / "course" / "data")
    monkeypatch.setattr(datasets, "_gave_up", set())
    monkeypatch.setattr(drawn, "make", lambda: (*drawn.draw(20, 0), *drawn.draw(10, 1)))
    monkeypatch.delenv("CONVLAB_DATA", raising=False)
    monkeypatch.setenv("CONVLAB_OFFLINE", "0")
    return Room(tmp_path / "course" / "data", server, monkeypatch)


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
    raw = {key: sha256(getattr(digits, key).astype(np.uint8).tobytes()).hexdigest() for key in datasets.KEYS}
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
    (original,) = REAL["mnist"].originals
    source = keras_source("mnist")
    assert original.sha256 in source
    assert original.url.removesuffix("mnist.npz") in source


@pytest.mark.parametrize("name", ["fashion_mnist", "cifar10"])
def test_class_names_are_those_of_keras(name):
    rows = [line.split("|") for line in keras_source(name).splitlines() if line.strip().startswith("|")]
    assert [row[2].strip() for row in rows if row[1].strip().isdigit()] == list(REAL[name].class_names)


def test_every_address_is_secure_and_every_digest_whole():
    for published in REAL.values():
        digests = [*published.digests, *(original.sha256 for original in published.originals)]
        assert all(original.url.startswith("https://") for original in published.originals)
        assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
        assert len(set(published.class_names)) == 10


def test_importing_the_room_is_cheap():
    dear = ("tensorflow", "keras", "pooch", "requests", "tqdm", "IPython", "matplotlib")
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


def test_each_source_in_its_order(room, tmp_path, capsys):
    outside = tmp_path / "copies"
    assert datasets.load("cifar10").source == "downloaded"
    assert datasets.load("cifar10").source == "downloaded"
    assert [path for verb, path in room.server.asked if verb == "GET"] == [
        f"/{ARCHIVE}"
    ]  # only the first time
    room.put("cifar10", folder=outside)
    room.monkeypatch.setenv("CONVLAB_DATA", str(outside))
    assert datasets.load("cifar10").source == "local copy"
    room.monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "nowhere"))
    assert datasets.load("cifar10").source == "downloaded"
    room.put("mnist")
    assert datasets.load("mnist").source == "bundled"
    assert str(tmp_path) not in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_in_any_order_is_genuine(room, name, capsys):
    arrays = room.arrays[name]
    order = np.random.default_rng(1).permutation(50)
    room.put(name, npz(arrays | {"x_train": arrays["x_train"][order], "y_train": arrays["y_train"][order]}))
    dataset = datasets.load(name)
    assert dataset.genuine and dataset.source == ("bundled" if name == "mnist" else "downloaded")
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_another_copy_loads_with_a_warning(room, name, capsys):
    room.put(name, npz(tiny(name, seed=1)))
    dataset = datasets.load(name)
    assert (dataset.name, dataset.source, dataset.genuine) == (name, "local copy", False)
    assert_holds(dataset, tiny(name, seed=1))
    out = capsys.readouterr().out
    assert "compare with nothing published" in out.replace("\n", " ") and "a local copy." in out


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_copy_with_one_split_of_another_is_not_genuine(room, split):
    other = tiny("cifar10", seed=1)
    room.put("cifar10", npz(room.arrays["cifar10"] | {key: other[key] for key in other if split in key}))
    assert not datasets.load("cifar10").genuine


def test_a_genuine_local_copy_does_not_warn(room, tmp_path, capsys):
    room.put("cifar10", folder=tmp_path / "copies")
    room.monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "copies"))
    dataset = datasets.load("cifar10")
    assert (dataset.source, dataset.genuine) == ("local copy", True)
    assert (
        capsys.readouterr().out
        == "CIFAR-10: 50 training and 7 test images, 32x32x3, a local copy, verified.\n"
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint64, ">i2"])
@pytest.mark.parametrize("channel", [True, False])
@pytest.mark.parametrize("column", [True, False])
def test_every_usual_form_is_accepted(room, dtype, channel, column):
    form = {key: a if channel or key[0] == "y" else a[..., 0] for key, a in room.arrays["mnist"].items()}
    form |= {key: form[key].astype(dtype).reshape((-1, 1) if column else -1) for key in ("y_train", "y_test")}
    room.put("mnist", npz(form))
    dataset = datasets.load("mnist")
    assert dataset.genuine
    assert_holds(dataset, room.arrays["mnist"])


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="'imagenet': choose from mnist, fashion_mnist, cifar10"):
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
        for key in datasets.KEYS:
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
def test_a_faulty_file_is_named_and_the_next_source_taken(room, tmp_path, monkeypatch, capsys, fault):
    content, words = FAULTS[fault]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "copies"))
    room.put("mnist", content, folder=tmp_path / "copies")
    room.put("mnist")
    assert datasets.load("mnist").source == "bundled"
    report, line = capsys.readouterr().out.splitlines()
    assert report.startswith("Not used, in the folder CONVLAB_DATA: mnist.npz ") and words in report
    assert report.endswith("make data FROM=folder`.") and line.endswith("bundled with the course.")
    assert str(tmp_path) not in report and not (tmp_path / "unpickled").exists()


def test_a_folder_in_place_of_the_file_is_a_fault_too(room, capsys):
    (room.data / "cifar10.npz").mkdir(parents=True)
    room.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    assert datasets.load("cifar10").source == "stand-in"
    assert capsys.readouterr().out.startswith(
        "Not used, in data/: cifar10.npz cannot be read (IsADirectoryError"
    )


def test_a_faulty_file_in_data_is_replaced_by_a_download(room, capsys):
    room.put("cifar10", WHOLE[:500])
    assert datasets.load("cifar10").source == "downloaded"
    assert datasets.load("cifar10").genuine
    assert capsys.readouterr().out.count("Not used") == 1


# --- the download


@pytest.mark.parametrize("name", NAMES)
def test_a_download_is_verified_converted_and_kept(room, name, capsys):
    dataset = datasets.load(name)
    assert (dataset.name, dataset.source, dataset.genuine) == (name, "downloaded", True)
    assert_holds(dataset, room.arrays[name])
    assert room.files() == [f"{name}.npz"]
    with np.load(room.data / f"{name}.npz", allow_pickle=False) as kept:
        assert sorted(kept.files) == sorted(datasets.KEYS)
    captured = capsys.readouterr()
    assert captured.out.endswith("the published images, verified.\n")
    assert all(file in captured.err for file in originals(name, room.arrays[name]))  # the progress bars


def assert_fell_back(room, name, out, words):
    """Assert that a failed download said so once, left nothing, and is not tried again."""
    asked = len(room.server.asked)
    assert out.count(f"{REAL[name].title} could not be downloaded: ") == 1 and words in out
    assert room.files() == []
    assert datasets.load(name).source == "stand-in"
    assert len(room.server.asked) == asked


def test_a_wrong_sha256_is_refused(room, capsys):
    room.server.files[ARCHIVE] = archive(tiny("cifar10", seed=1))
    assert datasets.load("cifar10").source == "stand-in"
    assert_fell_back(
        room, "cifar10", capsys.readouterr().out, "SHA256 hash of downloaded file (cifar-10-binary.tar.gz)"
    )


def test_a_connection_that_breaks_off(room, capsys):
    room.server.stop_after = 1000
    assert datasets.load("cifar10").source == "stand-in"
    assert_fell_back(
        room, "cifar10", capsys.readouterr().out, "the connection to 127.0.0.1 broke off within cifar-10"
    )


def test_a_server_that_falls_silent(room, capsys):
    room.monkeypatch.setattr(datasets, "SILENCE_SECONDS", 0.2)
    room.server.stop_after = 1000
    room.server.resume.clear()
    assert datasets.load("cifar10").source == "stand-in"
    assert_fell_back(
        room, "cifar10", capsys.readouterr().out, "the connection to 127.0.0.1 broke off within cifar-10"
    )


def test_a_file_that_the_server_lost(room, capsys):
    del room.server.files[ARCHIVE]
    assert datasets.load("cifar10").source == "stand-in"
    assert_fell_back(
        room, "cifar10", capsys.readouterr().out, "127.0.0.1 answers 404 for cifar-10-binary.tar.gz"
    )


def test_a_published_file_that_holds_something_else(room, capsys):
    """The SHA-256 is the one expected, and yet these are not the images."""
    room.publish("cifar10", {ARCHIVE: archive(tiny("cifar10", seed=1))})
    assert datasets.load("cifar10").source == "stand-in"
    assert_fell_back(room, "cifar10", capsys.readouterr().out, "not those of CIFAR-10")


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def move(room, name, port):
    """Publish a data set at another port."""
    row = datasets.PUBLISHED[name]
    there = tuple(o._replace(url=f"http://127.0.0.1:{port}/{o.file}") for o in row.originals)
    room.monkeypatch.setitem(datasets.PUBLISHED, name, row._replace(originals=there))


def count_attempts(monkeypatch):
    attempts, reach = [], datasets._reach
    monkeypatch.setattr(datasets, "_reach", lambda url: (attempts.append(url), reach(url)))
    return attempts


def test_without_a_network_it_tries_once(room, capsys):
    attempts = count_attempts(room.monkeypatch)
    move(room, "cifar10", closed_port())
    assert datasets.load("cifar10").source == datasets.load("cifar10").source == "stand-in"
    assert len(attempts) == 1
    assert (
        capsys.readouterr().out.count("CIFAR-10 could not be downloaded: 127.0.0.1 cannot be reached.") == 1
    )


def test_a_server_that_never_answers(room, capsys):
    room.monkeypatch.setattr(datasets, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        move(room, "cifar10", mute.getsockname()[1])
        assert datasets.load("cifar10").source == "stand-in"
    assert "could not be downloaded: " in capsys.readouterr().out


def test_a_name_that_is_looked_up_for_ever(room, capsys):
    """The timeouts of a request do not bound the look-up of a host's name."""
    import requests

    found = threading.Event()
    room.monkeypatch.setattr(datasets, "ANSWER_SECONDS", 0.2)
    room.monkeypatch.setattr(requests, "head", lambda *_, **__: found.wait(60))
    assert datasets.load("cifar10").source == "stand-in"
    assert not found.is_set()
    found.set()
    assert "no answer from 127.0.0.1 within 0.2 seconds" in capsys.readouterr().out


def test_offline_asks_nobody(room, capsys):
    room.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    attempts = count_attempts(room.monkeypatch)
    assert datasets.load("cifar10").source == "stand-in"
    assert attempts == [] and room.server.asked == []
    assert "downloaded" not in capsys.readouterr().out


def test_a_folder_that_cannot_be_made_costs_only_the_keeping(room, tmp_path, capsys):
    room.data.parent.write_text("a file where the course's folder should be")
    dataset = datasets.load("cifar10")
    assert dataset.source == "downloaded"
    assert_holds(dataset, room.arrays["cifar10"])
    out = capsys.readouterr().out
    assert "CIFAR-10 is used from memory only: data/cifar10.npz cannot be written (Not a directory)." in out
    assert str(tmp_path) not in out


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(room, capsys):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", "/somebody/else")

    room.monkeypatch.setattr(os, "replace", refuse)
    assert_holds(datasets.load("fashion_mnist"), room.arrays["fashion_mnist"])
    assert "data/fashion_mnist.npz cannot be written (Permission denied)." in capsys.readouterr().out
    assert room.files() == []


def test_an_interrupted_download_leaves_nothing(room):
    def interrupt(*_):
        raise KeyboardInterrupt

    room.monkeypatch.setattr(datasets, "_gathered", interrupt)
    with pytest.raises(KeyboardInterrupt):
        datasets.load("cifar10")
    assert room.files() == []


def test_an_interruption_while_it_is_kept_leaves_nothing(room):
    def interrupt(file, **arrays):
        file.write(b"half of it")
        raise KeyboardInterrupt

    room.monkeypatch.setattr(datasets.np, "savez", interrupt)
    with pytest.raises(KeyboardInterrupt):
        datasets.load("cifar10")
    assert room.files() == []


def test_several_at_once_each_get_the_whole(room):
    start, results = threading.Barrier(4), []

    def work():
        start.wait()
        results.append(datasets.load("cifar10"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and all(dataset.genuine for dataset in results)
    assert room.files() == ["cifar10.npz"]
    assert datasets.load("cifar10").genuine


KILLED = """
import json, sys
from pathlib import Path
from convlab import datasets
folder, digests, url, sha = json.loads(sys.argv[1])
datasets.DATA_FOLDER = Path(folder)
original = datasets.Original(url, 1, sha)
datasets.PUBLISHED["cifar10"] = datasets.PUBLISHED["cifar10"]._replace(originals=(original,), digests=digests)
print("ready", flush=True)
datasets.load("cifar10")
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_download_leaves_no_final_name_and_the_next_one_sweeps(room):
    """Kill a process within its download; its temporary folder goes with the next attempt, and only then."""
    row = datasets.PUBLISHED["cifar10"]
    room.server.stop_after = 1000
    room.server.resume.clear()
    arguments = json.dumps([str(room.data), row.digests, row.originals[0].url, row.originals[0].sha256])
    environment = os.environ | {"CONVLAB_OFFLINE": "0"}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, arguments], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        while ("GET", f"/{ARCHIVE}") not in room.server.asked:
            assert process.poll() is None
        (unfinished,) = room.files()
        assert unfinished.startswith("cifar10.part-")
        datasets._sweep()
        assert room.files() == [unfinished]  # its process lives
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert room.files() == [unfinished]
    room.server.stop_after = None
    room.server.resume.set()
    assert datasets.load("cifar10").source == "downloaded"
    assert room.files() == ["cifar10.npz"]


def test_the_sweep_spares_what_may_be_alive(room):
    here = socket.gethostname()
    alive = {
        f"mnist.part-{here}-{os.getpid()}-abc",
        "mnist.part-elsewhere-1-abc",
        "mnist.part",
        "notes.part-1-2-3",
    }
    dead = {"cifar10.part-elsewhere-1-abc"}
    for name in alive | dead:
        (room.data / name).mkdir(parents=True)
    os.utime(room.data / "cifar10.part-elsewhere-1-abc", (0, 0))
    room.put("mnist")
    datasets._sweep()
    assert set(room.files()) == alive | {"mnist.npz"}


# --- what stands in


def test_mnist_stands_in_for_fashion_mnist(room, capsys):
    room.put("mnist")
    room.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    dataset = datasets.load("fashion_mnist")
    assert (dataset.name, dataset.title, dataset.source, dataset.genuine) == (
        "mnist",
        "MNIST",
        "stand-in",
        False,
    )
    assert dataset.class_names == tuple("0123456789")
    assert_holds(dataset, room.arrays["mnist"])
    line, banner = capsys.readouterr().out.split("\n", 1)
    assert line == "MNIST: 50 training and 7 test images, 28x28x1, a stand-in."
    assert "no Fashion-MNIST" in banner and "compare with nothing published" in banner.replace("\n", " ")


def test_drawn_figures_stand_in_for_cifar10(room, capsys):
    room.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    dataset = datasets.load("cifar10")
    assert (dataset.name, dataset.source, dataset.genuine) == ("standin", "stand-in", False)
    assert dataset.class_names == drawn.CLASS_NAMES
    assert "CIFAR" not in dataset.title
    images, labels = drawn.draw(20, 0)
    np.testing.assert_array_equal(dataset.x_train, images)
    np.testing.assert_array_equal(dataset.y_train, labels)
    assert "no CIFAR-10" in capsys.readouterr().out


def test_nothing_stands_in_for_mnist(room):
    room.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    for name in ("mnist", "fashion_mnist"):
        with pytest.raises(FileNotFoundError, match=r"git checkout data/mnist.npz.*make data FROM=folder"):
            datasets.load(name)


def test_the_banner_is_a_box_in_a_notebook(room, capsys):
    shown = []
    shell = types.SimpleNamespace(kernel=object())
    display = types.SimpleNamespace(display=lambda data, raw: shown.append(data))
    room.monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    room.monkeypatch.setitem(sys.modules, "IPython.display", display)
    room.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    datasets.load("cifar10")
    assert capsys.readouterr().out.count("\n") == 1
    (data,) = shown
    assert data["text/plain"].startswith("This machine has no CIFAR-10: drawn figures stand in for it")
    assert data["text/plain"] in data["text/html"] and "<div" in data["text/html"]


# --- the originals, and make data


def make_data(*arguments):
    return datasets.main([str(argument) for argument in arguments])


def fill(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_make_data_fetches_all(room, capsys):
    assert make_data() == 0
    assert room.files() == ["cifar10.npz", "fashion_mnist.npz", "mnist.npz"]
    out = capsys.readouterr().out
    assert [line.split(":")[0] for line in out.splitlines()] == ["MNIST", "Fashion-MNIST", "CIFAR-10"]
    asked = len(room.server.asked)
    assert make_data() == 0 and len(room.server.asked) == asked


def test_make_data_says_what_is_missing(room, capsys):
    room.put("mnist")
    move(room, "cifar10", closed_port())
    assert make_data() == 1
    out = capsys.readouterr().out
    assert "MNIST: 50 training" in out and "Fashion-MNIST: 50 training" in out
    assert "CIFAR-10: missing, 127.0.0.1 cannot be reached." in out
    assert datasets.PUBLISHED["cifar10"].originals[0].url in out
    assert room.files() == ["fashion_mnist.npz", "mnist.npz"]


def test_make_data_offline_says_so(room, capsys):
    room.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    assert make_data() == 1
    assert capsys.readouterr().out.count("missing, the download is off (CONVLAB_OFFLINE is set).") == 3


def test_make_data_that_cannot_write_fails(room, capsys):
    room.data.parent.write_text("a file where the course's folder should be")
    assert make_data() == 1
    assert capsys.readouterr().out.count("missing, Not a directory.") == 3


@pytest.mark.parametrize("packed", [True, False])
def test_originals_are_imported(room, tmp_path, packed):
    files = idx_files(room.arrays["fashion_mnist"])
    if not packed:
        files = {name.removesuffix(".gz"): gzip.decompress(content) for name, content in files.items()}
    files |= originals("mnist", room.arrays["mnist"]) | originals("cifar10", room.arrays["cifar10"])
    assert make_data("--from", fill(tmp_path / "stick", files)) == 0
    assert room.server.asked == []
    for name in NAMES:
        dataset = datasets.load(name)
        assert dataset.genuine
        assert_holds(dataset, room.arrays[name])


def test_npz_files_are_imported(room, tmp_path):
    assert (
        make_data("--from", fill(tmp_path / "stick", {f"{n}.npz": npz(room.arrays[n]) for n in NAMES})) == 0
    )
    assert all(datasets.load(name).genuine for name in NAMES)


def test_mnist_is_imported_from_its_idx_files(room, tmp_path):
    make_data("--from", fill(tmp_path / "stick", idx_files(room.arrays["mnist"])))
    assert_holds(datasets.load("mnist"), room.arrays["mnist"])


def test_the_digits_are_not_imported_as_fashion(room, tmp_path, capsys):
    """MNIST and Fashion-MNIST are published under the same file names."""
    room.put("mnist")
    make_data("--from", fill(tmp_path / "stick", idx_files(room.arrays["mnist"])))
    assert (
        "Fashion-MNIST: missing, the original files found are not those of Fashion-MNIST."
        in capsys.readouterr().out
    )
    assert room.files() == ["mnist.npz"]


@pytest.mark.parametrize(
    "files, words",
    [
        ({}, "neither an .npz file nor cifar-10-binary.tar.gz is there"),
        ({ARCHIVE: archive(tiny("cifar10"))[:-2000]}, f"{ARCHIVE} cannot be read"),
        ({ARCHIVE: archive(tiny("cifar10"))[:40]}, f"{ARCHIVE} cannot be read"),
        ({ARCHIVE: b"nothing of the kind"}, f"{ARCHIVE} cannot be read"),
        ({ARCHIVE: archive(tiny("cifar10", seed=1))}, "the original files found are not those of CIFAR-10"),
        ({"cifar10.npz": WHOLE}, "cifar10.npz is no copy of CIFAR-10 (x_train has shape (50, 28, 28, 1)"),
        ({"cifar10.npz": WHOLE[:5000]}, "cifar10.npz cannot be read"),
    ],
)
def test_a_faulty_import_leaves_the_folder_as_it_was(room, tmp_path, capsys, files, words):
    assert make_data("--from", fill(tmp_path / "stick", files)) == 1
    assert f"CIFAR-10: missing, {words}" in capsys.readouterr().out
    assert room.files() == []


@pytest.mark.parametrize("cut", [0, 3, 7, 20, -1])
def test_an_idx_file_cut_short_is_named(room, tmp_path, capsys, cut):
    files = idx_files(room.arrays["fashion_mnist"])
    packed = gzip.compress(gzip.decompress(files[f"{IDX_FILES[2]}.gz"])[:cut])
    make_data("--from", fill(tmp_path / "stick", files | {f"{IDX_FILES[2]}.gz": packed}))
    assert f"Fashion-MNIST: missing, {IDX_FILES[2]}.gz cannot be read" in capsys.readouterr().out


def test_a_genuine_copy_is_not_replaced_but_another_is(room, tmp_path):
    room.put("mnist")
    room.put("cifar10", npz(tiny("cifar10", seed=1)))
    strange = {f"{name}.npz": npz(tiny(name, seed=2)) for name in NAMES}
    assert make_data("--from", fill(tmp_path / "stick", strange)) == 0
    assert datasets.load("mnist").genuine
    assert_holds(datasets.load("cifar10"), tiny("cifar10", seed=2))


def test_no_member_of_an_archive_is_extracted(room, tmp_path, monkeypatch):
    """Plant members that an extraction by path would write outside its folder, and a second, false, batch."""
    monkeypatch.chdir(tmp_path)
    evil = [
        ("../evil", b"1"),
        (str(tmp_path / "evil"), b"2"),
        ("cifar-10-batches-bin/../../evil", b"3"),
        ("evil", b"4"),
    ]
    room.publish("cifar10", {ARCHIVE: archive(room.arrays["cifar10"], planted=evil)})
    assert_holds(datasets.load("cifar10"), room.arrays["cifar10"])
    assert not list(tmp_path.parent.rglob("evil"))


# --- what this machine has


def test_available_tells_by_the_files_alone(room, tmp_path):
    room.put("mnist")
    room.put("cifar10", npz(tiny("cifar10"))[:-100])
    room.put("fashion_mnist", folder=tmp_path / "copies")
    room.monkeypatch.setenv("CONVLAB_DATA", str(tmp_path / "copies"))
    rows = {row.name: row for row in datasets.available()}
    assert [row.source for row in rows.values()] == ["bundled", "local copy", "missing"]
    assert "drawn figures would stand in" in rows["cifar10"].note
    assert "downloaded on first use" in rows["cifar10"].note
    assert room.server.asked == []
    assert not any(str(tmp_path) in row.note for row in rows.values())


def test_available_looks_into_the_list_of_an_npz(room):
    room.put("mnist", npz(without(GOOD, "y_test")))
    assert [row.source for row in datasets.available()] == ["missing"] * 3


def test_available_says_when_the_download_is_off(room):
    room.monkeypatch.setenv("CONVLAB_OFFLINE", "1")
    assert all("CONVLAB_OFFLINE" in row.note for row in datasets.available())


def test_sizes_of_the_download_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "DATA_FOLDER", tmp_path)
    monkeypatch.delenv("CONVLAB_DATA", raising=False)
    monkeypatch.setenv("CONVLAB_OFFLINE", "0")
    assert [row.note.split("(")[1].split(")")[0] for row in datasets.available()] == [
        "11 MB",
        "31 MB",
        "170 MB",
    ]
    assert Path(REAL["cifar10"].originals[0].url).name == ARCHIVE
