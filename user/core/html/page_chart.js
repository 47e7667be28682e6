// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The timeline: who had the GIL, how many waited, and what each thread did. The data has columns of equal
// length for all of the time, and the longest holds and waits one by one; where these are wide enough, they
// are drawn over the columns.

const TOP = 20, OWNER = 22, WAITERS = 40, LANE = 14, GAP = 6;

const chart = {data: null, lanes: [], from: 0, to: 1, cursor: null, lane: 0, drag: null, picture: null, mostWaiters: 0};

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const digitOf = Object.fromEntries([...DIGITS].map((c, i) => [c, i]));

// [the largest value, two characters for each column]
function columnsOf([most, text], n) {
	const values = new Float64Array(n);
	for (let i = 0; i < n && 2 * i + 1 < text.length; i++)
		values[i] = (digitOf[text[2 * i]] * 64 + digitOf[text[2 * i + 1]]) / 4095 * most;
	return values;
}

function intervalsOf(list, step, lanes, kind) {
	let start = 0;
	for (let i = 0; i < list.length; i += step) {
		start += list[i + 1];
		const lane = lanes[Math.min(list[i], lanes.length - 1)];
		lane[kind].push({start, end: start + list[i + 2], from: step === 4 ? list[i + 3] : 0, lane});
	}
}

function readChart(c) {
	const n = Math.ceil(c.length / c.column) || 1;
	const lanes = c.lanes.map((lane, number) => ({
		number, tid: lane.tid,
		name: lane.tid ? `${lane.tid} ${lane.name}` : `${formatCount(lane.threads)} more threads`,
		hold: columnsOf(lane.hold, n), wait: columnsOf(lane.wait, n), holds: [], waits: [],
	}));
	intervalsOf(c.holds.list, 4, lanes, "holds");
	intervalsOf(c.waits.list, 3, lanes, "waits");
	const holds = lanes.flatMap((lane) => lane.holds).sort((a, b) => a.start - b.start);
	return {length: c.length, column: c.column, n, lanes, holds, gaps: c.gaps, handoffs: columnsOf(c.handoffs, n), least: c.holds.least};
}

// ---- drawing ----

// The page's colours, asked for once for each picture.
const colours = new Map();

function colour(name) {
	if (!colours.has(name))
		colours.set(name, getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim());
	return colours.get(name);
}

// Threads are told apart by hue in the row of owners; their names are in the rows below.
const hueOf = (number) => `hsl(${(number * 137.5 + 210) % 360} 45% ${matchMedia("(prefers-color-scheme: dark)").matches ? 58 : 45}%)`;

const view = () => ({span: chart.to - chart.from, width: byId("canvas").clientWidth - nameWidth()});
const nameWidth = () => Math.min(150, byId("canvas").clientWidth * 0.28);
const xOf = (t) => nameWidth() + (t - chart.from) / view().span * view().width;
const timeAt = (x) => chart.from + (x - nameWidth()) / view().width * view().span;

// The mean over a part of the time, as a share of it.
function mean(values, from, to) {
	const d = chart.data;
	let sum = 0;
	const first = Math.max(0, Math.floor(from / d.column)), last = Math.min(d.n - 1, Math.floor(to / d.column));
	for (let i = first; i <= last; i++) {
		const begin = Math.max(from, i * d.column), end = Math.min(to, (i + 1) * d.column, d.length);
		const length = Math.min(d.column, d.length - i * d.column);
		sum += length > 0 ? values[i] * Math.max(0, end - begin) / length : 0;
	}
	return share(sum, Math.min(to, d.length) - Math.max(0, from));
}

const laneTop = (number) => TOP + OWNER + WAITERS + 3 * GAP + number * LANE;

