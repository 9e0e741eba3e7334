"""Audits in the background: they take seconds to minutes, and no request waits for that long."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from samekind import FalseNegativeReport, Index
from samekind.service.refusals import Refusal

KEPT = 4
AGAIN_SECONDS = 2
_FIGURES = (
    *("k", "num_anchors", "num_rows", "base_rate", "false_negative_rate", "lift", "by_rank", "by_class"),
    *("gradient_share", "num_duplicates", "label_level", "notes"),
)


@dataclass(frozen=True)
class Asked:
    """Arguments of `Index.audit`."""

    k: int
    anchors: int | None
    label_level: str | None
    split: str | None


class Audits:
    """The audits that were asked for last; one is worked at at a time, in a thread that ends with the process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Future[dict[str, Any]]] = OrderedDict()
        self._turn, self._keeping = threading.Lock(), threading.Lock()

    def ask(self, index: Index, asked: Asked) -> Future[dict[str, Any]]:
        """The figures, which may be yet to come. Why an audit failed is told once more to whoever asks next, who may have been waiting for
        it; then it is forgotten, so that the request after that one tries again.

        Raises:
            Refusal: another audit is asked for while as many as are kept have yet to be worked out.
        """
        key = (index.state, asked)
        with self._keeping:
            found = self._kept.get(key)
            if found is None and sum(not each.done() for each in self._kept.values()) >= KEPT:
                raise Refusal(
                    429, f"{KEPT} other audits are being worked out", "ask again when they are", AGAIN_SECONDS
                )
            if found is not None and found.done() and found.exception() is not None:
                return self._kept.pop(key)
            if found is None:
                found = self._kept[key] = Future()
                self._forget()
                work: Callable[[], dict[str, Any]] = lambda: figures(audited(index, asked))  # noqa: E731
                threading.Thread(target=self._work, args=(found, work), name="samekind-audit", daemon=True).start()
            self._kept.move_to_end(key)
            return found

    def _forget(self) -> None:
        for key in [key for key, each in self._kept.items() if each.done()]:
            if len(self._kept) > KEPT:
                del self._kept[key]

    def _work(self, future: Future[dict[str, Any]], work: Callable[[], dict[str, Any]]) -> None:
        with self._turn:
            try:
                future.set_result(work())
            except Exception as error:  # noqa: BLE001  whoever asks gets it
                future.set_exception(error)


def audited(index: Index, asked: Asked) -> FalseNegativeReport:
    """The audit itself."""
    return index.audit(asked.k, asked.anchors, label_level=asked.label_level, split=asked.split)


def figures(report: FalseNegativeReport) -> dict[str, Any]:
    """What is told of a report: the figures, without the pairs and the training's records."""
    found = report.to_dict()
    return {**{name: found[name] for name in _FIGURES}, "split": report.split}
