// What the page does by itself. Whatever comes of a call is put in as text.

import {drawLines, duration, factsOf, nameOf, placeOf, put, stateOf} from "./call.js";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
const live = document.querySelector('[data-page="live"]');

for (const time of document.querySelectorAll("time[data-time]")) {
	const when = new Date(Number(time.dataset.time) * 1000);
	time.dateTime = when.toISOString();
	time.textContent = when.toLocaleString();
}

if (live) {
	follow(live);
}

const numbers = document.querySelector('[data-page="numbers"]');
if (numbers) {
	draw(numbers);
}

const timeline = document.querySelector('[data-page="call"]');
if (timeline) {
	showTimeline(timeline);
}

// Both sides of a call on one axis, with what happened in it; the player and the list follow each other.
async function showTimeline(section) {
	const canvas = section.querySelector("canvas");
	const audio = section.querySelector("audio");
	const offset = Number(section.dataset.offset);
	const items = [...document.querySelectorAll(".lines li[data-at]")];
	let peaks = {seconds: Number(section.dataset.seconds) + offset, caller: [], agent: []};
	let now = null;

	function place(seconds) {
		return seconds / (peaks.seconds || 1) * canvas.clientWidth;
	}

	function drawAll() {
		const scale = window.devicePixelRatio || 1;
		const style = getComputedStyle(document.body);
		const colour = (name) => style.getPropertyValue(name);
		const [width, height] = [canvas.clientWidth, canvas.clientHeight];
		canvas.width = width * scale;
		canvas.height = height * scale;
		const pen = canvas.getContext("2d");
		pen.scale(scale, scale);
		for (const [side, middle, name] of [["caller", height / 4, "--on-caller"], ["agent", height * 3 / 4, "--main"]]) {
			pen.fillStyle = colour("--line");
			pen.fillRect(0, middle, width, 1);
			pen.fillStyle = colour(name);
			const bar = width / Math.max(1, peaks[side].length);
			peaks[side].forEach((peak, index) => {
				const half = Math.max(0.5, peak * height / 4);
				pen.fillRect(index * bar, middle - half, Math.max(1, bar), 2 * half);
			});
		}
		for (const item of items) {
			const x = place(Number(item.dataset.at) + offset);
			pen.fillStyle = item.dataset.kind === "Interruption" ? colour("--bad") : colour("--faint");
			const isLow = item.classList.contains("agent");
			const isSpoken = isLow || item.classList.contains("caller");
			pen.fillRect(x, isSpoken ? (isLow ? height - 6 : 0) : height / 2 - 4, isSpoken ? 3 : 2, isSpoken ? 6 : 8);
		}
		if (now !== null) {
			pen.fillStyle = colour("--text");
			pen.fillRect(place(now), 0, 1, height);
		}
	}

	function go(seconds) {
		if (audio) {
			audio.currentTime = Math.max(0, seconds);
		}
	}

	function follow() {
		now = audio.currentTime;
		const said = items.filter((item) => Number(item.dataset.at) + offset <= now).at(-1);
		for (const item of items) {
			item.toggleAttribute("data-now", item === said);
		}
		if (!audio.paused) {
			said?.scrollIntoView({block: "nearest"});
		}
		drawAll();
	}

	if (audio) {
		audio.addEventListener("timeupdate", follow);
		canvas.addEventListener("click", (event) => go(event.offsetX / canvas.clientWidth * peaks.seconds));
		for (const item of items) {
			const button = document.createElement("button");
			button.className = "at";
			button.textContent = item.querySelector(".at").textContent;
			button.addEventListener("click", () => go(Number(item.dataset.at) + offset));
			item.querySelector(".at").replaceWith(button);
		}
	}
	new ResizeObserver(drawAll).observe(canvas);
	if ("recorded" in section.dataset) {
		const answer = await fetch(`/api/calls/${section.dataset.call}/peaks`);
		if (answer.ok) {
			peaks = await answer.json();
			drawAll();
		}
	}
	section.dataset.drawn = "";
}

// What the table says, as lines.
function draw(page) {
	const days = [...page.querySelectorAll("tr[data-day]")].reverse().map((row) => row.dataset);
	const value = (text) => text === "" ? null : Number(text);
	const style = getComputedStyle(document.body);
	const axis = {stroke: style.color, grid: {stroke: style.getPropertyValue("--line")}};
	for (const figure of page.querySelectorAll("[data-chart]")) {
		const names = figure.dataset.chart.split(" ");
		const columns = names.map((name) => days.map((day) => value(day[name])));
		if (columns.every((column) => column.every((one) => one === null))) {
			figure.hidden = true;
			continue;
		}
		const colours = ["--main", "--bad"].map((name) => style.getPropertyValue(name));
		const series = names.map((name, index) => ({
			label: name, stroke: colours[index], width: 2, points: {show: days.length < 40, fill: colours[index]},
		}));
		const plot = new uPlot({
			width: figure.clientWidth, height: 180, legend: {show: false}, cursor: {show: false},
			scales: {y: {range: (_, low, high) => [0, Math.max(high, 1e-6) * 1.1]}},
			axes: [axis, axis], series: [{}, ...series],
		}, [days.map((day) => Number(day.day)), ...columns], figure);
		new ResizeObserver(() => plot.setSize({width: figure.clientWidth, height: 180})).observe(figure);
	}
}