function drawAxis(ctx, height) {
	const {span, width} = view();
	const least = span / Math.max(2, width / 90);
	const step = [1, 2, 5, 10].map((n) => n * 10 ** Math.floor(Math.log10(least))).find((n) => n >= least);
	ctx.fillStyle = colour("soft");
	ctx.strokeStyle = colour("line");
	ctx.textAlign = "left";
	for (let t = Math.ceil(chart.from / step) * step; t <= chart.to; t += step) {
		const x = Math.round(xOf(t)) + 0.5;
		ctx.beginPath();
		ctx.moveTo(x, TOP - 6);
		ctx.lineTo(x, height);
		ctx.stroke();
		if (x + 45 < nameWidth() + width)
			ctx.fillText(formatTime(t, step), x + 3, 12);
	}
}

// A time since the beginning, with as many digits as tell times that are `step` apart.
function formatTime(t, step) {
	const digits = Math.max(0, Math.min(9, -Math.floor(Math.log10(step / 1e9) + 1e-9)));
	if (chart.data.length < 100e9)
		return (t / 1e9).toFixed(digits) + " s";
	const unit = 10 ** digits, units = Math.round(t / 1e9 * unit), s = Math.floor(units / unit);
	const two = (n) => String(n).padStart(2, "0");
	const rest = digits ? "." + String(units % unit).padStart(digits, "0") : "";
	return (s < 3600 ? Math.floor(s / 60) : `${Math.floor(s / 3600)}:${two(Math.floor(s % 3600 / 60))}`) + ":" + two(s % 60) + rest;
}

// Draws a row of values between 0 and 1, of so many pixels each; equal ones in one go.
function drawRow(ctx, values, left, step, bottom, height) {
	const rounded = (value) => Math.ceil(value * height * 4) / 4;
	ctx.beginPath();
	for (let i = 0, end; i < values.length; i = end) {
		const h = rounded(values[i]);
		for (end = i + 1; end < values.length && rounded(values[end]) === h;)
			end++;
		if (h)
			ctx.rect(left + i * step, bottom - h, (end - i) * step, h);
	}
	ctx.fill();
}

function drawColumns(ctx) {
	const d = chart.data, {width, span} = view(), left = nameWidth();
	const n = Math.ceil(width), step = width / n, waiting = new Float64Array(n), most = new Float64Array(n);
	const owners = new Array(n).fill(null);
	for (const lane of d.lanes) {
		const both = new Float64Array(n), held = new Float64Array(n);
		for (let i = 0; i < n; i++) {
			const from = chart.from + i / n * span, to = chart.from + (i + 1) / n * span;
			const h = mean(lane.hold, from, to), w = mean(lane.wait, from, to);
			held[i] = Math.min(1, h);
			both[i] = Math.min(1, h + w);
			waiting[i] += w;
			if (h > most[i])
				[owners[i], most[i]] = [lane, h];
		}
		// What it waited is above what it held.
		ctx.fillStyle = colour("wait");
		drawRow(ctx, both, left, step, laneTop(lane.number) + LANE - 1, LANE - 2);
		ctx.fillStyle = colour("hold");
		drawRow(ctx, held, left, step, laneTop(lane.number) + LANE - 1, LANE - 2);
	}
	for (let i = 0; i < n; i++) {
		if (!owners[i])
			continue;
		ctx.globalAlpha = Math.min(1, 0.25 + most[i]);
		ctx.fillStyle = hueOf(owners[i].number);
		ctx.fillRect(left + i * step, TOP, step, OWNER);
	}
	ctx.globalAlpha = 1;
	ctx.fillStyle = colour("wait");
	drawRow(ctx, waiting.map((w) => Math.min(1, w / Math.max(1, chart.mostWaiters))), left, step, TOP + OWNER + GAP + WAITERS, WAITERS);
}

