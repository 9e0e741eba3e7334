"""The commands by their names: frozen dataclasses whose fields are the flags, and whose `run` calls the facade.

Arguments that can be checked without loading anything are checked first, so that a mistake costs no seconds; then the facade is imported,
name by name. Each docstring ends with an example, which `--help` shows.
"""

from __future__ import annotations

from samekind.commands.artefact import Audit, Demo, Detectors, Evaluate
from samekind.commands.cache import Cache
from samekind.commands.compare import Compare
from samekind.commands.export import Export
from samekind.commands.folders.inspect import Inspect
from samekind.commands.index import BuildIndex
from samekind.commands.labels import Labels
from samekind.commands.people.tags import Tags
from samekind.commands.quickstart import Quickstart
from samekind.commands.search import Search
from samekind.commands.serving.serve import Serve
from samekind.commands.space.adapt import Adapt
from samekind.commands.space.map import Map
from samekind.commands.space.tune import Tune
from samekind.commands.suspects import Suspects
from samekind.commands.train import Train
from samekind.commands.verdicts import Verdicts
from samekind.commands.verify import Relocate, Verify

Command = (
    Quickstart
    | Inspect
    | Train
    | BuildIndex
    | Search
    | Adapt
    | Map
    | Tune
    | Audit
    | Evaluate
    | Detectors
    | Suspects
    | Verdicts
    | Labels
    | Tags
    | Verify
    | Export
    | Demo
    | Serve
    | Relocate
    | Compare
    | Cache
)
COMMANDS: dict[str, type[Command]] = {
    "quickstart": Quickstart,
    "inspect": Inspect,
    "train": Train,
    "index": BuildIndex,
    "search": Search,
    "adapt": Adapt,
    "map": Map,
    "tune": Tune,
    "audit": Audit,
    "evaluate": Evaluate,
    "detectors": Detectors,
    "suspects": Suspects,
    "verdicts": Verdicts,
    "labels": Labels,
    "tags": Tags,
    "verify": Verify,
    "export": Export,
    "demo": Demo,
    "serve": Serve,
    "relocate": Relocate,
    "compare": Compare,
    "cache": Cache,
}
