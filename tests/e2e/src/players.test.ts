// Two players over real WebRTC from Node. What would break these: anything between a data channel and the
// disk.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ActionLost, GoodbyeReason } from '@everframe/client';
import type { Outcome, Shown } from '@everframe/client';
import { cleanup } from 'node-datachannel';
import { serverUnderTest, until } from './server.js';
import { Walker } from './walker.js';

const server = serverUnderTest();
let ada: Walker;
let bob: Walker;
let wall: bigint;

before(async () => {
  await server.start();
  ada = await new Walker(server.url, 'Ada').join();
  bob = await new Walker(server.url, 'Bob').join();
});
after(async () => {
  ada?.client.close();
  bob?.client.close();
  await server.remove();
  cleanup(); // its threads would keep this process
});

test('two players see each other walk', async () => {
  const goal = { x: ada.place.x + 4000, y: 0, z: ada.place.z + 2500 };
  await ada.walkTo(goal, 0);
  const body = ada.client.welcome!.body;
  await until('Bob sees where Ada has gone', () => {
    const position = bob.client.avatars.all.get(body)?.pose?.position;
    return position && Math.hypot(position.x - goal.x, position.z - goal.z) < 50;
  });
  assert.equal(bob.client.avatars.all.get(body)!.name, 'Ada');
  const shown: Shown = { x: 0, y: 0, z: 0, yaw: 0, pitch: 0 };
  await until('she is shown there', () => {
    bob.client.avatars.look(body, performance.now(), shown);
    return Math.hypot(shown.x - goal.x, shown.z - goal.z) < 50;
  });
});

test('a step that is too far is taken back', async () => {
  const from = { ...ada.place };
  let moved = 0;
  const stop = ada.client.on('moved', () => ++moved);
  await until('a pose was sent', () =>
    ada.client.sendPose({ position: { ...from, x: from.x + 300_000 }, yaw: 0 }),
  );
  await until('the server says no', () => moved > 0);
  stop();
  assert.ok(Math.hypot(ada.place.x - from.x, ada.place.z - from.z) < 1000);
});

test('what is harvested is carried, and the other sees it', async () => {
  const tree = ada.things('pine')[0]!;
  const hp = tree.hp;
  await ada.gatherWood(5);
  assert.ok(ada.carried('wood') >= 5);
  const seen = await until('Bob sees the tree', () => bob.client.world.entities.get(tree.id));
  await until('Bob sees it hurt', () => (bob.client.world.entities.get(tree.id) ?? seen).hp < hp);
});

test('what is out of reach is refused by name', async () => {
  // In view, but beyond arms: what is farther still is refused as unknown.
  const far = ada
    .things('oak')
    .find(({ position: p }) => Math.hypot(p.x - ada.place.x, p.z - ada.place.z) > 8_000)!;
  const outcome = await ada.client.harvest(far.id);
  assert.equal(ada.reason(outcome), 'out_of_range');
});

test('a wall that one builds stands for the other', async () => {
  const site = ada.clearing(ada.place);
  await ada.walkTo(site, 2000);
  const wood = ada.carried('wood');
  const outcome = await ada.client.build(ada.type('wood_wall'), site, 90_000);
  assert.ok(outcome.applied, ada.content.refusals.find(({ code }) => code === outcome.reason)?.name);
  const seen = await until('Bob sees the wall', () => bob.things('wood_wall')[0]);
  assert.deepEqual(seen.position, site);
  assert.equal(seen.owner, ada.client.welcome!.player);
  await until('it was paid for', () => ada.carried('wood') === wood - 4);
  wall = seen.id;
});

test('after kill -9 the wall stands, and both are back in their bodies with what they carried', async () => {
  const bodies = [ada, bob].map(({ client }) => client.welcome!.body);
  const carried = [ada, bob].map(({ client }) => JSON.stringify(client.inventory));
  const place = { x: Math.round(ada.place.x), y: 0, z: Math.round(ada.place.z) };
  await new Promise((resolve) => setTimeout(resolve, 2500)); // poses are stored at most a second late
  await server.kill();
  await until('they notice', () => ada.client.state !== 'in_world' && bob.client.state !== 'in_world');
  await server.start();
  await until('they are back', () => ada.client.state === 'in_world' && bob.client.state === 'in_world');
  assert.deepEqual(
    [ada, bob].map(({ client }) => client.welcome!.body),
    bodies,
  );
  await until('Ada carries the same', () => JSON.stringify(ada.client.inventory) === carried[0]);
  await until('Bob carries the same', () => JSON.stringify(bob.client.inventory) === carried[1]);
  await until('the wall stands', () => bob.client.world.entities.get(wall));
  assert.deepEqual(ada.client.welcome!.position, place);
});

test('actions on their way when the server is killed take effect exactly once', async () => {
  const wood = ada.item('wood');
  const lying = (): number =>
    ada
      .things('item_pile')
      .flatMap(({ stacks }) => stacks)
      .reduce((sum, stack) => sum + (stack.item === wood ? stack.count : 0), 0);
  await ada.gatherWood(20);
  const before = ada.carried('wood');
  for (const killedAfter of [3, 6]) {
    const welcomes = [ada, bob].map((one) => one.welcomes);
    const outcomes: Promise<Outcome>[] = [];
    let killed: Promise<void> | null = null;
    for (let i = 0; i < 10; ++i) {
      outcomes.push(ada.client.dropItems(wood, 1));
      if (i === killedAfter) killed = server.kill();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.ok(ada.client.unanswered > 0, 'all were answered: nothing is tested');
    await killed;
    await server.start();
    assert.ok((await Promise.all(outcomes)).every(({ applied }) => applied));
    await until('both are back', () => ada.welcomes > welcomes[0]! && bob.welcomes > welcomes[1]!);
  }
  await until('what was dropped is carried no more', () => ada.carried('wood') === before - 20);
  await until('what was dropped lies there', () => lying() === 20);
});

test('a token that enters elsewhere ends the older session, which does not fight back', async () => {
  let reason = 0;
  ada.client.on('goodbye', (goodbye) => (reason = goodbye.reason));
  const twin = await new Walker(server.url, 'ignored', ada.tokens).join();
  await until('Ada was replaced', () => ada.client.state === 'closed');
  assert.equal(reason, GoodbyeReason.REPLACED);
  assert.equal(twin.client.welcome!.name, 'Ada');
  assert.equal(twin.client.welcome!.body, ada.client.welcome!.body);
  await assert.rejects(async () => {
    const lost = twin.client.act({ what: 'idle' });
    twin.client.close();
    await lost;
  }, ActionLost);
});

test('a server that is asked to stop tells its players, and they find the next one', async () => {
  await until('Bob is back from the last time', () => bob.client.state === 'in_world');
  let reason = 0;
  bob.client.on('goodbye', (goodbye) => (reason = goodbye.reason));
  await server.stop();
  await until('Bob was told', () => reason === GoodbyeReason.DRAINING);
  await server.start();
  await until('Bob is back', () => bob.client.state === 'in_world');
  await bob.client.leave();
  assert.equal(bob.client.state, 'closed');
});
