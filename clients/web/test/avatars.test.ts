// What would break these: bodies that jerk, spin the long way round, run backwards, or slide across a
// teleport.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Avatars, chunkAt, chunkCode, chunkCoordinates, packRotation, unpackRotation } from '../src/index.js';
import type { Pose, Shown, StateMessage } from '../src/index.js';

const pose = (x: number, yaw = 0): Pose => ({
  position: { x, y: 0, z: 0 },
  yaw,
  pitch: 0,
  parts: { head: null, leftHand: null, rightHand: null },
});
const state = (tick: number, wallMsLow: number, x: number, yaw = 0): StateMessage => ({
  kind: 'state',
  tick,
  wallMsLow,
  frame: 1,
  poseSeq: 0,
  avatars: [{ body: 5n, pose: pose(x, yaw) }],
});
function seen(): Avatars {
  const avatars = new Avatars();
  avatars.came({ kind: 'avatar', body: 5n, player: 1n, name: 'Ada' });
  return avatars;
}
function look(avatars: Avatars, now: number): Shown {
  const shown = { x: NaN, y: NaN, z: NaN, yaw: NaN, pitch: NaN };
  assert.ok(avatars.look(5n, now, shown));
  return shown;
}

test('a body is shown a tenth of a second ago, between two poses', () => {
  const avatars = seen();
  for (let i = 0; i <= 10; ++i) avatars.state(state(i + 1, 5_000 + 33 * i, 100 * i), 33 * i);
  const shown = look(avatars, 330);
  assert.ok(Math.abs(shown.x - ((330 - 100) / 33) * 100) < 1, `x ${shown.x}`);
});

test('messages that come late or in the wrong order do not turn a body back', () => {
  const avatars = seen();
  assert.equal(avatars.state(state(2, 5_033, 100), 40), true);
  assert.equal(avatars.state(state(1, 5_000, 0), 41), false);
  assert.equal(avatars.all.get(5n)!.pose!.position.x, 100);
  let last = -Infinity;
  for (let i = 0; i < 30; ++i) {
    avatars.state(state(i + 3, 5_066 + 33 * i, 200 + 100 * i), 73 + 33 * i + (i % 4) * 20);
    const { x } = look(avatars, 73 + 33 * i + 70);
    assert.ok(x >= last, `from ${last} back to ${x}`);
    last = x;
  }
});

test("the low half of the server's time may wrap", () => {
  const avatars = seen();
  avatars.state(state(1, 2 ** 32 - 20, 0), 0);
  avatars.state(state(2, 20, 400), 40);
  assert.ok(Math.abs(look(avatars, 120).x - 200) < 1);
});

test('a turn takes the shorter way', () => {
  const avatars = seen();
  avatars.state(state(1, 1_000, 0, 170_000), 0);
  avatars.state(state(2, 1_040, 0, -170_000), 40);
  assert.equal(look(avatars, 120).yaw, 180_000);
});

test('a body that rested sets off when it does, not when it was last heard of', () => {
  const avatars = seen();
  avatars.state(state(1, 1_000, 0), 0);
  avatars.state(state(2, 9_000, 300), 8_000);
  assert.equal(look(avatars, 8_040).x, 0);
  assert.equal(look(avatars, 8_100).x, 300);
});

test('a far step is a jump', () => {
  const avatars = seen();
  avatars.state(state(1, 1_000, 0), 0);
  avatars.state(state(2, 1_040, 400_000), 40);
  assert.equal(look(avatars, 130).x, 0);
  assert.equal(look(avatars, 140).x, 400_000);
});

test('packed rotations come back to within a step', () => {
  let seed = 1;
  const random = (): number => ((seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647) * 2 - 1;
  for (let i = 0; i < 500; ++i) {
    const q = { x: random(), y: random(), z: random(), w: random() };
    const length = Math.hypot(q.x, q.y, q.z, q.w);
    const back = unpackRotation(packRotation(q));
    const dot = Math.abs(q.x * back.x + q.y * back.y + q.z * back.z + q.w * back.w) / length;
    assert.ok(dot > 0.99999, `${dot}`);
  }
  assert.deepEqual(unpackRotation(packRotation({ x: 0, y: 0, z: 0, w: 1 })), { x: 0, y: 0, z: 0, w: 1 });
});

test('chunk codes are those of the specification', () => {
  assert.equal(chunkCode(0, 0), 3_221_225_472n);
  assert.equal(chunkCode(1, 0), 3_221_225_473n);
  assert.equal(chunkCode(0, 1), 3_221_225_474n);
  assert.equal(chunkAt({ x: -1, z: 32_000 }, 32_000), chunkCode(-1, 1));
  for (const [x, z] of [
    [-32_768, 32_767],
    [5, -9],
    [0, 0],
  ] as const) {
    assert.deepEqual(chunkCoordinates(chunkCode(x, z)), { x, z });
  }
});
