// ByteWriter, ByteReader: the primitive encodings of spec/wire.md section 3.
//   u8 u16 u32 u64   little-endian
//   vu               unsigned LEB128, 1 to 10 bytes, shortest form only
//   vs               signed 32 bits: zigzag, then vu
//   text             vu length, then UTF-8
// Numbers are `number` where the meaning needs no more than 53 bits (sequences, frames, counts) and `bigint`
// where all 64 bits count (ids, codes, hashes). A value that does not fit its type throws: nothing is
// rounded in silence.

/** Bytes that break the grammar, or a value that it cannot say. */
export class WireError extends Error {
  override name = 'WireError';
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder();
const U64_MAX = (1n << 64n) - 1n;

export class ByteWriter {
  private bytes: Uint8Array;
  private view: DataView;
  private used = 0;

  constructor(capacity = 64) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  u8(value: number): void {
    this.unsigned(value, 0xff);
    this.room(1);
    this.bytes[this.used++] = value;
  }
  u16(value: number): void {
    this.unsigned(value, 0xffff);
    this.room(2);
    this.view.setUint16(this.used, value, true);
    this.used += 2;
  }
  u32(value: number): void {
    this.unsigned(value, 0xffffffff);
    this.room(4);
    this.view.setUint32(this.used, value, true);
    this.used += 4;
  }
  u64(value: bigint): void {
    if (value < 0n || value > U64_MAX) throw new WireError(`${value} does not fit 64 bits without sign`);
    this.room(8);
    this.view.setBigUint64(this.used, value, true);
    this.used += 8;
  }
  vu(value: number, limit = Number.MAX_SAFE_INTEGER): void {
    this.unsigned(value, limit);
    this.room(10);
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.used++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.used++] = rest;
  }
  vuBig(value: bigint): void {
    if (value < 0n || value > U64_MAX) throw new WireError(`${value} does not fit 64 bits without sign`);
    this.room(10);
    let rest = value;
    while (rest >= 0x80n) {
      this.bytes[this.used++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.used++] = Number(rest);
  }
  vs(value: number): void {
    if ((value | 0) !== value) throw new WireError(`${value} is no whole number of 32 bits`);
    this.vu(((value << 1) ^ (value >> 31)) >>> 0);
  }
  text(value: string, limit: number): void {
    const bytes = utf8Encoder.encode(value);
    if (bytes.length > limit)
      throw new WireError(`a text of ${bytes.length} bytes: at most ${limit} are allowed`);
    this.vu(bytes.length);
    this.room(bytes.length);
    this.bytes.set(bytes, this.used);
    this.used += bytes.length;
  }
  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.used) as Uint8Array<ArrayBuffer>;
  }

  private unsigned(value: number, limit: number): void {
    if (!Number.isInteger(value) || value < 0 || value > limit) {
      throw new WireError(`${value} is no whole number from 0 to ${limit}`);
    }
  }
  private room(count: number): void {
    if (this.used + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.used + count));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

export class ByteReader {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.length - this.at;
  }
  u8(): number {
    return this.view.getUint8(this.take(1));
  }
  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }
  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }
  u64(): bigint {
    return this.view.getBigUint64(this.take(8), true);
  }
  vu(limit = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; ; ++count, scale *= 0x80) {
      const byte = this.u8();
      // Beyond 53 bits `value` is inexact, but above every limit: it is refused, never rounded.
      value += (byte & 0x7f) * scale;
      if (count === 10 && byte > 1) throw new WireError('a number has more than 64 bits');
      if (byte >= 0x80) continue;
      if (byte === 0 && count > 1) throw new WireError('a number is not in its shortest form');
      if (value > limit) throw new WireError(`a number is above ${limit}`);
      return value;
    }
  }
  vuBig(): bigint {
    let value = 0n;
    for (let count = 1, shift = 0n; ; ++count, shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (count === 10 && byte > 1) throw new WireError('a number has more than 64 bits');
      if (byte >= 0x80) continue;
      if (byte === 0 && count > 1) throw new WireError('a number is not in its shortest form');
      return value;
    }
  }
  vs(): number {
    const value = this.vu(0xffffffff);
    return (value >>> 1) ^ -(value & 1);
  }
  text(limit: number): string {
    const length = this.vu(limit);
    const start = this.take(length);
    return utf8Decoder.decode(this.bytes.subarray(start, start + length));
  }
  /** Throws unless everything was read. */
  finish(): void {
    if (this.remaining > 0) throw new WireError(`${this.remaining} bytes are left over behind the message`);
  }

  private take(count: number): number {
    if (count > this.remaining) throw new WireError('the message is cut short');
    const start = this.at;
    this.at += count;
    return start;
  }
}
