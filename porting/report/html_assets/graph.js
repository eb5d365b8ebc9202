// The graph's state, and what can be done with it.

const byId = (id) => document.getElementById(id);
const stage = {
  view: null,
  open: new Set(),
  placed: null,
  elements: new Map(),
  chosen: null,
  matching: null,
};
let chosenVerdicts = () => new Set(raw.verdicts);

function itemOf(node) {
  return stage.placed.items.find((item) => item.key === stage.placed.shownAs(node));
}

function redraw() {
  stage.placed = layout(stage.view.graph, stage.open);
  stage.elements = draw(stage.view, stage.placed);
  mark();
  const first = stage.elements.get(stage.chosen) || stage.elements.values().next().value;
  if (first) first.setAttribute("tabindex", 0);
}

// Which item is chosen, which edges touch it, and what does not match the search.
function mark() {
  const keys = stage.matching === null ? null : new Set(stage.matching.map(stage.placed.shownAs));
  for (const [key, made] of stage.elements) {
    made.classList.toggle("chosen", key === stage.chosen);
    made.classList.toggle("faded", keys !== null && !keys.has(key));
  }
  for (const { from, to, path } of stage.placed.wires) {
    path.classList.toggle("near", from === stage.chosen || to === stage.chosen);
  }
}

function choose(key, { focus = true } = {}) {
  const item = stage.placed.items.find((each) => each.key === key);
  if (!item) return;
  stage.chosen = key;
  for (const made of stage.elements.values()) made.setAttribute("tabindex", -1);
  const made = stage.elements.get(key);
  made.setAttribute("tabindex", 0);
  if (!isInSight(item)) lookAt(item.x, item.y, Math.max(camera.getScale(), 0.55));
  if (focus) made.focus({ preventScroll: true });
  mark();
}

const actions = {
  go: (node) => reveal(node, true),
  close: () => close(),
  collapse: (group) => collapse(group),
  rewrite: (entry, number) => {
    for (const row of document.querySelectorAll("[data-rewrites]")) {
      if (
        row.dataset.entry === String(entry) &&
        row.dataset.rewrites.split(" ").includes(String(number))
      )
        goTo(row);
    }
  },
  original: (name, scope) => {
    const other = counterpart(stage.view);
    const { graph } = viewOf(other);
    for (let node = 0; node < graph.count; node++) {
      if (graph.name(node) === name && graph.scope(node) === scope) return jump(other, node);
    }
    return show(other);
  },
  converted: (numbers) => {
    const other = counterpart(stage.view);
    const found = Object.entries(viewOf(other).form.touched).find(([, made]) =>
      made.some((n) => numbers.includes(n)),
    );
    return found ? jump(other, Number(found[0])) : show(other);
  },
};

function goTo(place) {
  for (let around = place.parentElement; around; around = around.parentElement) {
    if (around.tagName === "DETAILS") around.open = true;
  }
  place.scrollIntoView({ block: "center" });
  place.focus({ preventScroll: true });
}

// Opens the groups around a node, goes there and says what there is to say.
function reveal(node, focus) {
  const path = stage.view.graph.path(stage.view.graph.home[node]);
  if (path.some((group) => !stage.open.has(group))) {
    tellClosed(openGroups(stage.view.graph, stage.open, path));
    redraw();
  }
  choose(nodeKey(node), { focus });
  lookAtItem(itemOf(node));
  showNode(stage.view, node, actions);
  showPlace(node);
}

function lookAtItem(item) {
  lookAt(item.x, item.y, Math.min(Math.max(camera.getScale(), 0.8), 1.5));
}

function tellClosed(closed) {
  byId("graph-note").textContent = closed.length
    ? `Groups opened earlier were collapsed to make room (${closed.length}).`
    : "";
}

