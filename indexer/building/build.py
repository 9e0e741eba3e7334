"""Builds an index so that it can be killed at any moment and resumes where it was.

    journal written; if the table is to be rebuilt, old manifest taken away
    → table: delete, reuse, embed
    → rows.arrow, index.faiss → manifest → journal removed

Readers go on with the state before until the manifest is replaced (`indexer.search.state.opening`), unless the table was rebuilt.

The journal names the table's version before the build. The plan is worked out from the corpus and from the table *at that version* (and
from which files are still there, see `indexer.building.update_plan`), and the table says which of the plan's rows are there already
(`indexer.building.steps`), so resuming gives the same rows in the same order. A removal has its ids in the journal; whoever comes next
finishes it first.

One process at a time writes (`samekind.training.runtime.lock`).
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.data.layouts.folder_choices import choice_flags
from samekind.indexer.building.encoder_files import OUTGROWN_AT, place_encoder
from samekind.indexer.building.engines.engine import Engine, LocalEngine
from samekind.indexer.building.finish import add_samples, finish
from samekind.indexer.building.given_vectors import GIVEN_SOURCE, GivenVectors
from samekind.indexer.building.removal import finish_removal_locked
from samekind.indexer.building.starting import starting_journal
from samekind.indexer.building.steps import Steps
from samekind.indexer.building.update_plan import Plan, make_plan
from samekind.indexer.storage.checks import check_artefact
from samekind.indexer.storage.journal import Journal
from samekind.indexer.storage.layout import JOURNAL
from samekind.indexer.storage.manifest import CorpusEntry, Manifest
from samekind.indexer.storage.recorded_reading import other_pillow, record_reading
from samekind.indexer.storage.table import ImageTable
from samekind.training.models.image_encoder import ImageEncoder
from samekind.training.models.pretrained.whiten import NOT_SPLIT, TRAINING
from samekind.training.runtime.artefact import META, check_writable, read_meta
from samekind.training.runtime.lock import exclusive

_MAX_NAMED = 10  # images that are named of those that are missing


def bring_up_to_date(
    corpus: Corpus,
    encoder: ImageEncoder,
    folder: Path,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> int:
    """Makes the index in `folder` hold `corpus`, beside whatever it holds already.

    Args:
        corpus: the images.
        encoder: makes the vectors. A table of another encoder's vectors is rebuilt; the corpora that are given up so are named.
        folder: the artefact. If it holds no encoder yet, it gets this one.
        progress: shows bars and says what was found.
        engine: looks at the images; this process if left out.

    Returns:
        The number of images that were embedded.

    Raises:
        ArtefactError: the folder cannot be written, holds another encoder, an unfinished training or other corpora of which it is not known
            what made their vectors, or another process is working there; `NewerFormatError` for an index of a newer samekind.
        InputError: the encoder gives vectors that are not of unit norm.
    """
    check_writable(folder)
    with exclusive(folder):
        return _bring_up_to_date(corpus, encoder, folder, progress or NoProgress(), engine or LocalEngine())


def _bring_up_to_date(corpus: Corpus, encoder: ImageEncoder, folder: Path, progress: Progress, engine: Engine) -> int:
    if not isinstance(encoder, GivenVectors):
        place_encoder(encoder, corpus, folder)
    finish_removal_locked(folder, progress)
    if (folder / META).is_file():
        corpus = record_reading(corpus, folder, ImageTable(folder).exists(), progress)
    journal = starting_journal(corpus, encoder, folder, progress)
    table = ImageTable(folder)
    if journal.base_version is None:
        journal.write(folder)
        table.create(encoder.dim)
        journal = replace(journal, base_version=table.version)
        journal.write(folder)
    assert journal.base_version is not None
    assert journal.corpus is not None
    before, key = table.at(journal.base_version), journal.corpus.key
    plan = make_plan(corpus, key, before.rows())
    _say(plan, journal.corpus, folder, progress)
    _say_added(plan, journal, folder, progress)
    whole = plan.empty and _is_whole(folder)
    if whole and journal.corpus in Manifest.read(folder).corpora:
        add_samples(folder, progress)
        (folder / JOURNAL).unlink(missing_ok=True)
        return 0
    if plan.empty and not whole:
        progress.print("the index lacks a file, or one is damaged or out of date: rebuilt from the table")
    if plan.embed and not isinstance(encoder, GivenVectors) and (line := other_pillow(folder, encoder.spec)):
        progress.print(line)
    journal.write(folder)
    Steps(plan, corpus, encoder, before, key).run(table, progress, engine)
    corpora = [entry for entry in journal.corpora if entry.key != key]
    finish(folder, encoder.fingerprint, (*corpora, journal.corpus), progress, anew=plan.empty)
    _say_outgrown(table, journal.corpus, folder, progress)
    return len(plan.embed)


def _say_outgrown(table: ImageTable, entry: CorpusEntry, folder: Path, progress: Progress) -> None:
    """Says how to get the whitening that a corpus has grown into: the vectors of an index keep the one that it began with."""
    meta = read_meta(folder) if (folder / META).is_file() else {}
    rows = table.rows()
    owners, splits = rows["corpus"].to_pylist(), rows["split"].to_pylist()
    own = [split for owner, split in zip(owners, splits, strict=True) if owner == entry.key]
    training, of = (own.count("train"), TRAINING) if "train" in own else (len(own), NOT_SPLIT)
    if entry.source is not None and OUTGROWN_AT in meta and training >= meta[OUTGROWN_AT]:
        crops = meta["encoder"].get("crops", 1)
        asked = ("--crops", str(crops)) if crops != 1 else ()
        named = ("--corpus", entry.source, "--encoder", meta["source"], *asked, "--out", f"{folder}-again")
        words = ("samekind", "index", *named, *choice_flags(entry.choices))
        progress.print(
            f"the whitening is still the one by variances of fewer than {meta[OUTGROWN_AT]:,} {of}, now there are {training:,}; "
            f"a new index finds more: {shlex.join(words)}"
        )


def _say_added(plan: Plan, journal: Journal, folder: Path, progress: Progress) -> None:
    """Says that images come to those of other corpora: whoever meant another folder learns of it here."""
    assert journal.corpus is not None
    before = [entry.source or entry.key for entry in journal.corpora]
    is_new = journal.corpus.key not in {entry.key for entry in journal.corpora}
    if before and is_new and plan.embed:
        held = f"the images of {', '.join(before)}, which are in {folder} already"
        progress.print(f"added to {held}; another --out keeps them apart")


def _is_whole(folder: Path) -> bool:
    """True if the index lacks nothing; its files are read in full, so that what is damaged in them is mended (the table, which they are
    made from, has no hash: `samekind verify` compares it with them).
    """
    try:
        check_artefact(folder, Manifest.read(folder), full=True)
    except ArtefactError:
        return False
    return True


def _say(plan: Plan, entry: CorpusEntry, folder: Path, progress: Progress) -> None:
    there = plan.unchanged + plan.known
    elsewhere = f" ({plan.known:,} under the names that another source gave them)" if plan.known else ""
    if plan.empty:
        progress.print(f"nothing new: all {there:,} images of {entry.key} are in the index{elsewhere}")
    elif there or plan.reuse:
        kept = f", {len(plan.reuse):,} of known content are entered anew without embedding them" if plan.reuse else ""
        progress.print(f"{there:,} images are in the index already{elsewhere}{kept}, {len(plan.embed):,} are new")
    if plan.vanished:
        remove = f"samekind index --out {shlex.quote(str(folder))} --remove ID"
        what = f"not among these images any more, of {entry.key}: {len(plan.vanished):,}"
        progress.print(f"{what}; in the index they stay until they are removed ({remove})")
        for id_ in plan.vanished[:_MAX_NAMED]:
            progress.print(f"  {id_}")
        if len(plan.vanished) > _MAX_NAMED:
            listing = "" if entry.source == GIVEN_SOURCE else " (samekind index --missing FILE.csv lists all)"
            progress.print(f"  … and {len(plan.vanished) - _MAX_NAMED:,} more{listing}")
