"""Lesson 26: whose token this is, who may pass a rate limiter, and how long requests wait for their batch."""

import base64
import hashlib
import hmac
import json

import numpy as np

from convlab.exercises.exercise import exercise

_KEY, _OTHER = b"the service's own key", b"somebody else's key"


def _part(data) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(head, claims, key, covers="{0}.{1}"):
    """Return the bytes of a signature; `covers` says what is signed: {0} is the head, {1} the claims."""
    return hmac.new(key, covers.format(head, claims).encode(), hashlib.sha256).digest()


def _token(subject, expires, key=_KEY, algorithm="HS256", covers="{0}.{1}"):
    """Return a token; one of the algorithm none has no signature."""
    head, claims = _part({"alg": algorithm}), _part({"sub": subject, "exp": expires})
    signature = _signature(head, claims, key, covers) if algorithm != "none" else b""
    return f"{head}.{claims}.{_part(signature)}"


def _hexadecimal(token):
    """Return a token whose signature is written in hexadecimal digits, and not in base64."""
    text, _, signature = token.rpartition(".")
    return f"{text}.{_read(signature).hex()}"


def _changed(token, subject):
    """Return a token whose subject was changed after it had been signed."""
    head, _, signature = token.split(".")
    return f"{head}.{_part({'sub': subject, 'exp': 2000})}.{signature}"


