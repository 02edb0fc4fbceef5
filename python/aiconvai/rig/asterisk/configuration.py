"""The configuration files of an Asterisk instance of the rig, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Template

from aiconvai.rig.asterisk.ports import HOST

AMI_USER = "rig"
AMI_SECRET = "rig"
ARI_USER, ARI_PASSWORD = "gateway", "a password with spaces & signs"
_ARI_MODULES = (
    "res_stasis", "res_stasis_answer", "res_stasis_recording", "res_stasis_playback", "res_stasis_snoop",
    "res_ari_model", "res_ari", "res_ari_applications", "res_ari_asterisk", "res_ari_bridges", "res_ari_channels",
    "res_ari_events", "res_ari_playbacks", "app_stasis", "res_rtp_multicast", "chan_rtp", "bridge_simple",
    "bridge_softmix",
)  # fmt: skip
CONTAINER_ROOT = "/aiconvai"
_POOL_SIZE = 16

CODECS: tuple[str, ...] = ("ulaw", "alaw", "g722", "slin16", "opus")
"""Codecs, in Asterisk's words, that an endpoint of the same name offers alone; `anonymous` takes them all."""

# What a call, a bridge, a transfer and a test's dialplan need, and no more: loading few modules is what
# makes a start short and a measurement quiet.
MODULES: tuple[str, ...] = (
    "res_sorcery_config.so",
    "res_sorcery_memory.so",
    "res_sorcery_astdb.so",
    "res_timing_timerfd.so",
    "res_pjproject.so",
    "res_pjsip.so",
    "res_pjsip_pubsub.so",
    "res_pjsip_session.so",
    "res_rtp_asterisk.so",
    "res_pjsip_sdp_rtp.so",
    "res_pjsip_authenticator_digest.so",
    "res_pjsip_caller_id.so",
    "res_pjsip_header_funcs.so",
    "res_pjsip_dlg_options.so",
    "res_pjsip_dtmf_info.so",
    "res_pjsip_refer.so",
    "res_pjsip_rfc3326.so",
    "res_pjsip_endpoint_identifier_user.so",
    "res_pjsip_endpoint_identifier_anonymous.so",
    "res_pjsip_logger.so",
    "chan_pjsip.so",
    "res_musiconhold.so",
    "res_clialiases.so",
    "res_speech.so",
    "res_agi.so",
    "codec_ulaw.so",
    "codec_alaw.so",
    "codec_a_mu.so",
    "codec_g722.so",
    "codec_gsm.so",
    "codec_resample.so",
    "format_wav.so",
    "format_pcm.so",
    "format_sln.so",
    "format_gsm.so",
    "res_format_attr_opus.so",
    "bridge_builtin_features.so",
    "bridge_holding.so",
    "bridge_native_rtp.so",
    "bridge_simple.so",
    "bridge_softmix.so",
    "pbx_config.so",
    "app_bridgewait.so",
    "app_channelredirect.so",
    "app_chanspy.so",
    "app_dial.so",
    "app_echo.so",
    "app_exec.so",
    "app_mixmonitor.so",
    "app_originate.so",
    "app_playback.so",
    "app_read.so",
    "app_record.so",
    "app_senddtmf.so",
    "app_softhangup.so",
    "app_stack.so",
    "app_system.so",
    "app_transfer.so",
    "app_userevent.so",
    "app_verbose.so",
    "app_while.so",
    "func_base64.so",
    "func_callerid.so",
    "func_channel.so",
    "func_cut.so",
    "func_env.so",
    "func_global.so",
    "func_hangupcause.so",
    "func_jitterbuffer.so",
    "func_logic.so",
    "func_math.so",
    "func_module.so",
    "func_rand.so",
    "func_sprintf.so",
    "func_strings.so",
    "func_timeout.so",
    "func_uri.so",
    "func_volume.so",
)
MODULES_22: tuple[str, ...] = ("codec_opus_open_source.so",)


@dataclass(frozen=True)
class InstanceSettings:
    """What varies between instances of the rig."""

    version: int
    sip_port: int
    ami_port: int
    rtp_first: int
    rtp_last: int
    module_directory: str
    data_directory: str
    extensions: str = ""
    modules: Sequence[str] = ()
    autoload: bool = False
    verbose: int = 4
    debug: int = 0
    transmit_silence: bool = False
    extra_files: Mapping[str, str] = field(default_factory=dict)