// What is wide enough is drawn exactly.
function drawIntervals(ctx) {
	const d = chart.data, left = nameWidth(), right = left + view().width, scale = view().width / view().span;
	const x = (t) => left + (t - chart.from) * scale;
	const box = (interval, y, height, fill) => {
		const from = Math.max(left, x(interval.start)), to = Math.min(right, x(interval.end));
		if (to - from < 1.5)
			return false;
		ctx.clearRect(from, y, to - from, height);
		ctx.fillStyle = fill;
		ctx.fillRect(from, y, to - from - 0.5, height);
		return true;
	};
	for (const lane of d.lanes) {
		if (!lane.tid)
			continue;
		for (const wait of lane.waits)
			box(wait, laneTop(lane.number) + 1, LANE - 2, colour("wait"));
		for (const hold of lane.holds) {
			if (!box(hold, laneTop(lane.number) + 1, LANE - 2, colour("hold")))
				continue;
			box(hold, TOP, OWNER, hueOf(lane.number));
			drawHandoff(ctx, hold);
		}
	}
}

function drawHandoff(ctx, hold) {
	const from = hold.from && chart.data.lanes.find((lane) => lane.tid === hold.from);
	const x = xOf(hold.start);
	if (!from || x < nameWidth() || (hold.end - hold.start) / view().span * view().width < 6)
		return;
	const down = hold.lane.number > from.number ? 1 : -1;
	const begin = laneTop(from.number) + LANE / 2, end = laneTop(hold.lane.number) + (down > 0 ? 0 : LANE);
	ctx.strokeStyle = ctx.fillStyle = colour("ink");
	ctx.beginPath();
	ctx.moveTo(x, begin);
	ctx.lineTo(x, end);
	ctx.stroke();
	ctx.beginPath();
	ctx.moveTo(x, end);
	ctx.lineTo(x - 3, end - 5 * down);
	ctx.lineTo(x + 3, end - 5 * down);
	ctx.fill();
}

function drawNames(ctx, height) {
	ctx.clearRect(0, 0, nameWidth(), height);
	ctx.fillStyle = colour("raised");
	ctx.fillRect(0, 0, nameWidth(), height);
	ctx.textAlign = "left";
	const put = (text, y) => {
		ctx.fillStyle = colour("soft");
		while (text.length > 4 && ctx.measureText(text).width > nameWidth() - 20)
			text = text.slice(0, -2) + "…";
		ctx.fillText(text, 14, y);
	};
	put("has the GIL", TOP + 15);
	put(`waiting (up to ${formatMean(chart.mostWaiters)})`, TOP + OWNER + GAP + WAITERS - 4);
	for (const lane of chart.data.lanes) {
		ctx.fillStyle = hueOf(lane.number);
		ctx.fillRect(4, laneTop(lane.number) + 2, 6, LANE - 4);
		put(lane.name, laneTop(lane.number) + LANE - 3);
	}
}

function drawGaps(ctx, height) {
	ctx.fillStyle = colour("line");
	for (let i = 0; i < chart.data.gaps.length; i += 2) {
		const start = chart.data.gaps[i];
		const from = Math.max(nameWidth(), xOf(start)), to = xOf(start + chart.data.gaps[i + 1]);
		if (to > from)
			ctx.fillRect(from, TOP, Math.max(1, to - from), height - TOP);
	}
}

// The picture is kept, so that the cursor can move over it.
function drawChart() {
	const canvas = byId("canvas"), d = chart.data;
	if (!d || !canvas.clientWidth)
		return;
	const height = laneTop(d.lanes.length) + GAP, ratio = devicePixelRatio || 1;
	colours.clear();
	const picture = chart.picture = document.createElement("canvas");
	canvas.style.height = height + "px";
	picture.width = canvas.width = Math.round(canvas.clientWidth * ratio);
	picture.height = canvas.height = Math.round(height * ratio);
	const ctx = picture.getContext("2d");
	ctx.scale(ratio, ratio);
	ctx.font = "11px system-ui, sans-serif";
	drawAxis(ctx, height);
	drawColumns(ctx);
	drawIntervals(ctx);
	drawGaps(ctx, height);
	drawNames(ctx, height);
	drawCursor();
	const step = view().span / 100;
	byId("shown").textContent = `${formatTime(chart.from, step)} to ${formatTime(chart.to, step)} (${formatNs(view().span)})`;
}

