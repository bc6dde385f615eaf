// Pages: the playground in Debian's Chromium, each page in a browser of its own with a fresh profile.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { BrowserContext, Page } from 'playwright-core';
import { until } from './server.js';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export class Pages {
  /** What no page should say. */
  readonly troubles: string[] = [];
  /** The server is down: requests fail, as they should. */
  away = false;
  private readonly contexts: BrowserContext[] = [];
  private readonly folders: string[] = [];

  constructor() {
    if (!existsSync(CHROMIUM)) throw new Error(`no ${CHROMIUM}: apt-get install chromium, or set CHROMIUM`);
  }

  /** A page of the playground, in the world. `before`: code that runs in it before its own. */
  async open(name: string, url: string, flags: string[] = [], before = ''): Promise<Page> {
    const page = await this.plain(name, url, flags, before);
    await ready(page);
    return page;
  }

  async plain(name: string, url: string, flags: string[] = [], before = ''): Promise<Page> {
    const folder = mkdtempSync(join(tmpdir(), 'everframe-e2e-browser-'));
    this.folders.push(folder);
    const context = await chromium.launchPersistentContext(folder, {
      executablePath: CHROMIUM,
      viewport: { width: 640, height: 400 },
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--enable-unsafe-swiftshader',
        ...flags,
      ],
    });
    this.contexts.push(context);
    const page = context.pages()[0] ?? (await context.newPage());
    page.on('pageerror', (error) => this.troubles.push(`${name}: ${error.message}`));
    page.on('console', (message) => {
      // Chromium looks for an icon of what is no page.
      const icon = message.location().url.endsWith('/favicon.ico');
      if (message.type() === 'error' && !this.away && !icon) this.troubles.push(`${name}: ${message.text()}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400)
        this.troubles.push(`${name}: status ${response.status()} of ${response.url()}`);
    });
    if (before) await page.addInitScript(before);
    await page.goto(url);
    return page;
  }

  async close(): Promise<void> {
    for (const context of this.contexts) await context.close();
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** What is evaluated runs in the page, where `everframe` is the probe of console/README.md. */
export function ask<T>(page: Page, code: string): Promise<T> {
  return page.evaluate(code) as Promise<T>;
}

export async function ready(page: Page): Promise<void> {
  await until('the page is in the world', () => ask<boolean>(page, 'Boolean(window.everframe?.ready)'));
}
