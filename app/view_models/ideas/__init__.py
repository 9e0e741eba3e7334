"""The page *Ideas*: its words in two languages, its equations and its charts."""
