// Link: one WebRTC connection with its two channels, from the offer to its end. It ends once, by itself or
// by close(); nothing is told after that.
import { PROTOCOL } from './messages.js';
import { exchange } from './signaling.js';
import type { Answer } from './signaling.js';
import type { DataChannel, PeerConnection, Surroundings } from './surroundings.js';

/** From the answer until both channels are open: spec/session_states.md, `connecting`. */
export const OPENING_MS_MAX = 20_000;

export interface LinkEvents {
  answered(answer: Answer): void;
  opened(): void;
  event(bytes: Uint8Array): void;
  state(bytes: Uint8Array): void;
  /** The connection is gone, by no wish of ours. */
  ended(reason: Error): void;
}

function bytesOf(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(0); // text: no message is, so that it is refused where messages are read
}

export class Link {
  private peer: PeerConnection | null;
  private readonly events: DataChannel;
  private readonly states: DataChannel;
  private stopOpening: (() => void) | null = null;

  constructor(
    private readonly origin: string,
    private readonly who: { token: string | null; name: string | undefined },
    private readonly around: Surroundings,
    private readonly told: LinkEvents,
  ) {
    const peer = (this.peer = new around.PeerConnection());
    this.events = peer.createDataChannel('events', { ordered: true, protocol: PROTOCOL });
    this.states = peer.createDataChannel('state', { ordered: false, maxRetransmits: 0, protocol: PROTOCOL });
    for (const channel of [this.events, this.states]) {
      channel.binaryType = 'arraybuffer';
      channel.onopen = () => this.opened();
      channel.onclose = () => this.end(new Error('the server closed a channel'));
    }
    this.events.onmessage = ({ data }) => this.peer && this.told.event(bytesOf(data));
    this.states.onmessage = ({ data }) => this.peer && this.told.state(bytesOf(data));
    peer.onconnectionstatechange = () => {
      const state = peer.connectionState;
      if (state === 'failed' || state === 'closed') this.end(new Error(`the connection ${state}`));
    };
    this.negotiate(peer).catch((error: unknown) => this.end(error as Error));
  }

  /** False: it is not open. */
  sendEvent(bytes: Uint8Array<ArrayBuffer>): boolean {
    return this.send(this.events, bytes);
  }
  sendState(bytes: Uint8Array<ArrayBuffer>): boolean {
    return this.send(this.states, bytes);
  }
  get stateBytesWaiting(): number {
    return this.states.bufferedAmount;
  }

  close(): void {
    const peer = this.peer;
    if (!peer) return;
    this.peer = null;
    this.stopOpening?.();
    peer.onconnectionstatechange = null;
    for (const channel of [this.events, this.states])
      channel.onopen = channel.onmessage = channel.onclose = null;
    peer.close();
  }

  private async negotiate(peer: PeerConnection): Promise<void> {
    await peer.setLocalDescription(await peer.createOffer());
    const sdp = peer.localDescription?.sdp;
    if (!this.peer) return;
    if (!sdp) throw new Error('WebRTC made no offer');
    const { token, name } = this.who;
    const offer = { sdp, ...(token ? { token } : {}), ...(name ? { name } : {}) };
    const answer = await exchange(this.origin, offer, this.around);
    if (!this.peer) return;
    this.stopOpening = this.around.clock.after(OPENING_MS_MAX, () =>
      this.end(new Error('the channels did not open in time: is UDP to the server blocked?')),
    );
    this.told.answered(answer);
    await peer.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
  }

  private opened(): void {
    if (!this.peer || this.events.readyState !== 'open' || this.states.readyState !== 'open') return;
    this.stopOpening?.();
    this.stopOpening = null;
    this.told.opened();
  }

  private end(reason: Error): void {
    if (!this.peer) return;
    this.close();
    this.told.ended(reason);
  }

  private send(channel: DataChannel, bytes: Uint8Array<ArrayBuffer>): boolean {
    if (!this.peer || channel.readyState !== 'open') return false;
    try {
      channel.send(bytes);
      return true;
    } catch {
      return false; // the browser's buffer is full or the channel closes: as if lost on the way
    }
  }
}
