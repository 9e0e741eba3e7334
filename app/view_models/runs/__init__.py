"""What the page *Runs* says: tables and curves."""
