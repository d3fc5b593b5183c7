// Light or dark: as the reader chose, or as the system has it.

const KEY = "technic.theme";

function preferredTheme() {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  return localStorage.getItem(KEY) || (isDark ? "dark" : "light");
}

/** Put a theme in force, and tell whoever draws on a canvas. */
export function applyTheme(theme = preferredTheme()) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new CustomEvent("technic:theme"));
}

/** Change from light to dark or back, and keep it. */
export function toggleTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, theme);
  applyTheme(theme);
}
