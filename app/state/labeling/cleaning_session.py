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

from samekind.app.state.labeling import cleaning_keys, labeling_session
from samekind.app.state.labeling.cleaning_keys import DUPLICATES, LABELS, LEAKS
from samekind.app.state.labeling.labeling_session import WITHDRAWN
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models import curation_view
from samekind.app.view_models.pairs import Pair
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk

BATCH = "all from a threshold on"
"""Note of answers that were given to many at once."""
PICTURE_VERDICTS = ("duplicate", "same", "different")
PARTNERS = 30


def pick(library: Library, issue: sk.LabelIssue, label: str | None) -> None:
    """Stores that a label is the right one; `None` for none of those there are. The given label makes that *the label is right*."""
    work = cleaning_keys.work(library, LABELS)
    (own,) = _contents(library, issue.id)
    if label == issue.label and not issue.copies:
        is_stored = labeling_session.record(library, [(own, own, "right_label")])
    elif label == issue.label:
        is_stored = _store(library, [_copy_is_wrong(library, issue)], {})
    else:
        said = _is_wrong(library, issue, library.verdicts.current())
        is_stored = _store(library, [said], {} if label is None else {own: label})
    if is_stored:
        given = _deciding(library, issue)
        work.answered(curation_view.issue_words(issue), lambda library: _still(library, given))


def pick_suggested(library: Library, issues: Sequence[sk.LabelIssue], why: str) -> None:
    """Stores of many issues at once that the suggested label is the right one.

    Args:
        library: the opened index with its verdicts.
        issues: without copies. What is answered by now, by a press before this one or elsewhere, is left out.
        why: what selected them, for the note.
    """
    work = cleaning_keys.work(library, LABELS)
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
    if said and _store(library, said, names):
        pairs = {each.pair for each in said}
        given = [each for each in last_batch(library, LABELS) if each.pair in pairs]
        work.answered(f"{counted(len(said), 'image')} at once", lambda library: _still(library, given))


def answer_pairs(
    library: Library, pairs: Sequence[sk.Duplicate], verdict: str, which: str = DUPLICATES, why: str = ""
) -> None:
    """Stores a verdict on each of these pairs of pictures, once for each two contents.

    That a label is wrong, which a pair may stand for, is told of another pair first: it is no answer about this one, and would be lost.

    Args:
        library: the opened index with its verdicts.
        pairs: near ones.
        verdict: `duplicate`, `same` or `different`.
        which: the list where they are answered: `DUPLICATES` or `LEAKS`.
        why: what selected them, if they were selected by a threshold.
    """
    from samekind import Verdict

    work = cleaning_keys.work(library, which)
    who, when = labeling_session.annotator(), labeling_session.next_time(library)
    note = f"{BATCH}: {which}, {why}" if why else ""
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
    if labeling_session.add(library, [*moved, *answers.values()]):
        work.answered(
            curation_view.pairs_words(pairs),
            lambda library: [each for each in _picture_answers(library, pairs) if each.when == when],
        )


def undo_last(library: Library, which: str) -> None:
    """Takes back the last answer that this tab gave in a list, as far as it still holds; `Work.taken_back` says which it was."""
    work = cleaning_keys.work(library, which)
    while work.own:
        last = work.own[-1]
        held = last.held(library)
        if held and not _take_back(library, held):
            return
        work.own.pop()
        if held:
            work.taken_back = last.words
            return


def _still(library: Library, given: Sequence[sk.Verdict]) -> list[sk.Verdict]:
    """Which of these verdicts hold: what somebody else has said since is theirs, and stays."""
    current, right = library.verdicts.current(), library.verdicts.right_labels()
    return [each for each in given if each in (current.get(each.pair), right.get(each.anchor_sha256))]


def take_back(library: Library, issue: sk.LabelIssue) -> None:
    """Withdraws whatever decided about a label: it may stand beside another neighbour, or have come from *Same or different?*."""
    _take_back(library, _deciding(library, issue))


def _deciding(library: Library, issue: sk.LabelIssue) -> list[sk.Verdict]:
    own, *rest = _contents(library, issue.id, *issue.copies, *issue.neighbours)
    current = library.verdicts.current().values()
    called = [each for each in current if each.verdict == "wrong_label"]
    # That a copy's label is wrong decides where nothing is said of its own; else it is an answer about the copy, which stays.
    wrong = [each for each in called if each.anchor_sha256 == own]
    wrong = wrong or [each for each in called if each.anchor_sha256 in rest[: len(issue.copies)]]
    deciding = [each for each in current if each.verdict == "different" and own in each.pair and {*each.pair} & {*rest}]
    right = library.verdicts.right_labels()
    return [*deciding, *wrong, *([right[own]] if own in right else [])]


def take_pairs_back(library: Library, pairs: Sequence[sk.Duplicate]) -> None:
    """Withdraws the answers to these pairs of pictures."""
    _take_back(library, _picture_answers(library, pairs))


def _picture_answers(library: Library, pairs: Sequence[sk.Duplicate]) -> list[sk.Verdict]:
    asked = {(min(found), max(found)) for pair in pairs if len({*(found := _contents(library, pair.a, pair.b))}) == 2}
    current = library.verdicts.current()
    return [each for key, each in current.items() if key in asked and each.verdict in PICTURE_VERDICTS]


def last_batch(library: Library, which: str) -> list[sk.Verdict]:
    """The answers that were given to many at once in this list the last time, by anybody, as far as they still hold."""
    found = [each for each in library.verdicts.current().values() if _batch_list(each) == which]
    last = max(found, key=lambda each: each.moment, default=None)
    return [each for each in found if last is not None and (each.when, each.who) == (last.when, last.who)]


def _batch_list(verdict: sk.Verdict) -> str:
    """The list where a verdict was given to many at once; empty for others. Older notes name no list: *Duplicates* holds all pairs."""
    if not verdict.note.startswith(BATCH):
        return ""
    if verdict.verdict == "wrong_label":
        return LABELS
    return LEAKS if verdict.note.startswith(f"{BATCH}: {LEAKS},") else DUPLICATES


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
    _take_back(library, batch)


def current_issue(library: Library, issues: Sequence[sk.LabelIssue]) -> str | None:
    """Id of the issue that the keys answer: the one that was chosen, or else the first open one of the page."""
    open_ones = [issue.id for issue in issues if issue.confirmed is None and issue.reason != curation_view.EXACT]
    return cleaning_keys.work(library, LABELS).current(open_ones)


def choose(library: Library, id_: str) -> None:
    """Makes an issue the one that the keys answer."""
    cleaning_keys.work(library, LABELS).chosen = id_


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


def _take_back(library: Library, deciding: Sequence[sk.Verdict]) -> bool:
    """Withdraws verdicts, and the names that were given beside wrong labels; true if they are withdrawn now."""
    withdrawn = [(each.anchor_sha256, each.negative_sha256, WITHDRAWN) for each in deciding]
    if not labeling_session.record(library, withdrawn):
        return False
    _forget_names(library, [each for each in deciding if each.verdict == "wrong_label"])
    return True


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
