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

from samekind.app.state import search_session
from samekind.app.widgets import notices, opening

HERE = Path(__file__).parent


def main() -> None:
    """Draws the navigation and the chosen page."""
    st.set_page_config(page_title="samekind", page_icon=str(HERE / "icon.svg"), layout="wide")
    chosen = st.navigation(_pages())
    st.logo(str(HERE / "logo.svg"), size="large")
    st.html(HERE / "page.css")
    library = opening.library_or_stop()
    chosen.run()
    search_session.page_drawn(chosen.title)
    with st.sidebar:
        notices.about(library)
    library.warm_later()


def _pages() -> list[st.Page]:
    search = st.Page(
        "screens/search.py", title="Search", icon=":material/image_search:", url_path="start", default=True
    )
    false_negatives = st.Page(
        "screens/false_negatives.py",
        title="False negatives",
        icon=":material/difference:",
        url_path="false-negatives",
    )
    label_pairs = st.Page(
        "screens/label_pairs.py", title="Label pairs", icon=":material/fact_check:", url_path="label-pairs"
    )
    curation = st.Page(
        "screens/curation.py", title="Label errors & duplicates", icon=":material/rule:", url_path="label-errors"
    )
    ideas = st.Page("screens/ideas.py", title="Ideas", icon=":material/lightbulb:", url_path="ideas")
    # The first page is served at the root alone: whoever writes its name into an address is led there.
    moved = [_moved("search", search), _moved("confirm", label_pairs), _moved("lists", curation)]
    return [search, false_negatives, label_pairs, curation, ideas, *moved]


def _moved(former_path: str, page: st.Page) -> st.Page:
    """Another address of a page, which leads to it with all that stands behind the question mark."""
    return st.Page(
        lambda: st.switch_page(page, query_params=st.query_params.to_dict()),
        title=page.title,
        url_path=former_path,
        visibility="hidden",
    )


if __name__ == "__main__":
    main()
