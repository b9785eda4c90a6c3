"""The choices of `curate`, each a pure function from outlines of rows to the verdicts on those that leave."""
