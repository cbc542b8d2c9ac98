// A gallery: each sample as a row and as a panel.
import "../sync-button.js";
import { h } from "./dom.js";

const samples = JSON.parse(document.getElementById("samples")?.textContent ?? "[]");

const shown = (sync, variant) => {
  const button = h("sync-button", { variant });
  button.show(sync);
  return button;
};

document.querySelector("main").append(
  ...samples.map(({ name, sync }) =>
    h(
      "section",
      { class: "sample", id: name },
      h("h2", {}, name),
      h("div", { class: "card" }, shown(sync, "row")),
      h("div", { class: "card" }, shown(sync, "panel")),
    ),
  ),
);
