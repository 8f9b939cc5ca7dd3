"""The next batch is rendered while the present one is followed back through the network."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Ahead:
    """Makes what will be needed next in a thread of its own, the same as it would be made then.

    The backward pass holds no lock of Python, so that a second core can render meanwhile. One
    begun too early, beside a forward pass, would be in its way.
    """

    def __init__(self, make: Callable[[int], Any]):
        """
        Args:
            make: what belongs to a number; it depends on the number alone.
        """
        self._make = make
        self._thread: threading.Thread | None = None
        self._number = -1
        self._made: Any = None

    def begin(self, number: int) -> None:
        """Start to make what belongs to `number`."""
        self._number, self._made = number, None
        self._thread = threading.Thread(target=self._run, args=(number,))
        self._thread.start()

    def _run(self, number: int) -> None:
        with suppress(Exception):  # whoever takes it meets it again
            self._made = self._make(number)

    def take(self, number: int) -> Any:
        """What belongs to `number`: what was begun, else made now."""
        made = None
        if self._thread is not None:
            self._thread.join()
            self._thread, made = None, self._made if self._number == number else None
        self._made = None
        return self._make(number) if made is None else made
