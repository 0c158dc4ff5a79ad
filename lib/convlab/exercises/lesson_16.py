"""Lesson 16: the roofline, the linear scaling rule, and how long an epoch will take."""

from convlab.exercises.exercise import exercise

TERA, GIGA = 1e12, 1e9


@exercise(
    insight="Left of the ridge memory is the limit: a faster processor would change nothing there.",
    question="How many operations per second are attainable at an arithmetic intensity, under a roofline?",
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
)
def attainable(intensity, peak, bandwidth):
    return min(peak, intensity * bandwidth)


@attainable.mistake(
    "the larger of the two",
    "this is the larger of the two limits. Both must be kept, so the smaller one decides.",
)
def _(intensity, peak, bandwidth):
    return max(peak, intensity * bandwidth)


@attainable.mistake(
    "never limited by arithmetic",
    "this is the slope without its roof: at a high intensity it promises more than the machine can "
    "calculate.",
)
def _(intensity, peak, bandwidth):
    return intensity * bandwidth


@attainable.mistake(
    "never limited by memory",
    "this is the flat top. A ReLU does not get there: memory cannot bring the bytes so fast.",
)
def _(intensity, peak, bandwidth):
    return peak


@attainable.mistake(
    "bytes instead of operations",
    "`bandwidth` counts bytes, `peak` operations; they cannot be compared. Each byte is good for "
    "`intensity` operations.",
)
def _(intensity, peak, bandwidth):
    return min(peak, bandwidth)


@attainable.mistake(
    "divided by the intensity",
    "the more operations each byte allows, the *more* are done a second: multiply by the intensity.",
)
def _(intensity, peak, bandwidth):
    return min(peak, bandwidth / intensity)


@attainable.mistake(
    "one after the other",
    "that would be right if the machine fetched and calculated in turns. It does both at once: the "
    "slower of the two decides.",
)
def _(intensity, peak, bandwidth):
    return 1 / (1 / peak + 1 / (intensity * bandwidth))


@attainable.mistake(
    "bytes below the ridge",
    "the two cases are distinguished correctly, but below the ridge memory brings `bandwidth` *bytes* a "
    "second. How many operations is each good for?",
)
def _(intensity, peak, bandwidth):
    return bandwidth if intensity < peak / bandwidth else peak


@attainable.mistake(
    "numbers of four bytes",
    "`intensity` counts operations for each byte already, not for each number of four bytes: no 4 is needed.",
)
def _(intensity, peak, bandwidth):
    return min(peak, intensity * bandwidth / 4)


@attainable.mistake(
    "the ridge",
    "this is the intensity of the ridge, in operations for each byte. The question is for operations a second: take "
    "the lower of the two limits.",
)
def _(intensity, peak, bandwidth):
    return peak / bandwidth


@attainable.mistake(
    "a share of the peak",
    "this is which share of `peak` is reached. Multiply it by `peak`: the question is for operations a second.",
)
def _(intensity, peak, bandwidth):
    return min(1, intensity * bandwidth / peak)


@attainable.mistake(
    "in bytes",
    "both limits are compared in *bytes* a second. The question is for operations: each byte allows `intensity` "
    "of them.",
)
def _(intensity, peak, bandwidth):
    return min(peak / intensity, bandwidth)


@attainable.mistake(
    "ridge at one operation",
    "this takes the slope below an intensity of 1, and the flat top above. The ridge lies at `peak / bandwidth`, "
    "which is another place on each machine.",
)
def _(intensity, peak, bandwidth):
    return intensity * bandwidth if intensity < 1 else peak


@attainable.mistake(
    "times four bytes",
    "`intensity` counts operations for each byte already: memory brings `bandwidth` bytes, and no 4 is needed.",
)
def _(intensity, peak, bandwidth):
    return min(peak, 4 * intensity * bandwidth)


@attainable.mistake(
    "in billions", "right, in billions of operations a second. The question is for operations a second."
)
def _(intensity, peak, bandwidth):
    return min(peak, intensity * bandwidth) / 1e9


