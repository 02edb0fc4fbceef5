"""Mutants of C: every small change that a test should notice, all of them compiled into one library.

Each change stands in a copy of the source beside what was written there, and a global number says which one holds, so
that a mutant costs no compilation. What is asked for its number is noted, so that it is known which test gets there.

What is not changed, for nobody could notice or the compiler would not take it:

- constants that must be known when compiling: case labels, lengths of arrays, static tables, enumerators, sizeof;
- what is within a macro's arguments: assertions above all;
- calls that only give memory back, which the leak check of tools/unit_sanitized sees;
- how much memory is asked for ahead of need;
- the `break` at the end of a switch; which of two is the larger where they are the same;
- `<` to `!=` and the like in loops: a relation becomes its neighbour or its opposite.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from clang.cindex import Cursor, CursorKind, Index, StorageClass, TranslationUnit, TypeKind

COMPARISONS = {
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
}
ARITHMETIC = {"+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",)}
LOGIC = ("&&", "||")
FREES = re.compile(r"(\w+_)?(free|destroy|release)(_\w+)?$")
RESERVES = re.compile(r"\w*reserve\w*$")
NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9.]+([eE][+-]?[0-9]+)?)[uUlLfF]*$")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
LOOPS = (CursorKind.FOR_STMT, CursorKind.WHILE_STMT, CursorKind.DO_STMT)
STATEMENTS = (
    CursorKind.COMPOUND_STMT,
    CursorKind.IF_STMT,
    CursorKind.CASE_STMT,
    CursorKind.DEFAULT_STMT,
    CursorKind.LABEL_STMT,
    *LOOPS,
)
MUTANTS_HEADER = """\
extern int mutant_number;
extern unsigned char mutants_reached[];
static inline int mutant(int number)
{
	mutants_reached[number] = 1;
	return mutant_number == number;
}
"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. Numbers begin with 1: of 0 nothing is changed."""

    number: int
    file: str
    line: int
    column: int
    change: str
    """`comparison`, `arithmetic`, `logic`, `condition`, `constant`, `call`, `assignment`, `return`, `jump`"""
    was: str
    becomes: str

    @property
    def key(self) -> str:
        """Names it in runs that have other numbers."""
        return f"{self.file}:{self.line}:{self.column} {self.change} {self.becomes}"


@dataclass
class Sources:
    """Of files that are changed one after the other."""

    mutants: list[Mutant] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """By rule, how many places."""


