"""Answers as plain text for people: aligned columns, no colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from samekind.core.text import UNDEFINED, counted, decimal, one_line, percent

MAX_CLASSES = 25
_ADAPTED = "adapted: the space of searches, by people's answers; test images that they were about gain most"
_SAID = {None: None, True: "confirmed", False: "dismissed"}
ALL_RANKS_TO = 10  # of more ranks these and then 20, 50, 100, 200, 500, … and the last are shown


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned columns: numbers to the right, text to the left, `None` as a dash."""
    cells = [[_cell(value) for value in row] for row in rows]
    numeric = [all(_is_number(row[i]) for row in cells) and bool(cells) for i in range(len(headers))]
    widths = [max([len(header), *(len(row[i]) for row in cells)]) for i, header in enumerate(headers)]

    def line(row: Sequence[str]) -> str:
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(headers), *map(line, cells)])


def search_text(answer: Mapping[str, Any]) -> str:
    """The hits of one query, or of several one after the other."""
    if "queries" in answer:
        return "\n\n".join(f"{query['query']}\n{search_text(query)}" for query in answer["queries"])
    labelled = any(hit["label"] is not None for hit in answer["hits"])
    headers = ["rank", "similarity", *(["label"] if labelled else []), "id", "uri"]
    rows = [
        [hit["rank"], f"{hit['similarity']:.4f}", *([hit["label"]] if labelled else []), hit["id"], hit["uri"]]
        for hit in answer["hits"]
    ]
    note = answer.get("note")
    return table(headers, rows) + (f"\nnote: {note}" if note else "")


def audit_text(answer: Mapping[str, Any]) -> str:
    """The audit, as a sentence and two tables."""
    parts = [_audit_sentence(answer)]
    if answer["by_rank"]:
        shown = _shown_ranks(answer["by_rank"])
        rows = [
            [
                row["rank"],
                percent(row["false_negative_rate"], 2),
                decimal(row["lift"]),
                decimal(row["similarity"], 4),
                percent(row["gradient_share"], 2),
            ]
            for row in shown
        ]
        columns = ["rank", "false negatives", "lift", "mean similarity", "share of gradient"]
        headers, *rows = _with_values([columns, *rows])
        parts.append(table(headers, rows) + _more(len(answer["by_rank"]) - len(rows), "more rank"))
    if answer["by_class"]:
        by_class = answer["by_class"].items()
        worst_first = sorted(by_class, key=lambda item: -(item[1]["false_negative_rate"] or 0.0))
        rows = [
            [name, row["num_images"], percent(row["false_negative_rate"], 2), decimal(row["lift"])]
            for name, row in worst_first[:MAX_CLASSES]
        ]
        more = _more(len(worst_first) - len(rows), "more class", "more classes")
        parts.append(table(["class", "images", "false negatives", "lift"], rows) + more)
    if training := _training_sentence(answer.get("training") or []):
        parts.append(training)
    alike = "of equal content, or that the encoder can hardly tell apart (samekind suspects compares the pixels)"
    duplicates = counted(answer["num_duplicates"], f"pair {alike}", f"pairs {alike}")
    parts.append(duplicates + _first_duplicates(answer["duplicates"]))
    parts.extend(f"note: {note}" for note in answer.get("notes", ()))
    return "\n\n".join(parts)


def evaluation_text(answer: Mapping[str, Any]) -> str:
    """The figures of an evaluation, the k-NN accuracy in a sentence of its own; if there are none, only the note that says why."""
    names = {
        "knn_accuracy": f"k-NN accuracy (k = {answer['knn_k']})",
        "linear_accuracy": "linear probe accuracy",
        "hit_rate_at_1": "hit rate at 1 (k-NN, k = 1)",
        "map_at_r": "MAP@R",
    }
    rows = [[text, decimal(answer[key], 4)] for key, text in names.items()]
    headers = ["figure", "value"]
    for other in ("without_whitening", "adapted"):
        if answer.get(other):
            headers.append(other.replace("_", " "))
            rows = [[*row, decimal(answer[other].get(key), 4)] for row, key in zip(rows, names, strict=True)]
    parts = [table(headers, rows)] if any(answer[key] is not None for key in names) else []
    if answer["knn_accuracy"] is not None:
        trained = "" if answer["epoch"] is None else f", after epoch {answer['epoch']}"
        parts.append(
            f"k-NN accuracy {answer['knn_accuracy']:.4f} (k = 1: {answer['hit_rate_at_1']:.4f}) "
            f"on {counted(answer['num_test'], 'test image')} (bank: {counted(answer['num_train'], 'training image')}{trained})"
        )
    parts += [_ADAPTED] * bool(answer.get("adapted"))
    return "\n\n".join([*parts, *(f"note: {note}" for note in answer["notes"])])


