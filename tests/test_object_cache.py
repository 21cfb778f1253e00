"""The folder of object code: whose it must be, how large it may grow, and that nothing depends on it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exprad import Var, compile
from exprad.backends.native import cache
from tests.targets import present

pytestmark = pytest.mark.skipif(not cache.IS_POSIX, reason="who may write to a file is asked otherwise here")
KEYS = [f"{number:064x}" for number in range(1, 400)]
CODE = b"code" * 100


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    monkeypatch.setenv("EXPRAD_CACHE", str(tmp_path / "above" / "cache"))
    monkeypatch.delenv("EXPRAD_CACHE_LIMIT", raising=False)
    monkeypatch.setattr(cache, "_warned", set())
    monkeypatch.setattr(cache, "_written", 0)
    return tmp_path / "above" / "cache"


def test_the_folder_and_its_files_are_the_users_alone(folder: Path) -> None:
    old = os.umask(0)
    try:
        cache.keep(KEYS[0], CODE)
    finally:
        os.umask(old)
    (file,) = folder.iterdir()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder.parent, folder, file)] == [0o700, 0o700, 0o600]
    assert cache.kept(KEYS[0]) == CODE
    assert cache.kept(KEYS[1]) is None
    os.rename(file, folder / f"{KEYS[1]}.o")
    assert cache.kept(KEYS[1]) is None, "it was written under another key"


def refuse(folder: Path, match: str, others: Any = ()) -> None:
    """Neither read nor written, and said once."""
    before = sorted(folder.glob("*"))
    with pytest.warns(RuntimeWarning, match=match) as said:
        assert cache.kept(KEYS[0]) is None
    assert "EXPRAD_CACHE" in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.kept(KEYS[0]) is None
        cache.keep(KEYS[1], CODE)
        assert cache.kept(KEYS[1]) is None
    assert sorted(folder.glob("*")) == before


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(folder: Path, mode: int) -> None:
    cache.keep(KEYS[0], CODE)
    folder.chmod(mode)
    refuse(folder, "others may write to it")
    folder.chmod(0o700)
    assert cache.kept(KEYS[0]) == CODE


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711])
def test_a_folder_that_others_may_only_read_is_taken(folder: Path, mode: int) -> None:
    cache.keep(KEYS[0], CODE)
    folder.chmod(mode)
    assert cache.kept(KEYS[0]) == CODE


def test_a_folder_above_that_lets_anybody_replace_it(folder: Path, tmp_path: Path) -> None:
    cache.keep(KEYS[0], CODE)
    folder.parent.chmod(0o777)
    refuse(folder, "anybody may replace")
    folder.parent.chmod(0o1777)
    assert cache.kept(KEYS[0]) == CODE
    folder.parent.chmod(0o700)
    tmp_path.chmod(0o777)
    cache._warned.clear()
    refuse(folder, "anybody may replace")
    tmp_path.chmod(0o700)


def test_symbolic_links(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    cache.keep(KEYS[0], CODE)
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.setenv("EXPRAD_CACHE", str(tmp_path / "link"))
    refuse(folder, "symbolic link")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "above").symlink_to(folder.parent)
    monkeypatch.setenv("EXPRAD_CACHE", str(tmp_path / "open" / "above" / "cache"))
    refuse(folder, "anybody may replace")
    (tmp_path / "safe").symlink_to(folder.parent)  # in a folder of the user's own: as a home on another disk
    monkeypatch.setenv("EXPRAD_CACHE", str(tmp_path / "safe" / "cache"))
    assert cache.kept(KEYS[0]) == CODE
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes((folder / f"{KEYS[0]}.o").read_bytes())
    (folder / f"{KEYS[0]}.o").unlink()
    (folder / f"{KEYS[0]}.o").symlink_to(elsewhere)
    assert cache.kept(KEYS[0]) is None
    cache.keep(KEYS[0], b"new")
    assert cache.kept(KEYS[0]) == b"new"
    assert elsewhere.read_bytes()[32:] == CODE


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_to_is_refused_and_made_anew(folder: Path, mode: int) -> None:
    for key in KEYS[:2]:
        cache.keep(key, CODE)
        (folder / f"{key}.o").chmod(mode)
    with pytest.warns(RuntimeWarning, match="others may write to it"):
        assert cache.kept(KEYS[0]) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.kept(KEYS[1]) is None
        cache.keep(KEYS[0], CODE)
        assert cache.kept(KEYS[0]) == CODE


@pytest.mark.skipif(not cache.IS_POSIX or os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_user_is_refused(folder: Path) -> None:
    cache.keep(KEYS[0], CODE)
    os.chown(folder / f"{KEYS[0]}.o", 12345, 12345)
    with pytest.warns(RuntimeWarning, match="belongs to the user 12345"):
        assert cache.kept(KEYS[0]) is None
    cache.keep(KEYS[0], CODE)
    os.chown(folder, 12345, 12345)
    cache._warned.clear()
    refuse(folder, "belongs to the user 12345")


def test_what_is_no_file(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    os.mkfifo(folder / f"{KEYS[0]}.o", 0o600)
    with pytest.warns(RuntimeWarning, match="neither"):
        assert cache.kept(KEYS[0]) is None
    cache.keep(KEYS[0], CODE)
    assert cache.kept(KEYS[0]) == CODE


def test_a_compiled_function_goes_on_without(folder: Path) -> None:
    pytest.importorskip("llvmlite")
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    x = Var("x")
    with pytest.warns(RuntimeWarning, match="is not run") as said:
        for number in range(3):
            assert compile(x * 7.5 + number, [x], backend="native")(np.zeros(3)).tolist() == [number] * 3
    assert len(said) == 1
    assert not list(folder.iterdir())


NOBODY = """
import os, pwd, sys
from pathlib import Path
def missing(*_): raise KeyError("no such user")
pwd.getpwuid = pwd.getpwnam = missing
for name in ("HOME", "XDG_CACHE_HOME", "EXPRAD_CACHE"): os.environ.pop(name, None)
try: Path.home()
except RuntimeError: pass
else: raise AssertionError
import numpy as np
from exprad import Var, compile, sin
x = Var("x")
for backend in sys.argv[1:]:
    f = compile(sin(x), [x], backend=backend)
    assert f(np.zeros(2)).tolist() == [0, 0] and f(np.zeros(500_000)).tolist() == [0] * 500_000 and f(0.0) == 0
    f.source(), f.backend
