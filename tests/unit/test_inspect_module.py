"""`aiconvai inspect-module` against small ELF files made for the purpose."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiconvai import inspect_module as subject
from aiconvai.elf import Binary, LibrarySearch, NoElfFile
from aiconvai.inspect_module import Verdict, inspect_module

SUM = "0123456789abcdef0123456789abcdef"
KEY = "a licence key made up for tests, which is as long as a paragraph would be: 0123456789"

MODULE_INFORMATION = """
struct ast_module_info {
	void *self;
	int (*load)(void);
	int (*reload)(void);
	int (*unload)(void);
	const char *name;
	const char *description;
	const char *key;
	unsigned int flags;
	const char buildopt_sum[33];
	unsigned char load_pri;
	const char *requires;
	const char *optional_modules;
	const char *enhances;
	void *reserved[4];
	int support_level;
};
void ast_module_register(const struct ast_module_info *info);
"""

PROGRAM = (
    MODULE_INFORMATION
    + """
static struct ast_module_info builtin = {
	.name = "builtin", .description = "Part of the program", .key = "@KEY@", .buildopt_sum = "@SUM@",
};
static const struct ast_module_info *volatile last;
void ast_module_register(const struct ast_module_info *info) { last = info; }
int ast_answer(void) { return 0; }
int main(void) { ast_module_register(&builtin); return !last; }
"""
)

MODULE = (
    MODULE_INFORMATION
    + """
@DECLARATIONS@
int ast_answer(void);
static int load(void) { return ast_answer() @CALLS@; }
static struct ast_module_info information = {
	.load = load, .name = "@NAME@", .description = "A module for tests",
	.key = "@KEY@", .buildopt_sum = "@SUM@", .requires = @REQUIRES@,
};
static void __attribute__((constructor)) @CONSTRUCTOR@(void) { @REGISTER@; }
"""
)

Build = Callable[..., Path]


@pytest.fixture(autouse=True)
def test_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LICENSE_KEY_MD5", hashlib.md5(KEY.encode()).digest())


def compile_c(output: Path, source: str, *flags: str) -> Path:
    file = output.with_suffix(".c")
    file.write_text(source)
    subprocess.run(["gcc", "-O2", "-o", output, file, *flags], check=True)
    return output


def fill(template: str, **values: str) -> str:
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template


@pytest.fixture
def asterisk(tmp_path: Path) -> Path:
    return compile_c(tmp_path / "asterisk", fill(PROGRAM, KEY=KEY, SUM=SUM), "-rdynamic", "-pie", "-fPIE")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Compiles a module that loads, unless the arguments spoil it."""

    def make(*flags: str, name: str = "app_test", **values: str) -> Path:
        given = {
            "DECLARATIONS": "",
            "CALLS": "",
            "NAME": name,
            "KEY": KEY,
            "SUM": SUM,
            "REQUIRES": "0",
            "CONSTRUCTOR": "begin",
            "REGISTER": "ast_module_register(&information)",
        } | values
        return compile_c(tmp_path / f"{name}.so", fill(MODULE, **given), "-shared", "-fPIC", *flags)

    return make


def bad(module: Path, asterisk: Path, **arguments: Path) -> dict[str, str]:
    """Reasons why the module would not load."""
    checks = inspect_module(module, asterisk, **arguments).checks
    return {check.name: check.detail for check in checks if check.verdict is Verdict.BAD}


def weak(module: Path, asterisk: Path) -> dict[str, str]:
    checks = inspect_module(module, asterisk).checks
    return {check.name: check.detail for check in checks if check.verdict is Verdict.WEAK}


@pytest.mark.parametrize("flags", [[], ["-s"], ["-Wl,-z,pack-relative-relocs"], ["-Wl,--hash-style=sysv"]])
def test_a_good_module_loads(asterisk: Path, build: Build, flags: list[str]) -> None:
    report = inspect_module(build(*flags), asterisk)
    assert report.loads, report.checks
    found = {check.name: check.detail for check in report.checks}
    assert found["module information"] == "app_test: A module for tests"
    assert found["build options"] == f"the same sum, {SUM}"


def test_a_program_that_is_not_position_independent(tmp_path: Path, build: Build) -> None:
    source = fill(PROGRAM, KEY=KEY, SUM=SUM)
    asterisk = compile_c(tmp_path / "fixed", source, "-rdynamic", "-no-pie", "-fno-pie", "-s")
    assert bad(build(), asterisk) == {}


def test_other_build_options(asterisk: Path, build: Build) -> None:
    other = SUM[::-1]
    assert bad(build(SUM=other), asterisk) == {
        "build options": f"the module was built for sum {other}, Asterisk has {SUM}; "
        "build it with the headers of that very Asterisk"
    }


