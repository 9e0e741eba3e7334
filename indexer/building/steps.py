"""The steps of one build: deleting rows, taking vectors over, embedding; those that are done already are found in the table.

A row's key is its id together with its place, split, label and content. A plan deletes a row only to replace it by one that differs in one
of these, so the table itself says which rows of a plan are there. Rows are added step by step, in the order of the plan and each step whole
or not at all: all steps are done up to the last one of which the table holds a row. (A step whose images were all unreadable leaves no row;
at the end of what was done it is tried once more.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.indexer.building.embed import chunk_size, embed_chunks, reused_rows
from samekind.indexer.building.engines.engine import Engine
from samekind.indexer.building.update_plan import Plan, table_rows
from samekind.indexer.storage.table import ImageTable, id_chunks
from samekind.training.models.image_encoder import ImageEncoder


class Steps:
    """The steps of a plan that are still to be done.

    Args:
        plan: worked out from the corpus and from the table as it was before the build.
        corpus: the images.
        encoder: makes the vectors.
        before: the table as it was before the build.
        key: the corpus' name in the table.
    """

    def __init__(self, plan: Plan, corpus: Corpus, encoder: ImageEncoder, before: ImageTable, key: str) -> None:
        self._plan, self._corpus, self._encoder, self._before, self._key = plan, corpus, encoder, before, key
        size = chunk_size(encoder.spec)
        self._reused = [plan.reuse[start : start + size] for start in range(0, len(plan.reuse), size)]
        self._embedded = [plan.embed[start : start + size] for start in range(0, len(plan.embed), size)]

    def run(self, table: ImageTable, progress: Progress, engine: Engine) -> None:
        """Does what is not done yet.

        Args:
            table: gets the rows.
            progress: shows a bar, and says how much was there.
            engine: looks at the images.
        """
        old, added = self._state(table)
        for ids in id_chunks([id_ for id_ in self._plan.delete if id_ in old]):
            table.delete(ids)
        reused = _done([[id_ for _, id_, _ in part] for part in self._reused], added)
        embedded = _done([[id_ for _, id_ in part] for part in self._embedded], added)
        for part in self._reused[len(self._reused) if embedded else reused :]:
            table.append(self._with_old_vectors(part))
        self._say(embedded, progress)
        if self._plan.embed:
            wanted = self._plan.embed
            for rows in embed_chunks(self._corpus, self._encoder, wanted, self._key, embedded, progress, engine):
                table.append(rows)

    def _state(self, table: ImageTable) -> tuple[set[str], set[str]]:
        """Ids of the rows to delete that are still there, and of the rows that have been added since."""
        if table.version == self._before.version:  # nothing has been written since
            return set(self._plan.delete), set()
        before, now = ({row.id: row for row in table_rows(each.rows())} for each in (self._before, table))
        added = {id_ for id_, row in now.items() if before.get(id_) != row}
        return {id_ for id_ in self._plan.delete if id_ in now and id_ not in added}, added

    def _with_old_vectors(self, part: Sequence[tuple[int, str, str]]) -> Any:
        old = self._before.full_rows([old_id for _, _, old_id in part])
        return reused_rows(self._corpus, [(i, id_) for i, id_, _ in part], self._key, old)

    def _say(self, chunks: int, progress: Progress) -> None:
        if chunks:
            there, wanted = sum(map(len, self._embedded[:chunks])), len(self._plan.embed)
            progress.print(f"continuing an interrupted build: {there:,} of {wanted:,} images are embedded already")


def _done(steps: Sequence[Sequence[str]], added: set[str]) -> int:
    """Number of steps up to the last one of which a row was added."""
    return max((i for i, ids in enumerate(steps, 1) if not added.isdisjoint(ids)), default=0)
