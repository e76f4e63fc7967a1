// A list that grows while it is read: what a person has unfolded stays unfolded.
const open = new Set();
element.addEventListener("toggle", (event) => {
  const { step } = event.target.dataset;
  if (step !== undefined) event.target.open ? open.add(step) : open.delete(step);
}, true);
watch("value", () => {
  for (const fold of element.querySelectorAll("details[data-step]")) fold.open = open.has(fold.dataset.step);
});