_ASTERISK = Template(
    """\
[directories]
astetcdir => $root/etc
astmoddir => $root/modules
astvarlibdir => $root/lib
astdbdir => $root/lib
astkeydir => $root/lib
astdatadir => $data_directory
astagidir => $root/agi-bin
astspooldir => $root/spool
astrundir => $root/run
astlogdir => $root/log
astcachedir => $root/lib

[options]
verbose = $verbose
debug = $debug
dumpcore = yes
nocolor = yes
hideconnect = yes
transmit_silence = $transmit_silence
documentation_language = en_US

[files]
; The rig, perhaps another user than Asterisk, talks to the control socket.
astctlpermissions = 0666
"""
)

_PJSIP = Template(
    """\
[global]
type = global
user_agent = aiconvai-rig
endpoint_identifier_order = username,anonymous

; Pools of a fixed size: threads that come and go by themselves would hide those that leak.
[system]
type = system
threadpool_initial_size = $pool_size
threadpool_max_size = $pool_size
threadpool_idle_timeout = 0

[udp]
type = transport
protocol = udp
bind = $host:$sip_port

[endpoint-common](!)
type = endpoint
context = default
disallow = all
direct_media = no
rtp_symmetric = no
dtmf_mode = rfc4733
send_pai = no
trust_id_inbound = yes
timers = no
moh_suggest = default

[anonymous](endpoint-common)
allow = $all_codecs
"""
)

_EXTENSIONS = """\
[general]
static = yes
writeprotect = no

[globals]
SOUNDS = $root/sounds

[default]
exten => echo,1,Answer()
 same => n,Echo()
 same => n,Hangup()

; Early media: a tone before the answer.
exten => early-echo,1,Progress()
 same => n,Wait(1)
 same => n,Playback($${SOUNDS}/tone,noanswer)
 same => n,Wait(1)
 same => n,Answer()
 same => n,Echo()

exten => wait,1,Answer()
 same => n,Wait(3600)

exten => moh,1,Answer()
 same => n,MusicOnHold(default,3600)

exten => tone,1,Answer()
 same => n,Playback($${SOUNDS}/tone)
 same => n,Hangup()

exten => reject,1,Hangup(21)

exten => dtmf,1,Answer()
 same => n,Read(DIGITS,,3,,1,10)
 same => n,Verbose(1,rig read digits '$${DIGITS}')
 same => n,SendDTMF($${DIGITS})
 same => n,Wait(1)
 same => n,Hangup()

; Dial any party of the rig: 5PORT rings sip:PORT on loopback, bridged with the caller.
exten => _5XXXXX,1,Dial(PJSIP/anonymous/sip:party@$host:$${EXTEN:1},30)
 same => n,Hangup()
exten => _5XXXX,1,Dial(PJSIP/anonymous/sip:party@$host:$${EXTEN:1},30)
 same => n,Hangup()
"""

_LOGGER = """\
[general]
dateformat = %F %T.%3q
appendhostname = no

[logfiles]
full = notice,warning,error,verbose,debug
"""

_MANAGER = Template(
    """\
[general]
enabled = yes
bindaddr = $host
port = $ami_port
displayconnects = no
timestampevents = yes

[$user]
secret = $secret
read = all
write = all
eventfilter = !Event: RTCP*
"""
)

_RTP = Template(
    """\
[general]
rtpstart = $rtp_first
rtpend = $rtp_last
strictrtp = no
icesupport = no
"""
)

_MUSIC_ON_HOLD = Template(
    """\
[general]
cachertclasses = no

[default]
mode = files
directory = $root/moh
"""
)


