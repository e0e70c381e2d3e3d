// Starts programs beside the one under test and waits until they say that they are ready.
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';

export interface Started {
  /** What the pattern caught. */
  said: string;
  stop(): Promise<void>;
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
}

/** Starts a program; resolves once it has written what `ready` matches, and fails with its words when it ends before. */
export function start(program: string, args: string[], ready: RegExp, options: { cwd?: string; env?: Record<string, string> } = {}): Promise<Started> {
  const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  // A test that ran out of time stops nobody.
  process.once('exit', () => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    let words = '';
    const took = (part: Buffer) => {
      words = (words + part.toString()).slice(-20_000);
      const caught = ready.exec(words);
      if (caught) resolve({ said: caught[1] ?? caught[0], stop: () => stop(child) });
    };
    child.stdout.on('data', took);
    child.stderr.on('data', took);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code} before it was ready:\n${words}`)));
  });
}
