import pc from "picocolors";

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are escape sequences, and they take no room
const COLOURS = /\u001b\[\d+m/g;
const widthOf = (text: string) => text.replace(COLOURS, "").length;

/** Rows under headings, columns as wide as their widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => widthOf(row[i] ?? ""))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell + " ".repeat(widths[i]! - widthOf(cell)))
      .join("  ")
      .trimEnd();
  return [pc.dim(line(headings)), ...rows.map(line)].join("\n");
}