def test_no_build_options_are_not_compared(asterisk: Path, build: Build) -> None:
    assert bad(build(SUM=""), asterisk) == {}


def test_a_program_that_is_no_asterisk(tmp_path: Path, build: Build) -> None:
    program = compile_c(tmp_path / "other", "int main(void) { return 0; }")
    reasons = bad(build(), program)
    assert reasons["build options"] == "the program holds no sum of its own; is it Asterisk's?"
    assert reasons["symbols"] == "nothing defines ast_answer, ast_module_register"


def test_a_wrong_licence_key(asterisk: Path, build: Build) -> None:
    assert bad(build(KEY=KEY + "."), asterisk) == {
        "module information": "no struct ast_module_info with name, description and licence key"
    }


def test_a_module_that_does_not_register(asterisk: Path, build: Build) -> None:
    assert bad(build("-Wno-unused", REGISTER="load()"), asterisk)["registration"] == (
        "no constructor calls ast_module_register; use AST_MODULE_INFO"
    )


def test_a_module_named_otherwise(asterisk: Path, build: Build) -> None:
    module = build(NAME="app_other")
    assert inspect_module(module, asterisk).loads
    assert weak(module, asterisk)["module information"] == "AST_MODULE is app_other, but the file is app_test.so"


def test_an_undefined_symbol(asterisk: Path, build: Build) -> None:
    module = build(DECLARATIONS="int ast_new_in_23(void);", CALLS="+ ast_new_in_23()")
    assert bad(module, asterisk) == {"symbols": "nothing defines ast_new_in_23"}


def test_an_undefined_weak_symbol_is_allowed(asterisk: Path, build: Build) -> None:
    declaration = "int __attribute__((weak)) ast_optional(void);"
    assert bad(build(DECLARATIONS=declaration, CALLS="+ (ast_optional ? ast_optional() : 0)"), asterisk) == {}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    script = tmp_path / "versions"
    script.write_text("HELPER_2 { global: helper; local: *; };\n")
    directory = tmp_path / "lib"
    directory.mkdir()
    flags = ("-shared", "-fPIC", "-Wl,-soname,libhelper.so.1", f"-Wl,--version-script={script}")
    return compile_c(directory / "libhelper.so.1", "int helper(void) { return 0; }", *flags)


def build_with_library(build: Build, library: Path, *flags: str) -> Path:
    return build(str(library), *flags, DECLARATIONS="int helper(void);", CALLS="+ helper()")


def test_a_library_found_by_run_path_is_reported(asterisk: Path, build: Build, library: Path) -> None:
    module = build_with_library(build, library, "-Wl,-rpath,$ORIGIN/lib")
    assert bad(module, asterisk) == {}
    assert weak(module, asterisk)["run path"].startswith("$ORIGIN/lib: link without -rpath")


def test_a_missing_library(asterisk: Path, build: Build, library: Path) -> None:
    assert bad(build_with_library(build, library), asterisk) == {
        "libraries": "libhelper.so.1 is missing, wanted by app_test.so",
        "symbols": "nothing defines helper",
    }


def test_a_library_of_another_version(asterisk: Path, build: Build, library: Path) -> None:
    module = build_with_library(build, library, f"-Wl,-rpath,{library.parent}")
    script = library.parent.parent / "versions"
    script.write_text("HELPER_1 { global: helper; local: *; };\n")
    flags = ("-shared", "-fPIC", "-Wl,-soname,libhelper.so.1", f"-Wl,--version-script={script}")
    compile_c(library, "int helper(void) { return 0; }", *flags)
    assert bad(module, asterisk) == {
        "library versions": "missing: HELPER_2 of libhelper.so.1; build on the system where it will run"
    }


def test_libraries_are_looked_up_below_the_root(tmp_path: Path, asterisk: Path, build: Build, library: Path) -> None:
    """An include in ld.so.conf, a directory that is an absolute symbolic link: all of it is the root's."""
    module = build_with_library(build, library)
    root = tmp_path / "root"
    (root / "etc" / "ld.so.conf.d").mkdir(parents=True)
    (root / "opt" / "real").mkdir(parents=True)
    (root / "etc" / "ld.so.conf").write_text("include /etc/ld.so.conf.d/*.conf\n")
    (root / "etc" / "ld.so.conf.d" / "a.conf").write_text("# a comment\n/usr/own\n")
    (root / "usr").mkdir()
    (root / "usr" / "own").symlink_to("/opt/real")
    shutil.copy(library, root / "opt" / "real" / "libhelper.so.1")
    libc = LibrarySearch(Path("/"), Binary(asterisk).machine).find("libc.so.6", Binary(asterisk))
    assert libc is not None
    shutil.copy(libc.path, root / "opt" / "real" / "libc.so.6")
    loader = [name for name in libc.needed if name not in ("libc.so.6", "libhelper.so.1")]
    for name in loader:
        found = LibrarySearch(Path("/"), libc.machine).find(name, libc)
        assert found is not None
        shutil.copy(found.path, root / "opt" / "real" / name)
    assert bad(module, asterisk, root=root) == {}
    (root / "opt" / "real" / "libhelper.so.1").unlink()
    assert "libraries" in bad(module, asterisk, root=root)


