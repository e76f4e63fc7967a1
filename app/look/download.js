// What a run is exported to: made when it is asked for, and handed over without a file on the server.
element.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-kind]");
  if (!button || button.disabled) return;
  button.disabled = true;
  try {
    const [name, content] = await server.export([button.dataset.run, button.dataset.kind]);
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  } finally {
    button.disabled = false;
  }
});
