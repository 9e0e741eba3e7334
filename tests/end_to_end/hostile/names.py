"""Names that mean something to Markdown, to Streamlit, to Plotly or to HTML."""

from __future__ import annotations

NAMES = (
    "**x**",
    "$x$ and $y$",
    ":red[x]",
    ":material/home:",
    "<script>alert(1)</script>",
    "[a](http://b.org)",
    "`x`",
    "<b>bold</b><br>new",
    '<a href="http://b.org">link</a>',
    "&lt;b&gt; &amp;",
    "two\nlines",
    "\u202egnp.exe",
    "- item",
    "1. item",
    "# heading",
    "| a | b |",
    "a -- b",
    "a -> b <- c >= d",
    "http://b.org/x",
    "www.b.org",
    "a@b.org",
    "~~gone~~",
    ("long " * 60).strip(),
    "long " * 59 + "gone",
)