def _read(part):
    """Return what a part of a token says; the padding that base64 wants is put back."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@exercise(
    question="Who is the subject of a token at the time `now`, or the empty text if it must be refused?",
    tolerance=0,
    cases=[
        (_token("ada", 2000), _KEY, 1000),
        (_token("bob", 900), _KEY, 1000),
        (_token("eve", 2000, _OTHER), _KEY, 1000),
        (_changed(_token("ada", 2000), "admin"), _KEY, 1000),
        (_token("admin", 2000, algorithm="none"), _KEY, 1000),
        (_token("carol", 1000), _KEY, 1000),
        (_token("김", 2000), _KEY, 1999),
        (_token("dan", 2000, covers="{1}"), _KEY, 1000),
        (_token("fay", 2000, covers="{0}{1}"), _KEY, 1000),
        (_hexadecimal(_token("gus", 2000)), _KEY, 1000),
    ],
    hints=[
        "Three things must be right: the signature, which covers head and claims; the algorithm, which is ours to "
        "choose; the time.",
        "Compute the signature of `head.claims` yourself, with HMAC-SHA256, and compare it with the one that came by "
        "`hmac.compare_digest`. Ignore what the head says. A token whose `exp` is `now` has expired.",
        '`text, _, came = token.rpartition(".")`; `hmac.new(key, text.encode(), hashlib.sha256).digest()` is the right '
        'signature; `json.loads(read(text.split(".")[1]))` are the claims.',
    ],
    insight="Anybody can read a token, but only who has the key can write one, so nothing that it says counts before its signature is proved.",
)
def subject_of(token, key, now):
    def read(part):
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    text, _, came = token.rpartition(".")
    right = hmac.new(key, text.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(right, read(came)):
        return ""
    claims = json.loads(read(text.split(".")[1]))
    return claims["sub"] if now < claims["exp"] else ""


def _subject(
    token, key, now, *, signed=True, clock=True, late=False, trusting=False, covers="{0}.{1}", digits=False
):
    """Return the subject of a token, with some of the checks left out or made in a wrong way."""
    head, claims, came = token.split(".")
    trusted = trusting and json.loads(_read(head))["alg"] == "none"
    right = _signature(head, claims, key, covers)
    same = right.hex() == came if digits else right == _read(came)
    if signed and not trusted and not same:
        return ""
    said = json.loads(_read(claims))
    if clock and (now > said["exp"] if late else now >= said["exp"]):
        return ""
    return said["sub"]


@subject_of.mistake(
    "signature not checked",
    "a token that somebody else has made, or changed, passes: anybody can write claims. Check the signature first.",
)
def _(token, key, now):
    return _subject(token, key, now, signed=False)


@subject_of.mistake(
    "nothing checked", "this reads the claims and checks nothing: signature and time both count."
)
def _(token, key, now):
    return _subject(token, key, now, signed=False, clock=False)


@subject_of.mistake(
    "algorithm none trusted",
    "a token without a signature passes, because its own head says `none`. The head comes from the stranger, too: the "
    "algorithm is yours to choose.",
)
def _(token, key, now):
    return _subject(token, key, now, trusting=True)


@subject_of.mistake("time not checked", "a token that has expired passes: compare `exp` with `now`.")
def _(token, key, now):
    return _subject(token, key, now, clock=False)


@subject_of.mistake(
    "time the wrong way round",
    "the tokens that pass have expired, and those in order are refused: `exp` must be *later* than `now`.",
)
def _(token, key, now):
    signed = _subject(token, key, now, clock=False)
    return signed if signed and json.loads(_read(token.split(".")[1]))["exp"] < now else ""


@subject_of.mistake(
    "one second too long",
    "a token still passes at the very second of `exp`: it must be *before* it (RFC 7519, 4.1.4).",
)
def _(token, key, now):
    return _subject(token, key, now, late=True)


@subject_of.mistake(
    "signature of the claims alone",
    "the signature that you compute covers the claims alone: sign `head.claims`, the point too.",
)
def _(token, key, now):
    return _subject(token, key, now, covers="{1}")


@subject_of.mistake(
    "signature without the point",
    "the signature that you compute covers head and claims without the point between them: sign `head.claims`.",
)
def _(token, key, now):
    return _subject(token, key, now, covers="{0}{1}")


@subject_of.mistake(
    "hexadecimal digits",
    "`.hexdigest()` gives a text of hexadecimal digits, and a token has its signature in base64: compare "
    "`.digest()` with `read(signature)`.",
)
def _(token, key, now):
    return _subject(token, key, now, digits=True)


@subject_of.mistake(
    "nobody",
    "every token is refused, and some are in order. Compare bytes with bytes: `.digest()`, and not `.hexdigest()`, "
    "with `read(signature)`, and not with the text. The signature covers `head.claims`, the point too.",
)
def _(token, key, now):
    return ""


@subject_of.mistake(
    "everybody of another key", "the tokens that pass are those of the wrong key: turn the test round."
)
def _(token, key, now):
    said = _subject(token, key, now, signed=False)
    return "" if _subject(token, key, now) else said


_BURSTS = [0.0, 0.1, 0.2, 0.3, 0.4, 1.4, 1.5, 9.0, 9.1, 9.2, 9.3]
_STEADY = [0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4]


@exercise(
    question="Which of the requests at `times` (seconds) does a token bucket let pass?",
    tolerance=0,
    cases=[
        (_BURSTS, 1.0, 3),
        (_STEADY, 2.0, 1),
        ([0.0, 0.3, 0.6, 0.9, 1.2], 1.5, 2),
        ([5.0, 5.0, 5.0], 1.0, 2),
        ([0.0, 0.0, 1.0, 2.5], 1.0, 1),
    ],
    hints=[
        "The bucket holds `burst` tokens at first, and never more. It gains `rate` tokens a second, also parts of one.",
        "For each request: add the seconds since the one before, times the rate, but not beyond `burst`. With at least "
        "one token it passes and takes one. Without, it takes nothing.",
        "`tokens = min(burst, tokens + (time - before) * rate)`; `passes = tokens >= 1`; `tokens -= passes`",
    ],
    insight="The burst is what one may ask for at once, the rate what one may ask for on average.",
)
def passing(times, rate, burst):
    tokens, before, said = burst, times[0], []
    for time in times:
        tokens = min(burst, tokens + (time - before) * rate)
        before = time
        said.append(tokens >= 1)
        tokens -= said[-1]
    return np.array(said)


def _bucket(times, rate, burst, *, first=None, most=None, always_takes=False, whole=False, least=1):
    """Return who passes a bucket whose rules can be got wrong one by one."""
    tokens, before, said = (burst if first is None else first), times[0], []
    for time in times:
        gain = (time - before) * rate
        tokens = min(burst if most is None else most, tokens + (np.floor(gain) if whole else gain))
        before = time
        passes = tokens >= least
        said.append(passes)
        tokens -= 1 if always_takes else passes
    return np.array(said)


@passing.mistake("empty at first", "the bucket is empty at first here: it begins full, with `burst` tokens.")
def _(*case):
    return _bucket(*case, first=0)


@passing.mistake(
    "no limit of the bucket",
    "after a pause too many pass: the bucket never holds more than `burst`, however long nobody comes.",
)
def _(*case):
    return _bucket(*case, most=np.inf)


@passing.mistake(
    "never filled again", "the tokens that are gone never come back: add `rate` times the seconds."
)
def _(times, rate, burst):
    return _bucket(times, 0, burst)


@passing.mistake(
    "refused requests pay",
    "a request that is refused takes a token as well: who asks too often is then never served.",
)
def _(*case):
    return _bucket(*case, always_takes=True)


@passing.mistake(
    "whole tokens only", "parts of a token are lost between two requests: do not round what the bucket gains."
)
def _(*case):
    return _bucket(*case, whole=True)


@passing.mistake(
    "windows of a second",
    "this counts requests in whole seconds. At the end of one and the start of the next, twice as many pass.",
)
def _(times, rate, burst):
    counts, said = {}, []
    for time in times:
        window = int(time)
        said.append(counts.get(window, 0) < burst)
        counts[window] = counts.get(window, 0) + said[-1]
    return np.array(said)


@passing.mistake("everybody", "everybody passes: a request needs a token.")
def _(times, rate, burst):
    return np.ones(len(times), bool)


@passing.mistake(
    "a part of a token", "a part of a token is enough here: a request passes with at least one whole token."
)
def _(*case):
    return _bucket(*case, least=1e-9)


@passing.mistake(
    "more than one token", "with exactly one token a request must pass: compare with `>= 1`, not with `> 1`."
)
def _(*case):
    return _bucket(*case, least=1 + 1e-9)


@passing.mistake(
    "time since the last that passed",
    "the same seconds fill the bucket twice: after a refused request, too, its time is the one before.",
)
def _(times, rate, burst):
    tokens, before, said = burst, times[0], []
    for time in times:
        tokens = min(burst, tokens + (time - before) * rate)
        said.append(tokens >= 1)
        before = time if said[-1] else before
        tokens -= said[-1]
    return np.array(said)


@passing.mistake(
    "time since the first",
    "the same seconds fill the bucket again and again: count only those since the request before.",
)
def _(times, rate, burst):
    tokens, said = burst, []
    for time in times:
        tokens = min(burst, tokens + (time - times[0]) * rate)
        said.append(tokens >= 1)
        tokens -= said[-1]
    return np.array(said)


@passing.mistake("divided by the rate", "the seconds are divided by the rate here: multiply them by it.")
def _(times, rate, burst):
    return _bucket(times, 1 / rate, burst)


@passing.mistake("the refused ones", "this marks those that are refused: mark those that pass.")
def _(*case):
    return ~_bucket(*case)


_RUSH = [0, 1, 2, 3, 20, 21, 40]


@exercise(
    question="How many milliseconds does each request take, from its arrival to its answer, with batching?",
    cases=[(_RUSH, 8, 10, 1), (_RUSH, 2, 10, 1), ([0, 0, 0, 0, 0], 3, 4, 2), ([0, 5, 6, 30], 4, 7, 0.5)],
    hints=[
        "Walk through time. When the network is free and somebody waits, a batch begins at once, with all who wait, "
        "`size` at most. Nobody is waited for.",
        "A batch of n takes `fixed + each * n`. Who arrives while it runs waits for the next one, though there may be "
        "room in this one.",
        "`start = max(free, arrivals[i])`; the batch has those with `arrival <= start`, `size` at most; `free = start + "
        "fixed + each * n`; each of them takes `free - arrival`.",
    ],
    insight="Batching shares the fixed cost. Who comes just after a pass has begun waits for the rest of it, and then for a pass of their own.",
)
def latencies(arrivals, size, fixed, each):
    free, said, i = 0, [], 0
    while i < len(arrivals):
        start = max(free, arrivals[i])
        batch = [arrival for arrival in arrivals[i : i + size] if arrival <= start]
        free = start + fixed + each * len(batch)
        said += [free - arrival for arrival in batch]
        i += len(batch)
    return np.array(said, float)


def _walk(arrivals, size, fixed, each, *, full=False, joins=False, waits=True):
    """Return latencies under rules that can be got wrong one by one."""
    free, said, i = 0, [], 0
    while i < len(arrivals):
        some = arrivals[i : i + size]
        start = max(free, some[-1]) if full else max(free, arrivals[i])
        if joins:
            some = [arrival for arrival in some if arrival <= start + fixed]
        batch = [arrival for arrival in some if joins or arrival <= start]
        free = start + fixed + each * len(batch)
        said += [free - (arrival if waits else start) for arrival in batch]
        i += len(batch)
    return np.array(said, float)


@latencies.mistake(
    "waits until the batch is full",
    "each batch waits here until it is full: whoever comes alone waits for others who may never come.",
)
def _(*case):
    return _walk(*case, full=True)


@latencies.mistake(
    "waiting not counted", "this is the time of the pass alone: a request also waits until its pass begins."
)
def _(*case):
    return _walk(*case, waits=False)


@latencies.mistake(
    "joins a running batch",
    "a request that comes while a pass runs cannot join it: it waits for the next one.",
)
def _(*case):
    return _walk(*case, joins=True)


@latencies.mistake("one by one", "one request at a time: all who wait share one pass, `size` at most.")
def _(arrivals, size, fixed, each):
    return _walk(arrivals, 1, fixed, each)


@latencies.mistake(
    "no largest batch", "a batch is larger than `size` here: the others wait for the next one."
)
def _(arrivals, size, fixed, each):
    return _walk(arrivals, len(arrivals), fixed, each)


@latencies.mistake(
    "cost of each forgotten", "a batch takes longer with each of its pictures: `fixed + each * n`."
)
def _(arrivals, size, fixed, each):
    return _walk(arrivals, size, fixed, 0)


@latencies.mistake("fixed cost forgotten", "each pass also takes `fixed` milliseconds, however many it has.")
def _(arrivals, size, fixed, each):
    return _walk(arrivals, size, 0, each)


@latencies.mistake(
    "cost of a full batch", "a batch of n costs `each * n`: here each batch costs as much as a full one."
)
def _(arrivals, size, fixed, each):
    return _walk(arrivals, size, fixed + each * size, 0)


@latencies.mistake(
    "fixed cost for each", "the fixed cost is shared: a batch has it once, and not once for each request."
)
def _(arrivals, size, fixed, each):
    return _walk(arrivals, size, 0, fixed + each)


@latencies.mistake(
    "only the waiting", "this is the time until the pass begins: the answer comes when the pass has ended."
)
def _(arrivals, size, fixed, each):
    free, said, i = 0, [], 0
    while i < len(arrivals):
        start = max(free, arrivals[i])
        batch = [arrival for arrival in arrivals[i : i + size] if arrival <= start]
        free = start + fixed + each * len(batch)
        said += [start - arrival for arrival in batch]
        i += len(batch)
    return np.array(said, float)


@latencies.mistake(
    "who comes at the start left out",
    "a request that arrives at the very moment when a pass begins is part of it: `arrival <= start`.",
)
def _(arrivals, size, fixed, each):
    free, said, i = 0, [], 0
    while i < len(arrivals):
        start = max(free, arrivals[i])
        late = [arrival for arrival in arrivals[i + 1 : i + size] if arrival < start]
        batch = [arrivals[i], *late]
        free = start + fixed + each * len(batch)
        said += [free - arrival for arrival in batch]
        i += len(batch)
    return np.array(said, float)


@latencies.mistake(
    "batches of requests that have not come",
    "a pass begins here before some of its requests have arrived: it takes only those that wait.",
)
def _(arrivals, size, fixed, each):
    free, said = 0, []
    for i in range(0, len(arrivals), size):
        batch = arrivals[i : i + size]
        free = max(free, batch[0]) + fixed + each * len(batch)
        said += [free - arrival for arrival in batch]
    return np.array(said, float)


@latencies.mistake(
    "when, not how long", "these are the times at which the answers come: subtract the time of the arrival."
)
def _(*case):
    return _walk(*case) + np.array(case[0])


@latencies.mistake(
    "never busy", "every request finds the network free here: while one pass runs, others wait."
)
def _(arrivals, size, fixed, each):
    return np.full(len(arrivals), float(fixed + each))