def render(settings: InstanceSettings) -> dict[str, str]:
    """All configuration files by name; `settings.extra_files` replace or add to them."""
    words = {
        "root": CONTAINER_ROOT,
        "host": HOST,
        "user": AMI_USER,
        "secret": AMI_SECRET,
        "pool_size": str(_POOL_SIZE),
        "all_codecs": ",".join(_codecs(settings)),
        "transmit_silence": "yes" if settings.transmit_silence else "no",
        **{
            name: str(getattr(settings, name))
            for name in (
                "sip_port",
                "ami_port",
                "rtp_first",
                "rtp_last",
                "data_directory",
                "verbose",
                "debug",
            )
        },
    }
    files = {
        "asterisk.conf": _ASTERISK.substitute(words),
        "modules.conf": _modules(settings),
        "pjsip.conf": _PJSIP.substitute(words)
        + "".join(f"\n[{codec}](endpoint-common)\nallow = {codec}\n" for codec in _codecs(settings)),
        "extensions.conf": _extensions(settings.extensions, words),
        "logger.conf": _LOGGER,
        "manager.conf": _MANAGER.substitute(words),
        "rtp.conf": _RTP.substitute(words),
        "musiconhold.conf": _MUSIC_ON_HOLD.substitute(words),
        # Asked for by the core; without them every start warns about missing files.
        "acl.conf": "",
        "cdr.conf": "[general]\nenable = no\n",
        "cel.conf": "[general]\nenable = no\n",
        "ccss.conf": "[general]\n",
        "cli_aliases.conf": "[general]\n",
        "codecs.conf": "",
        "dnsmgr.conf": "[general]\nenable = no\n",
        "features.conf": "[general]\n",
        "http.conf": "[general]\nenabled = no\n",
        "indications.conf": _INDICATIONS,
        "pjproject.conf": "",
        "stasis.conf": _stasis(settings),
        "udptl.conf": "[general]\n",
    }
    return {**files, **settings.extra_files}


_INDICATIONS = """\
[general]
country = us

[us]
description = United States
ringcadence = 2000,4000
dial = 350+440
busy = 480+620/500,0/500
ring = 440+480/2000,0/4000
congestion = 480+620/250,0/250
"""


def ari_modules(version: int) -> list[str]:
    """What ARI needs, with calls, bridges and external media, in the order in which it is loaded."""
    # Which it needs since it makes connections itself.
    newer = ("res_websocket_client",) if version >= 22 else ()
    return [f"{name}.so" for name in ("res_http_websocket", *newer, *_ARI_MODULES)]


def ari_files(port: int) -> dict[str, str]:
    """ARI at that port of the loopback, for `ARI_USER`."""
    return {
        "http.conf": f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\n",
        "ari.conf": f"[general]\nenabled=yes\n[{ARI_USER}]\ntype=user\nread_only=no\npassword={ARI_PASSWORD}\n",
    }


def _stasis(settings: InstanceSettings) -> str:
    lines = [f"initial_size = {_POOL_SIZE}", f"max_size = {_POOL_SIZE}", "idle_timeout_sec = 0"]
    if settings.version >= 22:
        lines = ["[taskpool]", f"minimum_size = {_POOL_SIZE}", *lines]
    else:
        lines = ["[threadpool]", *lines]
    return "\n".join(lines) + "\n"


def _codecs(settings: InstanceSettings) -> list[str]:
    return [codec for codec in CODECS if codec != "opus" or settings.version >= 22]


def _modules(settings: InstanceSettings) -> str:
    lines = ["[modules]", f"autoload = {'yes' if settings.autoload else 'no'}"]
    if settings.autoload:
        # Other channel drivers and databases open sockets and files of no use here.
        lines += [
            f"noload = {name}"
            for name in (
                "chan_iax2.so",
                "chan_sip.so",
                "chan_skinny.so",
                "chan_mgcp.so",
                "chan_unistim.so",
                "chan_console.so",
                "chan_alsa.so",
                "chan_oss.so",
                "pbx_dundi.so",
                "res_snmp.so",
            )
        ]
    else:
        chosen = [*MODULES, *(MODULES_22 if settings.version >= 22 else ())]
        lines += [f"load = {name}" for name in (*chosen, *settings.modules)]
    return "\n".join(lines) + "\n"


def _extensions(own: str, words: Mapping[str, str]) -> str:
    """The default extensions, then the test's: a test that starts with a context may open any, else it adds
    to [default].
    """
    return Template(_EXTENSIONS).substitute(words) + "\n" + own.rstrip() + "\n"
