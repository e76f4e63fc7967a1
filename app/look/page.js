// What Gradio's own markup gets wrong for those who hear the page: a list of buttons, buttons without a name, a button
// in a button, and words for what has no role to be called so.
new MutationObserver(() => {
  for (const list of document.querySelectorAll('.examples[role="list"]')) list.setAttribute("role", "group");
  for (const button of document.querySelectorAll("#chat-transcript .image-container > button:not([aria-label])"))
    button.setAttribute("aria-label", navigator.language.startsWith("zh") ? "图片" : "Picture");
  for (const header of document.querySelectorAll('.toast-header[role="button"]')) header.removeAttribute("role");
  for (const said of document.querySelectorAll("#chat-transcript div[aria-label]:not([role])"))
    said.setAttribute("role", "group");
  for (const inner of document.querySelectorAll("button.icon-button:not([role]) button.upload-container")) {
    const outer = inner.closest(".icon-button");
    for (const [name, value] of [["role", "group"], ["tabindex", "-1"], ["title", ""], ["aria-label", inner.ariaLabel]])
      outer.setAttribute(name, value);
  }
}).observe(document.documentElement, { childList: true, subtree: true });
// Phones have no screen to capture, nor has a page that comes over plain HTTP from another machine.
if (!navigator.mediaDevices?.getDisplayMedia) document.documentElement.classList.add("no-capture");
// The same file again: a browser tells of a choice only when it differs from the last one.
document.addEventListener("click", ({ target }) => { if (target.matches?.('input[type="file"]')) target.value = ""; }, true);
