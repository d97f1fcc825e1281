// Runs before anything is painted, so that a remembered theme does not flash. See theme.js.
try {
  const theme = localStorage.getItem("tocsin-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // a browser that remembers nothing follows the system
}
