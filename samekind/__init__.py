"""Find images of the same kind, and see which of your negatives were of the same kind all along.

    import samekind as sk

    corpus = sk.Corpus.from_folder("photos")
    run    = sk.train(corpus, preset="small", out="artifacts/photos")
    index  = sk.build_index(corpus, run.encoder, out="artifacts/photos")
    result = index.search("query.jpg", k=10)
    report = index.audit(k=10)

Every public name is here and is imported when it is first used, so that `import samekind` costs next to nothing and a search does not
pay for what only training needs. `__init__.pyi` says the same to type checkers.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Answered": "indexer.answered",
    "ArtefactError": "data.errors",
    "Corpus": "data.corpus",
    "CorpusError": "data.errors",
    "DetectorReport": "indexer.detectors",
    "DownloadError": "data.errors",
    "ENOUGH_ANSWERS": "indexer.pair_probability",
    "Duplicate": "indexer.duplicates",
    "Duplicates": "indexer.duplicates",
    "Encoder": "training.encoder",
    "Evaluation": "indexer.evaluate",
    "FalseNegativeReport": "indexer.report",
    "Hit": "indexer.search",
    "ImageError": "data.errors",
    "Index": "indexer.index",
    "InputError": "data.errors",
    "LabelSuspect": "indexer.label_suspects",
    "LabelSuspects": "indexer.label_suspects",
    "MissingDependencyError": "data.errors",
    "Question": "indexer.questions",
    "QuestionPool": "indexer.questions",
    "Questions": "indexer.questions",
    "Run": "training.loop",
    "SamekindError": "data.errors",
    "SearchResult": "indexer.search",
    "TrainConfig": "training.config",
    "TwoViewTransform": "data.views",
    "Verdict": "indexer.verdicts",
    "VerdictTable": "indexer.verdicts",
    "build_index": "indexer.index",
    "compare": "samekind.comparison.runner",
    "evaluate": "samekind.api",
    "evaluate_detectors": "indexer.detectors",
    "export_verdicts": "indexer.verdicts",
    "import_verdicts": "indexer.verdicts",
    "grouped": "indexer.verdicts",
    "joined_by": "indexer.answered",
    "load_corpus": "data.sources",
    "load_encoder": "samekind.api",
    "preset": "training.presets",
    "read_probes": "indexer.probes",
    "questions": "indexer.questions",
    "train": "samekind.api",
}

__all__ = [*sorted(_HOMES), "__version__"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'samekind' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