def detectors_text(answer: Mapping[str, Any]) -> str:
    """Figures of each detector, and the base rate to compare its average precision with."""
    parts = []
    if answer["detectors"]:
        keys = ("average_precision", "precision", "recall", "f1", "calibration_error")
        rows = [
            [row["detector"], *(decimal(row[key], 4) for key in keys), decimal(row["seconds"], 1)]
            for row in answer["detectors"]
        ]
        titles = ["average precision", "precision", "recall", "F1", "calibration error", "seconds"]
        parts.append(table(["detector", *titles], rows))
        parts.append(
            f"{percent(answer['base_rate'], 2)} of {counted(answer['num_pairs'], 'pair')} of "
            f"{counted(answer['num_images'], 'training image')} are of one class."
        )
    return "\n\n".join([*parts, *(f"note: {note}" for note in answer["notes"])])


def suspects_text(answer: Mapping[str, Any], shown: int) -> str:
    """The lists, the first lines of each."""
    parts = []
    if (count := answer["num_label_suspects"]) is not None:
        judged = counted(answer["num_judged"], "label was checked", "labels were checked")
        conflicts = answer["num_label_conflicts"]
        parts.append(
            f"{judged}; of {counted(count - conflicts, 'image')} another class is more probable."
            + f" {counted(conflicts, 'image has', 'images have')} a copy with another label, first here: one of the two is wrong."
            * bool(conflicts)
        )
        rows = [
            [
                each["id"],
                each["label"],
                each["suggested"],
                each["reason"].replace("_", " "),
                decimal(each["score"], 3),
                _SAID[each["confirmed"]],
            ]
            for each in answer["label_suspects"][:shown]
        ]
        if rows:
            headers = ["id", "label", "suggested", "reason", "score", "person"]
            parts.append(table(headers, rows) + _rest(count, len(rows)))
    count = answer["num_duplicates"]
    alike = "of equal content, or whose pixels nearly agree"
    parts.append(counted(count, f"pair {alike}", f"pairs {alike}") + ".")
    parts += _pairs(count, answer["duplicates"][:shown])
    if count := answer["num_leaks"]:
        pairs = counted(count, "pair of a training image and one", "pairs of a training image and one")
        parts.append(
            f"{pairs} of another split, the same picture or nearly: true ones are leaks, which make accuracy too good."
        )
        parts += _pairs(count, answer["leaks"][:shown])
    parts.extend(f"note: {note}" for note in answer["notes"])
    return "\n\n".join(parts)


def naming_conflicts_text(conflicts: Sequence[Mapping[str, Any]], shown: int = 20) -> str:
    """How many conflicts of given labels there are, and the first of them."""
    what = {"two_names": "two names", "same": "called the same", "different": "called different"}
    rows = [
        [what[each["reason"]], ", ".join(each["names"]), _people(each["who"]), *named_images(each)]
        for each in conflicts[:shown]
    ]
    told = f"{counted(len(conflicts), 'conflict')}, left out"
    more = _more(len(conflicts) - len(rows), "more conflict")
    return (
        f"{told}:\n{table(['conflict', 'names', 'by', 'image', 'other image'], rows)}{more}" if rows else "no conflicts"
    )


def agreement_text(answer: Mapping[str, Any], shown: int = 20) -> str:
    """How far each two people agree, and the first pairs of images on which somebody does not."""
    if len(answer["people"]) < 2:
        return f"{counted(len(answer['people']), 'person', 'people')} answered pairs: agreement takes two"
    rows = [
        [
            *map(_name, each["people"]),
            each["pairs"],
            percent(each["agreement"]),
            decimal(each["kappa"]),
            decimal(each["standard_error"]),
        ]
        for each in answer["between"]
    ]
    parts = [table(["person", "and", "common pairs", "agreement", "kappa", "standard error"], rows)]
    found = answer["disagreements"]
    parts.append(counted(len(found), "pair was answered differently", "pairs were answered differently") + ".")
    if found:
        rows = [[*named_images(each), ", ".join(map(_said_by, each["answers"]))] for each in found[:shown]]
        rest = _more(len(found) - len(rows), "more pair")
        parts.append(table(["image", "other image", "answers"], rows) + rest)
    return "\n\n".join(parts)


