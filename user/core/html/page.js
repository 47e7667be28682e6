// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Shows the page's data. All names in it come from the programs that were observed: they reach the page as
// text (textContent) only. Times are in ns.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

// ---- figures, written as in the text report ----

function threeDigits(value) {
	for (const decimals of [2, 1, 0]) {
		const text = value.toFixed(decimals);
		if (text.replace(".", "").length <= 3)
			return text;
	}
	return value.toFixed(0);
}

function formatNs(ns) {
	if (ns < 1000)
		return Math.round(ns) + " ns";
	if (ns >= 59.95e9) {
		const s = Math.round(ns / 1e9);
		return s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` :
			`${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	}
	if (ns < 999.5e3)
		return threeDigits(ns / 1e3) + " µs";
	return ns < 999.5e6 ? threeDigits(ns / 1e6) + " ms" : threeDigits(ns / 1e9) + " s";
}

// The same to the nanosecond: "1,532,372,500 ns".
const formatCount = (n) => n === null ? "-" : String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const formatExact = (ns) => formatCount(Math.round(ns)) + " ns";

function formatPercent(ratio) {
	if (ratio === null || !Number.isFinite(ratio))
		return "?";
	const thousandths = Math.floor(ratio * 1000 + 0.5);
	if (!thousandths && ratio > 0)
		return "<0.1 %";
	if (thousandths === 1000 && ratio < 1)
		return ">99.9 %";
	return (thousandths >= 1000 ? Math.floor(thousandths / 10) : (thousandths / 10).toFixed(1)) + " %";
}

function formatMean(value) {
	if (value === null)
		return "?";
	if (value > 0 && value < 0.005)
		return "<0.01";
	return value >= 99.95 ? formatCount(Math.round(value)) : threeDigits(value);
}

// A switch interval as people write it: 5 ms.
const formatInterval = (us) => (us % 1000 ? `${us} µs` : us % 1000000 ? `${us / 1000} ms` : `${us / 1000000} s`);

const share = (part, whole) => (whole > 0 ? part / whole : 0);
const baseName = (file) => file.slice(file.lastIndexOf("/") + 1);
const place = (file, line) => baseName(file) + (line ? ":" + line : "");

// ---- elements ----

// element("p", {className: "why"}, "text", otherElement)
function element(name, properties, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(properties || {})) {
		if (key in made)
			made[key] = value;
		else
			made.setAttribute(key, value);
	}
	made.append(...children.filter((child) => child !== null).map((child) =>
		(typeof child === "number" ? String(child) : child)));
	return made;
}

// A sentence, in which names between backticks are code.
function sentence(text) {
	const capital = text.charAt(0).toUpperCase() + text.slice(1);
	return capital.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));
}

// Of a long table only the first rows are shown, until somebody asks for all.
const ROWS_SHOWN = 20;

function shorten(table) {
	const rest = [...table.tBodies[0].rows].slice(ROWS_SHOWN);
	if (rest.length < 5)
		return;
	rest.forEach((row) => row.classList.add("more"));
	const button = element("button", {type: "button"}, `Show all ${formatCount(ROWS_SHOWN + rest.length)}`);
	const row = element("tr", {className: "all"}, element("td", {className: "text", colSpan: table.tHead.rows[0].cells.length}, button));
	button.addEventListener("click", () => {
		rest.forEach((other) => other.classList.remove("more"));
		row.remove();
	});
	table.tBodies[0].append(row);
}

