"""What the service refuses: a status of HTTP and a sentence for the client. The standard library alone."""


class Refused(Exception):
    """A request that is refused: HTTP status, one sentence, and seconds to wait before another try."""

    def __init__(self, status: int, sentence: str, retry: float | None = None):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.retry = retry

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says beside its sentence: when to come again, and how to say who one is."""
        headers = {} if self.retry is None else {"Retry-After": str(max(1, round(self.retry + 0.5)))}
        return headers | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})
