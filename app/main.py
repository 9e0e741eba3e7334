"""Start of the demo: `streamlit run app/main.py -- ARTEFACT`, which `samekind demo ARTEFACT` does.

The pages lie in `screens/`, for Streamlit takes a folder named `pages` beside the main script as its own, shows those files before this
one has named them, and runs them without it. This file opens the index for them, so that a missing one is reported once and in one place.
"""

from __future__ import annotations

from pathlib import Path

# Whole before anything else: a page that a second click interrupts continues to import in its thread, and Plotly, which looks for pandas
# among the loaded modules, would trip over a half-imported one in the thread of the next page.
import pandas as _whole_pandas  # noqa: F401
import streamlit as st

from samekind.app.state import first_click, search_session
from samekind.app.widgets import notices, opening
from samekind.app.widgets.sidebar import basket, run

HERE = Path(__file__).parent


def main() -> None:
    """Draws the navigation and the chosen page."""
    st.set_page_config(page_title="samekind", page_icon=str(HERE / "icon.svg"), layout="wide")
    first_click.note()
    pages = _pages()
    chosen = st.navigation([*pages.values(), *_moved(pages)])
    if chosen is pages["home"] and search_session.is_addressed():
        _lead_to(pages["search"])  # the search was at the root up to release 0.1, and links to it are about
    st.logo(str(HERE / "logo.svg"), size="large")
    st.html(HERE / "page.css")
    with st.sidebar:
        run.picker(chosen.title)
    library = opening.library_or_stop()
    with st.sidebar, st.container(horizontal=True):
        run.card(library)
        basket.show(library)
    chosen.run()
    search_session.page_drawn(chosen.title)
    with st.sidebar:
        notices.about(library)
    library.warm_later()
    first_click.hear()


def _pages() -> dict[str, st.Page]:
    """The pages by their addresses, in the order of the navigation. The first one is served at the root; `home` is only reserved."""
    pages = (
        ("home", "Overview", "screens/overview.py", "home"),
        ("map", "Map", "screens/map.py", "scatter_plot"),
        ("search", "Search", "screens/search.py", "image_search"),
        ("false-negatives", "False negatives", "screens/false_negatives.py", "difference"),
        ("same-or-different", "Same or different?", "screens/label_pairs.py", "fact_check"),
        ("clean-up", "Clean up", "screens/curation.py", "rule"),
        ("runs", "Runs", "screens/runs.py", "model_training"),
        ("ideas", "Ideas", "screens/ideas.py", "lightbulb"),
    )
    return {
        address: st.Page(file, title=title, icon=f":material/{icon}:", url_path=address, default=address == "home")
        for address, title, file, icon in pages
    }


def _moved(pages: dict[str, st.Page]) -> list[st.Page]:
    """Further addresses of pages: former ones, and a name for the page at the root."""
    addresses = {
        "overview": "home",
        "start": "search",
        "label-pairs": "same-or-different",
        "confirm": "same-or-different",
        "label-errors": "clean-up",
        "lists": "clean-up",
    }
    return [_leading(former, pages[present]) for former, present in addresses.items()]


def _leading(address: str, page: st.Page) -> st.Page:
    return st.Page(lambda: _lead_to(page), title=page.title, url_path=address, visibility="hidden")


def _lead_to(page: st.Page) -> None:
    """Leads to a page with all that stands behind the question mark."""
    st.switch_page(page, query_params=st.query_params.to_dict())


if __name__ == "__main__":
    main()
