// The pure part of typing a filter: where a completion goes, and which part of the text is wrong.
import type { FilterAnswer, Place } from '../api/types';

/** The text with `insert` in place of what it replaces or of the word that ends at the caret, and where the caret is then. */
export function completed(text: string, caret: number, insert: string, replace?: Place): [string, number] {
  if (replace) {
    const [start, end] = [charAt(text, replace.start), charAt(text, replace.end)];
    const gap = /^\s/.test(text.slice(end)) || /[\s([]$/.test(insert) ? '' : ' ';
    const head = text.slice(0, start) + insert + gap;
    return [head + text.slice(end), head.length];
  }
  const before = text.slice(0, caret);
  const word = /[^\s()[\],]*$/.exec(before)?.[0] ?? '';
  // A completion that does not go on with the word, after `port ` or `=`, stands beside it.
  const replaces = word !== '' && (insert.toLowerCase().startsWith(word.toLowerCase()) || /^[\w.:/-]+$/.test(word));
  const head = replaces ? before.slice(0, before.length - word.length) : before;
  const gap = head && !/[\s([]$/.test(head) ? ' ' : '';
  const rest = text.slice(caret);
  const tail = /^\s/.test(rest) || insert.endsWith(' ') ? '' : ' ';
  const done = head + gap + insert + tail;
  return [done + rest.replace(/^\s+(?=\S)/, (blank) => (done.endsWith(' ') ? '' : blank)), done.length];
}

/** The offset in characters of an offset in octets of UTF-8. */
export function charAt(text: string, octets: number): number {
  const encoder = new TextEncoder();
  let seen = 0;
  let at = 0;
  for (const char of text) {
    if (seen >= octets) break;
    seen += encoder.encode(char).length;
    at += char.length;
  }
  return at;
}

/** The offset in octets of UTF-8 of an offset in characters. */
export const octetAt = (text: string, at: number) => new TextEncoder().encode(text.slice(0, at)).length;

/** What is wrong and where; an error at the end of the text is shown at its last character. */
export function errorOf(answer: FilterAnswer, text: string): { message: string; at: Place } | null {
  const error = answer.error;
  if (!error) return null;
  const start = charAt(text, error.at?.start ?? error.start ?? 0);
  const end = charAt(text, error.at?.end ?? error.end ?? text.length);
  const from = Math.min(start, Math.max(0, text.length - 1));
  return { message: error.message, at: { start: from, end: Math.max(end, from + 1) } };
}

/** The text before, inside and after a place. */
export function split(text: string, at: Place | null): [string, string, string] {
  return at ? [text.slice(0, at.start), text.slice(at.start, at.end), text.slice(at.end)] : [text, '', ''];
}
