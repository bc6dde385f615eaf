// Probe: `window.everframe`, by which tests and the curious drive the page. Documented in console/README.md.
// What it gives is plain data (ids as text), so that it passes out of a browser.
import type { Client, Content, Outcome } from '@everframe/client';
import type * as THREE from 'three';
import type { Player } from './player.js';
import type { Things } from './things.js';

export interface Told extends Outcome {
  /** The refusal's name, or "applied". */
  name: string;
}
export interface Seen {
  id: string;
  key: string;
  x: number; // metres
  z: number;
  hp: number;
  state: number;
  owner: string;
  far: number; // metres from the player
  stacks: Record<string, number>;
}

export interface Probe {
  client: Client;
  content: Content | null;
  /** In the world, with at least one chunk in view. */
  ready: boolean;
  player: { name: string; id: string; body: string; x: number; z: number; yaw: number };
  entities(key?: string): Seen[];
  nearest(key: string): Seen | null;
  inventory(): Record<string, number>;
  avatars(): { name: string; player: string; body: string; x: number; z: number; yaw: number }[];
  walkTo(x: number, z: number): Promise<void>;
  look(yawDegrees: number, pitchDegrees: number): void;
  harvest(id: string): Promise<Told>;
  harvestNearest(key: string): Promise<Told>;
  build(key: string, x: number, z: number, yawDegrees?: number): Promise<Told>;
  craft(key: string, times?: number): Promise<Told>;
  interact(id: string): Promise<Told>;
  pickUp(id: string): Promise<Told>;
  drop(key: string, count: number): Promise<Told>;
  stats(): { fps: number; frameMs: number; drawCalls: number; triangles: number; entities: number };
}

export interface Stage {
  client: Client;
  content: Content;
  player: Player;
  things: Things;
  renderer: THREE.WebGLRenderer;
  pace: { fps: number; frameMs: number };
}

/** Before the world is there. */
export function announce(client: Client): void {
  const away = (): never => {
    throw new Error('the world is not there yet: wait for everframe.ready');
  };
  const nothing = { name: '', id: '', body: '', x: 0, z: 0, yaw: 0 };
  const probe: Probe = {
    client,
    content: null,
    ready: false,
    player: nothing,
    entities: away,
    nearest: away,
    inventory: away,
    avatars: away,
    walkTo: away,
    look: away,
    harvest: away,
    harvestNearest: away,
    build: away,
    craft: away,
    interact: away,
    pickUp: away,
    drop: away,
    stats: away,
  };
  (window as unknown as { everframe: Probe }).everframe = probe;
}

export function expose({ client, content, player, things, renderer, pace }: Stage): void {
  const told = async (outcome: Promise<Outcome>): Promise<Told> => {
    const answer = await outcome;
    const refusal = content.refusals.find(({ code }) => code === answer.reason);
    return { ...answer, name: answer.applied ? 'applied' : (refusal?.name ?? `refusal ${answer.reason}`) };
  };
  const indexOf = (list: { key: string }[], key: string): number => {
    const index = list.findIndex((one) => one.key === key);
    if (index < 0)
      throw new Error(`the content pack has no "${key}": it has ${list.map((one) => one.key).join(', ')}`);
    return index;
  };
  const counts = (stacks: readonly { item: number; count: number }[]): Record<string, number> => {
    const sums: Record<string, number> = {};
    for (const { item, count } of stacks) {
      const key = content.items[item]?.key ?? `${item}`;
      sums[key] = (sums[key] ?? 0) + count;
    }
    return sums;
  };
  const probe: Probe = {
    client,
    content,
    get ready() {
      return client.state === 'in_world' && client.world.chunkCount > 0;
    },
    get player() {
      const welcome = client.welcome;
      return {
        name: welcome?.name ?? '',
        id: `${welcome?.player ?? ''}`,
        body: `${welcome?.body ?? ''}`,
        x: player.x,
        z: player.z,
        yaw: (player.yaw / Math.PI) * 180,
      };
    },
    entities: (key) =>
      things.list
        .filter(({ def }) => key === undefined || def.key === key)
        .map(({ entity, def, x, z }) => ({
          id: `${entity.id}`,
          key: def.key,
          x,
          z,
          hp: entity.hp,
          state: entity.state,
          owner: `${entity.owner}`,
          far: Math.hypot(x - player.x, z - player.z),
          stacks: counts(entity.stacks),
        }))
        .sort((a, b) => a.far - b.far),
    nearest: (key) => probe.entities(key).find(({ state }) => (state & 1) === 0) ?? null,
    inventory: () => counts(client.inventory),
    avatars: () =>
      [...client.avatars.all.values()].flatMap(({ name, player: id, body, pose }) =>
        pose
          ? [
              {
                name,
                player: `${id}`,
                body: `${body}`,
                x: pose.position.x / 1000,
                z: pose.position.z / 1000,
                yaw: pose.yaw / 1000,
              },
            ]
          : [],
      ),
    walkTo: (x, z) => new Promise((reached) => void (player.goal = { x, z, reached })),
    look(yaw, pitch) {
      player.yaw = (yaw / 180) * Math.PI;
      player.pitch = (pitch / 180) * Math.PI;
    },
    harvest: (id) => told(client.harvest(BigInt(id))),
    async harvestNearest(key) {
      const target = probe.nearest(key);
      if (!target) throw new Error(`there is no ${key} in view that could be harvested`);
      const stop = Math.max(0, target.far - 1.5) / (target.far || 1);
      await probe.walkTo(player.x + (target.x - player.x) * stop, player.z + (target.z - player.z) * stop);
      await new Promise((resolve) => setTimeout(resolve, 150)); // until the pose has surely arrived
      return probe.harvest(target.id);
    },
    build: (key, x, z, yaw = 0) =>
      told(
        client.build(
          indexOf(content.entities, key),
          { x: Math.round(x * 1000), y: 0, z: Math.round(z * 1000) },
          Math.round(yaw * 1000),
        ),
      ),
    craft: (key, times = 1) => told(client.craft(indexOf(content.recipes, key), times)),
    interact: (id) => told(client.interact(BigInt(id))),
    pickUp: (id) => told(client.pickUp(BigInt(id))),
    drop: (key, count) => told(client.dropItems(indexOf(content.items, key), count)),
    stats: () => ({
      fps: pace.fps,
      frameMs: pace.frameMs,
      drawCalls: renderer.info.render.calls,
      triangles: renderer.info.render.triangles,
      entities: things.list.length,
    }),
  };
  (window as unknown as { everframe: Probe }).everframe = probe;
}
