"""Variables by which the command `samekind demo` speaks to the server that it starts."""

ENDS_WITH_STDIN = "SAMEKIND_DEMO_ENDS_WITH_STDIN"
"""Variable that tells the demo's server to end where its standard input does, which the command that started it holds: even a command that
is killed leaves no server behind, and the same one finds its port free again.
"""

ALLOWS_TRAINING = "SAMEKIND_ALLOW_TRAINING"
"""Variable that lets everybody who reaches the demo start trainings (`samekind demo --allow-training`)."""
