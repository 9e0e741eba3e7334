"""What several people have said: class labels that they gave, conflicts between them, and their agreement on pairs."""
