// Tunnel: a carrier through the signaling WebSocket (spec/wire.md section 1.1): each message is a binary frame
// with its channel in front.
import { bytesOf } from './carrier.js';
import type { Carrier, CarrierEvents, Who } from './carrier.js';
import { EXCHANGE_MS_MAX, readReply, requestOf, SignalingError } from './signaling.js';
import type { Signaling } from './signaling.js';
import type { Clock } from './surroundings.js';

const EVENTS = 0;
const STATE = 1;
const OPEN = 1; // WebSocket.readyState

export class Tunnel implements Carrier {
  readonly kind = 'websocket';
  private socket: WebSocket | null;
  private up = false;
  private over = false;
  private readonly stopOpening: () => void;

  constructor(
    signaling: Signaling,
    who: Who,
    clock: Clock,
    private readonly told: CarrierEvents,
  ) {
    const unreachable = (why: string): void => this.end(new SignalingError('unreachable', why));
    this.stopOpening = clock.after(EXCHANGE_MS_MAX, () => unreachable('no WebSocket to the server in time'));
    const socket = (this.socket = signaling.takeSocket());
    if (!socket) {
      // Not from within the constructor: nobody could know whose end it is.
      void Promise.resolve().then(() => unreachable('there is no WebSocket here'));
      return;
    }
    const request = requestOf('tunnel', who);
    if (socket.readyState === OPEN) socket.send(request);
    else socket.onopen = () => socket.send(request);
    // Set once and at once: the welcome may come in the same packet as the answer.
    socket.onmessage = ({ data }) => (this.up ? this.heard(data) : this.answered(String(data)));
    socket.onclose = socket.onerror = () =>
      this.up ? this.end(new Error('the WebSocket was closed')) : unreachable('the WebSocket does not open');
  }

  sendEvent(bytes: Uint8Array<ArrayBuffer>): boolean {
    return this.send(EVENTS, bytes);
  }
  sendState(bytes: Uint8Array<ArrayBuffer>): boolean {
    return this.send(STATE, bytes);
  }
  get stateBytesWaiting(): number {
    return this.socket?.bufferedAmount ?? 0;
  }

  close(): void {
    this.over = true;
    this.stopOpening();
    const socket = this.socket;
    if (!socket) return;
    this.socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {}; // some raise it when closed while they connect
    socket.close();
  }

  private answered(text: string): void {
    try {
      const answer = readReply(text, 'tunnel');
      this.stopOpening();
      this.up = true;
      this.told.answered(answer);
      this.told.opened();
    } catch (error) {
      this.end(error as Error);
    }
  }

  private heard(data: unknown): void {
    if (!this.socket) return;
    const bytes = bytesOf(data);
    if (bytes[0] === STATE) this.told.state(bytes.subarray(1));
    else this.told.event(bytes[0] === EVENTS ? bytes.subarray(1) : bytes.subarray(0, 0)); // refused there
  }

  private end(reason: Error): void {
    if (this.over) return;
    this.close();
    this.told.ended(reason);
  }

  private send(channel: number, message: Uint8Array): boolean {
    if (!this.up || this.socket?.readyState !== OPEN) return false;
    const bytes = new Uint8Array(1 + message.length);
    bytes[0] = channel;
    bytes.set(message, 1);
    this.socket.send(bytes);
    return true;
  }
}
