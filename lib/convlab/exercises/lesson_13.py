"""Lesson 13: small filters for a large one, the memory of a training step, and the largest batch that fits."""

from convlab.exercises.engine import Mistake, exercise


def _stack(kernel, channels):
    return (kernel - 1) // 2


def _replacing(layers=_stack, small=lambda channels: 9 * channels**2, large=None):
    """Return a wrong answer: so many layers, so many weights in each, so many in the large kernel."""

    def answer(kernel, channels):
        count = layers(kernel, channels)
        single = kernel**2 * channels**2 if large is None else large(kernel, channels)
        return count, count * small(channels), single

    return answer


@exercise(
    question="How many convolutions of 3x3 see as much as one of kernel x kernel, and how many weights are "
    "that against the one's?",
    tolerance=0,
    cases=[(7, 64), (5, 10), (11, 96), (3, 7), (15, 2)],
    hints=[
        "One 3x3 sees 3 pixels on a side. How many more does each further one add (lesson 06)?",
        "Each adds one pixel on either side, so n layers see 2n + 1. A layer has a kernel for each pair of "
        "maps, channels² of them.",
        "`layers = (kernel - 1) // 2`, then `layers * 9 * channels**2` against `kernel**2 * channels**2`.",
    ],
    mistakes=[
        Mistake(
            "a third of the kernel",
            _replacing(lambda kernel, channels: kernel // 3),
            "you have divided the kernel by 3, as if the small ones stood side by side. They lie on top of "
            "each other and overlap: each further one adds 2 pixels.",
        ),
        Mistake(
            "a third of the kernel, rounded up",
            _replacing(lambda kernel, channels: -(-kernel // 3)),
            "a third of the kernel, rounded up: that is how many stand side by side. On top of each other they "
            "overlap, and each further one adds only 2 pixels.",
        ),
        Mistake(
            "as many as fit into the area",
            _replacing(lambda kernel, channels: -(-(kernel**2) // 9)),
            "you have divided the areas. The small kernels lie on top of each other, each looking at what "
            "the one below has seen: each further one adds 2 pixels on a side.",
        ),
        Mistake(
            "half of the kernel, rounded up",
            _replacing(lambda kernel, channels: (kernel + 1) // 2),
            "one layer too many: n layers see 2n + 1 pixels.",
        ),
        Mistake(
            "one pixel each",
            _replacing(lambda kernel, channels: kernel - 2),
            "you let each further layer add one pixel. It adds one on *either* side, two in all.",
        ),
        Mistake(
            "channels not squared",
            _replacing(
                small=lambda channels: 9 * channels, large=lambda kernel, channels: kernel**2 * channels
            ),
            "the layers are right. Each map that goes out sees all maps that come in: there are channels · "
            "channels kernels in a layer.",
        ),
        Mistake(
            "channels forgotten",
            _replacing(small=lambda channels: 9, large=lambda kernel, channels: kernel**2),
            "these are the weights of a single map on a single map. There is a kernel for every pair of "
            "maps, channels² of them.",
        ),
        Mistake(
            "with biases",
            _replacing(
                small=lambda channels: 9 * channels**2 + channels,
                large=lambda kernel, channels: kernel**2 * channels**2 + channels,
            ),
            "right with biases; the question is for the weights alone.",
        ),
        Mistake(
            "weights of one layer",
            lambda kernel, channels: (
                _stack(kernel, channels),
                9 * channels**2,
                kernel**2 * channels**2,
            ),
            "the layers are right, but the second number is the weights of only one of them.",
        ),
        Mistake(
            "the wrong way round",
            lambda kernel, channels: (
                replaced.reference(kernel, channels)[::2] + replaced.reference(kernel, channels)[1:2]
            ),
            "right numbers in another order: layers, weights of all the small ones, weights of the large one.",
        ),
    ],
)
def replaced(kernel, channels):
    layers = (kernel - 1) // 2
    return layers, layers * 9 * channels**2, kernel**2 * channels**2


VGG16 = (15_237_608, 138_357_544)
MEMORY_CASES = [(*VGG16, 64), (1_413_347, 60_965_224, 128), (261_642, 1_504_554, 500), (1000, 70_000, 3)]


@exercise(
    question="How many megabytes does a training step keep, for a batch, in float32?",
    cases=MEMORY_CASES,
    tolerance=1e-9,
    hints=[
        "Two heaps: what is kept for each image, and what is kept for each parameter. Which of them grows "
        "with the batch?",
        "Images · activations, and three numbers for each parameter: its value, its gradient, its momentum. "
        "A float32 has 4 bytes, a megabyte here 1,000,000.",
        "`4 * (images * activations + 3 * parameters) / 1e6`.",
    ],
    mistakes=[
        Mistake(
            "one image",
            lambda activations, parameters, images: 4 * (activations + 3 * parameters) / 1e6,
            "this is for one image: every image of the batch leaves its own activations.",
        ),
        Mistake(
            "parameters for each image",
            lambda activations, parameters, images: 4 * images * (activations + 3 * parameters) / 1e6,
            "the parameters are there once, whatever the batch: all images share them, and their gradients "
            "are added up.",
        ),
        Mistake(
            "values only",
            lambda activations, parameters, images: 4 * (images * activations + parameters) / 1e6,
            "this is right for asking a trained network that keeps everything. Training keeps two more "
            "numbers for each parameter: its gradient and its momentum.",
        ),
        Mistake(
            "activations alone",
            lambda activations, parameters, images: 4 * images * activations / 1e6,
            "these are the activations alone; each parameter takes three numbers besides.",
        ),
        Mistake(
            "gradients of the activations",
            lambda activations, parameters, images: 4 * (2 * images * activations + 3 * parameters) / 1e6,
            "activations are counted with their gradients. Those are needed only from one layer to the next; we "
            "leave them out.",
        ),
        Mistake(
            "momentum forgotten",
            lambda activations, parameters, images: 4 * (images * activations + 2 * parameters) / 1e6,
            "value and gradient of each parameter are counted; momentum is a third number.",
        ),
        Mistake(
            "bytes forgotten",
            lambda activations, parameters, images: (images * activations + 3 * parameters) / 1e6,
            "these are millions of numbers. Each is a float32 of 4 bytes.",
        ),
        Mistake(
            "not in megabytes",
            lambda activations, parameters, images: 4 * (images * activations + 3 * parameters),
            "these are bytes; a megabyte has 1,000,000.",
        ),
        Mistake(
            "in gigabytes",
            lambda activations, parameters, images: 4 * (images * activations + 3 * parameters) / 1e9,
            "right in gigabytes; a megabyte has 1,000,000 bytes.",
        ),
        Mistake(
            "mebibytes",
            lambda activations, parameters, images: 4 * (images * activations + 3 * parameters) / 2**20,
            "these are mebibytes, of 1,048,576 bytes each. A megabyte has 1,000,000.",
        ),
        Mistake(
            "eight bytes",
            lambda activations, parameters, images: 8 * (images * activations + 3 * parameters) / 1e6,
            "8 bytes are a float64. Networks are trained in float32, which has 4.",
        ),
        Mistake(
            "activations three times",
            lambda activations, parameters, images: 12 * (images * activations + parameters) / 1e6,
            "activations have no momentum. (Their gradients do need some room, but only from one layer to "
            "the next; we leave it out.)",
        ),
    ],
)
def batch_memory(activations, parameters, images):
    return 4 * (images * activations + 3 * parameters) / 1e6


def _largest(megabytes, activations, parameters):
    return (megabytes * 1e6 / 4 - 3 * parameters) / activations


@exercise(
    question="What is the largest batch that can be trained in so many megabytes, in float32?",
    tolerance=0,
    cases=[
        (6000, *VGG16),
        (3000, 1_413_347, 60_965_224),
        (500, 261_642, 1_504_554),
        (1, 1000, 90_000),
        (4, 15_625, 125_000),
    ],
    hints=[
        "Turn the last exercise round. What does not grow with the batch has to go off first.",
        "The memory holds megabytes · 1,000,000 / 4 numbers. Three for each parameter are taken; how many "
        "images do the rest suffice for?",
        "`(megabytes * 1_000_000 // 4 - 3 * parameters) // activations`, and 0 if that is negative: `max(0, ...)`.",
    ],
    mistakes=[
        Mistake(
            "parameters forgotten",
            lambda megabytes, activations, parameters: int(megabytes * 1e6 // 4 // activations),
            "the parameters need room, too, three numbers for each, before the first image comes.",
        ),
        Mistake(
            "parameters once",
            lambda megabytes, activations, parameters: max(
                0, int((megabytes * 1e6 / 4 - parameters) // activations)
            ),
            "each parameter takes three numbers: value, gradient, momentum.",
        ),
        Mistake(
            "bytes forgotten",
            lambda megabytes, activations, parameters: max(
                0, int((megabytes * 1e6 - 3 * parameters) // activations)
            ),
            "a number takes 4 bytes: so many megabytes hold a quarter as many numbers.",
        ),
        Mistake(
            "part of an image",
            lambda megabytes, activations, parameters: max(0, _largest(megabytes, activations, parameters)),
            "an image is in the batch or it is not: round down.",
        ),
        Mistake(
            "rounded up",
            lambda megabytes, activations, parameters: max(
                0, -int(-_largest(megabytes, activations, parameters) // 1)
            ),
            "one too many: this is rounded up, and the last image does not fit.",
        ),
        Mistake(
            "not quite full",
            lambda *case: max(0, -int(-_largest(*case) // 1) - 1),
            "one too few where a batch fits exactly: the memory may be used to its last byte (`<=`, not `<`).",
        ),
        Mistake(
            "rounded to the nearest",
            lambda *case: max(0, round(_largest(*case))),
            "this is rounded to the nearest whole number. Rounded up, the last image does not fit: round down.",
        ),
        Mistake(
            "parameters for each image",
            lambda megabytes, activations, parameters: int(
                megabytes * 1e6 // 4 // (activations + 3 * parameters)
            ),
            "the parameters are counted for each image. They are there once, whatever the batch: take them "
            "off first, then divide.",
        ),
        Mistake(
            "negative batch",
            lambda megabytes, activations, parameters: int(_largest(megabytes, activations, parameters) // 1),
            "right where the parameters fit. Where they alone are too large for the memory, the largest batch "
            "is 0, not a negative number.",
        ),
        Mistake(
            "mebibytes",
            lambda megabytes, activations, parameters: max(
                0, int((megabytes * 2**20 / 4 - 3 * parameters) // activations)
            ),
            "a megabyte has 1,000,000 bytes here, not 1,048,576.",
        ),
    ],
)
def largest_batch(megabytes, activations, parameters):
    numbers = megabytes * 1_000_000 // 4 - 3 * parameters
    return max(0, numbers // activations)
