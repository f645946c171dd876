// Lua and SQL files are imported as text (`with { type: "text" }`), so a bundle carries them.
declare module "*.lua" {
  const text: string;
  export default text;
}
declare module "*.sql" {
  const text: string;
  export default text;
}
