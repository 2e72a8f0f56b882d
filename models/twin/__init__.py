"""The twin: a seeded, simulated day of a meter factory, with its ground truth."""

from models.twin.day import DAY_HOURS, DAY_START_MS, Day, simulate
from models.twin.link import Send
from models.twin.truth import FactRow, Truth
from models.twin.views import StopRow

__all__ = ["DAY_HOURS", "DAY_START_MS", "Day", "FactRow", "Send", "StopRow", "Truth", "simulate"]
