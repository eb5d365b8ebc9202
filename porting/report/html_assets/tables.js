// Sorting and filtering of what the page already holds.

// Buttons that say which verdicts count; gives a function that tells the chosen ones.
function toggles(holder, changed) {
  const buttons = [...holder.querySelectorAll(".toggle")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      changed();
    });
  }
  return () =>
    new Set(
      buttons
        .filter((b) => b.getAttribute("aria-pressed") === "true")
        .map((b) => b.dataset.verdict),
    );
}

function filterable(tools, search, rows, count, verdictsOf) {
  const holder = document.getElementById(tools);
  const input = document.getElementById(search);
  let chosen = () => new Set(raw.verdicts);
  const update = () => {
    const wanted = input.value.trim().toLowerCase();
    const allowed = chosen();
    let shown = 0;
    for (const row of rows) {
      const verdicts = verdictsOf(row);
      const fits =
        (!verdicts.length || verdicts.some((v) => allowed.has(v))) &&
        row.textContent.toLowerCase().includes(wanted);
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById(count).textContent =
      shown === rows.length ? "" : `${shown} of ${rows.length}`;
  };
  chosen = toggles(holder, update);
  input.addEventListener("input", update);
  holder.hidden = rows.length === 0;
}

function sortable(table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) =>
    head.querySelector("button").addEventListener("click", () => {
      const numeric =
        head.cellIndex >= 0 &&
        [...body.rows].every((row) => !Number.isNaN(Number(row.cells[column].dataset.sort)));
      const rising =
        head.getAttribute("aria-sort") === "none"
          ? !numeric
          : head.getAttribute("aria-sort") === "descending";
      heads.forEach((h) =>
        h.setAttribute("aria-sort", h === head ? (rising ? "ascending" : "descending") : "none"),
      );
      const value = (row) => row.cells[column].dataset.sort;
      const order = (a, b) =>
        numeric
          ? Number(value(a)) - Number(value(b))
          : value(a) < value(b)
            ? -1
            : value(a) > value(b)
              ? 1
              : 0;
      body.append(...[...body.rows].sort((a, b) => (rising ? order(a, b) : order(b, a))));
    }),
  );
}

filterable(
  "lot-tools",
  "lot-search",
  [...document.querySelectorAll("#results .lot")],
  "lot-count",
  (row) => [row.dataset.verdict],
);
filterable(
  "operator-tools",
  "operator-search",
  [...document.querySelectorAll("#operator-table tbody tr")],
  "operator-count",
  (row) =>
    [...row.querySelectorAll("[data-verdicts]")].flatMap((cell) =>
      cell.dataset.verdicts.split(" ").filter(Boolean),
    ),
);
sortable(document.getElementById("operator-table"));