function drawCursor() {
	const canvas = byId("canvas"), ctx = canvas.getContext("2d"), ratio = devicePixelRatio || 1;
	ctx.setTransform(1, 0, 0, 1, 0, 0);
	ctx.clearRect(0, 0, canvas.width, canvas.height);
	ctx.drawImage(chart.picture, 0, 0);
	if (chart.cursor === null)
		return;
	ctx.scale(ratio, ratio);
	ctx.strokeStyle = colour("ink");
	const x = Math.round(xOf(chart.cursor)) + 0.5;
	if (x >= nameWidth())
		ctx.strokeRect(x, TOP, 0, laneTop(chart.data.lanes.length) - TOP);
	ctx.strokeRect(1, laneTop(chart.lane) + 0.5, canvas.clientWidth - 2, LANE - 1);
}

// ---- looking closer ----

function pointText() {
	const d = chart.data, lane = d.lanes[chart.lane], t = chart.cursor;
	const within = (interval) => interval.start <= t && t < interval.end;
	const words = [`At ${formatTime(t, view().span / 1000)}`];
	const exact = d.holds.find(within);
	const from = Math.max(0, t - view().span / view().width), to = Math.min(d.length, t + view().span / view().width);
	const owner = d.lanes.reduce((best, other) => (mean(other.hold, from, to) > mean(best.hold, from, to) ? other : best));
	if (exact)
		words.push(`${exact.lane.name} has the GIL, for ${formatNs(exact.end - exact.start)} (${formatExact(exact.end - exact.start)})`);
	else if (mean(owner.hold, from, to) > 0)
		words.push(`${owner.name} has it for about ${formatPercent(mean(owner.hold, from, to))} of the time around here`);
	else
		words.push("nobody has it");
	const waiting = d.lanes.reduce((sum, other) => sum + mean(other.wait, from, to), 0);
	words.push(`${formatMean(waiting)} threads wait`);
	const handoffs = mean(d.handoffs, Math.floor(t / d.column) * d.column, Math.floor(t / d.column + 1) * d.column) * d.column;
	if (!exact && handoffs >= 0.5)
		words.push(`about ${formatCount(Math.round(handoffs))} handoffs in ${formatNs(d.column)}`);
	const wait = lane.waits.find(within), hold = lane.holds.find(within);
	if (wait)
		words.push(`${lane.name} waits, for ${formatNs(wait.end - wait.start)}`);
	else if (!hold)
		words.push(`${lane.name} holds ${formatPercent(mean(lane.hold, from, to))}, waits ${formatPercent(mean(lane.wait, from, to))}`);
	return words.join("; ") + ".";
}

function moveCursor(t, lane) {
	const d = chart.data;
	chart.cursor = Math.max(0, Math.min(d.length, t));
	chart.lane = Math.max(0, Math.min(d.lanes.length - 1, lane));
	byId("point").textContent = pointText();
	drawCursor();
}

// Shows a part; it is at least 100 ns long, and within the whole.
function show(from, to) {
	const span = Math.min(chart.data.length, Math.max(100, to - from));
	chart.from = Math.max(0, Math.min(chart.data.length - span, from));
	chart.to = chart.from + span;
	drawChart();
}

function zoomBy(factor, around) {
	const t = around === undefined ? chart.cursor !== null && chart.cursor > chart.from && chart.cursor < chart.to ? chart.cursor :
		(chart.from + chart.to) / 2 : around;
	show(t - (t - chart.from) * factor, t + (chart.to - t) * factor);
}

const moveBy = (part) => show(chart.from + part * view().span, chart.to + part * view().span);

function moveByKey(steps, lanes) {
	const {span, width} = view();
	const t = chart.cursor === null ? (chart.from + chart.to) / 2 : chart.cursor + steps * 8 * span / width;
	if (t < chart.from || t > chart.to)
		moveBy(t < chart.from ? -0.25 : 0.25);
	moveCursor(t, chart.lane + lanes);
}

