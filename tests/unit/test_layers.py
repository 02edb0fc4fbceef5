"""Dependencies point one way: asterisk, gateway -> loop -> lines -> providers -> core; and the engine does no I/O.

What a file includes is read from its text. What it calls and whether it keeps global state is read from its
object file, where no macro and no comment can hide it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "app_aiconvai"
LAYERS = ("core", "providers", "lines", "loop", "gateway", "asterisk")
"""From the lowest to the highest: a file may include those of its own layer and of the ones before it."""

APART = {"asterisk": "gateway"}
"""But these two know nothing of each other."""

ROOMS: dict[str, set[str]] = {
    "memory": set(),
    "text": {"memory"},
    "audio": {"memory", "text"},
    "json": {"memory", "text"},
    "options": {"memory", "text", "json"},
    "conversation": {"memory", "text", "audio", "json", "options"},
}
"""Of the engine's core, and those that each may use."""

GENERATED = {"options_table.h": "core", "built_for.h": "asterisk"}

# fmt: off
ENGINE_HEADERS = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h",
    "setjmp.h", "stdarg.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
    "stdnoreturn.h", "string.h", "strings.h", "sys/types.h",
}
"""Headers of libc that offer no thread, socket or clock."""

POSIX_HEADERS = {
    "arpa/inet.h", "fcntl.h", "netdb.h", "netinet/in.h", "netinet/tcp.h", "poll.h", "pthread.h",
    "sched.h", "semaphore.h", "signal.h", "sys/epoll.h", "sys/eventfd.h", "sys/ioctl.h", "sys/random.h",
    "sys/resource.h", "sys/socket.h", "sys/stat.h", "sys/syscall.h", "sys/time.h", "sys/un.h", "time.h", "unistd.h",
}
# fmt: on

FORBIDDEN_CALLS = re.compile(
    r"(pthread_\w+|thrd_\w+|mtx_\w+|sem_\w+|clock\w*|time|gettimeofday|ftime|\w*sleep|timer\w+|"
    r"socket\w*|connect|bind|listen|accept4?|send\w*|recv\w*|getaddrinfo|gethostby\w+|poll|ppoll|p?select|"
    r"epoll_\w+|open\w*|fopen\w*|read|write|pipe2?|printf|__printf_chk|puts|putchar|perror|syslog|"
    r"(?:secure_)?getenv|setenv|putenv|rand\w*|srand\w*|localtime\w*|gmtime\w*|strtok|setlocale|"
    r"fork|exec\w+|system|dlopen|exit|abort|__assert_fail|ast_\w+|__ast_\w+|lws_\w+|SSL_\w+)"
)

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def files(layer: str) -> list[Path]:
    return sorted(path for path in (SOURCE / layer).rglob("*") if path.suffix in (".c", ".h"))


def included(path: Path) -> list[tuple[str, bool]]:
    """What a file includes, and whether in quotes."""
    return [(quoted or angled, bool(quoted)) for quoted, angled in INCLUDE.findall(path.read_text())]


def layer_of(include: str, path: Path) -> str | None:
    """The layer of a header of ours; None when it is no header of ours."""
    if include in GENERATED:
        return GENERATED[include]
    for candidate in (
        path.parent / include,
        SOURCE / include,
        *(SOURCE / layer / include for layer in LAYERS),
        *(SOURCE / "core" / room / include for room in ROOMS),
    ):
        if candidate.is_file():
            return candidate.resolve().relative_to(SOURCE).parts[0]
    return None


def allowed_outside(layer: str, include: str) -> bool:
    """Whether a layer may include this header of somebody else."""
    if include in ENGINE_HEADERS:
        return True
    if layer == "core":
        return include.startswith(("yajl/", "speex/", "kissfft/"))
    if layer in ("loop", "gateway"):
        is_network = include == "libwebsockets.h" or include.startswith("openssl/")
        is_codec = layer == "gateway" and include.startswith("spandsp/")
        return include in POSIX_HEADERS or (layer == "loop" and is_network) or is_codec
    return layer == "asterisk"


