"""One thread for NumPy's BLAS, however many ask for it at once."""

from __future__ import annotations

from threadpoolctl import threadpool_info, threadpool_limits

from samekind.training.runtime.blas_threads import one_blas_thread


def test_the_last_to_leave_gives_the_threads_back() -> None:
    """Whoever comes second finds one thread already, and must not take that for what was there before."""
    with threadpool_limits(2, user_api="blas"):
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        assert _threads() == {1}
        first.__exit__(None, None, None)
        assert _threads() == {1}
        second.__exit__(None, None, None)
        assert _threads() == {2}


def _threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
