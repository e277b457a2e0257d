// All words that the page says by itself, in the language of the browser or the one that was chosen here. A language is a
// file in `words/` like the others, of which only the one that is spoken is fetched.

const KEY = 'caudal language';
const all = {
  en: async () => (await import('./words/en.js')).en,
  es: async () => (await import('./words/es.js')).es,
};

/** By code, each in its own words. */
export const languages = { en: 'English', es: 'Español' };
export const language = choose();
export const text = await all[language]();

document.documentElement.lang = language;

/** What is open stays: it is in the URL, and what was typed is kept. */
export function chooseLanguage(code) {
  try {
    localStorage.setItem(KEY, code);
  } catch {
    // Without storage the choice cannot be kept, and the browser's language stays.
  }
  location.reload();
}

/** The server's own sentences about a task in the language of the page; what a flow says stays as it is. */
export function statusWords(status) {
  for (const [pattern, say] of text.statuses) {
    const found = pattern.exec(status);
    if (found) return say(...found.slice(1));
  }
  return status;
}

/** Why the server refuses something, where the page has words of its own for it. */
export function refusalOf(code) {
  return text.error.byCode.find(([known]) => known === code)?.[1];
}

function choose() {
  const wanted = [kept(), ...(navigator.languages ?? [navigator.language])].filter(Boolean);
  for (const code of wanted) {
    const short = code.toLowerCase().split('-')[0];
    if (short in all) return short;
  }
  return 'en';
}

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
