"""How the numbers are taken, and when they do not count: the part of the page that no run changes."""

from __future__ import annotations

from aiconvai.rig.bench.churn import LASTING_SECONDS
from aiconvai.rig.bench.machine import QUIET_LOAD
from aiconvai.rig.bench.plan import FEWER_MANY_CALLS, FULL, MANY_CALLS, REFERENCE_CALLS
from aiconvai.rig.bench.stage import ANSWER_SPREAD_MS
from aiconvai.rig.bench.validity import (
    CALLER_LEAST_SHARE,
    CALLER_TOLERANCE_MS,
    CLOCK_STEP_MS,
    LEAST_PACKET_SHARE,
    MOST_FAR_END_SHARE,
    MOST_OTHER_SHARE,
    MOST_STOLEN_SHARE,
    REPEATED_ABOVE_STOLEN_SHARE,
    REPEATED_AT_MOST,
)


def method() -> str:
    """In Markdown."""
    fewer = " or ".join(str(one) for one in FEWER_MANY_CALLS)
    return f"""\
## What makes a run invalid

A run that is invalid says so, says why, ends with status 1 and does not replace this page.

- The machine was busy before: a load average above {QUIET_LOAD:g}. During a stretch other processes used more than
  {MOST_OTHER_SHARE:g} of a core, or the hypervisor took more than {MOST_STOLEN_SHARE:g} away. The wall clock, in
  which the kernel stamps packets, moved by more than {CLOCK_STEP_MS:g} ms.
- A caller did not keep its own time: fewer than {CALLER_LEAST_SHARE:.0%} of the packets of one that measures, or of
  all that make a stretch's calls, within {CALLER_TOLERANCE_MS:g} ms of their deadlines. Then the numbers are the
  machine's and not the module's.
- A call got less than {LEAST_PACKET_SHARE:.0%} of its packets in a direction, as Asterisk counts them or as the caller
  heard them, or the far end used more than {MOST_FAR_END_SHARE:g} of a core.
- A call was missing, failed, or was silent in a direction. At an interruption nothing was being played.
- Audio was lost: see below.

Where nothing but the machine was wrong (others ran, the hypervisor took a core away, or callers were late while it
took more than {REPEATED_ABOVE_STOLEN_SHARE:.1%} of one) a measurement is taken again, at most {REPEATED_AT_MOST} times
and {FULL.repeats} times in a full run; the page says how often, `bench.json` which and why. What was lost or failed is
never measured again.

## Paths

- **Echo()**: Asterisk's own application, the floor. A call without any of the others costs this too.
- **AudioSocket()**: Asterisk's application, which sends the call's audio to a TCP server. The server's processor time
  counts, as such a server has to run beside Asterisk.
- **chan_websocket**: Asterisk 22's channel driver, `Dial(WebSocket/...)`, with mu-law to a WebSocket server, which
  counts likewise.
- **20 ms, 60 ms, 240 ms**: this module, sending the caller's audio in chunks of that length (`audio_frames_buffer_ms`)
  to a service that echoes each chunk. **TLS**: over `wss://` with a private authority. **16 kHz**: the service speaks
  16-bit samples at 16 kHz, so that both ways are resampled. The service stands for the cloud and does not count.
- **A silent agent**: it greets, and from then on the module sends silence in its place (`idle_audio`), 50 packets a
  second. In all other rows the agents alone are heard, so that each packet is one that the far end sent.
- **On hold**: the callers hold their calls as soon as they are answered, and send their music; the service gets
  silence, and they get nothing.
- **Echo guard**: agent and caller speak all the time, and the module tells one from the other (`echo_guard`); in all
  other rows it does not. A call in which they take turns pays half of the difference.
- **Services**: this module with each AI service that it speaks with. The agent speaks as long as the caller does, as
  it is heard, both in chunks of 20 ms: the number of messages is the same with all of them, and what differs is how a
  service packs its audio. The chunks that most take by default (`audio_frames_buffer_ms`) are longer and cost less.
  Where a service leaves the format to the client it is the line's own, mu-law; Gemini has no G.711. What several such
  runs found: [decisions/0018](decisions/0018-what-each-service-costs.md).

  Beside that each service **as people live with it**: over TLS, with the length of chunks and the format of audio that
  its agents have by default; the agent speaks in chunks of the same length.
- **Over a wire**: the far end is in a network namespace of its own, behind a pair of virtual network devices. Over the
  loopback whoever sends a TCP segment also does the receiver's work in the kernel; there a thread of the kernel does
  it (`napi`), at each end. What that of Asterisk's end takes is told beside; a machine with a network card has it too.
  **Two network threads**: `network_threads = 2`.

The far end of all is one program written in C (`tests/far_end`), so that it is never the limit and costs the same
whoever calls. Each conversation has its echoes up to {ANSWER_SPREAD_MS} ms later than what they answer, by a time of
its own, as services answer nobody in the moment in which he asked, and never all callers at once. Where round trips
are measured another far end echoes at once, so that nothing has to be taken off.

## How each number is taken

Nothing else runs, and no processor sleeps (`/dev/cpu_dma_latency` is held at 0, as cyclictest does): a virtual
machine's processor that sleeps is given to others, and comes late. An Asterisk that is not being measured stands idle.
Times of packets are those at which the kernel took them in.

**Calls.** A program written in C (`tests/callers`) makes them. Each call's packets leave at a place of their own in
the 20 ms, on absolute deadlines, as those of telephones do, and it hears what it is told: how many packets, which are
missing, how far apart. It takes them from the kernel, which has stamped them, when its next packet leaves, so that
nobody has to wake a caller up for each. It runs before everything else on the machine (`SCHED_RR`), as packets of
telephones do not wait for a processor either. Until there was this program SIPp made the calls; it sends the packets
of all calls in one burst, so that one wake-up serves a dozen, and its figures were too good
([decisions/0024](decisions/0024-callers-are-independent.md)). `--bursts` still has it so.

**Processor time.** Calls speak for as long as they last. Once they are all up, and have been for 2 s, the kernel's
scheduler says how long each thread of asterisk ran: `/proc/PID/task/*/schedstat`, in nanoseconds. `/proc/PID/stat`
counts in ticks of 10 ms, of which one call needs one in many seconds. Costs are given for a second of one call. A
ratio is that to as many calls to Echo() **at the same time**, on another Asterisk that is just like it: the speed of a
machine that others share changes by a quarter from one second to the next, and then it changes for both; the median
where there are several stretches. Echo() beside Echo() says what is left of that. A call among many is
compared with one among {REFERENCE_CALLS} right before and after. Many are {MANY_CALLS}, or as many less ({fewer}) as
the machine holds with as many to Echo() beside them: tried first, and told on the page. Context switches are those of
all threads, from `/proc/PID/task/*/status`; system calls are counted by the kernel's tracepoint
(`perf stat -e raw_syscalls:sys_enter`) in a second of their own, as counting costs time.

Where this time goes, and how little it could be:
[decisions/0014](decisions/0014-what-a-call-costs-at-least.md).

**Calls held.** More and more calls until a rule of the above is broken. What there was not enough of is told from the
shares of a core that asterisk, its busiest thread, the callers and the far end had, and from how many threads of
asterisk were ready and waited for a core. Callers and far end share the cores with asterisk, so a machine that serves
calls from elsewhere holds more.

**While calls come and go.** So many calls are up. Their cost is measured, then as many set-ups a second begin beside
them, each call lasting {LASTING_SECONDS:g} s, and it is measured again: what comes and goes is in it. Each time
against as many steady calls to Echo(). A service that does not answer accepts the connection and never says a word.

**Round trip.** The caller sends sweeps of 80 ms, at any place in a packet, and looks for them by correlation in what
it heard. From the moment the packet with the first sample leaves to the arrival of the packet that brings this sample
back, each plus the sample's place in its packet. Several calls, because each has its own place between two ticks of
the module's clock: alone one after another; then some at once among {REFERENCE_CALLS} calls. A chunk of 60 or 240 ms
is complete, and is sent, 40 or 220 ms after its first packet has come: that part is a choice of configuration. What is
said while the connection is made is dropped in these calls (`connect_audio_limit_ms=0`): sent first, it would be
echoed first, and every later echo wait behind it, which no agent that answers makes it do.

**Packet spacing and drift.** The far end sends the whole speech at once; the caller notes the arrival of every packet
from the third second on. The drift is the slope of a straight line through all arrivals against one packet each 20 ms.
`--drift-minutes` watches longer.

What a caller hears of a service whose audio comes late now and then, with and without a playout delay that adapts:
[decisions/0011](decisions/0011-the-playout-delay-comes-with-gaps.md).

**Interruption.** From the moment the far end has given the last byte of the message to the kernel to the last packet
of old audio that arrives up to 250 ms later. Interruptions come at random places between two packets, which are 20 ms
apart: the last packet usually came before the message, and then silence counts as 0 ms. A phone plays the last packet
for 20 ms more, and what its jitter buffer holds.

**First audio.** From the 200 OK to the first packet with sound of an agent who speaks right behind the service's
first message. The module answers first and connects then, so the whole set-up is in it: over a plain connection, over
TLS, and over TLS with a signed URL to be fetched first and a name (`localhost`) to be looked up. The parts are those
that the module tells in the event `AIConvAIEnd`.

**Memory, threads, descriptors.** The growth of the asterisk process from {REFERENCE_CALLS} to many calls,
divided by their difference; a fresh Asterisk for each path. The row of `Echo()` is what a call takes without the
module.

**Audio lost.** Missing in the numbering of the RTP packets (`pjsip show channelstats`), dropped by the kernel for want
of room in a socket of asterisk (`/proc/net/udp`), refused, dropped or beyond the limit in the module (`aiconvai show
call`), or taken by the module from a caller and not received by the far end, conversation by conversation, from the
counts both give when it ends; and missing in the numbering of what the callers heard.

The numbers themselves are in `build/bench.json`; [reference/bench.md](reference/bench.md) says what each is.
`aiconvai bench --from NEW --compare OLD` says how far two runs agree.
"""
