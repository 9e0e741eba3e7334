"""The trials of a comparison: corpora are inspected, the budget becomes steps, and methods meet seeds.

Seeds come in the outer loop: a comparison that is stopped early has every method once before it has any method twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from samekind.comparison.budget import TIMED_OBJECTIVE, store_steps, stored_steps
from samekind.comparison.launch import run_child
from samekind.comparison.methods import Curve, Method, curves
from samekind.comparison.settings import Settings
from samekind.comparison.trials import CorpusPart, Trial
from samekind.core.errors import InputError
from samekind.core.progress import Progress
from samekind.data.types.same_class import ANY
from samekind.training.config.train_config import TrainConfig

SECONDS_OF_TIMING = 15.0
_ENDLESS = 10**6  # epochs; the clock ends the timing


@dataclass(frozen=True)
class Failure:
    """A trial, or a method as a whole, that could not be computed."""

    trial: str
    error: str
    hint: str = ""


@dataclass
class Plan:
    """One corpus.

    Attributes:
        corpus: on what.
        common: the settings that all rows share.
        methods: the rows that are asked for.
        curves: around the common settings, asked for or not.
        trials: that are asked for, in their order.
    """

    corpus: CorpusPart
    common: TrainConfig
    methods: tuple[Method, ...]
    curves: tuple[Curve, ...]
    trials: list[Trial] = field(default_factory=list)


def describe(name: str, settings: Settings, progress: Progress) -> CorpusPart:
    """Loads a corpus to learn its content hash and its size; the children load it for themselves."""
    from samekind.data.sources.registry import load_corpus

    corpus = load_corpus(name, data_dir=settings.data_dir, **settings.reading_of(name), progress=progress)
    if corpus.skipped:
        progress.print(f"{corpus.name}: left out {len(corpus.skipped)} files that are no readable images")
    return CorpusPart(
        name=corpus.name,
        content_hash=corpus.content_hash,
        source=dict(corpus.source),
        labelled=corpus.labels is not None,
        num_train=corpus.splits.count("train"),
        num_test=corpus.splits.count("test"),
        label_rule=corpus.label_rule,
    )


def check_names(corpora: Sequence[CorpusPart]) -> None:
    """Refuses corpora whose results would go to one file."""
    slugs = [corpus.slug for corpus in corpora]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise InputError(
                f"two corpora are called {slug!r}, and their results would go to one file",
                hint="rename a folder, or compare them with another --out",
            )


def make_plan(
    corpus: CorpusPart, settings: Settings, failed: list[Failure], progress: Progress, *, with_curves: bool
) -> Plan:
    """Trials on one corpus; times it first, if the budget is a time that was not measured before.

    Args:
        corpus: on what.
        settings: what is asked for.
        failed: gets the methods that this samekind cannot train.
        progress: told what is going on.
        with_curves: whether the points of the curves are wanted.
    """
    steps = _steps(corpus, settings, progress)
    common = settings.config(steps=steps)
    methods = settings.rows(labelled=corpus.labelled and corpus.label_rule != ANY)
    if not corpus.labelled:
        progress.print(
            f"{corpus.name} has no labels: no accuracy, no false-negative rate, and no rows that need labels"
        )
    elif corpus.label_rule == ANY:
        progress.print(f"{corpus.name}: images that share a label ({ANY}) are no classes: no rows that need labels")
    plan = Plan(corpus, common, methods, curves(common, min(corpus.num_train, settings.train_images)))
    usable = [method for method in methods if _is_known(method, corpus, settings, steps, failed)]
    plan.trials = [
        Trial(corpus, method, settings.config(method.overrides, steps=steps, seed=seed), settings.knn_k)
        for seed in range(settings.seeds)
        for method in usable
    ]
    if with_curves:
        points = [point.method for curve in plan.curves for point in curve.points]
        plan.trials += [
            Trial(corpus, method, settings.config({"steps": steps, **method.overrides}, seed=0), settings.knn_k)
            for method in points
            if _is_known(method, corpus, settings, steps, failed)
        ]
    return plan


def _is_known(method: Method, corpus: CorpusPart, settings: Settings, steps: int, failed: list[Failure]) -> bool:
    """True if this samekind can train it; if not, that is noted and the others continue."""
    try:
        settings.config({"steps": steps, **method.overrides})
    except InputError as error:
        failed.append(Failure(f"{corpus.name} · {method.name}", str(error), error.hint))
        return False
    return True


def _steps(corpus: CorpusPart, settings: Settings, progress: Progress) -> int:
    """The budget in steps; a time is measured once and remembered."""
    budget = settings.parsed_budget
    if budget.steps is not None:
        return budget.steps
    assert budget.seconds is not None
    purpose = settings.timed_by(corpus.name, corpus.content_hash)
    known = stored_steps(settings.out, purpose)
    if known is not None:
        return known
    seconds = min(SECONDS_OF_TIMING, budget.seconds / 4)
    progress.print(
        f"{corpus.name}: timing {TIMED_OBJECTIVE} to turn {budget.text} into steps (about {seconds + 15:.0f} s)"
    )
    config = settings.config({"objective": TIMED_OBJECTIVE}, epochs=_ENDLESS)
    task = {
        "kind": "timing",
        "source": corpus.source,
        "content_hash": corpus.content_hash,
        "config": config.to_dict(),
        "seconds": seconds,
    }
    measured = run_child(task)
    steps = max(1, round(budget.seconds * float(measured["steps_per_second"])))
    store_steps(settings.out, purpose, steps, measured)
    progress.print(f"{corpus.name}: {budget.text} are {steps:,} steps ({measured['steps_per_second']:.2f} a second)")
    return steps


def without_twins(trials: Iterable[Trial]) -> list[Trial]:
    """Each trial once: a point of a curve may be a row of the table as well."""
    seen: dict[str, Trial] = {}
    for trial in trials:
        seen.setdefault(trial.digest, trial)
    return list(seen.values())
