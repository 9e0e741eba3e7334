"""The Streamlit demo: search a corpus by image and look at its false negatives. Uses the `samekind` facade only."""
