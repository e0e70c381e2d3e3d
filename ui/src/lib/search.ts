// Where the words of the search field lead: a host, an anomaly, or the list of anomalies with a filter.

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;
const IPV6 = /^[0-9a-f:]*:[0-9a-f:.]*:[0-9a-f:.]*$/i;

/** Whether a text can only be an address of a host. */
export const isAddress = (text: string) => IPV4.test(text) || IPV6.test(text);

export function placeOf(text: string): string | null {
  const word = text.trim();
  if (!word) return null;
  if (isAddress(word)) return `/hosts?host=${encodeURIComponent(word)}`;
  if (/^[0-9a-f]{16}$/i.test(word)) return `/anomalies/${word.toLowerCase()}`;
  // One word that is no filter may be the name of a host, or part of an address.
  if (/^[\w.:-]+$/.test(word)) return `/hosts?search=${encodeURIComponent(word)}`;
  return `/anomalies?state=all&filter=${encodeURIComponent(word)}`;
}
