// How a call that goes on is shown, wherever it is. Whatever comes of it is put in as text.

export function put(element, text) {
	if (element.textContent !== text) {
		element.textContent = text;
	}
}

export function duration(seconds) {
	const whole = Math.max(0, Math.floor(seconds));
	return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function nameOf(call) {
	return [call.caller_number, call.caller_name].filter(Boolean).join(" ") || "unknown";
}

export function stateOf(call) {
	if (call.phase === "ended") {
		return call.status || "ended";
	}
	const speaks = call.phase === "talking" && call.speaks ? `${call.speaks} speaks` : call.phase;
	const state = call.is_paused ? "paused" : speaks;
	return call.prompt_state ? `${state}, ${call.prompt_state}` : state;
}

export function factsOf(call) {
	const facts = [stateOf(call), call.answer_ms === null ? "" : `answers after ${call.answer_ms} ms`,
		call.interruptions ? `interrupted ${call.interruptions} times` : "", call.keys ? `keys ${call.keys}` : "",
		call.reason, ...call.problems];
	return facts.filter(Boolean).join(" · ");
}

// In the API.
export function placeOf(asterisk, record) {
	return `/api/live/${encodeURIComponent(asterisk)}/${encodeURIComponent(record)}`;
}

function item(kind, ...texts) {
	const li = document.createElement("li");
	li.className = kind;
	for (const text of texts.filter(Boolean)) {
		const p = document.createElement("p");
		p.textContent = text;
		li.append(p);
	}
	return li;
}

// What was said in it, and its tools.
export function drawLines(lines, call) {
	const happened = [
		...call.lines.map((line) => [line.time, item(line.is_final ? line.role : `${line.role} passing`, line.text)]),
		...call.tools.map((tool) => [tool.called,
			item("tool", `${tool.name} ${tool.parameters}`, `${tool.outcome} ${tool.result}`)]),
	].sort(([a], [b]) => a - b).map(([, element]) => element);
	// What has not changed stays, so that it is not read aloud again.
	for (let i = 0; i < happened.length; i++) {
		const old = lines.children[i];
		if (!old) {
			lines.append(happened[i]);
		} else if (!old.isEqualNode(happened[i])) {
			old.replaceWith(happened[i]);
		}
	}
	while (lines.children.length > happened.length) {
		lines.lastElementChild.remove();
	}
}
