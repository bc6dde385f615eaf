// Messages: everything that client and server say on the data channels (spec/wire.md section 3), in both
// directions. Lengths are millimetres, angles thousandths of a degree. Ids, chunk codes and hashes are
// bigint.
import { ByteReader, ByteWriter, WireError } from './bytes.js';
import {
  id,
  list,
  oneOf,
  struct,
  text,
  u8,
  u16,
  u32,
  u64,
  union,
  vs,
  vu,
  vu16,
  vu32,
  wallMs,
} from './schema.js';
import type { Field, Value } from './schema.js';

export const VERSION = 1;
export const PROTOCOL = 'everframe.1';
/** Limits of spec/wire.md section 2, in bytes. */
export const CLIENT_EVENT_MAX = 1024;
export const CLIENT_STATE_MAX = 256;
export const SERVER_EVENT_MAX = 256 << 10;
export const SERVER_STATE_MAX = 1100;
const NAME_MAX = 128;
const DETAIL_MAX = 512;
/** Actions of one player that may be unanswered. */
export const UNANSWERED_MAX = 32;

/** Bits of an entity's `state`. */
export const DEPLETED = 1;
export const OPEN = 2;
export const LIT = 4;

export const GoodbyeReason = {
  LEFT: 1,
  DRAINING: 2,
  REPLACED: 3,
  PROTOCOL_ERROR: 4,
  TOO_SLOW: 5,
  INTERNAL: 6,
  UNAVAILABLE: 7,
} as const;
export type GoodbyeReason = (typeof GoodbyeReason)[keyof typeof GoodbyeReason];

const position = struct({ x: vs, y: vs, z: vs });
const stack = struct({ item: vu16, count: vu });
const entity = struct({
  id,
  type: vu16,
  position,
  yaw: vs,
  hp: vs,
  state: vu32,
  owner: id,
  stacks: list(stack),
});
const part = struct({ dx: vs, dy: vs, dz: vs, rotation: u32 });

export type Position = Value<typeof position>;
export type Stack = Value<typeof stack>;
export type EntityView = Value<typeof entity>;
/** A head or hand; `rotation` is a packed quaternion (see rotation.ts). */
export type Part = Value<typeof part>;
export type Parts = { head: Part | null; leftHand: Part | null; rightHand: Part | null };

// One byte says which parts follow: bit 0 head, 1 left hand, 2 right hand.
const parts: Field<Parts> = {
  least: 1,
  write(out, { head, leftHand, rightHand }) {
    out.u8((head ? 1 : 0) | (leftHand ? 2 : 0) | (rightHand ? 4 : 0));
    for (const one of [head, leftHand, rightHand]) if (one) part.write(out, one);
  },
  read(from) {
    const present = from.u8();
    if (present > 7) throw new WireError('a pose has parts that there are not');
    const one = (bit: number): Part | null => (present & bit ? part.read(from) : null);
    return { head: one(1), leftHand: one(2), rightHand: one(4) };
  },
};
const pose = struct({ position, yaw: vs, pitch: vs, parts });
export type Pose = Value<typeof pose>;

const actionBody = union('what', 1, {
  harvest: { target: id },
  build: { type: vu16, position, yaw: vs },
  pick_up: { target: id },
  drop: { item: vu16, count: vu },
  craft: { recipe: vu16, times: vu },
  interact: { target: id },
  transfer: { target: id, item: vu16, count: vu, direction: oneOf([0, 1]) },
  idle: {},
});
export type ActionBody = Value<typeof actionBody>;

const clientEvent = union('kind', 0x01, {
  action: { seq: vu, body: actionBody },
  ping: { nonce: u64 },
  leave: {},
  resync: { chunk: id },
});
export type ClientEvent = Value<typeof clientEvent>;

const clientState = union('kind', 0x20, { pose: { poseSeq: vu, pose } });
export type PoseUpdate = Value<typeof clientState>;

const version: Field<number> = {
  least: 2,
  write: (out, value) => u16.write(out, value),
  read(from) {
    const value = from.u16();
    if (value !== VERSION) throw new WireError(`the server speaks version ${value}, this client ${VERSION}`);
    return value;
  },
};
const serverEvent = union('kind', 0x40, {
  welcome: {
    version,
    player: id,
    body: id,
    name: text(NAME_MAX),
    position,
    yaw: vs,
    frame: vu,
    lastSeq: vu,
    stateHz: u8,
    viewChunks: u8,
    chunkSize: vu,
    contentHash: u64,
    wallMs,
  },
  accepted: { seq: vu },
  applied: { seq: vu, frame: vu },
  refused: { seq: vu, frame: vu, reason: u8 },
  inventory: { frame: vu, stacks: list(stack) },
  chunk_snapshot: { chunk: id, version: vu, entities: list(entity) },
  chunk_changes: {
    chunk: id,
    fromVersion: vu,
    version: vu,
    frame: vu,
    upserts: list(entity),
    removed: list(id),
  },
  chunk_forget: { chunk: id },
  avatar: { body: id, player: id, name: text(NAME_MAX) },
  avatar_gone: { body: id },
  pong: { nonce: u64, frame: vu, wallMs },
  goodbye: { reason: oneOf(Object.values(GoodbyeReason)), detail: text(DETAIL_MAX) },
  moved: { poseSeq: vu, position, yaw: vs },
});
export type ServerEvent = Value<typeof serverEvent>;
export type Message<K extends ServerEvent['kind']> = Extract<ServerEvent, { kind: K }>;

const serverState = union('kind', 0x60, {
  state: { tick: vu, wallMsLow: u32, frame: vu, poseSeq: vu, avatars: list(struct({ body: id, pose })) },
});
export type StateMessage = Value<typeof serverState>;

/** One channel in one direction. */
export interface Codec<M> {
  encode(message: M): Uint8Array<ArrayBuffer>;
  /** Throws a WireError if the bytes are no message of this channel and direction. */
  decode(bytes: Uint8Array): M;
}

function codec<M>(what: Field<M>, limit: number): Codec<M> {
  return {
    encode(message) {
      const out = new ByteWriter();
      what.write(out, message);
      const bytes = out.finish();
      if (bytes.length > limit) throw new WireError(`a message of ${bytes.length} bytes: at most ${limit}`);
      return bytes;
    },
    decode(bytes) {
      if (bytes.length > limit) throw new WireError(`a message of ${bytes.length} bytes: at most ${limit}`);
      const from = new ByteReader(bytes);
      const message = what.read(from);
      from.finish();
      return message;
    },
  };
}

export const clientEvents: Codec<ClientEvent> = codec(clientEvent, CLIENT_EVENT_MAX);
export const clientStates: Codec<PoseUpdate> = codec(clientState, CLIENT_STATE_MAX);
export const serverEvents: Codec<ServerEvent> = codec(serverEvent, SERVER_EVENT_MAX);
export const serverStates: Codec<StateMessage> = codec(serverState, SERVER_STATE_MAX);
