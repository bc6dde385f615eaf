// Avatars: other players' bodies, shown a little in the past (DELAY_MS), so that there are nearly always two
// poses to show the way between. The server's clock is compared with ours by the fastest message seen
// lately.
import { Emitter } from './emitter.js';
import type { Message, Pose, Position, StateMessage } from './messages.js';

export const DELAY_MS = 100;
/** A farther step between two poses is shown as a jump, in millimetres. */
export const JUMP_MM = 16_000;
const SAMPLES_MAX = 16;
/** How fast the clocks' difference may be believed to grow: a late message moves it by this part. */
const DRIFT = 0.01;
const TURN = 360_000;

export interface Avatar {
  readonly body: bigint;
  readonly player: bigint;
  readonly name: string;
  /** The newest pose that came, if one has. */
  pose: Pose | null;
}

/** Where a body is shown: millimetres and thousandths of a degree, with fractions. */
export interface Shown {
  x: number;
  y: number;
  z: number;
  yaw: number;
  pitch: number;
}

export interface AvatarEvents {
  came: Avatar;
  went: Avatar;
}

interface Sample {
  at: number; // on the server's clock, ms
  pose: Pose;
}
interface Track extends Avatar {
  samples: Sample[]; // by ascending time
}

const between = (a: number, b: number, part: number): number => a + (b - a) * part;

/** The shorter way around. */
export function turnBetween(from: number, to: number, part: number): number {
  const way = ((((to - from) % TURN) + TURN + TURN / 2) % TURN) - TURN / 2;
  return from + way * part;
}

function far(a: Position, b: Position): boolean {
  return Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z) > JUMP_MM;
}

export class Avatars extends Emitter<AvatarEvents> {
  private readonly tracks = new Map<bigint, Track>();
  private tick = -1;
  private serverTime = 0; // unwrapped from 32 bits
  private lag: number | null = null; // our clock minus the server's

  get all(): ReadonlyMap<bigint, Avatar> {
    return this.tracks;
  }

  came({ body, player, name }: Message<'avatar'>): void {
    if (this.tracks.has(body)) this.went(body);
    const track: Track = { body, player, name, pose: null, samples: [] };
    this.tracks.set(body, track);
    this.emit('came', track);
  }
  went(body: bigint): void {
    const track = this.tracks.get(body);
    if (!track) return;
    this.tracks.delete(body);
    this.emit('went', track);
  }
  clear(): void {
    for (const body of [...this.tracks.keys()]) this.went(body);
    this.tick = -1;
    this.lag = null;
  }

  /** False: older than what was seen already. */
  state(message: StateMessage, now: number): boolean {
    if (message.tick <= this.tick) return false;
    this.tick = message.tick;
    // Signed difference of 32 bits: the low half of the time wraps every 49 days.
    this.serverTime += (message.wallMsLow - (this.serverTime % 2 ** 32)) | 0;
    const lag = now - this.serverTime;
    this.lag =
      this.lag === null || lag < this.lag || lag - this.lag > 1000 ? lag : between(this.lag, lag, DRIFT);
    for (const { body, pose } of message.avatars) {
      const track = this.tracks.get(body);
      if (!track) continue;
      const { samples } = track;
      const last = samples[samples.length - 1];
      // A body that rested is not sent: it set off from where it was only just before now.
      if (last && this.serverTime - last.at > DELAY_MS) {
        samples.push({ at: this.serverTime - DELAY_MS / 2, pose: last.pose });
      }
      samples.push({ at: this.serverTime, pose });
      while (samples.length > SAMPLES_MAX) samples.shift();
      track.pose = pose;
    }
    return true;
  }

  /** Fills `shown` for the time `now`; false if nothing is known of where the body is. */
  look(body: bigint, now: number, shown: Shown): boolean {
    const samples = this.tracks.get(body)?.samples;
    if (!samples || samples.length === 0 || this.lag === null) return false;
    const time = now - this.lag - DELAY_MS;
    let after = samples.length - 1;
    while (after > 0 && samples[after - 1]!.at >= time) --after;
    const b = samples[after]!;
    const a = samples[after - 1] ?? b;
    const span = b.at - a.at;
    let part = span > 0 ? Math.max(0, Math.min(1, (time - a.at) / span)) : 1;
    if (far(a.pose.position, b.pose.position)) part = part < 1 ? 0 : 1;
    shown.x = between(a.pose.position.x, b.pose.position.x, part);
    shown.y = between(a.pose.position.y, b.pose.position.y, part);
    shown.z = between(a.pose.position.z, b.pose.position.z, part);
    shown.yaw = turnBetween(a.pose.yaw, b.pose.yaw, part);
    shown.pitch = between(a.pose.pitch, b.pose.pitch, part);
    return true;
  }
}
