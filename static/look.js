// Light or dark as it was chosen here (see theme.js), before anything is drawn: modules come later, and a page that is light
// for a moment dazzles who chose the dark.

try {
  const chosen = localStorage.getItem('caudal theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Without storage it is as the system says.
}
