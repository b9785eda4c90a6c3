"""What goes wrong with media is data: one error type, whose message can stand in a row."""


class MediaError(Exception):
    """A file that cannot be decoded, or not in the asked range. One line: which file, and why."""
