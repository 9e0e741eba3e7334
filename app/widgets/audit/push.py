"""The part of *False negatives* that shows where a loss would push, while k, temperature and hardness are moved."""

from __future__ import annotations

import streamlit as st

from samekind.app.view_models.audit import mass_charts, sentences
from samekind.app.view_models.audit_view import ABOUT_PUSH, AuditView

DEFAULT_TEMPERATURE = 0.1
K, TEMPERATURE, HARDNESS = "push_k", "push_temperature", "push_hardness"
LARGEST_TEMPERATURE, LARGEST_HARDNESS = 1.0, 5.0
WHAT_IS_LEFT_OUT = "Only the push on the k nearest is counted here; what all other images draw is in the figure at the top of the page."


@st.fragment
def show(view: AuditView) -> None:
    """Draws the sliders and what they do. A fragment: moving one draws nothing else again."""
    report = view.report
    st.markdown("How the push is spread over the nearest images, by temperature and hardness.", help=ABOUT_PUSH)
    run = report.gradient_share or {}
    temperature, beta = float(run.get("temperature", DEFAULT_TEMPERATURE)), float(run.get("beta", 0.0))
    temperature = min(max(temperature, 0.01), LARGEST_TEMPERATURE)
    left, right = st.columns([2, 3], gap="medium", vertical_alignment="center")
    with left:
        k = report.k
        if report.k > 1:  # a slider of one place is none
            k = st.slider("Nearest images, k", 1, report.k, report.k, key=f"{K}_{report.k}", persist_state="session")
        chosen = st.slider(
            "Temperature τ",
            0.01,
            LARGEST_TEMPERATURE,
            round(temperature, 2),
            0.01,
            key=TEMPERATURE,
            persist_state="session",
            help="The lower, the more of the push falls on the most similar images.",
        )
        hardness = st.slider(
            "Hardness β",
            0.0,
            LARGEST_HARDNESS,
            min(round(beta, 1), LARGEST_HARDNESS),
            0.1,
            key=HARDNESS,
            persist_state="session",
            help="0 is InfoNCE; above that, similar images weigh more still (hard negatives).",
        )
        mass = report.gradient_mass(k, chosen, hardness)
        st.markdown(sentences.push_sentence(mass, k))
        settings = f"The run was trained with τ = {run['temperature']:g}, β = {run['beta']:g}. " if run else ""
        st.caption(settings + WHAT_IS_LEFT_OUT)
    chart = mass_charts.push_by_rank(mass.by_rank, has_labels=mass.share is not None)
    right.plotly_chart(chart, key="push_by_rank", config={"displayModeBar": False})
