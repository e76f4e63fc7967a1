// The list of conversations: what its buttons do. The list itself comes as markup from the server.
element.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-does]");
  if (!button) return;
  const { does, id, ask, title } = button.dataset;
  const said = { id, does };
  button.closest("details")?.removeAttribute("open");
  if (does === "rename" && !(said.title = prompt(ask, title))) return;
  if (does === "delete" && !confirm(ask)) return;
  if (does !== "markdown" && does !== "json") return trigger("select", said);
  const [name, text] = await server.export([id, does]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
