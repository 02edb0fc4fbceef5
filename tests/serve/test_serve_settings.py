"""serve.toml, and what is followed without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiconvai.serve.local_asterisk import local_asterisk
from aiconvai.serve.settings import ServeSettings, default_data, read_settings
from aiconvai.toml_settings import SettingsError

MANAGER = "[general]\nenabled=yes\nport=5040\nbindaddr=0.0.0.0\n"
ASTERISK = '[asterisk.office]\nuser = "serve"\nsecret = "s3cret"\n'


def reading(tmp_path: Path, text: str) -> ServeSettings:
    path = tmp_path / "serve.toml"
    path.write_text(text)
    return read_settings(path)


def manager_conf(tmp_path: Path, text: str) -> Path:
    (tmp_path / "manager.conf").write_text(text)
    return tmp_path


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    settings = reading(tmp_path, f'data = "{tmp_path}"\n{ASTERISK}')
    assert settings.database_url == f"sqlite:///{tmp_path}/calls.db"
    assert (settings.page.host, settings.page.port) == ("127.0.0.1", 8070)
    office = settings.asterisk["office"].manager()
    assert (office.host, office.port, office.user) == ("127.0.0.1", 5038, "serve")
    assert (office.secret, office.tls) == ("s3cret", None)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n\n")
    settings = reading(tmp_path, f'[asterisk.office]\nuser = "serve"\nsecret_file = "{tmp_path}/secret"\ntls = true\n')
    office = settings.asterisk["office"].manager()
    assert office.secret == "from a file"
    assert office.tls is not None
    (tmp_path / "secret").unlink()
    with pytest.raises(SettingsError, match=r"the manager at 127\.0\.0\.1:5038: .*secret"):
        settings.asterisk["office"].manager()


def test_a_secret_without_a_folder_is_in_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is from the command line, and as a unit of systemd's is given it."""
    settings = reading(tmp_path, '[asterisk.office]\nuser = "serve"\nsecret_file = "office"\n')
    (tmp_path / "office").write_text("of the folder\n")
    monkeypatch.setattr("aiconvai.toml_settings.SECRETS", tmp_path)
    assert settings.asterisk["office"].manager().secret == "of the folder"
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "secret_office").write_text("of the unit\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert settings.asterisk["office"].manager().secret == "of the unit"


def test_calls_are_kept_where_the_unit_or_the_system_has_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr("aiconvai.serve.settings.OF_SYSTEM", tmp_path / "system")
    monkeypatch.setattr("os.geteuid", lambda: 12_345)
    (tmp_path / "system").mkdir()
    assert default_data() == tmp_path / "share" / "aiconvai"
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid)
    assert default_data() == tmp_path / "system"
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/unit:/another")
    assert default_data() == tmp_path / "unit"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data = 5\n", "serve.toml: data: Input is not a valid path"),
        ("colour = 'red'\n", "serve.toml: colour: no such key"),
        ("[page]\nport = 70000\n", "serve.toml: page.port: Input should be less than or equal to 65535, got 70000"),
        ("[asterisk.a]\nuser = 'x'\n", "serve.toml: asterisk.a: expected one of secret and secret_file"),
        ("[asterisk.a]\nuser = 'x'\nsecret = 's'\nsecret_file = '/s'\n", "asterisk.a: expected one of"),
        ("[asterisk.gateway]\nuser = 'x'\nsecret = 's'\n", "asterisk: gateway: expected another name"),
        ("retention_days = -1\n", "retention_days: Input should be greater than or equal to 0, got -1"),
        ("a = \n", "serve.toml: Invalid value"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        reading(tmp_path, text)
    assert said in str(wrong.value)


def test_everything_that_is_wrong_is_said_at_once_and_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as wrong:
        reading(tmp_path, "[asterisk.a]\nuser = 5\nsecret = ['hush']\nport = 'x'\n")
    assert len(str(wrong.value).splitlines()) == 3
    assert "hush" not in str(wrong.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nothing\.toml: No such file"):
        read_settings(tmp_path / "nothing.toml")


def test_this_machines_asterisk_is_found_in_its_configuration(tmp_path: Path) -> None:
    users = "[looker]\nsecret=a\nread=system,call\n[steerer]\nsecret=b\nread=all\nwrite=call\n"
    manager_conf(tmp_path, MANAGER + users)
    (tmp_path / "aiconvai.conf").write_text("[general]\njournal=/var/spool/calls.jsonl\n")
    found = local_asterisk(tmp_path)
    assert (found.host, found.port, found.user) == ("127.0.0.1", 5040, "steerer")
    assert found.manager().secret == "b"
    assert found.journal == Path("/var/spool/calls.jsonl")


def test_who_may_only_look_will_do(tmp_path: Path) -> None:
    found = local_asterisk(manager_conf(tmp_path, MANAGER + "[looker]\nsecret=a\nread=call\n"))
    assert (found.user, found.journal) == ("looker", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[general]\nenabled=no\n", r"manager\.conf: \[general\]: enabled: expected yes"),
        (MANAGER, r"manager\.conf: no user with a secret and read = call"),
        (MANAGER + "[a]\nsecret=x\nread=system\n", "no user with a secret and read = call"),
        ("[general]\nenabled=yes\nport=x\n[a]\nsecret=x\nread=all\n", "port: expected a number, got 'x'"),
    ],
)
def test_a_manager_that_cannot_be_followed(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        local_asterisk(manager_conf(tmp_path, text))


def test_no_asterisk_at_all(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is Asterisk on another machine"):
        local_asterisk(tmp_path)