@pytest.mark.parametrize("layer", LAYERS)
def test_includes_follow_the_arrows(layer: str) -> None:
    wrong = []
    for path in files(layer):
        for include, quoted in included(path):
            target = layer_of(include, path) if quoted else None
            # Asterisk's own headers are in quotes by its convention.
            is_ours = quoted and not include.startswith("asterisk")
            if target is None and (is_ours or not allowed_outside(layer, include)):
                wrong.append(f"{path.relative_to(ROOT)} includes {include}, which {layer} may not use")
            is_apart = target is not None and APART.get(layer) == target
            if target is not None and (is_apart or LAYERS.index(target) > LAYERS.index(layer)):
                wrong.append(f"{path.relative_to(ROOT)} includes {include} of {target}")
    assert wrong == []


def test_rooms_of_the_core_use_what_they_may() -> None:
    wrong = []
    for path in files("core"):
        room = path.relative_to(SOURCE / "core").parts[0]
        for include, quoted in included(path):
            others = [one for one in ROOMS if quoted and (SOURCE / "core" / one / include).is_file()]
            wrong += [f"{path.name} includes {include} of {one}" for one in others if one not in {room} | ROOMS[room]]
    assert wrong == []
    assert {path.relative_to(SOURCE / "core").parts[0] for path in files("core")} == set(ROOMS)


def test_no_provider_knows_another() -> None:
    """A part of one has a header, and a name that begins with the provider's."""
    names = {path.stem for path in files("providers")} - {"providers"}
    parts = {path.stem for path in files("providers") if path.suffix == ".h"}
    for path in files("providers"):
        if path.stem != "providers":
            others = {Path(include).stem for include, quoted in included(path) if quoted} & names
            own = {path.stem} | {part for part in parts if part.startswith(f"{path.stem}_")}
            assert others <= own, f"{path.relative_to(ROOT)} includes another provider"


@pytest.fixture(scope="module")
def engine_objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Object files of core, providers and lines, not position independent: constants stay read-only then."""
    directory = tmp_path_factory.mktemp("engine")
    generate = [sys.executable, str(ROOT / "tools" / "generate_options.py"), "--c-header", "options_table.h"]
    definition = str(ROOT / "configs" / "options.json")
    subprocess.run([*generate, "--definition", definition], cwd=directory, check=True)
    sources = [path for layer in ("core", "providers", "lines") for path in files(layer) if path.suffix == ".c"]
    assert sources
    folders = (directory, SOURCE / "providers", SOURCE / "lines", *(SOURCE / "core" / one for one in ROOMS))
    search = [f"-I{path}" for path in folders]
    flags = ["-std=gnu11", "-O1", "-fno-pic", "-fno-pie", "-fno-stack-protector", "-w", "-c"]
    subprocess.run(["gcc", *flags, *search, *sources], cwd=directory, check=True)
    return sorted(directory.glob("*.o"))


def symbols(path: Path) -> list[tuple[str, str]]:
    """Pairs of nm's letter for a symbol's kind and its name."""
    lines = subprocess.run(["nm", path], check=True, capture_output=True, text=True).stdout.splitlines()
    return [(kind, name) for *_, kind, name in (line.split() for line in lines)]


def test_engine_calls_no_thread_socket_clock_or_environment(engine_objects: list[Path]) -> None:
    wrong = [
        f"{path.stem}.c uses {name}"
        for path in engine_objects
        for kind, name in symbols(path)
        if kind == "U" and FORBIDDEN_CALLS.fullmatch(name)
    ]
    assert wrong == []


def test_engine_has_no_mutable_globals(engine_objects: list[Path]) -> None:
    wrong = [
        f"{path.stem}.c keeps {name}; make it const or move it into a struct"
        for path in engine_objects
        for kind, name in symbols(path)
        if kind in "bBdDcCsSgG"
    ]
    assert wrong == []


def test_the_check_itself_sees_globals_and_calls(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text(
        "#include <time.h>\n"
        'static const char *const names[] = {"a", 0};\n'
        "const char *name(int i) { static int calls; calls++; return names[i + calls]; }\n"
        "static int counter = 3;\n"
        "long now(void) { return time(0) + counter++; }\n"
    )
    subprocess.run(["gcc", "-fno-pic", "-c", "bad.c"], cwd=tmp_path, check=True)
    found = symbols(tmp_path / "bad.o")
    assert [name for kind, name in found if kind == "U" and FORBIDDEN_CALLS.fullmatch(name)] == ["time"]
    mutable = sorted(name.partition(".")[0] for kind, name in found if kind in "bBdDcCsSgG")
    assert mutable == ["calls", "counter"]
