// A call by this browser: microphone and loudspeaker by a WebSocket (docs/gateway.md), and what is said as it is said.

import {drawLines, duration, factsOf, placeOf, put} from "./call.js";

const RATE = 16000;

// Bytes that wait to be sent before what the microphone takes is thrown away: half a second of it.
const MOST_WAITING = RATE;

const page = document.querySelector('[data-page="talk"]');
const part = (name) => page.querySelector(`#${name}`);
const form = part("begin");
const WITHOUT_TLS = "The browser gives a page that comes by plain http from another machine no microphone. Open it by "
	+ `https, as behind a proxy with TLS, or on the machine itself: http://localhost:${location.port}/talk`;
const NO_MICROPHONE = {
	NotAllowedError: "The browser may not use the microphone. Allow it for this page (beside its address), and try "
		+ "again.",
	NotFoundError: "There is no microphone.",
	NotReadableError: "The microphone cannot be used: another program may have it.",
};
let call = null;

function say(problem) {
	const element = part("problem");
	element.hidden = !problem;
	put(element, problem);
}

if (!window.isSecureContext || !navigator.mediaDevices) {
	say(WITHOUT_TLS);
	form.querySelector("button").disabled = true;
}

// --- audio ---

// The browser converts where the context runs at the rate of the messages; not all connect a microphone to such a one.
async function openContext(stream) {
	for (const wanted of [{sampleRate: RATE}, {}]) {
		const context = new AudioContext({latencyHint: "interactive", ...wanted});
		try {
			const microphone = context.createMediaStreamSource(stream);
			await context.audioWorklet.addModule("/static/talk-audio.js");
			await context.resume();
			return {context, microphone};
		} catch (error) {
			await context.close();
			if (!wanted.sampleRate || error.name !== "NotSupportedError") {
				throw error;
			}
		}
	}
}

// `heard` takes what the microphone takes, `report` how it goes with what is played.
async function openAudio(heard, report) {
	const wishes = {echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1};
	const stream = await navigator.mediaDevices.getUserMedia({audio: wishes});
	const [track] = stream.getAudioTracks();
	try {
		const {context, microphone} = await openContext(stream);
		// It plays nothing; but what leads nowhere is not run everywhere.
		const capture = new AudioWorkletNode(context, "capture", {channelCount: 1, channelCountMode: "explicit"});
		const playback = new AudioWorkletNode(context, "playback", {numberOfInputs: 0, outputChannelCount: [1]});
		capture.port.onmessage = ({data}) => heard(data);
		playback.port.onmessage = ({data}) => report(data);
		microphone.connect(capture).connect(context.destination);
		playback.connect(context.destination);
		return {context, track, playback};
	} catch (error) {
		track.stop();
		throw error;
	}
}

// --- a call ---

class Call {
	constructor(agent, variables) {
		this.wanted = {type: "begin", agent, variables};
		this.socket = null;
		this.audio = null;
		this.events = null;
		this.clock = null;
		this.isOver = false;
		this.roundTripMs = null;
		this.facts = "";
		this.thrownAway = 0;
	}

