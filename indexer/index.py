"""An index on disk, opened: search it, audit it, add to it, remove from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.indexer.analysed import AnalysedIndex
from samekind.indexer.storage.layout import JOURNAL
from samekind.indexer.storage.manifest import Manifest
from samekind.training.config.model import names_model
from samekind.training.models.image_encoder import ImageEncoder
from samekind.training.runtime.artefact import check_writable
from samekind.training.runtime.lock import exclusive

if TYPE_CHECKING:
    from samekind.indexer.building.engines.engine import Engine


class Index(AnalysedIndex):
    """The images of an artefact, their embeddings, and what can be asked of them.

    Args:
        path: the artefact.
        manifest: what it says of itself; use `Index.open`, which checks it.
        encoder: the encoder, if it is at hand; otherwise it is loaded from the artefact when needed.
    """

    def __init__(self, path: Path, manifest: Manifest, encoder: ImageEncoder | None = None) -> None:
        super().__init__(path, manifest, encoder)
        self._removed: frozenset[str] = frozenset()

    @classmethod
    def open(cls, path: str | Path, *, encoder: ImageEncoder | None = None) -> Self:
        """Opens a finished index and checks that table, index file and encoder belong together.

        A removal that was interrupted is finished here, as a database replays its log: that needs neither corpus nor encoder.

        Args:
            path: the artefact's folder.
            encoder: an encoder that is loaded already; it must be the artefact's own.

        Raises:
            ArtefactError: there is no index, it is unfinished, another process is writing it, or a part has changed since; the hint has the
                command that mends it.
        """
        folder = Path(path)
        removed: tuple[str, ...] = ()
        if (folder / JOURNAL).exists():
            from samekind.indexer.building.removal import finish_removal_if_free

            removed = finish_removal_if_free(folder)
        index = super().open(folder, encoder=encoder)
        index._removed = frozenset(removed)
        return index

    def add(self, corpus: Corpus, progress: Progress | None = None) -> int:
        """Adds a corpus; only content that the index does not hold yet is embedded. What changed in a source replaces its old rows.

        Returns:
            The number of images that were embedded.
        """
        from samekind.indexer.building.build import bring_up_to_date

        embedded = bring_up_to_date(corpus, self.encoder, self.path, progress)
        self._reload()
        return embedded

    def merge(self, progress: Progress | None = None) -> None:
        """Builds `index.faiss` anew with the changes that lie beside it, for other programs that read it; searches need it not.

        Raises:
            ArtefactError: the index is unfinished, or another process is working in it.
        """
        from samekind.indexer.building.finish import merge
        from samekind.indexer.building.removal import finish_removal_locked

        with exclusive(self.path):
            finish_removal_locked(self.path, progress or NoProgress())
            merge(self.path, progress or NoProgress())
        self._reload()

    def gone(self, corpus: Corpus) -> list[str]:
        """Ids of images whose files are not there any more; `remove` takes them out.

        Args:
            corpus: of the folder that they came from, as it is now.
        """
        from samekind.indexer.building.update_plan import gone

        return gone(corpus, self._manifest.corpora, self.rows.table)

    def missing(self, corpus: Corpus) -> dict[str, str]:
        """Why images are not among those of their corpus any more, by id: the file is gone, or is not read. Otherwise as `gone`."""
        from samekind.indexer.building.update_plan import missing

        return missing(corpus, self._manifest.corpora, self.rows.table)

    def remove(self, ids: Sequence[str], progress: Progress | None = None) -> int:
        """Removes images by id. Indexing their corpus again brings them back.

        Returns:
            The number of images removed, with those of an interrupted removal that opening this index has finished.

        Raises:
            InputError: an id is not in the index, or none would be left; nothing is removed then.
        """
        from samekind.indexer.building.removal import remove_rows

        if not self._is_current():
            self._reload()
        unique = list(dict.fromkeys([ids] if isinstance(ids, str) else ids))
        there = [id_ for id_ in unique if id_ in self.rows.position or id_ not in self._removed]
        for id_ in there:
            self.rows.position_of(id_)
        if not there:
            return len(unique)
        if len(there) == len(self):
            raise InputError("cannot remove every image of an index", hint=f"delete the folder {self.path} instead")
        remove_rows(self.path, there, progress)
        self._reload()
        return len(unique)


def build_index(
    corpus: Corpus,
    encoder: ImageEncoder | str | Path,
    out: str | Path,
    progress: Progress | None = None,
    *,
    whitening: float | None = None,
    crops: int | None = None,
    engine: str = "local",
    ray_address: str | None = None,
) -> Index:
    """Embeds a corpus into an index; a build that was interrupted resumes, and what is in the index already is not embedded again.

    Args:
        corpus: the images, of every split.
        encoder: makes the embeddings: an encoder, the artefact that holds one, or a pretrained model's name (`lite0`, `timm/NAME[@FILE]`,
            `open_clip/NAME[@TAG|FILE]`, `hf-hub:ORG/NAME`).
        out: the artefact that gets the index; it may be the encoder's own folder, or hold an index already.
        progress: shows bars and says what was found.
        whitening: of a pretrained model, fitted to this corpus without labels: an exponent in [0, 1] of its variances, 0 for none. If left
            out, it is fitted to what mutual neighbours share; a model that embeds text, too, gets none.
        crops: of each image, corpus and queries alike, whose features are averaged: 1, the model's own, or 2, with the image squashed to a
            square (or its centre, for a model that squashes), for twice the time. If left out, 1, or those of an encoder that is there.
        engine: what decodes and embeds: `local`, this process, or `ray`, workers of Ray, for the same index.
        ray_address: of a Ray cluster, all of whose machines see the files under the same paths. If left out, the environment's
            `RAY_ADDRESS`, or one of this machine with a worker a core, for the time of the call.

    Raises:
        InputError, MissingDependencyError: there is no such model or engine, its weights or Ray are not on this machine, the encoder that
            is there takes another number of crops, or Ray's workers do not see the files.
        ServiceError: there is no cluster at `ray_address`, or it loses the workers of the same images again and again.
        ArtefactError: `out` cannot be written, holds another encoder or an unfinished training, or another process is working there.
    """
    from samekind.indexer.building.build import bring_up_to_date
    from samekind.indexer.building.encoder_files import copy_encoder
    from samekind.indexer.building.engines.choose import engine_named

    folder = Path(out)
    loaded: ImageEncoder
    with engine_named(engine, ray_address, progress) as looking:
        if isinstance(encoder, str) and names_model(encoder):
            return _build_on_model(corpus, encoder, folder, progress, whitening, crops, looking)
        if isinstance(encoder, str | Path):
            from samekind.training.models.pretrained.resolve import resolve_encoder

            loaded = resolve_encoder(encoder, crops=crops)
            copy_encoder(Path(encoder), folder)
        else:
            loaded = encoder
        bring_up_to_date(corpus, loaded, folder, progress, looking)
    return Index.open(folder, encoder=loaded)


def _build_on_model(
    corpus: Corpus,
    name: str,
    folder: Path,
    progress: Progress | None,
    whitening: float | None,
    crops: int | None,
    engine: Engine,
) -> Index:
    """An index on a pretrained model, whose figures without whitening are kept."""
    from samekind.indexer.building.build import bring_up_to_date
    from samekind.indexer.building.pretrained import RememberingEncoder, pretrained_encoder
    from samekind.indexer.evaluation.without_whitening import record_figures

    check_writable(folder)
    building, loaded = pretrained_encoder(name, corpus, folder, whitening, progress or NoProgress(), crops, engine)
    bring_up_to_date(corpus, building, folder, progress, engine)
    index = Index.open(folder, encoder=loaded)
    if isinstance(building, RememberingEncoder) and building.whitens:
        record_figures(index, building.embedded)
    return index
