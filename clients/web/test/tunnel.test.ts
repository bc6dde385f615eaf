// What would break these: a player without UDP who stays outside, one with UDP who is sent through a tunnel, a
// second player made for the same person on the way, a message lost because it came early.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Client, memoryTokens, SignalingError } from '../src/index.js';
import type { ClientOptions } from '../src/index.js';
import { FALLBACK_MS } from '../src/link.js';
import { WEBRTC_AGAIN_MS } from '../src/client.js';
import { FakeServer, settled, VirtualClock } from './fake.js';

function stage(options: Partial<ClientOptions> = {}, prepare: (server: FakeServer) => void = () => {}) {
  const server = new FakeServer();
  prepare(server);
  const clock = new VirtualClock();
  const client = new Client({
    url: 'http://world.test',
    name: 'Ada',
    clock,
    tokens: memoryTokens(),
    random: () => 1,
    WebSocket: server.WebSocket,
    PeerConnection: server.PeerConnection,
    fetch: server.fetch,
    ...options,
  });
  return { server, clock, client };
}

test('where WebRTC opens no tunnel is asked for, and the WebSocket is let go', async () => {
  const { server, clock, client } = stage();
  const joined = client.connect();
  await settled();
  server.last.welcome();
  await joined;
  await clock.pass(FALLBACK_MS + 200);
  assert.equal(client.carrier, 'webrtc');
  assert.deepEqual(
    server.sockets.map(({ requests, readyState }) => [requests.map(({ type }) => type), readyState]),
    [[['offer'], 3]],
  );
  client.close();
});

test('without WebRTC a tunnel carries both channels', async () => {
  const { server, clock, client } = stage({ PeerConnection: null });
  const joined = client.connect();
  await settled();
  const socket = server.sockets[0]!;
  assert.deepEqual(socket.requests, [{ type: 'tunnel', name: 'Ada' }]);
  socket.welcome(4);
  await joined;
  assert.equal(client.carrier, 'websocket');
  const outcome = client.harvest(5n);
  assert.deepEqual(socket.heard.at(-1), { kind: 'action', seq: 5, body: { what: 'harvest', target: 5n } });
  socket.say({ kind: 'applied', seq: 5, frame: 11 });
  assert.equal((await outcome).applied, true);
  assert.equal(client.sendPose({ position: { x: 1, y: 0, z: 2 }, yaw: 0 }), true);
  assert.equal(socket.poses[0]!.poseSeq, 1);
  socket.show({ kind: 'state', tick: 1, wallMsLow: 0, frame: 12, poseSeq: 1, avatars: [] });
  assert.equal(client.frame, 12);
  await clock.pass(100);
  socket.bufferedAmount = 301;
  assert.equal(client.sendPose({ position: { x: 1, y: 0, z: 2 }, yaw: 0 }), false, 'the socket is behind');
  client.close();
  assert.equal(socket.readyState, 3);
});

test('where UDP is blocked the same player comes in through the same WebSocket', async () => {
  const { server, clock, client } = stage({}, (one) => (one.udpBlocked = true));
  const joined = client.connect();
  await clock.pass(FALLBACK_MS - 100);
  assert.equal(server.sockets[0]!.requests.length, 1, 'too early');
  await clock.pass(200);
  assert.equal(server.sockets.length, 1);
  assert.deepEqual(server.sockets[0]!.requests[1], { type: 'tunnel', token: 'secret', name: 'Ada' });
  assert.ok(server.last.closed);
  server.sockets[0]!.welcome();
  await joined;
  assert.equal(client.carrier, 'websocket');

  // Its next session goes straight there; after a while WebRTC has another chance.
  server.sockets[0]!.vanish();
  await clock.pass(600);
  assert.equal(server.sessions.length, 1);
  assert.deepEqual(server.sockets[1]!.requests.map(({ type }) => type), ['tunnel']);
  server.sockets[1]!.welcome();
  assert.equal(client.state, 'in_world');
  server.udpBlocked = false;
  for (let ms = 0; ms < WEBRTC_AGAIN_MS; ms += 1_000) {
    await clock.pass(1_000);
    const ping = server.sockets[1]!.heard.filter(({ kind }) => kind === 'ping').at(-1);
    if (ping?.kind === 'ping') server.sockets[1]!.say({ kind: 'pong', nonce: ping.nonce, frame: 12, wallMs: 1 });
  }
  server.sockets[1]!.vanish();
  await clock.pass(600);
  assert.equal(server.sessions.length, 2);
  server.last.welcome();
  assert.equal(client.carrier, 'webrtc');
  client.close();
});

test('a connection that fails at once is not waited for', async () => {
  const { server, client } = stage({}, (one) => (one.udpBlocked = true));
  void client.connect().catch(() => {});
  await settled();
  server.last.vanish();
  await settled();
  assert.deepEqual(server.sockets[0]!.requests.map(({ type }) => type), ['offer', 'tunnel']);
  client.close();
});

test('a welcome right behind the answer is heard', async () => {
  const { client } = stage({ carrier: 'websocket' }, (one) => (one.welcomesAtOnce = true));
  await client.connect();
  assert.equal(client.welcome!.name, 'Ada');
  client.close();
});

test('a refusal is told, not tunnelled around', async () => {
  const { server, client } = stage();
  server.refusals = [{ code: 'unknown_token', message: 'no player has this token' }];
  await assert.rejects(client.connect(), (error) => error instanceof SignalingError);
  assert.equal(server.sockets[0]!.requests.length, 1);
});

test('an offer that the server does not understand is no end', async () => {
  const { server, client } = stage();
  server.refusals = [{ code: 'bad_offer', message: 'line 3' }];
  void client.connect().catch(() => {});
  await settled();
  assert.equal(server.sockets.flatMap(({ requests }) => requests).at(-1)!.type, 'tunnel');
  client.close();
});

test('a tunnel that does not come up is tried again later', async () => {
  const { server, clock, client } = stage({ carrier: 'websocket' }, (one) => (one.socketsOpen = false));
  const joined = client.connect();
  await settled();
  assert.equal(client.state, 'waiting');
  server.socketsOpen = true;
  await clock.pass(1_000);
  server.sockets.at(-1)!.welcome();
  await joined;
  client.close();
});

test('who wants WebRTC only never gets a tunnel', async () => {
  const { server, clock, client } = stage({ carrier: 'webrtc' }, (one) => (one.udpBlocked = true));
  void client.connect().catch(() => {});
  await clock.pass(60_000);
  assert.ok(server.sockets.flatMap(({ requests }) => requests).every(({ type }) => type === 'offer'));
  client.close();
});

test('a client that nothing could carry says so', () => {
  assert.throws(() => stage({ PeerConnection: null, WebSocket: null }));
  assert.throws(() => stage({ PeerConnection: null, carrier: 'webrtc' }));
  assert.throws(() => stage({ WebSocket: null, carrier: 'websocket' }));
});
