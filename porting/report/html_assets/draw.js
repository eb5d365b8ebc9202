// Draws what was placed as SVG, and moves over it.

const drawing = document.getElementById("drawing");
const world = document.getElementById("world");

function smooth(points) {
  const at = (p) => `${p.x.toFixed(1)} ${p.y.toFixed(1)}`;
  let path = `M${at(points[0])}`;
  for (let i = 1; i < points.length - 1; i++) {
    const next = points[i + 1];
    const end =
      i === points.length - 2
        ? next
        : { x: (points[i].x + next.x) / 2, y: (points[i].y + next.y) / 2 };
    path += `Q${at(points[i])} ${at(end)}`;
  }
  return points.length === 2 ? `${path}L${at(points[1])}` : path;
}

function card(item, extra = {}) {
  return element("svg:rect", {
    class: "card",
    x: -item.width / 2,
    y: -item.height / 2,
    width: item.width,
    height: item.height,
    rx: 6,
    ...extra,
  });
}

function drawNode(view, item) {
  const { graph } = view;
  const letter = view.verdict(item.node);
  const left = -item.width / 2;
  const made = view.rewrites(item.node);
  const tag =
    made === undefined ? "" : view.form.stage === "after" ? "made by a rule" : "rewritten";
  const words = `${graph.op(item.node)} ${graph.name(item.node)}, ${verdictOf[letter]}${tag ? `, ${tag}` : ""}`;
  const group = element(
    "svg:g",
    {
      class: `item node ${verdictOf[letter]}`,
      "data-node": item.node,
      role: "button",
      "aria-label": words,
      tabindex: -1,
    },
    element("svg:title", {}, words),
    card(item),
    glyph(letter, left + 9, -8),
    element(
      "svg:text",
      { x: left + 32, y: -2 },
      fitted(graph.op(item.node), "500 12px", item.width - (tag ? 70 : 40), "start"),
    ),
    element(
      "svg:text",
      { class: "sub", x: left + 32, y: 12 },
      fitted(graph.label(item.node), "400 10.5px", item.width - 40),
    ),
  );
  if (tag) {
    group.append(
      element("svg:rect", {
        class: "tag-box",
        x: item.width / 2 - 31,
        y: -item.height / 2 + 4,
        width: 27,
        height: 13,
        rx: 6.5,
      }),
      element(
        "svg:text",
        { class: "tag-text", x: item.width / 2 - 17.5, y: -item.height / 2 + 13.5 },
        "rule",
      ),
    );
  }
  return group;
}

// A run is named after its first and its last member: both are shown.
function groupLabel(label, width) {
  const [first, last] = label.split(" … ");
  if (last === undefined) return fitted(label, "500 12px", width);
  const whole = fitted(label, "500 12px", width);
  if (whole === label) return label;
  return [first, last].map((end) => fitted(end, "500 12px", (width - 16) / 2)).join(" … ");
}

function drawGroup(view, item) {
  const group = view.graph.groups[item.group];
  const tally = view.tallies[item.group];
  const worst = view.worst(item.group);
  const left = -item.width / 2;
  const said = [...WORST]
    .filter((l) => tally[l])
    .map((l) => `${tally[l]} ${verdictOf[l]}`)
    .join(", ");
  const words = `Group ${group.label}, ${group.size} nodes: ${said}`;
  const made = element(
    "svg:g",
    {
      class: `item group ${verdictOf[worst]}`,
      "data-group": item.group,
      role: "button",
      "aria-expanded": "false",
      "aria-label": words,
      tabindex: -1,
    },
    element("svg:title", {}, words),
    card(item, { class: "under", transform: "translate(4 4)" }),
    card(item),
    glyph(worst, left + 9, -16),
    element("svg:text", { x: left + 32, y: -4 }, groupLabel(group.label, item.width - 40)),
    element(
      "svg:text",
      { class: "sub", x: left + 32, y: 9 },
      tally[worst] === group.size
        ? `${group.size} nodes`
        : `${group.size} nodes, ${tally[worst]} ${verdictOf[worst]}`,
    ),
  );
  let at = left + 10;
  const room = item.width - 20;
  for (const letter of [...WORST].filter((l) => tally[l])) {
    const width = (room * tally[letter]) / group.size;
    made.append(
      element("svg:rect", {
        class: `part-of ${verdictOf[letter]}`,
        x: at.toFixed(1),
        y: 16,
        width: Math.max(width, 1.5).toFixed(1),
        height: 3,
      }),
    );
    at += width;
  }
  return made;
}

