"""A client of a Jangteo shop."""

from . import refusals
from .errors import IntentConflict, NoAnswer, Refusal
from .intents import FileIntents, IntentStorage, MemoryIntents
from .shop import Retries, Shop, new_key, next_wait, retry_after_seconds

__all__ = [
    "FileIntents",
    "IntentConflict",
    "IntentStorage",
    "MemoryIntents",
    "NoAnswer",
    "Refusal",
    "Retries",
    "Shop",
    "new_key",
    "next_wait",
    "refusals",
    "retry_after_seconds",
]
