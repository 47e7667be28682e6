// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The flame graph of blame: stacks from the top down, as wide as what they cost; and the table of functions.

const ROW_REM = 1.45;    // the height of a row
const NARROWEST = 0.0008; // of the width: what is narrower is not drawn
const PYTHON = 0, NATIVE = 1;

// A node: its frame, its parent and children, and what it and its children cost.
const flame = {root: null, zoomed: null, weight: "wait", search: "", focus: null, nodes: [], hasCallers: false};

function newNode(frame, parent, depth) {
	return {frame, parent, depth, children: new Map(), wait: 0, hold: 0, samples: 0};
}

function frameText([, name, file, line]) {
	return file ? `${name} (${place(file, line)})` : name;
}

// The stacks come in an order in which each shares its outermost frames with the one before.
function makeTree(stacks) {
	const root = newNode(null, null, 0);
	const known = stacks.frames.map(([kind, name, file, line]) => [kind, name, stacks.files[file], line]);
	let path = [root];
	const add = (node, wait, hold, samples) => {
		node.wait += wait;
		node.hold += hold;
		node.samples += samples;
	};
	for (const [shared, frames, wait, hold, samples] of stacks.list) {
		path = path.slice(0, shared + 1);
		for (const number of frames) {
			const parent = path[path.length - 1];
			if (!parent.children.has(number))
				parent.children.set(number, newNode(known[number], parent, path.length));
			path.push(parent.children.get(number));
		}
		path.forEach((node) => add(node, wait, hold, samples));
	}
	if (stacks.more) {
		const rest = newNode([2, `(${formatCount(stacks.more)} rarer stacks)`, "", 0], root, 1);
		add(rest, stacks.more_wait, stacks.more_hold, 0);
		add(root, stacks.more_wait, stacks.more_hold, 0);
		root.children.set(-1, rest);
	}
	return root;
}

const cost = (node) => node[flame.weight];
// The largest first; what is nobody's comes last.
const isNobody = (node) => node.frame[0] > NATIVE;
const sorted = (node) => [...node.children.values()].filter(cost).sort((a, b) => isNobody(a) - isNobody(b) || cost(b) - cost(a));
const words = () => (flame.weight === "wait" ? "waiting" : "holding");

function nodeText(node) {
	return node.frame ? frameText(node.frame) : flame.weight === "wait" ? "all waiting" : "all holding";
}

function nodeTip(node) {
	const lines = [nodeText(node)];
	if (node.frame && node.frame[2])
		lines.push(node.frame[2]);
	lines.push(`${formatPercent(share(cost(node), cost(flame.root)))} of all ${words()}: ${formatNs(cost(node))} ` +
		`(${formatExact(cost(node))})`);
	if (flame.zoomed !== flame.root && node.depth >= flame.zoomed.depth)
		lines.push(`${formatPercent(share(cost(node), cost(flame.zoomed)))} of what is shown`);
	if (node.samples)
		lines.push(`${formatCount(node.samples)} samples`);
	return lines.join("\n");
}

const matches = (node) => node.frame && flame.search &&
	(frameText(node.frame) + " " + node.frame[2]).toLowerCase().includes(flame.search);

// What the places that were found cost: a stack that has several of them counts once.
function foundCost(node) {
	if (matches(node))
		return cost(node);
	let sum = 0;
	for (const child of node.children.values())
		sum += foundCost(child);
	return sum;
}

function countMatches(node) {
	let n = matches(node) && cost(node) ? 1 : 0;
	for (const child of node.children.values())
		n += countMatches(child);
	return n;
}

// The same file has the same colour.
function colourOf(frame) {
	if (frame[0] !== PYTHON)
		return frame[0] === NATIVE ? "native" : "nobody";
	let hash = 7;
	for (const c of frame[2] || frame[1])
		hash = (hash * 31 + c.codePointAt(0)) >>> 0;
	return "code-" + hash % 6;
}

function addBox(node, left, width, row) {
	const box = element("div", {className: "frame", role: "treeitem", tabIndex: -1}, nodeText(node));
	const colour = node.frame ? colourOf(node.frame) : "nobody";
	if (colour.startsWith("code"))
		box.style.background = `var(--${colour})`;
	else
		box.classList.add(colour);
	box.classList.toggle("match", Boolean(matches(node)));
	box.classList.toggle("dim", Boolean(flame.search) && !matches(node));
	// A box that has no room for words has no padding either, which would make it wider than it is.
	const pixels = width * byId("flame").clientWidth;
	box.classList.toggle("narrow", pixels < 20);
	box.classList.toggle("thin", pixels < 4);
	box.style.left = left * 100 + "%";
	box.style.width = width * 100 + "%";
	box.style.top = row * ROW_REM + "rem";
	box.setAttribute("aria-level", row + 1);
	box.setAttribute("aria-label", nodeTip(node));
	addTip(box, () => nodeTip(node));
	box.addEventListener("click", () => zoom(node));
	box.addEventListener("focus", () => { flame.focus = node; showPath(node); });
	flame.nodes.push({node, box});
	byId("flame").append(box);
}

function draw(node, left, width, row) {
	addBox(node, left, width, row);
	let at = left;
	for (const child of sorted(node)) {
		const part = width * cost(child) / cost(node);
		if (part >= NARROWEST)
			draw(child, at, part, row + 1);
		at += part;
	}
}

