"""Lesson 16: the roofline, the linear scaling rule, and how long an epoch will take."""

from convlab.exercises.engine import Mistake, exercise

TERA, GIGA = 1e12, 1e9


@exercise(
    question="How many operations a second are attainable at an arithmetic intensity, under a roofline?",
    cases=[
        (0.125, 400 * GIGA, 20 * GIGA),
        (50.0, 400 * GIGA, 20 * GIGA),
        (1350.0, 92 * TERA, 34 * GIGA),
        (20.0, 1.3 * TERA, 51 * GIGA),
    ],
    hints=[
        "Memory brings `bandwidth` bytes a second, and each byte is good for `intensity` operations. How many "
        "operations a second is that? When is it more than the machine can calculate?",
        "There are two limits, `peak` and `intensity * bandwidth`. The slower one decides.",
        "`min(peak, intensity * bandwidth)`.",
    ],
    mistakes=[
        Mistake(
            "the larger of the two",
            lambda intensity, peak, bandwidth: max(peak, intensity * bandwidth),
            "this is the larger of the two limits. Both must be kept, so the smaller one decides.",
        ),
        Mistake(
            "never limited by arithmetic",
            lambda intensity, peak, bandwidth: intensity * bandwidth,
            "this is the slope without its roof: at a high intensity it promises more than the machine can "
            "calculate.",
        ),
        Mistake(
            "never limited by memory",
            lambda intensity, peak, bandwidth: peak,
            "this is the flat top. A ReLU does not get there: memory cannot bring the bytes so fast.",
        ),
        Mistake(
            "bytes instead of operations",
            lambda intensity, peak, bandwidth: min(peak, bandwidth),
            "`bandwidth` counts bytes, `peak` operations; they cannot be compared. Each byte is good for "
            "`intensity` operations.",
        ),
        Mistake(
            "divided by the intensity",
            lambda intensity, peak, bandwidth: min(peak, bandwidth / intensity),
            "the more operations each byte allows, the *more* are done a second: multiply by the intensity.",
        ),
        Mistake(
            "one after the other",
            lambda intensity, peak, bandwidth: 1 / (1 / peak + 1 / (intensity * bandwidth)),
            "that would be right if the machine fetched and calculated in turns. It does both at once: the "
            "slower of the two decides.",
        ),
        Mistake(
            "bytes below the ridge",
            lambda intensity, peak, bandwidth: bandwidth if intensity < peak / bandwidth else peak,
            "the two cases are told apart rightly, but below the ridge memory brings `bandwidth` *bytes* a "
            "second. How many operations is each good for?",
        ),
        Mistake(
            "numbers of four bytes",
            lambda intensity, peak, bandwidth: min(peak, intensity * bandwidth / 4),
            "`intensity` counts operations for each byte already, not for each number of four bytes: no 4 is "
            "needed.",
        ),
    ],
)
def attainable(intensity, peak, bandwidth):
    return min(peak, intensity * bandwidth)


@exercise(
    question="Which learning rate does the linear scaling rule suggest for `workers` processes with "
    "`per_worker` images each, if `rate` was good for `batch_size` images?",
    cases=[(0.1, 256, 32, 256), (0.05, 128, 2, 64), (0.2, 100, 3, 50), (0.1, 128, 4, 256), (0.1, 512, 2, 64)],
    hints=[
        "How many images does one step look at, all processes together?",
        "Averaged gradients of equal parts are the gradient of the whole: `workers * per_worker` images. By "
        "which factor is that more than `batch_size`?",
        "`rate * workers * per_worker / batch_size`.",
    ],
    mistakes=[
        Mistake(
            "times the processes",
            lambda rate, batch_size, workers, per_worker: rate * workers,
            "right as long as every process takes a whole old batch. Here `per_worker` may be another number: "
            "count the images of one step.",
        ),
        Mistake(
            "processes forgotten",
            lambda rate, batch_size, workers, per_worker: rate * per_worker / batch_size,
            "this looks at the batch of one process. A step averages over all of them.",
        ),
        Mistake(
            "unchanged",
            lambda rate, batch_size, workers, per_worker: rate,
            "the rate is what it was. There are fewer steps for the same images, so each has to go further.",
        ),
        Mistake(
            "turned round",
            lambda rate, batch_size, workers, per_worker: rate * batch_size / (workers * per_worker),
            "the other way round: more images, a surer gradient, a *longer* step.",
        ),
        Mistake(
            "square root",
            lambda rate, batch_size, workers, per_worker: rate * (workers * per_worker / batch_size) ** 0.5,
            "with a square root: that is the other rule, which keeps the noise of a step the same. The linear "
            "one keeps the way travelled per image.",
        ),
        Mistake(
            "square root of the processes",
            lambda rate, batch_size, workers, per_worker: rate * workers**0.5,
            "with a square root, and of the processes alone. The linear rule has no root, and it counts the "
            "images of one step, all processes together.",
        ),
        Mistake(
            "rate shared out",
            lambda rate, batch_size, workers, per_worker: rate / workers,
            "the rate is divided among the processes. But they average, and then take *one* step together, on "
            "more images.",
        ),
        Mistake(
            "times all images",
            lambda rate, batch_size, workers, per_worker: rate * workers * per_worker,
            "this multiplies by the images of one step. `rate` was good for `batch_size` of them: by which factor "
            "are they more?",
        ),
    ],
)
def scaled_rate(rate, batch_size, workers, per_worker):
    return rate * workers * per_worker / batch_size


