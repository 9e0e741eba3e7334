"""All words of the page *Ideas*, from one file a language, and its equations, which need no language.

The files are TOML and not Python, so that whoever translates needs no Python, and no line of Hangul is cut at a width that is meant for
code.
"""

from __future__ import annotations

import string
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ENGLISH, KOREAN = "en", "ko"
LANGUAGES = {ENGLISH: "English", KOREAN: "한국어 Korean"}
SECTIONS = ("nce", "picking", "ratio", "patches", "bound", "ingredients", "bias")

EQUATIONS: dict[str, tuple[str, ...]] = {
    "nce": (
        r"\mathcal{L} = -\frac{1}{T}\sum_{t=1}^{T}\log\sigma\big(\ell(x_t)\big)",
        r"\qquad -\frac{1}{T}\sum_{t=1}^{T}\sum_{i=1}^{\nu}\log\big(1-\sigma(\ell(y_{ti}))\big)",
        r"\ell(u) = \log\frac{p_\theta(u)}{\nu\,q(u)}",
    ),
    "picking": (r"\mathcal{L} = -\log\frac{e^{s^{+}/\tau}}{e^{s^{+}/\tau}+\sum_{j=1}^{N-1}e^{s_j/\tau}}",),
    "ratio": (
        r"f(x,c)=\exp\big(z(x)^{\top}W\,c\big)\;\propto\;\frac{p(x\mid c)}{p(x)}",
        r"\log\frac{p(x\mid c)}{p(x)}=\frac{2\rho xc-\rho^2(x^2+c^2)}{2(1-\rho^2)}+\text{const}",
    ),
    "patches": (
        r"f_k(x_{t+k},c_t)=\exp\big(z_{t+k}^{\top}W_k\,c_t\big)",
        r"c_t=g_{\mathrm{ar}}(z_{\le t}),\qquad z_t=g_{\mathrm{enc}}(x_t)",
    ),
    "bound": (r"I(x;c)\;\ge\;\log N-\mathcal{L}_N", r"\log N-\mathcal{L}_N\;\le\;\log N"),
    "ingredients": (r"w_j \propto e^{\beta s_j/\tau},\qquad R = N\,\frac{\sum_j w_j\,e^{s_j/\tau}}{\sum_j w_j}",),
    "bias": (
        r"G=\max\Big\{\frac{R-\tau^{+}N\,e^{s^{+}/\tau}}{1-\tau^{+}},\;N e^{-1/\tau}\Big\}",
        r"\mathcal{L}=-\log\frac{e^{s^{+}/\tau}}{e^{s^{+}/\tau}+G}",
    ),
}


@dataclass(frozen=True)
class Words:
    """The words of one language, by key: `words("nce.title")`.

    Attributes:
        language: one of `LANGUAGES`.
    """

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """A text with its values filled in.

        Raises:
            KeyError: there is no such text, or a value is missing.
        """
        return texts(self.language)[key].format(**values)

    def notes(self, section: str) -> list[tuple[str, str]]:
        """Questions that the lecture notes ask, each with its answer."""
        found = texts(self.language)
        number = sum(key.startswith(f"{section}.notes.") for key in found) // 2
        names = [f"{section}.notes.{i}" for i in range(number)]
        return [(self(f"{name}.ask"), self(f"{name}.answer")) for name in names]


@cache
def texts(language: str) -> dict[str, str]:
    """All texts of a language by their whole key; lists by number."""
    file = Path(__file__).with_name(f"{language}.toml")
    return dict(_flat("", tomllib.loads(file.read_text(encoding="utf-8"))))


def placeholders(text: str) -> set[str]:
    """The names in braces of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(prefix, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [pair for key, each in items for pair in _flat(f"{prefix}.{key}" if prefix else str(key), each)]
