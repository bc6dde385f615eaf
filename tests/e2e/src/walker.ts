// Walker: a player in Node: the SDK over node-datachannel, with legs.
import { Client, memoryTokens } from '@everframe/client';
import type {
  ClientOptions,
  Content,
  Entity,
  Outcome,
  PeerConnection,
  Position,
  TokenStore,
} from '@everframe/client';
import { RTCPeerConnection } from 'node-datachannel/polyfill';
import { until } from './server.js';

const STEP_MS = 35;
const STEP_MM = 180; // about 5 m/s

// The SDK begins a new session after 4 s of silence. Where the old one itself should last, its clock goes slowly:
// libdatachannel looks only every 5 s whether it can still be heard, and a busy machine may be silent for long.
const SLOWLY = 5;
export const slowClock = {
  now: (): number => performance.now() / SLOWLY,
  after(ms: number, what: () => void): () => void {
    const timer = setTimeout(what, ms * SLOWLY);
    return () => clearTimeout(timer);
  },
};

export class Walker {
  readonly client: Client;
  content!: Content;
  place: Position = { x: 0, y: 0, z: 0 };
  /** How often it has come into the world. */
  welcomes = 0;

  constructor(
    url: string,
    name: string,
    readonly tokens: TokenStore = memoryTokens(),
    options: Partial<ClientOptions> = {},
  ) {
    const connection = RTCPeerConnection as unknown as new () => PeerConnection;
    this.client = new Client({ url, name, tokens: this.tokens, PeerConnection: connection, ...options });
    this.client.on('welcome', ({ position }) => {
      this.place = { ...position };
      ++this.welcomes;
    });
    this.client.on('moved', ({ position }) => (this.place = { ...position }));
  }

  async join(): Promise<this> {
    await this.client.connect();
    this.content = await this.client.content();
    await until('a chunk in view', () => this.client.world.entities.size > 0);
    return this;
  }

  type(key: string): number {
    const index = this.content.entities.findIndex((one) => one.key === key);
    if (index < 0) throw new Error(`the content pack has no ${key}`);
    return index;
  }
  carried(key: string): number {
    const item = this.content.items.findIndex((one) => one.key === key);
    return this.client.inventory.reduce((sum, stack) => sum + (stack.item === item ? stack.count : 0), 0);
  }
  item(key: string): number {
    return this.content.items.findIndex((one) => one.key === key);
  }
  things(key: string): Entity[] {
    const type = this.type(key);
    const far = ({ position: p }: Entity): number => Math.hypot(p.x - this.place.x, p.z - this.place.z);
    return [...this.client.world.entities.values()]
      .filter((one) => one.type === type && (one.state & 1) === 0)
      .sort((a, b) => far(a) - far(b));
  }

  /** Up to `stop` millimetres before the place. */
  async walkTo(goal: Position, stop = 1500): Promise<void> {
    for (let steps = 0; steps < 2000; ++steps) {
      const far = Math.hypot(goal.x - this.place.x, goal.z - this.place.z);
      const step = Math.min(STEP_MM, far - stop);
      if (step > 0) {
        this.place.x += ((goal.x - this.place.x) / far) * step;
        this.place.z += ((goal.z - this.place.z) / far) * step;
      }
      this.client.sendPose({ position: this.place, yaw: 0 });
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      if (step < STEP_MM) return this.stand();
    }
    throw new Error('the way is too long');
  }

  /** Says where it is a few times: single poses may be lost. */
  async stand(): Promise<void> {
    for (let i = 0; i < 5; ++i) {
      this.client.sendPose({ position: this.place, yaw: 0 });
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
  }

  async gatherWood(count: number): Promise<void> {
    for (let hits = 0; this.carried('wood') < count && hits < 200; ++hits) {
      const tree = await until('a pine is in view', () => this.things('pine')[0]);
      await this.walkTo(tree.position);
      const outcome = await this.client.harvest(tree.id);
      if (!outcome.applied) throw new Error(`harvesting was refused: ${this.reason(outcome)}`);
      await until('the harvest is carried', () => this.client.unanswered === 0);
    }
  }

  /** Where nothing stands in the way, near `from`. */
  clearing(from: Position): Position {
    for (let ring = 2000; ring < 40_000; ring += 1000) {
      for (let turn = 0; turn < 16; ++turn) {
        const x = Math.round(from.x + Math.cos((turn * Math.PI) / 8) * ring);
        const z = Math.round(from.z + Math.sin((turn * Math.PI) / 8) * ring);
        const free = [...this.client.world.entities.values()].every(({ type, position }) => {
          const radius = this.content.entities[type]?.radius_mm ?? 0;
          return Math.hypot(position.x - x, position.z - z) > radius + 2500;
        });
        if (free) return { x, y: 0, z };
      }
    }
    throw new Error('there is no clearing');
  }

  reason({ reason }: Outcome): string {
    return this.content.refusals.find(({ code }) => code === reason)?.name ?? `${reason}`;
  }
}