byId("canvas").addEventListener("keydown", (event) => {
	const actions = {
		"+": () => zoomBy(0.5), "=": () => zoomBy(0.5), "-": () => zoomBy(2), Home: () => show(0, chart.data.length),
		ArrowLeft: () => moveByKey(-1, 0), ArrowRight: () => moveByKey(1, 0),
		ArrowUp: () => moveByKey(0, -1), ArrowDown: () => moveByKey(0, 1),
		PageUp: () => moveBy(-0.5), PageDown: () => moveBy(0.5),
	};
	if (!actions[event.key] || event.ctrlKey || event.altKey || event.metaKey)
		return;
	event.preventDefault();
	actions[event.key]();
});

const pointed = (event) => {
	const box = byId("canvas").getBoundingClientRect();
	return {x: event.clientX - box.left, y: event.clientY - box.top};
};

byId("canvas").addEventListener("pointerdown", (event) => {
	chart.drag = {x: event.clientX, from: chart.from, to: chart.to};
	byId("canvas").setPointerCapture(event.pointerId);
});
byId("canvas").addEventListener("pointerup", () => { chart.drag = null; });
byId("canvas").addEventListener("pointermove", (event) => {
	if (chart.drag) {
		const moved = (event.clientX - chart.drag.x) / view().width * (chart.drag.to - chart.drag.from);
		show(chart.drag.from - moved, chart.drag.to - moved);
		return;
	}
	const {x, y} = pointed(event);
	if (x > nameWidth())
		moveCursor(timeAt(x), Math.floor((y - laneTop(0)) / LANE));
});
byId("canvas").addEventListener("wheel", (event) => {
	if (!event.ctrlKey && !event.shiftKey)
		return;
	event.preventDefault();
	if (event.shiftKey)
		moveBy(Math.sign(event.deltaY || event.deltaX) * 0.1);
	else
		zoomBy(event.deltaY > 0 ? 1.25 : 0.8, timeAt(pointed(event).x));
}, {passive: false});

byId("zoom-in").addEventListener("click", () => zoomBy(0.5));
byId("zoom-out").addEventListener("click", () => zoomBy(2));
byId("earlier").addEventListener("click", () => moveBy(-0.25));
byId("later").addEventListener("click", () => moveBy(0.25));
byId("zoom-all").addEventListener("click", () => show(0, chart.data.length));
addEventListener("resize", drawChart);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawChart);

function chartNote(c) {
	const notes = [];
	if (c.holds.least || c.waits.least)
		notes.push(`Holds from ${formatNs(c.holds.least)} and waits from ${formatNs(c.waits.least)} on are in this page one by one; ` +
			`of shorter ones it has their share of each ${formatNs(c.column)}.`);
	if (!c.whole)
		notes.push("Only some threads, or only long waits and holds, are in this part of the recording: what is not here may still have been.");
	if (c.gaps.length)
		notes.push("Grey: the recording has lost what happened there.");
	return notes.join(" ");
}

function fillChart(g) {
	byId("no-chart").hidden = data.recorded;
	byId("many-gils").hidden = !data.recorded || Boolean(g.chart);
	byId("with-chart").hidden = !g.chart;
	chart.data = null;
	if (!g.chart || !g.chart.lanes.length)
		return;
	const d = chart.data = readChart(g.chart);
	const waiting = new Float64Array(d.n);
	d.lanes.forEach((lane) => lane.wait.forEach((ns, i) => { waiting[i] += ns / Math.min(d.column, d.length - i * d.column); }));
	chart.mostWaiters = waiting.reduce((most, value) => Math.max(most, value), 0);
	chart.cursor = null;
	byId("point").textContent = "";
	byId("chart-note").textContent = chartNote(g.chart);
	show(0, d.length);
}
