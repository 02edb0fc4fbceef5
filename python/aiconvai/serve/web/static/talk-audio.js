// The audio thread's part of a call by this browser: what the microphone takes goes out as messages, and what comes in
// is played. Messages are 20 ms of 16 kHz; where the context runs at another rate they are converted here.

const RATE = 16000;
const FRAME = RATE / 50;

// What is gathered before something is played, in ms: at first, and whenever it has run out a step more, up to a
// longest; a step less after so many calm seconds. The gateway sends in real time, so that more than that waits only
// behind a stall: silence is left out until it is caught up with. And what waits at the most.
const USUAL_MS = 40;
const STEP_MS = 20;
const LONGEST_USUAL_MS = 100;
const CALM_SECONDS = 10;
const MOST_MS = 200;

// Nobody hears whether such a frame is there.
const QUIET = 0.003;

const REPORT_SECONDS = 0.1;

// Changes the rate of a stream: a low-pass of windowed sines that skips and repeats nothing.
class Resampler {
	static CROSSINGS = 16; // of the sine, on either side
	static STEPS = 256; // of the table, between two of them

	constructor(from, to) {
		this.step = from / to;
		this.cutoff = 0.95 * Math.min(1, to / from);
		this.half = Math.ceil(Resampler.CROSSINGS / this.cutoff);
		this.table = Float32Array.from({length: Resampler.CROSSINGS * Resampler.STEPS + 2}, (_, index) => {
			const x = index / Resampler.STEPS;
			const window = 0.5 + 0.5 * Math.cos(Math.PI * Math.min(1, x / Resampler.CROSSINGS));
			return x === 0 ? 1 : window * Math.sin(Math.PI * x) / (Math.PI * x);
		});
		this.kept = new Float32Array(2 * this.half);
		this.position = this.half; // of the next sample, among what is kept
	}

	weight(distance) {
		const at = Math.abs(distance) * this.cutoff * Resampler.STEPS;
		const index = Math.floor(at);
		if (index >= Resampler.CROSSINGS * Resampler.STEPS) {
			return 0;
		}
		return this.table[index] + (at - index) * (this.table[index + 1] - this.table[index]);
	}

	run(samples) {
		const input = new Float32Array(this.kept.length + samples.length);
		const output = [];
		input.set(this.kept);
		input.set(samples, this.kept.length);
		for (; this.position + this.half < input.length; this.position += this.step) {
			let sum = 0;
			for (let at = Math.ceil(this.position - this.half); at <= this.position + this.half; at++) {
				sum += input[at] * this.weight(at - this.position);
			}
			output.push(sum * this.cutoff);
		}
		const done = Math.floor(this.position) - this.half;
		this.kept = input.slice(done);
		this.position -= done;
		return output;
	}
}

function resamplerOf(from, to) {
	return from === to ? null : new Resampler(from, to);
}

// Posts {frame, peak}: 20 ms as 16 bits, and the loudest of them, of 1.
class Capture extends AudioWorkletProcessor {
	constructor() {
		super();
		this.resampler = resamplerOf(sampleRate, RATE);
		this.frame = new Int16Array(FRAME);
		this.filled = 0;
		this.peak = 0;
	}

	process([input]) {
		if (input.length) {
			this.take(this.resampler ? this.resampler.run(input[0]) : input[0]);
		}
		return true;
	}

	take(samples) {
		for (const sample of samples) {
			this.peak = Math.max(this.peak, Math.abs(sample));
			this.frame[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
			if (this.filled === FRAME) {
				const {buffer} = this.frame;
				this.port.postMessage({frame: buffer, peak: this.peak}, [buffer]);
				this.frame = new Int16Array(FRAME);
				this.filled = 0;
				this.peak = 0;
			}
		}
	}
}

// Plays what is posted to it. Posts {peak, waitingMs, ranOut, lost}: the loudest since the last time, what waits,
// how often nothing was there, and frames that there was no room for.
class Playback extends AudioWorkletProcessor {
	constructor() {
		super();
		this.resampler = resamplerOf(RATE, sampleRate);
		this.ring = new Float32Array(this.samplesOf(MOST_MS));
		this.first = 0;
		this.count = 0;
		this.usual = this.samplesOf(USUAL_MS);
		this.gathers = true; // until there is as much as usual
		this.calmSince = 0;
		this.peak = 0;
		this.ranOut = 0;
		this.lost = 0;
		this.nextReport = 0;
		this.port.onmessage = ({data}) => this.put(new Int16Array(data));
	}

	samplesOf(ms) {
		return Math.round(ms * sampleRate / 1000);
	}

	put(frame) {
		const samples = Float32Array.from(frame, (sample) => sample / 32768);
		if (this.count >= this.usual && samples.every((sample) => Math.abs(sample) < QUIET)) {
			return;
		}
		const played = this.resampler ? this.resampler.run(samples) : samples;
		const excess = this.count + played.length - this.ring.length;
		if (excess > 0) {
			this.first = (this.first + excess) % this.ring.length;
			this.count -= excess;
			this.lost++;
		}
		for (const sample of played) {
			this.ring[(this.first + this.count++) % this.ring.length] = sample;
		}
		this.gathers = this.gathers && this.count < this.usual;
	}

	process(_, [[output]]) {
		const take = this.gathers ? 0 : Math.min(output.length, this.count);
		for (let at = 0; at < take; at++) {
			output[at] = this.ring[(this.first + at) % this.ring.length];
			this.peak = Math.max(this.peak, Math.abs(output[at]));
		}
		this.first = (this.first + take) % this.ring.length;
		this.count -= take;
		if (take < output.length && !this.gathers) {
			this.gathers = true;
			this.ranOut++;
			this.usual = Math.min(this.samplesOf(LONGEST_USUAL_MS), this.usual + this.samplesOf(STEP_MS));
			this.calmSince = currentTime;
		} else if (currentTime - this.calmSince > CALM_SECONDS) {
			this.usual = Math.max(this.samplesOf(USUAL_MS), this.usual - this.samplesOf(STEP_MS));
			this.calmSince = currentTime;
		}
		if (currentTime >= this.nextReport) {
			this.nextReport = currentTime + REPORT_SECONDS;
			const waitingMs = this.count / sampleRate * 1000;
			this.port.postMessage({peak: this.peak, waitingMs, ranOut: this.ranOut, lost: this.lost});
			this.peak = 0;
		}
		return true;
	}
}

registerProcessor("capture", Capture);
registerProcessor("playback", Playback);
