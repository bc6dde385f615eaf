// Link: a session's way to the server: WebRTC first; if there is none, or it does not open in time, a tunnel
// through a WebSocket. The same player in both: the token of the first answer asks for the tunnel.
import type { Carrier, CarrierEvents, CarrierKind, Who } from './carrier.js';
import { Peer } from './peer.js';
import { Signaling, SignalingError } from './signaling.js';
import type { Surroundings } from './surroundings.js';
import { Tunnel } from './tunnel.js';

/** `auto`: WebRTC, and a tunnel where that does not come up. */
export type CarrierChoice = 'auto' | CarrierKind;

/** WebRTC has so long to open before a tunnel is tried; where none is, as long as the server waits. */
export const FALLBACK_MS = 4_000;
export const OPENING_MS_MAX = 20_000;

export class Link {
  private carrier: Carrier | null = null;
  private readonly signaling: Signaling;
  private over = false;

  constructor(
    origin: string,
    private who: Who,
    choice: CarrierChoice,
    private readonly around: Surroundings,
    private readonly told: CarrierEvents,
  ) {
    this.signaling = new Signaling(origin, around);
    const { PeerConnection } = around;
    if (choice === 'websocket' || !PeerConnection) this.tunnel();
    else this.peer(PeerConnection, choice === 'auto' && around.WebSocket !== null);
  }

  /** What carries it, or is about to. */
  get kind(): CarrierKind | null {
    return this.carrier?.kind ?? null;
  }
  sendEvent(bytes: Uint8Array<ArrayBuffer>): boolean {
    return this.carrier?.sendEvent(bytes) ?? false;
  }
  sendState(bytes: Uint8Array<ArrayBuffer>): boolean {
    return this.carrier?.sendState(bytes) ?? false;
  }
  get stateBytesWaiting(): number {
    return this.carrier?.stateBytesWaiting ?? 0;
  }

  close(): void {
    this.over = true;
    this.carrier?.close();
    this.carrier = null;
    this.signaling.close();
  }

  private peer(PeerConnection: NonNullable<Surroundings['PeerConnection']>, mayFallBack: boolean): void {
    let open = false;
    const told: CarrierEvents = {
      ...this.told,
      answered: (answer) => {
        this.who = { ...this.who, token: answer.token };
        this.told.answered(answer);
      },
      opened: () => {
        open = true;
        this.signaling.close();
        this.told.opened();
      },
      ended: (reason) => {
        // A refusal is the server's; a tunnel would hear the same, but for an offer that it does not understand.
        const refused = reason instanceof SignalingError && reason.code !== 'bad_offer';
        if (open || refused || !mayFallBack || this.over) return this.told.ended(reason);
        this.tunnel();
      },
    };
    const opening = mayFallBack ? FALLBACK_MS : OPENING_MS_MAX;
    try {
      this.carrier = new Peer(PeerConnection, this.signaling, this.who, this.around.clock, told, opening);
    } catch (error) {
      if (!mayFallBack) throw error;
      this.tunnel(); // WebRTC is switched off
    }
  }

  private tunnel(): void {
    this.carrier = new Tunnel(this.signaling, this.who, this.around.clock, this.told);
  }
}
