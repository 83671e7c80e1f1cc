"""Quotas by a kernel that has them, on ext4: a user's space and files end at its bound, and without it do not."""

from __future__ import annotations

from pathlib import Path

from pressroom.system.quotas import Quotas
from tests.system.other_kernel import run_there

_FILL = """
from pathlib import Path
from pressroom.model.walls import Space
from pressroom.system.quotas import Quotas
for module in ("drivers/block/loop", "fs/quota/quota_tree", "fs/quota/quota_v2"):
    load(module)
run("truncate", "-s", "400M", "/mnt/image")
run("mke2fs", "-q", "-t", "ext4", "-O", "quota", "/mnt/image")
os.mkdir("/mnt/node")
run("mount", "-o", "loop,{options}", "/mnt/image", "/mnt/node")
for user in (4711, 4712):
    os.mkdir(f"/mnt/node/{{user}}")
    os.chown(f"/mnt/node/{{user}}", user, user)
FILL = '''
import os, sys
written = made = 0
try:
    with open("big", "wb", 0) as file:
        while written < 60_000_000:
            written += file.write(bytes(100_000))
except OSError as error:
    sys.stderr.write(error.strerror)
os.unlink("big")
try:
    while made < 3_000:
        open(str(made), "w").close()
        made += 1
except OSError as error:
    sys.stderr.write(error.strerror)
print(written, made)
'''
def fill(user):
    argv, folder = ["/usr/bin/python3", "-c", FILL], f"/mnt/node/{{user}}"
    done = subprocess.run(argv, user=user, group=user, extra_groups=[], cwd=folder, capture_output=True, text=True)
    return [*map(int, done.stdout.split()), done.stderr]
quotas = Quotas(Path("/mnt/node/not/there/yet"))
answer = {{"enforced": quotas.enforced()}}
{limit}
answer["site"], answer["neighbour"] = fill(4711), fill(4712)
if quotas.enforced():
    used, most = quotas.used(4711)
    answer["used"], answer["most"] = [used.bytes, used.files], [most.bytes, most.files]
"""
_LIMIT = "quotas.limit(4711, Space(20 * 2**20, 1_000))"
_ALL = [60_000_000, 3_000, ""]


def test_a_user_ends_at_its_bound_and_the_neighbour_goes_on(tmp_path: Path) -> None:
    answer = run_there(_FILL.format(options="usrquota", limit=_LIMIT), tmp_path)
    assert answer["enforced"] is True
    written, made, why = answer["site"]
    assert 19 * 2**20 < written <= 20 * 2**20 and 990 < made < 1_000
    assert why == "Disk quota exceeded" * 2
    assert answer["neighbour"] == _ALL
    assert answer["most"] == [20 * 2**20, 1_000] and answer["used"][1] == 1_000


def test_without_it_nothing_ends(tmp_path: Path) -> None:
    assert run_there(_FILL.format(options="usrquota", limit=""), tmp_path)["site"] == _ALL


def test_where_quotas_are_counted_but_not_held_they_do_not_pass_for_caps(tmp_path: Path) -> None:
    answer = run_there(_FILL.format(options="rw", limit=""), tmp_path)
    assert answer["enforced"] is False and answer["site"] == _ALL


def test_a_file_system_that_knows_none() -> None:
    assert not Quotas(Path("/proc")).enforced()
    assert not Quotas(Path("/dev/shm/not/there")).enforced()
