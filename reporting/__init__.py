"""What a report shows: intervals, summaries of scored runs, figures, and one self-contained HTML page."""
