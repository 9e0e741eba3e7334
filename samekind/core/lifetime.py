"""How a process that another one started learns that the other one is gone."""

ENDS_WITH_STDIN = "SAMEKIND_DEMO_ENDS_WITH_STDIN"
"""Variable that tells the demo's server to end where its standard input does, which the command that started it holds: even a command that
is killed leaves no server behind, and the same one finds its port free again.
"""
