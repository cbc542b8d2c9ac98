"use strict";
for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copies);
    text.select();
    // The clipboard is there on https and on localhost only; what is selected can be copied by hand.
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text.value);
      button.textContent = "Copied";
    }
  });
}
