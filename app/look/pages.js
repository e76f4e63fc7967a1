// Pages that were read: a block and its box light up together, a box leads to its block, a block's text can be changed.
let view = "page", scrolled = 0, at = null, refocus = null;

const all = (selector) => element.querySelectorAll(selector);
const blockOf = (order) => element.querySelector(`.part[data-block="${order}"]`);

function light(order) {
  for (const one of all("[data-block]")) one.classList.toggle("lit", one.dataset.block === order);
  element.querySelector(".spread")?.classList.toggle("lighting", order !== null);
}

function lead(from, order) { // what lies outside its own frame is brought into sight
  const other = from.classList.contains("spot") ? blockOf(order) : element.querySelector(`.spot[data-block="${order}"]`);
  const frame = other?.closest(".blocks, .leaf");
  if (!frame) return;
  const [box, inside] = [frame.getBoundingClientRect(), other.getBoundingClientRect()];
  if (inside.top < box.top || inside.bottom > box.bottom) frame.scrollBy({ top: inside.top - box.top - 40 });
}

function pointed({ target }) {
  const one = target.closest?.("[data-block]");
  light(one ? one.dataset.block : null);
  if (one) lead(one, one.dataset.block);
}
element.addEventListener("pointerover", pointed);
element.addEventListener("pointerleave", () => light(null));
element.addEventListener("focusin", pointed);
element.addEventListener("focusout", ({ relatedTarget }) => { if (!element.contains(relatedTarget)) light(null); });

element.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (!button) return;
  if (button.dataset.sheet !== undefined) {
    refocus = `[data-key="${button.dataset.key}"]`;
    trigger("select", { does: "turn", at: +button.dataset.sheet });
  } else if (button.dataset.edit !== undefined) edit(button.closest(".part"));
  else if (button.classList.contains("spot")) blockOf(button.dataset.block)?.querySelector("[data-edit]").focus();
});

element.addEventListener("change", ({ target }) => {
  if (target.name !== "documents-view") return;
  view = target.value;
  show();
});

element.addEventListener("keydown", (event) => {
  const { key, target } = event, step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[key];
  if (!step || !target.classList.contains("spot")) return;
  event.preventDefault();
  const spots = [...all(".spot")], next = spots[spots.indexOf(target) + step];
  if (!next) return;
  target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

function edit(block) {
  if (block.querySelector("form")) return;
  const form = document.createElement("form"), area = document.createElement("textarea");
  const [save, cancel] = ["save", "cancel"].map((does) => {
    const button = document.createElement("button");
    button.type = does === "save" ? "submit" : "button";
    button.className = does;
    button.textContent = block.dataset[does];
    return button;
  });
  area.value = block.dataset.text;
  area.setAttribute("aria-label", block.dataset.label);
  area.rows = Math.min(14, area.value.split("\n").length + Math.ceil(area.value.length / 60));
  form.append(area, save, cancel);
  block.append(form);
  block.classList.add("editing");
  area.focus();
  const end = () => { form.remove(); block.classList.remove("editing"); block.querySelector("[data-edit]").focus(); };
  const send = () => {
    refocus = `.part[data-block="${block.dataset.block}"] [data-edit]`;
    trigger("select", { does: "edit", at, order: +block.dataset.block, text: area.value });
  };
  cancel.addEventListener("click", end);
  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") end();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); }
  });
}

function show() {
  const spread = element.querySelector(".spread");
  if (!spread) return;
  spread.dataset.view = view;
  for (const one of all("input[name=documents-view]")) one.checked = one.value === view;
}

function drawn() {
  const spread = element.querySelector(".spread"), blocks = element.querySelector(".blocks");
  show();
  if (blocks) {
    const now = +spread.dataset.at;
    if (now === at) blocks.scrollTop = scrolled;
    else scrolled = 0;
    at = now;
    blocks.addEventListener("scroll", () => { scrolled = blocks.scrollTop; });
  }
  element.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (refocus) element.querySelector(refocus)?.focus({ preventScroll: true });
  refocus = null;
}
watch("value", drawn);
drawn();
