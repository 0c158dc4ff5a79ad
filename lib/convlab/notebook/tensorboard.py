"""TensorBoard's event files, read back and shown: what lesson 08 notes down while it trains.

TensorFlow writes them (`tf.summary`); reading is left to TensorBoard's own reader, so that what `read` finds
is what its page shows.
"""

import io
from pathlib import Path

import numpy as np


def read(folder):
    """Return what the event files in a folder hold, {tag: {step: value}} (lesson 08).

    A scalar is a float; a histogram an array of rows (from, to, count); images are a float array (N, H, W, 3)
    from 0 to 1. What else stands there is left out. FileNotFoundError for a folder without event files.
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


def graph(folder):
    """Return the operations of the graph in a folder's event files, {name: type} (lesson 08).

    Those inside of functions that the graph calls are left out. ValueError if no graph was written.
    """
    return {node.name: node.op for node in _records(folder).Graph().node}


def live(folder, height=720):
    """Return TensorBoard on a folder of event files, to look at on this page; it ends with the kernel.

    It needs the browser and the kernel on one machine. Nothing in a lesson starts it unless asked.
    """
    from IPython.display import IFrame

    return IFrame(serve(folder), width="100%", height=height)


def serve(folder):
    """Start TensorBoard on a folder, on a free port of this machine, and return its address."""
    from tensorboard.program import TensorBoard

    board = TensorBoard()
    board.configure(logdir=str(folder), port=0, load_fast="false")  # the fast way is not on every machine
    return board.launch()


def _records(folder):
    """Return TensorBoard's reader of a folder, everything in it kept."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not any(Path(folder).glob("*tfevents*")):
        raise FileNotFoundError(f"no event files in {folder}: has a writer been opened there, and flushed?")
    return EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()


def _pictures(texts):
    """Return images (N, H, W, 3) from how an event file keeps them: width, height, then a PNG for each."""
    from PIL import Image

    return np.stack([np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) / 255 for png in texts[2:]])


DECODERS = {"scalars": float, "histograms": np.asarray, "images": _pictures}
