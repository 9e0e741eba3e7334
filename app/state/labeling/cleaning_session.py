"""What is decided on the page *Clean up*, as verdicts and given labels; one at a time or all from a threshold on, and taken back.

*The label is wrong* is the verdict `wrong_label` with the image as anchor and a neighbour of the suggested class as negative: of those
shown the nearest that has no verdict beside the image yet, or else one farther away, so that no earlier answer is replaced. The label
that it should have is a given label of the same moment. *Is right* is `right_label`, about the image alone. Of near copies with
different labels one is wrong, so that *is right* is `wrong_label` with the copy as anchor. Files of equal content cannot be told apart
by a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import labeling_session
from samekind.app.state.labeling.labeling_session import WITHDRAWN
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models import curation_view
from samekind.app.view_models.pairs import Pair

if TYPE_CHECKING:
    import samekind as sk

BATCH = "all from a threshold on"
"""Note of answers that were given to many at once."""
LABEL_VERDICTS, PICTURE_VERDICTS = ("wrong_label",), ("duplicate", "same", "different")
PARTNERS = 30
_LAST, _CURRENT = "clean_up_last", "clean_up_current"


def pick(library: Library, issue: sk.LabelIssue, label: str | None) -> None:
    """Stores that a label is the right one; `None` for none of those there are. The given label makes that *the label is right*."""
    (own,) = _contents(library, issue.id)
    if label == issue.label and not issue.copies:
        is_stored = labeling_session.record(library, [(own, own, "right_label")])
    elif label == issue.label:
        is_stored = _store(library, [_copy_is_wrong(library, issue)], {})
    else:
        said = _is_wrong(library, issue, library.verdicts.current())
        is_stored = _store(library, [said], {} if label is None else {own: label})
    if is_stored:
        st.session_state[_LAST] = issue.id
        st.session_state.pop(_CURRENT, None)


def pick_suggested(library: Library, issues: Sequence[sk.LabelIssue], why: str) -> None:
    """Stores of many issues at once that the suggested label is the right one.

    Args:
        library: the opened index with its verdicts.
        issues: without copies. What is answered by now, by a press before this one or elsewhere, is left out.
        why: what selected them, for the note.
    """
    taken, names = dict(library.verdicts.current()), dict[str, str]()
    said: list[sk.Verdict] = []
    named = library.labels.current()
    answered = {each.anchor_sha256 for each in taken.values() if each.verdict == "wrong_label"}
    answered |= library.verdicts.right_labels().keys()
    for issue in issues:
        if not answered.isdisjoint(_contents(library, issue.id)):
            continue
        verdict = replace(_is_wrong(library, issue, taken), note=f"{BATCH}: {why}")
        taken[verdict.pair] = verdict
        said.append(verdict)
        answered.add(verdict.anchor_sha256)
        if verdict.anchor_sha256 not in named:  # a name that somebody gave by looking stays
            names[verdict.anchor_sha256] = issue.suggested
    _store(library, said, names)


def answer_pairs(library: Library, pairs: Sequence[sk.Duplicate], verdict: str, why: str = "") -> None:
    """Stores a verdict on each of these pairs of pictures, once for each two contents.

    That a label is wrong, which a pair may stand for, is told of another pair first: it is no answer about this one, and would be lost.

    Args:
        library: the opened index with its verdicts.
        pairs: near ones.
        verdict: `duplicate`, `same` or `different`.
        why: what selected them, if they were selected by a threshold.
    """
    from samekind import Verdict

    who, when, note = (
        labeling_session.annotator(),
        labeling_session.next_time(library),
        f"{BATCH}: {why}" if why else "",
    )
    answers: dict[Pair, sk.Verdict] = {}
    for pair in pairs:
        own, other = _contents(library, pair.a, pair.b)
        answer = Verdict(own, other, verdict, who, when, note)
        answers.setdefault(answer.pair, answer)
    # A verdict that moves keeps its time, so that whatever was ever said of its new pair, and taken back since, would be later.
    taken = {each.pair: each for each in library.verdicts.all()} | answers
    moved: list[sk.Verdict] = []
    current = library.verdicts.current()
    for answered in answers:
        held = current.get(answered)
        if held is not None and held.verdict == "wrong_label" and (each := _moved(library, held, pairs, taken)):
            taken[each.pair] = each
            moved.append(each)
    labeling_session.add(library, [*moved, *answers.values()])


def take_back(library: Library, issue: sk.LabelIssue) -> None:
    """Withdraws whatever decided about a label: it may stand beside another neighbour, or have come from *Same or different?*."""
    own, *rest = _contents(library, issue.id, *issue.copies, *issue.neighbours)
    current = library.verdicts.current().values()
    called = [each for each in current if each.verdict == "wrong_label"]
    # That a copy's label is wrong decides where nothing is said of its own; else it is an answer about the copy, which stays.
    wrong = [each for each in called if each.anchor_sha256 == own]
    wrong = wrong or [each for each in called if each.anchor_sha256 in rest[: len(issue.copies)]]
    deciding = [each for each in current if each.verdict == "different" and own in each.pair and {*each.pair} & {*rest}]
    right = library.verdicts.right_labels()
    deciding += [*wrong, *([right[own]] if own in right else [])]
    if _withdraw(library, deciding):
        _forget_names(library, wrong)


def take_pairs_back(library: Library, pairs: Sequence[sk.Duplicate]) -> None:
    """Withdraws the answers to these pairs of pictures."""
    asked = {(min(found), max(found)) for pair in pairs if len({*(found := _contents(library, pair.a, pair.b))}) == 2}
    current = library.verdicts.current()
    _withdraw(library, [each for key, each in current.items() if key in asked and each.verdict in PICTURE_VERDICTS])


def last_batch(library: Library, verdicts: Sequence[str]) -> list[sk.Verdict]:
    """The answers of these kinds that were given to many at once the last time, by anybody, as far as they still hold."""
    found = [
        each for each in library.verdicts.current().values() if each.note.startswith(BATCH) and each.verdict in verdicts
    ]
    last = max(found, key=lambda each: each.moment, default=None)
    return [each for each in found if last is not None and (each.when, each.who) == (last.when, last.who)]


def unseen(library: Library, issues: Sequence[sk.LabelIssue]) -> frozenset[str]:
    """Ids of the issues whose label is wrong only by an answer to many at once: nobody has looked at these images."""
    notes: dict[str, list[str]] = {}
    for each in library.verdicts.current().values():
        if each.verdict == "wrong_label":
            notes.setdefault(each.anchor_sha256, []).append(each.note)
    confirmed = [issue.id for issue in issues if issue.confirmed]
    told = zip(confirmed, (notes.get(own, [""]) for own in _contents(library, *confirmed)), strict=True)
    return frozenset(id_ for id_, of_it in told if all(note.startswith(BATCH) for note in of_it))


def take_batch_back(library: Library, batch: Sequence[sk.Verdict]) -> None:
    """Withdraws answers that were given to many at once, and the names beside them."""
    if _withdraw(library, batch):
        _forget_names(library, batch)


def current_issue(issues: Sequence[sk.LabelIssue]) -> str | None:
    """Id of the issue that the keys answer: the one that was chosen, or else the first open one of the page."""
    open_ones = [issue.id for issue in issues if issue.confirmed is None and issue.reason != curation_view.EXACT]
    chosen = st.session_state.get(_CURRENT)
    return chosen if chosen in open_ones else next(iter(open_ones), None)


def choose(id_: str) -> None:
    """Makes an issue the one that the keys answer."""
    st.session_state[_CURRENT] = id_


def last_answered() -> str | None:
    """Id of the issue that this tab answered last."""
    last: str | None = st.session_state.get(_LAST)
    return last


def _is_wrong(library: Library, issue: sk.LabelIssue, taken: Mapping[Pair, sk.Verdict]) -> sk.Verdict:
    """That the label of an issue is wrong, beside a neighbour without a verdict, and beside a copy only if need be."""
    beside = [id_ for id_ in issue.neighbours if id_ not in issue.copies]
    shown = beside[: curation_view.EVIDENCE_SHOWN - len(issue.copies[:1])]
    return _beside(library, issue.id, [*shown, *issue.copies[:1]], taken)


def _copy_is_wrong(library: Library, issue: sk.LabelIssue) -> sk.Verdict:
    beside = [id_ for id_ in issue.neighbours if id_ not in issue.copies]
    shown = beside[: curation_view.EVIDENCE_SHOWN - 1]
    return _beside(library, issue.copies[0], [*shown, issue.id], library.verdicts.current())


def _beside(library: Library, about: str, others: Sequence[str], taken: Mapping[Pair, sk.Verdict]) -> sk.Verdict:
    from samekind import Verdict

    own, *rest = _contents(library, about, *others)
    rest = [other for other in rest if other != own]  # a neighbour may be a file equal to the copy
    beside = curation_view.negative_for(own, rest, taken)
    held = taken.get((min(own, beside), max(own, beside)))
    if held is not None and held.verdict != "unsure":  # as after a screen about this image: that answer is kept
        beside = _near_unsaid(library, about, taken) or beside
    return Verdict(own, beside, "wrong_label", labeling_session.annotator())


def _store(library: Library, said: Sequence[sk.Verdict], names: Mapping[str, str]) -> bool:
    """Adds verdicts, and names beside them, all of one moment; true if they are in the tables now."""
    from samekind import GivenLabel

    when, who = labeling_session.next_time(library), labeling_session.annotator()
    if not labeling_session.add(library, [replace(each, when=when) for each in said]):
        return False
    # A class name that is no line of text cannot be given: the verdict alone stays then.
    given = {own: label.strip() for own, label in names.items() if len(label.splitlines()) == 1}
    return labeling_session.give_names(library, [GivenLabel(own, label, who, when) for own, label in given.items()])


def _withdraw(library: Library, deciding: Sequence[sk.Verdict]) -> bool:
    return labeling_session.record(
        library, [(each.anchor_sha256, each.negative_sha256, WITHDRAWN) for each in deciding]
    )


def _forget_names(library: Library, withdrawn: Sequence[sk.Verdict]) -> None:
    """Takes back the names that were given at the moments of withdrawn verdicts; an earlier name by the same person holds again."""
    images: dict[tuple[str, str], set[str]] = {}
    for each in withdrawn:
        images.setdefault((each.when, each.who), set()).add(each.anchor_sha256)
    for (when, who), named in images.items():
        labeling_session.take_names_back(library, when, who, named)


def _moved(
    library: Library, held: sk.Verdict, pairs: Sequence[sk.Duplicate], taken: Mapping[Pair, sk.Verdict]
) -> sk.Verdict | None:
    """A verdict on a label beside another image than the one of its pair; `None` if all that are near have one."""
    ids = (id_ for pair in pairs for id_ in (pair.a, pair.b))
    about = next(id_ for id_ in ids if _contents(library, id_) == [held.anchor_sha256])
    partner = _near_unsaid(library, about, taken)
    return None if partner is None else replace(held, negative_sha256=partner)


def _near_unsaid(library: Library, about: str, taken: Mapping[Pair, sk.Verdict]) -> str | None:
    """Content hash of the nearest image that has no verdict beside this one; `None` if all that are near have one."""
    hits = library.neighbours(Query(about, about), PARTNERS, None, leave_out_itself=True, adapted=False)
    own, *others = _contents(library, about, *(hit.id for hit in hits))
    unsaid = (each for each in others if each != own and (min(own, each), max(own, each)) not in taken)
    return next(unsaid, None)


def _contents(library: Library, *ids: str) -> list[str]:
    return [library.index.row(id_)["sha256"] for id_ in ids]
