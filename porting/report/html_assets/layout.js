// Which groups are open, what is therefore seen, and where it stands.

const AT_FIRST = 90; // items that a graph opens with, at most
const AT_MOST = 250; // items that are ever placed at once: placing takes a second then
const NODE = { width: 148, height: 40 };
const GROUP = { width: 184, height: 52 };

// For each group the outermost closed group around it or itself; -1 where all are open.
function hiddenBy(graph, open) {
  const found = new Int32Array(graph.groups.length).fill(-1);
  graph.groups.forEach((group, i) => {
    const above = group.parent < 0 ? -1 : found[group.parent];
    found[i] = above >= 0 ? above : open.has(i) ? -1 : i;
  });
  return found;
}

function members(graph, group) {
  return graph.groups[group].nodes.length + graph.groups[group].groups.length;
}

function shownCount(graph, open) {
  const hidden = hiddenBy(graph, open);
  let count = 0;
  for (const group of open) if (hidden[group] === -1) count += members(graph, group) - 1;
  return count + 1;
}

// Level by level while all of a level fits, then the groups in which something fails.
function firstOpen(view) {
  const { graph } = view;
  const open = new Set([0]);
  let level = [0];
  while (level.length) {
    level = level.flatMap((group) => graph.groups[group].groups);
    const wider = new Set([...open, ...level]);
    if (!level.length || shownCount(graph, wider) > AT_FIRST) break;
    level.forEach((group) => open.add(group));
  }
  let shown = shownCount(graph, open);
  for (const node of view.failing) {
    const path = graph.path(graph.home[node]).filter((group) => !open.has(group));
    const more = path.reduce((sum, group) => sum + members(graph, group) - 1, 0);
    if (shown + more > AT_FIRST) break;
    path.forEach((group) => open.add(group));
    shown += more;
  }
  return open;
}

// Opens groups; closes those opened first where too much would be seen. Gives what was closed.
function openGroups(graph, open, wanted) {
  wanted.forEach((group) => {
    open.delete(group);
    open.add(group);
  });
  const kept = new Set(wanted.flatMap((group) => graph.path(group)));
  const closed = [];
  for (const group of [...open]) {
    if (shownCount(graph, open) <= AT_MOST) break;
    if (group === 0 || kept.has(group)) continue;
    open.delete(group);
    closed.push(group);
  }
  return closed;
}

const nodeKey = (node) => `n${node}`;
const groupKey = (group) => `g${group}`;

// Items, frames of open groups and edges with their places.
function layout(graph, open) {
  const hidden = hiddenBy(graph, open);
  const place = new dagre.graphlib.Graph({ compound: true });
  place.setGraph({
    rankdir: "TB",
    nodesep: 22,
    ranksep: 34,
    edgesep: 12,
    marginx: 20,
    marginy: 20,
  });
  place.setDefaultEdgeLabel(() => ({}));
  const shownAs = (node) => {
    const by = hidden[graph.home[node]];
    return by < 0 ? nodeKey(node) : groupKey(by);
  };
  const seat = (key, parent, value) => {
    place.setNode(key, value);
    if (parent > 0) place.setParent(key, groupKey(parent));
  };
  graph.groups.forEach((group, i) => {
    if (hidden[i] === i) seat(groupKey(i), group.parent, { ...GROUP, group: i });
    if (hidden[i] !== -1) return;
    if (i > 0 && members(graph, i)) seat(groupKey(i), group.parent, { frame: true, group: i });
    group.nodes.forEach((node) => seat(nodeKey(node), i, { ...NODE, node }));
  });
  for (let i = 0; i < graph.edges.length; i += 2) {
    const from = shownAs(graph.edges[i]);
    const to = shownAs(graph.edges[i + 1]);
    if (from !== to) place.setEdge(from, to);
  }
  dagre.layout(place);
  const items = place.nodes().map((key) => ({ key, ...place.node(key) }));
  return {
    items: items.filter((item) => !item.frame),
    frames: items.filter((item) => item.frame).sort((a, b) => a.group - b.group),
    edges: place.edges().map(({ v, w }) => ({ from: v, to: w, points: place.edge(v, w).points })),
    width: place.graph().width || 1,
    height: place.graph().height || 1,
    shownAs,
  };
}
