// The gallery of runs: which one was chosen.
element.addEventListener("click", (event) => {
  const card = event.target.closest("[data-run]");
  if (card) trigger("select", { name: card.dataset.run });
});
