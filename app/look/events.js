// What was found in a video: a press jumps the player there, and what is on now is marked.
element.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-at]");
  if (button) document.dispatchEvent(new CustomEvent("film-jump", { detail: +button.dataset.at }));
});

let now = null;
function mark() {
  if (now === null) return;
  for (const one of element.querySelectorAll("[data-event]"))
    one.classList.toggle("now", now >= +one.dataset.at - 0.05 && now <= Math.max(+one.dataset.end, +one.dataset.at + 0.5));
  const hand = element.querySelector(".hand");
  if (!hand) return;
  hand.hidden = false;
  hand.style.left = `${Math.min(100, (100 * now) / +hand.closest(".timeline").dataset.seconds)}%`;
}
document.addEventListener("film-at", ({ detail }) => { now = detail; mark(); });
watch("value", mark);
