/** The code blocks of a page of the documentation, in order. */
export async function samplesOf(page: string, language: string): Promise<string[]> {
  const text = await Bun.file(new URL(`../../${page}`, import.meta.url)).text();
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, code]) => code!);
}

/** A shell sample's commands; one may go over several lines. Lines of comments are left out. */
export function commandsOf(sample: string): string[] {
  const commands: string[] = [];
  let command = "";
  for (const line of sample.split("\n")) {
    if (command === "" && (line.trim() === "" || line.startsWith("#"))) continue;
    command += `${line}\n`;
    if (!isUnfinished(command)) {
      commands.push(command);
      command = "";
    }
  }
  if (command !== "") throw new Error(`A sample ends in mid-command: ${command}`);
  return commands;
}

/** It ends within quotes, or with a backslash. */
function isUnfinished(command: string): boolean {
  let quote = "";
  for (let i = 0; i < command.length; i++) {
    const char = command[i]!;
    if (char === "\\" && quote !== "'") i++;
    else if (quote === "" && (char === "'" || char === '"')) quote = char;
    else if (quote === "" && char === "#" && command[i - 1] === " ")
      return false; // the rest is a comment
    else if (char === quote) quote = "";
  }
  return quote !== "" || command.endsWith("\\\n");
}
