"""The worker, over a connection."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

from pressroom.integrity import matcher, worker


def _ask(public: Path, request: dict[str, object], then: bytes = b"") -> bytes:
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=worker.serve, args=(theirs, str(public), matcher.compiled()))
    serving.start()
    ours.sendall(json.dumps(request).encode() + b"\n" + then)
    ours.shutdown(socket.SHUT_WR)
    with ours.makefile("rb") as answers:
        serving.join()
        theirs.close()
        return answers.read()


def test_a_file_that_is_not_safe_elsewhere_stays(tmp_path: Path) -> None:
    """Guard: it is removed once the scanner has said that it keeps it."""
    (tmp_path / "x.php").write_bytes(b"<?php")
    take: dict[str, object] = {"op": "take", "path": "x.php", "digest": None}
    assert _ask(tmp_path, take).endswith(b"\n<?php") and (tmp_path / "x.php").exists()
    assert _ask(tmp_path, take, b'{"kept":true}\n').endswith(b'<?php{"done":true}\n')
    assert not (tmp_path / "x.php").exists()


def test_what_cannot_be_done_is_refused_in_words(tmp_path: Path) -> None:
    assert b"refused" in _ask(tmp_path, {"op": "take", "path": "none.php", "digest": None})
    assert b"refused" in _ask(tmp_path / "none", {"op": "look", "units": None, "bounds": {}})
    (tmp_path / "x").touch()
    assert b"is there already" in _ask(tmp_path, {"op": "put", "path": "x", "size": 1, "mode": 0, "time": 0}, b"x")


def test_a_look(tmp_path: Path) -> None:
    (tmp_path / "x.php").write_bytes(b"<?php eval($_POST['nothing']);")
    told = [json.loads(line) for line in _ask(tmp_path, {"op": "look", "units": None, "bounds": {}}).splitlines()]
    assert [one.get("rules") for one in told] == [["runs_what_a_request_brings"], None]
