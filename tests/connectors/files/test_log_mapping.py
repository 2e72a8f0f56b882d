from __future__ import annotations

from pathlib import Path

import pytest

from connectors.files.mapping import LogMapping, load_mapping
from sipe.errors import UsageError

MINIMAL = """
convention = "none"
[time]
zone = "America/Manaus"
[station]
column = "Maquina"
site = "manaus"
area = "final"
line = "line-1"
[columns]
state = "Estado"
start = "Inicio"
end = "Fim"
[states]
"Em produção" = "executing"
"""


def load_text(tmp_path: Path, text: str) -> LogMapping:
    path = tmp_path / "map.toml"
    path.write_text(text)
    return load_mapping(path)


def test_the_example_maps_the_production_log(mapping: LogMapping, mapping_path: Path) -> None:
    assert mapping.states == {"D": "executing", "S": "setup", "B": "down"}
    assert mapping.time.zone == "UTC"
    assert (mapping.columns.order, mapping.columns.product, mapping.columns.step) == ("case", "part", "activity")
    assert mapping.standards is not None
    assert mapping.standards.file == mapping_path.parent / "production-log-standards.csv"
    assert "RQ counts pieces reworked" in mapping.convention


def test_what_the_example_shows_in_comments_works_too(mapping_path: Path, tmp_path: Path) -> None:
    text = mapping_path.read_text()
    for line in ("completed = ", 'scrap = "qty_mrb"', "rework_when = "):
        text = text.replace(f"\n{line}", f"\n# {line}")
    for line in ("format = ", "reason = ", '"Em produção" = ', "good = ", 'scrap = "scrapped"', "rework = "):
        assert f"\n# {line}" in text
        text = text.replace(f"\n# {line}", f"\n{line}")
    mapping = load_text(tmp_path, text)
    assert mapping.time.format == "%d/%m/%Y %H:%M"
    assert mapping.columns.reason == "stop_reason"
    assert mapping.states["Em produção"] == "executing"
    counted = mapping.quantities
    assert (counted.good, counted.scrap, counted.rework) == ("ok_pieces", "scrapped", "reworked")
    assert (counted.completed, counted.rework_when) == (None, None)


def test_a_minimal_mapping_has_the_usual_defaults(tmp_path: Path) -> None:
    mapping = load_text(tmp_path, MINIMAL)
    assert mapping.file.delimiter == ","
    assert mapping.quantities.completed is None
    assert mapping.standards is None
    assert mapping.states == {"Em produção": "executing"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('zone = "America/Manaus"', "", "[time] zone: missing"),
        ('zone = "America/Manaus"', 'zone = "Mars/Base"', "[time] zone: unknown time zone 'Mars/Base'"),
        ('zone = "America/Manaus"', 'zone = "../etc"', "[time] zone: unknown time zone '../etc'"),
        ('zone = "America/Manaus"', "zone = 3", "[time] zone: Expected `str`, got `int`"),
        ("[time]", '[time]\nformat = "%d/%m/%Y"', "[time] format: '%d/%m/%Y' does not hold"),
        ("[time]", '[time]\nformat = "%d/%m/%Y %I:%M"', "[time] format: '%d/%m/%Y %I:%M' does not hold"),
        ("[time]", '[time]\nformat = "%Q"', "[time] format: '%Q' does not hold"),
        ('site = "manaus"', 'site = "Manaus!"', "[station] site: not 1 to 32 of a to z, 0 to 9 and hyphens"),
        ('column = "Maquina"', 'column = ""', "[station] column: "),
        ('end = "Fim"', 'ende = "Fim"', "[columns] ende: no such key"),
        ('end = "Fim"', "", "[columns] end: missing"),
        ('end = "Fim"', 'end = "Inicio"', "[columns] end: the same column as start, 'Inicio'"),
        ('"executing"', '"running"', "[states] 'Em produção': 'running' is no state; the states are executing, "),
        ('"executing"', "1", "[states] 'Em produção': "),
        ('"Em produção" = "executing"', "", "[states] names no code"),
        ("[states]", "[zustand]", "zustand: no such key"),
        ("[time]", '[file]\ndelimiter = "::"\n[time]', "[file] delimiter: not a comma"),
        ("[time]", '[quantities]\ncompleted = "q"\ngood = "g"\n[time]', "[quantities] completed: excludes good"),
        (
            "[time]",
            '[quantities]\nrework_when = {column = "r", yes = ["Y"]}\n[time]',
            "[quantities] rework_when: needs",
        ),
        (
            "[time]",
            '[quantities]\ncompleted = "q"\nrework_when = {column = "r", yes = [""]}\n[time]',
            "[quantities] rework_when: no: '' stands under yes too",
        ),
        ("[time]", '[standards]\nfile = "s.csv"\n[time]', "[standards] file: needs [columns] product and step"),
        ("[time]", "[standards]\nfile = 7\n[time]", "[standards] file: Expected the path of a file, got 7"),
        ('convention = "none"', "", "convention: missing"),
        ('convention = "none"', 'convention = "a\\nb"', "convention: not one line"),
        ("[time]", "[time", "not TOML: "),
        ("[time]", "[time]\n[time]", "not TOML: "),
    ],
)
def test_a_mistake_is_one_line_that_names_file_table_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MINIMAL
    with pytest.raises(UsageError) as caught:
        load_text(tmp_path, MINIMAL.replace(old, new, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'map.toml'}: {says}")
    assert "\n" not in str(caught.value)


def test_a_mapping_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot read the mapping: No such file"):
        load_mapping(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot read the mapping: Is a directory"):
        load_mapping(tmp_path)
    (tmp_path / "latin.toml").write_bytes("convention = 'peças'".encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin\.toml: the mapping is not UTF-8 \(byte 17\)"):
        load_mapping(tmp_path / "latin.toml")
