// What Gradio's own markup gets wrong for those who hear the page: a list of buttons, and buttons without a name.
new MutationObserver(() => {
  for (const list of document.querySelectorAll('.examples[role="list"]')) list.setAttribute("role", "group");
  for (const button of document.querySelectorAll("#chat-transcript .image-container > button:not([aria-label])"))
    button.setAttribute("aria-label", navigator.language.startsWith("zh") ? "图片" : "Picture");
}).observe(document.documentElement, { childList: true, subtree: true });
// Phones have no screen to capture, nor has a page that comes over plain HTTP from another machine.
if (!navigator.mediaDevices?.getDisplayMedia) document.documentElement.classList.add("no-capture");
// The same file again: a browser tells of a choice only when it differs from the last one.
document.addEventListener("click", ({ target }) => { if (target.matches?.('input[type="file"]')) target.value = ""; }, true);
