/** Text as HTML shows it. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A table of texts; the first row is its head, and the first column names the rows. */
export function table(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: "th" | "td"): string =>
    `<tr>${cells.map((cell, i) => (i === 0 ? `<th>${cell}</th>` : `<${tag}>${cell}</${tag}>`)).join("")}</tr>`;
  const [head, ...body] = rows;
  return `<table>${line(head ?? [], "th")}${body.map((row) => line(row, "td")).join("")}</table>`;
}
