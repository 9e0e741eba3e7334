"""The end of a run: what an adapter gained, whitening, last figures, and the artefact."""

from __future__ import annotations

import hashlib
from typing import Any

from samekind.data.corpus import Corpus
from samekind.data.types.rows import ChosenRows
from samekind.training.diagnostics.accuracy import evaluate_test_split
from samekind.training.diagnostics.gradient_weights import gradient_weights_of
from samekind.training.diagnostics.probe import with_corpus_look
from samekind.training.engine.context import RunContext
from samekind.training.engine.loss import Loss
from samekind.training.features.feature_encoder import Trainable
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained.whiten import whiten, whitening_rows
from samekind.training.run.fallback import fall_back
from samekind.training.run.meta import meta_at_end
from samekind.training.runtime.artefact import (
    META,
    METRICS,
    METRICS_SHA256,
    WEIGHTS,
    write_atomically,
    write_history,
    write_json,
)
from samekind.training.runtime.checkpoint import Counters


def finish(
    context: RunContext, corpus: Corpus, encoder: Trainable, loss: Loss, counters: Counters, meta: dict[str, Any]
) -> None:
    """Drops an adapter that has gained nothing, fits the whitening, looks at the probe and, for the first and only time, at the test split,
    and writes the artefact.

    Args:
        context: of the run.
        corpus: with all its splits.
        encoder: after the last step; moves to the CPU.
        loss: the run's.
        counters: after the last step.
        meta: as written at the start.
    """
    config, images, progress = context.config, context.images, context.progress
    encoder.eval()
    adapter = fall_back(context, encoder, has_answers=loss.constraints is not None)
    if isinstance(encoder, Encoder) and config.fine_tunes:
        chosen = ChosenRows(images.fit_pixels, whitening_rows(len(images.fit), config.seed))
        whiten(encoder, encoder.features(chosen, progress=progress), config.whitening, progress)
    else:
        encoder.fit_whitening(images.pixels, config.whitening or 0.0, config.seed, progress)
    embedded = None
    if context.probe is not None:
        embedded = encoder.embed(images.pixels, progress=progress)
        weights = gradient_weights_of(config.objective, config.temperature, loss.hardness(1.0))
        last = with_corpus_look(counters.history[-1], embedded[images.fit], context.probe, weights)
        counters.history[-1] = last
    whole = len(images.corpus) == corpus.splits.count("train")
    if encoder.whole is not encoder:  # an adapter was on the device, its backbone never was
        encoder.cpu()
    tested = evaluate_test_split(encoder.whole, corpus, progress, embedded if whole else None)
    write_atomically(context.out / WEIGHTS, encoder.whole.cpu().to_bytes())
    write_history(context.out, counters.history)
    if adapter is not None:
        tested = {**tested, "adapter_gain": round(adapter.gain, 4), "adapter_kept": adapter.is_kept}
    history = hashlib.sha256((context.out / METRICS).read_bytes()).hexdigest()
    write_json(context.out / META, {**meta_at_end(meta, encoder, images, counters, tested), METRICS_SHA256: history})