class _File:
    """One source, and what is put into its copy."""

    def __init__(self, path: Path, name: str, arguments: Sequence[str], sources: Sources, lines: set[int]) -> None:
        self.name = name
        self.text = path.read_bytes()
        self.sources = sources
        self.without = lines
        self.begins: dict[int, list[str]] = {}
        self.ends: dict[int, list[str]] = {}
        self.replaced: dict[int, tuple[int, str]] = {}
        self.last_breaks: set[int] = set()
        self.extremes: set[tuple[int, int]] = set()
        options = TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
        unit = Index.create().parse(str(path), args=[*arguments, _own_headers()], options=options)
        if wrong := [str(said) for said in unit.diagnostics if said.severity >= 3]:
            raise ValueError(f"{path}: clang cannot read it: {wrong[0]}")
        own = [cursor for cursor in unit.cursor.get_children() if _in_file(cursor, path)]
        self.macros = [
            (cursor.extent.start.offset, cursor.extent.end.offset)
            for cursor in own
            if cursor.kind == CursorKind.MACRO_INSTANTIATION and cursor.spelling not in ("true", "false")
        ]
        for cursor in own:
            if cursor.kind == CursorKind.FUNCTION_DECL and cursor.is_definition():
                for child in cursor.get_children():
                    if child.kind == CursorKind.COMPOUND_STMT:
                        self.visit(child, cursor, cursor.result_type.get_canonical().kind)

    def of(self, cursor: Cursor) -> str:
        return self.text[cursor.extent.start.offset : cursor.extent.end.offset].decode()

    def in_macro(self, cursor: Cursor) -> bool:
        begin, end = cursor.extent.start.offset, cursor.extent.end.offset
        return any(first <= begin and end <= last for first, last in self.macros)

    def new(self, cursor: Cursor, change: str, was: str, becomes: str) -> int:
        mutants, place = self.sources.mutants, cursor.extent.start
        short = " ".join(was.split())
        mutants.append(Mutant(len(mutants) + 1, self.name, place.line, place.column, change, short[:90], becomes))
        return len(mutants)

    def around(self, cursor: Cursor, before: str, after: str) -> None:
        self.begins.setdefault(cursor.extent.start.offset, []).append(before)
        self.ends.setdefault(cursor.extent.end.offset, []).insert(0, after)

    def visit(self, cursor: Cursor, parent: Cursor, returns: TypeKind) -> None:
        """A parent's text is put around that of its children."""
        kind = cursor.kind
        if kind in (CursorKind.CXX_UNARY_EXPR, CursorKind.STATIC_ASSERT, CursorKind.TYPE_REF, CursorKind.STRUCT_DECL):
            return
        if self.in_macro(cursor):
            if kind in (CursorKind.BINARY_OPERATOR, CursorKind.CALL_EXPR):
                self.sources.left_out["within a macro"] += 1
            return
        if cursor.extent.start.line in self.without:
            self.sources.left_out["what did not compile"] += 1
        else:
            self.change(cursor, parent, returns)
        children = list(cursor.get_children())
        if kind == CursorKind.CALL_EXPR and RESERVES.match(cursor.spelling or ""):
            self.sources.left_out["memory ahead of need"] += 1
            return
        if kind == CursorKind.CASE_STMT:
            children = children[1:]
        elif kind == CursorKind.VAR_DECL:
            if cursor.storage_class == StorageClass.STATIC:
                return
            if cursor.type.get_canonical().kind == TypeKind.CONSTANTARRAY:
                children = [child for child in children if child.kind == CursorKind.INIT_LIST_EXPR]
        for child in children:
            self.visit(child, cursor, returns)

    def change(self, cursor: Cursor, parent: Cursor, returns: TypeKind) -> None:
        kind = cursor.kind
        statement = parent.kind in STATEMENTS and not self.is_condition(cursor, parent)
        if kind in (CursorKind.IF_STMT, CursorKind.WHILE_STMT, CursorKind.CONDITIONAL_OPERATOR):
            self.negate(next(iter(cursor.get_children())), "condition")
            self.look_for_extreme(cursor)
        elif kind == CursorKind.BINARY_OPERATOR:
            self.operator(cursor, statement)
        elif kind in (CursorKind.COMPOUND_ASSIGNMENT_OPERATOR, CursorKind.UNARY_OPERATOR):
            changes = (
                kind == CursorKind.COMPOUND_ASSIGNMENT_OPERATOR or "++" in self.of(cursor) or "--" in self.of(cursor)
            )
            if statement and changes:
                self.remove(cursor, "assignment")
        elif kind == CursorKind.CALL_EXPR and statement:
            if FREES.match(cursor.spelling or ""):
                self.sources.left_out["gives memory back"] += 1
            else:
                self.remove(cursor, "call")
        elif kind in (CursorKind.INTEGER_LITERAL, CursorKind.FLOATING_LITERAL):
            self.constant(cursor, parent)
        elif kind == CursorKind.RETURN_STMT:
            for child in cursor.get_children():
                self.returned(child, returns)
        elif kind == CursorKind.SWITCH_STMT:
            self.last_breaks.add(_end_of_switch(cursor))
        elif cursor.extent.start.offset in self.last_breaks:
            self.sources.left_out["a switch ends there anyway"] += 1
        elif kind in (CursorKind.BREAK_STMT, CursorKind.CONTINUE_STMT):
            number = self.new(cursor, "jump", self.of(cursor), "removed")
            self.around(cursor, f"if (mutant({number})) {{}} else ", "")

    def is_condition(self, cursor: Cursor, parent: Cursor) -> bool:
        """Whether it is what a statement asks; a for loop's three parts are told by what they do."""
        first = next(iter(parent.get_children()), None)
        if parent.kind in (CursorKind.IF_STMT, CursorKind.WHILE_STMT):
            return first is not None and first.extent == cursor.extent
        if parent.kind == CursorKind.DO_STMT:
            return cursor.kind != CursorKind.COMPOUND_STMT
        return False

    def remove(self, cursor: Cursor, change: str) -> None:
        number = self.new(cursor, change, self.of(cursor), "removed")
        self.around(cursor, f"(mutant({number}) ? (void) 0 : (void) (", "))")

    def negate(self, cursor: Cursor, change: str) -> None:
        plain = cursor
        while plain.kind in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR):
            plain = next(iter(plain.get_children()), plain)
            if plain.kind not in (CursorKind.PAREN_EXPR, CursorKind.UNEXPOSED_EXPR):
                break
            if not list(plain.get_children()):
                break
        if self.in_macro(cursor) or (plain.kind == CursorKind.BINARY_OPERATOR and self.sign(plain) in COMPARISONS):
            # The opposite comparison is the same mutant.
            return
        number = self.new(cursor, change, self.of(cursor), "negated")
        self.around(cursor, f"(mutant({number}) ^ !!(", "))")

    def look_for_extreme(self, cursor: Cursor) -> None:
        """The smaller or the larger of two: where they are the same it is the same."""
        if cursor.kind != CursorKind.CONDITIONAL_OPERATOR:
            return
        asked, *given = cursor.get_children()
        if asked.kind == CursorKind.BINARY_OPERATOR and {self.of(one) for one in given} == {
            self.of(one) for one in asked.get_children()
        }:
            self.extremes.add((asked.extent.start.offset, asked.extent.end.offset))

    def sign(self, cursor: Cursor) -> str:
        left, right = list(cursor.get_children())
        between = self.text[left.extent.end.offset : right.extent.start.offset].decode()
        return COMMENT.sub("", between).strip()

    def operator(self, cursor: Cursor, statement: bool) -> None:
        children = list(cursor.get_children())
        if len(children) != 2:
            return
        left, right = children
        sign = self.sign(cursor)
        numbers = _is_number(left) and _is_number(right)
        if sign == "=" and statement:
            self.remove(cursor, "assignment")
        elif sign in LOGIC:
            number = self.new(cursor, "logic", self.of(cursor), LOGIC[sign == "&&"])
            # What is right is asked where what is left does not decide, which is the other value of it for the other
            # operator.
            asked = "" if sign == "&&" else "!"
            self.split(
                cursor,
                f"({{ _Bool left{number} = !!(",
                f"); ({asked}left{number} ^ mutant({number})) ? !!(",
                f") : left{number}; }})",
            )
        elif sign in COMPARISONS or (sign in ARITHMETIC and numbers):
            change, others = (
                ("comparison", COMPARISONS[sign]) if sign in COMPARISONS else ("arithmetic", ARITHMETIC[sign])
            )
            if (cursor.extent.start.offset, cursor.extent.end.offset) in self.extremes and len(others) == 2:
                self.sources.left_out["the larger of two that are the same"] += 1
                others = others[1:]
            given = [(self.new(cursor, change, self.of(cursor), other), other) for other in others]
            name = given[0][0]
            # A field of bits has no type of its own: the sign gives it the one that it is compared in.
            plus = "+" if numbers else ""
            chosen = "".join(f"mutant({number}) ? left{name} {other} right{name} : " for number, other in given)
            self.split(
                cursor,
                f"({{ __auto_type left{name} = {plus}(",
                f"); __auto_type right{name} = {plus}(",
                f"); {chosen}left{name} {sign} right{name}; }})",
            )

    def split(self, cursor: Cursor, before: str, between: str, after: str) -> None:
        left, right = list(cursor.get_children())
        begin, end = left.extent.end.offset, right.extent.start.offset
        self.around(cursor, before, after)
        self.replaced[begin] = (end, between + "\n" * self.text[begin:end].count(b"\n"))

    def constant(self, cursor: Cursor, parent: Cursor) -> None:
        text = self.of(cursor)
        before = self.text[: cursor.extent.start.offset].rstrip()
        if parent.kind == CursorKind.INIT_LIST_EXPR and (text == "0" or before.endswith(b"[")):
            self.sources.left_out["zeroes of what is begun"] += 1
        elif text in ("true", "false"):
            if parent.kind != CursorKind.RETURN_STMT:
                number = self.new(cursor, "constant", text, "false" if text == "true" else "true")
                self.around(cursor, "(", f" ^ mutant({number}))")
        elif NUMBER.match(text):
            more = self.new(cursor, "constant", text, f"{text} + 1")
            less = self.new(cursor, "constant", text, f"{text} - 1") if text != "0" else None
            self.around(cursor, "(", f" + mutant({more})" + (f" - mutant({less}))" if less else ")"))

    def returned(self, cursor: Cursor, returns: TypeKind) -> None:
        if self.in_macro(cursor) and self.of(cursor) not in ("true", "false"):
            return
        if returns == TypeKind.BOOL:
            self.negate(cursor, "return")
        elif returns in _NUMBERS and returns not in (TypeKind.FLOAT, TypeKind.DOUBLE):
            number = self.new(cursor, "return", self.of(cursor), "0, or 1 for 0")
            self.around(
                cursor,
                f"({{ __auto_type returned{number} = +(",
                f"); mutant({number}) ? !returned{number} : returned{number}; }})",
            )
        elif returns == TypeKind.POINTER:
            number = self.new(cursor, "return", self.of(cursor), "NULL")
            self.around(cursor, f"(mutant({number}) ? (void *) 0 : (", "))")

    def written(self) -> str:
        """The copy: lines are where they were."""
        out: list[str] = []
        at = 0
        for place in sorted({*self.begins, *self.ends, *self.replaced, len(self.text)}):
            if place < at:
                raise ValueError(f"{self.name}: changes overlap at byte {place}")
            out.append(self.text[at:place].decode())
            at = place
            out += self.ends.get(place, [])
            if place in self.replaced:
                at, text = self.replaced[place]
                out.append(text)
            out += self.begins.get(place, [])
        return "".join(out)


