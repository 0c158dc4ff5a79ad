"""Lesson 13: small filters for a large one, the memory of a training step, and the largest batch that fits."""

from convlab.exercises.exercise import exercise


@exercise(
    insight="Three small kernels see as much as one 7x7, with fewer weights, and they have room for two more ReLUs.",
    question="How many stacked 3x3 convolutions have the receptive field of one kernel x kernel, and how "
    "many weights does each option have?",
    tolerance=0,
    cases=[(7, 64), (5, 10), (11, 96), (3, 7), (15, 2)],
    hints=[
        "One 3x3 sees 3 pixels on a side. How many more does each further one add (lesson 06)?",
        "Each adds one pixel on the left and one on the right, so n layers see 2n + 1. A layer has a kernel for each pair of "
        "maps, channels² of them.",
        "`layers = (kernel - 1) // 2`, then `layers * 9 * channels**2` and `kernel**2 * channels**2`.",
    ],
)
def replaced(kernel, channels):
    layers = (kernel - 1) // 2
    return layers, layers * 9 * channels**2, kernel**2 * channels**2


def _stack(kernel, channels):
    return (kernel - 1) // 2


def _replacing(layers=_stack, small=lambda channels: 9 * channels**2, large=None):
    """Return a wrong answer: so many layers, so many weights in each, so many in the large kernel."""

    def answer(kernel, channels):
        count = layers(kernel, channels)
        single = kernel**2 * channels**2 if large is None else large(kernel, channels)
        return count, count * small(channels), single

    return answer


