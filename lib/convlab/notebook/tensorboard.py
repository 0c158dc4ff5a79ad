"""TensorBoard's event files, read back and shown: what lesson 08 records while it trains.

TensorFlow writes them (`tf.summary`); reading is left to TensorBoard's own reader, so that what `read` finds
is what its page shows.
"""

import io
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from IPython.display import IFrame

SERVE = """
import os, sys
from tensorboard.program import TensorBoard

board = TensorBoard()
board.configure(logdir=sys.argv[1], port=0, load_fast="false")  # its fast loader is not on every machine
print(board.launch(), flush=True)
sys.stdin.read()
os._exit(0)  # its threads may be inside of TensorFlow, where a usual end would abort
"""
_SERVERS: list[subprocess.Popen[str]] = []  # kept, so that their pipes stay open


def read(folder: str | Path) -> dict[str, dict[int, Any]]:
    """Return what the event files in a folder hold, {tag: {step: value}} (lesson 08).

    A scalar is a float; a histogram an array of rows (from, to, count); images are a float array (N, H, W, 3)
    from 0 to 1. Other kinds of records are left out. FileNotFoundError for a folder without event files.
    """
    from tensorboard.util import tensor_util

    records = _records(folder)
    found = {}
    for tag in records.Tags()["tensors"]:
        decode = DECODERS.get(records.SummaryMetadata(tag).plugin_data.plugin_name)
        if decode:
            events = records.Tensors(tag)
            found[tag] = {
                event.step: decode(tensor_util.make_ndarray(event.tensor_proto)) for event in events
            }
    return found


def graph(folder: str | Path) -> dict[str, str]:
    """Return the operations of the graph in a folder's event files, {name: type} (lesson 08).

    Those inside of functions that the graph calls are left out. ValueError if no graph was written.
    """
    return {node.name: node.op for node in _records(folder).Graph().node}


def live(folder: str | Path) -> "IFrame":
    """Return TensorBoard on a folder of event files, shown in this page; it ends with the kernel.

    It needs the browser and the kernel on one machine. Nothing in a lesson starts it unless asked.
    """
    from IPython.display import IFrame

    return IFrame(serve(folder), width="100%", height=720)


def serve(folder: str | Path) -> str:
    """Start TensorBoard on a folder, on a free port of this machine, and return its address.

    It is a process of its own, which ends with this one. RuntimeError with what it said if it does not start.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder)],
            stdin=subprocess.PIPE,  # never written to: it closes with this process, however that ends
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        with process.stdout as addresses:  # type: ignore[union-attr]
            address = addresses.readline().strip()
        if address:
            _SERVERS.append(process)
            return address
        process.communicate()
        said.seek(0)
        raise RuntimeError(f"TensorBoard did not start on {folder}: {said.read().strip()[-2000:]}")


def _records(folder: str | Path) -> Any:
    """Return TensorBoard's reader of a folder, with all records."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not any(Path(folder).glob("*tfevents*")):
        raise FileNotFoundError(f"no event files in {folder}: has a writer been opened there, and flushed?")
    return EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()


def _pictures(texts: Sequence[bytes]) -> np.ndarray:
    """Return images (N, H, W, 3) of an event file's record: width, height, then a PNG for each."""
    from PIL import Image

    return np.stack([np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) / 255 for png in texts[2:]])


DECODERS: dict[str, Callable[[Any], Any]] = {"scalars": float, "histograms": np.asarray, "images": _pictures}
