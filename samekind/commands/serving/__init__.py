"""The command that answers over HTTP."""
