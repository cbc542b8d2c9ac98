"use strict";
// On a phone a row is a card, whose values need the names of their columns.
(() => {
  function label(table) {
    const names = [...table.querySelectorAll("thead th")].map((head) => head.innerText.trim());
    for (const row of table.querySelectorAll("tbody tr")) {
      [...row.children].forEach((cell, place) => {
        if (names[place]) cell.dataset.label = `${names[place]}: `;
      });
    }
  }

  function labelAll() {
    document.querySelectorAll("#result_list, table.paces").forEach(label);
  }

  document.addEventListener("DOMContentLoaded", () => {
    labelAll();
    // Django names it by a picture alone.
    document.getElementById("searchbar")?.setAttribute("aria-label", "Search");
    if (matchMedia("(max-width: 640px)").matches) {
      for (const filter of document.querySelectorAll("#changelist-filter details")) {
        filter.open = false;
      }
    }
  });
  document.addEventListener("refreshed", labelAll);
})();
