"""Formulas that users write: arithmetic over named numbers, read as a tree and never run as code."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast

from tflprof.errors import UsageError

_LONGEST: Final = 1000
_MOST_NODES: Final = 300

_BINARY: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    # Unlike the operator, it never makes a complex number.
    ast.Pow: math.pow,
}
_UNARY: Final[dict[type[ast.unaryop], Callable[[float], float]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: lambda value: float(not value),
}
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[float, float], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: Final[dict[str, tuple[Callable[..., float], int, int]]] = {
    "min": (min, 2, 20),
    "max": (max, 2, 20),
    "abs": (abs, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (math.log, 1, 1),
    "log2": (math.log2, 1, 1),
    "log10": (math.log10, 1, 1),
}

FUNCTIONS: Final = tuple(_FUNCTIONS)
"""Names of the functions that a formula may call."""


@dataclass(frozen=True)
class Formula:
    """A formula that was checked; made by :func:`parse_formula`.

    Attributes:
        text: as it was written.
        names: of the numbers in it.
    """

    text: str
    names: frozenset[str]
    _tree: ast.expr

    def evaluate(self, values: Mapping[str, float]) -> float:
        """Its value for these numbers. Raises UsageError, with the numbers, where it has none."""
        try:
            result = float(_value(self._tree, values))
        except ZeroDivisionError:
            self._fail("divides by zero", values)
        except OverflowError:
            self._fail("is too large", values)
        except ValueError:
            self._fail("is not a number (a root or logarithm of what has none)", values)
        if not math.isfinite(result):
            self._fail("is not finite", values)
        return result

    def _fail(self, problem: str, values: Mapping[str, float]) -> NoReturn:
        used = ", ".join(f"{name} = {values[name]:g}" for name in sorted(self.names))
        where = f" where {used}" if used else ""
        raise UsageError(f"the formula {self.text!r} {problem}{where}", "guard it with max() or min()")


def parse_formula(text: str, names: Collection[str]) -> Formula:
    """A formula over the given names. Raises UsageError, naming the part, for anything but arithmetic.

    Allowed are numbers, the names, ``+ - * / **``, comparisons, ``and``, ``or``, ``not``, ``A if CONDITION else B``,
    and calls of :data:`FUNCTIONS`. Comparisons are 1 or 0.
    """
    if len(text) > _LONGEST:
        raise UsageError(f"the formula has {len(text)} characters; {_LONGEST} are the most", "shorten it")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise UsageError(
            f"the formula {text!r} cannot be read: {reason}", "such as 'accuracy / max(30, median_ms)'"
        ) from None
    count = sum(1 for _ in ast.walk(tree))
    if count > _MOST_NODES:
        raise UsageError(f"the formula has {count} parts; {_MOST_NODES} are the most", "shorten it")
    used: set[str] = set()
    _check(tree, frozenset(names), used)
    return Formula(text.strip(), frozenset(used), tree)


def _check(node: ast.expr, names: frozenset[str], used: set[str]) -> None:
    """Refuse what is not arithmetic, and note the names."""
    if isinstance(node, ast.Name):
        if node.id not in names:
            raise UsageError(
                f"the formula knows no {node.id!r}", f"it may use {', '.join(sorted(names))}; --set adds more"
            )
        used.add(node.id)
    elif isinstance(node, ast.Constant):
        if type(node.value) not in (int, float):
            _refuse(node)
    elif not _is_arithmetic(node):
        _refuse(node)
    for part in _parts(node):
        _check(part, names, used)


def _is_arithmetic(node: ast.expr) -> bool:
    match node:
        case ast.BinOp():
            return type(node.op) in _BINARY
        case ast.UnaryOp():
            return type(node.op) in _UNARY
        case ast.Compare():
            return all(type(op) in _COMPARISONS for op in node.ops)
        case ast.Call():
            return _is_call(node)
        case _:
            return isinstance(node, (ast.BoolOp, ast.IfExp))


def _is_call(node: ast.Call) -> bool:
    if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS or node.keywords:
        return False
    _, least, most = _FUNCTIONS[node.func.id]
    return least <= len(node.args) <= most


def _parts(node: ast.expr) -> list[ast.expr]:
    """Operands of a node; the name of a function is none of them."""
    if isinstance(node, ast.Call):
        return node.args
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _refuse(node: ast.expr) -> NoReturn:
    raise UsageError(
        f"a formula cannot have {ast.unparse(node)!r}",
        f"it may use numbers, names, + - * / **, comparisons, 'A if B else C' and {', '.join(FUNCTIONS)}",
    )


def _value(node: Any, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant():
            return float(cast(float, node.value))
        case ast.Name():
            return float(values[node.id])
        case ast.BinOp():
            return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
        case ast.UnaryOp():
            return _UNARY[type(node.op)](_value(node.operand, values))
        case ast.IfExp():
            return _value(node.body if _value(node.test, values) else node.orelse, values)
        case ast.Call():
            function = _FUNCTIONS[ast.unparse(node.func)][0]
            return function(*(_value(part, values) for part in node.args))
        case ast.BoolOp():
            truths = (bool(_value(part, values)) for part in node.values)
            return float(all(truths) if isinstance(node.op, ast.And) else any(truths))
        case _:
            return _compared(node, values)


def _compared(node: ast.Compare, values: Mapping[str, float]) -> float:
    sides = [_value(part, values) for part in (node.left, *node.comparators)]
    return float(all(_COMPARISONS[type(op)](*sides[i : i + 2]) for i, op in enumerate(node.ops)))
