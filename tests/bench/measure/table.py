"""Tables for people: names to the left, figures to the right."""
import os
import signal
import statistics
import sys


class Ended(BaseException):
    """A signal asks for the end: what was started is ended first."""


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def show(value, digits=0):
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:,.{digits}f}"


def table(title, head, rows):
    """The text of it; each row has as many cells as the head, texts or numbers without fraction."""
    cells = [[show(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                       for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in cells]
    return "\n".join(["", title, *("  " + line for line in lines)])


def say(*words):
    try:
        print(*words, flush=True)
    except BrokenPipeError:  # nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Ended(signal.SIGPIPE) from None
