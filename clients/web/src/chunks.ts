// Chunks: square columns of the world; a code interleaves the bits of a chunk's coordinates plus 32,768, x
// in the even places (spec/wire.md section 4).

const BIAS = 1 << 15;

function spread(value: number): bigint {
  let out = 0n;
  for (let bit = 0; bit < 16; ++bit) if (value & (1 << bit)) out |= 1n << BigInt(2 * bit);
  return out;
}
function gather(code: bigint): number {
  let out = 0;
  for (let bit = 0; bit < 16; ++bit) if (code & (1n << BigInt(2 * bit))) out |= 1 << bit;
  return out;
}

export function chunkCode(x: number, z: number): bigint {
  return spread((x + BIAS) & 0xffff) | (spread((z + BIAS) & 0xffff) << 1n);
}
export function chunkCoordinates(code: bigint): { x: number; z: number } {
  return { x: gather(code) - BIAS, z: gather(code >> 1n) - BIAS };
}
/** `size` and the position in millimetres. */
export function chunkAt(position: { x: number; z: number }, size: number): bigint {
  return chunkCode(Math.floor(position.x / size), Math.floor(position.z / size));
}
