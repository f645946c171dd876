// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text of a stranger's for a terminal: characters that could move its cursor or colour it become �. Lines stay lines. */
export const printable = (text: string): string => text.replace(CONTROLS, "�");
