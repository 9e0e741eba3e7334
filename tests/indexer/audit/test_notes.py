"""Notes are their sentences for readers and have a code for programs."""

from __future__ import annotations

import copy
import json
import pickle

from samekind.indexer.audit.notes import Note, NoteCode


def test_a_note_is_its_text_and_keeps_its_code() -> None:
    """As JSON the text alone; a copy, also into another process, has the code too."""
    note = Note(NoteCode.NO_LABELS, "The corpus has no labels.")
    assert note == "The corpus has no labels."
    assert json.dumps([note]) == json.dumps([str(note)])
    for again in (copy.deepcopy(note), pickle.loads(pickle.dumps(note))):
        assert (again, again.code) == (note, "no_labels")
