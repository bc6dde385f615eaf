// What would break these: an action lost, doubled or out of order over a reconnect; a body taken back from
// whoever took it over; a crowd of retries; a connection that is dead and not noticed.
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  ActionLost,
  Client,
  GoodbyeReason,
  memoryTokens,
  SignalingError,
  UNANSWERED_MAX,
} from '../src/index.js';
import type { ClientState, TokenStore } from '../src/index.js';
import { FakeServer, settled, VirtualClock } from './fake.js';

interface Stage {
  server: FakeServer;
  clock: VirtualClock;
  client: Client;
  tokens: TokenStore;
  states: ClientState[];
}

function stage(token: string | null = null): Stage {
  const server = new FakeServer();
  const clock = new VirtualClock();
  const tokens = memoryTokens(token);
  const client = new Client({
    url: 'http://world.test/',
    name: 'Ada',
    clock,
    tokens,
    random: () => 1,
    WebSocket: null,
    PeerConnection: server.PeerConnection,
    fetch: server.fetch,
  });
  const states: ClientState[] = [];
  client.on('state', ({ state }) => states.push(state));
  return { server, clock, client, tokens, states };
}

async function inWorld(token: string | null = null): Promise<Stage> {
  const it = stage(token);
  const joined = it.client.connect();
  await settled();
  it.server.last.welcome();
  await joined;
  return it;
}

test('a first connect offers a name, opens both channels and keeps the token', async () => {
  const { server, client, tokens } = await inWorld();
  assert.deepEqual(server.offers, [{ type: 'offer', sdp: 'the offer', name: 'Ada' }]);
  assert.deepEqual(
    server.last.channels.map(({ label, options }) => [label, options]),
    [
      ['events', { ordered: true, protocol: 'everframe.1' }],
      ['state', { ordered: false, maxRetransmits: 0, protocol: 'everframe.1' }],
    ],
  );
  assert.equal(tokens.load(), 'secret');
  assert.equal(client.state, 'in_world');
  client.close();
});

test('a kept token is offered again', async () => {
  const { server, client } = await inWorld('old secret');
  assert.equal(server.offers[0]!.token, 'old secret');
  client.close();
});

test('nothing is sent on events before the welcome', async () => {
  const { server, client } = stage();
  void client.connect().catch(() => {});
  void client.act({ what: 'idle' }).catch(() => {});
  await settled();
  assert.equal(server.last.heard.length, 0);
  assert.equal(client.sendPose({ position: { x: 0, y: 0, z: 0 }, yaw: 0 }), false);
  server.last.welcome(4);
  assert.deepEqual(server.last.actions, [{ seq: 5, what: 'idle' }]);
  client.close();
});

test('an action resolves with its answer, applied or refused', async () => {
  const { server, client } = await inWorld();
  const first = client.harvest(5n);
  const second = client.craft(1);
  server.last.say({ kind: 'accepted', seq: 1 });
  server.last.say({ kind: 'applied', seq: 1, frame: 11 });
  server.last.say({ kind: 'refused', seq: 2, frame: 11, reason: 6 });
  assert.deepEqual(await first, { seq: 1, frame: 11, applied: true, reason: 0 });
  assert.deepEqual(await second, { seq: 2, frame: 11, applied: false, reason: 6 });
  assert.equal(client.frame, 11);
  assert.equal(client.unanswered, 0);
  client.close();
});

test('no more than the allowed number of actions is unanswered at once', async () => {
  const { server, client } = await inWorld();
  for (let i = 0; i < UNANSWERED_MAX + 5; ++i) void client.act({ what: 'idle' }).catch(() => {});
  assert.equal(server.last.actions.length, UNANSWERED_MAX);
  server.last.say({ kind: 'applied', seq: 2, frame: 11 });
  assert.equal(server.last.actions.length, UNANSWERED_MAX, 'the oldest is still unanswered');
  server.last.say({ kind: 'applied', seq: 1, frame: 11 });
  assert.equal(server.last.actions.length, UNANSWERED_MAX + 2);
  client.close();
});