@exercise(
    question="How many seconds does an epoch of `images` images take, with `macs` MACs forward for each, if "
    "training reaches `share` of `peak` operations a second?",
    cases=[
        (50_000, 118_000_000, 800 * GIGA, 0.5),
        (60_000, 8_737_386, 300 * GIGA, 0.2),
        (1_281_167, 3_858_000_000, 60 * TERA, 0.4),
        (1_000, 40_600_000, 100 * GIGA, 1.0),
        (50_000, 40_600_000, 100 * GIGA, 1.3),
    ],
    hints=[
        "How many operations is a MAC? And how many passes does training need for each image: forward, and …?",
        "A MAC is two operations. Backward costs two passes more, one for the weights and one for the inputs: "
        "three in all. What is reached is `share * peak` operations a second.",
        "`images * 3 * 2 * macs / (share * peak)`.",
    ],
    mistakes=[
        Mistake(
            "MACs as operations",
            lambda images, macs, peak, share: images * 3 * macs / (share * peak),
            "half of it: a MAC is a multiplication *and* an addition, two operations.",
        ),
        Mistake(
            "forward only",
            lambda images, macs, peak, share: images * 2 * macs / (share * peak),
            "this is the way forward. Training goes back, too, which costs about twice as much again.",
        ),
        Mistake(
            "MACs, forward only",
            lambda images, macs, peak, share: images * macs / (share * peak),
            "a sixth of it: a MAC is two operations, and training is three passes.",
        ),
        Mistake(
            "backward as dear as forward",
            lambda images, macs, peak, share: images * 2 * 2 * macs / (share * peak),
            "backward is counted as one pass. It is two: a gradient for the weights, and one for the inputs.",
        ),
        Mistake(
            "share forgotten",
            lambda images, macs, peak, share: images * 6 * macs / peak,
            "that would be at the limit itself. Training reaches only `share` of it.",
        ),
        Mistake(
            "share of the time",
            lambda images, macs, peak, share: images * 6 * macs * share / peak,
            "a smaller share takes *longer*: divide by it.",
        ),
        Mistake(
            "images per second",
            lambda images, macs, peak, share: share * peak / (6 * macs),
            "this is how many images it takes in a second. How many seconds for all of them?",
        ),
        Mistake(
            "one image",
            lambda images, macs, peak, share: 6 * macs / (share * peak),
            "this is the time for one image. An epoch has `images` of them.",
        ),
        Mistake(
            "MACs by peak",
            lambda images, macs, peak, share: images * macs / peak,
            "three things are missing: a MAC is two operations, training is three passes, and only `share` of "
            "`peak` is reached.",
        ),
        Mistake(
            "forward only, share forgotten",
            lambda images, macs, peak, share: images * 2 * macs / peak,
            "two things are missing: training goes back, too, and it reaches only `share` of `peak`.",
        ),
        Mistake(
            "share left over",
            lambda images, macs, peak, share: images * 6 * macs / ((1 - share) * peak),
            "`share` is what is reached, not what is lost: divide by it, not by one less it.",
        ),
        Mistake(
            "in minutes",
            lambda images, macs, peak, share: images * 6 * macs / (share * peak) / 60,
            "right, in minutes. The question is for seconds.",
        ),
        Mistake(
            "share in per cent",
            lambda images, macs, peak, share: images * 6 * macs / (share / 100 * peak),
            "a hundred times too long: `share` is a fraction between 0 and 1 already.",
        ),
    ],
)
def epoch_seconds(images, macs, peak, share):
    return images * 3 * 2 * macs / (share * peak)
