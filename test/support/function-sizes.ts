import { type FunctionLikeDeclaration, type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";
import { API } from "typescript/unstable/async";

/** A function with a body. */
export interface FunctionSize {
  /** `file:line` of its beginning, within the repository. */
  readonly place: string;
  /** Its own name, or that of the constant or property it is assigned to; empty if there is none. */
  readonly name: string;
  readonly file: string;
  readonly lines: number;
}

const KINDS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.ArrowFunction,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.Constructor,
  SyntaxKind.GetAccessor,
  SyntaxKind.SetAccessor,
]);

/** All functions of these files, as the TypeScript compiler parses them, the longest first. Takes about two seconds. */
export async function functionSizes(root: string, files: readonly string[]): Promise<FunctionSize[]> {
  const api = new API({ cwd: root });
  try {
    const snapshot = await api.updateSnapshot({ openProject: `${root}/tsconfig.json` });
    const [project] = snapshot.getProjects();
    const sizes: FunctionSize[] = [];
    for (const file of files) {
      const source = await project!.program.getSourceFile(`${root}/${file}`);
      if (source === undefined) throw new Error(`${file} is not part of tsconfig.json's project`);
      collect(source, source, file, sizes);
    }
    return sizes.sort((a, b) => b.lines - a.lines || a.place.localeCompare(b.place));
  } finally {
    await api.close();
  }
}

function collect(node: Node, source: SourceFile, file: string, sizes: FunctionSize[]): void {
  if (KINDS.has(node.kind) && (node as FunctionLikeDeclaration).body !== undefined) {
    const start = node.getStart(source);
    const lines = newlines(source.text, start, node.end) + 1;
    sizes.push({ place: `${file}:${newlines(source.text, 0, start) + 1}`, name: nameOf(node), file, lines });
  }
  node.forEachChild((child) => collect(child, source, file, sizes));
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

function nameOf(node: Node): string {
  const named = (one: Node) => (one as { name?: { text?: string } }).name?.text;
  return named(node) ?? named(node.parent) ?? "";
}
