/** A link of a page to a place in the repository: `[text](path#anchor)`. Links to the web are left out. */
export interface PageLink {
  /** As it is written: relative to the page; "" for a link within the page. */
  readonly path: string;
  readonly anchor: string | null;
}

const withoutCode = (text: string) =>
  text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ""));

export function linksOf(text: string): PageLink[] {
  return [...withoutCode(text).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([, path, anchor]) => ({
      path: path!,
      anchor: anchor ?? null,
    }),
  );
}

/** The anchors that GitHub gives the headings of a page: small letters, no punctuation, `-` for a space; `-1`, `-2` for repetitions. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of withoutCode(text).matchAll(/^#{1,6} +(.+?)(?: +#+)?$/gm)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "").replaceAll(" ", "-");
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}
