// The panel beside the graph: the list of nodes, and what there is to say of one of them.

const LISTED = 200;
const panel = {
  details: document.getElementById("details"),
  listing: document.getElementById("listing"),
  found: document.getElementById("found"),
  nodes: document.getElementById("nodes"),
};

function nodeButton(view, node, go) {
  const { graph } = view;
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", "data-go": node, title: graph.name(node), onclick: () => go(node) },
      glyph(view.verdict(node)),
      element("span", {}, graph.op(node)),
      element(
        "span",
        { class: "name" },
        clipped(graph.name(node), Math.max(12, 38 - graph.op(node).length)),
      ),
      element("span", { class: "sr" }, verdictOf[view.verdict(node)]),
    ),
  );
}

function list(view, matching, go) {
  const shown = matching.slice(0, LISTED);
  const more = matching.length - shown.length;
  panel.found.textContent = `${matching.length} of ${view.graph.count} nodes${more ? `, the first ${LISTED} listed` : ""}`;
  panel.nodes.replaceChildren(...shown.map((node) => nodeButton(view, node, go)));
}

function sourceLinks(cited) {
  return cited.map((number) => element("p", { class: "from" }, raw.sources[number]));
}

function findingBlock([letter, , message, help, cited]) {
  return element(
    "div",
    { class: "finding" },
    element("span", { class: `verdict ${verdictOf[letter]}` }, glyph(letter), verdictOf[letter]),
    element("p", {}, message),
    help ? element("p", { class: "dim" }, help) : null,
    ...sourceLinks(cited),
  );
}

function rewriteBlock(view, numbers, actions) {
  const after = view.form.stage === "after";
  const all = raw.rewrites[view.form.entry];
  const block = element("div", {}, element("h4", {}, after ? "Made by" : "Rewritten by"));
  if (!numbers.length)
    block.append(element("p", { class: "dim" }, "a step of the conversion that no rule has"));
  const origin = numbers.length ? all[numbers[0]] : null;
  for (const number of numbers) {
    const [, , operator, rule, exactness, produced] = all[number];
    block.append(
      element(
        "div",
        { class: "finding" },
        element("code", {}, rule),
        ` (${exactness})`,
        element("p", { class: "dim" }, `${operator} → ${produced.join(", ") || "nothing"}`),
        element(
          "button",
          { type: "button", class: "act", onclick: () => actions.rewrite(view.form.entry, number) },
          "Show the rewrite",
        ),
      ),
    );
  }
  if (origin && after) {
    block.append(
      element(
        "button",
        { type: "button", class: "act", onclick: () => actions.original(origin[0], origin[1]) },
        "See it in the original",
      ),
    );
  } else if (origin) {
    block.append(
      element(
        "button",
        { type: "button", class: "act", onclick: () => actions.converted(numbers) },
        "See what it became",
      ),
    );
  }
  return block;
}

function neighbours(view, title, nodes, go) {
  if (!nodes.length) return null;
  const listed = [...new Set(nodes)];
  const links = element(
    "ul",
    { class: "links" },
    ...listed.slice(0, 30).map((node) => nodeButton(view, node, go)),
  );
  return element(
    "div",
    {},
    element("h4", {}, title),
    links,
    listed.length > 30 ? element("p", { class: "dim" }, `and ${listed.length - 30} more`) : null,
  );
}

function heading(letter, title, close) {
  return element(
    "h3",
    {},
    letter ? glyph(letter) : null,
    title,
    element(
      "button",
      { type: "button", class: "close", "aria-label": "Close", onclick: close },
      "×",
    ),
  );
}

// Everything about one node.
function showNode(view, node, actions) {
  const { graph } = view;
  const scope = graph.scope(node);
  const letter = view.verdict(node);
  const findings = view.findings(node);
  const rewrites = view.rewrites(node);
  const home = graph.home[node];
  panel.details.replaceChildren(
    heading(letter, graph.op(node), actions.close),
    element(
      "p",
      { class: "full" },
      graph.name(node),
      scope ? element("span", { class: "dim" }, ` in ${scope}`) : null,
    ),
    ...(findings.length
      ? [element("h4", {}, "Why")]
      : [
          element("span", { class: `verdict ${verdictOf[letter]}` }, verdictOf[letter]),
          element(
            "p",
            { class: "dim" },
            `The table of ${view.form.target} has nothing against it.`,
          ),
        ]),
    ...findings.map(findingBlock),
    ...[rewrites === undefined ? null : rewriteBlock(view, rewrites, actions)].filter(Boolean),
    ...[
      neighbours(view, "Reads from", graph.reads[node], actions.go),
      neighbours(view, "Read by", graph.readBy[node], actions.go),
    ].filter(Boolean),
    ...(home > 0
      ? [
          element("h4", {}, "Group"),
          element(
            "button",
            { type: "button", class: "act", onclick: () => actions.collapse(home) },
            `Collapse ${clipped(graph.groups[home].label, 30)}`,
          ),
        ]
      : []),
  );
  openDetails();
}

function openDetails() {
  panel.details.hidden = false;
  panel.listing.hidden = true;
  panel.details.parentElement.scrollTop = 0;
}

function closeDetails() {
  panel.details.hidden = true;
  panel.listing.hidden = false;
}
