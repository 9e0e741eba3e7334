"""A form that starts a training of this run's images: few choices, and the command that does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.state.training import rights, session
from samekind.app.view_models.cards import plain
from samekind.app.widgets import notices
from samekind.core.text import counted, one_line

if TYPE_CHECKING:
    from samekind import runs

MODES = {
    "scratch": "A small network from scratch",
    "adapter": "An adapter behind a pretrained encoder",
    "last-2": "The last two blocks of a pretrained encoder",
    "all": "All of a pretrained encoder",
}
LENGTHS = {
    "smoke": "to try it: about a minute",
    "small": "small: minutes on a CPU",
    "plain": "plain: for comparing objectives",
    "full": "full: for a GPU",
}
MINUTES = "so many minutes"
DEFAULT = ""
NAME, MODE, LENGTH, ANSWERS = "training_name", "training_mode", "training_length", "training_answers"


def show(library: Library) -> None:
    """Draws the form, or the reason why there is none."""
    from samekind import SamekindError, runs

    if not rights.may_train():
        st.info(rights.REFUSED, icon=":material/lock:")
        return
    path = library.index.path
    try:
        corpus = runs.trainable_corpus(path)
    except SamekindError as error:
        notices.failure(str(error), error.hint)
        return
    st.markdown(
        f"Trains an encoder on {plain(one_line(corpus[1]))}, without looking at labels, then indexes the images with it. It runs as a "
        "process of its own beside this page."
    )
    request = _request(library)
    try:
        settings = request.config
        request.check()
    except SamekindError as error:
        notices.failure(str(error), error.hint)
        return
    launch = runs.Launch(request.folder, tuple(corpus), tuple(request.training))
    st.caption(
        plain(
            f"Objective {settings.method}, seed {settings.seed}. The same at the command line, and an index of it after that:"
        )
    )
    st.code(runs.command_text(launch.commands["train"]), language=None, wrap_lines=True)
    _button(request)


def _button(request: runs.TrainingRequest) -> None:
    from samekind import runs

    other = runs.busy_with()
    if other is not None:
        st.info(
            plain(f"This machine is busy with the training {other.name}; one at a time."), icon=":material/hourglass:"
        )
    st.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        key="training_start",
        disabled=other is not None,
        on_click=_start,
        args=(request,),
    )


def _start(request: runs.TrainingRequest) -> None:
    if session.start(request):
        st.session_state.pop(NAME, None)  # the next one gets a name of its own


def _request(library: Library) -> runs.TrainingRequest:
    """What the fields say."""
    from samekind import runs

    path = library.index.path
    modes = list(runs.MODES)
    left, middle, right = st.columns(3)
    with left:
        mode = st.selectbox(
            "What is trained",
            modes,
            index=modes.index(runs.mode_of(path)),
            format_func=lambda name: MODES.get(name, name),
            key=MODE,
            persist_state="session",
        )
        preset, minutes = _length(mode)
    own = runs.settings_of(path, mode, preset)
    with middle:
        objective = _choice("Objective", runs.OBJECTIVES, own.objective, f"training_objective_{mode}")
        beta = _beta(objective or own.objective, own.beta)
    with right:
        treatment = _choice("False negatives are", runs.TREATMENTS, own.treatment, f"training_treatment_{mode}")
        seed = st.number_input("Seed", 0, 2**31 - 1, own.seed, key="training_seed", persist_state="session")
    corpus = str((library.index.meta.get("corpus") or {}).get("name") or path.resolve().name)
    wanted = "-".join(filter(None, (corpus, objective or own.objective, treatment)))
    if not st.session_state.get(NAME):
        st.session_state[NAME] = runs.free_name(path, wanted)
    name = st.text_input("Name of the run, a folder beside this one", key=NAME, max_chars=80)
    seed_given = None if seed == own.seed else int(seed)
    return runs.TrainingRequest(
        path, name, mode, preset, objective, treatment, beta, minutes, seed_given, answers=_answers(library)
    )


def _answers(library: Library) -> bool:
    """A switch for what people said of this run's images; without any there is none, and a line says where answers come from."""
    from samekind import SamekindError, current_answers

    try:
        given = len(current_answers(library.index.path))
    except SamekindError as error:
        notices.failure(str(error), error.hint)
        return False
    if not given:
        st.caption("Nobody has answered under *Same or different?* yet; a training can learn from such answers, too.")
        return False
    return st.toggle(
        f"Train with people's answers: {counted(given, 'pair')}",
        key=ANSWERS,
        persist_state="session",
        help="Pairs that were called the same, or different, in this run, and pairs that follow from class names by people.",
    )


def _length(mode: str) -> tuple[str, float | None]:
    """Preset and minutes."""
    lengths = [*LENGTHS, MINUTES] if mode == "scratch" else [DEFAULT, MINUTES]
    chosen = st.selectbox(
        "How long",
        lengths,
        index=1 if mode == "scratch" else 0,
        format_func=lambda name: LENGTHS.get(name, name) or "20 passes over the images",
        key=f"{LENGTH}_{mode == 'scratch'}",
        persist_state="session",
    )
    if chosen != MINUTES:
        return chosen or "small", None
    minutes = st.number_input("Minutes", 0.1, 10_000.0, 5.0, key="training_minutes", persist_state="session")
    return "small", float(minutes)


def _choice(title: str, options: tuple[str, ...], default: str, key: str) -> str | None:
    """One of the options; `None` for the preset's own."""
    others = [name for name in options if name != default]
    chosen = st.selectbox(
        title,
        [DEFAULT, *others],
        format_func=lambda name: _named(name or default) + ("" if name else ", by default"),
        key=key,
        persist_state="session",
    )
    return chosen or None


def _named(name: str) -> str:
    return {"none": "left alone"}.get(name, name)


def _beta(objective: str, default: float) -> float | None:
    if objective != "hard":
        return None
    beta = st.number_input(
        "Hardness β",
        0.0,
        100.0,
        default,
        step=0.25,
        key="training_beta",
        persist_state="session",
        help="How much more harder negatives weigh; 0 weighs all alike.",
    )
    return None if beta == default else float(beta)
