"""Keep the messages that TensorFlow's C++ code prints at its import out of notebooks.

TensorFlow prints before it reads its own log level ("oneDNN custom operations are on"), and Jupyter would
store that in the lesson. Here the messages go to Jupyter's own log: the terminal of `make lab`, or the file
that `make run` quotes when a kernel dies. Nothing is lost: exceptions and Python's own warnings appear in the
notebook as usual. `import convlab` calls `expect`.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib import util
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

STDERR = 2


def expect(module: str = "tensorflow") -> None:
    """Make the first import of a module run `aside`, and let TensorFlow log errors only.

    A log level that TF_CPP_MIN_LOG_LEVEL sets already stays, and so does a module that is imported already.

    >>> expect("os")
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if module not in sys.modules:
        sys.meta_path.insert(0, Watch(module, aside))


@contextmanager
def aside() -> Iterator[None]:
    """Send what is written to file descriptor 2 to Jupyter's log meanwhile; outside notebooks change nothing.

    In a notebook Python's `sys.stderr` is Jupyter's, whose `fileno` is the stderr that the kernel was given.
    """
    saved = None
    with suppress(AttributeError, OSError):  # no stderr, or none with a file behind it (Windows)
        given = sys.stderr.fileno()
        saved = os.dup(STDERR)
        os.dup2(given, STDERR)
    try:
        yield
    finally:
        if saved is not None:
            os.dup2(saved, STDERR)
            os.close(saved)


class Watch:
    """A finder that waits for one module, has it imported within a context, and removes itself."""

    def __init__(self, module: str, context: Callable[[], AbstractContextManager]):
        self.module, self.context = module, context

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the awaited module's own spec, its execution wrapped; None for any other module."""
        if name != self.module:
            return None
        sys.meta_path.remove(self)
        spec = util.find_spec(name)
        if spec is not None:
            self._wrap(spec.loader)
        return spec

    def _wrap(self, loader: Any) -> None:
        """Make a loader's next execution run within the context."""
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module  # the wrapped one, which hid the class's own
            with self.context():
                execute(module)

        loader.exec_module = exec_module
