"""The objective and its own numbers."""

from __future__ import annotations

from dataclasses import dataclass

from samekind.training.config.settings import Settings, Values, one_of, setting, within

OBJECTIVES = ("nce", "info_nce", "cpc", "decoupled", "debiased", "hard", "mixed", "supervised")
USING_LABELS = ("supervised",)  # and the detector `oracle`: they measure what labels would buy
DEBIASING = ("debiased", "hard")
NCE_FORMS = ("partition", "sigmoid")
CPC_CONTEXTS = ("masked_conv", "gru")


def _hard(of: Values) -> bool:
    return bool(of["objective"] == "hard")


def _debiasing(of: Values) -> bool:
    return of["objective"] in DEBIASING


@dataclass(frozen=True, kw_only=True)
class ObjectiveSettings(Settings):
    """The loss, before false negatives are treated.

    Attributes:
        objective: one of `OBJECTIVES`.
        temperature: τ > 0, divides cosine similarities.
        beta: hardness β ≥ 0 of `hard`; 0 weighs all negatives alike.
        beta_end: hardness at the last step, reached in a straight line; `None` keeps β.
        tau_plus: class prior τ⁺ in [0, 1) of `debiased` and `hard`. `None` takes 0.1, but 0 where a treatment corrects the same bias.
        nce_form: of `nce`: `partition` learns log Z, `sigmoid` learns scale and bias.
        cpc_context: of `cpc`, one of `CPC_CONTEXTS`.
    """

    objective: str = setting("hard", one_of(*OBJECTIVES), flag=("NAME", f"One of {', '.join(OBJECTIVES)}."))
    temperature: float = setting(0.2, within(1e-3, 100.0), flag=("TAU", "Divides cosine similarities."))
    beta: float = setting(
        1.0, within(0.0, 100.0), flag=("BETA", "Hardness: how much harder negatives weigh more."), counts=_hard
    )
    beta_end: float | None = setting(
        None, within(0.0, 100.0), flag=("BETA", "Hardness at the last step, reached in a straight line."), counts=_hard
    )
    tau_plus: float | None = setting(
        None,
        within(0.0, 0.99),
        flag=("SHARE", "Of debiased and hard: assumed share of false negatives; 0 beside a treatment."),
        counts=_debiasing,
    )
    nce_form: str = setting(
        "partition",
        one_of(*NCE_FORMS),
        flag=("NAME", f"Of nce: {' or '.join(NCE_FORMS)}."),
        counts=lambda of: of["objective"] == "nce",
    )
    cpc_context: str = setting(
        "masked_conv",
        one_of(*CPC_CONTEXTS),
        flag=("NAME", f"Of cpc: {' or '.join(CPC_CONTEXTS)}."),
        counts=lambda of: of["objective"] == "cpc",
    )