@attainable.mistake(
    "seconds for each operation",
    "this is the time of one operation, in seconds. Turn it round: operations a second.",
)
def _(intensity, peak, bandwidth):
    return max(1 / peak, 1 / (intensity * bandwidth))


@exercise(
    insight="The rule holds for moderate batches; far beyond them training fails or needs a warm-up.",
    question="Which learning rate does the linear scaling rule suggest for `workers` processes with "
    "`per_worker` images each, if `rate` was good for `batch_size` images?",
    cases=[(0.1, 256, 32, 256), (0.05, 128, 2, 64), (0.2, 100, 3, 50), (0.1, 128, 4, 256), (0.1, 512, 2, 64)],
    hints=[
        "How many images does one step look at, all processes together?",
        "Averaged gradients of equal parts are the gradient of the whole: `workers * per_worker` images. By "
        "which factor is that more than `batch_size`?",
        "`rate * workers * per_worker / batch_size`.",
    ],
)
def scaled_rate(rate, batch_size, workers, per_worker):
    return rate * workers * per_worker / batch_size


@scaled_rate.mistake(
    "times the processes",
    "right as long as every process takes a whole old batch. Here `per_worker` may be another number: "
    "count the images of one step.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * workers


@scaled_rate.mistake(
    "processes forgotten", "this looks at the batch of one process. A step averages over all of them."
)
def _(rate, batch_size, workers, per_worker):
    return rate * per_worker / batch_size


@scaled_rate.mistake(
    "unchanged",
    "the rate is what it was. There are fewer steps for the same images, so each has to go further.",
)
def _(rate, batch_size, workers, per_worker):
    return rate


@scaled_rate.mistake(
    "divided as whole numbers",
    "`//` cuts off the fraction, and batches need not be multiples of each other: divide with `/`.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * (workers * per_worker // batch_size)


@scaled_rate.mistake("turned round", "the other way round: more images, a surer gradient, a *longer* step.")
def _(rate, batch_size, workers, per_worker):
    return rate * batch_size / (workers * per_worker)


@scaled_rate.mistake(
    "square root",
    "with a square root: that is the other rule, which keeps the noise of a step the same. The linear "
    "one keeps the distance moved per image.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * (workers * per_worker / batch_size) ** 0.5


@scaled_rate.mistake(
    "square root of the processes",
    "with a square root, and of the processes alone. The linear rule has no root, and it counts the "
    "images of one step, all processes together.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * workers**0.5


@scaled_rate.mistake(
    "rate shared out",
    "the rate is divided among the processes. But they average, and then take *one* step together, on "
    "more images.",
)
def _(rate, batch_size, workers, per_worker):
    return rate / workers


@scaled_rate.mistake(
    "times all images",
    "this multiplies by the images of one step. `rate` was good for `batch_size` of them: by which factor "
    "are they more?",
)
def _(rate, batch_size, workers, per_worker):
    return rate * workers * per_worker


@scaled_rate.mistake(
    "batches divided as whole numbers",
    "`per_worker // batch_size` is 0 where a process takes fewer images than before, and cuts off a fraction: "
    "divide with `/`.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * workers * (per_worker // batch_size)


@scaled_rate.mistake(
    "batch sizes exchanged",
    "the two batch sizes are exchanged: *more* images in a step make a *larger* rate, so `per_worker` belongs in "
    "the numerator.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * workers * batch_size / per_worker


@scaled_rate.mistake(
    "divided by the processes",
    "you divide by `workers`. All processes together look at `workers * per_worker` images in a step: "
    "multiply.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * per_worker / (batch_size * workers)


@scaled_rate.mistake("the factor alone", "this is the factor alone: multiply the old `rate` by it.")
def _(rate, batch_size, workers, per_worker):
    return workers * per_worker / batch_size


@scaled_rate.mistake(
    "only larger",
    "right where a step looks at more images than before. Where it looks at fewer, the rule makes the rate *smaller*.",
)
def _(rate, batch_size, workers, per_worker):
    return max(rate, rate * workers * per_worker / batch_size)


@scaled_rate.mistake(
    "one process too few",
    "one process too few is counted: all `workers` of them take part in a step, the first one, too.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * (workers - 1) * per_worker / batch_size


@scaled_rate.mistake(
    "square root of one process",
    "this takes a square root, and of the batch of one process. The linear rule has no root, and a step averages "
    "over all processes.",
)
def _(rate, batch_size, workers, per_worker):
    return rate * (per_worker / batch_size) ** 0.5


@scaled_rate.mistake("factor added", "the factor is added to the rate. The rule multiplies the rate by it.")
def _(rate, batch_size, workers, per_worker):
    return rate + workers * per_worker / batch_size


@exercise(
    insight="A forward and backward pass costs about three forward passes, and a MAC counts as two operations.",
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
)
def epoch_seconds(images, macs, peak, share):
    return images * 3 * 2 * macs / (share * peak)


@epoch_seconds.mistake(
    "MACs as operations",
    "this is half of the time: a MAC is a multiplication *and* an addition, two operations.",
)
def _(images, macs, peak, share):
    return images * 3 * macs / (share * peak)


@epoch_seconds.mistake(
    "forward only",
    "this is the forward pass alone. Training also has a backward pass, which costs about two forward passes.",
)
def _(images, macs, peak, share):
    return images * 2 * macs / (share * peak)


@epoch_seconds.mistake(
    "MACs, forward only",
    "this is a sixth of the time: a MAC is two operations, and training is three passes.",
)
def _(images, macs, peak, share):
    return images * macs / (share * peak)


@epoch_seconds.mistake(
    "backward costs as much as forward",
    "backward is counted as one pass. It is two: a gradient for the weights, and one for the inputs.",
)
def _(images, macs, peak, share):
    return images * 2 * 2 * macs / (share * peak)


@epoch_seconds.mistake(
    "share forgotten", "that would be at the limit itself. Training reaches only `share` of it."
)
def _(images, macs, peak, share):
    return images * 6 * macs / peak


@epoch_seconds.mistake("share of the time", "a smaller share takes *longer*: divide by it.")
def _(images, macs, peak, share):
    return images * 6 * macs * share / peak


@epoch_seconds.mistake(
    "images per second", "this is how many images it takes in a second. How many seconds for all of them?"
)
def _(images, macs, peak, share):
    return share * peak / (6 * macs)


@epoch_seconds.mistake("one image", "this is the time for one image. An epoch has `images` of them.")
def _(images, macs, peak, share):
    return 6 * macs / (share * peak)


@epoch_seconds.mistake(
    "MACs by peak",
    "three things are missing: a MAC is two operations, training is three passes, and only `share` of "
    "`peak` is reached.",
)
def _(images, macs, peak, share):
    return images * macs / peak


@epoch_seconds.mistake(
    "forward only, share forgotten",
    "two things are missing: training has a backward pass, too, and it reaches only `share` of `peak`.",
)
def _(images, macs, peak, share):
    return images * 2 * macs / peak


@epoch_seconds.mistake(
    "share left over", "`share` is what is reached, not what is lost: divide by `share`, not by `1 - share`."
)
def _(images, macs, peak, share):
    return images * 6 * macs / ((1 - share) * peak)


@epoch_seconds.mistake("in minutes", "right, in minutes. The question is for seconds.")
def _(images, macs, peak, share):
    return images * 6 * macs / (share * peak) / 60


@epoch_seconds.mistake(
    "share in per cent", "a hundred times too long: `share` is a fraction between 0 and 1 already."
)
def _(images, macs, peak, share):
    return images * 6 * macs / (share / 100 * peak)


@attainable.mistake(
    "both added up",
    "the two limits are added up. The slower one sets the pace: take the smaller of the two.",
)
def _(intensity, peak, bandwidth):
    return peak + intensity * bandwidth
