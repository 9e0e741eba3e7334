"""axe-core on a page of the demo: violations of serious or critical impact, contrast of the level AA among them.

axe-core (MPL-2.0) comes with the package axe-playwright-python and is read from there; it is not a part of this project.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page

PACKAGE = "axe_playwright_python"


class Excepted(NamedTuple):
    """A violation that cannot be mended here.

    Attributes:
        rule: of axe-core.
        selector: of the elements that are meant, and of no others.
        reason: why it stands.
    """

    rule: str
    selector: str
    reason: str


EXCEPTIONS = (
    Excepted(
        "label", "textarea.gdg-input", "Streamlit's own, without a name: what a table's cell shows when Enter opens it"
    ),
)
COLOURS = ("color-contrast", "link-in-text-block")  # all else is the same in either scheme
RUN = """async ([exceptions, only, isWhole]) => {
  const place = isWhole ? document : { include: samekindWalk.stranger() };
  if (place.include?.length === 0) return [];
  const { violations } = await axe.run(place, {
    resultTypes: ["violations"], elementRef: true, ...(only.length ? { runOnly: { type: "rule", values: only } } : {}),
  });
  const found = new Map(); // what is said of ten elements is said once, with the first of them
  for (const { id, impact, nodes } of violations.filter(({ impact }) => impact === "serious" || impact === "critical"))
    for (const { element, html, any, all, none } of nodes) {
      if (exceptions.some(([rule, selector]) => rule === id && element.matches(selector))) continue;
      const said = `${id} (${impact}): ${[...any, ...all, ...none][0]?.message ?? ""}`;
      if (!found.has(said)) found.set(said, html.replace(/\\s+/g, " ").slice(0, 160));
    }
  return [...found].map(([said, html]) => ({ said, html }));
}"""


@cache
def script() -> str | None:
    """The text of axe-core; `None` where the package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, *, is_whole: bool, only: Sequence[str] = ()) -> list[dict[str, str]]:
    """What is said, and the first element of which; axe-core and `looks.js` must have been loaded into the page.

    Args:
        page: to examine.
        is_whole: all of it, and not only what `samekindWalk.news()` has found last.
        only: rules to ask for; all if empty.
    """
    excepted = [[each.rule, each.selector] for each in EXCEPTIONS]
    found: list[dict[str, str]] = page.evaluate(RUN, [excepted, list(only), is_whole])
    return found
