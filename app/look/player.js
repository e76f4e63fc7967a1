// The player. Where the browser cannot play the file, single pictures come from the server instead.
const film = () => element.querySelector(".film");

function unplayable() {
  const root = film();
  if (!root || root.classList.contains("is-still")) return;
  root.classList.add("is-still");
  root.querySelector("video").remove();
  root.querySelector(".stills").hidden = false;
  still(0);
}

let wanted = null, busy = false;
async function still(at) { // the last one asked for counts
  wanted = at;
  if (busy) return;
  busy = true;
  try {
    while (wanted !== null) {
      const now = wanted, root = film();
      wanted = null;
      const url = await server.still([root.dataset.name, now]);
      if (root === film() && url) root.querySelector("img").src = url;
    }
  } finally {
    busy = false;
  }
}

element.addEventListener("error", ({ target }) => { if (target.tagName === "VIDEO") unplayable(); }, true);
element.addEventListener("loadedmetadata", ({ target }) => { if (!target.videoWidth) unplayable(); }, true);
element.addEventListener("input", ({ target }) => { if (target.type === "range") still(+target.value); });
element.addEventListener("timeupdate", ({ target }) => tell(target.currentTime), true);

function tell(at) {
  document.dispatchEvent(new CustomEvent("film-at", { detail: at }));
}

document.addEventListener("film-jump", ({ detail }) => {
  const root = film(), video = root?.querySelector("video");
  if (video) video.currentTime = detail;
  else if (root) {
    root.querySelector("input").value = detail;
    still(detail);
  }
  tell(detail);
  root?.scrollIntoView({ block: "nearest" });
});
