"""The last question of the notes: do negatives of the same class bias it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.ideas import Ideas
from samekind.app.state.library import Library
from samekind.app.view_models.ideas import helps
from samekind.app.view_models.ideas.texts import Words
from samekind.app.widgets import notices, waiting
from samekind.app.widgets.ideas import parts
from samekind.core.text import percent

if TYPE_CHECKING:
    import samekind as sk
    from samekind import ideas

DEPTH = 10
USUAL_TEMPERATURE = 0.2  # of the presets
PRIORS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
FALSE_NEGATIVES = "screens/false_negatives.py"


def show(words: Words, library: Library) -> list[str]:
    """Draws the answer of this corpus, the losses, and what helps; each with its own sentence."""
    sample = parts.sample(words, library)
    if sample is None:
        return []
    above = st.container()
    st.page_link(FALSE_NEGATIVES, label=words("bias.link"), icon=":material/difference:")
    if sample.has_labels:
        st.subheader(words("bias.loss_title"), anchor=False)
        _losses(words, library, sample)
    st.subheader(words("bias.helps_title"), anchor=False)
    names = ("Fashion-MNIST", "CIFAR-10")
    rows = [
        {words("bias.helps_method"): words(f"bias.{key}"), **dict(zip(names, v, strict=True))} for key, v in helps.HELPS
    ]
    st.table(rows)
    st.caption(words("bias.helps_says"))
    st.markdown(words("bias.helps_says_2"))
    with above:  # last, for of a large corpus the audit takes a while
        _answer(words, library, sample)
    return []


def _answer(words: Words, library: Library, sample: ideas.CorpusSample) -> None:
    """This corpus' own answer, from the audit; without labels what can be known."""
    if not library.classes:
        st.info(words("bias.unlabelled"), icon=":material/label_off:")
        _estimate(words, library)
        return
    job = waiting.result(lambda: library.audit(DEPTH), words("bias.working"))
    if job is not None:
        _figures(words, job.report, sample)


def _figures(words: Words, report: sk.FalseNegativeReport, sample: ideas.CorpusSample) -> None:
    """Rate at the first and the last rank beside chance, and the share of the push."""
    from samekind.ideas import push_on_same_class

    first, last = report.by_rank[0]["false_negative_rate"], report.by_rank[-1]["false_negative_rate"]
    push = (report.gradient_share or {}).get("false_negatives")
    shown = {"first": first, "tenth": last, "base": report.base_rate, "push": push}
    with st.container(horizontal=True, key="figures"):
        for name, value in shown.items():
            meaning = words(f"bias.{name}_help", **({"rank": report.k} if name == "tenth" else {}))
            st.metric(words(f"bias.{name}"), percent(value), help=meaning, border=True, width=165)
    if first is None or not report.base_rate:
        return
    lift = f"{first / report.base_rate:,.1f}"
    said = words(
        "bias.here",
        first=percent(first),
        times=lift,
        base=percent(report.base_rate),
        rank=report.k,
        tenth=percent(last),
    )
    if push is None:
        own = push_on_same_class(sample, 0.0, USUAL_TEMPERATURE)
        more = words("bias.here_no_push", temperature=f"{USUAL_TEMPERATURE:g}", push=percent(own))
    else:
        more = words("bias.here_push", push=percent(push))
    st.markdown(f"{said} {more}")


def _estimate(words: Words, library: Library) -> None:
    """The share of pairs of one class, from answers about drawn pairs, with its interval."""
    from samekind import SamekindError, base_rate

    try:
        found = base_rate(library.index)
    except SamekindError as error:
        notices.failure(str(error), error.hint)
        return
    if found.share is None:
        st.caption(words("bias.no_estimate"))
        return
    interval = {"share": percent(found.share), "low": percent(found.low), "high": percent(found.high)}
    st.markdown(words("bias.estimate", answers=found.num_answers, **interval))


def _losses(words: Words, library: Library, sample: ideas.CorpusSample) -> None:
    from samekind.app.view_models.ideas import charts

    st.caption(words("bias.loss_says"))
    figures = library.kept(Ideas)
    base = figures.batches((2,))[0].false or 0.0
    left, middle, right = st.columns(3)
    counts = tuple(parts.sizes(512))
    with left:
        count = parts.choice(words("bias.count_axis"), counts, 256, "ideas_negatives")
    with middle:
        temperature = parts.temperature(words("bias.temperature"), library, "ideas_loss_temperature")
    with right:
        nearest = min(PRIORS, key=lambda prior: abs(prior - base))
        prior = parts.choice(words("bias.prior"), PRIORS, nearest, "ideas_prior")
    found = figures.losses(counts, temperature, prior)
    if not found:
        st.info(words("bias.loss_none"))
        return
    parts.chart(charts.losses(words, found, count), "ideas_losses")
    at = found[counts.index(count)]
    values = {"plain": at.plain, "true": at.true, "debiased": at.debiased, "added": at.plain - at.true}
    shown = {name: f"{value:.2f}" for name, value in values.items()}
    st.markdown(words("bias.loss_here", count=count, base=percent(base), **shown))
