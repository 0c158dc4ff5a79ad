"""Networks that were trained in the book's live page, as Keras models."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

IN_ORDER = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")  # Keras's, within a layer


def from_page(path: str | Path) -> keras.Model:
    """Return the network that the live page saved to `path`, an .npz file, as a Keras model, logits out.

    Images: (N, H, W, C), standardised as the page does it: with the mean and spread of MNIST's pixels.
    ValueError for a file that the page has not written. Lesson 08.

    >>> from_page("missing.npz")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.npz'
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(bytes(file["network"]))
            arrays = {name: file[name] for name in file.files if name != "network"}
        images = keras.Input(tuple(about["input"]))
        x = images
        for place, layer in enumerate(about["layers"]):
            x = _layer(layer, f"{layer['kind'].lower()}_{place + 1}")(x)
        model = keras.Model(images, x, name="from_page")
        for place, layer in enumerate(model.layers[1:]):
            layer.set_weights([arrays[f"{place}.{name}"] for name in IN_ORDER if f"{place}.{name}" in arrays])
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no network that the live page saved: {error}") from error
    return model


def _layer(layer, name):
    """Return the Keras layer that a layer of the page stands for."""
    match layer["kind"]:
        case "Conv2D":
            size, stride, bias = layer["kernelSize"], layer["stride"], layer["bias"]
            return layers.Conv2D(layer["filters"], size, stride, layer["padding"], use_bias=bias, name=name)
        case "MaxPool2D":
            return layers.MaxPooling2D(layer["size"], layer["stride"], layer["padding"], name=name)
        case "AvgPool2D":
            return layers.AveragePooling2D(layer["size"], layer["stride"], layer["padding"], name=name)
        case "Dense":
            return layers.Dense(layer["units"], use_bias=layer["bias"], name=name)
        case "BatchNorm":
            return layers.BatchNormalization(momentum=layer["momentum"], epsilon=layer["epsilon"], name=name)
        case "Dropout":
            return layers.Dropout(layer["rate"], name=name)
        case "Flatten":
            return layers.Flatten(name=name)
        case "ReLU" | "Sigmoid" as kind:
            return layers.Activation(kind.lower(), name=name)
    raise ValueError(f"there is no layer {layer['kind']!r}")
