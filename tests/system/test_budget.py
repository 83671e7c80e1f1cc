"""How much time something may use."""

from __future__ import annotations

import pytest

from pressroom.system.budget import Allowance


def test_an_allowance_comes_back_with_time_and_is_saved_up_to_a_bound() -> None:
    now = 100.0
    allowance = Allowance(0.25, 2, lambda: now)
    assert allowance.left() == 2
    allowance.spend(3)
    assert allowance.left() == -1
    now += 4
    assert allowance.left() == pytest.approx(0)
    now += 2
    allowance.spend(0.1)
    assert allowance.left() == pytest.approx(0.4)
    now += 1000
    assert allowance.left() == 2
