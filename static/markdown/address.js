// Which addresses may be links. Everything else is shown as the text that it is.

const ALLOWED = ['http:', 'https:', 'mailto:'];

/** The address as a browser understands it, or null when it may not be a link. */
export function safeAddress(text) {
  // Browsers take line breaks and tabs out of an address before they read its scheme; so what has any is none.
  if (/[\u0000-\u0020\u007f]/.test(text)) return null;
  if (!/^(https?:\/\/|mailto:)/i.test(text)) return null;
  try {
    const url = new URL(text);
    return ALLOWED.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