def test_required_modules(tmp_path: Path, asterisk: Path, build: Build) -> None:
    build(name="res_base", DECLARATIONS="int base_call(void) { return 0; }")
    module = build(REQUIRES='"res_base,builtin"', DECLARATIONS="int base_call(void);", CALLS="+ base_call()")
    assert bad(module, asterisk, modules=tmp_path) == {}
    (tmp_path / "res_base.so").unlink()
    assert bad(module, asterisk, modules=tmp_path) == {
        "required modules": "res_base.so is missing, required by app_test",
        "symbols": "nothing defines base_call",
    }


def test_another_machine(tmp_path: Path, asterisk: Path, build: Build) -> None:
    module = build()
    content = bytearray(module.read_bytes())
    content[18:20] = (183).to_bytes(2, "little")  # e_machine: AArch64
    module.write_bytes(content)
    machine = Binary(asterisk).machine
    assert bad(module, asterisk) == {
        "machine": f"the module is for {machine.replace('EM_X86_64', 'EM_AARCH64')}, Asterisk for {machine}"
    }


def test_a_program_instead_of_a_module(asterisk: Path, tmp_path: Path) -> None:
    program = compile_c(tmp_path / "fixed.so", "int main(void) { return 0; }", "-no-pie", "-fno-pie")
    assert bad(program, asterisk)["machine"] == "the module is no shared object; link it with -shared"


HARDENED = (
    "-Wl,-z,relro,-z,now,-z,noexecstack",
    "-fstack-protector-all",
    "-U_FORTIFY_SOURCE",
    "-D_FORTIFY_SOURCE=2",
)
EXPORTED = "int ours(void) { return 1; }"
UNPROTECTED = ("-Wl,-z,norelro,-z,lazy,-z,execstack", "-fno-stack-protector", "-U_FORTIFY_SOURCE")


def test_hardening(asterisk: Path, build: Build) -> None:
    declared = {
        "DECLARATIONS": "#include <string.h>\nstatic char copy[8]; const char *__attribute__((weak)) text(void);",
        "CALLS": "+ (strcpy(copy, text()), 0)",
    }
    assert weak(build(*HARDENED, **declared), asterisk) == {}
    assert set(weak(build(*UNPROTECTED, **declared), asterisk)) == {
        "RELRO",
        "BIND_NOW",
        "stack",
        "stack protector",
        "FORTIFY",
    }
    exporting = weak(build(*HARDENED, **{**declared, "DECLARATIONS": declared["DECLARATIONS"] + EXPORTED}), asterisk)
    assert exporting == {"exported names": "ours: compile with -fvisibility=hidden"}


def test_files_that_are_no_elf(tmp_path: Path, asterisk: Path, build: Build) -> None:
    text = tmp_path / "text.so"
    text.write_text("not an ELF file")
    with pytest.raises(NoElfFile, match=r"text\.so: expected an ELF file"):
        inspect_module(text, asterisk)
    with pytest.raises(NoElfFile, match=r"none: No such file or directory"):
        inspect_module(build(), tmp_path / "none")


def test_command(asterisk: Path, build: Build, tmp_path: Path) -> None:
    module = build(*UNPROTECTED)

    def run(*arguments: object) -> tuple[int, str]:
        given = [str(module), "--asterisk", str(asterisk), *map(str, arguments)]
        result = CliRunner().invoke(subject.app, given, env={"COLUMNS": "200"})
        return result.exit_code, result.output

    status, output = run()
    assert (status, "yes: it would load" in output) == (0, True)
    assert run("--require-hardening")[0] == 1
    module = build(SUM=SUM[::-1])
    status, output = run()
    assert (status, "no: 1 reason against it" in output) == (1, True)
    assert SUM[::-1] in output
    module = tmp_path / "missing.so"
    status, output = run()
    assert (status, "No such file or directory; expected a readable ELF file" in output) == (1, True)
