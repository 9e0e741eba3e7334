"""The demo measured in headless Chromium: what a visitor waits for, and what the server holds for it."""