function drawFlame() {
	flame.nodes = [];
	byId("flame").replaceChildren();
	const path = [];
	for (let node = flame.zoomed.parent; node; node = node.parent)
		path.unshift(node);
	path.forEach((node, row) => addBox(node, 0, 1, row));
	if (cost(flame.root))
		draw(flame.zoomed, 0, 1, path.length);
	const deepest = Math.max(0, ...flame.nodes.map(({box}) => Number(box.getAttribute("aria-level"))));
	byId("flame").style.height = deepest * ROW_REM + 0.1 + "rem";
	byId("whole").hidden = flame.zoomed === flame.root;
	setFocusable(flame.nodes.some(({node}) => node === flame.focus) ? flame.focus : flame.zoomed);
	const total = cost(flame.root);
	byId("found").textContent = flame.search ? `${formatPercent(share(foundCost(flame.root), total))} of all ${words()} is in or below ` +
		`${formatCount(countMatches(flame.root))} places found` : total ? "" :
		flame.weight === "wait" ? "Nobody waited." : "Nobody held it.";
}

// One box can be reached by Tab; the arrow keys move from there.
function setFocusable(node) {
	flame.focus = node;
	for (const entry of flame.nodes)
		entry.box.tabIndex = entry.node === node ? 0 : -1;
}

function showPath(node) {
	const path = [];
	for (let at = node; at && at.frame; at = at.parent)
		path.unshift(frameText(at.frame));
	byId("path").textContent = path.join(" → ");
}

function zoom(node) {
	flame.zoomed = node;
	flame.focus = node;
	hideTip();
	drawFlame();
	showPath(node);
	focusOn(node);
}

function focusOn(node) {
	const entry = flame.nodes.find((other) => other.node === node);
	if (!entry)
		return;
	setFocusable(node);
	entry.box.focus({preventScroll: true});
}

function neighbour(node, step) {
	const all = node.parent && node.depth > flame.zoomed.depth ? sorted(node.parent) : [node];
	return all[all.indexOf(node) + step];
}

byId("flame").addEventListener("keydown", (event) => {
	const node = flame.focus;
	const actions = {
		ArrowDown: () => focusOn(sorted(node)[0]),
		ArrowUp: () => focusOn(node.parent),
		ArrowLeft: () => focusOn(neighbour(node, -1)),
		ArrowRight: () => focusOn(neighbour(node, 1)),
		Enter: () => zoom(node),
		" ": () => zoom(node),
		Escape: () => zoom(flame.root),
	};
	if (!node || !actions[event.key] || event.ctrlKey || event.altKey || event.metaKey)
		return;
	event.preventDefault();
	actions[event.key]();
});

addEventListener("keydown", (event) => {
	if (event.key !== "/" || event.target.matches("input") || !flame.root)
		return;
	event.preventDefault();
	byId("search").focus();
});

byId("search").addEventListener("input", () => {
	flame.search = byId("search").value.trim().toLowerCase();
	drawFlame();
});
// What is below a function: what it called, if the callers are known, and otherwise what it was in.
function explain() {
	const what = flame.hasCallers ? "it, or what it called," : "it";
	byId("code-why").textContent = (flame.weight === "wait" ?
		`How wide a function is shows for how long other threads waited while ${what} had the GIL. ` :
		`How wide a function is shows for how long ${what} had the GIL. `) +
		(flame.hasCallers ? "Below each function is what it called." : "Below it is the native code, or the system call, that it was in.");
}

byId("whole").addEventListener("click", () => zoom(flame.root));
document.querySelectorAll("input[name=weight]").forEach((button) => button.addEventListener("change", () => {
	flame.weight = button.value;
	explain();
	while (!cost(flame.zoomed) && flame.zoomed.parent)
		flame.zoomed = flame.zoomed.parent;
	drawFlame();
}));

// ---- the table ----

function fillFunctions(g) {
	const wait = g.functions.reduce((sum, row) => sum + row.wait, 0);
	const hold = g.functions.reduce((sum, row) => sum + row.hold, 0);
	const cell = (ns, whole) => ({text: ns ? formatPercent(share(ns, whole)) : "", title: ns ? formatExact(ns) : ""});
	const find = (row) => () => {
		byId("search").value = row.function;
		byId("search").dispatchEvent(new Event("input"));
		byId("flame").scrollIntoView({block: "nearest"});
	};
	fillTable(byId("functions"), "Functions", [["waiting"], ["error", "standard error of the share of all waiting"], ["holding"], ["asleep"],
		["function", null, true]], g.functions.map((row) => ({
		properties: {"data-wait": row.wait, "data-hold": row.hold},
		cells: [cell(row.wait, wait),
			{text: row.wait && row.error ? "± " + formatPercent(row.error) : "", className: "error"},
			cell(row.hold, hold), row.asleep >= 0.001 * hold ? cell(row.asleep, hold) : "",
			{className: "name", title: row.file, text: row.nobody ? row.function : [
				element("button", {type: "button", className: "code", title: "Find it above", onclick: find(row)}, row.function),
				element("span", {className: "file"}, (row.file ? ` ${place(row.file, row.line)}` : "") +
					(row.native ? `, in ${row.native}` : ""))]}],
	})));
}

function fillCode(g) {
	const has = Boolean(g.functions);
	byId("no-code").hidden = has;
	byId("with-code").hidden = !has;
	byId("code-why").hidden = !has;
	flame.root = null;
	if (!has)
		return;
	flame.root = flame.zoomed = makeTree(g.stacks);
	flame.hasCallers = [...flame.root.children.values()].some((node) =>
		[...node.children.values()].some((child) => child.frame[0] === PYTHON));
	explain();
	flame.search = "";
	byId("search").value = "";
	byId("path").textContent = "";
	drawFlame();
	fillFunctions(g);
}