_NUMBERS = (
    TypeKind.BOOL, TypeKind.CHAR_S, TypeKind.CHAR_U, TypeKind.SCHAR, TypeKind.UCHAR, TypeKind.SHORT, TypeKind.USHORT,
    TypeKind.INT, TypeKind.UINT, TypeKind.LONG, TypeKind.ULONG, TypeKind.LONGLONG, TypeKind.ULONGLONG, TypeKind.ENUM,
    TypeKind.FLOAT, TypeKind.DOUBLE,
)  # fmt: skip


def _end_of_switch(cursor: Cursor) -> int:
    """Where its last statement begins if that is a `break`, else -1."""
    last = list(cursor.get_children())[-1]
    while last.kind in (CursorKind.COMPOUND_STMT, CursorKind.CASE_STMT, CursorKind.DEFAULT_STMT):
        children = list(last.get_children())
        if not children:
            return -1
        last = children[-1]
    return last.extent.start.offset if last.kind == CursorKind.BREAK_STMT else -1


@cache
def _own_headers() -> str:
    """The binding brings no stddef.h: clang's, which is near enough."""
    told = subprocess.run(["clang", "-print-resource-dir"], capture_output=True, text=True, check=True).stdout
    return f"-isystem{told.strip()}/include"


def _is_number(cursor: Cursor) -> bool:
    return cursor.type.get_canonical().kind in _NUMBERS


