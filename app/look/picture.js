// The picture beside a chat: what a reply points at is drawn on it, and pointing at it puts a place into the question.
// props.value: {pictures: [{id, url, width, height, places: [{label, box, points}]}], words: {...}}; places in pixels.
const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#e6194b", "#0057d9", "#1b8a3a", "#b35900", "#8e24aa", "#00808a"]; // as tools/overlay.py has them
const DRAG = 6; // pixels of the screen; what moves less is a click
let chosen = null, count = 0, from = null;

function made(name, attributes, parent, text) {
  const node = ["svg", "rect", "circle", "g"].includes(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text; // a model's words are never markup
  parent.append(node);
  return node;
}

function draw() {
  const { pictures, words } = props.value || { pictures: [], words: {} };
  const root = element.querySelector(".picture");
  root.hidden = !pictures.length;
  if (!pictures.length) return root.replaceChildren();
  if (pictures.length !== count) chosen = null; // a new one is what the talk is about now
  count = pictures.length;
  const shown = pictures.find((one) => one.id === chosen) || pictures[pictures.length - 1];
  if (root.dataset.url !== shown.url || !root.firstChild) frame(root, shown, words);
  marks(root, shown);
  thumbs(root, pictures, shown, words);
  root.querySelector(".hint").textContent = shown.places.length ? words.hover : words.hint;
}

function frame(root, shown, words) {
  root.replaceChildren();
  root.dataset.url = shown.url;
  const stage = made("div", { class: "stage", style: `aspect-ratio: ${shown.width} / ${shown.height}` }, root);
  made("img", { src: shown.url, alt: words.alt, draggable: "false" }, stage);
  made("svg", { viewBox: `0 0 ${shown.width} ${shown.height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, stage);
  made("div", { class: "rubber", hidden: "" }, stage);
  made("p", { class: "hint" }, root);
  made("ol", { class: "places" }, root);
  made("div", { class: "thumbs" }, root);
  stage.addEventListener("pointerdown", (event) => { from = at(stage, event); stage.setPointerCapture(event.pointerId); });
  stage.addEventListener("pointermove", (event) => from && rubber(stage, from, at(stage, event)));
  stage.addEventListener("pointercancel", () => { from = null; stage.querySelector(".rubber").hidden = true; });
  stage.addEventListener("pointerup", (event) => {
    const to = at(stage, event), start = from;
    from = null;
    stage.querySelector(".rubber").hidden = true;
    if (!start) return;
    const [x, y, a, b] = [start, to].flatMap(([x, y]) => [x / stage.clientWidth * shown.width, y / stage.clientHeight * shown.height]);
    const still = Math.hypot(to[0] - start[0], to[1] - start[1]) < DRAG;
    trigger("select", { id: shown.id, place: still ? [x, y] : [Math.min(x, a), Math.min(y, b), Math.max(x, a), Math.max(y, b)] });
  });
}

function at(stage, event) {
  const box = stage.getBoundingClientRect();
  return [Math.min(Math.max(event.clientX - box.left, 0), box.width), Math.min(Math.max(event.clientY - box.top, 0), box.height)];
}

function rubber(stage, a, b) {
  const box = stage.querySelector(".rubber");
  box.hidden = false;
  Object.assign(box.style, {
    left: `${Math.min(a[0], b[0])}px`, top: `${Math.min(a[1], b[1])}px`,
    width: `${Math.abs(a[0] - b[0])}px`, height: `${Math.abs(a[1] - b[1])}px`,
  });
}

function marks(root, shown) {
  const svg = root.querySelector("svg"), list = root.querySelector(".places");
  svg.replaceChildren();
  list.replaceChildren();
  const unit = Math.max(shown.width, shown.height) / 100;
  shown.places.forEach((place, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const group = made("g", { "data-index": index, stroke: colour, fill: colour }, svg);
    if (place.box) {
      const [left, top, right, bottom] = place.box;
      made("rect", { x: left, y: top, width: right - left, height: bottom - top }, group);
    }
    if (!place.box) for (const [x, y] of place.points) made("circle", { cx: x, cy: y, r: unit }, group);
    const item = made("li", {}, list);
    const button = made("button", { type: "button", "data-index": index }, item, place.label || `${index + 1}`);
    button.style.setProperty("--colour", colour);
    for (const [event, on] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]])
      button.addEventListener(event, () => light(root, index, on));
  });
}

function light(root, index, on) {
  root.classList.toggle("lighting", on);
  for (const node of root.querySelectorAll("[data-index]")) node.classList.toggle("lit", on && +node.dataset.index === index);
}

function thumbs(root, pictures, shown, words) {
  const row = root.querySelector(".thumbs");
  row.replaceChildren();
  if (pictures.length < 2) return;
  pictures.forEach((one, index) => {
    const button = made("button", { type: "button", "aria-label": `${words.alt} ${index + 1}`, "aria-pressed": one === shown }, row);
    made("img", { src: one.url, alt: "" }, button);
    button.addEventListener("click", () => { chosen = one.id; draw(); });
  });
}

watch("value", draw);
draw();