replaced.mistake(
    "a third of the kernel",
    "you have divided the kernel by 3, as if the small ones stood side by side. They lie on top of "
    "each other and overlap: each further one adds 2 pixels.",
    answer=_replacing(lambda kernel, channels: kernel // 3),
)

replaced.mistake(
    "a third of the kernel, rounded up",
    "a third of the kernel, rounded up: that is how many stand side by side. On top of each other they "
    "overlap, and each further one adds only 2 pixels.",
    answer=_replacing(lambda kernel, channels: -(-kernel // 3)),
)

replaced.mistake(
    "as many as fit into the area",
    "you have divided the areas. The small kernels lie on top of each other, and each reads the output "
    "of the one below: each further one makes the side 2 pixels longer.",
    answer=_replacing(lambda kernel, channels: -(-(kernel**2) // 9)),
)

replaced.mistake(
    "half of the kernel, rounded up",
    "one layer too many: n layers see 2n + 1 pixels.",
    answer=_replacing(lambda kernel, channels: (kernel + 1) // 2),
)

replaced.mistake(
    "one pixel each",
    "you let each further layer add one pixel. It adds one on *each* side, two in all.",
    answer=_replacing(lambda kernel, channels: kernel - 2),
)

replaced.mistake(
    "channels not squared",
    "the layers are right. Each map that goes out sees all maps that come in: there are channels · "
    "channels kernels in a layer.",
    answer=_replacing(
        small=lambda channels: 9 * channels, large=lambda kernel, channels: kernel**2 * channels
    ),
)

replaced.mistake(
    "channels forgotten",
    "these are the weights of a single map on a single map. There is a kernel for every pair of "
    "maps, channels² of them.",
    answer=_replacing(small=lambda channels: 9, large=lambda kernel, channels: kernel**2),
)

replaced.mistake(
    "with biases",
    "right with biases; the question is for the weights alone.",
    answer=_replacing(
        small=lambda channels: 9 * channels**2 + channels,
        large=lambda kernel, channels: kernel**2 * channels**2 + channels,
    ),
)


@replaced.mistake(
    "weights of one layer", "the layers are right, but the second number is the weights of only one of them."
)
def _(kernel, channels):
    return (
        _stack(kernel, channels),
        9 * channels**2,
        kernel**2 * channels**2,
    )


@replaced.mistake(
    "the wrong way round",
    "right numbers in another order: layers, weights of all the small ones, weights of the large one.",
)
def _(kernel, channels):
    return replaced.reference(kernel, channels)[::2] + replaced.reference(kernel, channels)[1:2]


replaced.mistake(
    "first layer forgotten",
    "one layer too few: the first 3x3 sees 3 pixels, and each *further* one adds 2. Count the first one, too.",
    answer=_replacing(lambda kernel, channels: (kernel - 3) // 2),
)

replaced.mistake(
    "one pixel each, from 1",
    "you let each layer add one pixel to the one that a single pixel sees. A 3x3 adds one on *each* side, two in "
    "all.",
    answer=_replacing(lambda kernel, channels: kernel - 1),
)

replaced.mistake(
    "sides instead of squares",
    "the layers are right. A kernel has a weight for each pixel of its square: 3 · 3 and kernel · kernel, not 3 and "
    "kernel.",
    answer=_replacing(
        small=lambda channels: 3 * channels**2, large=lambda kernel, channels: kernel * channels**2
    ),
)

replaced.mistake(
    "3 instead of 9",
    "the layers and the large kernel are right. A 3x3 kernel has 9 weights; you have taken 3.",
    answer=_replacing(small=lambda channels: 3 * channels**2),
)

replaced.mistake(
    "channels squared only in the large one",
    "the layers and the large kernel are right. The small ones have a kernel for every pair of maps as well: "
    "channels², not channels.",
    answer=_replacing(small=lambda channels: 9 * channels),
)


@replaced.mistake("only the layers", "the layers are right. Return the two numbers of weights, too.")
def _(kernel, channels):
    return _stack(kernel, channels)


VGG16 = (15_237_608, 138_357_544)
MEMORY_CASES = [(*VGG16, 64), (1_413_347, 60_965_224, 128), (261_642, 1_504_554, 500), (1000, 70_000, 3)]


@exercise(
    insight="Activations grow with the batch, weights do not: a smaller batch helps only the first.",
    question="How many megabytes does a training step need for a batch, in float32?",
    cases=MEMORY_CASES,
    tolerance=1e-7,
    hints=[
        "There are two parts: what is stored for each image, and what is stored for each parameter. Which of "
        "them grows with the batch?",
        "Images · activations, and three numbers for each parameter: its value, its gradient, its momentum. "
        "A float32 has 4 bytes, a megabyte here 1,000,000.",
        "`4 * (images * activations + 3 * parameters) / 1e6`.",
    ],
)
def batch_memory(activations, parameters, images):
    return 4 * (images * activations + 3 * parameters) / 1e6


@batch_memory.mistake(
    "one image", "this is for one image: every image of the batch leaves its own activations."
)
def _(activations, parameters, images):
    return 4 * (activations + 3 * parameters) / 1e6


@batch_memory.mistake(
    "parameters for each image",
    "the parameters are there once, whatever the batch: all images share them, and their gradients "
    "are added up.",
)
def _(activations, parameters, images):
    return 4 * images * (activations + 3 * parameters) / 1e6


@batch_memory.mistake(
    "values only",
    "this is what a forward pass needs if it stores all activations. Training stores two more "
    "numbers for each parameter: its gradient and its momentum.",
)
def _(activations, parameters, images):
    return 4 * (images * activations + parameters) / 1e6


@batch_memory.mistake(
    "activations alone", "these are the activations alone. Each parameter takes three numbers as well."
)
def _(activations, parameters, images):
    return 4 * images * activations / 1e6


@batch_memory.mistake(
    "gradients of the activations",
    "activations are counted with their gradients. Those are needed only from one layer to the next; we "
    "leave them out.",
)
def _(activations, parameters, images):
    return 4 * (2 * images * activations + 3 * parameters) / 1e6


@batch_memory.mistake(
    "momentum forgotten", "value and gradient of each parameter are counted; momentum is a third number."
)
def _(activations, parameters, images):
    return 4 * (images * activations + 2 * parameters) / 1e6


@batch_memory.mistake("bytes forgotten", "these are millions of numbers. Each is a float32 of 4 bytes.")
def _(activations, parameters, images):
    return (images * activations + 3 * parameters) / 1e6


@batch_memory.mistake("not in megabytes", "these are bytes; a megabyte has 1,000,000.")
def _(activations, parameters, images):
    return 4 * (images * activations + 3 * parameters)


@batch_memory.mistake("in gigabytes", "right in gigabytes; a megabyte has 1,000,000 bytes.")
def _(activations, parameters, images):
    return 4 * (images * activations + 3 * parameters) / 1e9


@batch_memory.mistake("mebibytes", "these are mebibytes, of 1,048,576 bytes each. A megabyte has 1,000,000.")
def _(activations, parameters, images):
    return 4 * (images * activations + 3 * parameters) / 2**20


@batch_memory.mistake("eight bytes", "8 bytes are a float64. Networks are trained in float32, which has 4.")
def _(activations, parameters, images):
    return 8 * (images * activations + 3 * parameters) / 1e6


@batch_memory.mistake(
    "activations three times",
    "activations have no momentum. (Their gradients do need some memory, but only from one layer to "
    "the next; we leave it out.)",
)
def _(activations, parameters, images):
    return 12 * (images * activations + parameters) / 1e6


@exercise(
    insight="First subtract what does not depend on the batch; then divide, and round down.",
    question="What is the largest batch that can be trained in a given number of megabytes, in float32?",
    tolerance=0,
    cases=[
        (6000, *VGG16),
        (3000, 1_413_347, 60_965_224),
        (500, 261_642, 1_504_554),
        (1, 1000, 90_000),
        (4, 15_625, 125_000),
    ],
    hints=[
        "Solve the last exercise for the number of images. First subtract what does not grow with the batch.",
        "The memory holds megabytes · 1,000,000 / 4 numbers. Three for each parameter are taken. For how many "
        "images is the rest enough?",
        "`(megabytes * 1_000_000 // 4 - 3 * parameters) // activations`, and 0 if that is negative: `max(0, ...)`.",
    ],
)
def largest_batch(megabytes, activations, parameters):
    numbers = megabytes * 1_000_000 // 4 - 3 * parameters
    return max(0, numbers // activations)


@largest_batch.mistake(
    "parameters forgotten",
    "the parameters need memory, too: three numbers for each, whatever the batch.",
)
def _(megabytes, activations, parameters):
    return int(megabytes * 1e6 // 4 // activations)


@largest_batch.mistake("parameters once", "each parameter takes three numbers: value, gradient, momentum.")
def _(megabytes, activations, parameters):
    return max(0, int((megabytes * 1e6 / 4 - parameters) // activations))


@largest_batch.mistake(
    "bytes forgotten", "a number takes 4 bytes: so many megabytes hold a quarter as many numbers."
)
def _(megabytes, activations, parameters):
    return max(0, int((megabytes * 1e6 - 3 * parameters) // activations))


@largest_batch.mistake("part of an image", "an image is in the batch or it is not: round down.")
def _(megabytes, activations, parameters):
    return max(0, _largest(megabytes, activations, parameters))


@largest_batch.mistake("rounded up", "one too many: this is rounded up, and the last image does not fit.")
def _(megabytes, activations, parameters):
    return max(0, -int(-_largest(megabytes, activations, parameters) // 1))


@largest_batch.mistake(
    "not quite full",
    "one too few where a batch fits exactly: the memory may be used to its last byte (`<=`, not `<`).",
)
def _(*case):
    return max(0, -int(-_largest(*case) // 1) - 1)


@largest_batch.mistake(
    "rounded to the nearest",
    "this is rounded to the nearest whole number. Rounded up, the last image does not fit: round down.",
)
def _(*case):
    return max(0, round(_largest(*case)))


@largest_batch.mistake(
    "parameters for each image",
    "the parameters are counted for each image. They are there once, whatever the batch: subtract "
    "them first, then divide.",
)
def _(megabytes, activations, parameters):
    return int(megabytes * 1e6 // 4 // (activations + 3 * parameters))


@largest_batch.mistake(
    "negative batch",
    "right where the parameters fit. Where they alone are too large for the memory, the largest batch "
    "is 0, not a negative number.",
)
def _(megabytes, activations, parameters):
    return int(_largest(megabytes, activations, parameters) // 1)


@largest_batch.mistake("mebibytes", "a megabyte has 1,000,000 bytes here, not 1,048,576.")
def _(megabytes, activations, parameters):
    return max(0, int((megabytes * 2**20 / 4 - 3 * parameters) // activations))


@largest_batch.mistake(
    "4 bytes for activations only",
    "the activations are counted in bytes and the parameters are not: each number takes 4 bytes, those of the "
    "parameters, too.",
)
def _(megabytes, activations, parameters):
    return max(0, int((megabytes * 1e6 - 3 * parameters) // (4 * activations)))


@largest_batch.mistake(
    "4 bytes for parameters only",
    "the parameters are counted in bytes and the activations are not: each activation takes 4 bytes, too.",
)
def _(megabytes, activations, parameters):
    return max(0, int((megabytes * 1e6 - 12 * parameters) // activations))


@largest_batch.mistake(
    "momentum forgotten", "value and gradient of each parameter are counted; momentum is a third number."
)
def _(megabytes, activations, parameters):
    return max(0, int((megabytes * 1e6 / 4 - 2 * parameters) // activations))


@largest_batch.mistake(
    "gradients of the activations",
    "activations are counted with their gradients. The lesson leaves those out: they are needed only from one layer "
    "to the next.",
)
def _(megabytes, activations, parameters):
    return max(0, int((megabytes * 1e6 / 4 - 3 * parameters) // (2 * activations)))


@largest_batch.mistake(
    "million forgotten",
    "your answer is 0 in every case. Is `megabytes` turned into bytes? A megabyte has 1,000,000 of them.",
)
def _(megabytes, activations, parameters):
    return max(0, (megabytes // 4 - 3 * parameters) // activations)


@largest_batch.mistake(
    "parameters added",
    "the parameters take memory away from the batch: subtract their numbers, do not add them.",
)
def _(megabytes, activations, parameters):
    return int((megabytes * 1e6 / 4 + 3 * parameters) // activations)


@largest_batch.mistake("eight bytes", "8 bytes are a float64. Networks are trained in float32, which has 4.")
def _(megabytes, activations, parameters):
    return max(0, int((megabytes * 1e6 / 8 - 3 * parameters) // activations))


@largest_batch.mistake(
    "at least one image",
    "right where an image fits. Where the parameters alone are too large for the memory, the largest batch is 0, not 1.",
)
def _(megabytes, activations, parameters):
    return max(1, int(_largest(megabytes, activations, parameters) // 1))


@largest_batch.mistake(
    "part of an image, or fewer than none",
    "two things: an image is in the batch or it is not, so round down; and where the parameters alone are too large "
    "for the memory, the answer is 0.",
)
def _(megabytes, activations, parameters):
    return _largest(megabytes, activations, parameters)


def _largest(megabytes, activations, parameters):
    return (megabytes * 1e6 / 4 - 3 * parameters) / activations
