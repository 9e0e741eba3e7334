"""HTML that is safe by construction: text is escaped unless it is `Html` already, and only `element` makes that."""

from __future__ import annotations

from html import escape


class Html(str):
    """Markup; everything else that goes into an element is text."""

    __slots__ = ()


Child = Html | str | int | None


def element(name: str, /, *children: Child, **attributes: str | int | float | None) -> Html:
    """An element with its children; `None` leaves a child or an attribute out.

    Args:
        name: of the element.
        *children: text, which is escaped, or `Html`.
        **attributes: by name; `_` stands for `-`, and one at the end is dropped (`class_`). Values are escaped.
    """
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{pairs}>{together(*children)}</{name}>")


def single(name: str, /, **attributes: str | int | float | None) -> Html:
    """An element that has no end, such as `img`."""
    return Html(element(name, **attributes).removesuffix(f"</{name}>"))


def together(*children: Child) -> Html:
    """Children one after the other."""
    return Html(
        "".join(child if isinstance(child, Html) else escape(str(child)) for child in children if child is not None)
    )