def _in_file(cursor: Cursor, path: Path) -> bool:
    return cursor.location.file is not None and cursor.location.file.name == str(path)


def compile_mutants(
    files: Sequence[tuple[Path, str, Sequence[str]]],
    folder: Path,
    library: Path,
    link: Sequence[str],
    unchanged: Sequence[Path] = (),
) -> Sources:
    """A library of files, each with its name and what the compiler is told, that has all mutants of them; `unchanged`
    are objects that go into it too. Raises `CalledProcessError` where even the unchanged source does not compile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    header = folder / "mutant.h"
    header.write_text(MUTANTS_HEADER)
    sources = Sources()
    objects = [str(path) for path in unchanged]
    for path, name, arguments in files:
        objects.append(_compiled(path, name, arguments, folder, sources))
    numbers = folder / "mutants.c"
    numbers.write_text(f"int mutant_number;\nunsigned char mutants_reached[{len(sources.mutants) + 1}];\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, numbers, *objects, *link], check=True)
    return sources


def _compiled(path: Path, name: str, arguments: Sequence[str], folder: Path, sources: Sources) -> str:
    """The object of a file. A line whose mutants do not compile is left as it is."""
    without: set[int] = set()
    copy = folder / name.replace("/", "__")
    known, counted = len(sources.mutants), sources.left_out.copy()
    while True:
        del sources.mutants[known:]
        sources.left_out = counted.copy()
        copy.write_text(_File(path, name, arguments, sources, without).written())
        told = [
            "-w",
            "-O1",
            "-fPIC",
            "-Werror=int-conversion",
            f"-I{path.parent}",
            "-include",
            str(folder / "mutant.h"),
        ]
        command = ["gcc", *arguments, *told, "-c", str(copy), "-o", f"{copy}.o"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return f"{copy}.o"
        wrong = {int(line) for line in re.findall(rf"{re.escape(str(copy))}:(\d+):\d+: error", done.stderr)}
        if wrong <= without:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        without |= wrong
