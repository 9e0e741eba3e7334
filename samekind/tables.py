"""Answers as plain text for people: aligned columns, no colour, no dependency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_CLASSES = 25


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


def percent(value: float | None) -> str | None:
    """A share as per cent; `None` stays undefined."""
    return None if value is None else f"{100 * value:.2f} %"


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
    """What the audit found, as a sentence and two tables."""
    parts = [_audit_sentence(answer)]
    if answer["by_rank"]:
        rows = [
            [
                row["rank"],
                percent(row["false_negative_rate"]),
                _figure(row["lift"]),
                _figure(row["similarity"], 4),
                percent(row["gradient_share"]),
            ]
            for row in answer["by_rank"]
        ]
        parts.append(table(["rank", "false negatives", "lift", "mean similarity", "share of gradient"], rows))
    if answer["by_class"]:
        by_class = answer["by_class"].items()
        worst_first = sorted(by_class, key=lambda item: -(item[1]["false_negative_rate"] or 0.0))
        rows = [
            [name, row["num_images"], percent(row["false_negative_rate"]), _figure(row["lift"])]
            for name, row in worst_first[:MAX_CLASSES]
        ]
        more = len(worst_first) - len(rows)
        more_line = f"\n… and {more} more classes (--json has all)" if more else ""
        parts.append(table(["class", "images", "false negatives", "lift"], rows) + more_line)
    if training := _training_sentence(answer.get("training") or []):
        parts.append(training)
    parts.append(f"{answer['num_duplicates']} exact or near duplicates" + _first_duplicates(answer["duplicates"]))
    parts.extend(f"note: {note}" for note in answer.get("notes", ()))
    return "\n\n".join(parts)


def evaluation_text(answer: Mapping[str, Any]) -> str:
    """The figures of an evaluation, the k-NN accuracy in a sentence of its own."""
    names = {
        "knn_accuracy": f"k-NN accuracy (k = {answer['knn_k']})",
        "linear_accuracy": "linear probe accuracy",
        "hit_rate_at_1": "hit rate at 1",
        "map_at_r": "MAP@R",
    }
    figures = table(["figure", "value"], [[text, _figure(answer[key], 4)] for key, text in names.items()])
    parts = [figures]
    if answer["knn_accuracy"] is not None:
        parts.append(
            f"k-NN accuracy {answer['knn_accuracy']:.4f} on {answer['num_test']:,} test images "
            f"(bank: {answer['num_train']:,} training images, after epoch {answer['epoch']})"
        )
    return "\n\n".join([*parts, *(f"note: {note}" for note in answer["notes"])])


def _audit_sentence(answer: Mapping[str, Any]) -> str:
    anchors, base_rate = answer["num_anchors"], answer["base_rate"]
    if base_rate is None or not answer["by_rank"] or answer["by_rank"][0]["false_negative_rate"] is None:
        return f"{anchors} anchors. Without labels nobody can say which negatives are false; similarities and duplicates are below."
    first = answer["by_rank"][0]
    lift = "" if first["lift"] is None else f", {first['lift']:.1f} times the share among all negatives"
    return (
        f"{percent(first['false_negative_rate'])} of {anchors:,} images have a hardest negative of their own class{lift} "
        f"({percent(base_rate)})."
    )


def _training_sentence(history: Sequence[Mapping[str, Any]]) -> str:
    """What the objective itself met in the last epoch: other negatives than the nearest images of the whole corpus."""
    rates = history[-1].get("false_negative_rate") if history else None
    if not rates:
        return ""
    hardest = ", ".join(f"{percent(rate)} (hardest {k})" for k, rate in rates.items() if rate is not None)
    base_rate = percent(history[-1].get("base_rate"))
    return f"While training (last epoch), negatives of a batch that were false: {hardest}; base rate {base_rate}."


def _first_duplicates(duplicates: Sequence[Mapping[str, Any]], shown: int = 5) -> str:
    lines = [f"  {pair['kind']:5}  {pair['similarity']:.4f}  {pair['a']}  {pair['b']}" for pair in duplicates[:shown]]
    return "".join(f"\n{line}" for line in lines) + ("\n  …" if len(duplicates) > shown else "")


def _figure(value: float | None, digits: int = 2) -> str | None:
    return None if value is None else f"{value:.{digits}f}"


def _cell(value: object) -> str:
    return "–" if value is None else str(value)


def _is_number(text: str) -> bool:
    try:
        float(text.removesuffix(" %"))
    except ValueError:
        return text == "–"
    return True
