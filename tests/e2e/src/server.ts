// Server: an everframed process of a test's own: free ports, a store directory of its own, killed by its pid.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STARTING_MS_MAX = 90_000; // a sanitizer build makes its world slowly
const LOG_LINES_MAX = 400;

async function freeUdpPort(host: string): Promise<number> {
  const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

export class Server {
  /** Known after the first start, and the same after every other. */
  url = '';
  readonly log: string[] = [];
  private process: ChildProcess | null = null;
  private udp = 0;
  private readonly directory = mkdtempSync(join(tmpdir(), 'everframe-e2e-'));

  constructor(
    private readonly binary: string,
    private readonly root: string,
    private readonly content: string,
    private readonly host: '127.0.0.1' | '::1',
    private readonly more: string[],
  ) {}

  async start(): Promise<void> {
    this.udp ||= await freeUdpPort(this.host);
    const host = this.host === '::1' ? '[::1]' : this.host;
    const http = this.url ? new URL(this.url).host : `${host}:0`;
    const started = spawn(
      this.binary,
      [
        '--http',
        http,
        '--udp',
        `${host}:${this.udp}`,
        '--store',
        `embedded:${join(this.directory, 'store')}`,
        '--content',
        this.content,
        '--site',
        join(this.root, 'console/dist'),
        ...this.more,
      ],
      { cwd: this.root, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.process = started;
    const keep = (text: string): void => {
      this.log.push(...text.split('\n').filter((line) => line !== ''));
      if (this.log.length > LOG_LINES_MAX) this.log.splice(0, this.log.length - LOG_LINES_MAX);
    };
    started.stderr!.setEncoding('utf8').on('data', keep);
    this.url = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`it did not start in time:\n${this.tail()}`)),
        STARTING_MS_MAX,
      );
      started.on('error', reject);
      started.on('exit', (status, signal) => {
        clearTimeout(late);
        reject(new Error(`it ended, status ${status ?? signal}:\n${this.tail()}`));
      });
      started.stdout!.setEncoding('utf8').on('data', (text: string) => {
        keep(text);
        const at = /http:\/\/[^\s/]+/.exec(text);
        if (!at) return;
        clearTimeout(late);
        resolve(at[0]);
      });
    });
  }

  /** As a power cut would, as far as this process goes. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }
  get udpPort(): number {
    return this.udp;
  }
  /** A metric's value, by its name with labels; 0 if there is none. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return line ? Number(line.slice(name.length + 1)) : 0;
  }
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
  tail(): string {
    return this.log.slice(-40).join('\n');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const running = this.process;
    this.process = null;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
    running.kill(signal);
    await ended;
  }
}

export interface Wanted {
  /** A folder of its own. */
  content?: string;
  host?: '127.0.0.1' | '::1';
  /** More options. */
  more?: string[];
}
export function serverUnderTest({ content, host = '127.0.0.1', more = [] }: Wanted = {}): Server {
  const binary = process.env['EVERFRAME_SERVER'];
  const root = process.env['EVERFRAME_ROOT'];
  if (!binary || !root) throw new Error('run tests/e2e/run.sh SERVER_BINARY');
  return new Server(binary, root, content ?? join(root, 'content/survival'), host, more);
}

const WAITING_MS_MAX = 40_000;

/** Waits until `what` gives something; its name goes into the error. */
export async function until<T>(name: string, what: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + WAITING_MS_MAX;
  while (Date.now() < deadline) {
    const value = await what();
    if (value) return value as NonNullable<T>;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited in vain: ${name}`);
}