// The titles are [text, explanation or null, is it text?]; a cell is text, or {text, title, className}, or an element.
function fillTable(table, caption, titles, rows) {
	const head = titles.map(([text, title, isText]) =>
		element("th", {scope: "col", title: title || "", className: isText ? "text" : ""}, text));
	const body = rows.map((row) => {
		const cells = row.cells.map((cell, i) => {
			const className = [titles[i][2] ? "text" : "", cell.className || ""].join(" ").trim();
			if (cell instanceof Node)
				return element("td", {className}, cell);
			const isHead = i === row.head;
			return element(isHead ? "th" : "td", Object.assign({className, title: cell.title || ""},
				isHead ? {scope: "row"} : {}), ...[].concat(cell.text === undefined ? cell : cell.text));
		});
		return element("tr", row.properties || {}, ...cells);
	});
	table.replaceChildren(element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
	table.setAttribute("aria-label", caption);
	shorten(table);
}

// ---- the tooltip: at the mouse, or below what has the focus ----

function showTip(text, at) {
	const tip = byId("tip");
	tip.textContent = text;
	tip.hidden = false;
	const x = Math.min(at.x, innerWidth - tip.offsetWidth - 8);
	const below = at.y + 18;
	tip.style.left = Math.max(4, x) + "px";
	tip.style.top = (below + tip.offsetHeight > innerHeight ? Math.max(4, at.y - tip.offsetHeight - 12) : below) + "px";
}

const hideTip = () => { byId("tip").hidden = true; };

function addTip(target, text) {
	target.addEventListener("mousemove", (event) => showTip(text(), {x: event.clientX + 8, y: event.clientY}));
	target.addEventListener("mouseleave", hideTip);
	target.addEventListener("focus", () => {
		const box = target.getBoundingClientRect();
		showTip(text(), {x: box.left, y: box.bottom - 14});
	});
	target.addEventListener("blur", hideTip);
}

addEventListener("scroll", hideTip, {passive: true});

// ---- the verdict ----

function fillHeader() {
	const verdict = data.verdict;
	const only = data.gils.length === 1 ? data.gils[0] : null;
	byId("about").textContent = (only ? `${only.name}${only.python ? ", Python " + only.python : ""}` :
		`${data.processes} processes`) + `, observed for ${formatNs(data.observed)}`;
	byId("answer").textContent = verdict.answer;
	byId("answer").className = verdict.bound;
	byId("sentence").replaceChildren(...sentence(verdict.sentence));
	byId("support").replaceChildren(...verdict.support.map((text) => element("li", {}, ...sentence(text))));
	byId("footer").textContent = "Made by gilscope" + (data.version ? " " + data.version : "") +
		". This page is one file; it loads nothing, and sends nothing.";
	const missed = JSON.parse(byId("missed-data").textContent).slice(1);
	byId("missed").replaceChildren(...missed.map((text) => element("li", {}, text)));
}

function fillGils(chosen) {
	byId("gils").hidden = data.gils.length < 2;
	fillTable(byId("gil-table"), "GILs", [
		["process", null, true], ["held", "share of the time that a thread had it"],
		["contended", "share of the time that at least one thread waited"],
		["waiting", "threads that waited, on average"], ["acquired", "times a thread got it"], ["", null, true]],
	data.gils.map((g) => ({
		properties: g === chosen ? {"aria-current": "true"} : {},
		cells: [
			g.whole ? element("button", {type: "button", onclick: () => choose(g)}, g.name) : g.name,
			formatPercent(g.held), formatPercent(g.contended), formatMean(g.waiting), formatCount(g.acquisitions),
			g.whole ? g.verdict.answer : "not shown in full"],
	})));
	if (data.more_gils)
		byId("gil-table").append(element("caption", {}, `and ${formatCount(data.more_gils)} more`));
}

// ---- the figures of a GIL ----

function figure(title, value, why) {
	return element("div", {}, element("dt", {}, title), element("dd", {className: "value"}, value),
		element("dd", {className: "why"}, why));
}

function fillFigures(g) {
	const several = data.gils.length > 1;
	byId("gil-title").textContent = several ? g.name : "In figures";
	byId("gil-about").textContent = (g.python ? `Python ${g.python}, ` : "") + `observed for ${formatNs(g.observed)}` +
		(g.interval > 0 ? `, switch interval ${formatInterval(g.interval)}: after so long, a waiting thread asks the holder ` +
		"to let the GIL go." : ".");
	byId("gil-verdict").hidden = !several;
	byId("gil-verdict").replaceChildren(element("strong", {}, g.verdict.answer), ". ", ...sentence(g.verdict.sentence));
	byId("figures").replaceChildren(
		figure("held", formatPercent(g.held), g.acquisitions === null ? "not measured" : "of the time a thread had the GIL"),
		figure("contended", formatPercent(g.contended), "of the time at least one thread waited"),
		figure("waiting", formatMean(g.waiting), "threads, on average"),
		figure("acquisitions", formatCount(g.acquisitions), g.acquisitions === null ? "not measured" :
			`${formatPercent(share(g.contended_acquisitions, g.acquisitions))} of them after a wait`),
		figure("handoffs", formatCount(g.handoffs), "straight to a thread that was waiting already"));
}

// ---- distributions ----

const svg = (name, attributes, ...children) => {
	const made = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [key, value] of Object.entries(attributes))
		made.setAttribute(key, value);
	made.append(...children);
	return made;
};

const WIDTH = 480, HEIGHT = 190, LEFT = 44, BOTTOM = 22;

// How high a bar of so many is; the axis ends at a power of ten.
function barHeight(count, decades) {
	return count ? (Math.log10(count) + 0.3) / (decades + 0.3) * (HEIGHT - BOTTOM - 8) : 0;
}

// How wide a bar is.
const stepOf = (bins) => Math.min((WIDTH - LEFT) / bins.length, 48);

function axes(bins, decades) {
	const lines = [];
	for (let i = 0; i <= decades; i += decades > 5 ? 2 : 1) {
		const y = HEIGHT - BOTTOM - barHeight(10 ** i, decades);
		lines.push(svg("line", {class: "grid", x1: LEFT, x2: WIDTH, y1: y, y2: y}),
			svg("text", {x: LEFT - 6, y: y + 4, "text-anchor": "end"}, formatCount(10 ** i)));
	}
	const step = stepOf(bins);
	let last = -100;
	bins.forEach(([from], i) => {
		const x = LEFT + i * step;
		if (x - last < 52)
			return;
		last = x;
		lines.push(svg("text", {x, y: HEIGHT - 6, "text-anchor": "middle"}, from ? formatNs(from).replace(/\.0+ | /, " ") : "0"));
	});
	return lines;
}