	async run() {
		show("connecting", "Connecting");
		try {
			this.audio = await openAudio((taken) => this.send(taken), (how) => this.report(how));
		} catch (error) {
			this.end("There is no call", NO_MICROPHONE[error.name] ?? `${error.name}: ${error.message}`);
			return;
		}
		if (this.isOver) {
			this.close();
			return;
		}
		this.audio.track.addEventListener("ended", () => this.hangUp("The microphone is gone"));
		this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/talk/call`);
		this.socket.binaryType = "arraybuffer";
		this.socket.addEventListener("open", () => this.tell(this.wanted));
		this.socket.addEventListener("message", ({data}) => this.take(data));
		this.socket.addEventListener("close", () => this.end("The connection is lost",
			"The gateway cannot be reached, or does not know you any more: load the page again."));
	}

	get isOpen() {
		return this.socket?.readyState === WebSocket.OPEN;
	}

	tell(message) {
		if (this.isOpen) {
			this.socket.send(JSON.stringify(message));
		}
	}

	send({frame, peak}) {
		part("microphone").value = peak;
		if (!this.isOpen) {
			return;
		}
		if (this.socket.bufferedAmount > MOST_WAITING) {
			this.thrownAway++;
			return;
		}
		this.socket.send(frame);
	}

	take(data) {
		if (typeof data !== "string") {
			this.audio.playback.port.postMessage(data, [data]);
			return;
		}
		const message = JSON.parse(data);
		switch (message.type) {
		case "began":
			this.begin(message);
			break;
		case "ping":
			this.roundTripMs = message.round_trip_ms;
			this.tell({type: "pong", number: message.number});
			break;
		case "over":
			this.end([`${message.status}: ${message.reason}`,
				message.sent_to && `the agent would send the caller to ${message.sent_to} in the dialplan`,
			].filter(Boolean).join("; "), "");
			break;
		}
	}

	begin({asterisk, record}) {
		const began = Date.now();
		show("talking", "Talking");
		part("steer").href = `/#${new URLSearchParams({call: JSON.stringify([asterisk, record])})}`;
		this.clock = setInterval(() => put(part("for"), duration((Date.now() - began) / 1000)), 1000);
		this.events = new EventSource(`${placeOf(asterisk, record)}/events`);
		this.events.addEventListener("gone", () => this.events.close());
		this.events.addEventListener("call", ({data}) => {
			const told = JSON.parse(data);
			drawLines(part("lines"), told);
			put(part("facts"), factsOf(told));
			if (told.ended !== null) {
				this.events.close();
			}
		});
	}

	report({peak, waitingMs, ranOut, lost}) {
		part("loudspeaker").value = peak;
		const trip = this.roundTripMs === null ? "" : `${this.roundTripMs.toFixed(0)} ms to the gateway and back`;
		const missing = ranOut + lost + this.thrownAway;
		put(part("latency"), [trip, `${waitingMs.toFixed(0)} ms wait to be played`,
			missing > 1 ? `audio was missing or late ${missing} times` : ""].filter(Boolean).join(" · "));
	}

	press(key) {
		this.tell({type: "press", key});
	}

	mute(isMuted) {
		if (this.audio) {
			this.audio.track.enabled = !isMuted;
		}
	}

	hangUp(why = "You hung up") {
		this.end(why, "");
	}

	// Once; whoever does it first says why.
	end(state, problem) {
		if (this.isOver) {
			return;
		}
		this.isOver = true;
		this.close();
		if (problem) {
			// Else it tells of the end, too.
			this.events?.close();
		}
		show("over", state);
		say(problem);
	}

	close() {
		clearInterval(this.clock);
		this.socket?.close(1000);
		this.audio?.track.stop();
		this.audio?.context.close();
	}
}

// --- the page ---

function show(phase, state) {
	const isOn = phase !== "over";
	page.dataset.phase = phase;
	put(part("state"), state);
	form.hidden = isOn;
	part("call").hidden = false;
	for (const one of page.querySelectorAll("[data-during]")) {
		one.hidden = !isOn;
	}
	part("steer").hidden = phase !== "talking";
	if (phase === "connecting") {
		say("");
		part("lines").replaceChildren();
		for (const name of ["facts", "latency", "for"]) {
			put(part(name), "");
		}
		setMuted(false);
		part("hang-up").focus();
	} else if (!isOn) {
		form.querySelector("button").focus();
	}
}

function setMuted(isMuted) {
	part("mute").setAttribute("aria-pressed", isMuted);
	call?.mute(isMuted);
}

// Lines of name=value.
function readVariables(text) {
	const pairs = text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => {
		const [name, ...value] = line.split("=");
		return [name.trim(), value.join("=").trim()];
	});
	return Object.fromEntries(pairs);
}

form.addEventListener("submit", (event) => {
	event.preventDefault();
	const given = new FormData(form);
	call = new Call(given.get("agent"), readVariables(given.get("variables")));
	call.run();
});
part("hang-up").addEventListener("click", () => call.hangUp());
part("mute").addEventListener("click", () => setMuted(part("mute").getAttribute("aria-pressed") !== "true"));
for (const button of page.querySelectorAll("[data-key]")) {
	button.addEventListener("click", () => call.press(button.dataset.key));
}
document.addEventListener("keydown", (event) => {
	const hasModifier = event.ctrlKey || event.altKey || event.metaKey;
	if (page.dataset.phase === "talking" && !hasModifier && !event.repeat && /^[0-9*#]$/.test(event.key)) {
		call.press(event.key);
	}
});
