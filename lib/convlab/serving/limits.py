"""How often somebody may do something: the token bucket of lesson 26. The standard library alone."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field


@dataclass
class RateLimiter:
    """A bucket of tokens for each key: `burst` at most, `rate` new ones a second, one for each request.

    Turner, "New directions in communications", 1986 (the leaky bucket as a meter). Lesson 26.

    Args:
        rate: new tokens a second.
        burst: tokens of a full bucket.
        keys: buckets that are remembered; the one that was used longest ago is forgotten first.
        clock: seconds that never run backwards, whatever happens to the machine's time.

    >>> now = [0.0]
    >>> limiter = RateLimiter(rate=2, burst=1, clock=lambda: now[0])
    >>> limiter.wait("ada"), limiter.wait("ada"), limiter.wait("bob")
    (0.0, 0.5, 0.0)
    >>> now[0] = 0.5
    >>> limiter.wait("ada")
    0.0
    """

    rate: float
    burst: float
    keys: int = 10_000
    clock: Callable[[], float] = time.monotonic
    buckets: OrderedDict[Hashable, tuple[float, float]] = field(default_factory=OrderedDict, init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def wait(self, key: Hashable) -> float:
        """Take a token and return 0.0; if there is none, take none and return the seconds until there is."""
        now = self.clock()
        with self.lock:
            tokens, before = self.buckets.get(key, (self.burst, now))
            tokens = min(self.burst, tokens + (now - before) * self.rate)
            allowed = tokens >= 1
            self.buckets[key] = (tokens - allowed, now)
            self.buckets.move_to_end(key)
            if len(self.buckets) > self.keys:
                self.buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self.rate
