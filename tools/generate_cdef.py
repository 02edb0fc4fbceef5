#!/usr/bin/env python3
"""Turn the engine's headers into the declarations that Python's cffi reads.

    generate_cdef.py --output FILE --depfile FILE [--include DIR ...] HEADER ... -- cc [ARGUMENT ...]

The build runs this beside the shared library, so that a library and its declarations are always of one
source. The compiler's preprocessor does the reading; the system's headers are replaced by empty ones (cffi
knows their types), inline functions are dropped, and macros that are plain numbers are kept as constants.
Needs Python 3.9 and nothing outside the standard library.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SYSTEM_HEADERS = {
    "stdbool.h": "",
    "stddef.h": "",
    "stdint.h": "",
    "sys/types.h": "",
    # cffi has no atomic types. This one has the size and alignment of what it stands for.
    "stdatomic.h": "typedef size_t atomic_size_t;\n",
}
CONSTANT = re.compile(r"#define (AIC_\w+) (-?\d+)\s*")
INLINE_FUNCTION = re.compile(r"static inline [^;{]*\{")


def preprocess(compiler: list[str], headers: list[Path], includes: list[Path], depfile: Path, target: Path) -> str:
    """The headers' text and their macros, as the compiler's preprocessor sees them."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in SYSTEM_HEADERS.items():
            header = Path(scratch, name)
            header.parent.mkdir(exist_ok=True)
            header.write_text(text, encoding="utf-8")
        command = [*compiler, "-E", "-P", "-dD", "-nostdinc", "-isystem", scratch]
        # -MMD leaves system headers out, and so the scratch folder, which does not outlive this.
        command += ["-MMD", "-MF", str(depfile), "-MT", str(target)]
        command += [f"-I{folder}" for folder in includes]
        source = "".join(f'#include "{header.resolve()}"\n' for header in headers)
        return subprocess.run(
            [*command, "-x", "c", "-"], input=source, stdout=subprocess.PIPE, check=True, text=True
        ).stdout


def without_inline_functions(text: str) -> str:
    """The text without inline functions, whose code no library holds."""
    while match := INLINE_FUNCTION.search(text):
        end, depth = match.end(), 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        text = text[: match.start()] + text[end:]
    return text


def declarations(preprocessed: str) -> str:
    """What cffi can read: the constants, then everything that is no preprocessor line."""
    lines = preprocessed.splitlines()
    constants = [match for line in lines if (match := CONSTANT.fullmatch(line))]
    code = without_inline_functions("\n".join(line for line in lines if not line.startswith("#")))
    return "".join(f"#define {match[1]} {match[2]}\n" for match in constants) + code.strip() + "\n"


def main() -> int:
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    compiler = sys.argv[split + 1 :]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("--depfile", type=Path, required=True, metavar="FILE")
    parser.add_argument("--include", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("headers", type=Path, nargs="+", metavar="HEADER")
    chosen = parser.parse_args(sys.argv[1:split])
    if not compiler:
        parser.error("expected -- and the C compiler at the end")
    text = preprocess(compiler, chosen.headers, chosen.include, chosen.depfile, chosen.output)
    chosen.output.write_text(declarations(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
