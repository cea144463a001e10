"""Requests to a shop."""

import dataclasses
import datetime
import email.utils
import http.client
import json
import random
import time
import urllib.error
import urllib.request
import uuid
from typing import Any, Callable, Mapping
from urllib.parse import quote, urlencode

from .errors import IntentConflict, NoAnswer, Refusal
from .intents import IntentStorage
from .refusals import REFUSALS

Answer = tuple[int, Mapping[str, str], bytes]
# Sends a request: method, URL, headers, body, seconds. It raises `OSError` or `HTTPException` where no answer comes.
Transport = Callable[[str, str, Mapping[str, str], bytes | None, float], Answer]


@dataclasses.dataclass(frozen=True)
class Retries:
    """Bounds of retries, in seconds."""

    attempts: int = 6
    deadline: float = 30.0
    attempt: float = 10.0
    backoff: float = 0.1
    longest: float = 5.0


def next_wait(
    retries: Retries, attempt: int, elapsed: float, retry_after: float | None, chance: Callable[[], float] = random.random
) -> float | None:
    """The wait before the next attempt, or None if there is none within the bounds.

    The wait is at least `Retry-After`. Jitter comes on top: clients that were turned away together would return together.
    """
    if attempt >= retries.attempts:
        return None
    wait = (retry_after or 0.0) + min(retries.backoff * 2 ** (attempt - 1), retries.longest) * chance()
    return wait if elapsed + wait < retries.deadline else None


def retry_after_seconds(header: str | None, now: datetime.datetime | None = None) -> float | None:
    """The value of a `Retry-After` header: seconds, or a date."""
    try:
        return max(0.0, float(header or ""))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return max(0.0, (date - (now or datetime.datetime.now(datetime.timezone.utc))).total_seconds())


def new_key() -> str:
    """A new idempotency key."""
    return uuid.uuid4().hex


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Answer:
    """Sends a request by the standard library. A redirect is an answer: a token goes to one host only."""
    request = urllib.request.Request(url, body, dict(headers), method=method)
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=seconds) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


class Shop:
    """A client of a shop.

    `token` is called before each attempt. `intents` is required for `once` and `resume`.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Callable[[], str | None] | None = None,
        headers: Mapping[str, str] | None = None,
        intents: IntentStorage | None = None,
        retries: Retries = Retries(),
        transport: Transport = send,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._headers = dict(headers or {})
        self._intents_or_none = intents
        self._retries = retries
        self._transport = transport
        self._sleep = sleep

    def get(self, path: str, /, **parts: Any) -> Any:
        return self._send(self._sent("GET", path, **parts))

    def post(self, path: str, /, *, key: str | None = None, **parts: Any) -> Any:
        return self._send(self._sent("POST", path, **parts), key or new_key())

    def put(self, path: str, /, **parts: Any) -> Any:
        return self._send(self._sent("PUT", path, **parts))

    def patch(self, path: str, /, **parts: Any) -> Any:
        return self._send(self._sent("PATCH", path, **parts))

    def delete(self, path: str, /, **parts: Any) -> Any:
        return self._send(self._sent("DELETE", path, **parts))

    def once(self, id: str, path: str, /, **parts: Any) -> Any:
        """Posts a request that must happen once. Call it again with the same id and request, also after a crash: nothing
        happens twice, and the answer is about the same thing.

        A refusal of the first send frees the id for another request. After any other outcome the request may have happened,
        or may yet arrive: another request under the id is an `IntentConflict`, until `forget`.
        """
        sent = self._sent("POST", path, **parts)
        created = datetime.datetime.now(datetime.timezone.utc).isoformat()
        wanted = {"id": id, "key": new_key(), **sent, "isDone": False, "createdAt": created}
        intent = json.loads(self._intents.create(id, json.dumps(wanted)))
        if any(intent[name] != sent[name] for name in sent):
            raise IntentConflict(intent)
        return self._perform(intent, intent["key"] == wanted["key"])

    def resume(self) -> dict[str, Any]:
        """Sends each intent again that has had no answer yet. Returns the data or the exception of each, by id."""
        outcomes: dict[str, Any] = {}
        for id in self._intents.ids():
            text = self._intents.get(id)
            intent = json.loads(text) if text else None
            if intent is None or intent["isDone"]:
                continue
            try:
                outcomes[id] = self._perform(intent, False)
            except (Refusal, NoAnswer) as error:
                outcomes[id] = error
        return outcomes

    def forget(self, id: str) -> None:
        """Forgets an intent, so that its id can name another request. Its request may have happened."""
        self._intents.delete(id)

    @property
    def _intents(self) -> IntentStorage:
        if self._intents_or_none is None:
            raise TypeError("`intents` is required for requests that happen once")
        return self._intents_or_none

    def _perform(self, intent: dict[str, Any], is_new: bool) -> Any:
        try:
            data = self._send({name: intent[name] for name in ("method", "path", "body")}, intent["key"])
        except Refusal as refusal:
            # A refusal changed nothing, but an earlier send may still be under way.
            if is_new and refusal.attempts == 1 and refusal.status < 500 and refusal.status != 429:
                self._intents.delete(intent["id"])
            raise
        if not intent["isDone"]:
            self._intents.set(intent["id"], json.dumps({**intent, "isDone": True}))
        return data

    @staticmethod
    def _sent(
        method: str,
        template: str,
        *,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> dict[str, Any]:
        filled = template
        for name, value in (path or {}).items():
            filled = filled.replace("{" + name + "}", quote(str(value), safe=""))
        if query:
            filled += "?" + urlencode({name: value for name, value in query.items() if value is not None})
        text = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return {"method": method, "path": filled, "body": text}

    def _send(self, sent: dict[str, Any], key: str | None = None) -> Any:
        """Sends a request until it has an answer, within the bounds."""
        started = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            wanted = None
            failure: Refusal | NoAnswer
            try:
                status, headers, body = self._attempt(sent, key)
            except (OSError, http.client.HTTPException) as error:
                failure = NoAnswer(f"{sent['method']} {sent['path']}: {error}")
            else:
                answer = _parsed(body)
                if 200 <= status < 300:
                    return answer.get("data")
                wanted = retry_after_seconds(headers.get("Retry-After"))
                failure = _failure(sent, status, answer, attempt)
            wait = None
            if _is_retryable(failure, sent["method"], key):
                wait = next_wait(self._retries, attempt, time.monotonic() - started, wanted)
            if wait is None:
                raise failure
            self._sleep(wait)

    def _attempt(self, sent: dict[str, Any], key: str | None) -> Answer:
        headers = {"Accept": "application/json", **self._headers}
        if self._token is not None and (token := self._token()):
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        body = None if sent["body"] is None else sent["body"].encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._transport(sent["method"], self._url + sent["path"], headers, body, self._retries.attempt)


def _failure(sent: dict[str, Any], status: int, answer: dict[str, Any], attempts: int) -> Refusal | NoAnswer:
    # API Gateway's own answers have no code.
    if not isinstance(answer.get("code"), str):
        return NoAnswer(f"{sent['method']} {sent['path']}: {status}", status)
    return REFUSALS.get(answer["code"], Refusal)(status, answer, attempts)


def _is_retryable(failure: Refusal | NoAnswer, method: str, key: str | None) -> bool:
    """Whether a repetition may help and cannot harm. 429 and 503 have changed nothing; else the effect is unknown."""
    if failure.status in (429, 503):
        return True
    is_unknown = failure.status is None or failure.status >= 500
    return is_unknown and (method in ("GET", "PUT") or key is not None)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
