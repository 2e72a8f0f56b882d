"""`sipe spc VALUES.csv`: is a process in control, and what is it able to?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from connectors.files.values import Values, read_values
from models.quality.capability import Specification
from models.quality.limits import Unfit
from models.quality.rules import NELSON, RULES, WESTERN_ELECTRIC
from models.quality.study import Study, study
from sipe.commands._output import UNDEFINED, out, plural, print_json
from sipe.errors import UsageError

BASELINE = 100
RULE_SETS = {"we": WESTERN_ELECTRIC, "nelson": NELSON}
INDICES = ("cp", "cpk", "pp", "ppk")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("values", type=Path, metavar="VALUES.csv", help="one value a line, under a header")
    parser.add_argument("--column", help="which one, where there are several")
    parser.add_argument("--low", type=float, help="the lower limit of the specification")
    parser.add_argument("--high", type=float, help="the upper limit of the specification")
    parser.add_argument(
        "--baseline", type=int, default=BASELINE, metavar="N",
        help=f"control limits are made of so many values at the beginning (default: {BASELINE}, or all if fewer)",
    )  # fmt: skip
    parser.add_argument("--rules", default="we", help=f"we, nelson, or some of {', '.join(RULES)} (default: we)")
    parser.add_argument("--png", type=Path, metavar="FILE", help="draw the charts, too")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.epilog = "Signals at the beginning say that the baseline was not in control: choose another one."


def run(args: argparse.Namespace) -> int:
    """Print limits, signals and capability; raises `UsageError`."""
    values = read_values(args.values, args.column)
    known = [number for number in values.numbers if number is not None]
    specification = Specification(args.low, args.high)
    if args.low is not None and args.high is not None and args.low >= args.high:
        raise UsageError(f"--low {args.low:g} is not below --high {args.high:g}")
    try:
        found = study(known, max(args.baseline, 2), _rules(args.rules), specification)
    except Unfit as error:
        raise UsageError(f"{args.values}: {error}") from error
    if args.png is not None:
        from sipe.commands._control_chart import draw

        draw(found, specification, values.column, args.png)
    told = _told(found, values)
    if args.json:
        print_json(told)
    else:
        _print(found, told)
    return 0


def _rules(text: str) -> tuple[str, ...]:
    names = RULE_SETS.get(text, tuple(text.split(",")))
    if unknown := [name for name in names if name not in RULES]:
        raise UsageError(f"--rules {text}: there is no rule {unknown[0]!r}; there are we, nelson, {', '.join(RULES)}")
    return names


def _told(found: Study, values: Values) -> dict[str, Any]:
    lines = [line for line, number in zip(values.lines, values.numbers, strict=True) if number is not None]
    first = found.plotted[0]
    return {
        "column": values.column,
        "values": len(lines),
        "empty": len(values.lines) - len(lines),
        "center": found.limits.center,
        "sigma": found.limits.sigma,
        "low": first.individual.low,
        "high": first.individual.high,
        "signals": [
            {
                "chart": one.chart, "signal": one.signal, "first": one.first, "last": one.last,
                "first_line": lines[one.first - 1], "last_line": lines[one.last - 1],
            }
            for one in found.signals
        ],
        "capability": found.capability._asdict() if found.capability else None,
    }  # fmt: skip


def _print(found: Study, told: dict[str, Any]) -> None:
    empty = f", {plural(told['empty'], 'cell was', 'cells were')} empty" if told["empty"] else ""
    out().print(f"{told['column']}: {plural(told['values'], 'value')}{empty}")
    out().print(f"centre {told['center']:g}, limits {told['low']:g} to {told['high']:g} (sigma {told['sigma']:g})")
    if found.capability is not None:
        indices = {name: getattr(found.capability, name) for name in INDICES}
        words = (f"{name} {UNDEFINED if index is None else f'{index:.2f}'}" for name, index in indices.items())
        out().print(f"{', '.join(words)}; {found.capability.expected_outside * 1e6:,.0f} of a million outside")
    if not found.signals:
        out().print("in control: no chart signals")
        return
    table = Table("chart", "signal", "values", "lines", "what it is", box=box.SIMPLE_HEAD, pad_edge=False)
    for signal, at in zip(found.signals, told["signals"], strict=True):
        about = RULES[signal.signal].about if signal.signal in RULES else "beyond its limit"
        places = (f"{at['first']} to {at['last']}", f"{at['first_line']} to {at['last_line']}")
        table.add_row(*(Text(cell) for cell in (signal.chart, signal.signal, *places, about)))
    out().print(table)
