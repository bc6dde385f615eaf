// spec/vectors/*.jsonl, the same files that the C++ codec is tested against. What would break these: a field
// in another order, a number that loses bits, bytes accepted that the grammar does not allow.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { clientEvents, clientStates, serverEvents, serverStates, WireError } from '../src/index.js';
import type { Codec } from '../src/index.js';

interface Line {
  channel: string;
  name?: string;
  bytes: string;
  message?: unknown;
  wide?: boolean;
  refused?: string;
}

const folder = new URL('../../../../spec/vectors/', import.meta.url);
const lines = readdirSync(folder)
  .filter((file) => file.endsWith('.jsonl'))
  .flatMap((file) =>
    readFileSync(new URL(file, folder), 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  )
  .map((line) => JSON.parse(line) as Line);

const codecs: Record<string, Codec<any>> = {
  client_events: clientEvents,
  client_state: clientStates,
  server_events: serverEvents,
  server_state: serverStates,
};
const codecOf = (line: Line): Codec<any> => {
  const codec = codecs[line.channel];
  assert.ok(codec, `no channel is called ${line.channel}`);
  return codec;
};
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

// Both spellings of a message, made alike: numbers of all kinds as text, names with underscores.
function plain(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [snake(name), plain(one)]));
}

test('every vector decodes to its message and encodes back to its bytes', () => {
  let count = 0;
  for (const line of lines) {
    if (line.refused !== undefined || line.wide) continue;
    const message = codecOf(line).decode(bytesOf(line.bytes));
    assert.deepEqual(plain(message), plain(line.message), line.name);
    assert.equal(Buffer.from(codecOf(line).encode(message)).toString('hex'), line.bytes, line.name);
    ++count;
  }
  assert.ok(count >= 50, `only ${count} vectors were found`);
});

test('numbers beyond what number holds exactly are refused, never rounded', () => {
  const wide = lines.filter((line) => line.wide);
  assert.ok(wide.length >= 4);
  for (const line of wide)
    assert.throws(() => codecOf(line).decode(bytesOf(line.bytes)), WireError, line.name);
});

test('bytes that break the grammar are refused', () => {
  const refused = lines.filter((line) => line.refused !== undefined);
  assert.ok(refused.length >= 40);
  for (const line of refused) {
    assert.throws(() => codecOf(line).decode(bytesOf(line.bytes)), WireError, line.refused);
  }
});

test('every proper prefix of a message is refused', () => {
  for (const line of lines) {
    if (line.refused !== undefined || line.wide) continue;
    const bytes = bytesOf(line.bytes);
    for (let length = 0; length < bytes.length; ++length) {
      assert.throws(
        () => codecOf(line).decode(bytes.subarray(0, length)),
        WireError,
        `${line.name}: ${length}`,
      );
    }
  }
});

test('values that the wire cannot say are refused by the encoder', () => {
  const bad = [
    { kind: 'action', seq: -1, body: { what: 'idle' } },
    { kind: 'action', seq: 1.5, body: { what: 'idle' } },
    { kind: 'action', seq: 1, body: { what: 'fly' } },
    { kind: 'action', seq: 1, body: { what: 'drop', item: 65536, count: 1 } },
    {
      kind: 'action',
      seq: 1,
      body: { what: 'build', type: 1, position: { x: 2 ** 31, y: 0, z: 0 }, yaw: 0 },
    },
    { kind: 'action', seq: 1, body: { what: 'build', type: 1, position: { x: 0.5, y: 0, z: 0 }, yaw: 0 } },
    { kind: 'ping', nonce: -1n },
    { kind: 'ping', nonce: 1n << 64n },
    { kind: 'resync', chunk: -1n },
  ];
  for (const message of bad) assert.throws(() => clientEvents.encode(message as never), WireError);
});