function histogram(kind, d) {
	const largest = Math.max(...d.bins.map((bin) => bin[2]));
	const decades = Math.max(1, Math.ceil(Math.log10(largest)));
	const step = stepOf(d.bins);
	const bars = d.bins.map(([from, to, count], i) => {
		const height = barHeight(count, decades);
		const bar = svg("rect", {class: "bar " + kind, x: LEFT + i * step + 1, y: HEIGHT - BOTTOM - height,
			width: Math.max(1, step - 2), height});
		addTip(bar, () => `${formatCount(count)} ${kind}${count === 1 ? "" : "s"} of ${formatNs(from)} ` +
			(to === null ? "or more" : `to ${formatNs(to)}`) + `\n${formatPercent(share(count, d.count))} of all`);
		return bar;
	});
	const label = `${kind}s by length: ${formatCount(d.count)} in all, median ${formatNs(d.quantiles[0])}, ` +
		`longest ${formatNs(d.quantiles[3])}`;
	return svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label}, ...axes(d.bins, decades), ...bars);
}

function distribution(kind, d, partNames) {
	const title = element("h3", {}, kind === "wait" ? "Waits for the GIL" : "Holds of the GIL");
	if (!d)
		return element("div", {}, title, element("p", {}, "Not measured."));
	if (!d.count)
		return element("div", {}, title, element("p", {}, kind === "wait" ? "No wait has ended." : "No hold has ended."));
	const table = element("table");
	fillTable(table, title.textContent, [["count"], ["p50", "half of them are no longer"], ["p90"], ["p99", "99 of 100 are no longer"],
		["max"], ["sum"]], [{cells: [formatCount(d.count), ...d.quantiles.map((ns) => ({text: formatNs(ns), title: formatExact(ns)})),
		{text: formatNs(d.sum), title: formatExact(d.sum)}]}]);
	const parts = d.parts.map((ns, i) => `${formatPercent(share(ns, d.sum))} ${partNames[i]}`).join(", ");
	return element("div", {}, title, histogram(kind, d), element("div", {className: "wide"}, table),
		element("p", {className: "why"}, "Of the sum: " + parts + "."));
}

function fillLengths(g) {
	byId("lengths").replaceChildren(
		distribution("wait", g.wait, ["on a CPU", "woken, but without a CPU", "asleep on the lock"]),
		distribution("hold", g.acquisitions === null ? null : g.hold, ["on a CPU", "preempted: it could run, but had no CPU", "asleep with the GIL"]));
}

// ---- threads ----

const threadName = (g, tid) => {
	const thread = g.threads.find((row) => row[0] === tid);
	return thread && thread[1] ? `${tid} (${thread[1]})` : String(tid);
};

function fillThreads(g) {
	const time = (ns) => (ns === null ? "-" : {text: formatNs(ns), title: formatExact(ns)});
	const ofTime = (ns) => (ns === null ? "-" : {text: formatPercent(share(ns, g.observed)), title: formatExact(ns)});
	fillTable(byId("threads"), "Threads", [["thread"], ["name", null, true], ["holding"], ["waiting"], ["acquired"], ["requested"],
		["longest"], ["wait p50", "half of its waits are no longer"], ["wait p99", "99 of 100 of its waits are no longer"]],
	g.threads.map(([tid, name, held, waited, acquired, requested, releases, longest, p50, p99]) => ({
		head: 0,
		properties: {"data-tid": tid},
		cells: [tid || "-", name, ofTime(held), ofTime(waited), formatCount(acquired),
			requested === null ? "-" : formatPercent(share(requested, releases)), time(longest), time(p50), time(p99)],
	})));
	if (g.more_threads)
		byId("threads").tBodies[0].append(element("tr", {}, element("td", {className: "text", colSpan: 9},
			`and ${formatCount(g.more_threads)} more threads, which held it and waited less`)));
	byId("handoffs").textContent = g.handoffs ? `The GIL went ${formatCount(g.handoffs)} times from a thread that let it go to one ` +
		`that was waiting. From release to acquisition: p50 ${formatNs(g.handoff_quantiles[0])}, ` +
		`p99 ${formatNs(g.handoff_quantiles[1])}, max ${formatNs(g.handoff_quantiles[2])}.` :
		"No thread was waiting when another one let the GIL go.";
	fillTable(byId("pairs"), "Handoffs by pairs of threads", [["from", null, true], ["to", null, true], ["times"], ["waited"]],
		g.pairs.map(([from, to, count, ns]) => ({cells: [threadName(g, from), threadName(g, to), formatCount(count), time(ns)]})));
	byId("pairs").hidden = byId("pairs-title").hidden = !g.pairs.length;
}

// ---- the whole ----

function choose(g) {
	fillGils(g);
	fillFigures(g);
	fillCode(g);
	fillLengths(g);
	fillChart(g);
	fillThreads(g);
	document.body.dataset.gil = data.gils.indexOf(g);
}

addEventListener("DOMContentLoaded", () => {
	fillHeader();
	byId("page").hidden = false;
	if (data.gils.length)
		choose(data.gils[0]);
	else
		document.querySelectorAll("main > section").forEach((section) => {
			section.hidden = !section.querySelector("#missed, details");
		});
});