test('after a reconnect unanswered actions are sent again, in order, with their numbers', async () => {
  const { server, clock, client } = await inWorld();
  const outcomes = [client.harvest(1n), client.harvest(2n), client.harvest(3n)];
  server.last.say({ kind: 'applied', seq: 1, frame: 11 });
  server.last.vanish();
  const late = client.act({ what: 'idle' });
  await clock.pass(2_000);
  assert.equal(server.sessions.length, 2);
  assert.equal(server.offers[1]!.token, 'secret');
  server.last.welcome(2); // seq 2 took effect, and its answer was lost
  assert.deepEqual(
    server.last.actions.map(({ seq }) => seq),
    [2, 3, 4],
  );
  for (const seq of [2, 3, 4]) server.last.say({ kind: 'applied', seq, frame: 12 });
  assert.deepEqual(
    (await Promise.all([...outcomes, late])).map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  client.close();
});

test('an answer that comes twice counts once', async () => {
  const { server, client } = await inWorld();
  let applied = 0;
  client.on('applied', () => ++applied);
  void client.harvest(1n);
  server.last.say({ kind: 'applied', seq: 1, frame: 11 });
  server.last.say({ kind: 'applied', seq: 1, frame: 11 });
  assert.equal(applied, 1);
  client.close();
});

test('what was refused before the queue is sent again, with all that follows it', async () => {
  const { server, clock, client } = await inWorld();
  const first = client.harvest(1n);
  const second = client.harvest(2n);
  server.last.say({ kind: 'refused', seq: 1, frame: 0, reason: 17 });
  server.last.say({ kind: 'refused', seq: 2, frame: 0, reason: 17 });
  void client.act({ what: 'idle' }).catch(() => {});
  assert.deepEqual(
    server.last.actions.map(({ seq }) => seq),
    [1, 2],
    'a new one must wait',
  );
  await clock.pass(300);
  assert.deepEqual(
    server.last.actions.map(({ seq }) => seq),
    [1, 2, 1, 2, 3],
  );
  server.last.say({ kind: 'applied', seq: 1, frame: 11 });
  server.last.say({ kind: 'applied', seq: 2, frame: 11 });
  assert.equal((await first).applied && (await second).applied, true);
  client.close();
});

test('who was replaced does not come back, and what was unanswered stays unknown', async () => {
  const { server, clock, client, states } = await inWorld();
  const action = client.harvest(1n);
  server.last.say({ kind: 'goodbye', reason: GoodbyeReason.REPLACED, detail: 'you entered elsewhere' });
  await assert.rejects(action, ActionLost);
  await clock.pass(60_000);
  assert.equal(server.sessions.length, 1);
  assert.deepEqual(states, ['connecting', 'in_world', 'closed']);
  assert.ok(server.last.closed);
});

test('a server that drains is left alone for a second', async () => {
  const { server, clock, client } = await inWorld();
  server.last.say({ kind: 'goodbye', reason: GoodbyeReason.DRAINING, detail: '' });
  assert.equal(client.state, 'waiting');
  await clock.pass(900);
  assert.equal(server.sessions.length, 1);
  await clock.pass(200);
  assert.equal(server.sessions.length, 2);
  client.close();
});

test('a goodbye that the news of its connection overtakes is heard', async () => {
  const { server, clock, client } = await inWorld();
  server.last.vanish();
  server.last.say({ kind: 'goodbye', reason: GoodbyeReason.REPLACED, detail: 'you entered elsewhere' });
  assert.equal(client.state, 'closed');
  await clock.pass(60_000);
  assert.equal(server.sessions.length, 1);
});

test('leaving says so and ends', async () => {
  const { server, client } = await inWorld();
  const left = client.leave();
  assert.equal(server.last.heard.at(-1)!.kind, 'leave');
  server.last.say({ kind: 'goodbye', reason: GoodbyeReason.LEFT, detail: '' });
  await left;
  assert.equal(client.state, 'closed');
});

test('an unreachable server is tried again, ever less often', async () => {
  const { server, clock, client } = stage();
  server.refusals = Array.from({ length: 20 }, () => 'unreachable' as const);
  const joined = client.connect();
  await clock.pass(100);
  assert.equal(server.offers.length, 1);
  await clock.pass(7_400); // 0.5 + 1 + 2 + 4 s
  assert.equal(server.offers.length, 5);
  await clock.pass(20_000);
  assert.ok(server.offers.length <= 8);
  server.refusals = [];
  await clock.pass(10_000);
  server.last.welcome();
  await joined;
  client.close();
});

test('an unknown token is told, not tried again', async () => {
  const { server, clock, client } = stage('of another world');
  server.refusals = [{ code: 'unknown_token', message: 'no player has this token' }];
  await assert.rejects(
    client.connect(),
    (error) => error instanceof SignalingError && error.code === 'unknown_token',
  );
  await clock.pass(60_000);
  assert.equal(server.offers.length, 1);
  client.forgetToken();
  const joined = client.connect();
  await settled();
  assert.equal(server.offers[1]!.token, undefined);
  server.last.welcome();
  await joined;
  client.close();
});

test('a server that has fallen silent is left for a new session', async () => {
  const { server, clock, client } = await inWorld();
  await clock.pass(3_500);
  assert.equal(server.sessions.length, 1);
  await clock.pass(3_000);
  assert.equal(server.sessions.length, 2);
  client.close();
});

test('a ping is answered before the next is sent, and its way measured', async () => {
  const { server, clock, client } = await inWorld();
  const ping = server.last.heard.find(({ kind }) => kind === 'ping');
  assert.ok(ping?.kind === 'ping');
  await clock.pass(30);
  server.last.say({ kind: 'pong', nonce: ping.nonce, frame: 12, wallMs: 1_000_030 });
  assert.equal(client.latencyMs, 30);
  assert.equal(client.frame, 12);
  client.close();
});

test('a message that cannot be read ends the session, and another begins', async (t) => {
  t.mock.method(console, 'error', () => {});
  const { server, clock, client } = await inWorld();
  server.last.channels[0]!.deliver(Uint8Array.of(0x7f));
  assert.equal(client.state, 'waiting');
  await clock.pass(1_000);
  assert.equal(server.sessions.length, 2);
  client.close();
});

test('poses keep to their rate and are skipped while bytes wait', async () => {
  const { server, clock, client } = await inWorld();
  const pose = { position: { x: 1.4, y: 0, z: -2.6 }, yaw: 89_999.7 };
  let sent = 0;
  for (let ms = 0; ms < 1_000; ms += 5) {
    if (client.sendPose(pose)) ++sent;
    await clock.pass(5);
  }
  assert.ok(sent >= 25 && sent <= 30, `${sent} poses in a second`);
  assert.deepEqual(
    server.last.poses.map(({ poseSeq }) => poseSeq),
    Array.from({ length: sent }, (_, i) => i + 1),
  );
  assert.deepEqual(server.last.poses[0]!.pose.position, { x: 1, y: 0, z: -3 });
  server.last.channels[1]!.bufferedAmount = 301;
  await clock.pass(100);
  assert.equal(client.sendPose(pose), false);
  client.close();
});

test('a chunk with a gap is asked for anew', async () => {
  const { server, client } = await inWorld();
  server.last.say({ kind: 'chunk_snapshot', chunk: 3n, version: 5, entities: [] });
  server.last.say({
    kind: 'chunk_changes',
    chunk: 3n,
    fromVersion: 6,
    version: 7,
    frame: 7,
    upserts: [],
    removed: [],
  });
  assert.deepEqual(server.last.heard.at(-1), { kind: 'resync', chunk: 3n });
  client.close();
});
