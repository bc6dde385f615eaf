// What would break these: a replica that drifts from the server's chunks, a listener told of what did not
// happen.
import assert from 'node:assert/strict';
import test from 'node:test';
import { World } from '../src/index.js';
import type { EntityView, Message } from '../src/index.js';

const thing = (id: bigint, hp = 10): EntityView => ({
  id,
  type: 2,
  position: { x: 0, y: 0, z: 0 },
  yaw: 0,
  hp,
  state: 0,
  owner: 0n,
  stacks: [],
});
const snapshot = (chunk: bigint, version: number, ...entities: EntityView[]): Message<'chunk_snapshot'> => ({
  kind: 'chunk_snapshot',
  chunk,
  version,
  entities,
});
const changes = (
  chunk: bigint,
  fromVersion: number,
  version: number,
  upserts: EntityView[],
  removed: bigint[] = [],
): Message<'chunk_changes'> => ({
  kind: 'chunk_changes',
  chunk,
  fromVersion,
  version,
  frame: version,
  upserts,
  removed,
});

function watched(): { world: World; log: string[] } {
  const world = new World();
  const log: string[] = [];
  world.on('added', ({ id }) => log.push(`+${id}`));
  world.on('changed', ({ entity, before }) => log.push(`${before.hp}->${entity.hp}`));
  world.on('removed', ({ id }) => log.push(`-${id}`));
  return { world, log };
}

test('changes apply to the version that they name', () => {
  const { world, log } = watched();
  world.snapshot(snapshot(1n, 5, thing(1n), thing(2n)));
  assert.equal(world.changes(changes(1n, 5, 9, [thing(1n, 4), thing(3n)], [2n])), false);
  assert.deepEqual(log, ['+1', '+2', '-2', '10->4', '+3']);
  assert.equal(world.versionOf(1n), 9);
  assert.deepEqual([...world.entities.keys()].sort(), [1n, 3n]);
});

test('a gap asks once for the chunk and changes nothing until the snapshot', () => {
  const { world, log } = watched();
  world.snapshot(snapshot(1n, 5, thing(1n)));
  assert.equal(world.changes(changes(1n, 6, 7, [thing(2n)])), true);
  assert.equal(world.changes(changes(1n, 7, 8, [thing(3n)])), false);
  assert.deepEqual(log, ['+1']);
  world.snapshot(snapshot(1n, 8, thing(2n), thing(3n)));
  assert.deepEqual(log, ['+1', '+2', '+3', '-1']);
  assert.equal(world.changes(changes(1n, 8, 9, [], [2n])), false);
  assert.equal(world.entities.size, 1);
});

test("changes of a chunk that is not in view are nobody's", () => {
  const { world, log } = watched();
  assert.equal(world.changes(changes(1n, 0, 1, [thing(1n)])), false);
  assert.deepEqual(log, []);
});

test('forgetting a chunk takes its things along, and no others', () => {
  const { world, log } = watched();
  world.snapshot(snapshot(1n, 5, thing(1n)));
  world.snapshot(snapshot(2n, 5, thing(2n)));
  world.forget(1n);
  assert.deepEqual(log, ['+1', '+2', '-1']);
  world.clear();
  assert.equal(world.entities.size + world.chunkCount, 0);
});

test('a thing that crosses into another chunk is not taken by the one that it left', () => {
  const { world, log } = watched();
  world.snapshot(snapshot(1n, 5, thing(1n)));
  world.snapshot(snapshot(2n, 5));
  world.changes(changes(2n, 5, 6, [thing(1n, 9)]));
  world.changes(changes(1n, 5, 6, [], [1n]));
  assert.deepEqual(log, ['+1', '10->9']);
  assert.equal(world.entities.get(1n)!.chunk, 2n);
  world.forget(1n);
  assert.equal(world.entities.size, 1);
});
