"""Cases that the page's engine must answer as `convlab.layers` does: every layer, random shapes, whole steps.

`layer_cases` and the like draw them, `layer_expected` asks Python, `assert_same` compares. Node and a browser
answer the same ones.
"""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

from convlab import layers, optimizers, shapes

WEB = Path(__file__).resolve().parents[1] / "web"
NODE = shutil.which("node")


def ask_node(questions, script="tests/answer.js"):
    """Return what the engine answers in Node."""
    done = subprocess.run(
        [NODE, str(WEB / script)], input=json.dumps(questions), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def layer_cases(seed=0, count=8):
    """Return cases of every layer with random shapes, in WebAssembly and in JavaScript alone."""
    rng = np.random.default_rng(seed)
    drawn = []
    for number in range(count):
        wasm = number % 4 != 3
        drawn += [_drawn(kind, rng) | {"wasm": wasm} for kind in _KINDS]
    return drawn


def layer_expected(case):
    """Return what `convlab.layers` makes of a case, as the engine would answer."""
    layer = python_layer(case["layer"], case["input"])
    for name, values in case["params"].items():
        layer.params[name][...] = np.reshape(values, layer.params[name].shape)
    for name, values in case["averages"].items():
        getattr(layer, name)[...] = values
    x = np.array(case["x"], np.float32).reshape(case["n"], *case["input"])
    y = layer.forward(x, case["training"])
    dx = layer.backward(np.array(case["dy"], np.float32).reshape(y.shape))
    averages = {name: getattr(layer, name) for name in case["averages"]}
    return {"output": list(y.shape[1:]), "y": y, "dx": dx, "grads": layer.grads, "averages": averages}


def python_layer(layer, inputs):
    """Return the layer of `convlab.layers` that a layer of the page stands for."""
    options = {name: value for name, value in layer.items() if name != "kind"}
    match layer["kind"]:
        case "Conv2D":
            kernel_size, filters = options["kernelSize"], options["filters"]
            return layers.Conv2D(inputs[-1], filters, kernel_size, options["stride"], options["padding"])
        case "MaxPool2D" | "AvgPool2D" as kind:
            return getattr(layers, kind)(options["size"], options["stride"], options["padding"])
        case "Dense":
            return layers.Dense(inputs[-1], options["units"])
        case "BatchNorm":
            return layers.BatchNorm(inputs[-1], **options)
        case "Dropout":
            return layers.Dropout(options["rate"])
        case kind:
            return getattr(layers, kind)()


def _drawn(kind, rng):
    """Return one random case of a kind of layer that fits its input."""
    n, height, width, channels = (int(rng.integers(1, high)) for high in (5, 13, 13, 10))
    layer, shape = {"kind": kind}, (height, width, channels)
    padding = ["valid", "same", 0, 1, 2][rng.integers(5)]
    if kind == "Conv2D":
        size = int(rng.integers(1, min(height, width) + 1))
        layer |= {"filters": int(rng.integers(1, 14)), "kernelSize": size, "padding": padding}
        layer |= {"stride": int(rng.integers(1, 4))}
    elif kind in ("MaxPool2D", "AvgPool2D"):
        size = int(rng.integers(1, min(height, width) + 1))
        layer |= {
            "size": size,
            "stride": int(rng.integers(1, 4)),
            "padding": ["valid", "same"][rng.integers(2)],
        }
    elif kind == "Dense":
        shape, layer = (height * width,), layer | {"units": int(rng.integers(1, 14))}
    elif kind == "BatchNorm":
        layer |= {"momentum": 0.9, "epsilon": 1e-3}
        shape = [shape, (channels,)][rng.integers(2)]
        n += 1  # one row has no variance
    elif kind == "Dropout":
        layer |= {"rate": float(rng.choice([0.0, 0.25, 0.5]))}
    return _filled(layer, shape, n, rng)


_KINDS = ("Conv2D", "MaxPool2D", "AvgPool2D", "ReLU", "Sigmoid", "BatchNorm", "Dropout", "Flatten", "Dense")


def _filled(layer, shape, n, rng):
    """Return the case with numbers: input, parameters, averages and the gradient of the output."""
    python = python_layer(layer, shape)
    x = rng.normal(size=(n, *shape)).astype(np.float32)
    if layer["kind"] == "MaxPool2D":
        x = np.round(x)  # equal values, of which the first counts
    y = python.forward(x, False)
    params = {name: rng.normal(size=array.shape) for name, array in python.params.items()}
    averages = {}
    if layer["kind"] == "BatchNorm":
        averages = {
            "moving_mean": rng.normal(size=shape[-1]),
            "moving_variance": rng.uniform(0.5, 2, shape[-1]),
        }
    lists = {name: _flat(array) for name, array in params.items()}
    return {
        "ask": "layer",
        "layer": layer,
        "input": list(shape),
        "n": n,
        "x": _flat(x),
        "params": lists,
        "averages": {name: _flat(array) for name, array in averages.items()},
        "dy": _flat(rng.normal(size=y.shape)),
        "training": bool(rng.integers(2)) and layer["kind"] != "Dropout",
    }


def _flat(array):
    """Return an array's numbers as a list, rounded to float32, in which the engine holds them."""
    return np.asarray(array, np.float32).ravel().tolist()


def assert_same(case, answer, expected, tolerance=1e-4):
    """Fail unless an answer is what Python says, within `tolerance` of the largest number."""
    assert answer["output"] == expected["output"], case["layer"]
    pairs = [("y", answer["y"], expected["y"]), ("dx", answer["dx"], expected["dx"])]
    for part in ("grads", "averages"):
        assert set(answer[part]) == set(expected[part]), case["layer"]
        pairs += [(name, answer[part][name], expected[part][name]) for name in expected[part]]
    for name, came, wanted in pairs:
        close(came, wanted, f"{case['layer']} {case['input']} {name}", tolerance)


def close(came, wanted, what, tolerance=1e-4):
    """Fail unless two lists of numbers agree within `tolerance` of the largest one."""
    wanted = np.asarray(wanted, float).ravel()
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    np.testing.assert_allclose(np.asarray(came, float), wanted, rtol=0, atol=tolerance * scale, err_msg=what)


NETWORK = [
    {"kind": "Conv2D", "filters": 5, "kernelSize": 3, "stride": 1, "padding": "same"},
    {"kind": "ReLU"},
    {
        "kind": "BatchNorm",
        "momentum": 0.9,
        "epsilon": 1e-3,
    },  # in front of ReLU, the bias would have no gradient
    {"kind": "MaxPool2D", "size": 2, "stride": 2, "padding": "valid"},
    {"kind": "Conv2D", "filters": 6, "kernelSize": 3, "stride": 2, "padding": "valid"},
    {"kind": "Sigmoid"},
    {"kind": "AvgPool2D", "size": 2, "stride": 1, "padding": "same"},
    {"kind": "Flatten"},
    {"kind": "Dense", "units": 12},
    {"kind": "ReLU"},
    {"kind": "Dense", "units": 7},
]
RULES = {
    "SGD": lambda: optimizers.SGD(0.1),
    "Momentum": lambda: optimizers.Momentum(0.05),
    "Adam": lambda: optimizers.Adam(0.01),
}
RATES = {"SGD": 0.1, "Momentum": 0.05, "Adam": 0.01}
INPUT, CLASSES, BATCH, STEPS = (11, 10, 2), 7, 9, 5


def network_cases(seed=0):
    """Return a case per update rule: a network with every layer but dropout, trained for five steps."""
    rng = np.random.default_rng(seed)
    weights = {name: _flat(array) for name, array in _python_network(seed).params.items()}
    averages = {"2.moving_mean": [0.0] * 5, "2.moving_variance": [1.0] * 5}
    return [
        {
            "ask": "network",
            "layers": NETWORK,
            "options": {
                "input": list(INPUT),
                "classes": CLASSES,
                "batchSize": BATCH,
                "rule": rule,
                "learningRate": RATES[rule],
            },
            "weights": weights | averages,
            "images": _flat(rng.normal(size=(BATCH, *INPUT))),
            "labels": rng.integers(0, CLASSES, BATCH).tolist(),
            "steps": STEPS,
        }
        for rule in RULES
    ]


def network_expected(case):
    """Return what Python's layers and update rule make of a network's case."""
    net = _python_network(0)
    for name, array in net.params.items():
        array[...] = np.reshape(case["weights"][name], array.shape)
    images = np.array(case["images"], np.float32).reshape(BATCH, *INPUT)
    labels = np.array(case["labels"])
    rule, losses, first = RULES[case["options"]["rule"]](), [], None
    for step in range(-1, case["steps"]):  # the first pass, for the gradients alone, moves the averages too
        loss, dlogits = layers.softmax_cross_entropy(net.forward(images, training=True), labels)
        dx = net.backward(dlogits)
        if step < 0:
            first = loss, dx, {name: grad.copy() for name, grad in net.grads.items()}
        else:
            losses.append(loss)
            rule.step(net.params, net.grads)
    loss, dx, grads = first
    norm = net.layers[2]
    averages = {"2.moving_mean": norm.moving_mean, "2.moving_variance": norm.moving_variance}
    return {
        "loss": loss,
        "dx": dx,
        "parameters": grads,
        "losses": losses,
        "weights": net.params | averages,
        "logits": net.forward(images),
    }


def _python_network(seed):
    """Return `NETWORK` in Python, its first weights drawn from a seed."""
    built, shape = [], INPUT
    for layer in NETWORK:
        built.append(python_layer(layer, shape))
        shape = built[-1].forward(np.zeros((2, *shape), np.float32)).shape[1:]
    net, rng = layers.Sequential(built), np.random.default_rng(seed)
    for name, array in net.params.items():
        array[...] = rng.normal(size=array.shape) * (0.3 if array.ndim > 1 else 0.1) + name.endswith("gamma")
    return net


def assert_same_network(case, answer, expected):
    """Fail unless loss, gradients, the curve, the trained weights and their answers are Python's."""
    what = case["options"]["rule"]
    for name in ("loss", "dx", "losses", "logits"):
        close(np.ravel(answer[name]), expected[name], f"{what} {name}")
    for part in ("parameters", "weights"):
        assert set(answer[part]) == set(expected[part])
        for name, wanted in expected[part].items():
            close(answer[part][name], wanted, f"{what} {part} {name}")


def size_cases():
    """Return arguments for every function of sizes, those that Python refuses included."""
    cases = []
    for size in range(1, 17):
        for kernel in range(1, 12):
            for stride in range(1, 9):
                cases += [("outputSize", (size, kernel, stride, padding)) for padding in range(6)]
                cases += [("outputSize", (size, kernel, stride, padding)) for padding in ("valid", "same")]
    others = {
        "outputSize": [
            *((9, 3, 1, padding, 2) for padding in (0, 1, "same")),
            *((5, 3, 0), (5, 0), (0, 1), (5, 3, 1, -1), (5, 3, 1, "full"), (4, 3, 1, 0, 2), (5, 2.5)),
        ],
        "receptiveField": [([[3, 1], [0, 1]],), ([[3, 1], [3, 1], [2, 2], [3, 1]],), ([],)],
        "convParameters": [(5, 3, 6), (3, 32, 64, False)],
        "convMacs": [(14, 3, 32, 64)],
        "denseParameters": [(784, 256), (784, 256, False)],
        "denseMacs": [(2048, 625)],
        "samePadding": [(28, 3), (28, 3, 2), (28, 1, 2), (7, 4, 3, 2)],
    }
    cases += [(name, values) for name, all_values in others.items() for values in all_values]
    return [{"ask": "sizes", "name": name, "values": list(values)} for name, values in cases]


PYTHON_NAMES = {
    "outputSize": shapes.output_size,
    "receptiveField": shapes.receptive_field,
    "samePadding": shapes.same_padding,
    "convParameters": shapes.conv_parameters,
    "convMacs": shapes.conv_macs,
    "denseParameters": shapes.dense_parameters,
    "denseMacs": shapes.dense_macs,
}


def size_expected(case):
    """Return what `convlab.shapes` answers or refuses."""
    try:
        value = PYTHON_NAMES[case["name"]](*case["values"])
        return {"value": list(value) if isinstance(value, tuple) else value}
    except ValueError as error:
        return {"error": str(error)}


def random_networks(count, seed=0):
    """Return lists of layers as a reader might put them together: sensible, odd and impossible ones."""
    rng = np.random.default_rng(seed)
    return [[_random_layer(rng) for _ in range(rng.integers(1, 7))] + _random_end(rng) for _ in range(count)]


def _random_layer(rng):
    """Return a layer with values of which some are out of range, of the wrong kind, or missing."""
    kind = str(rng.choice(["Conv2D", "MaxPool2D", "AvgPool2D", *_KINDS]))

    def number(high):
        return [int(rng.integers(1, high)), int(rng.integers(1, high)), 0, -1, 2.5, "", None][
            rng.choice(7, p=[0.45, 0.45, *[0.02] * 5])
        ]

    padding = str(rng.choice(["valid", "same", "full"], p=[0.49, 0.49, 0.02]))
    match kind:
        case "Conv2D":
            return {
                "kind": kind,
                "filters": number(12),
                "kernelSize": number(7),
                "stride": number(4),
                "padding": padding,
            }
        case "MaxPool2D" | "AvgPool2D":
            return {"kind": kind, "size": number(5), "stride": number(4), "padding": padding}
        case "Dense":
            return {"kind": kind, "units": number(40)}
        case "Dropout":
            return {"kind": kind, "rate": float(rng.choice([0, 0.5, 0.9, 1, -0.1]))}
    return {"kind": kind}


def _random_end(rng):
    """Return how a network ends: rightly most of the time."""
    right = [{"kind": "Flatten"}, {"kind": "Dense", "units": 10}]
    return right if rng.random() < 0.8 else right[rng.integers(2) :][: rng.integers(2)]
