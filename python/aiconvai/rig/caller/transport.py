"""One UDP socket and one thread: SIP transactions and their timers, and the reception of every call's RTP."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from aiconvai.rig.caller import sip
from aiconvai.rig.caller.sip import SipMessage
from aiconvai.rig.caller.stream import MediaStream
from aiconvai.rig.caller.transactions import Address, ClientTransaction, Retransmission, ServerResponses

_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0
_RECEIVE_BUFFER_BYTES = 1 << 20


class TransportUser(Protocol):
    """Who is told what arrives. Called on the transport's thread, with `changed` held."""

    def on_response(self, transaction: ClientTransaction, message: SipMessage) -> None:
        """A response to a transaction that waits for one."""

    def on_stray_response(self, message: SipMessage) -> None:
        """A response to a transaction that is finished, most likely repeated for want of our ACK."""

    def on_request(self, message: SipMessage, source: Address) -> None:
        """A request not seen before."""

    def on_request_timeout(self, transaction: ClientTransaction) -> None:
        """No final response came in all its time."""

    def on_answer_timeout(self, call_id: str) -> None:
        """An answer repeated by `repeat_answer` was never acknowledged."""

    def on_timer(self, now: float) -> None:
        """About once a second, or more often."""


class SipTransport:
    """All state is guarded by `changed`, which is notified after whatever arrives has been dealt with."""

    def __init__(self, host: str, user: TransportUser) -> None:
        self.host = host
        self.changed = threading.Condition(threading.RLock())
        self._user = user
        self._transactions: dict[tuple[str, str], ClientTransaction] = {}
        self._answers: dict[str, Retransmission] = {}
        self._responses = ServerResponses()
        self._failure: BaseException | None = None
        self._closed = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        self.port = int(self._socket.getsockname()[1])
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name=f"caller-{self.port}", daemon=True)

    def start_thread(self) -> None:
        """Begin to receive."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and close the socket."""
        self._closed = True
        self._wake()
        self._thread.join()
        self._selector.close()
        self._socket.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def wait(self, condition: Callable[[], bool], timeout: float, problem: Callable[[], str]) -> None:
        """Wait until something that arrives makes a condition true; TimeoutError after timeout seconds."""
        with self.changed:
            done = self.changed.wait_for(lambda: self._failure is not None or condition(), timeout)
            if self._failure is not None:
                raise RuntimeError(f"the caller's thread failed: {self._failure}") from self._failure
            if not done:
                raise TimeoutError(f"{problem()} within {timeout} s")

    def start(self, message: SipMessage, call_id: str, to: Address) -> ClientTransaction:
        """Send a request and repeat it until it is answered."""
        transaction = ClientTransaction(message, call_id, Retransmission(message.encode(), to))
        with self.changed:
            self._transactions[message.branch, message.method] = transaction
        self.send(transaction.retransmission.data, to)
        self._wake()
        return transaction

    def is_waiting(self, branch: str, method: str) -> bool:
        """Whether such a request waits for its final response."""
        return (branch, method) in self._transactions

    def respond(self, request: SipMessage, response: bytes, to: Address) -> None:
        """Send a response, and again whenever the request is repeated."""
        self._responses.keep(request, response)
        self.send(response, to)

    def repeat_answer(self, call_id: str, answer: bytes, to: Address) -> None:
        """Repeat a 2xx to an INVITE, sent already, until its ACK ends that through `answer_acknowledged`."""
        self._answers[call_id] = Retransmission(answer, to)
        self._wake()

    def answer_acknowledged(self, call_id: str) -> bool:
        """Stop repeating; whether an answer was being repeated."""
        return self._answers.pop(call_id, None) is not None

    def answer_is_pending(self, call_id: str) -> bool:
        """Whether an answer still waits for its ACK."""
        return call_id in self._answers

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram once."""
        try:
            self._socket.sendto(data, to)
        except OSError as error:
            # As good as lost on the way: retransmission and its time-out deal with it.
            _log.warning("SIP datagram to %s:%d not sent: %s", *to, error)

    def add_media(self, stream: MediaStream) -> None:
        """Receive this stream's RTP from now on."""
        self._selector.register(stream.socket, selectors.EVENT_READ, stream)

    def remove_media(self, stream: MediaStream) -> None:
        """Take in what has arrived, then receive no more."""
        stream.read()
        self._selector.unregister(stream.socket)

    # The thread ---------------------------------------------------------------------------------------

    def _wake(self) -> None:
        try:
            self._wake_writer.send(b"!")
        except BlockingIOError:
            return  # it has wakes enough already

    def _run(self) -> None:
        try:
            while not self._closed:
                for key, _events in self._selector.select(self._seconds_to_timer()):
                    if isinstance(key.data, MediaStream):
                        key.data.read()
                    elif key.fileobj is self._socket:
                        self._read()
                    else:
                        self._wake_reader.recv(4096)
                self._run_timers()
        except BaseException as error:
            _log.exception("caller on port %d", self.port)
            with self.changed:
                self._failure = error
                self.changed.notify_all()

    def _seconds_to_timer(self) -> float:
        with self.changed:
            times = [one.retransmission.next_at for one in self._transactions.values() if one.repeats]
            times += [one.next_at for one in self._answers.values()]
        return max(0.0, min([_IDLE_SECONDS, *(at - time.monotonic() for at in times)]))

    def _run_timers(self) -> None:
        now = time.monotonic()
        with self.changed:
            for key, transaction in list(self._transactions.items()):
                timer = transaction.retransmission
                if now > timer.expires_at and transaction.repeats:
                    transaction.timed_out = True
                    del self._transactions[key]
                    self._user.on_request_timeout(transaction)
                    self.changed.notify_all()
                elif transaction.repeats and timer.due(now):
                    self.send(timer.data, timer.to)
            for call_id, timer in list(self._answers.items()):
                if now > timer.expires_at:
                    del self._answers[call_id]
                    self._user.on_answer_timeout(call_id)
                    self.changed.notify_all()
                elif timer.due(now):
                    self.send(timer.data, timer.to)
            self._user.on_timer(now)

    def _read(self) -> None:
        while True:
            try:
                data, source = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # nobody listens at the other end (any more)
            if not data.strip():
                continue  # a keep-alive
            message = sip.parse(data)
            with self.changed:
                if not message.is_response:
                    self._take_request(message, source)
                else:
                    self._take_response(message)
                self.changed.notify_all()

    def _take_request(self, message: SipMessage, source: Address) -> None:
        earlier = self._responses.find(message) if message.method != "ACK" else None
        if earlier is not None:
            self.send(earlier, source)
        else:
            self._user.on_request(message, source)

    def _take_response(self, message: SipMessage) -> None:
        key = (message.branch, message.method)
        transaction = self._transactions.get(key)
        if transaction is None:
            self._user.on_stray_response(message)
            return
        if message.code < 200:
            transaction.provisional = True
        else:
            transaction.final = message
            del self._transactions[key]
        self._user.on_response(transaction, message)