function follow(page) {
	const table = page.querySelector("#calls");
	const body = table.tBodies[0];
	const template = page.querySelector("#row");
	const shown = new Map(); // key -> {call, row}
	const waiting = new Map(); // what has changed since the last frame
	let chosen = null;
	let wanted = new URLSearchParams(location.hash.slice(1)).get("call"); // its key, where a link is to one
	let isDrawing = false;

	function draw() {
		isDrawing = false;
		for (const [key, call] of waiting) {
			call === null ? remove(key) : show(key, call);
		}
		waiting.clear();
		const going = [...shown.values()].filter(({call}) => call.ended === null).length;
		put(page.querySelector("#count"), going ? String(going) : "");
		table.hidden = shown.size === 0;
		page.querySelector("#none").hidden = shown.size !== 0;
	}

	function note(key, call) {
		waiting.set(key, call);
		if (!isDrawing) {
			isDrawing = true;
			requestAnimationFrame(draw);
		}
	}

	function remove(key) {
		shown.get(key)?.row.remove();
		shown.delete(key);
	}

	function show(key, call) {
		let entry = shown.get(key);
		if (!entry) {
			const row = template.content.firstElementChild.cloneNode(true);
			row.dataset.key = key;
			row.querySelector("button").addEventListener("click", () => choose(key));
			body.prepend(row);
			entry = {row};
			shown.set(key, entry);
		}
		entry.call = call;
		const {row} = entry;
		put(row.querySelector("button"), nameOf(call));
		put(row.querySelector(".agent"), call.agent);
		put(row.querySelector(".phase"), stateOf(call));
		put(row.querySelector(".answer"), call.answer_ms === null ? "" : `${call.answer_ms} ms`);
		put(row.querySelector(".words"), call.last_words);
		row.toggleAttribute("data-ended", call.ended !== null);
		tick(entry);
		if (key === wanted) {
			wanted = null;
			choose(key);
		}
	}

	function tick({call, row}) {
		put(row.querySelector(".for"), duration((call.ended ?? Date.now() / 1000) - call.started));
	}

	setInterval(() => shown.forEach(tick), 1000);

	const all = new EventSource("/api/live/events");
	all.addEventListener("open", () => {
		// All calls are told anew; what is not among them is gone.
		for (const key of shown.keys()) {
			note(key, null);
		}
		page.querySelector("#connection").hidden = true;
	});
	all.addEventListener("error", () => {
		page.querySelector("#connection").hidden = false;
	});
	all.addEventListener("call", ({data}) => {
		const call = JSON.parse(data);
		note(JSON.stringify([call.asterisk, call.record]), call);
	});
	all.addEventListener("gone", ({data}) => note(JSON.stringify(JSON.parse(data)), null));

	// --- one of them ---

	const panel = page.querySelector("#call");
	const lines = panel.querySelector("#lines");
	let one = null;

	function choose(key) {
		close();
		chosen = key;
		const [asterisk, record] = JSON.parse(key);
		shown.get(key)?.row.setAttribute("aria-selected", "true");
		page.classList.add("open");
		panel.hidden = false;
		one = new EventSource(`${placeOf(asterisk, record)}/events`);
		one.addEventListener("call", ({data}) => drawCall(JSON.parse(data)));
		one.addEventListener("gone", () => one.close());
		panel.querySelector("#close").focus();
	}

	function close() {
		one?.close();
		one = null;
		lines.replaceChildren();
		shown.get(chosen)?.row.removeAttribute("aria-selected");
		page.classList.remove("open");
		panel.hidden = true;
	}

	function drawCall(call) {
		put(panel.querySelector("#call-title"), `${nameOf(call)} and ${call.agent}`);
		put(panel.querySelector("#call-facts"), factsOf(call));
		drawLines(lines, call);
		if (panel.scrollHeight - panel.scrollTop - panel.clientHeight < 400) {
			lines.lastElementChild?.scrollIntoView({block: "nearest"});
		}
		for (const button of panel.querySelectorAll(".act button")) {
			button.disabled = call.ended !== null;
		}
	}

	async function act(what, given) {
		const [asterisk, record] = JSON.parse(chosen);
		const answer = await fetch(`${placeOf(asterisk, record)}/${what}`, {
			method: "POST", headers: {"Content-Type": "application/json", "X-CSRF": csrf}, body: JSON.stringify(given),
		});
		const told = await answer.json();
		put(panel.querySelector("#done"), answer.ok ? told.message : String(told.detail));
		return answer.ok;
	}

	function on(id, run) {
		const form = panel.querySelector(id);
		form?.addEventListener("submit", async (event) => {
			event.preventDefault();
			if (await run(Object.fromEntries(new FormData(form)), event.submitter)) {
				form.reset();
			}
		});
	}

	on("#tell", (given, button) => act(button.value, given));
	on("#enter", (given) => act("state", given));
	on("#send", (given) => act("transfer", given));
	on("#listen", (given, button) => act("listen", {...given, how: button.value}));
	on("#recording", (_, button) => act("recording", {paused: button.value === "yes"}));
	on("#end", () => act("end", {}));
	panel.querySelector("#close").addEventListener("click", () => {
		const row = shown.get(chosen)?.row;
		close();
		row?.querySelector("button").focus();
	});
}
