// Three hundred players over libdatachannel in one process, for a while (SOAK_PLAYERS, SOAK_SECONDS). What
// would break it: a peer that costs more the more there are, a session that is lost in a crowd.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, memoryTokens } from '@everframe/client';
import { cleanup } from 'node-datachannel';
import { serverUnderTest, until } from './server.js';
import { stacks } from './stacks.js';
import { slowClock } from './walker.js';

const PLAYERS = Number(process.env['SOAK_PLAYERS'] ?? 300);
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 10);
const JOINING_AT_ONCE = 20;

// One process of Node reads what all of them hear: seldom, or it is the first to fall behind.
const server = serverUnderTest({ more: ['--state-hz', '10'] });
const clients: Client[] = [];
let losses = 0;

before(() => server.start());
after(async () => {
  for (const client of clients) client.close();
  await server.remove();
  cleanup();
});

test(`${PLAYERS} players join, and live in one world for ${SECONDS} s`, async () => {
  for (let i = 0; i < PLAYERS; i += JOINING_AT_ONCE) {
    const some = Array.from({ length: Math.min(JOINING_AT_ONCE, PLAYERS - i) }, (_, k) => {
      const client = new Client({
        url: server.url,
        name: `Soak ${i + k}`,
        tokens: memoryTokens(),
        PeerConnection: stacks.libdatachannel,
        carrier: 'webrtc',
        clock: slowClock,
      });
      clients.push(client);
      return client.connect();
    });
    await Promise.all(some);
  }
  for (const client of clients) client.on('state', () => ++losses);
  let applied = 0;
  const actions: Promise<void>[] = [];
  for (let second = 0; second < SECONDS; ++second) {
    const begun = Date.now();
    for (const [i, client] of clients.entries()) {
      const { position } = client.welcome!;
      client.sendPose({ position: { ...position, x: position.x + (second % 2) * 500 }, yaw: 0 });
      if ((i + second) % 5 === 0) {
        actions.push(client.act({ what: 'idle' }).then((outcome) => void (applied += outcome.applied ? 1 : 0)));
      }
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + 1_000 - Date.now())));
  }
  await Promise.all(actions);
  assert.equal(applied, actions.length);
  assert.equal(losses, 0);
  assert.ok(clients.every(({ state }) => state === 'in_world'));
  await until('some see others', () => clients.every(({ avatars }) => avatars.all.size > 0));
  const sent = await server.metric('everframe_datagrams_out_total');
  console.log(`${PLAYERS} players, ${actions.length} actions, ${sent} datagrams out`);
});
