// Aim: what stands under the crosshair, and what stands in the way of feet. Upright cylinders, and boxes for
// what is long and thin, tested one by one: 2,000 of them cost some hundredths of a millisecond.
import { DEPLETED, OPEN } from '@everframe/client';
import type * as THREE from 'three';
import type { Thing, Things } from './things.js';

export const LOOK_M = 14;
const THIN_M = 0.16; // half a wall's thickness
const BODY_M = 0.32;

const isThin = (thing: Thing): boolean => thing.def.kind === 'structure' && thing.def.height_mm > 0;

// The part of the ray that is left after some slabs: here and not in an object, since it is made for every
// thing.
let near = 0;
let far = 0;
function slab(from: number, way: number, low: number, high: number): void {
  if (Math.abs(way) < 1e-9) {
    if (from < low || from > high) far = -1;
    return;
  }
  const a = (low - from) / way;
  const b = (high - from) / way;
  near = Math.max(near, Math.min(a, b));
  far = Math.min(far, Math.max(a, b));
}

// Distance along the ray to the box or cylinder around the thing; Infinity: it misses.
function hit(thing: Thing, o: THREE.Vector3, d: THREE.Vector3): number {
  const spent = (thing.entity.state & DEPLETED) !== 0;
  const top = thing.y + Math.max(0.25, spent ? 0.5 : Math.min((thing.def.height_mm / 1000) * thing.size, 9));
  const radius = Math.max(0.22, (thing.def.radius_mm / 1000) * thing.size);
  const ox = o.x - thing.x;
  const oz = o.z - thing.z;
  near = 0;
  far = LOOK_M;
  slab(o.y, d.y, thing.y, top);
  if (isThin(thing)) {
    const c = Math.cos(thing.yaw);
    const s = Math.sin(thing.yaw);
    slab(c * ox - s * oz, c * d.x - s * d.z, -radius, radius);
    slab(s * ox + c * oz, s * d.x + c * d.z, -THIN_M, THIN_M);
  } else {
    const a = d.x * d.x + d.z * d.z;
    const b = ox * d.x + oz * d.z;
    const c = ox * ox + oz * oz - radius * radius;
    const root = b * b - a * c;
    if (root < 0 || a < 1e-9) return a < 1e-9 && c < 0 && near <= far ? near : Infinity;
    near = Math.max(near, (-b - Math.sqrt(root)) / a);
    far = Math.min(far, (-b + Math.sqrt(root)) / a);
  }
  return near <= far ? near : Infinity;
}

/** The nearest thing along the ray within LOOK_M; null if there is none. */
export function aimedAt(things: Things, origin: THREE.Vector3, direction: THREE.Vector3): Thing | null {
  let best: Thing | null = null;
  let nearest = LOOK_M;
  for (let i = 0; i < things.list.length; ++i) {
    const thing = things.list[i]!;
    if (Math.abs(thing.x - origin.x) > LOOK_M + 2 || Math.abs(thing.z - origin.z) > LOOK_M + 2) continue;
    const distance = hit(thing, origin, direction);
    if (distance < nearest) {
      nearest = distance;
      best = thing;
    }
  }
  return best;
}

/** From the body to the thing's edge, as the server measures reach; metres. */
export function reachTo(thing: Thing, body: { x: number; z: number }): number {
  return Math.hypot(thing.x - body.x, thing.z - body.z) - thing.def.radius_mm / 1000;
}

const SOLID = new Set(['tree', 'rock', 'ore', 'structure', 'container', 'station']);

/** Moves `body` out of what it has walked into. */
export function keepOut(things: Things, body: { x: number; z: number }): void {
  for (let i = 0; i < things.list.length; ++i) {
    const thing = things.list[i]!;
    const dx = body.x - thing.x;
    const dz = body.z - thing.z;
    if (Math.abs(dx) > 3 || Math.abs(dz) > 3 || thing.y > 1.8) continue;
    const { state } = thing.entity;
    if (!SOLID.has(thing.def.kind) || thing.def.height_mm < 400 || state & (DEPLETED | OPEN)) continue;
    if (!isThin(thing)) {
      const radius = (thing.def.radius_mm / 1000) * (thing.def.kind === 'tree' ? 0.8 : 0.9) * thing.size;
      const apart = Math.hypot(dx, dz);
      const least = radius + BODY_M;
      if (apart >= least || apart < 1e-6) continue;
      body.x = thing.x + (dx / apart) * least;
      body.z = thing.z + (dz / apart) * least;
      continue;
    }
    const c = Math.cos(thing.yaw);
    const s = Math.sin(thing.yaw);
    const along = c * dx - s * dz;
    const across = s * dx + c * dz;
    const halfLong = thing.def.radius_mm / 1000 + BODY_M;
    const halfThin = THIN_M + BODY_M;
    if (Math.abs(along) >= halfLong || Math.abs(across) >= halfThin) continue;
    const viaEnd = halfLong - Math.abs(along);
    const viaSide = halfThin - Math.abs(across);
    const a = viaEnd < viaSide ? Math.sign(along || 1) * halfLong : along;
    const b = viaEnd < viaSide ? across : Math.sign(across || 1) * halfThin;
    body.x = thing.x + c * a + s * b;
    body.z = thing.z - s * a + c * b;
  }
}
