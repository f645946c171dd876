import { userInfo } from "node:os";

const LONGEST = 64;
let chosen: string | undefined;

/** Says who gives the commands; without it the login at this machine. */
export function actAs(name: string | undefined): void {
  chosen = name;
}

/** The login; an account without a name (a container's) is its number. Bun knows no name without USER. */
function login(): string {
  try {
    const { username, uid } = userInfo();
    return username === "" || username === "unknown" ? String(uid) : username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}

/** Who gives the commands, as the audit log names them: `operator:cli:<name>`. Characters that a user id can't have become `_`. */
export function cliActor(name: string = chosen ?? login()): string {
  return `operator:cli:${name.replace(/[^!#-&(-[\]-z|~]/g, "_").slice(0, LONGEST)}`;
}