def _said_by(answer: Mapping[str, Any]) -> str:
    return f"{_name(answer['who'])}: {answer['verdict']} ({answer['when'][:10]})"


def _name(who: str) -> str:
    return who or "(no name)"


def _people(who: Sequence[str]) -> str:
    return ", ".join(map(_name, who))


def named_images(answer: Mapping[str, Any]) -> list[str | None]:
    """Two cells: ids, or the beginning of a hash where the index holds no such image."""
    named = [id_ or f"{image[:12]}…" for id_, image in zip(answer["ids"], answer["images"], strict=True)]
    return [*named, None][:2]


def _pairs(count: int, pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The table of some of so many pairs, if there is one."""
    rows = [[each["a"], each["b"], each["kind"], decimal(each["score"], 3), _SAID[each["confirmed"]]] for each in pairs]
    return [table(["a", "b", "kind", "score", "person"], rows) + _rest(count, len(rows))] if rows else []


def _rest(count: int, shown: int) -> str:
    return f"\n… and {count - shown:,} more (--count {count} shows all)" if count > shown else ""


def _with_values(lines: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """A table without the columns in which nothing is known; the first line is its headers."""
    kept = [i for i, values in enumerate(zip(*lines[1:], strict=True)) if set(values) != {UNDEFINED}]
    return [[line[i] for i in kept] for line in lines]


def _audit_sentence(answer: Mapping[str, Any]) -> str:
    anchors, base_rate = answer["num_anchors"], answer["base_rate"]
    if base_rate is None or not answer["by_rank"] or answer["by_rank"][0]["false_negative_rate"] is None:
        of = counted(anchors, "image")
        return f"How near the hardest negatives of {of} are; which of them are false cannot be said."  # a note says why
    first = answer["by_rank"][0]
    known = first["num_pairs"]
    own = counted(known, "image has a hardest negative of its", "images have a hardest negative of their")
    lift = "" if first["lift"] is None else f", {first['lift']:.1f} times the share among all negatives"
    unknown = counted(anchors - known, "other image", "other images")
    rest = f" Of {unknown} the label, or that of the hardest negative, is not known." if known < anchors else ""
    return f"{percent(first['false_negative_rate'], 2)} of {own} own class{lift} ({percent(base_rate, 2)}).{rest}"


def _shown_ranks(by_rank: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows that a person reads: thousands of ranks are for `--json`."""
    last = by_rank[-1]["rank"]
    return [row for row in by_rank if row["rank"] in (*range(1, ALL_RANKS_TO + 1), last) or _is_round(row["rank"])]


def _is_round(rank: int) -> bool:
    """True if it is 1, 2 or 5 times a power of ten."""
    return str(rank).rstrip("0") in ("1", "2", "5")


def _more(count: int, one: str, many: str = "") -> str:
    return f"\n… and {counted(count, one, many)} (--json has all)" if count else ""


def _training_sentence(history: Sequence[Mapping[str, Any]]) -> str:
    """Negatives that the objective met in the last epoch: others than the nearest images of the whole corpus."""
    rates = history[-1].get("false_negative_rate") if history else None
    if not rates:
        return ""
    hardest = ", ".join(f"{percent(rate, 2)} (hardest {k})" for k, rate in rates.items() if rate is not None)
    base_rate = percent(history[-1].get("base_rate"), 2)
    return f"While training (last epoch), negatives of a batch that were false: {hardest}; base rate {base_rate}."


def _first_duplicates(duplicates: Sequence[Mapping[str, Any]], shown: int = 5) -> str:
    lines = [f"  {pair['kind']:5}  {pair['similarity']:.4f}  {pair['a']}  {pair['b']}" for pair in duplicates[:shown]]
    return "".join(f"\n{line}" for line in lines) + ("\n  …" if len(duplicates) > shown else "")


def _cell(value: object) -> str:
    return UNDEFINED if value is None else one_line(str(value))


def _is_number(text: str) -> bool:
    try:
        float(text.removesuffix(" %"))
    except ValueError:
        return text == UNDEFINED
    return True


def verification_text(answer: Mapping[str, Any]) -> str:
    """A line a part, and a remedy below those that are damaged."""
    lines = []
    width = max(len(part["part"]) for part in answer["parts"])
    for part in answer["parts"]:
        lines.append(f"{'ok' if part['ok'] else 'damaged':7}  {part['part']:{width}}  {part['message']}")
        if part["hint"]:
            lines.append(f"{'':7}  {'':{width}}  {part['hint']}")
    return "\n".join(lines)
