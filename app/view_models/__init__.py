"""Cards, charts, filters and sentences as pure functions, without Streamlit."""
