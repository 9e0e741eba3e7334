"""Labels that are not folders: tables and annotation files."""
