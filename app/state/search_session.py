"""The present query of a session, which survives a change of page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.state.query import Mixture, Query
from samekind.app.view_models.search.crop_box import Box

WORDS = "words"
"""Key of the field of words, which is emptied when an image is chosen."""


INVERTED = "inverted"
"""Key of the switch that exchanges light and dark."""
FORMER_KEYS = frozenset(("id", "words", "k", "where_class", "where_split", "leave_out_itself", "adapted"))
"""What an address of *Search* held while that page was at the root."""
MOST_PARTS = 20
"""Images and words that make one query, so that each is still to be seen and held in memory."""
_ADDRESS = ("id", "like", "unlike")
_Named = tuple[tuple[str, ...], tuple[str, ...], str]
_NOTHING: _Named = ((), (), "")
_LONGEST_BOX = 40
_SEEN, _MORE, _LEFT_OUT, _UPLOADS = "address_seen", "query_mixed_with", "uploads_left_out", "num_uploads"
PAGE = "page_drawn"
"""Key of the title of the page that was drawn last."""
_REFUSED, _REFUSED_QUERY = "uploads_refused", "upload_refused"
_LATER, _BEGUN = "do_later", "search_begun"


def is_addressed() -> bool:
    """True if the address names a query, or a setting of *Search*, which was at the root once."""
    return not FORMER_KEYS.isdisjoint(st.query_params)


def page_drawn(title: str) -> None:
    """Notes which page is drawn, so that one that is come back to is told from an address that has changed."""
    st.session_state[PAGE] = title


def is_drawn_again(title: str) -> bool:
    """True if that page was the last one that was drawn."""
    return bool(st.session_state.get(PAGE) == title)


def begins() -> bool:
    """True the first time that a session asks.

    A browser whose server was started anew sends what its visitor does to a session that has drawn nothing. Streamlit knows none of its
    callbacks then, and calls none.
    """
    is_first = _BEGUN not in st.session_state
    st.session_state[_BEGUN] = True
    return is_first


def do_later(act: Callable[[], None], title: str) -> None:
    """Draws the page again, and does this first: a field that has been drawn may not be changed."""
    st.session_state[_LATER] = act
    page_drawn(title)
    st.rerun()


def do_what_was_left() -> None:
    """Does what `do_later` was given, once."""
    act: Callable[[], None] | None = st.session_state.pop(_LATER, None)
    if act is not None:
        act()


def present_query(library: Library, page: str) -> Mixture | None:
    """The query of this session, or the one that the address names (`?id=train/00005&like=…&unlike=…`) if that has changed since it
    was last seen.

    An address without a query takes it away, as *Back* to the first view does, but not where another page was open in between.

    Args:
        library: the opened index.
        page: title of the page that asks.
    """
    named, stayed = _named(), is_drawn_again(page)
    if named != st.session_state.get(_SEEN, _NOTHING) and (named != _NOTHING or stayed):
        likes, unlikes = ([Query(id_, id_) for id_ in ids] for ids in named[:2])
        if st.query_params.get_all("id"):
            likes[0] = replace(likes[0], crop=_box(named[2]))
        _ask(likes, unlikes)
        st.session_state[WORDS] = ""
    more, unlike = _more()
    first: Query | None = st.session_state.get("query")
    like = _known(library, [] if first is None else [first, *more])
    _ask(like, _known(library, unlike) if like else [])
    return Mixture(tuple(like), _more()[1]) if like else None


def unknown_id(library: Library) -> str | None:
    """The first image that the address names and the corpus does not have."""
    return next((id_ for ids in _named()[:2] for id_ in ids if id_ not in library.positions), None)


def write_address(library: Library, mixture: Mixture | None) -> None:
    """Makes the address name the images of the corpus that are searched with; *Back* then leads to those before.

    One that names nothing else than what the corpus does not have stays.
    """
    if mixture is not None or unknown_id(library) is None:
        first, others, unlike = (
            ((), (), ()) if mixture is None else (mixture.like[:1], mixture.like[1:], mixture.unlike)
        )
        ids = ([part.id for part in parts if part.id is not None] for parts in (first, others, unlike))
        wanted = dict(zip(_ADDRESS, ids, strict=True))
        box = None if mixture is None or mixture.like[0].id is None else mixture.like[0].crop
        wanted["crop"] = [] if box is None else [",".join(map(str, box))]
        changed = {key: value for key, value in wanted.items() if st.query_params.get_all(key) != value}
        if any(changed.values()):
            st.query_params.update(changed)  # as one step that *Back* takes back
        else:
            for key in changed:
                del st.query_params[key]
    st.session_state[_SEEN] = _named()


def invert() -> None:
    """Exchanges light and dark of the upload that is the query, or takes that back, as the switch says."""
    _ask([replace(st.session_state["query"], inverted=st.session_state[INVERTED])])


def crop(box: Box | None) -> None:
    """Searches with a rectangle of the picture that is the query; `None` for all of it."""
    _ask([replace(st.session_state["query"], crop=box)])


def choose(library: Library, id_: str) -> None:
    """Makes an image of the corpus the query."""
    st.session_state[WORDS] = ""
    _ask([_of_corpus(library, id_)])


def choose_uploads(files: Sequence[tuple[str, bytes]]) -> None:
    """Makes uploaded files the query, several of them one mixture; names and contents."""
    st.session_state[WORDS] = ""
    st.session_state[INVERTED] = False
    st.session_state[_LEFT_OUT] = max(0, len(files) - MOST_PARTS)
    st.session_state[_UPLOADS] = num_uploads() + 1
    _ask([Query(name, upload=content) for name, content in files[:MOST_PARTS]])


def num_uploads() -> int:
    """How often this visitor has searched with files, photos or what was pasted."""
    return int(st.session_state.get(_UPLOADS, 0))


def upload_key() -> str:
    """Key of the field for uploads: a new one after a refused file, whose name would otherwise stay in the field as if it were in use."""
    refused = st.session_state.get(_REFUSED, 0)
    return f"upload {refused}" if refused else "upload"


def refuse_upload(query: Query) -> None:
    """Empties the field for uploads after one that cannot be read, once however often that is found."""
    if st.session_state.get(_REFUSED_QUERY) is not query:
        st.session_state[_REFUSED_QUERY] = query
        st.session_state[_REFUSED] = st.session_state.get(_REFUSED, 0) + 1


def choose_words(words: str) -> None:
    """Makes words the query; none of them leave the page without one."""
    _ask([Query(words, words=words)] if words.strip() else [])


def more_like(library: Library, id_: str) -> None:
    """Adds an image of the corpus to what hits should be like; one that they should be unlike changes sides."""
    _add(library, id_, is_like=True)


def less_like(library: Library, id_: str) -> None:
    """Adds an image of the corpus to what hits should be unlike; one that they should be like changes sides."""
    _add(library, id_, is_like=False)


def take_out(place: int) -> None:
    """Takes a part of the mixture out, counted as in `Mixture.parts`; nothing is left to search for without a `like`."""
    more, unlike = _more()
    parts = [st.session_state["query"], *more, *unlike]
    likes = 1 + len(more)
    if place >= len(parts):
        return
    if parts.pop(place).words is not None:
        st.session_state[WORDS] = ""
    likes -= place < likes
    _ask(parts[:likes], parts[likes:] if likes else [])


def num_left_out() -> int:
    """Uploads that were too many to be searched with at once."""
    return int(st.session_state.get(_LEFT_OUT, 0))


def is_full() -> bool:
    """True if the mixture takes no further part."""
    return 1 + sum(map(len, _more())) >= MOST_PARTS


def _add(library: Library, id_: str, *, is_like: bool) -> None:
    first: Query | None = st.session_state.get("query")
    if first is None or id_ not in library.positions:
        return
    more, unlike = ([part for part in parts if part.id != id_] for parts in _more())
    like = [first, *more]
    if 1 + len(more) + len(unlike) >= MOST_PARTS:
        return
    if is_like:
        like += [_of_corpus(library, id_)] * (first.id != id_)
    elif first.id == id_ and not more:
        return  # nothing would be left to be like
    else:
        like = [part for part in like if part.id != id_]
        unlike.append(_of_corpus(library, id_))
    _ask(like, unlike)


def _ask(like: Sequence[Query], unlike: Sequence[Query] = ()) -> None:
    st.session_state.pop(_LATER, None)  # what is chosen now counts, not what was chosen before and left for later
    st.session_state["query"] = like[0] if like else None
    st.session_state[_MORE] = (st.session_state["query"], tuple(like[1:]), tuple(unlike))


def _more() -> tuple[tuple[Query, ...], tuple[Query, ...]]:
    """What is mixed with the query: of what hits should be like, and unlike. It is of that query only."""
    of, like, unlike = st.session_state.get(_MORE, (None, (), ()))
    return (like, unlike) if of == st.session_state.get("query") else ((), ())


def _of_corpus(library: Library, id_: str) -> Query:
    return Query(id_, id_, library.label(id_))


def _known(library: Library, queries: Sequence[Query]) -> list[Query]:
    """Those that the corpus still has, with their classes as they are now."""
    there = [query for query in queries if query.id is None or query.id in library.positions]
    return [query if query.id is None else replace(query, label=library.label(query.id)) for query in there]


def _box(text: str) -> Box | None:
    """A rectangle as the address has it; `None` where it has none that could be one."""
    numbers = [int(number) for number in text.split(",") if number.isascii() and number.isdigit()]
    if len(numbers) != 4 or 0 in numbers[2:] or len(text) > _LONGEST_BOX:
        return None
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _named() -> _Named:
    """Ids that the address names: of what hits should be like, and unlike; and the rectangle of the first one."""
    id_, like, unlike = (st.query_params.get_all(key) for key in _ADDRESS)
    likes = dict.fromkeys([*id_[-1:], *like])
    others = dict.fromkeys(each for each in unlike if each not in likes)
    box = "".join(st.query_params.get_all("crop")[-1:])
    return tuple(likes)[:MOST_PARTS], tuple(others)[:MOST_PARTS], box
