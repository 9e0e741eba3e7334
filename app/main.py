"""Start of the demo: `streamlit run app/main.py -- ARTEFACT`, which `samekind demo ARTEFACT` does.

The pages lie in `screens/`, for Streamlit takes a folder named `pages` beside the main script as its own, shows those files before this
one has named them, and runs them without it. This file opens the index for them, so that a missing one is told once and in one place.
"""

from __future__ import annotations

from pathlib import Path

# Whole before anything else: a page that a second click interrupts goes on importing in its thread, and Plotly, which looks for pandas
# among the loaded modules, would trip over a half-imported one in the thread of the next page.
import pandas as _whole_pandas  # noqa: F401
import streamlit as st

from samekind.app import components, state

HERE = Path(__file__).parent


def main() -> None:
    """Draws the navigation and the chosen page."""
    st.set_page_config(page_title="samekind", page_icon=str(HERE / "icon.svg"), layout="wide")
    pages = [
        st.Page("screens/search.py", title="Search", icon=":material/image_search:", url_path="search", default=True),
        st.Page(
            "screens/false_negatives.py",
            title="False negatives",
            icon=":material/difference:",
            url_path="false-negatives",
        ),
        st.Page("screens/confirm.py", title="Confirm", icon=":material/fact_check:", url_path="confirm"),
        st.Page("screens/lists.py", title="Wrong labels & duplicates", icon=":material/rule:", url_path="lists"),
    ]
    chosen = st.navigation(pages)
    st.logo(str(HERE / "logo.svg"), size="large")
    st.html(HERE / "page.css")
    library = state.library_or_stop()
    chosen.run()
    with st.sidebar:
        components.about(library)
    library.warm_later()


if __name__ == "__main__":
    main()
