"""Fills in the report's templates (`templates/`). Whatever Python passes is escaped; markup comes from templates alone."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from samekind.core.text import counted, decimal, times, visible_percent
from samekind.indexer.report.formats import thousands

_FILTERS = (counted, decimal, thousands, times, visible_percent)


def render(template: str, **values: object) -> Markup:
    """A template with its values; what they name must be there."""
    return Markup(_environment().get_template(template).render(values))  # noqa: S704 - the template has escaped its values


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("samekind.indexer.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({filter_.__name__: filter_ for filter_ in _FILTERS})
    return environment
