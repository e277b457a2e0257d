// Light or dark: as the system says, or as was chosen here. Kept in this browser.

const KEY = 'caudal theme';
export const THEMES = ['system', 'light', 'dark'];

export function theme() {
  try {
    const kept = localStorage.getItem(KEY);
    return THEMES.includes(kept) ? kept : 'system';
  } catch {
    return 'system';
  }
}

export function chooseTheme(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Then it lasts until the page is loaded again.
  }
  apply(name);
}

function apply(name) {
  if (name === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}

apply(theme());
