// The page around the graph: folded parts, dark and light, paper, and the start.

// A link to a part that is folded opens it.
function openTarget() {
  const place = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (place && place.tagName === "DETAILS") place.open = true;
}
window.addEventListener("hashchange", openTarget);
openTarget();

const dark = () =>
  (document.documentElement.dataset.theme ||
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
const nameTheme = () => {
  byId("theme").textContent = dark() ? "Light" : "Dark";
};
byId("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = dark() ? "light" : "dark";
  nameTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
nameTheme();

// Paper cannot unfold anything.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("main details:not([open])")];
  folded.forEach((each) => {
    each.open = true;
  });
});
window.addEventListener("afterprint", () =>
  folded.forEach((each) => {
    each.open = false;
  }),
);

byId("graph-tools").hidden = byId("stage").hidden = false;
chosenVerdicts = toggles(byId("graph-tools"), search);

// A window of another width shows the same place.
let width = 0;
new ResizeObserver(() => {
  const now = drawing.clientWidth;
  if (stage.placed && width && now !== width) {
    const item = stage.placed.items.find((each) => each.key === stage.chosen);
    if (item) lookAtItem(item);
    else fitFirst(stage.placed);
  }
  width = now;
}).observe(drawing);

// What fails now; of a conversion the original no longer counts.
const failsNow = (view) => view.stage !== "before" && /[UD]/.test(view.verdicts);

// Panzoom sets its start in a task of its own; the first view comes after it.
setTimeout(() => {
  show(Math.max(0, raw.views.findIndex(failsNow)));
  document.documentElement.dataset.ready = "yes";
}, 0);
