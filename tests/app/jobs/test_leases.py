"""Leases on pairs."""

from __future__ import annotations

from samekind.app.jobs.leases import LEASE_SECONDS, Leases


def test_a_pair_is_held_for_one_tab_at_a_time() -> None:
    """Two minutes from the last look, or until its holder takes another pair."""
    now = 0.0
    leases = Leases(clock=lambda: now)
    first, second = ("a", "b"), ("c", "d")
    assert leases.acquire(first, "one")
    assert not leases.acquire(first, "two")
    assert leases.acquire(second, "two")
    now = LEASE_SECONDS - 1
    assert leases.acquire(first, "one"), "looked at again"
    now = 2 * LEASE_SECONDS - 2
    assert not leases.acquire(first, "two")
    now = 2 * LEASE_SECONDS
    assert leases.acquire(first, "two")
    assert not leases.acquire(first, "one")
    assert leases.acquire(second, "one"), "let go of when its holder took another"
