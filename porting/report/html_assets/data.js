// What the page was given, made ready to ask: names, neighbours, groups and verdicts.

const raw = JSON.parse(document.getElementById("data").textContent);
const verdictOf = Object.fromEntries(raw.verdicts.map((v) => [raw.letters[v], v]));
const FAILING = new Set(["D", "U"]);
const WORST = "UD?FS";

// A graph, decoded once: several views may share it.
function decodeGraph(form) {
  const count = form.op.length;
  const reads = Array.from({ length: count }, () => []);
  const readBy = Array.from({ length: count }, () => []);
  for (let i = 0; i < form.edges.length; i += 2) {
    readBy[form.edges[i]].push(form.edges[i + 1]);
    reads[form.edges[i + 1]].push(form.edges[i]);
  }
  const groups = form.groups.map(([parent, label, prefix], index) => ({
    index,
    parent,
    label: label || "model",
    prefix,
    nodes: [],
    groups: [],
    size: 0,
  }));
  form.home.forEach((home, node) => groups[home].nodes.push(node));
  for (let i = groups.length - 1; i >= 0; i--) {
    const group = groups[i];
    group.size += group.nodes.length;
    if (group.parent >= 0) {
      groups[group.parent].size += group.size;
      groups[group.parent].groups.unshift(i);
    }
  }
  const graph = { count, reads, readBy, groups, home: form.home, edges: form.edges };
  graph.op = (node) => form.operators[form.op[node]];
  graph.scope = (node) => form.scopes[form.scope[node]];
  graph.name = (node) => groups[form.home[node]].prefix + form.name[node];
  graph.label = (node) => form.name[node].split("/").pop() || form.name[node];
  graph.path = (group) => (group < 0 ? [] : [...graph.path(groups[group].parent), group]);
  return graph;
}

const graphs = raw.graphs.map(() => null);

// A view: a graph with its verdicts on one target.
function viewOf(index) {
  const form = raw.views[index];
  graphs[form.graph] = graphs[form.graph] || decodeGraph(raw.graphs[form.graph]);
  const graph = graphs[form.graph];
  const tallies = graph.groups.map(() => ({}));
  for (let g = graph.groups.length - 1; g >= 0; g--) {
    for (const node of graph.groups[g].nodes) {
      const letter = form.verdicts[node];
      tallies[g][letter] = (tallies[g][letter] || 0) + 1;
    }
    const parent = graph.groups[g].parent;
    if (parent >= 0) {
      for (const [letter, n] of Object.entries(tallies[g])) {
        tallies[parent][letter] = (tallies[parent][letter] || 0) + n;
      }
    }
  }
  return {
    index,
    form,
    graph,
    tallies,
    verdict: (node) => form.verdicts[node],
    worst: (group) => [...WORST].find((letter) => tallies[group][letter]) || "S",
    findings: (node) => (form.findings[node] || []).map((f) => raw.findings[f]),
    rewrites: (node) => form.touched[node],
    failing: [...form.verdicts].flatMap((letter, node) => (FAILING.has(letter) ? [node] : [])),
  };
}

// The view of the same entry at the other end of the conversion.
function counterpart(view) {
  return raw.views.findIndex(
    (v) => v.entry === view.form.entry && v.stage !== view.form.stage && v.stage && view.form.stage,
  );
}

// An element with attributes and text; text goes nowhere but into text nodes.
function element(tag, attributes = {}, ...children) {
  const made = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
}

function glyph(letter, x = null, y = null) {
  const use = element("svg:use", { href: `#v-${verdictOf[letter]}`, x, y, width: 16, height: 16 });
  if (x !== null) return use;
  return element(
    "svg:svg",
    { class: "glyph", width: 14, height: 14, viewBox: "0 0 16 16", "aria-hidden": "true" },
    use,
  );
}

function clipped(text, most) {
  return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`;
}

const ruler = document.createElement("canvas").getContext("2d");
const FONT = getComputedStyle(document.body).fontFamily;
const LONGEST = 120; // characters that are measured at all

// As much of a text as a width holds, in a style such as "500 12px": its end, or its start.
function fitted(text, style, width, keep = "end") {
  ruler.font = `${style} ${FONT}`;
  if (text.length <= LONGEST && ruler.measureText(text).width <= width) return text;
  for (let most = Math.min(text.length, LONGEST); most > 1; most--) {
    const part = keep === "end" ? clipped(text, most) : `${text.slice(0, most - 1)}…`;
    if (ruler.measureText(part).width <= width) return part;
  }
  return "…";
}
