"use strict";
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copies]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copies);
  text.select();
  // The clipboard is there on https and on localhost only; what is selected can be copied by hand.
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text.value);
    button.textContent = "Copied";
  }
});
