"""Keep what TensorFlow's C++ code says while it is imported out of notebooks; `import convlab` sees to it.

Before TensorFlow has read its own log level it reports on a chatty stderr ("oneDNN custom operations are
on"), and Jupyter would store that in the lesson. Here it goes where Jupyter writes its own log: the terminal
of `make lab`, or the file that `make run` quotes from when a kernel dies. Nothing is swallowed: exceptions
and Python's own warnings appear in the notebook as ever.
"""

import os
import sys
from contextlib import contextmanager, suppress
from importlib import util

STDERR = 2


def expect(module="tensorflow"):
    """See to it that the first import of a module will be `aside`, and of errors only from then on.

    Its log level may be set otherwise by TF_CPP_MIN_LOG_LEVEL. An imported module stays as it is.

    >>> expect("os")
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if module not in sys.modules:
        sys.meta_path.insert(0, Watch(module))


@contextmanager
def aside():
    """Send what is written to file descriptor 2 past the notebook for a while; elsewhere change nothing.

    In a notebook Python's `sys.stderr` is Jupyter's, whose `fileno` is the stderr that the kernel was given.
    """
    kept = None
    with suppress(AttributeError, OSError):  # no stderr, or none with a file behind it (Windows)
        given = sys.stderr.fileno()
        kept = os.dup(STDERR)
        os.dup2(given, STDERR)
    try:
        yield
    finally:
        if kept is not None:
            os.dup2(kept, STDERR)
            os.close(kept)


class Watch:
    """A finder that waits for one module, lets it be imported `aside`, and is gone."""

    def __init__(self, module):
        self.module = module

    def find_spec(self, name, path=None, target=None):
        """Return the awaited module's own spec, its execution wrapped; None for any other module."""
        if name != self.module:
            return None
        sys.meta_path.remove(self)
        spec = util.find_spec(name)
        if spec is not None:
            self._wrap(spec.loader)
        return spec

    @staticmethod
    def _wrap(loader):
        """Let a loader's next execution be `aside`."""
        execute = loader.exec_module

        def exec_module(module):
            del loader.exec_module  # the wrapped one, which hid the class's own
            with aside():
                execute(module)

        loader.exec_module = exec_module
