"""An audit under way, in a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samekind.app.jobs.job import Job
from samekind.app.view_models.audit_view import AuditView

if TYPE_CHECKING:
    import samekind as sk


class AuditJob(Job[AuditView]):
    """Starts the audit.

    Args:
        index: the opened index.
        k: hardest negatives per anchor.
        split: whose images are anchors and negatives; all, if left out.
    """

    def __init__(self, index: sk.Index, k: int, split: str | None = None) -> None:
        super().__init__(
            lambda progress: AuditView(index.audit(k=k, progress=progress, split=split)), f"samekind-audit-{k}"
        )
