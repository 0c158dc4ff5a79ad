"""Numbers that an operator watches, in Prometheus's format. No label names a person."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SHARES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The numbers of one process. `confidence` and `ink` show drift before anybody complains."""

    def __init__(self):
        self.registry = CollectorRegistry()
        made = {"registry": self.registry}
        self.requests = Counter("requests", "Requests answered", ["route", "method", "status"], **made)
        self.seconds = Histogram(
            "request_seconds", "Seconds to an answer", ["route"], buckets=SECONDS, **made
        )
        self.predictions = Counter("predictions", "Predictions", ["model", "label"], **made)
        self.batches = Histogram("batch_size", "Pictures in a forward pass", buckets=SIZES, **made)
        self.confidence = Histogram("confidence", "Share of the label", ["model"], buckets=SHARES, **made)
        self.ink = Histogram(
            "ink",
            "Mean pixel of a picture, 0 to 1",
            buckets=(0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1),
            **made,
        )
        self.logins = Counter("logins", "Attempts to log in", ["outcome"], **made)
        self.version = Gauge("model_active", "1 for the version that answers", ["model"], **made)

    def text(self) -> tuple[bytes, str]:
        """Return the numbers and their content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
