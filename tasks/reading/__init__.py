"""What the readers of `tasks.datasets` and `tasks.benchmarks` share: rows, places, subtitles."""
