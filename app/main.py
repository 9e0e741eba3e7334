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
    with st.sidebar:
        notices.about(library)
    library.warm_later()


def _pages() -> list[st.Page]:
    search = st.Page(
        "screens/search.py", title="Search", icon=":material/image_search:", url_path="search", default=True
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
    return [search, false_negatives, label_pairs, curation, _moved("confirm", label_pairs), _moved("lists", curation)]


def _moved(former_path: str, page: st.Page) -> st.Page:
    """The address that a page had in release 0.1, which leads to where the page is now."""
    return st.Page(lambda: st.switch_page(page), title=page.title, url_path=former_path, visibility="hidden")


if __name__ == "__main__":
    main()
