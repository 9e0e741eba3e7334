"""What stands in the sidebar of every page."""
