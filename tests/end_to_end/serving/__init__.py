"""Tests of the demo as a command: its server, and what is worked out beside it."""
