"""libFuzzer on every decoder: what each input reaches leads it on, and nothing it comes upon is wrong.

A full proof (SIPE_PROVE) tries ten million bytes on each.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.protocols.registry import PROTOCOLS

ROOT = Path(__file__).resolve().parents[3]
FUZZER = ROOT / "tests" / "oracles" / "decoder_fuzzer.py"
BYTES = 10_000_000 if os.environ.get("SIPE_PROVE") else 50_000
SEED = 20_261_124
OF_A_SMALL_PARENT = ("timeout", "3600")
"""To Linux, the most memory that a process ever had is at least what the one had that it was forked from: this one."""
BROKEN = """
from edge.protocols.pima import PimaDecoder

class Broken(PimaDecoder):
    def head(self, kept, offset):
        if bytes(kept[:4]) == b"SIPE":
            raise IndexError("planted")
        return super().head(kept, offset)
"""
"""Of four thousand million random lines one begins like this."""
FUZZ_BROKEN = """
import sys
from pathlib import Path
import decoder_fuzzer
protocol = decoder_fuzzer.Protocol("pima", "", "broken", "Broken", {"layout": "packet grouped"})
with decoder_fuzzer.atheris.instrument_imports():
    import broken
decoder_fuzzer.fuzz(protocol, Path(sys.argv[1]), 1_000_000, 1)
"""

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine"),
    pytest.mark.timeout(3_600),
]


@pytest.mark.parametrize("protocol", [protocol.name for protocol in PROTOCOLS])
def test_nothing_that_is_reached_is_wrong(protocol: str, tmp_path: Path) -> None:
    words = [sys.executable, str(FUZZER), protocol, str(tmp_path), "--bytes", str(BYTES), "--seed", str(SEED)]
    done = subprocess.run([*OF_A_SMALL_PARENT, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    told = json.loads(done.stdout)
    assert told["bytes"] >= BYTES
    assert told["understood"] > 0
    found = [path for path in tmp_path.iterdir() if not path.name.startswith("seed-")]
    assert len(found) > 5, "nothing led it on"


def test_what_is_wrong_is_reached(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    paths = os.pathsep.join(map(str, (ROOT, FUZZER.parent, tmp_path)))
    (lines := tmp_path / "lines").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FUZZ_BROKEN, lines],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((paths, os.environ.get("PYTHONPATH", "")))},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "IndexError: planted" in done.stdout + done.stderr
    assert b"SIPE" in next(lines.glob("crash-*")).read_bytes()
