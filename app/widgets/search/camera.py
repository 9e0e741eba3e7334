"""A photo from the camera, which the browser asks leave for only once its popover is open."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from samekind.app.state import search_session

KEY, OPEN = "camera", "camera_open"


def show() -> None:
    """Draws a button that opens the camera."""
    popover = st.popover("Camera", icon=":material/photo_camera:", on_change="rerun", key=OPEN)
    if popover.open:
        with popover:
            st.camera_input("Take a photo to search with", key=KEY, on_change=_taken)


def _taken() -> None:
    """Searches with the photo and closes the popover: it would lie over what was found, and the camera would stay on."""
    photo = st.session_state.get(KEY)
    if isinstance(photo, UploadedFile):  # and not one that went with a killed server
        search_session.choose_uploads([("photo.jpg", photo.getvalue())])
        st.session_state[OPEN] = False
