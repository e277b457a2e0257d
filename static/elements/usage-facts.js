// What calls of models took, as names and values: tokens, cost, which models, and whether they only rehearsed.

import { h } from '../dom.js';
import { money, number } from '../format.js';
import { text } from '../text.js';

/** `usage` is of a step or of a whole task; nothing where there is none. */
export function usageFacts(usage) {
  if (!usage) return [];
  const prompt = usage.prompt ?? usage.prompt_tokens ?? 0;
  const completion = usage.completion ?? usage.completion_tokens ?? 0;
  return [
    [text.usage.model, [...(usage.models ?? [])].join(', ') || null],
    [text.usage.tokens, text.usage.tokensOf(number(prompt), number(completion)) + (usage.estimated ? ` (${text.usage.estimated})` : '')],
    [text.usage.cost, typeof usage.cost === 'number' ? money(usage.cost) : null],
    [text.usage.calls, usage.calls > 1 ? number(usage.calls) : null],
    [text.usage.rehearsal, usage.rehearsal ? rehearsalMark() : null],
  ];
}

/** So that nobody takes the words of a pretend model for real ones. */
export function rehearsalMark() {
  return h('span', { class: 'chip is-warning', title: text.usage.rehearsalHelp }, text.usage.rehearsal);
}
