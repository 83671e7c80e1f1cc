"""WordPress releases from wordpress.org, with their published checksums."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from pressroom.model.errors import BadSource, NotFound
from pressroom.wordpress.archives import emptied_on_failure, unpack
from pressroom.wordpress.contents import MOST_BYTES, Allowance, check_is_wordpress

LATEST = "latest"
VERSION = re.compile(r"\d{1,3}\.\d{1,3}(\.\d{1,3})?(-(beta|RC)\d{1,2})?")
DOWNLOADS = "https://wordpress.org"
API = "https://api.wordpress.org"
_MOST_ANSWER_BYTES = 1024 * 1024
_ELSEWHERE = "check this machine's network, or give WordPress as a folder, an archive, or `debian`"
Progress = Callable[[int, "int | None"], None]


@dataclass(frozen=True)
class ReleaseSource:
    """One version of WordPress, or the latest, from wordpress.org.

    `progress(done, total)` is told the bytes that have come, and how many are awaited where the server says.
    `timeout` bounds one wait for the network, `deadline` the whole fetch; both in seconds.
    """

    version: str
    downloads: str = DOWNLOADS
    api: str = API
    progress: Progress | None = None
    timeout: float = 20.0
    deadline: float = 1800.0

    def describe(self) -> str:
        return f"WordPress {self.version} from {self.downloads.removeprefix('https://')}"

    def fingerprint(self) -> str | None:
        """A published release does not change, so its address tells; what is latest must be asked for."""
        return None if self.version == LATEST else f"release {self._address(self.version)}"

    def fetch(self, into: Path) -> None:
        """Download, check against the published checksum, unpack into the empty folder `into`.

        Raises NotFound for a version that was never published, BadSource for all else that goes wrong;
        `into` is empty again then.
        """
        until = time.monotonic() + self.deadline
        with emptied_on_failure(into), self._client() as client:
            version = self._latest(client, until) if self.version == LATEST else self.version
            archive = into / ".download"
            self._download(client, version, archive, until)
            label = f"WordPress {version} from {self.downloads}"
            unpack(archive, into, label, Allowance(label))
            archive.unlink()
            found = check_is_wordpress(into, label)
            if found != version:
                raise BadSource(f"{label} holds version {found} instead", hint=_ELSEWHERE)

    def _address(self, version: str) -> str:
        return f"{self.downloads}/wordpress-{version}.zip"

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        """A client whose failures are told as BadSource."""
        headers = {"User-Agent": "Pressroom", "Accept-Encoding": "identity"}
        try:
            with httpx.Client(timeout=self.timeout, headers=headers, follow_redirects=True) as client:
                yield client
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            what = str(error) or type(error).__name__
            raise BadSource(f"{self.describe()} could not be had: {what}", hint=_ELSEWHERE) from error

    def _latest(self, client: httpx.Client, until: float) -> str:
        address = f"{self.api}/core/version-check/1.7/"
        answer = self._small_answer(client, address, until)
        try:
            version = json.loads(answer or b"")["offers"][0]["current"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise BadSource(f"{address} does not name the latest version", hint=_ELSEWHERE) from error
        if not isinstance(version, str) or not VERSION.fullmatch(version):
            raise BadSource(f"{address} names no version: {ascii(version)[:60]}", hint=_ELSEWHERE)
        return version

    def _download(self, client: httpx.Client, version: str, archive: Path, until: float) -> None:
        """Stream the release's zip to `archive`; its checksum is asked for first and must be right."""
        address = self._address(version)
        kind, expected = self._checksum(client, version, until)
        digest = hashlib.new(kind, usedforsecurity=False)
        with archive.open("xb") as file:
            for chunk in self._chunks(client, address, until):
                digest.update(chunk)
                file.write(chunk)
        if not hmac.compare_digest(digest.hexdigest(), expected):
            raise BadSource(
                f"{address} has the wrong {kind.upper()}: {digest.hexdigest()} instead of {expected}",
                hint="try again; if it stays so, something on the way changes downloads: " + _ELSEWHERE,
            )

    def _checksum(self, client: httpx.Client, version: str, until: float) -> tuple[str, str]:
        """The best digest that is published for the version: its kind and its hex digits."""
        for kind in ("sha1", "md5"):
            address = f"{self._address(version)}.{kind}"
            answer = self._small_answer(client, address, until)
            if answer is None:
                continue
            text = answer.strip().decode("ascii", "replace").lower()
            if not re.fullmatch("[0-9a-f]+", text) or len(text) != 2 * hashlib.new(kind).digest_size:
                raise BadSource(f"{address} holds no checksum", hint=_ELSEWHERE)
            return kind, text
        raise NotFound(
            f"wordpress.org has no WordPress {version}",
            hint="see https://wordpress.org/download/releases/ (a first release is `6.4`, not `6.4.0`)",
        )

    def _chunks(self, client: httpx.Client, address: str, until: float) -> Iterator[bytes]:
        with client.stream("GET", address) as response:
            self._check(response, address)
            length = response.headers.get("Content-Length", "")
            total = int(length) if re.fullmatch(r"\d{1,15}", length) else None
            done = 0
            for chunk in response.iter_bytes():
                done += len(chunk)
                if done > MOST_BYTES:
                    raise BadSource(f"{address} is larger than any WordPress", hint=_ELSEWHERE)
                self._check_time(address, until)
                yield chunk
                if self.progress is not None:
                    self.progress(done, total)

    def _small_answer(self, client: httpx.Client, address: str, until: float) -> bytes | None:
        """The body at `address`, None for 404."""
        with client.stream("GET", address) as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                return None
            self._check(response, address)
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                self._check_time(address, until)
                if len(body) > _MOST_ANSWER_BYTES:
                    raise BadSource(f"{address} answers without end", hint=_ELSEWHERE)
            return body

    def _check(self, response: httpx.Response, address: str) -> None:
        if address.startswith("https:") and response.url.scheme != "https":
            raise BadSource(f"{address} leads to an unencrypted address", hint=_ELSEWHERE)
        if response.status_code != httpx.codes.OK:
            raise BadSource(f"{address} answers with {response.status_code}", hint=_ELSEWHERE)

    def _check_time(self, address: str, until: float) -> None:
        if time.monotonic() > until:
            raise BadSource(f"{address} did not come within {self.deadline:g} s", hint=_ELSEWHERE)
