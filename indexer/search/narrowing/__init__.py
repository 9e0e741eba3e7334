"""Which of the rows found become hits: conditions, and hits that differ from each other."""
