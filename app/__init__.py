"""The Streamlit demo: search a corpus by image, look at its false negatives, label pairs. Uses the `samekind` facade only.

`main` registers the pages of `screens`; these are drawn with `widgets` from the session's and the server's `state`, which has its long work
done by `jobs`. `view_models` are pure functions: what is shown, without Streamlit.
"""
