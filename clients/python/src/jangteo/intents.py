"""Places of intents: requests with their idempotency keys, written down before the first send."""

import os
import uuid
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote


class IntentStorage(Protocol):
    """A place that outlives the process."""

    def get(self, id: str) -> str | None: ...

    def create(self, id: str, text: str) -> str:
        """Writes the text unless the id has one, atomically. Returns the text that the id has then."""
        ...

    def set(self, id: str, text: str) -> None: ...

    def delete(self, id: str) -> None: ...

    def ids(self) -> list[str]: ...


class MemoryIntents:
    """Keeps intents for the life of the process only."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def get(self, id: str) -> str | None:
        return self._texts.get(id)

    def create(self, id: str, text: str) -> str:
        return self._texts.setdefault(id, text)

    def set(self, id: str, text: str) -> None:
        self._texts[id] = text

    def delete(self, id: str) -> None:
        self._texts.pop(id, None)

    def ids(self) -> list[str]:
        return list(self._texts)


class FileIntents:
    """Keeps intents in a folder, a file each, in the form of the TypeScript kit. A file appears whole or not at all."""

    SUFFIX = ".intent.json"

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)

    def get(self, id: str) -> str | None:
        try:
            return self._path(id).read_text("utf-8")
        except FileNotFoundError:
            return None

    def create(self, id: str, text: str) -> str:
        while True:
            draft = self._write(text)
            try:
                # Unlike a rename, a link never replaces a file.
                os.link(draft, self._path(id))
                self._sync()
                return text
            except FileExistsError:
                if (found := self.get(id)) is not None:
                    return found
            finally:
                draft.unlink(missing_ok=True)

    def set(self, id: str, text: str) -> None:
        self._write(text).replace(self._path(id))
        self._sync()

    def delete(self, id: str) -> None:
        self._path(id).unlink(missing_ok=True)

    def ids(self) -> list[str]:
        if not self._folder.exists():
            return []
        names = (path.name for path in self._folder.iterdir())
        return [unquote(name.removesuffix(self.SUFFIX)) for name in names if name.endswith(self.SUFFIX)]

    def _path(self, id: str) -> Path:
        return self._folder / (quote(id, safe="") + self.SUFFIX)

    def _write(self, text: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{uuid.uuid4().hex}.draft"
        with draft.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return draft

    def _sync(self) -> None:
        """Writes the folder's own entries to the disk."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