const HEAD = 6; // what a frame has above its items for its name, besides what dagre leaves

function frameLabel(view, frame) {
  const { label } = view.graph.groups[frame.group];
  return element(
    "svg:text",
    {
      class: "frame-label",
      x: frame.x - frame.width / 2 + 9,
      y: frame.y - frame.height / 2 - HEAD + 15,
    },
    fitted(`− ${label}`, "500 11px", frame.width - 16, "start"),
  );
}

function drawFrame(view, frame) {
  const { label, size } = view.graph.groups[frame.group];
  const x = frame.x - frame.width / 2;
  const y = frame.y - frame.height / 2;
  return element(
    "svg:g",
    {
      class: "cluster",
      "data-frame": frame.group,
      role: "button",
      "aria-expanded": "true",
      "aria-label": `Collapse group ${label}`,
      tabindex: -1,
    },
    element("svg:title", {}, `${label}: ${size} nodes; click to collapse`),
    element("svg:rect", { x, y: y - HEAD, width: frame.width, height: frame.height + HEAD, rx: 8 }),
  );
}

// Replaces the drawing; gives each item's element by its key.
function draw(view, placed) {
  const elements = new Map();
  const edges = element("svg:g", {});
  placed.wires = placed.edges.map((edge) => {
    const path = element("svg:path", { class: "edge", d: smooth(edge.points) });
    edges.append(path);
    return { ...edge, path };
  });
  const items = element("svg:g", {});
  for (const item of placed.items) {
    const made = item.node !== undefined ? drawNode(view, item) : drawGroup(view, item);
    made.setAttribute("transform", `translate(${item.x.toFixed(1)} ${item.y.toFixed(1)})`);
    elements.set(item.key, made);
    items.append(made);
  }
  const frames = element("svg:g", {});
  placed.frames.forEach((frame) => frames.append(drawFrame(view, frame)));
  const labels = element(
    "svg:g",
    { "aria-hidden": "true" },
    ...placed.frames.map((frame) => frameLabel(view, frame)),
  );
  world.replaceChildren(frames, edges, labels, items);
  return elements;
}

const camera = Panzoom(world, {
  canvas: true,
  minScale: 0.03,
  maxScale: 3,
  step: 0.25,
  cursor: "grab",
  handleStartEvent: () => {},
});
// The page scrolls on over the graph, unless the reader works in it or asks for zoom.
drawing.addEventListener(
  "wheel",
  (event) => {
    if (!event.ctrlKey && !event.metaKey && !drawing.contains(document.activeElement)) return;
    event.preventDefault();
    camera.zoomWithWheel(event);
  },
  { passive: false },
);

// Puts a point of the drawing into the middle, at a scale.
function lookAt(x, y, scale, height = 0.5) {
  const { width, height: tall } = drawing.getBoundingClientRect();
  camera.zoom(scale, { animate: false });
  camera.pan(width / 2 / scale - x, (tall * height) / scale - y, { animate: false });
}

function fitAll(placed) {
  const { width, height } = drawing.getBoundingClientRect();
  lookAt(
    placed.width / 2,
    placed.height / 2,
    Math.min(width / placed.width, height / placed.height, 1.2) * 0.97,
  );
}

// The whole if it can be read so, else its beginning.
function fitFirst(placed) {
  const { width, height } = drawing.getBoundingClientRect();
  const whole = Math.min(width / placed.width, height / placed.height);
  if (whole > 0.55 || !placed.items.length) fitAll(placed);
  else {
    const scale = Math.min(1, Math.max(0.55, (width / placed.width) * 0.97));
    const top = placed.items.reduce((a, b) => (b.y < a.y ? b : a));
    const edge = width / scale / 2 - 20;
    const middle =
      placed.width < 2 * edge
        ? placed.width / 2
        : Math.min(Math.max(top.x, edge), placed.width - edge);
    lookAt(middle, 0, scale, 0.02);
  }
}

function isInSight(item) {
  const { width, height } = drawing.getBoundingClientRect();
  const scale = camera.getScale();
  const pan = camera.getPan();
  const x = (item.x + pan.x) * scale;
  const y = (item.y + pan.y) * scale;
  return x > 60 && y > 30 && x < width - 60 && y < height - 30;
}
