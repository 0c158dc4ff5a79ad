"""The data of the course: `load(name)` finds it, verifies it and says which copy it used.

It looks in the folder that the environment variable CONVLAB_DATA names, then in data/, then downloads, then
falls back aloud. `python -m convlab.datasets` (`make data`) fetches all; `--from FOLDER` imports copies.
Nothing is ever unpickled, and nothing half-written ever stands under its final name.
"""

import html
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from convlab import DATA_FOLDER, files, printing
from convlab.datasets import download
from convlab.datasets.published import PUBLISHED, Published

if TYPE_CHECKING:  # NumPy comes with the first data set: the registry is read without it
    from convlab.datasets.boxes import Boxes
    from convlab.datasets.images import Dataset, digest
    from convlab.datasets.masks import Masks
    from convlab.datasets.text import Sentences

__all__ = [
    "CLONED",
    "PUBLISHED",
    "Available",
    "Boxes",
    "Dataset",
    "Fetched",
    "Inspected",
    "Masks",
    "Published",
    "Sentences",
    "available",
    "digest",
    "fetch",
    "fetching",
    "home",
    "inspect",
    "load",
]

_HOUR = 3600
_HOMES = {
    "Dataset": "images",
    "digest": "images",
    "Boxes": "boxes",
    "Masks": "masks",
    "Sentences": "text",
}


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(import_module(f"convlab.datasets.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load(name: str) -> "Dataset | Boxes | Masks | Sentences":
    """Return the data set of this name, and print which copy of it this is.

    It is a `Dataset` for "mnist", "fashion_mnist" and "cifar10", `Boxes` for "bccd", `Masks` for "camvid" and
    `Sentences` for "movie_reviews". The sources in order: the folder CONVLAB_DATA; data/; a download into
    data/ (tried once in a process, and not if CONVLAB_OFFLINE=1); what stands in for the data set, under a
    banner. A file that cannot be used is reported and the next source taken. ValueError for another name;
    FileNotFoundError if a data set that comes with the course is nowhere, as nothing stands in for it.

    >>> digits = load("mnist")  # doctest: +ELLIPSIS
    MNIST: 60,000 training and 10,000 test images, 28x28x1, ...
    >>> digits.x_train.shape, digits.x_train.dtype, digits.y_train.dtype
    ((60000, 28, 28, 1), dtype('uint8'), dtype('int64'))
    """
    published = _published(name)
    dataset = _local(name) or _downloaded(name) or _stand_in(name)
    printing.say(_description(dataset, published))
    if not dataset.genuine:
        _banner(_warning(dataset, published))
    return dataset


class Available(NamedTuple):
    """One row of `available`: `source` is as in `Dataset`, or "missing"."""

    name: str
    title: str
    source: str
    note: str


def available() -> list[Available]:
    """Return one row per data set: the copy that `load` would find, nothing read or fetched.

    >>> [row.name for row in available()]
    ['mnist', 'fashion_mnist', 'cifar10', 'bccd', 'camvid', 'movie_reviews']
    """
    return [_available(name, published) for name, published in PUBLISHED.items()]


def _available(name, published):
    for folder, place in _folders():
        if _looks_whole(folder / published.file):
            source = _source(published, place, genuine=True)
            return Available(name, published.title, source, f"{published.file} in {place}")
    if download.offline():
        fetched = "not to be downloaded (CONVLAB_OFFLINE)"
    else:
        fetched = f"downloaded on first use ({published.megabytes} MB)"
    note = fetched if published.bundled else f"{fetched}; without it, {published.stand_in} would stand in"
    return Available(name, published.title, "missing", note)


def _looks_whole(path):
    """Whether a zip archive, as an .npz file is one, has its table of contents, which is at its end."""
    from zipfile import is_zipfile

    return path.is_file() and (path.suffix == ".gz" or is_zipfile(path))


class Inspected(NamedTuple):
    """What `inspect` found of one data set.

    Attributes:
        name, title: of the data set.
        source: as in `Dataset`, or "missing".
        genuine: whether the copy is the published one, image by image.
        faults: a sentence for each copy that cannot be used.
        advice: what to do; empty if there is nothing to do.
    """

    name: str
    title: str
    source: str
    genuine: bool
    faults: tuple[str, ...]
    advice: str


def inspect(name: str) -> Inspected:
    """Return what is here of one data set: a copy is read and verified, nothing is printed or fetched.

    ValueError for a name that no data set has.

    >>> inspect("mnist").genuine
    True
    """
    published = _published(name)
    copy, faults = _find(name)
    source, genuine = (copy.source, copy.genuine) if copy else ("missing", False)
    advice = "" if genuine else _advice(published)
    return Inspected(name, published.title, source, genuine, tuple(faults), advice)


class Fetched(NamedTuple):
    """What `fetch` did about one data set.

    Attributes:
        name, title: of the data set.
        state: "here", "other copy" (here, and not the published one), "downloaded", "imported" or "missing".
        origin: the place or the server that it came from; of a missing one, why it could not be had.
        seconds: how long that took.
        advice: what to do; empty if there is nothing to do.
    """

    name: str
    title: str
    state: str
    origin: str
    seconds: float
    advice: str = ""


def fetch(
    names: Iterable[str] | None = None, wait: float | None = None, folder: Path | None = None
) -> list[Fetched]:
    """Get data sets by download or from a folder, and return one row for each.

    ValueError for a name that no data set has.

    Args:
        names: of the data sets, all by default.
        wait: the seconds that all of them may take; DATA_WAIT or 300 by default.
        folder: where copies are taken from, in any form, in place of a download.

    >>> [(row.name, row.state) for row in fetch(["mnist"])]
    [('mnist', 'here')]
    """
    wanted = list(PUBLISHED if names is None else names)
    rows = {row.name: row for row in fetching(wanted, wait, folder)}
    return [rows[name] for name in wanted]


def fetching(
    names: Iterable[str], wait: float | None = None, folder: Path | None = None
) -> Iterator[Fetched]:
    """Yield the rows of `fetch` as they come, the smallest data set first.

    >>> [row.title for row in fetching(["mnist"])]
    ['MNIST']
    """
    until = time.monotonic() + download.limit(wait)
    for name in sorted(names, key=lambda name: _published(name).megabytes):
        yield _fetched(name, max(0.0, until - time.monotonic()), folder)


def _fetched(name, wait, folder):
    """Return the row of one data set, after getting it."""
    published, begun = _published(name), time.monotonic()
    copy, faults = _find(name)
    try:
        if copy and (copy.genuine or not folder):
            state, origin = "here" if copy.genuine else "other copy", copy.place
        elif folder:
            state, origin = "imported", str(folder)
            _keep(published, _imported(published, folder))
        else:
            origin = _obtained(name, wait).place
            brought = origin in {
                place for _, place in _folders()
            }  # by another process, which this one awaited
            state = "here" if brought else "downloaded"
            if not (home() / published.file).exists():
                raise OSError(f"{home().name}/ cannot be written")
        advice = _advice(published) if state == "other copy" else ""
    except (OSError, ValueError) as fault:
        why = ". ".join([_words(fault), *(sentence.rstrip(".") for sentence in faults)])
        state, origin, advice = "missing", why, _by_hand(published)
    return Fetched(name, published.title, state, origin, time.monotonic() - begun, advice)


def _imported(published, folder):
    """Return the content of a data set from a folder, in whatever form it lies there."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    kind = _kind(published)
    content = kind.gather(list(folder.iterdir()), published)
    whole = [path for path in folder.iterdir() if path.name == published.file]
    if not whole and not kind.is_genuine(content, published):
        raise ValueError(f"the original files found are not those of {published.title}")
    return content


def _by_hand(published):
    """Return how a person gets a data set where the download fails."""
    addresses = [f"    {original.url}" for original in published.sources[0]]
    return "\n".join(["By hand: save what follows in a folder, then `make data FROM=folder`.", *addresses])


def _advice(published):
    """Return what to do about a data set that is missing or not the published one."""
    if not CLONED:
        return (
            "`python -m convlab.datasets` fetches it, `python -m convlab.datasets --from FOLDER` takes your "
            "copy, and a clone of the course's repository has MNIST, the recorded runs and the weights"
        )
    get = "`make data` fetches it, `make data FROM=folder` takes your copy"
    return f"`git checkout data/{published.file}` restores it, {get}" if published.bundled else get


def _published(name):
    if name not in PUBLISHED:
        raise ValueError(f"no data set is called {name!r}: choose from {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


def _kind(published):
    """Return the module that reads a data set."""
    return import_module(f"convlab.datasets.{published.kind}")


# --- what is on this machine

_ASKED = "the folder CONVLAB_DATA"
CLONED = (Path(__file__).resolve().parents[3] / "pyproject.toml").exists()
"""Whether the course's repository is around this package; installed elsewhere, it has no data/."""


def home() -> Path:
    """Return the folder for what is downloaded: data/ of the repository, or else the user's cache."""
    if CLONED:
        return DATA_FOLDER
    from platformdirs import user_cache_path

    return user_cache_path("convlab", appauthor=False)


def _folders():
    """Return the folders to look in, each with the name by which a message may call it on any machine."""
    folders = [(home(), "data/" if CLONED else "the cache of convlab")]
    if asked := os.environ.get("CONVLAB_DATA"):
        course = DATA_FOLDER.parent if CLONED else Path.cwd()
        folders.insert(0, (course / os.path.expanduser(asked), _ASKED))
    return folders


class _Copy(NamedTuple):
    """The content of a data set, as its kind's module has it, and what is known of it."""

    content: Any
    source: str
    genuine: bool
    place: str


def _local(name):
    """Return the data set from the first folder with a usable copy, or None; say why a copy is not usable."""
    copy, faults = _find(name)
    for fault in faults:
        printing.say(fault)
    return _built(name, copy) if copy else None


def _built(name, copy):
    """Return the data set of a copy."""
    return _kind(PUBLISHED[name]).build(name, copy.content, copy.source, copy.genuine)


def _find(name):
    """Return the first usable copy on this machine, or None; and what is wrong with those before it."""
    published, faults = PUBLISHED[name], []
    kind = _kind(published)
    for folder, place in _folders():
        path = folder / published.file
        if place == _ASKED and not folder.is_dir():
            faults.append(f"CONVLAB_DATA={os.environ['CONVLAB_DATA']} names no folder that is there.")
        if not os.path.exists(path):
            continue
        try:
            content = kind.read(path, published)
        except ValueError as fault:
            replace_it = "Delete the file, or replace it with `make data FROM=folder`."
            faults.append(f"Not used, in {place}: {fault}. {replace_it}")
            continue
        genuine = kind.is_genuine(content, published)
        return _Copy(content, _source(published, place, genuine), genuine, place), faults
    return None, faults


def _source(published, place, genuine):
    """Return what to call a copy: only a genuine one in data/ came with the course or from the publisher."""
    if place == _ASKED or not genuine:
        return "local copy"
    return "bundled" if published.bundled and CLONED else "downloaded"


# --- what it says


def _description(dataset, published):
    """Return the one line that says what was loaded; the same on every machine that has the same copy."""
    origin = {
        "bundled": "bundled with the course",
        "downloaded": "the published images, verified",
        "local copy": "a local copy" + ", verified" * dataset.genuine,
        "stand-in": "a stand-in",
    }[dataset.source]
    return f"{dataset.title}: {_kind(published).describe(dataset)}, {origin}."


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
        printing.say("\n".join(["=" * 80, textwrap.fill(text, 80), "=" * 80]))
        return
    from IPython.display import display

    style = "border-left: 6px solid #b35900; background: #fff3e0; color: #222; padding: 0.6em 1em"
    box = f'<div role="note" style="{style}"><b>Not the published images.</b> {html.escape(text)}</div>'
    display({"text/html": box, "text/plain": text}, raw=True)


# --- what stands in


def _stand_in(name):
    """Return what stands in for a data set; FileNotFoundError for what comes with the course."""
    if name == "cifar10":
        from convlab.datasets import drawn, images

        return images.Dataset("standin", *drawn.make(), drawn.CLASS_NAMES, "stand-in")
    if name in ("bccd", "camvid"):
        from convlab.datasets import composed

        return composed.boxes() if name == "bccd" else composed.masks()
    digits = (_local("mnist") or _downloaded("mnist")) if name == "fashion_mnist" else None
    if digits is None:
        published = PUBLISHED["mnist" if name == "fashion_mnist" else name]
        raise FileNotFoundError(
            f"{published.title} is not on this machine and could not be downloaded: {_advice(published)}"
        )
    return replace(digits, source="stand-in", genuine=False)


# --- the download

# the names whose download failed in this process: a dead network is waited for once
_gave_up: set[str] = set()


def _downloaded(name):
    """Return the data set from its publisher, or None after saying why not."""
    if download.offline() or name in _gave_up:
        return None
    try:
        return _built(name, _obtained(name))
    except (OSError, ValueError) as fault:
        _gave_up.add(name)
        printing.say(f"{PUBLISHED[name].title} could not be downloaded: {_words(fault)}.")
        return None


def _obtained(name, wait=None):
    """Return the verified copy of a download, and keep it for later; OSError or ValueError says why not."""
    published = PUBLISHED[name]
    kind = _kind(published)
    if download.offline():
        raise OSError("the download is off (CONVLAB_OFFLINE is set)")
    until = time.monotonic() + download.limit(wait)
    with download.workshop(name, published, home(), until) as folder:
        copy, _ = _find(name)
        if copy and copy.genuine:  # another process has downloaded it meanwhile
            return copy

        def check(paths):
            content = kind.gather(paths, published)
            if not kind.is_genuine(content, published):
                raise ValueError("its images are others")
            return content

        content, host = download.obtain(published, check, folder, until)
        _sweep(published)
        _keep_if_possible(published, content)
        shutil.rmtree(folder, ignore_errors=True)
    return _Copy(content, "downloaded", True, host)


def _keep_if_possible(published, content):
    try:
        _keep(published, content)
    except OSError as fault:
        file, why = f"data/{published.file}", _words(fault)
        printing.say(f"{published.title} is used from memory only: {file} cannot be written ({why}).")


def _sweep(published):
    """Remove what processes that were killed within `_keep` have left: the size of a data set each."""
    for path in home().glob(f".{published.file}.part*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _HOUR:
                path.unlink()


def _keep(published, content):
    """Write the copy of a data set that later runs find; OSError if the folder cannot be written."""
    files.write_whole(home() / published.file, lambda file: _kind(published).store(content, file))


def _words(fault):
    """Return an error's message without the paths of this machine."""
    return getattr(fault, "strerror", None) or str(fault).strip("'")
