// The playground in Chromium: two pages in one world. What would break these: a page that asks for what
// there is not, a browser's WebRTC against ours, a world that is not the same for both.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { ask, Pages, ready } from './pages.js';
import { serverUnderTest, until } from './server.js';

const server = serverUnderTest();
const pages = new Pages();

interface Place {
  x: number;
  z: number;
  body: string;
  name: string;
}
let ada: Page;
let bob: Page;
let wall = '';

before(async () => {
  await server.start();
  ada = await pages.open('Ada', `${server.url}/?name=Ada`);
  bob = await pages.open('Bob', `${server.url}/?name=Bob`);
});
after(async () => {
  await pages.close();
  await server.remove();
});

test('two pages see each other walk', async () => {
  const start = await ask<Place>(ada, 'everframe.player');
  await ask(ada, `everframe.walkTo(${start.x + 3}, ${start.z + 2})`);
  await until('Bob sees where Ada has gone', async () => {
    const avatars = await ask<Place[]>(bob, 'everframe.avatars()');
    return avatars.some(
      ({ name, x, z }) => name === 'Ada' && Math.hypot(x - start.x - 3, z - start.z - 2) < 0.1,
    );
  });
});

test('harvesting in one page fills its inventory', async () => {
  for (
    let hits = 0;
    hits < 40 && ((await ask<Record<string, number>>(ada, 'everframe.inventory()'))['wood'] ?? 0) < 4;
    ++hits
  ) {
    const told = await ask<{ name: string }>(ada, "everframe.harvestNearest('pine')");
    assert.equal(told.name, 'applied');
  }
  await until(
    'the wood is carried',
    async () => (await ask<Record<string, number>>(ada, 'everframe.inventory()'))['wood']! >= 4,
  );
});

test('a wall built in one page stands in the other', async () => {
  // Beside the player where there is room: a script of the page looks for it.
  const told = await ask<{ name: string }>(
    ada,
    `(async () => {
    let last;
    for (let turn = 0; turn < 12; ++turn) {
      const { x, z } = everframe.player;
      const far = turn < 6 ? 2 : 3.5;
      last = await everframe.build('wood_wall', x + far * Math.cos(turn), z + far * Math.sin(turn), 90);
      if (last.name !== 'occupied') break;
    }
    return last;
  })()`,
  );
  assert.equal(told.name, 'applied');
  const seen = await until(
    'Bob sees the wall',
    async () => (await ask<{ id: string }[]>(bob, "everframe.entities('wood_wall')"))[0],
  );
  wall = seen.id;
});

test('keys and mouse do what the page says', async () => {
  await ada.click('#play');
  const before = await ask<Place>(ada, 'everframe.player');
  await ada.keyboard.down('KeyS');
  await until('the player walks', async () => {
    const { x, z } = await ask<Place>(ada, 'everframe.player');
    return Math.hypot(x - before.x, z - before.z) > 0.3;
  });
  await ada.keyboard.up('KeyS');
  await ada.keyboard.press('Digit1');
  await until('a wall is chosen', () => ada.isVisible('#build-hint'));
  await ada.keyboard.press('Digit1');
  await ada.keyboard.press('KeyC');
  await until('the recipes are shown', () => ada.isVisible('#craft'));
  assert.ok((await ada.locator('.recipe').count()) > 3);
  await ada.keyboard.press('KeyC');
  await until('the recipes are away', async () => !(await ada.isVisible('#craft')));
});

test('after kill -9 both pages come back by themselves, and the wall stands', async () => {
  const body = (await ask<Place>(ada, 'everframe.player')).body;
  await ask(ada, "window.mark = 'never loaded anew'");
  pages.away = true;
  await server.kill();
  await until(
    'the pages notice',
    async () =>
      !(await ask<boolean>(ada, 'everframe.ready')) && !(await ask<boolean>(bob, 'everframe.ready')),
  );
  await server.start();
  await ready(ada);
  await ready(bob);
  pages.away = false;
  assert.equal((await ask<Place>(ada, 'everframe.player')).body, body);
  assert.equal(await ask<string>(ada, 'window.mark'), 'never loaded anew');
  await until('the wall stands', async () =>
    (await ask<{ id: string }[]>(bob, "everframe.entities('wood_wall')")).some(({ id }) => id === wall),
  );
});

test('a page that is loaded anew is the same player', async () => {
  const before = await ask<Place>(ada, 'everframe.player');
  await ada.reload();
  await ready(ada);
  const after = await ask<Place>(ada, 'everframe.player');
  assert.equal(after.body, before.body);
  assert.equal(after.name, 'Ada');
});

test('no page had trouble', () => {
  assert.deepEqual(pages.troubles, []);
});
