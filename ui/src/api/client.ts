// Speaks to the server: one way in for every request, and every refusal as a `Refused` that says what to change.
import type { Fault } from './types';

/** A request the server did not grant, or could not be reached for. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly fault: Fault,
  ) {
    super(fault.message);
    this.name = 'Refused';
  }
}

type Params = Record<string, string | number | boolean | null | undefined>;

const BASE = '/api/v1';
let csrf = '';
let onExpired: () => void = () => {};

export function setCsrf(token: string): void {
  csrf = token;
}

/** What to do when the server no longer knows who we are. */
export function whenExpired(then: () => void): void {
  onExpired = then;
}

/** An address of the API with those parameters that say something. */
export function url(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== '' && value !== false) query.set(key, String(value));
  }
  const text = query.toString();
  return BASE + path + (text ? '?' + text : '');
}

const unreachable: Fault = {
  code: 'unreachable',
  message: 'The server does not answer. It may be starting anew; this page tries again by itself.',
};

/** Words without the line that is quoted and the one that points into it, which need a terminal to meet. */
export function unpointed(message: string): string {
  const lines = message.split('\n');
  const pointer = lines.findIndex((line) => /^\s*\^+\s*$/.test(line));
  if (pointer > 0) lines.splice(pointer - 1, 2);
  return lines.map((line) => line.trim()).join(' ');
}

async function faultOf(response: Response): Promise<Fault> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { error?: Fault };
    if (body.error?.message) return { ...body.error, message: unpointed(body.error.message) };
  } catch {
    /* Not ours: a proxy in between, perhaps. */
  }
  const words = text.trim() && text.length < 300 && !text.includes('<') ? text.trim() : response.statusText;
  return { code: 'http-' + response.status, message: words || `The server answered ${response.status}.` };
}

async function ask<T>(method: string, path: string, params?: Params, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['x-csrf-token'] = csrf;
  let response: Response;
  try {
    const content = body === undefined ? null : JSON.stringify(body);
    response = await fetch(url(path, params), { method, headers, body: content, signal: signal ?? null, credentials: 'same-origin' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Refused(0, unreachable);
  }
  if (response.status === 401 && path !== '/session') onExpired();
  if (!response.ok) throw new Refused(response.status, await faultOf(response));
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string, params?: Params, signal?: AbortSignal) => ask<T>('GET', path, params, undefined, signal);
export const post = <T>(path: string, body: unknown) => ask<T>('POST', path, undefined, body);
export const del = <T>(path: string, params?: Params) => ask<T>('DELETE', path, params);

/** Whether an error only says that nobody waits for the answer any more. */
export function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

export function asFault(error: unknown): Fault {
  if (error instanceof Refused) return error.fault;
  return { code: 'page', message: error instanceof Error ? error.message : String(error) };
}
