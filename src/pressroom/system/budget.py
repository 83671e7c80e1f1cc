"""How much time something may use in the long run."""

from __future__ import annotations

import time
from collections.abc import Callable

# A piece of work that took very long (an origin that hangs does not even use the processor) costs no more. Seconds.
_MOST_COUNTED = 10.0


class Budget:
    """`share` of the time, 0 to 1, is for the work: after each piece a pause follows from it. Nothing is saved up while
    there is none.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds. Raises ValueError for a share that gives no time at all, or more than there is."""
        if not 0 < share <= 1:
            raise ValueError(f"no share: {share}")
        self._share = share
        self._clock = clock
        self._not_before = clock()
        self.spent_seconds = 0.0

    def spent(self, seconds: float) -> None:
        """A piece of work has just ended that took so long."""
        self.spent_seconds += seconds
        counted = min(seconds, _MOST_COUNTED)
        self._not_before = self._clock() + counted / self._share - counted

    def pause(self) -> float:
        """Seconds until the next piece may begin; 0 when it may."""
        return max(0.0, self._not_before - self._clock())


class Allowance:
    """`share` of the time, 0 to 1, is for the work; what is not used is saved up, `most` seconds of it."""

    def __init__(self, share: float, most: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds. All of it is there at first."""
        self._share = share
        self._most = most
        self._clock = clock
        self._seconds = most
        self._at = clock()

    def left(self) -> float:
        """Seconds; less than 0 when more was spent than there was."""
        now = self._clock()
        self._seconds = min(self._most, self._seconds + (now - self._at) * self._share)
        self._at = now
        return self._seconds

    def spend(self, seconds: float) -> None:
        self._seconds = self.left() - seconds