for _ in range(1100): f(0.0)
"""


def test_a_user_without_a_home_or_an_entry() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NOBODY, *present("native", "auto")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("given", ["/proc/nowhere", "/dev/null/cache", "relative", "\u00fc b"])
def test_folders_that_cannot_be_and_others(given: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXPRAD_CACHE", given)
    cache.keep(KEYS[0], CODE)
    assert cache.kept(KEYS[0]) == (None if given.startswith("/") else CODE)


def size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir())


def test_the_oldest_go_first(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("EXPRAD_CACHE_LIMIT", "1")
    (folder).mkdir(parents=True, mode=0o700)
    others = [folder / "notes.txt", folder / "main.o", folder / "abc.tmp"]
    for other in others:
        other.write_bytes(b"x" * 200_000)
    for place, key in enumerate(KEYS):
        cache.keep(key, b"x" * 20_000)
        os.utime(folder / f"{key}.o", (place, place))
    left = sorted(path.stem for path in folder.glob("*.o") if path not in others)
    assert left == KEYS[-len(left) :]
    assert 0.5 * 2**20 < size(folder) - 600_000 <= 2**20
    assert all(other.exists() for other in others), "what is not ours is left"
    assert cache.kept(KEYS[-1]) == b"x" * 20_000
    assert cache.kept(KEYS[0]) is None


def test_what_was_never_finished_goes_in_time(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("EXPRAD_CACHE_LIMIT", "1")
    cache.keep(KEYS[0], CODE)
    old, new = (folder / f"{key}.{'0' * 16}.tmp" for key in KEYS[:2])
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * cache.ABANDONED,) * 2)
    cache.keep(KEYS[1], b"x" * 20_000)
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("given", ["0", "-3", "0.001"])
def test_a_bound_of_nothing(given: str, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("EXPRAD_CACHE_LIMIT", given)
    cache.keep(KEYS[0], CODE)
    assert not folder.exists()


def test_a_bound_that_is_no_number(folder: Path, monkeypatch: Any) -> None:
    for given in ("much", "nan", "inf"):
        monkeypatch.setenv("EXPRAD_CACHE_LIMIT", given)
        with pytest.warns(RuntimeWarning, match=f"a number of mebibytes, got '{given}'"):
            assert cache.limit() == cache.USUAL_LIMIT * 2**20
        cache._warned.clear()


def test_the_folder_is_seldom_listed(folder: Path, monkeypatch: Any) -> None:
    listed: list[int] = []
    files = cache._Folder.files
    monkeypatch.setattr(cache._Folder, "files", lambda self: (listed.append(1), files(self))[1])
    for key in KEYS:
        cache.keep(key, CODE)
        cache.kept(key)
    assert len(listed) <= len(KEYS) / cache.SELDOM + 1


WRITER = """
import sys
from exprad.backends.native import cache
for number in range(150):
    key = f"{(int(sys.argv[1]) * 10**6 + number) * 2654435761 % 2**256:064x}"
    cache.keep(key, key.encode() * 300)
    found = cache.kept(key)
    assert found is None or found == key.encode() * 300
    shared = f"{number % 10:064x}"
    cache.keep(shared, shared.encode() * 300)
    found = cache.kept(shared)
    assert found is None or found == shared.encode() * 300
"""


def test_eight_processes_write_and_remove_at_once(folder: Path) -> None:
    environment = {**os.environ, "EXPRAD_CACHE_LIMIT": "2"}
    command = [sys.executable, "-W", "error", "-c", WRITER]
    running = [
        subprocess.Popen([*command, str(number)], env=environment, stderr=subprocess.PIPE) for number in range(8)
    ]
    for process in running:
        _, said = process.communicate(timeout=120)
        assert (process.returncode, said) == (0, b"")
    assert size(folder) <= 2 * 2**20 * (1 + 8 / cache.SELDOM) + 8 * 20_000
    assert not list(folder.glob("*.tmp"))
