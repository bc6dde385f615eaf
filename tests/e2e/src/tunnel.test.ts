// Players whom UDP does not reach, beside one whom it does. What would break these: a network that keeps players
// out, a tunnel that does not carry all that a data channel does, a second body made on the way in.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, before, test } from 'node:test';
import { memoryTokens } from '@everframe/client';
import { cleanup } from 'node-datachannel';
import { WebSocket } from 'ws';
import { ask, Pages } from './pages.js';
import { serverUnderTest, until } from './server.js';
import { redirected, redirectedPage, stacks } from './stacks.js';
import { Walker } from './walker.js';

const server = serverUnderTest();
const pages = new Pages();
const socket = WebSocket as unknown as typeof globalThis.WebSocket;
const walkers: Walker[] = [];
let ada: Walker; // over WebRTC

async function join(name: string, options: ConstructorParameters<typeof Walker>[3]): Promise<Walker> {
  const walker = new Walker(server.url, name, memoryTokens(), options);
  walkers.push(walker);
  return walker.join();
}

/** A UDP port that takes all and answers nothing. */
async function hole(): Promise<{ port: number; heard(): number; close(): void }> {
  const nowhere = createSocket('udp4');
  let heard = 0;
  nowhere.on('message', () => ++heard);
  await new Promise<void>((resolve) => nowhere.bind(0, '127.0.0.1', resolve));
  return { port: nowhere.address().port, heard: () => heard, close: () => nowhere.close() };
}

before(async () => {
  await server.start();
  ada = await join('Ada', { WebSocket: socket });
});
after(async () => {
  for (const { client } of walkers) client.close();
  await pages.close();
  await server.remove();
  cleanup();
});

test('where UDP gets through nobody is sent through a tunnel', () => {
  assert.equal(ada.client.carrier, 'webrtc');
});

test('a player without WebRTC walks, harvests and is seen', async () => {
  const bob = await join('Bob', { PeerConnection: null, WebSocket: socket });
  assert.equal(bob.client.carrier, 'websocket');
  const goal = { x: bob.place.x + 3000, y: 0, z: bob.place.z + 1500 };
  await bob.walkTo(goal, 0);
  await until('Ada sees where Bob has gone', () => {
    const position = ada.client.avatars.all.get(bob.client.welcome!.body)?.pose?.position;
    return position && Math.hypot(position.x - goal.x, position.z - goal.z) < 50;
  });
  await until('Bob sees Ada stand', async () => {
    await ada.stand();
    return bob.client.avatars.all.get(ada.client.welcome!.body)?.pose;
  });
  await bob.gatherWood(3);
  assert.ok(bob.carried('wood') >= 3);
  assert.ok(bob.client.latencyMs !== null);
});

test('a player whose UDP is swallowed comes in as the one player that the first answer made', async () => {
  const nowhere = await hole();
  const tokens: string[] = [];
  const kept = memoryTokens();
  const cid = new Walker(
    server.url,
    'Cid',
    { load: () => kept.load(), save: (token) => (tokens.push(token!), kept.save(token)) },
    { PeerConnection: redirected(stacks.libdatachannel, nowhere.port), WebSocket: socket },
  );
  walkers.push(cid);
  await cid.join();
  nowhere.close();
  assert.equal(cid.client.carrier, 'websocket');
  assert.equal(cid.client.welcome!.name, 'Cid');
  assert.equal(tokens.length, 2);
  assert.equal(tokens[0], tokens[1]);
});

// Its ICE checks leave, and nobody answers: as behind a firewall that drops UDP.
test('a page whose UDP is swallowed plays after the time-out, and says how', async () => {
  const nowhere = await hole();
  const eve = await pages.open('Eve', `${server.url}/?guest&name=Eve`, [], redirectedPage(nowhere.port));
  assert.equal(await ask<string>(eve, 'everframe.client.carrier'), 'websocket');
  await until('the status line says so', async () =>
    (await eve.locator('#status').textContent())?.includes('WebSocket'),
  );
  assert.ok(nowhere.heard() > 2, 'no check came by');
  nowhere.close();
  const told = await ask<{ name: string }>(eve, "everframe.harvestNearest('pine')");
  assert.equal(told.name, 'applied');
});

test('a page in a browser that may not use UDP plays all the same, and says how', async () => {
  const dan = await pages.open('Dan', `${server.url}/?name=Dan`, [
    '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  ]);
  assert.equal(await ask<string>(dan, 'everframe.client.carrier'), 'websocket');
  await until('the status line says so', async () =>
    (await dan.locator('#status').textContent())?.includes('WebSocket'),
  );
  const told = await ask<{ name: string }>(dan, "everframe.harvestNearest('pine')");
  assert.equal(told.name, 'applied');
  const { body } = await ask<{ body: string }>(dan, 'everframe.player');
  await until('Ada sees Dan', () => ada.client.avatars.all.get(BigInt(body)));
  assert.deepEqual(pages.troubles, []);
});

test('after kill -9 a tunnel is there again, with the same body', async () => {
  const bob = walkers[1]!;
  const { body } = bob.client.welcome!;
  const { welcomes } = bob;
  pages.away = true;
  await server.kill();
  await until('Bob notices', () => bob.client.state !== 'in_world');
  await server.start();
  await until('Bob is back', () => bob.client.state === 'in_world' && bob.welcomes > welcomes);
  assert.equal(bob.client.welcome!.body, body);
  assert.equal(bob.client.carrier, 'websocket');
  await bob.client.leave();
  assert.equal(bob.client.state, 'closed');
});
