// What keys, the pointer and the controls do.

// The nearest item in a direction; along an edge where there is one.
function neighbour(key, dx, dy) {
  const from = stage.placed.items.find((item) => item.key === key);
  if (!from) return stage.placed.items[0];
  const wired = new Set(
    stage.placed.edges
      .filter((e) => (dy > 0 ? e.from === key : dy < 0 && e.to === key))
      .map((e) => (dy > 0 ? e.to : e.from)),
  );
  let best = null;
  let least = Infinity;
  for (const item of stage.placed.items) {
    const along = (item.x - from.x) * dx + (item.y - from.y) * dy;
    const across = Math.abs((item.x - from.x) * dy) + Math.abs((item.y - from.y) * dx);
    if (along <= 1 || item.key === key) continue;
    const cost = along + 2.5 * across - (wired.has(item.key) ? 1e6 : 0);
    if (cost < least) [best, least] = [item, cost];
  }
  return best;
}

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

drawing.addEventListener("keydown", (event) => {
  const target = event.target.closest("[data-node],[data-group],[data-frame]");
  if (ARROWS[event.key] && stage.placed.items.length) {
    const next = neighbour(stage.chosen ?? stage.placed.items[0].key, ...ARROWS[event.key]);
    if (next) choose(next.key);
  } else if ((event.key === "Enter" || event.key === " ") && target) {
    activate(target);
    if (target.dataset.node !== undefined) panel.details.querySelector(".close").focus();
  } else if (event.key === "c" && target && target.dataset.frame === undefined) {
    const { node, group } = target.dataset;
    const { graph } = stage.view;
    const around =
      node !== undefined ? graph.home[Number(node)] : graph.groups[Number(group)].parent;
    if (around > 0) collapse(around);
  } else if (event.key === "+" || event.key === "=") camera.zoomIn();
  else if (event.key === "-") camera.zoomOut();
  else if (event.key === "0") fitAll(stage.placed);
  else return;
  event.preventDefault();
});

let pressed = null;
drawing.addEventListener("pointerdown", (event) => {
  pressed = { x: event.clientX, y: event.clientY };
});
drawing.addEventListener("click", (event) => {
  const moved = pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > 5;
  const target = event.target.closest("[data-node],[data-group],[data-frame]");
  if (target && !moved) activate(target);
});

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    byId("graph").scrollIntoView();
    byId("graph-search").focus({ preventScroll: true });
  } else if (event.key === "Escape" && !panel.details.hidden) close();
  else if (event.key === "Escape" && event.target.id === "graph-search") {
    event.target.value = "";
    search();
  }
});

byId("graph-search").addEventListener("input", search);
byId("graph-search").addEventListener("focus", () => {
  if (!panel.details.hidden) closeDetails();
});
byId("graph-search").addEventListener("keydown", (event) => {
  const order = event.key === "Enter" ? search() : [];
  if (order.length) reveal(order[0], true);
  if (event.key === "ArrowDown") (panel.nodes.querySelector("button") || event.target).focus();
});
panel.nodes.addEventListener("keydown", (event) => {
  const row = event.target.closest("li");
  const next =
    event.key === "ArrowDown"
      ? row.nextElementSibling
      : event.key === "ArrowUp"
        ? row.previousElementSibling
        : null;
  if (!next) return;
  event.preventDefault();
  next.firstElementChild.focus();
});
byId("graph-entry").addEventListener("change", (event) =>
  show(raw.views.findIndex((v) => v.entry === Number(event.target.value))),
);
byId("graph-stage").addEventListener("click", (event) => {
  const wanted = event.target.dataset.stage;
  if (wanted && wanted !== stage.view.form.stage) show(counterpart(stage.view));
});
byId("zoom-in").addEventListener("click", () => camera.zoomIn());
byId("zoom-out").addEventListener("click", () => camera.zoomOut());
byId("fit").addEventListener("click", () => fitAll(stage.placed));
byId("collapse").addEventListener("click", () => {
  stage.open = new Set([0]);
  stage.chosen = null;
  closeDetails();
  redraw();
  fitFirst(stage.placed);
});
byId("next-failing").addEventListener("click", () => stepFailing(1));
byId("previous-failing").addEventListener("click", () => stepFailing(-1));
document.addEventListener("click", (event) => {
  const spot = event.target.closest(".spot");
  if (spot) jump(Number(spot.dataset.view), Number(spot.dataset.node));
});
