"""JavaScript and JSON, read without running anything: objects, texts and numbers that stand there as they are.

JSON is an expression of JavaScript (ES2019), and so both have one reader, which knows the line of each value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tree_sitter import Language, Node, Parser
from tree_sitter_javascript import language

from aiconvai.config.imports.given import (
    DEEPEST,
    LARGEST_FILE,
    Given,
    SourceFile,
    Unread,
    UnusableError,
    bounded,
)

_MOST_LOOKS = 100_000
"""At values: constants that are made of each other could be looked at for ever."""
_LINE_ENDS = ("\n", "\r\n", "\r", "\u2028", "\u2029")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


class _ComputedError(Exception):
    """What `node` is comes of running it."""

    def __init__(self, node: Node, why: str) -> None:
        super().__init__(why)
        self.line = _line(node)


def read_json(path: Path, text: str) -> SourceFile:
    """Each value that is neither an object nor an array is a setting. Raises `UnusableError`."""
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableError(f"{path}: it is no JSON: {error}") from error
    # In parentheses an object is no block of statements; they are in its own lines, so that lines are counted rightly.
    return _read(path, "json", f"({text})")


def read_javascript(path: Path, text: str) -> SourceFile:
    """What the module exports. Raises `UnusableError`."""
    return _read(path, "javascript", text)


def _read(path: Path, kind: str, text: str) -> SourceFile:
    tree = Parser(Language(language())).parse(text.encode())
    if tree.root_node.has_error:
        raise UnusableError(f"{path}:{_first_error(tree.root_node)}: it is no JavaScript")
    reader = _Reader(path, tree.root_node)
    exported = reader.exported()
    if not exported:
        raise UnusableError(f"{path}: expected module.exports = {{...}} or export default {{...}}")
    settings = bounded(path, (one for name, node in exported for one in reader.flat(node, name, 0)))
    return SourceFile(path, kind, settings, tuple(reader.unread))


def _line(node: Node) -> int:
    return node.start_point[0] + 1


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _first_error(node: Node) -> int:
    while (below := next((one for one in node.children if one.has_error), None)) is not None:
        node = below
    return _line(node)


class _Reader:
    """Of one file."""

    def __init__(self, path: Path, root: Node) -> None:
        self.unread: list[Unread] = []
        self._looks_left = _MOST_LOOKS
        self._path = path
        self._root = root
        self._constants = {
            _text(name): value
            for statement in root.named_children
            if statement.type == "lexical_declaration" and _text(statement).startswith("const")
            for one in statement.named_children
            if one.type == "variable_declarator"
            and (name := one.child_by_field_name("name")) is not None
            and (value := one.child_by_field_name("value")) is not None
        }

    def exported(self) -> list[tuple[str, Node]]:
        """Names that the module exports, and what it does; the name is empty for all of it."""
        found: list[tuple[str, Node]] = []
        for statement in self._root.named_children:
            if statement.type == "expression_statement":
                found += self._of_expression(statement.named_children[0])
            elif statement.type == "export_statement":
                found += self._of_export(statement)
        return found

    def _of_expression(self, node: Node) -> list[tuple[str, Node]]:
        if node.type == "parenthesized_expression" and self._path.suffix == ".json":
            return [("", node)]
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if node.type != "assignment_expression" or left is None or right is None:
            return []
        target = _text(left)
        for whole in ("module.exports", "exports"):
            if target == whole and whole != "exports":
                return [("", right)]
            if target.startswith(f"{whole}."):
                return [(target.removeprefix(f"{whole}."), right)]
        return []

    def _of_export(self, statement: Node) -> list[tuple[str, Node]]:
        if (value := statement.child_by_field_name("value")) is not None:
            return [("", value)]
        declared = statement.child_by_field_name("declaration")
        return [
            (_text(name), value)
            for one in (declared.named_children if declared is not None else ())
            if one.type == "variable_declarator"
            and (name := one.child_by_field_name("name")) is not None
            and (value := one.child_by_field_name("value")) is not None
        ]

    def flat(self, node: Node, key: str, depth: int) -> Iterator[Given]:
        """Each value in it; what is computed is told in `unread`."""
        if depth > DEEPEST:
            raise UnusableError(f"{self._path}:{_line(node)}: expected at most {DEEPEST} levels")
        self._look()
        try:
            value = self._resolved(node, depth)
            if value.type not in ("object", "array"):
                yield Given(str(self._path), _line(node), key, self._constant(value, depth))
                return
        except _ComputedError as error:
            self._leave_out(key, error)
            return
        members = [one for one in value.named_children if one.type != "comment"]
        for number, one in enumerate(members):
            if value.type == "array":
                name, below = str(number), one
            else:
                try:
                    name, below = self._member(one)
                except _ComputedError as error:
                    self._leave_out(key, error)
                    continue
            yield from self.flat(below, f"{key}.{name}" if key else name, depth + 1)

    def _leave_out(self, key: str, error: _ComputedError) -> None:
        self.unread.append(Unread(str(self._path), error.line, f"{key or 'all of it'}: {error}: left out"))

    def _look(self) -> None:
        self._looks_left -= 1
        if self._looks_left < 0:
            raise UnusableError(f"{self._path}: expected at most {_MOST_LOOKS} values, those of constants included")

    def _member(self, node: Node) -> tuple[str, Node]:
        """Its name, and its value. Raises `_ComputedError`."""
        name, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        if node.type == "shorthand_property_identifier":
            name = value = node
        if name is None or value is None or name.type == "computed_property_name":
            raise _ComputedError(node, "a part of it is computed, and this is not run")
        return self._string(name) if name.type == "string" else _text(name), value

    def _resolved(self, node: Node, depth: int) -> Node:
        """Behind parentheses and names of constants."""
        for _ in range(DEEPEST - depth + 1):
            if node.type == "parenthesized_expression" and node.named_child_count:
                node = next(one for one in node.named_children if one.type != "comment")
            elif node.type in ("identifier", "shorthand_property_identifier") and _text(node) in self._constants:
                node = self._constants[_text(node)]
            else:
                return node
        raise _ComputedError(node, "its names lead nowhere")

    def _constant(self, node: Node, depth: int) -> str:
        """Of an expression without anything that changes. Raises `_ComputedError`."""
        if depth > DEEPEST:
            raise _ComputedError(node, f"it is more than {DEEPEST} levels deep")
        self._look()
        node = self._resolved(node, depth)
        match node.type:
            case "string" | "template_string":
                return self._string(node)
            case "number" | "true" | "false":
                return _text(node)
            case "null" | "undefined":
                return ""
            case "unary_expression" if _text(node).startswith("-"):
                return _text(node)
            case "binary_expression" if _operator(node) == "+":
                return self._sum(node, depth)
        raise _ComputedError(node, "it is computed, and this is not run")

    def _sum(self, node: Node, depth: int) -> str:
        """Texts behind each other: a long one leans to the left, one level each."""
        parts: list[str] = []
        length = 0
        while node.type == "binary_expression" and _operator(node) == "+":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is None or right is None or not _is_text(self._resolved(right, depth)):
                raise _ComputedError(node, "it is computed, and this is not run")
            parts.append(self._constant(right, depth + 1))
            length += len(parts[-1])
            if length > LARGEST_FILE:
                raise _ComputedError(node, f"it is longer than {LARGEST_FILE} characters")
            node = self._resolved(left, depth)
        if not _is_text(node):
            raise _ComputedError(node, "it is computed, and this is not run")
        return "".join([self._constant(node, depth + 1), *reversed(parts)])

    def _string(self, node: Node) -> str:
        """Of a text in quotation marks or backticks."""
        parts: list[str] = []
        for one in node.children:
            if one.type == "string_fragment":
                parts.append(_text(one))
            elif one.type == "escape_sequence":
                parts.append(_unescaped(_text(one)))
            elif one.type == "template_substitution":
                raise _ComputedError(one, "${...} is computed, and this is not run")
        # Halves of a character in UTF-16 that stand beside each other are one.
        return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _operator(node: Node) -> str:
    operator = node.child_by_field_name("operator")
    return _text(operator) if operator is not None else ""


def _is_text(node: Node) -> bool:
    return node.type in ("string", "template_string", "binary_expression", "parenthesized_expression")


def _unescaped(text: str) -> str:
    """Of an escape sequence (ECMA-262, 12.9.4)."""
    body = text[1:]
    if body in _LINE_ENDS:
        return ""
    if body[:1] in "xu" and len(body) > 1:
        number = int(body[1:].strip("{}"), 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    return _ESCAPES.get(body, body)
