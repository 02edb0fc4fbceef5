"""ELF programs and shared libraries, and where the dynamic linker finds them; nothing is run or mapped."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection
from elftools.elf.hash import GNUHashSection
from elftools.elf.sections import SymbolTableSection

SEGMENT_WRITABLE = 0x2
SYMLINK_LIMIT = 40
"""Symbolic links followed on the way to a file, as many as Linux follows."""


class NoElfFile(Exception):
    """The file cannot be read, or is no ELF file; the text says which file and why."""


class Binary:
    """A program or shared library, as the dynamic linker sees it."""

    def __init__(self, path: Path) -> None:
        """Read the file at `path`. Raises NoElfFile."""
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise NoElfFile(f"{path}: {error.strerror}; expected a readable ELF file") from error
        try:
            self._elf = ELFFile(self._file)
        except ELFError as error:
            self._file.close()
            raise NoElfFile(f"{path}: expected an ELF file; {error}") from error

    def close(self) -> None:
        self._file.close()

    @property
    def machine(self) -> str:
        order = "little" if self._elf.little_endian else "big"
        return f"{self._elf.elfclass} bit, {order} endian, {self._elf.header['e_machine']}"

    @property
    def is_shared_object(self) -> bool:
        return bool(self._elf.header["e_type"] == "ET_DYN")

    @property
    def pointer_size(self) -> int:
        return int(self._elf.elfclass) // 8

    @cached_property
    def _dynamic(self) -> DynamicSegment | None:
        return next((one for one in self._elf.iter_segments() if isinstance(one, DynamicSegment)), None)

    def dynamic_entries(self, tag: str) -> list[Any]:
        return [] if self._dynamic is None else list(self._dynamic.iter_tags(tag))

    def dynamic_flags(self, tag: str) -> int:
        return sum(entry.entry.d_val for entry in self.dynamic_entries(tag))

    def segments(self, kind: str) -> list[Any]:
        return [segment for segment in self._elf.iter_segments() if segment["p_type"] == kind]

    @property
    def needed(self) -> list[str]:
        return [entry.needed for entry in self.dynamic_entries("DT_NEEDED")]

    @property
    def run_path(self) -> list[str]:
        paths = [entry.rpath for entry in self.dynamic_entries("DT_RPATH")]
        paths += [entry.runpath for entry in self.dynamic_entries("DT_RUNPATH")]
        return [part for path in paths for part in path.split(":") if part]

    @cached_property
    def undefined_symbols(self) -> dict[str, bool]:
        """Names the dynamic linker must find elsewhere; True where it may go without (weak)."""
        names: dict[str, bool] = {}
        for symbol in self._dynamic_symbols():
            if symbol.name and symbol["st_shndx"] == "SHN_UNDEF":
                names[symbol.name] = symbol["st_info"]["bind"] == "STB_WEAK"
        return names

    def _dynamic_symbols(self) -> Iterator[Any]:
        table = self._elf.get_section_by_name(".dynsym")
        if isinstance(table, SymbolTableSection):
            yield from table.iter_symbols()
        elif self._dynamic is not None:
            yield from self._dynamic.iter_symbols()

    @cached_property
    def _hash_table(self) -> GNUHashSection | None:
        return next((one for one in self._elf.iter_sections() if isinstance(one, GNUHashSection)), None)

    @cached_property
    def _defined_symbols(self) -> frozenset[str]:
        defined = (symbol for symbol in self._dynamic_symbols() if symbol["st_shndx"] != "SHN_UNDEF")
        return frozenset(symbol.name for symbol in defined)

    @property
    def exported_symbols(self) -> list[str]:
        """Functions and objects that others may take for their own."""
        return sorted(
            symbol.name
            for symbol in self._dynamic_symbols()
            if symbol["st_shndx"] not in ("SHN_UNDEF", "SHN_ABS")
            and symbol["st_info"]["bind"] in ("STB_GLOBAL", "STB_WEAK")
            and symbol["st_other"]["visibility"] in ("STV_DEFAULT", "STV_PROTECTED")
        )

    def defines(self, name: str) -> bool:
        if self._hash_table is not None:
            return self._hash_table.get_symbol(name) is not None
        return name in self._defined_symbols

    @cached_property
    def versions_defined(self) -> frozenset[str]:
        sections = (one for one in self._elf.iter_sections() if isinstance(one, GNUVerDefSection))
        return frozenset(
            auxiliary.name
            for section in sections
            for _, auxiliaries in section.iter_versions()
            for auxiliary in auxiliaries
        )

    @cached_property
    def versions_needed(self) -> list[tuple[str, str]]:
        """Pairs of a library's name and a symbol version that it must define."""
        sections = (one for one in self._elf.iter_sections() if isinstance(one, GNUVerNeedSection))
        return [
            (str(need.name), str(auxiliary.name))
            for section in sections
            for need, auxiliaries in section.iter_versions()
            for auxiliary in auxiliaries
        ]

    # Memory as it is after relocation

    @cached_property
    def _loaded(self) -> list[tuple[int, bytes, int]]:
        return [(one["p_vaddr"], one.data(), one["p_flags"]) for one in self.segments("PT_LOAD")]

    @cached_property
    def _relocated(self) -> dict[int, int]:
        """Address -> pointer put there by a relocation that needs no symbol and carries its addend."""
        if self._dynamic is None:
            return {}
        tables = self._dynamic.get_relocation_tables()
        return {
            relocation["r_offset"]: relocation["r_addend"]
            for name in ("RELA",)
            if name in tables
            for relocation in tables[name].iter_relocations()
            if relocation["r_info_sym"] == 0
        }

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes of the file as loaded at `address`; None where nothing of the file is loaded."""
        for start, content, _ in self._loaded:
            if start <= address and address + size <= start + len(content):
                return content[address - start : address - start + size]
        return None

    def pointer(self, address: int) -> int | None:
        if address in self._relocated:
            return self._relocated[address]
        word = self.read(address, self.pointer_size)
        return None if word is None else int.from_bytes(word, "little" if self._elf.little_endian else "big")

    def text(self, address: int | None) -> bytes | None:
        """The NUL-terminated string at `address`; None when there is none."""
        for start, content, _ in self._loaded:
            if address is not None and start <= address < start + len(content):
                end = content.find(b"\0", address - start)
                return content[address - start : end] if end >= 0 else None
        return None

    def writable_pointers(self) -> Iterator[tuple[int, int]]:
        """Every aligned word of writable data that is not zero: its address and what it points to."""
        size = self.pointer_size
        word = struct.Struct(("<" if self._elf.little_endian else ">") + ("Q" if size == 8 else "I"))
        for start, content, flags in self._loaded:
            if not flags & SEGMENT_WRITABLE:
                continue
            for offset in range(-start % size, len(content) - size + 1, size):
                value = self._relocated.get(start + offset) or word.unpack_from(content, offset)[0]
                if value:
                    yield start + offset, value


class LibrarySearch:
    """Finds libraries the way the dynamic linker does, inside a root file system."""

    def __init__(self, root: Path, machine: str) -> None:
        self.root = root
        self.machine = machine
        self._opened: dict[Path, Binary] = {}
        self._directories = [
            *self._configured(Path("/etc/ld.so.conf"), set()),
            *map(Path, ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")),
        ]

    def close(self) -> None:
        for binary in self._opened.values():
            binary.close()

    def find(self, name: str, wanted_by: Binary) -> Binary | None:
        """The library of this name for the right machine; None when there is none."""
        if "/" in name:
            return self._open(Path(name))
        origin = Path("/") / wanted_by.path.resolve().parent.relative_to(self._anchor(wanted_by.path))
        own = [
            Path(part.replace("${ORIGIN}", str(origin)).replace("$ORIGIN", str(origin))) for part in wanted_by.run_path
        ]
        for directory in (*own, *self._directories):
            library = self._open(directory / name)
            if library is not None:
                return library
        return None

    def inside(self, path: Path) -> Path | None:
        """The real file behind an absolute path within the root, symbolic links followed; None if missing."""
        left = deque(path.parts[1:])
        real = self.root
        for _ in range(SYMLINK_LIMIT + len(left)):
            if not left:
                return real
            part = left.popleft()
            if part == "..":
                real = real.parent if real != self.root else real
                continue
            candidate = real / part
            if candidate.is_symlink():
                target = candidate.readlink()
                left.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
                real = self.root if target.is_absolute() else real
            elif candidate.exists():
                real = candidate
            else:
                return None
        return None

    def _anchor(self, path: Path) -> Path:
        root = self.root.resolve()
        return root if path.resolve().is_relative_to(root) else Path("/")

    def open_real(self, path: Path) -> Binary | None:
        """The file at `path` as it is, for the right machine; None when it is not. close() closes it."""
        if path not in self._opened:
            try:
                self._opened[path] = Binary(path)
            except NoElfFile:
                return None
        return self._opened[path] if self._opened[path].machine == self.machine else None

    def _open(self, path: Path) -> Binary | None:
        real = self.inside(path)
        return self.open_real(real) if real is not None and real.is_file() else None

    def _configured(self, path: Path, seen: set[Path]) -> Iterator[Path]:
        real = self.inside(path)
        if real is None or not real.is_file() or real in seen:
            return
        seen.add(real)
        for raw in real.read_text(errors="replace").splitlines():
            line = raw.partition("#")[0].strip()
            if line.startswith("include "):
                pattern = Path("/") / path.parent / line.removeprefix("include ").strip()
                directory = self.inside(pattern.parent)
                for file in sorted(directory.glob(pattern.name)) if directory else ():
                    yield from self._configured(pattern.parent / file.name, seen)
            elif line.startswith("/"):
                yield Path(line)
