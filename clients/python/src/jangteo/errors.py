"""Failures of requests."""

from typing import Any, Mapping


class Refusal(Exception):
    """A failure that the shop answered with. Each code has a subclass in `jangteo.refusals`.

    A refusal has changed nothing, but for the order that a 402 keeps.
    """

    code: str
    details: Any

    def __init__(self, status: int, failure: Mapping[str, Any], attempts: int) -> None:
        super().__init__(f"{failure['code']}: {failure.get('message', '')}")
        self.status = status
        self.code = failure["code"]
        self.details = failure.get("details")
        self.field_errors = failure.get("fieldErrors", [])
        self.request_id = failure.get("requestId")
        # The attempts of the request, this answer's included.
        self.attempts = attempts


class NoAnswer(Exception):
    """No usable answer came: the network failed, time ran out, or a gateway answered. The effect is unknown."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class IntentConflict(Exception):
    """Another request was written down under the same id, and may have happened."""

    def __init__(self, intent: Mapping[str, Any]) -> None:
        super().__init__(f"the intent {intent['id']} is another request: {intent['method']} {intent['path']}")
        self.intent = intent
