"""Whether a call in each codec that telephones are offered can be understood."""

from __future__ import annotations

from collections.abc import Iterator

from aiconvai.doctor.finding import Finding, good, weak
from aiconvai.doctor.installation import Installation, entries_of
from aiconvai.options import fold_case

AREA = "codecs"
_BY_THEMSELVES = ("ulaw", "alaw", "slin", "slin16", "slin24", "slin48")
"""Which the module takes as they are."""
_TRANSLATORS = {
    "opus": ("codec_opus.so", "codec_opus_open_source.so"),
    "g729": ("codec_g729a.so", "codec_g729.so", "codec_bcg729.so"),
    "g723": ("codec_g723.so",), "silk8": ("codec_silk.so",), "silk16": ("codec_silk.so",),
    "siren7": ("codec_siren7.so",), "siren14": ("codec_siren14.so",),
    "g722": ("codec_g722.so",), "gsm": ("codec_gsm.so",), "ilbc": ("codec_ilbc.so",),
    "speex": ("codec_speex.so",), "speex16": ("codec_speex.so",), "lpc10": ("codec_lpc10.so",),
    "g726": ("codec_g726.so",), "g726aal2": ("codec_g726.so",), "codec2": ("codec_codec2.so",),
}  # fmt: skip
"""Who makes linear samples of what; Asterisk's modules, and those of others."""


def codec_checks(installation: Installation) -> Iterator[Finding]:
    """By the `allow` lines of chan_pjsip."""
    allowed: dict[str, str] = {}
    for file in sorted(installation.configuration.glob("pjsip*.conf")):
        for entry in entries_of(file):
            if fold_case(entry.key) == "allow":
                for codec in entry.value.replace("&", ",").split(","):
                    allowed.setdefault(fold_case(codec.strip().lstrip("!")), f"{entry.file}:{entry.line}")
    missing = {
        codec: place
        for codec, place in allowed.items()
        if codec in _TRANSLATORS and not any((installation.modules / one).exists() for one in _TRANSLATORS[codec])
    }
    for codec, place in missing.items():
        names = " or ".join(_TRANSLATORS[codec])
        yield weak(AREA, f"{place}: allow = {codec}, and Asterisk cannot translate it: an agent does not understand "
                   "such a call", f"install {names}, or take {codec} out of that line")  # fmt: skip
    if allowed and not missing:
        known = [one for one in allowed if one in _BY_THEMSELVES or one in _TRANSLATORS]
        yield good(AREA, ", ".join(known) or "as Asterisk has them")
