// Carrier: what carries a session: WebRTC data channels (peer.ts) or a WebSocket (tunnel.ts), for networks
// that block UDP. It ends once, by itself or by close(); nothing is told after that.
import type { Answer } from './signaling.js';

export type CarrierKind = 'webrtc' | 'websocket';

export interface CarrierEvents {
  answered(answer: Answer): void;
  opened(): void;
  event(bytes: Uint8Array): void;
  state(bytes: Uint8Array): void;
  /** It is gone, by no wish of ours. */
  ended(reason: Error): void;
}

export interface Carrier {
  readonly kind: CarrierKind;
  /** False: it is not open. */
  sendEvent(bytes: Uint8Array<ArrayBuffer>): boolean;
  sendState(bytes: Uint8Array<ArrayBuffer>): boolean;
  /** Bytes of state that have not left: then another is better skipped. */
  readonly stateBytesWaiting: number;
  close(): void;
}

export interface Who {
  token: string | null;
  name: string | undefined;
}

export function bytesOf(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(0); // text: no message is, so that it is refused where messages are read
}
