// Preloaded into a process of a test's own: at SIGUSR2 something throws where nobody catches, as a mistake of ours in a timer would.
process.on("SIGUSR2", () => {
  setTimeout(() => {
    throw new Error("a mistake of ours");
  }, 1);
});
