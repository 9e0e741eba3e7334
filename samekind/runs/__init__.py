"""The runs of a folder: list and compare them, start a training in a process of its own, watch it, stop it and resume it.

    from samekind import runs

    request = runs.TrainingRequest("artifacts/photos", name="photos-hard", preset="small", objective="hard")
    launch = runs.start(request)
    runs.read_launch(launch.folder).state, runs.run_history(launch.folder)

The page *Runs* of the demo stands on it. What is started here outlives the process that started it.
"""

from samekind.runs.launch import Launch, Step, command_text, first_line, log_tail, read_launch, read_step
from samekind.runs.overlap import Overlap, overlap
from samekind.runs.pictures import pictures
from samekind.runs.records import RunRecord, differing_settings, list_runs, read_run, run_history
from samekind.runs.request import (
    MODES,
    OBJECTIVES,
    PRESETS,
    TREATMENTS,
    TrainingRequest,
    free_name,
    mode_of,
    settings_of,
    trainable_corpus,
)
from samekind.runs.same_image import contents, same_image, same_images
from samekind.runs.start import busy_with, resume, start, stop

__all__ = [
    "MODES",
    "OBJECTIVES",
    "PRESETS",
    "TREATMENTS",
    "Launch",
    "Overlap",
    "RunRecord",
    "Step",
    "TrainingRequest",
    "busy_with",
    "command_text",
    "contents",
    "differing_settings",
    "first_line",
    "free_name",
    "list_runs",
    "log_tail",
    "mode_of",
    "overlap",
    "pictures",
    "read_launch",
    "read_run",
    "read_step",
    "resume",
    "run_history",
    "same_image",
    "same_images",
    "settings_of",
    "start",
    "stop",
    "trainable_corpus",
]
