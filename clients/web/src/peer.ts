// Peer: a carrier that is a WebRTC connection with its two channels, from the offer to its end.
import { bytesOf } from './carrier.js';
import type { Carrier, CarrierEvents, Who } from './carrier.js';
import { PROTOCOL } from './messages.js';
import type { Signaling } from './signaling.js';
import type { Clock, DataChannel, PeerConnection } from './surroundings.js';

/**
 * A message and the news that its channel or connection has closed reach us on different ways in some stacks, and the
 * news may be first. What was received before is still told within this time, a goodbye above all.
 */
const LAST_WORDS_MS = 20;

export class Peer implements Carrier {
  readonly kind = 'webrtc';
  private peer: PeerConnection | null;
  private readonly events: DataChannel;
  private readonly states: DataChannel;
  private stopOpening: (() => void) | null = null;
  private up = false;
  private closing = false;

  constructor(
    PeerConnection: new () => PeerConnection,
    private readonly signaling: Signaling,
    private readonly who: Who,
    private readonly clock: Clock,
    private readonly told: CarrierEvents,
    /** From the answer until both channels are open. */
    private readonly openingMsMax: number,
  ) {
    const peer = (this.peer = new PeerConnection());
    this.events = peer.createDataChannel('events', { ordered: true, protocol: PROTOCOL });
    this.states = peer.createDataChannel('state', { ordered: false, maxRetransmits: 0, protocol: PROTOCOL });
    for (const channel of [this.events, this.states]) {
      channel.binaryType = 'arraybuffer';
      channel.onopen = () => this.opened();
      channel.onclose = () => this.closed(new Error('the server closed a channel'));
    }
    this.events.onmessage = ({ data }) => this.peer && this.told.event(bytesOf(data));
    this.states.onmessage = ({ data }) => this.peer && this.told.state(bytesOf(data));
    peer.onconnectionstatechange = () => {
      const state = peer.connectionState;
      if (state === 'failed' || state === 'closed') this.closed(new Error(`the connection ${state}`));
    };
    this.negotiate(peer).catch((error: unknown) => this.end(error as Error));
  }

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
    const answer = await this.signaling.offer(sdp, this.who);
    if (!this.peer) return;
    this.stopOpening = this.clock.after(this.openingMsMax, () =>
      this.end(new Error('the channels did not open in time: is UDP to the server blocked?')),
    );
    this.told.answered(answer);
    await peer.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
  }

  private opened(): void {
    if (!this.peer || this.events.readyState !== 'open' || this.states.readyState !== 'open') return;
    this.stopOpening?.();
    this.stopOpening = null;
    this.up = true;
    this.told.opened();
  }

  private closed(reason: Error): void {
    if (!this.up) return this.end(reason);
    if (this.closing || !this.peer) return;
    this.closing = true;
    // Twice: an event loop that was held up finds the first timer due before it looks at what was received.
    this.clock.after(LAST_WORDS_MS, () => this.clock.after(0, () => this.end(reason)));
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
