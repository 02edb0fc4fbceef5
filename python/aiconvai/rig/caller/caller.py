"""A SIP user agent on loopback: what it does with calls. Sockets and timers are the transport's."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Literal

from aiconvai.rig.caller import digest, sdp, sip
from aiconvai.rig.caller.call import Call, EndReason, State
from aiconvai.rig.caller.codecs import CODECS, Codec, codec_named
from aiconvai.rig.caller.rtp import KernelClock, MediaClock
from aiconvai.rig.caller.sip import SipError, SipMessage
from aiconvai.rig.caller.transactions import TRANSACTION_SECONDS, Address, ClientTransaction
from aiconvai.rig.caller.transport import SipTransport

_ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY, UPDATE, REFER"
_MIRRORED: Mapping[sdp.Direction, sdp.Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


class Caller:
    """Calls an Asterisk at host:sip_port and takes calls from it, any number at once. A context manager.

    send_silence: send silence while there is nothing to say (else nothing). record: keep payloads; without
    it a call keeps packet times only, which is what a long load run wants. Both are defaults that each call
    may override. password: of whichever number calls, where the other side wants to know that it is who it says.
    """

    def __init__(
        self,
        sip_port: int,
        *,
        host: str = "127.0.0.1",
        send_silence: bool = True,
        record: bool = True,
        password: str = "",
    ) -> None:
        self.host = host
        self.server: Address = (host, sip_port)
        self.kernel_clock = KernelClock()
        self._send_silence = send_silence
        self._record = record
        self._password = password
        self._calls: dict[str, Call] = {}
        self._peers: dict[str, Address] = {}
        self._invites: dict[str, ClientTransaction] = {}
        self._cancelling: set[str] = set()
        self._acks: dict[tuple[str, int], bytes] = {}
        self._incoming: deque[Call] = deque()
        self._closed = False
        self._transport = SipTransport(host, self)
        self._changed = self._transport.changed
        self.port = self._transport.port
        self._clock = MediaClock()
        self._transport.start_thread()

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up what is left, end the threads, close the sockets. Harmless when closed."""
        if self._closed:
            return
        try:
            for call in self.calls():
                call.hangup()
        finally:
            self._closed = True
            self._transport.close()
            self._clock.stop()
            for one in self._calls.values():
                one.stream.close()

    def calls(self) -> list[Call]:
        """Calls that have not ended."""
        with self._changed:
            return [call for call in self._calls.values() if call.alive]

    # Calls ----------------------------------------------------------------------------------------

    def call(
        self,
        extension: str,
        codec: str | Sequence[str] = "ulaw",
        *,
        headers: Mapping[str, str] | None = None,
        caller_number: str = "1000",
        caller_name: str = "",
        send_silence: bool | None = None,
        record: bool | None = None,
    ) -> Call:
        """Send an INVITE and return at once. codec: one, or several in order of preference; headers:
        further ones.
        """
        codecs = [codec_named(name) for name in ([codec] if isinstance(codec, str) else codec)]
        name = f'"{caller_name}" ' if caller_name else ""
        host, port = self.server
        uri = f"sip:{extension}@{host}:{port}"
        with self._changed:
            call = Call(
                self,
                call_id=f"{sip.new_tag()}@{self.host}",
                incoming=False,
                local_address=f"{name}<sip:{caller_number}@{self.host}:{self.port}>;tag={sip.new_tag()}",
                remote_address=f"<{uri}>",
                target=uri,
                codecs=codecs,
                send_silence=self._send_silence if send_silence is None else send_silence,
                record=self._record if record is None else record,
            )
            self._adopt(call, self.server)
            body = call.description.text([(one.payload_type, one) for one in codecs], "sendrecv")
            transaction = self._request(call, "INVITE", dict(headers or {}), body)
            call.invite = transaction.request
        return call

    def wait_incoming(self, timeout: float = 10.0) -> Call:
        """The next call that comes in; it hears nothing from us until ring(), progress(), answer() or
        reject().
        """
        self.wait(lambda: bool(self._incoming), timeout, lambda: f"no call to port {self.port}")
        return self._incoming.popleft()

    def wait(self, condition: Callable[[], bool], timeout: float, problem: Callable[[], str]) -> None:
        """Wait until signalling makes a condition true; TimeoutError after timeout seconds."""
        self._transport.wait(condition, timeout, problem)

    # What a Call asks for -------------------------------------------------------------------------

    def hang_up(self, call: Call, timeout: float) -> EndReason:
        """See Call.hangup."""
        with self._changed:
            if call.end_reason is None:
                if call.state is State.ANSWERED:
                    self._request(call, "BYE", {}, "")
                elif call.incoming:
                    self.reject(call, 603, "Decline")
                else:
                    self._cancelling.add(call.call_id)
                    self._cancel_if_possible(call)
        return call.wait_ended(timeout)

    def respond_provisional(self, call: Call, code: int, phrase: str, *, with_media: bool) -> None:
        """See Call.ring and Call.progress."""
        with self._changed:
            invite = self._open_invite(call)
            body = self._answer_body(call, invite) if with_media else ""
            self._respond(invite, code, phrase, call, body)
            call.state = State.EARLY if with_media else State.RINGING

    def answer(self, call: Call, timeout: float) -> None:
        """See Call.answer."""
        with self._changed:
            invite = self._open_invite(call)
            body = self._answer_body(call, invite)
            data = self._respond(invite, 200, "OK", call, body)
            self._transport.repeat_answer(call.call_id, data, self._peers[call.call_id])
            self._answered(call)
        self.wait(
            lambda: not self._transport.answer_is_pending(call.call_id) or not call.alive,
            timeout,
            lambda: f"{call}: answer not acknowledged",
        )

    def reject(self, call: Call, code: int, phrase: str) -> None:
        """See Call.reject."""
        with self._changed:
            self._respond(self._open_invite(call), code, phrase, call)
            self._end(call, EndReason("local", code, phrase))

    def reinvite(
        self, call: Call, codecs: Sequence[Codec], direction: sdp.Direction, timeout: float, *, nowhere: bool = False
    ) -> None:
        """See Call.reinvite."""
        with self._changed:
            for one in codecs:
                call.stream.expect(one.payload_type, one)
            body = call.description.text([(one.payload_type, one) for one in codecs], direction, nowhere=nowhere)
            previous, call.codecs = call.codecs, list(codecs)
        response = self._request_and_wait(call, "INVITE", {}, body, timeout)
        if response.code >= 300:
            call.codecs = previous
            raise SipError(f"{call}: re-INVITE refused: {response.code} {response.phrase}", response.code)
        call.direction = direction

    def refer(self, call: Call, refer_to: str, timeout: float) -> None:
        """See Call.transfer_blind and Call.transfer_attended."""
        known = len(call.refer_status)
        headers = {"Refer-To": refer_to, "Referred-By": f"<{sip.uri_of(call.local_address)}>"}
        response = self._request_and_wait(call, "REFER", headers, "", timeout)
        if response.code >= 300:
            raise SipError(f"{call}: transfer refused: {response.code} {response.phrase}", response.code)
        self.wait(
            lambda: any(code >= 200 for code in call.refer_status[known:]),
            timeout,
            lambda: f"{call}: transfer not reported done",
        )
        final = next(code for code in call.refer_status[known:] if code >= 200)
        if final >= 300:
            raise SipError(f"{call}: transfer failed: {final}", final)
        # The one who transferred leaves: RFC 5589 has it send the BYE, and Asterisk waits for that.
        self.hang_up(call, timeout)

    def request_in_call(
        self, call: Call, method: str, headers: Mapping[str, str], body: str, timeout: float
    ) -> SipMessage:
        """See Call.send_request."""
        return self._request_and_wait(call, method, headers, body, timeout)

    # Requests of ours -----------------------------------------------------------------------------

    def _adopt(self, call: Call, peer: Address) -> None:
        self._calls[call.call_id] = call
        self._peers[call.call_id] = peer
        self._transport.add_media(call.stream)
        self._clock.add(call.stream)

    def _request_and_wait(
        self, call: Call, method: str, headers: Mapping[str, str], body: str, timeout: float
    ) -> SipMessage:
        with self._changed:
            if not call.alive:
                raise SipError(f"{call}: {method} within a call that has ended ({call.end_reason})")
            transaction = self._request(call, method, headers, body)
        self.wait(lambda: transaction.finished, timeout, lambda: f"{call}: {method} not answered")
        if transaction.final is None:
            raise SipError(f"{call}: {method} not answered at all")
        return transaction.final

    def _request(self, call: Call, method: str, headers: Mapping[str, str], body: str) -> ClientTransaction:
        call.local_cseq += 1
        message = self._message(call, method, call.local_cseq, sip.new_branch())
        message.headers += [
            ("Contact", f"<sip:caller@{self.host}:{self.port}>"),
            ("Allow", _ALLOW),
            *headers.items(),
        ]
        if body:
            message.body = body
            if message.get("Content-Type") is None:
                message.headers.append(("Content-Type", "application/sdp"))
        return self._start(call, message)

    def _start(self, call: Call, message: SipMessage) -> ClientTransaction:
        transaction = self._transport.start(message, call.call_id, self._peers[call.call_id])
        if message.method == "INVITE":
            self._invites[call.call_id] = transaction
        return transaction

    def _message(self, call: Call, method: str, cseq: int, branch: str) -> SipMessage:
        return SipMessage(
            f"{method} {call.target} SIP/2.0",
            [
                ("Via", f"SIP/2.0/UDP {self.host}:{self.port};branch={branch};rport"),
                ("Max-Forwards", "70"),
                ("From", call.local_address),
                ("To", call.remote_address),
                ("Call-ID", call.call_id),
                ("CSeq", f"{cseq} {method}"),
                ("User-Agent", "aiconvai-caller"),
            ],
        )

    def _cancel_if_possible(self, call: Call) -> None:
        """A CANCEL may follow only a provisional response; without one yet, the next one triggers this
        again.
        """
        transaction = self._invites[call.call_id]
        invite = transaction.request
        if transaction.finished or not transaction.provisional or self._transport.is_waiting(invite.branch, "CANCEL"):
            return
        message = SipMessage(
            invite.start.replace("INVITE", "CANCEL", 1),
            [
                (name, value.replace("INVITE", "CANCEL") if name == "CSeq" else value)
                for name, value in invite.headers
                if name in ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq")
            ],
        )
        self._start(call, message)

    # Responses ------------------------------------------------------------------------------------

    def on_stray_response(self, message: SipMessage) -> None:
        """Our ACK to this final response was lost: send it again."""
        ack = self._acks.get((message["Call-ID"], message.cseq))
        if ack is not None and message.method == "INVITE" and message.code >= 200:
            self._transport.send(ack, self._peers[message["Call-ID"]])

    def on_response(self, transaction: ClientTransaction, message: SipMessage) -> None:
        """See TransportUser."""
        call = self._calls[transaction.call_id]
        if message.method == "INVITE":
            call.responses.append(message)
            if message.code >= 200:
                self._on_invite_final(call, transaction, message)
            elif call.state not in (State.ANSWERED, State.ENDED):
                self._on_provisional(call, message)
        elif message.method == "BYE" and message.code >= 200:
            self._end(call, EndReason("local"))

    def on_request_timeout(self, transaction: ClientTransaction) -> None:
        """See TransportUser."""
        call = self._calls[transaction.call_id]
        method = transaction.request.method
        if method == "BYE" or (method == "INVITE" and call.state is not State.ANSWERED):
            self._end(call, EndReason("timeout"))

    def on_answer_timeout(self, call_id: str) -> None:
        """See TransportUser."""
        self._end(self._calls[call_id], EndReason("timeout"))

    def on_timer(self, now: float) -> None:
        """Forget calls that ended so long ago that nothing more can come for them."""
        old = [one for one in self._calls.values() if one.ended and now - one.ended > TRANSACTION_SECONDS]
        for call in old:
            self._forget(call.call_id)

    def _forget(self, call_id: str) -> None:
        del self._calls[call_id], self._peers[call_id]
        self._invites.pop(call_id, None)
        self._cancelling.discard(call_id)
        self._acks = {key: data for key, data in self._acks.items() if key[0] != call_id}

    def _on_provisional(self, call: Call, message: SipMessage) -> None:
        if sip.tag_of(message["To"]):
            call.remote_address = message["To"]
        if message.body:
            call.state = State.EARLY
            self._negotiate(call, message.body)
        elif message.code == 180 and call.state is State.CALLING:
            call.state = State.RINGING
        if call.call_id in self._cancelling:
            self._cancel_if_possible(call)

    def _on_invite_final(self, call: Call, transaction: ClientTransaction, message: SipMessage) -> None:
        accepted = message.code < 300
        if call.state is not State.ANSWERED:
            call.remote_address = message["To"]
        if accepted:
            call.target = sip.uri_of(message["Contact"])
            ack = self._message(call, "ACK", message.cseq, sip.new_branch())
        else:
            ack = self._message(call, "ACK", message.cseq, transaction.request.branch)
            ack.start = transaction.request.start.replace("INVITE", "ACK", 1)
            ack.headers = [("To", message["To"]) if name == "To" else (name, value) for name, value in ack.headers]
        data = ack.encode()
        self._acks[call.call_id, message.cseq] = data
        self._transport.send(data, self._peers[call.call_id])
        if accepted:
            if call.state is State.ENDED:
                # Given up while the answer was under way.
                self._request(call, "BYE", {}, "")
                return
            if call.state is not State.ANSWERED:
                self._answered(call)
            if call.call_id in self._cancelling:
                # The answer crossed our wish to cancel.
                self._request(call, "BYE", {}, "")
            elif message.body:
                self._negotiate(call, message.body)
        elif message.code == 401 and self._password and transaction.request.get("Authorization") is None:
            self._call_again(call, transaction.request, message["WWW-Authenticate"])
        elif call.state not in (State.ANSWERED, State.ENDED):
            by: Literal["local", "rejected"] = "local" if call.call_id in self._cancelling else "rejected"
            self._end(call, EndReason(by, message.code, message.phrase, _cause(message)))

    def _call_again(self, call: Call, refused: SipMessage, challenge: str) -> None:
        """The same INVITE, with who we are."""
        call.remote_address = refused["To"]
        call.local_cseq += 1
        message = self._message(call, "INVITE", call.local_cseq, sip.new_branch())
        usual = {name for name, _ in message.headers}
        user, uri = sip.user_of(call.local_address), refused.start.split()[1]
        message.headers += [
            *((name, value) for name, value in refused.headers if name not in usual),
            ("Authorization", digest.authorization(challenge, user, self._password, "INVITE", uri)),
        ]
        message.body = refused.body
        call.invite = self._start(call, message).request

    # Requests of the other side -------------------------------------------------------------------

    def on_request(self, message: SipMessage, source: Address) -> None:
        """See TransportUser."""
        call = self._calls.get(message["Call-ID"])
        if message.method == "ACK":
            if call is not None and self._transport.answer_acknowledged(call.call_id) and message.body:
                self._negotiate(call, message.body)
            return
        if call is None:
            if message.method == "INVITE" and sip.tag_of(message["To"]) is None:
                self._on_new_call(message, source)
            elif message.method == "OPTIONS":
                self._respond_to(message, source, 200, "OK")
            else:
                self._respond_to(message, source, 481, "Call/Transaction Does Not Exist")
            return
        call.requests.append(message)
        if message.method == "BYE":
            self._respond(message, 200, "OK", call)
            self._end(call, EndReason("remote", cause=_cause(message)))
        elif message.method == "CANCEL":
            self._respond(message, 200, "OK", call)
            if call.alive and call.invite is not None and call.state is not State.ANSWERED:
                self._respond(call.invite, 487, "Request Terminated", call)
                self._end(call, EndReason("remote", cause=_cause(message)))
        elif message.method in ("INVITE", "UPDATE"):
            self._on_new_offer(call, message)
        elif message.method == "NOTIFY":
            self._respond(message, 200, "OK", call)
            status = re.match(r"SIP/2\.0 (\d{3})", message.body)
            if status:
                call.refer_status.append(int(status.group(1)))
        elif message.method in ("OPTIONS", "INFO", "MESSAGE"):
            self._respond(message, 200, "OK", call)
        else:
            self._respond(message, 501, "Not Implemented", call)

    def _on_new_call(self, message: SipMessage, source: Address) -> None:
        call = Call(
            self,
            call_id=message["Call-ID"],
            incoming=True,
            local_address=f"{message['To']};tag={sip.new_tag()}",
            remote_address=message["From"],
            target=sip.uri_of(message["Contact"]),
            codecs=list(CODECS.values()),
            send_silence=self._send_silence,
            record=self._record,
        )
        call.invite = message
        self._adopt(call, source)
        self._respond(message, 100, "Trying", call)
        self._incoming.append(call)

    def _on_new_offer(self, call: Call, message: SipMessage) -> None:
        if not call.alive:
            self._respond(message, 481, "Call/Transaction Does Not Exist", call)
            return
        if contact := message.get("Contact"):
            call.target = sip.uri_of(contact)
        try:
            body = self._answer_body(call, message) if message.body or message.method == "INVITE" else ""
        except (SipError, ValueError):
            self._respond(message, 488, "Not Acceptable Here", call)
            return
        data = self._respond(message, 200, "OK", call, body)
        if message.method == "INVITE":
            self._transport.repeat_answer(call.call_id, data, self._peers[call.call_id])

    # Parts ----------------------------------------------------------------------------------------

    def _open_invite(self, call: Call) -> SipMessage:
        if not call.incoming or call.invite is None:
            raise SipError(f"{call}: is not an incoming call")
        if call.state is State.ANSWERED or not call.alive:
            raise SipError(f"{call}: has its final response already")
        return call.invite

    def _respond(self, request: SipMessage, code: int, phrase: str, call: Call, body: str = "") -> bytes:
        return self._respond_to(
            request, self._peers[call.call_id], code, phrase, body, to_tag=sip.tag_of(call.local_address)
        )

    def _respond_to(
        self,
        request: SipMessage,
        to: Address,
        code: int,
        phrase: str,
        body: str = "",
        to_tag: str | None = None,
    ) -> bytes:
        address = request["To"]
        if sip.tag_of(address) is None and code > 100:
            address += f";tag={to_tag or sip.new_tag()}"
        response = SipMessage(
            f"SIP/2.0 {code} {phrase}",
            [
                *(("Via", value) for value in request.all("Via")),
                ("From", request["From"]),
                ("To", address),
                ("Call-ID", request["Call-ID"]),
                ("CSeq", request["CSeq"]),
                ("Contact", f"<sip:caller@{self.host}:{self.port}>"),
                ("Allow", _ALLOW),
            ],
        )
        if body:
            response.headers.append(("Content-Type", "application/sdp"))
            response.body = body
        data = response.encode()
        self._transport.respond(request, data, to)
        return data

    def _answer_body(self, call: Call, message: SipMessage) -> str:
        """Our answer to the offer in a request; our own offer when it has none."""
        if not message.body:
            return call.description.text([(one.payload_type, one) for one in call.codecs], "sendrecv")
        remote = sdp.parse(message.body)
        payload_type, chosen = self._choose(call, remote)
        call.stream.expect(payload_type, chosen)
        call.stream.negotiate(remote, chosen, payload_type)
        return call.description.text([(payload_type, chosen)], _MIRRORED[remote.direction])

    def _negotiate(self, call: Call, answer: str) -> None:
        """Take the other side's answer; one of no use ends the call, with the reason as its phrase."""
        try:
            remote = sdp.parse(answer)
            payload_type, chosen = self._choose(call, remote)
        except (SipError, ValueError) as error:
            if call.state is State.ANSWERED:
                self._request(call, "BYE", {}, "")
            else:
                self._cancelling.add(call.call_id)
                self._cancel_if_possible(call)
            self._end(call, EndReason("local", 488, str(error)))
            return
        call.stream.negotiate(remote, chosen, payload_type)

    @staticmethod
    def _choose(call: Call, remote: sdp.RemoteMedia) -> tuple[int, Codec]:
        for payload_type, one in remote.codecs.items():
            if one in call.codecs:
                return payload_type, one
        ours = ", ".join(one.name for one in call.codecs)
        theirs = ", ".join(one.name for one in remote.codecs.values()) or "none we know"
        raise SipError(f"{call}: no codec in common: ours {ours}; theirs {theirs}")

    def _answered(self, call: Call) -> None:
        call.state = State.ANSWERED
        call.answered = time.monotonic()

    def _end(self, call: Call, reason: EndReason) -> None:
        if call.end_reason is not None:
            return
        self._transport.remove_media(call.stream)
        call.stream.close()
        call.end_reason = reason
        call.state = State.ENDED
        call.ended = time.monotonic()
        self._transport.answer_acknowledged(call.call_id)
        self._changed.notify_all()


def _cause(message: SipMessage) -> int | None:
    for reason in message.all("Reason"):
        found = re.search(r"Q\.850\s*;.*?cause=(\d+)", reason, re.IGNORECASE)
        if found:
            return int(found.group(1))
    return None
