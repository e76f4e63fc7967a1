// A screen that can be clicked: which pixel of the screenshot it was, by mouse, finger or keyboard.
const view = () => element.querySelector(".stage[data-clickable]");
let aim = [0.5, 0.5]; // of the keyboard, in shares of the picture

function send(x, y) {
  const { width, height, screen } = view().dataset;
  trigger("select", { x: Math.floor(x * width), y: Math.floor(y * height), screen });
}
function show() {
  const cross = view().querySelector(".aim");
  cross.hidden = false;
  cross.style.left = `${100 * aim[0]}%`;
  cross.style.top = `${100 * aim[1]}%`;
}
element.addEventListener("click", (event) => {
  if (!view() || event.target.tagName !== "IMG") return;
  const box = event.target.getBoundingClientRect();
  const share = (at, from, length) => Math.min(Math.max((at - from) / length, 0), 0.9999);
  send(share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height));
});
element.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.target !== view() || !(by || event.key === "Enter")) return;
  event.preventDefault();
  if (!by) return send(...aim);
  const far = event.shiftKey ? 0.1 : 0.02;
  aim = aim.map((at, axis) => Math.min(Math.max(at + far * by[axis], 0), 0.9999));
  show();
});
