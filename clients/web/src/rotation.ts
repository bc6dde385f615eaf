// Rotations of heads and hands: a unit quaternion in 32 bits, "smallest three" (spec/wire.md section 3).
// Bits 31-30 say which of x, y, z, w is largest and left out; then the other three, in order, ten bits each,
// two's complement.

export interface Quaternion {
  x: number;
  y: number;
  z: number;
  w: number;
}

const UNIT = 511 * Math.SQRT2;

export function packRotation({ x, y, z, w }: Quaternion): number {
  const all = [x, y, z, w];
  const length = Math.hypot(x, y, z, w) || 1;
  let largest = 0;
  for (let i = 1; i < 4; ++i) if (Math.abs(all[i]!) > Math.abs(all[largest]!)) largest = i;
  const sign = all[largest]! < 0 ? -1 : 1; // q and -q are the same rotation: the left out one is positive
  let packed = largest;
  for (let i = 0; i < 4; ++i) {
    if (i === largest) continue;
    const steps = Math.round(((sign * all[i]!) / length) * UNIT);
    packed = (packed << 10) | (Math.max(-511, Math.min(511, steps)) & 0x3ff);
  }
  return packed >>> 0;
}

export function unpackRotation(packed: number): Quaternion {
  const largest = packed >>> 30;
  const all = [0, 0, 0, 0];
  let rest = 1;
  for (let i = 0, shift = 20; i < 4; ++i) {
    if (i === largest) continue;
    const value = (((packed >>> shift) << 22) >> 22) / UNIT;
    all[i] = value;
    rest -= value * value;
    shift -= 10;
  }
  all[largest] = Math.sqrt(Math.max(0, rest));
  return { x: all[0]!, y: all[1]!, z: all[2]!, w: all[3]! };
}
