"""The sections of the page *Ideas*, one module each: controls, a figure, and what it means on this corpus."""
