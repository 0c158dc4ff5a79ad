"""The images of the course: `load(name)` finds them, verifies them and says which copy it used.

It looks in the folder that the environment variable CONVLAB_DATA names, then in data/, then downloads, then
falls back aloud. `python -m convlab.datasets` (`make data`) fetches all; `--from FOLDER` imports copies.
Nothing is ever unpickled, and nothing half-written ever stands under its final name.
"""

import argparse
import gzip
import html
import os
import shutil
import socket
import sys
import tarfile
import tempfile
import textwrap
import threading
import time
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

from convlab import DATA_FOLDER

KEYS = ("x_train", "y_train", "x_test", "y_test")
ANSWER_SECONDS, SILENCE_SECONDS = 6, 30  # for a server's first answer; for a gap within a download
DAY = 24 * 3600


class Original(NamedTuple):
    """A file as its authors publish it."""

    url: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        """Return the file's name, the last part of its address."""
        return self.url.rsplit("/", 1)[1]


class Published(NamedTuple):
    """What is known of a data set before it is opened; `digests` are those of its two splits (`digest`)."""

    title: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    digests: tuple[str, str]
    originals: tuple[Original, ...]
    stand_in: str


_FASHION = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
PUBLISHED = {
    "mnist": Published(
        title="MNIST",
        image_shape=(28, 28, 1),
        class_names=tuple("0123456789"),
        digests=(
            "54e1ab866c9484947dd4821c52bb7a43938f555d6b046be6af55247f8e6ffc64",
            "97b756d55950f1841ebd48df7379b9b2fc87a10d63e08d6213dad41d564e8508",
        ),
        originals=(
            Original(
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
                11_490_434,
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            ),
        ),
        stand_in="nothing",
    ),
    "fashion_mnist": Published(
        title="Fashion-MNIST",
        image_shape=(28, 28, 1),
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        digests=(
            "fb88a2f5c1b590c907f860b47803d006e4fa7b276cdb551799af9d443accdff7",
            "0b381379398a0943a88bf3864ff3f5177903dcf178030b4b74c495294b38fa7c",
        ),
        originals=(
            Original(
                _FASHION + "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            Original(
                _FASHION + "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            Original(
                _FASHION + "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            Original(
                _FASHION + "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        stand_in="the digits of MNIST",
    ),
    "cifar10": Published(
        title="CIFAR-10",
        image_shape=(32, 32, 3),
        class_names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        digests=(
            "6a3b2c04d0a79ce272dcdacaf0bc440275db5a8cbe3717521a28fada2ea0d2ed",
            "65a6ffe079453e514083f99356b35e02cbfd581b4951e3937fae188974b79f39",
        ),
        originals=(
            Original(
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        stand_in="drawn figures",
    ),
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images (N, H, W, C) uint8 and labels (N,) int64 of two splits, and where they came from.

    `name` says what the images are, whatever was asked for: the stand-in for CIFAR-10 is called "standin".
    `source` is "bundled", "downloaded", "local copy" or "stand-in". `genuine` is True if these are the very
    images published under the name that was asked for, in any order: only then may a lesson hold a score
    against a bound.
    """

    name: str
    x_train: np.ndarray = field(repr=False)
    y_train: np.ndarray = field(repr=False)
    x_test: np.ndarray = field(repr=False)
    y_test: np.ndarray = field(repr=False)
    class_names: tuple[str, ...]
    source: str
    genuine: bool = False

    @property
    def title(self) -> str:
        """Return the name for people, as a picture's title needs it."""
        return PUBLISHED[self.name].title if self.name in PUBLISHED else "Drawn figures"


def load(name: str) -> Dataset:
    """Return the data set called "mnist", "fashion_mnist" or "cifar10", and print which copy of it this is.

    The sources in order: the folder CONVLAB_DATA; data/; a download into data/ (tried once in a process, and
    not if CONVLAB_OFFLINE=1); what stands in for the data set, under a banner. A file that cannot be used is
    reported and the next source taken. ValueError for another name; FileNotFoundError if MNIST is nowhere, as
    nothing stands in for it.

    >>> digits = load("mnist")  # doctest: +ELLIPSIS
    MNIST: 60,000 training and 10,000 test images, 28x28x1, ...
    >>> digits.x_train.shape, digits.x_train.dtype, digits.y_train.dtype
    ((60000, 28, 28, 1), dtype('uint8'), dtype('int64'))
    """
    if name not in PUBLISHED:
        raise ValueError(f"no data set is called {name!r}: choose from {', '.join(PUBLISHED)}")
    dataset = _local(name) or _downloaded(name) or _stand_in(name)
    print(_description(dataset))
    if not dataset.genuine:
        _banner(_warning(dataset, PUBLISHED[name]))
    return dataset


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """Return one SHA-256 of images (N, ...) uint8 and labels (N,) below 256, the same in any order.

    It is that of the sorted SHA-256 digests of each image's bytes followed by its label as one byte.

    >>> images = np.arange(6, dtype=np.uint8).reshape(3, 2)
    >>> digest(images, np.array([0, 1, 2])) == digest(images[::-1], np.array([2, 1, 0]))
    True
    """
    records = zip(images, labels.astype(np.uint8))
    each = sorted(sha256(image.tobytes() + label.tobytes()).digest() for image, label in records)
    return sha256(b"".join(each)).hexdigest()


class Available(NamedTuple):
    """One row of `available`: `source` is as in `Dataset`, or "missing"."""

    name: str
    title: str
    source: str
    note: str


def available() -> list[Available]:
    """Return one row per data set: the copy that `load` would find, nothing read or fetched.

    >>> [row.name for row in available()]
    ['mnist', 'fashion_mnist', 'cifar10']
    """
    return [_available(name) for name in PUBLISHED]


def _available(name):
    published = PUBLISHED[name]
    for folder, place in _folders():
        if _lists_all_keys(folder / f"{name}.npz"):
            source = _source(name, place, genuine=True)
            return Available(name, published.title, source, f"{name}.npz in {place}")
    size = sum(original.size for original in published.originals) / 1e6
    fetch = (
        "not to be downloaded (CONVLAB_OFFLINE)" if _offline() else f"downloaded on first use ({size:.0f} MB)"
    )
    note = f"{fetch}; without it, {published.stand_in} would stand in"
    return Available(name, published.title, "missing", note)


def _lists_all_keys(path):
    """Whether a file is an .npz that lists the four arrays; one cut short has lost its list."""
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as file:
        return {f"{key}.npy" for key in KEYS} <= set(file.namelist())
    return False


# --- what is on this machine


def _folders():
    """Return the folders to look in, each with the name by which a message may call it on any machine."""
    folders = [(DATA_FOLDER, "data/")]
    if asked := os.environ.get("CONVLAB_DATA"):
        folders.insert(0, (Path(asked).expanduser(), "the folder CONVLAB_DATA"))
    return folders


def _local(name):
    """Return the data set from the first folder with a usable copy, or None; say why a copy is not usable."""
    for folder, place in _folders():
        path = folder / f"{name}.npz"
        if not os.path.exists(path):
            continue
        try:
            arrays = _read_npz(path, name)
        except ValueError as fault:
            print(
                f"Not used, in {place}: {fault}. Delete the file, or replace it with `make data FROM=folder`."
            )
            continue
        genuine = _is_genuine(name, arrays)
        return Dataset(name, *arrays, PUBLISHED[name].class_names, _source(name, place, genuine), genuine)
    return None


def _source(name, place, genuine):
    """Return what to call a copy: only a genuine one in data/ came with the course or from the publisher."""
    if place != "data/" or not genuine:
        return "local copy"
    return "bundled" if name == "mnist" else "downloaded"


def _is_genuine(name, arrays):
    x_train, y_train, x_test, y_test = arrays
    return (digest(x_train, y_train), digest(x_test, y_test)) == PUBLISHED[name].digests


def _read_npz(path, name):
    """Return the four arrays of an .npz as `Dataset` promises them; ValueError names file and fault."""
    with _naming(path.name), open(path, "rb") as file:
        if not zipfile.is_zipfile(file):  # np.load would take it for a pickle, and advise to trust it
            raise ValueError("it is no .npz file, or one cut short")
        file.seek(0)
        with np.load(file, allow_pickle=False) as members:
            arrays = [members[key] for key in KEYS]
    return _checked(arrays, name, path.name)


@contextmanager
def _naming(file):
    """Turn whatever reading a damaged file raises into a ValueError that names the file."""
    try:
        yield
    except Exception as fault:  # zip, zlib, gzip, tar and NumPy have a dozen kinds of error between them
        kind = "" if isinstance(fault, ValueError) else f"{type(fault).__name__}: "
        raise ValueError(f"{file} cannot be read ({kind}{_words(fault)})") from fault


def _words(fault):
    """Return an error's message without the paths of this machine."""
    return getattr(fault, "strerror", None) or str(fault).strip("'") or "cut short"


def _checked(arrays, name, file):
    """Return the four arrays in the form that `Dataset` promises; ValueError if they are not of its kind."""
    x_train, y_train, x_test, y_test = arrays
    shape = PUBLISHED[name].image_shape
    try:
        return (
            _images(x_train, "x_train", shape),
            _labels(y_train, "y_train", len(x_train)),
            _images(x_test, "x_test", shape),
            _labels(y_test, "y_test", len(x_test)),
        )
    except ValueError as fault:
        raise ValueError(f"{file} is no copy of {PUBLISHED[name].title} ({fault})") from None


def _images(images, key, shape):
    """Return images as (N, H, W, C); a channel axis of length 1 may be missing."""
    shapes = {shape, shape[:2]} if shape[2] == 1 else {shape}
    if images.dtype != np.uint8:
        raise ValueError(f"{key} is {images.dtype}, not uint8")
    if images.shape[1:] not in shapes or len(images) == 0:
        raise ValueError(f"{key} has shape {images.shape}, not (N, {', '.join(map(str, shape))})")
    return images.reshape(-1, *shape)


def _labels(labels, key, n):
    """Return labels as (n,) int64; they may come as (n, 1) and as any integers from 0 to 9."""
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{key} is {labels.dtype}, not integers")
    if labels.shape not in {(n,), (n, 1)}:
        raise ValueError(f"{key} has shape {labels.shape}, not ({n},) for {n} images")
    if labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"{key} runs from {labels.min()} to {labels.max()}, not from 0 to 9")
    return labels.reshape(-1).astype(np.int64)


# --- what it says


def _description(dataset):
    """Return the one line that says what was loaded; the same on every machine that has the same copy."""
    origin = {
        "bundled": "bundled with the course",
        "downloaded": "the published images, verified",
        "local copy": "a local copy" + ", verified" * dataset.genuine,
        "stand-in": "a stand-in",
    }[dataset.source]
    shape = "x".join(map(str, dataset.x_train.shape[1:]))
    train, test = len(dataset.x_train), len(dataset.x_test)
    return f"{dataset.title}: {train:,} training and {test:,} test images, {shape}, {origin}."


def _warning(dataset, published):
    """Return what a reader must know about images that are not the published ones."""
    if dataset.source == "stand-in":
        what = f"This machine has no {published.title}: {published.stand_in} stand in for it"
    else:
        what = f"This copy of {published.title} is not the published data set"
    return f"{what}, and scores on them compare with nothing published. To get the real images: make data"


def _banner(text):
    """Show a warning that nobody overlooks: a coloured box in a notebook, ruled lines elsewhere."""
    shell = "IPython" in sys.modules and sys.modules["IPython"].get_ipython()
    if not hasattr(shell, "kernel"):
        print("=" * 80, textwrap.fill(text, 80), "=" * 80, sep="\n")
        return
    from IPython.display import display

    style = "border-left: 6px solid #b35900; background: #fff3e0; color: #222; padding: 0.6em 1em"
    box = f'<div role="note" style="{style}"><b>Not the published images.</b> {html.escape(text)}</div>'
    display({"text/html": box, "text/plain": text}, raw=True)


# --- what stands in


def _stand_in(name):
    """Return MNIST for Fashion-MNIST, drawn figures for CIFAR-10; FileNotFoundError for MNIST itself."""
    if name == "cifar10":
        from convlab.datasets import drawn

        return Dataset("standin", *drawn.make(), drawn.CLASS_NAMES, "stand-in")
    digits = _local("mnist") or _downloaded("mnist")
    if digits is None:
        raise FileNotFoundError(
            "MNIST is neither on this machine nor could it be downloaded: restore data/mnist.npz with "
            "`git checkout data/mnist.npz`, or import a copy with `make data FROM=folder`"
        )
    return replace(digits, source="stand-in", genuine=False)


# --- the download

_gave_up = set()  # the names whose download failed in this process: a lesson waits for a dead network once


def _offline():
    return os.environ.get("CONVLAB_OFFLINE", "") not in ("", "0")


def _downloaded(name):
    """Return the data set from its publisher, or None after saying why not."""
    if _offline() or name in _gave_up:
        return None
    try:
        with _workshop(name) as folder:
            arrays = _fetched(name, folder)
            _keep_if_possible(name, arrays, folder)
    except (OSError, ValueError) as fault:
        _gave_up.add(name)
        print(f"{PUBLISHED[name].title} could not be downloaded: {_words(fault)}.")
        return None
    return Dataset(name, *arrays, PUBLISHED[name].class_names, "downloaded", genuine=True)


def _fetched(name, folder):
    """Return the arrays of a data set, downloaded into a folder; OSError or ValueError says why not."""
    if _offline():
        raise OSError("the download is off (CONVLAB_OFFLINE is set)")
    originals = PUBLISHED[name].originals
    _reach(originals[0].url)
    for original in originals:
        _download(original, folder)
    return _gathered(name, folder)


def _reach(url):
    """Raise OSError unless a server answers in time; in a thread, as looking up a name has no time limit."""
    import requests

    host = urlsplit(url).hostname
    faults = [f"no answer from {host} within {ANSWER_SECONDS} seconds"]

    def ask():
        try:
            requests.head(url, timeout=ANSWER_SECONDS)
            faults.clear()
        except requests.exceptions.SSLError:
            faults[:] = [f"{host} shows no valid certificate"]
        except requests.RequestException:
            faults[:] = [f"{host} cannot be reached"]

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if faults:
        raise OSError(faults[0])


def _download(original, folder):
    """Download one file into a folder; OSError or ValueError unless it comes and is the published one."""
    import pooch
    import requests
    from tqdm.auto import tqdm

    pooch.get_logger().setLevel("WARNING")
    host, file = urlsplit(original.url).hostname, original.file
    try:
        with tqdm(desc=file, total=original.size, unit="B", unit_scale=True) as bar:
            get = pooch.HTTPDownloader(bar, chunk_size=2**16, timeout=(ANSWER_SECONDS, SILENCE_SECONDS))
            pooch.retrieve(original.url, f"sha256:{original.sha256}", file, folder, downloader=get)
    except requests.HTTPError as fault:
        raise OSError(f"{host} answers {fault.response.status_code} for {file}") from fault
    except requests.RequestException as fault:
        raise OSError(f"the connection to {host} broke off within {file}") from fault


@contextmanager
def _workshop(name):
    """Give a temporary folder in data/, or elsewhere if data/ cannot be written, and remove it in the end."""
    _sweep()
    prefix = f"{name}.part-{socket.gethostname()}-{os.getpid()}-"
    try:
        DATA_FOLDER.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=prefix, dir=DATA_FOLDER)
    except OSError:
        folder = tempfile.mkdtemp(prefix=prefix)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep():
    """Remove the temporary folders that killed downloads left in data/."""
    for folder in DATA_FOLDER.glob("*.part-*-*-*"):
        with suppress(OSError):
            if _abandoned(folder):
                shutil.rmtree(folder)


def _abandoned(folder):
    """Whether a temporary folder's process has ended or, where one cannot ask, whether it is a day old."""
    owner, pid, _ = folder.name.rsplit("-", 2)
    if os.name == "posix" and pid.isdigit() and owner.endswith(f".part-{socket.gethostname()}"):
        return not _alive(int(pid))
    return time.time() - folder.stat().st_mtime > DAY


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is somebody else's
        return True
    return True


def _keep(name, arrays, folder):
    """Write data/<name>.npz, first under another name in a folder; OSError if data/ cannot be written."""
    unfinished = folder / "unfinished.npz"
    with open(unfinished, "wb") as file:
        np.savez(file, **dict(zip(KEYS, arrays)))
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, DATA_FOLDER / f"{name}.npz")


def _keep_if_possible(name, arrays, folder):
    try:
        _keep(name, arrays, folder)
    except OSError as fault:
        title = PUBLISHED[name].title
        print(f"{title} is used from memory only: data/{name}.npz cannot be written ({_words(fault)}).")


# --- the originals: the files as their authors publish them


def _gathered(name, folder):
    """Return the arrays from the form of a data set that lies in a folder; FileNotFoundError if none does."""
    if (folder / f"{name}.npz").exists():
        return _read_npz(folder / f"{name}.npz", name)
    read = _from_archive if name == "cifar10" else _from_idx
    arrays = _checked(read(folder), name, "the original")
    if not _is_genuine(name, arrays):
        raise ValueError(f"the original files found are not those of {PUBLISHED[name].title}")
    return arrays


def _from_idx(folder):
    """Return the arrays of the four files in which MNIST and Fashion-MNIST are published, gzipped or not."""
    names = [
        f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
    ]
    paths = [_first(folder / name, folder / f"{name}.gz") for name in names]
    return [_idx(path) for path in paths]


def _first(*paths):
    """Return the first path that exists; FileNotFoundError names the last."""
    for path in paths:
        if path.exists():
            return path
    raise FileNotFoundError(f"neither an .npz file nor {paths[-1].name} is there")


def _idx(path):
    """Return the array of an IDX file: bytes 0, 0, 8 (for uint8), the number of axes, sizes, data."""
    with _naming(path.name), (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        content = file.read()
        sizes = np.frombuffer(content, ">u4", count=content[3], offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes)).reshape(sizes)


def _from_archive(folder):
    """Return the arrays of CIFAR-10's binary archive: its members are read by name, nothing is extracted."""
    path = _first(folder / "cifar-10-binary.tar.gz")
    files = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    wanted = [f"cifar-10-batches-bin/{file}" for file in files]
    with _naming(path.name), tarfile.open(path, "r|gz") as archive:
        content = {
            member.name: archive.extractfile(member).read() for member in archive if member.name in wanted
        }
        *train, test = [content[name] for name in wanted]
        return *_records(b"".join(train)), *_records(test)


def _records(content):
    """Return the images and labels of CIFAR-10 records: a label's byte, then 3 planes of 32 x 32."""
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0]


# --- make data


def main(arguments: list[str] | None = None) -> int:
    """Get every data set by download or from a folder, print each, and return 1 if one is missing."""
    parser = argparse.ArgumentParser(
        "python -m convlab.datasets", description="Get the images of the course."
    )
    parser.add_argument(
        "--from", dest="folder", type=Path, help="import originals or .npz files from this folder"
    )
    folder = parser.parse_args(arguments).folder
    status = 0
    for name in PUBLISHED:
        try:
            dataset = _obtained(name, folder)
            print(_description(dataset))
        except (OSError, ValueError) as fault:
            status = 1
            print(_missing(name, fault))
    return status


def _obtained(name, folder):
    """Return a data set found here, imported or downloaded; OSError or ValueError says why there is none."""
    here = _local(name)
    if here is not None and (here.genuine or folder is None):
        return here
    with _workshop(name) as workshop:
        arrays = _gathered(name, folder) if folder else _fetched(name, workshop)
        _keep(name, arrays, workshop)
    return _local(name)


def _missing(name, fault):
    """Return what to tell somebody whose data set could not be had: why, and the way by hand."""
    addresses = [f"    {original.url}" for original in PUBLISHED[name].originals]
    way_out = "  By hand: save what follows in a folder, then `make data FROM=folder`."
    return "\n".join([f"{PUBLISHED[name].title}: missing, {_words(fault)}.", way_out, *addresses])