function expand(group) {
  closeDetails();
  tellClosed(openGroups(stage.view.graph, stage.open, stage.view.graph.path(group)));
  redraw();
  const inside = stage.placed.frames.find((frame) => frame.group === group);
  if (!inside) return;
  const { width } = drawing.getBoundingClientRect();
  const scale = Math.min(1, Math.max(0.5, (width / inside.width) * 0.9));
  lookAt(inside.x, inside.y - inside.height / 2, scale, 0.06);
  const first = stage.placed.items
    .filter(
      (item) =>
        Math.abs(item.x - inside.x) <= inside.width / 2 &&
        Math.abs(item.y - inside.y) <= inside.height / 2,
    )
    .sort((a, b) => a.y - b.y || a.x - b.x)[0];
  if (first) choose(first.key);
}

function collapse(group) {
  const { graph } = stage.view;
  for (const inner of [...stage.open])
    if (graph.path(inner).includes(group)) stage.open.delete(inner);
  stage.open.add(0);
  tellClosed([]);
  redraw();
  close();
  const item = stage.placed.items.find((each) => each.group === group);
  if (item) {
    lookAtItem(item);
    choose(item.key);
  }
}

function close() {
  closeDetails();
  const made = stage.elements.get(stage.chosen);
  if (made) made.focus({ preventScroll: true });
}

function activate(target) {
  const { node, group, frame } = target.dataset;
  if (node !== undefined) {
    choose(nodeKey(Number(node)));
    showNode(stage.view, Number(node), actions);
    showPlace(Number(node));
  } else if (group !== undefined) expand(Number(group));
  else collapse(Number(frame));
}

// The list, and what the drawing fades, after the search and the verdicts asked for.
function search() {
  const { view } = stage;
  const wanted = byId("graph-search").value.trim().toLowerCase();
  const allowed = chosenVerdicts();
  const all = Array.from({ length: view.graph.count }, (_, node) => node);
  const fits = all.filter(
    (node) =>
      allowed.has(verdictOf[view.verdict(node)]) &&
      (!wanted ||
        `${view.graph.op(node)} ${view.graph.scope(node)}/${view.graph.name(node)}`
          .toLowerCase()
          .includes(wanted)),
  );
  stage.matching = wanted || allowed.size < raw.verdicts.length ? fits : null;
  const order = [...fits].sort(
    (a, b) => WORST.indexOf(view.verdict(a)) - WORST.indexOf(view.verdict(b)) || a - b,
  );
  list(view, order, actions.go);
  if (stage.placed) mark();
  return order;
}

function show(index) {
  stage.view = viewOf(index);
  stage.open = firstOpen(stage.view);
  stage.chosen = null;
  const { entry, stage: shown } = stage.view.form;
  byId("graph-entry").value = entry;
  byId("graph-stage").hidden = !shown;
  for (const button of byId("graph-stage").children) {
    button.setAttribute("aria-pressed", String(button.dataset.stage === shown));
  }
  closeDetails();
  search();
  redraw();
  fitFirst(stage.placed);
  tellClosed([]);
  const tally = stage.view.tallies[0] || {};
  for (const button of document.querySelectorAll("#graph-tools .toggle")) {
    button.querySelector(".n").textContent = tally[raw.letters[button.dataset.verdict]] || 0;
  }
  showPlace(-1);
}

function jump(index, node) {
  if (stage.view.index !== index) show(index);
  byId("graph").scrollIntoView();
  reveal(node, true);
}

function showPlace(node) {
  const { failing } = stage.view;
  const at = failing.indexOf(node);
  byId("failing-place").textContent = failing.length
    ? `${at < 0 ? "" : `${at + 1} of `}${failing.length} fail${failing.length === 1 && at < 0 ? "s" : ""}`
    : "none fails";
  byId("previous-failing").disabled = byId("next-failing").disabled = failing.length === 0;
  stage.failingAt = at < 0 ? (stage.failingAt ?? -1) : at;
}

function stepFailing(step) {
  const { failing } = stage.view;
  if (!failing.length) return;
  const from = stage.failingAt ?? -1;
  stage.failingAt =
    (from + step + failing.length + (from < 0 && step < 0 ? 1 : 0)) % failing.length;
  reveal(failing[stage.failingAt], false);
}
