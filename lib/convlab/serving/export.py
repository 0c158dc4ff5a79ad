"""From a Keras network to a file that answers without Keras: ONNX, whole numbers too. Needs TensorFlow."""

import hashlib
import json
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convlab.files import write_text, write_whole

if TYPE_CHECKING:
    import keras


def with_pixels(model: "keras.Model", scale: tuple[float, float], size: int = 28) -> "keras.Model":
    """Return a network from pixels to shares and heat, for one that ends in the largest value of each map.

    In: "images", uint8 (N, size, size). Out: "probabilities" (N, classes) and "heat" (N, H', W', classes),
    which is Grad-CAM of the maps below the pooling (Selvaraju et al. 2016). No gradient is needed for it: a
    map's mean gradient is its weight in the last layer, divided by the number of places. Lesson 26.

    Args:
        model: Keras, standardized images (N, H, W, 1) in; its last layers are `pool`, a GlobalMaxPooling2D,
            and `logits`.
        scale: mean and standard deviation of the pixels in training.
        size: pixels along each side.
    """
    import keras
    from keras import layers

    mean, deviation = scale
    images = keras.Input((size, size), dtype="uint8", name="images")
    pixels = layers.Reshape((size, size, 1))(images)
    standardized = layers.Rescaling(1 / deviation, -mean / deviation)(pixels)
    maps, logits = keras.Model(model.inputs[0], [model.get_layer("pool").input, model.outputs[0]])(
        standardized
    )
    kernel, _ = model.get_layer("logits").get_weights()  # (maps, classes)
    places = maps.shape[1] * maps.shape[2]
    evidence = layers.Conv2D(kernel.shape[1], 1, use_bias=False, activation="relu", name="heat")
    heat = evidence(maps)
    evidence.set_weights([kernel[None, None] / places])
    shares = layers.Softmax(name="probabilities")(logits)
    whole = keras.Model(images, {"probabilities": shares, "heat": heat})
    whole(np.zeros((1, size, size), "uint8"))  # Keras exports what was called
    return whole


def write(
    model: "keras.Model", folder: Path, version: str, probe: np.ndarray, label: int, **facts: object
) -> Path:
    """Write a network from `with_pixels` as `<version>.onnx` and its `.json`; return the path of the first.

    The `.json` is written last, and names the digest: a version without it does not count.

    Args:
        model: what `with_pixels` returned.
        folder: of the models.
        version: its name.
        probe: an image (28, 28) uint8 whose answer is known.
        label: what the network says of it; it must say so again before it serves.
        facts: what else the `.json` says: title, accuracy, data.
    """
    with tempfile.TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's exporter asks NumPy for a name that will go
        path = Path(temporary) / "model.onnx"
        model.export(path, format="onnx", verbose=False)
        data = path.read_bytes()
    return write_bytes(data, folder, version, probe, label, **facts)


def write_bytes(
    data: bytes, folder: Path, version: str, probe: np.ndarray, label: int, **facts: object
) -> Path:
    """Write the bytes of an ONNX file as a version; the arguments are those of `write`."""
    path = Path(folder) / f"{version}.onnx"
    write_whole(path, lambda file: file.write(data))
    stated = facts | {"sha256": hashlib.sha256(data).hexdigest()}
    stated |= {"probe": np.asarray(probe, "uint8").tobytes().hex(), "probe_label": int(label)}
    write_text(path.with_suffix(".json"), json.dumps(stated, indent=1, ensure_ascii=False) + "\n")
    return path


def quantized(path: Path, images: np.ndarray) -> bytes:
    """Return an ONNX file's network with weights and values of one byte each, as the bytes of a file.

    `images` (N, 28, 28) uint8 show which values occur; they should be training images. The last layers stay
    floats, because few weights lie there and all of the answer depends on them. Lesson 26.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):
        batches = iter([{"images": images[start : start + 50]} for start in range(0, len(images), 50)])

        def get_next(self):
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as temporary:
        prepared, small = Path(temporary) / "prepared.onnx", Path(temporary) / "small.onnx"
        quant_pre_process(path, prepared, skip_symbolic_shape=True)
        convolutions = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
        quantize_static(
            prepared,
            small,
            Images(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=convolutions[:-1],  # the last one makes the heat map
        )
        return small.read_bytes()
