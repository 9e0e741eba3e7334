"""Charts as SVG in the page itself; colours are CSS classes and follow the page's scheme."""
