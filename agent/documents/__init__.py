"""Documents: pages read by the model, their words set right by the file's own, written as HTML, Markdown and JSON."""
