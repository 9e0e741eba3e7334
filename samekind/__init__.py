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
import warnings

__version__ = "0.1.0"

_HOMES = {
    "ConstraintClosure": "samekind.indexer.labeling.constraint_closure",
    "ArtefactError": "samekind.core.errors",
    "Client": "samekind.service.asking.client",
    "Corpus": "samekind.data.corpus",
    "CorpusError": "samekind.core.errors",
    "DetectorReport": "samekind.indexer.evaluation.detector_report",
    "DownloadError": "samekind.core.errors",
    "ENOUGH_ANSWERS": "samekind.indexer.labeling.pair_model",
    "Duplicate": "samekind.indexer.curation.near_duplicates",
    "Duplicates": "samekind.indexer.curation.near_duplicates",
    "find_runs": "samekind.indexer.report.runs",
    "first_run": "samekind.indexer.report.runs",
    "near_copies": "samekind.indexer.curation.near_duplicates",
    "Encoder": "samekind.training.models.encoder",
    "Evaluation": "samekind.indexer.evaluation.figures",
    "DrawnPair": "samekind.indexer.labeling.estimates.hard_negatives",
    "GradientMass": "samekind.indexer.audit.gradient_mass",
    "HardNegativeRate": "samekind.indexer.labeling.estimates.hard_negatives",
    "HardNegativeSample": "samekind.indexer.labeling.estimates.hard_negatives",
    "FalseNegativeReport": "samekind.indexer.audit.report",
    "Hit": "samekind.indexer.search.hits",
    "ImageError": "samekind.core.errors",
    "Index": "samekind.indexer.index",
    "ImageMap": "samekind.indexer.map.stored",
    "InputError": "samekind.core.errors",
    "Inspection": "samekind.data.inspection",
    "LabelIssue": "samekind.indexer.curation.label_issues",
    "LabelIssues": "samekind.indexer.curation.label_issues",
    "MissingDependencyError": "samekind.core.errors",
    "Mix": "samekind.indexer.search.mixed",
    "BaseRate": "samekind.indexer.labeling.base_rate",
    "CandidatePair": "samekind.indexer.labeling.candidate_pairs",
    "CandidatePool": "samekind.indexer.labeling.acquisition",
    "CandidatePairs": "samekind.indexer.labeling.candidate_pairs",
    "Screen": "samekind.indexer.labeling.screens",
    "ScreenImage": "samekind.indexer.labeling.screens",
    "ScreenPool": "samekind.indexer.labeling.screen_pool",
    "Published": "samekind.indexer.published.publishing",
    "PublishedIndex": "samekind.indexer.published.published_index",
    "publish": "samekind.indexer.published.publishing",
    "Run": "samekind.training.run.train",
    "RunCard": "samekind.indexer.report.run_card",
    "SamekindError": "samekind.core.errors",
    "Reading": "samekind.data.types.reading",
    "ServiceError": "samekind.core.errors",
    "SearchResult": "samekind.indexer.search.results",
    "Text": "samekind.indexer.search.mixed",
    "Crop": "samekind.indexer.search.crop",
    "TrainConfig": "samekind.training.config.train_config",
    "TwoViewTransform": "samekind.data.views.two_view",
    "Verdict": "samekind.indexer.labeling.verdicts",
    "VerdictTable": "samekind.indexer.labeling.verdicts",
    "Verification": "samekind.indexer.verification",
    "Worth": "samekind.indexer.adaptation.worth",
    "AdaptReport": "samekind.indexer.adaptation.adapt",
    "FEWEST_GROUPS": "samekind.training.answers.guard",
    "SMALLEST_GROUP": "samekind.training.answers.guard",
    "acquire_pairs": "samekind.indexer.labeling.acquisition",
    "adapt": "samekind.indexer.adaptation.adapt",
    "acquire_screens": "samekind.indexer.labeling.screen_pool",
    "Agreement": "samekind.indexer.labeling.people.agreement",
    "agreement": "samekind.indexer.labeling.people.agreement",
    "base_rate": "samekind.indexer.labeling.base_rate",
    "BesidePixels": "samekind.indexer.evaluation.beside_pixels",
    "beside_pixels": "samekind.indexer.evaluation.beside_pixels",
    "build_index": "samekind.indexer.index",
    "compare": "samekind.comparison.runner",
    "decode_image": "samekind.data.decode",
    "evaluate": "samekind.api",
    "evaluate_detectors": "samekind.indexer.evaluation.detectors",
    "ExportedImages": "samekind.indexer.curation.selection",
    "export_images": "samekind.indexer.curation.selection",
    "export_neighbours": "samekind.api",
    "export_vectors": "samekind.api",
    "export_verdicts": "samekind.indexer.labeling.verdict_csv",
    "import_verdicts": "samekind.indexer.labeling.verdict_csv",
    "GivenLabel": "samekind.indexer.labeling.people.given_labels",
    "LabelTable": "samekind.indexer.labeling.people.given_labels",
    "Naming": "samekind.indexer.labeling.people.naming",
    "NamingConflict": "samekind.indexer.labeling.people.naming",
    "current_answers": "samekind.indexer.labeling.people.current_answers",
    "read_naming": "samekind.indexer.labeling.people.current_answers",
    "export_labels": "samekind.indexer.labeling.people.label_csv",
    "import_labels": "samekind.indexer.labeling.people.label_csv",
    "Tag": "samekind.indexer.labeling.people.tags",
    "TagTable": "samekind.indexer.labeling.people.tags",
    "export_tags": "samekind.indexer.labeling.people.tag_csv",
    "import_tags": "samekind.indexer.labeling.people.tag_csv",
    "index_vectors": "samekind.api",
    "inspect": "samekind.data.inspection",
    "link_constraints": "samekind.indexer.labeling.link_constraints",
    "load_corpus": "samekind.data.sources.registry",
    "load_encoder": "samekind.api",
    "make_map": "samekind.indexer.map.make",
    "missing_for_detectors": "samekind.indexer.evaluation.needs",
    "must_link_path": "samekind.indexer.labeling.constraint_closure",
    "preset": "samekind.training.config.presets",
    "Relocation": "samekind.indexer.building.relocate",
    "relocate": "samekind.indexer.building.relocate",
    "read_map": "samekind.indexer.map.reading",
    "run_card": "samekind.indexer.report.run_card",
    "read_probes": "samekind.indexer.storage.probes",
    "sketch_map": "samekind.indexer.map.sketch",
    "train": "samekind.api",
    "TuneReport": "samekind.indexer.building.tuning.tune",
    "tune": "samekind.indexer.building.tuning.tune",
    "undo_adaptation": "samekind.indexer.adaptation.adapt",
    "worth_of_more": "samekind.indexer.adaptation.worth",
    "verify": "samekind.indexer.verification",
}

# Names of release 0.1, which the next release drops.
_RENAMED = {
    "Answered": "ConstraintClosure",
    "LabelSuspect": "LabelIssue",
    "LabelSuspects": "LabelIssues",
    "Question": "CandidatePair",
    "QuestionPool": "CandidatePool",
    "Questions": "CandidatePairs",
    "grouped": "link_constraints",
    "joined_by": "must_link_path",
    "questions": "acquire_pairs",
}

__all__ = [*sorted(_HOMES), "__version__"]


def __getattr__(name: str) -> object:
    if name in _RENAMED:
        current = _RENAMED[name]
        warnings.warn(f"samekind.{name} is now samekind.{current}", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(__name__), current)
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'samekind' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
