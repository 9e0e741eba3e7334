"""The other run that *Search* compares with, by its name in the address (`?with=NAME`), and the present query there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from samekind.app.state import address, runs
from samekind.app.state.library import Library
from samekind.app.state.query import Mixture, Query

WITH = "with"
"""Key of the choice, and its name in the address."""


def offered() -> list[str]:
    """The names to choose from; empty for no other run, which comes first."""
    shown = runs.chosen_name()
    return ["", *(name for name in runs.names() if name != shown)]


def follow_address(names: list[str], page: str) -> str | None:
    """Chooses the run that the address names, if that has changed since it was last seen.

    Args:
        names: as `offered`.
        page: title of the page that asks.

    Returns:
        A name in the address that is none of them; `None` if all is well.
    """
    address.follow(WITH, names, page)
    named = st.query_params.get(WITH)
    if named is not None and named not in names and not st.session_state[WITH]:
        address.seen(WITH)
        return named
    address.write(WITH, names)
    return None


def there(library: Library, mixture: Mixture, other: Library) -> Mixture | None:
    """The same query in another run: its images by their content, uploads and words as they are.

    Args:
        library: of the run that is looked at.
        mixture: what is searched with.
        other: of the other run.

    Returns:
        `None` if the other run does not hold one of the images.
    """
    from samekind.runs import same_images

    ids = [part.id for part in mixture.parts if part.id is not None]
    found = same_images(library.index, ids, other.index)
    if len(found) < len(set(ids)):
        return None
    like, unlike = (tuple(_part(part, found, other) for part in parts) for parts in (mixture.like, mixture.unlike))
    return replace(mixture, like=like, unlike=unlike)


def link(name: str, mixture: Mixture | None) -> dict[str, str | list[str]]:
    """What stands behind the question mark where the other run is opened with its query, beside the one that is left.

    Args:
        name: of the other run.
        mixture: its query, if it has it; uploads and words are of this session and stay behind.
    """
    kept: dict[str, str | list[str]] = {key: st.query_params.get_all(key) for key in st.query_params}
    for key in ("id", "like", "unlike", "crop"):
        kept.pop(key, None)
    if mixture is not None:
        likes, unlikes = ([part.id for part in parts if part.id] for parts in (mixture.like, mixture.unlike))
        kept |= {"id": likes[:1], "like": likes[1:], "unlike": unlikes}
        if likes and mixture.like[0].id and mixture.like[0].crop:
            kept["crop"] = ",".join(map(str, mixture.like[0].crop))
    kept |= {"run": name, WITH: runs.chosen_name()}
    return {key: value for key, value in kept.items() if value}


def _part(part: Query, ids: Mapping[str, str], other: Library) -> Query:
    if part.id is None:
        return part
    id_ = ids[part.id]
    return replace(part, name=id_, id=id_, label=other.label(id_))
