"""A training that the page has started: what it does, how far it is, its curves, and buttons that stop and resume it.

Only this part is drawn again every two seconds, and only while something is under way; the process itself knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.training import rights, session
from samekind.app.view_models.cards import plain
from samekind.app.view_models.runs import live, tables
from samekind.app.widgets import notices
from samekind.app.widgets.runs import listing

if TYPE_CHECKING:
    from samekind import runs

SECONDS = 2.0
HEIGHT = 240
_ENDED_EARLY = ("stopped", "failed", "broken off")
_SEEN = "runs_seen_running"


def show(found: Sequence[runs.RunRecord]) -> None:
    """Draws what is under way, and below it what ended early and can be resumed.

    Args:
        found: all runs of the folder, as their files are now.
    """
    if (failed := session.failure()) is not None:
        notices.failure(*failed)
    running = [run for run in found if run.state == "running"]
    just_ended = st.session_state.pop(_SEEN, None)
    for run in running:
        st.session_state[_SEEN] = run.name
        st.fragment(run_every=SECONDS)(_running)(run.folder)
    for run in found:
        if run.launch is not None and run.name == just_ended and run.state == "done":
            st.success(plain(f"{run.name} is done."), icon=":material/done:")
            listing.link(run.name)
        if run.launch is not None and run.state in _ENDED_EARLY:
            _ended_early(run)


def _running(folder: Path) -> None:
    from samekind import runs

    launch = runs.read_launch(folder)
    if launch is None or not launch.is_alive:
        st.rerun()  # the whole page: the lists have changed
    with st.container(border=True, key="runs_running"):
        st.markdown(f"**{plain(folder.name)}**")
        line = runs.first_line(folder)
        history, step = runs.run_history(folder), runs.read_step(folder)
        share, doing = live.progress(launch.phase, step, history[-1]["epoch"] if history else 0)
        st.caption(
            plain(line) if line else "Its first line, with images, steps and minutes, comes as soon as all is loaded."
        )
        st.progress(share, plain(doing))
        with st.container(horizontal=True, vertical_alignment="center"):
            if rights.may_train():
                st.button(
                    "Stop",
                    icon=":material/pause:",
                    key="runs_stop",
                    on_click=session.stop,
                    args=(folder,),
                    help="Ends the step in hand and keeps a checkpoint, from which it can be resumed.",
                )
            _log(folder, launch)
            st.caption("It goes on if you close this page, or stop the demo.")
        _figures(history, step)


def _figures(history: list[dict[str, object]], step: runs.Step) -> None:
    """The last figures and the curves so far."""
    from samekind.app.view_models.runs import curves

    if figures := live.latest(history):
        with st.container(horizontal=True):
            for name, value in figures.items():
                st.metric(name, value, border=True, width=150)
    charts = {}
    if len(step.losses) > 1:
        charts["loss"] = curves.running_loss(step.losses, HEIGHT)
    for name, style in zip(curves.SHARES, curves.STYLES, strict=False):
        if len(curves.points(history, name)) > 1:
            figure = curves.compared({name: history}, name, HEIGHT, styles=[style])
            charts[name] = figure.update_layout(showlegend=False)
    if charts:
        for column, (name, figure) in zip(st.columns(len(charts)), charts.items(), strict=True):
            column.plotly_chart(figure, key=f"runs_live_{name}", config={"displayModeBar": False})


def _ended_early(run: runs.RunRecord) -> None:
    assert run.launch is not None
    text = {
        "stopped": f"{run.name} was stopped and has kept what it learned so far.",
        "failed": f"{run.name} failed: {run.launch.message}",
        "broken off": f"{run.name} was broken off: {tables.MEANINGS['broken off']}",
    }[run.state]
    with st.container(border=True):
        if run.state == "stopped":
            st.info(plain(text), icon=":material/pause:")
        else:
            st.warning(plain(text), icon=":material/error:")
        with st.container(horizontal=True):
            if rights.may_train():
                st.button(
                    "Resume",
                    icon=":material/resume:",
                    key=f"runs_resume_{run.name}",
                    on_click=session.resume,
                    args=(run.folder,),
                    help="Continues from its last checkpoint, or begins again where there is none.",
                )
            _log(run.folder, run.launch)


def _log(folder: Path, launch: runs.Launch) -> None:
    from samekind import runs

    with st.popover("Log", icon=":material/article:"):
        st.caption("The same at the command line:")
        st.code(runs.command_text(launch.commands["train"]), language=None, wrap_lines=True)
        st.caption("The last lines of its log:")
        st.code("\n".join(runs.log_tail(folder, 15)) or "nothing yet", language=None, wrap_lines=True)
