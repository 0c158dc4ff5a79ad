"""Requests that come at the same time share one forward pass; too many are refused at once."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from convlab.serving.errors import Refused
from convlab.serving.models import Model


@dataclass(frozen=True, eq=False)
class Waiting:
    """A picture that waits for a forward pass."""

    image: np.ndarray
    model: Model
    since: float
    answer: asyncio.Future


class Batcher:
    """Answers single pictures with forward passes over all that wait.

    It never waits for more: while one pass runs, the next batch gathers. So a lone request is not delayed,
    and batches grow with the load. Beyond `waiting` pictures, or `patience` seconds, a picture is refused
    with 503, so that those that are accepted are answered soon. Lesson 26.

    Args:
        size: largest number of pictures in a pass.
        waiting: pictures that may wait.
        patience: seconds that one may wait.
        observe: is called with the number of pictures of each pass.
    """

    def __init__(
        self,
        size: int = 64,
        waiting: int = 256,
        patience: float = 2.0,
        observe: Callable[[int], object] = lambda size: None,
    ):
        self.size = size
        self.patience = patience
        self.observe = observe
        self.queue: asyncio.Queue[Waiting] = asyncio.Queue(waiting)
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="forward-pass")
        self.task: asyncio.Task | None = None

    async def answer(self, model: Model, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (shares, heat) of one picture (28, 28); `Refused` with 503 if too many wait."""
        future = asyncio.get_running_loop().create_future()
        try:
            self.queue.put_nowait(Waiting(image, model, time.monotonic(), future))
        except asyncio.QueueFull:
            raise Refused(503, "The service is busy. Try again soon.", retry=1) from None
        return await future

    def start(self) -> None:
        """Begin to answer."""
        self.task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Answer what waits, then stop."""
        await self.queue.join()
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        self.pool.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self.queue.get()]
            while len(batch) < self.size and not self.queue.empty():
                batch.append(self.queue.get_nowait())
            late = time.monotonic() - self.patience
            for one in batch:
                if one.since < late and not one.answer.done():
                    one.answer.set_exception(Refused(503, "The service is busy. Try again soon.", retry=1))
            wanted = [one for one in batch if not one.answer.done()]  # done: refused, or its client has gone
            for model in {one.model for one in wanted}:
                mine = [one for one in wanted if one.model is model]
                self.observe(len(mine))
                await self._pass(loop, model, mine)
            for _ in batch:
                self.queue.task_done()

    async def _pass(self, loop: asyncio.AbstractEventLoop, model: Model, batch: list[Waiting]) -> None:
        """Answer a batch for one model; an error of the pass is the answer of each of its pictures."""
        try:
            images = np.stack([one.image for one in batch])
            probabilities, heat = await loop.run_in_executor(self.pool, model, images)
        except Exception as error:
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, shares, map_ in zip(batch, probabilities, heat):
            if not one.answer.done():
                one.answer.set_result((shares, map_))
