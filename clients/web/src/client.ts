// Client: one player in one world. Joins, comes back after every loss, keeps what it is shown (world,
// avatars, inventory) and brings actions through exactly once.
//
// Ends by itself only when coming back cannot help: another session took the body (`replaced`), the player
// left, the server refuses the request for good. Limits: actions.ts. One thread; nothing here blocks.
import { Actions } from './actions.js';
import type { Outcome } from './actions.js';
import { Avatars } from './avatars.js';
import { fetchContent } from './content.js';
import type { Content } from './content.js';
import { Emitter } from './emitter.js';
import type { CarrierKind } from './carrier.js';
import { Link } from './link.js';
import type { CarrierChoice } from './link.js';
import { clientEvents, clientStates, GoodbyeReason, serverEvents, serverStates } from './messages.js';
import type { ActionBody, ClientEvent, Message, Parts, Position, ServerEvent, Stack } from './messages.js';
import { SignalingError } from './signaling.js';
import { surroundings } from './surroundings.js';
import type { Surroundings } from './surroundings.js';
import { World } from './world.js';

export const PING_EVERY_MS = 1_000;
/** A ping that is unanswered for so long: the connection is dead, whatever WebRTC says. */
export const SILENCE_MS_MAX = 4_000;
export const POSES_A_SECOND_MAX = 30;
/** More than this many bytes waiting on `state`: a pose is skipped (spec/wire.md section 4). */
export const STATE_BYTES_WAITING_MAX = 300;
export const BACKOFF_MS_MIN = 500;
export const BACKOFF_MS_MAX = 10_000;
const DRAINING_MS_MIN = 1_000;
/** A session that lasted so long was a good one: the back-off starts anew. */
const SETTLED_MS = 10_000;
/** A network on which WebRTC did not come up is not asked again for so long. */
export const WEBRTC_AGAIN_MS = 300_000;
const WELCOME_MS_MAX = 20_000;
const LEAVING_MS_MAX = 2_000;

/**
 * idle: not started. connecting: offer, ICE, channels, welcome. in_world. waiting: to connect again.
 * closed: over, until connect() is called again.
 */
export type ClientState = 'idle' | 'connecting' | 'in_world' | 'waiting' | 'closed';

export interface ClientOptions extends Partial<Surroundings> {
  /** The server's origin, such as `location.origin`. */
  url: string;
  /** Of a new player; 1 to 32 characters. */
  name?: string;
  /** `auto` unless told otherwise: WebRTC, and a WebSocket where that does not come up. */
  carrier?: CarrierChoice;
}

export interface ClientEvents {
  state: { state: ClientState; reason: string };
  welcome: Message<'welcome'>;
  goodbye: Message<'goodbye'>;
  applied: { seq: number; frame: number; body: ActionBody };
  refused: { seq: number; frame: number; reason: number; body: ActionBody };
  inventory: readonly Stack[];
  /** The server puts you there: continue from there. */
  moved: Message<'moved'>;
}

export interface PoseInput {
  position: Position;
  yaw: number;
  pitch?: number;
  parts?: Parts;
}

const NO_PARTS: Parts = { head: null, leftHand: null, rightHand: null };

export class Client extends Emitter<ClientEvents> {
  readonly world = new World();
  readonly avatars = new Avatars();
  readonly origin: string;

  private readonly around: Surroundings;
  private readonly actions: Actions;
  private now: ClientState = 'idle';
  private link: Link | null = null;
  private failures = 0; // since the last good session
  private sinceMs = 0; // when this state began
  private webrtcAgainMs = -Infinity;
  private stopTimer = (): void => {}; // the one timer: for the welcome, the next ping or the next attempt
  private connecting: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | null =
    null;
  private stacks: readonly Stack[] = [];
  private greeting: Message<'welcome'> | null = null;
  private lastFrame = 0;
  private poseSeq = 0;
  private poseAt = -Infinity;
  private pingNonce = 0n;
  private pingAt: number | null = null; // of the one that is unanswered
  private rtt: number | null = null;

  constructor(private readonly options: ClientOptions) {
    super();
    this.origin = options.url.replace(/\/+$/, '');
    this.around = surroundings(this.origin, options, options.carrier ?? 'auto');
    this.actions = new Actions(this.around.clock, (seq, body) => this.tell({ kind: 'action', seq, body }));
  }

  get state(): ClientState {
    return this.now;
  }
  /** The last welcome: player, body, name, where the session began. */
  get welcome(): Message<'welcome'> | null {
    return this.greeting;
  }
  get inventory(): readonly Stack[] {
    return this.stacks;
  }
  /** The newest frame that was heard of. */
  get frame(): number {
    return this.lastFrame;
  }
  /** Round trip in milliseconds, smoothed; null before the first. */
  get latencyMs(): number | null {
    return this.rtt;
  }
  /** What carries the session; null when there is none. */
  get carrier(): CarrierKind | null {
    return this.now === 'in_world' ? (this.link?.kind ?? null) : null;
  }
  /** Actions whose answer has not come. */
  get unanswered(): number {
    return this.actions.unanswered;
  }

  /** Resolves in the world; tries until then. Rejects when that cannot help, or at leave() or close(). */
  connect(): Promise<void> {
    if (this.connecting) return this.connecting.promise;
    if (this.now === 'in_world') return Promise.resolve();
    let resolve!: () => void;
    let reject!: (error: Error) => void;
    const promise = new Promise<void>((yes, no) => ((resolve = yes), (reject = no)));
    this.connecting = { promise, resolve, reject };
    if (this.now !== 'waiting') {
      this.failures = 0;
      this.start();
    }
    return promise;
  }

  /** Takes leave and ends. */
  async leave(): Promise<void> {
    if (this.now === 'in_world') {
      this.tell({ kind: 'leave' });
      await new Promise<void>((resolve) => {
        const stop = this.around.clock.after(LEAVING_MS_MAX, resolve);
        const stopListening = this.on('state', () => {
          stop();
          stopListening();
          resolve();
        });
      });
    }
    this.close('you left');
  }

  /** Ends at once. */
  close(why = 'closed'): void {
    if (this.now === 'closed') return;
    this.drop();
    this.actions.abandon(why);
    this.become('closed', why);
    this.connecting?.reject(new Error(why));
    this.connecting = null;
  }

  /** The next connect() makes a new player. */
  forgetToken(): void {
    this.around.tokens.save(null);
  }

  content(): Promise<Content> {
    return fetchContent(this.origin, this.around.fetch);
  }

  // ---- what a player does ----

  /** Resolves with its answer, perhaps after reconnects. Rejects with ActionLost if the player leaves. */
  act(body: ActionBody): Promise<Outcome> {
    return this.actions.act(body);
  }
  harvest(target: bigint): Promise<Outcome> {
    return this.act({ what: 'harvest', target });
  }
  build(type: number, position: Position, yaw: number): Promise<Outcome> {
    return this.act({ what: 'build', type, position, yaw });
  }
  pickUp(target: bigint): Promise<Outcome> {
    return this.act({ what: 'pick_up', target });
  }
  dropItems(item: number, count: number): Promise<Outcome> {
    return this.act({ what: 'drop', item, count });
  }
  craft(recipe: number, times = 1): Promise<Outcome> {
    return this.act({ what: 'craft', recipe, times });
  }
  interact(target: bigint): Promise<Outcome> {
    return this.act({ what: 'interact', target });
  }
  transfer(target: bigint, item: number, count: number, way: 'in' | 'out'): Promise<Outcome> {
    return this.act({ what: 'transfer', target, item, count, direction: way === 'out' ? 1 : 0 });
  }

  /** Call it as often as you like: false if this one was skipped: the rate, or what waits already. */
  sendPose({ position, yaw, pitch = 0, parts = NO_PARTS }: PoseInput): boolean {
    const link = this.link;
    if (this.now !== 'in_world' || !link) return false;
    const time = this.around.clock.now();
    if (time - this.poseAt < 1000 / POSES_A_SECOND_MAX - 1) return false;
    if (link.stateBytesWaiting > STATE_BYTES_WAITING_MAX) return false;
    const pose = {
      position: { x: Math.round(position.x), y: Math.round(position.y), z: Math.round(position.z) },
      yaw: Math.round(yaw),
      pitch: Math.round(pitch),
      parts,
    };
    if (!link.sendState(clientStates.encode({ kind: 'pose', poseSeq: this.poseSeq + 1, pose }))) return false;
    this.poseSeq += 1;
    this.poseAt = time;
    return true;
  }

  // ---- connecting ----

  private start(): void {
    this.become('connecting', '');
    const who = { token: this.around.tokens.load(), name: this.options.name };
    const wanted = this.options.carrier ?? 'auto';
    const blocked = wanted === 'auto' && this.around.clock.now() < this.webrtcAgainMs;
    const link: Link = new Link(this.origin, who, blocked ? 'websocket' : wanted, this.around, {
      answered: (answer) => this.around.tokens.save(answer.token),
      opened: () => {
        if (link.kind === 'websocket' && !blocked) this.webrtcAgainMs = this.around.clock.now() + WEBRTC_AGAIN_MS;
        this.schedule(WELCOME_MS_MAX, () => this.lost(new Error('the world did not welcome us in time')));
      },
      event: (bytes) => this.read(() => this.heard(serverEvents.decode(bytes))),
      state: (bytes) => this.read(() => this.saw(bytes)),
      ended: (reason) => this.link === link && this.lost(reason),
    });
    this.link = link;
  }

  // What the server says must parse; if it does not, one of us has a bug, and a new session may heal it.
  private read(message: () => void): void {
    try {
      message();
    } catch (error) {
      console.error('everframe: a message of the server could not be read', error);
      this.lost(error as Error);
    }
  }

  private drop(): void {
    this.stopTimer();
    this.link?.close();
    this.link = null;
    this.pingAt = null;
    this.actions.closed();
  }

  private lost(reason: Error, waitMs = 0): void {
    if (reason instanceof SignalingError && !reason.passing) {
      this.drop();
      this.actions.abandon(reason.message);
      this.become('closed', reason.message);
      this.connecting?.reject(reason);
      this.connecting = null;
      return;
    }
    if (this.now === 'in_world' && this.around.clock.now() - this.sinceMs > SETTLED_MS) this.failures = 0;
    this.drop();
    const backoff = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.failures++);
    // A crowd that lost its server does not come back as one.
    const wait = Math.max(waitMs, backoff * (0.5 + this.around.random() / 2));
    this.become('waiting', reason.message);
    this.schedule(wait, () => this.start());
  }

  private schedule(ms: number, what: () => void): void {
    this.stopTimer();
    this.stopTimer = this.around.clock.after(ms, what);
  }

  private become(state: ClientState, reason: string): void {
    this.now = state;
    this.sinceMs = this.around.clock.now();
    this.emit('state', { state, reason });
  }

  private tell(event: ClientEvent): void {
    this.link?.sendEvent(clientEvents.encode(event));
  }

  private ping(): void {
    const time = this.around.clock.now();
    if (this.pingAt !== null && time - this.pingAt > SILENCE_MS_MAX) {
      return this.lost(new Error('the server has fallen silent'));
    }
    if (this.pingAt === null) {
      this.pingAt = time;
      this.tell({ kind: 'ping', nonce: ++this.pingNonce });
    }
    this.schedule(PING_EVERY_MS, () => this.ping());
  }

  // ---- what the server says ----

  private heard(event: ServerEvent): void {
    switch (event.kind) {
      case 'welcome':
        return this.welcomed(event);
      case 'accepted':
        return this.actions.accepted(event.seq);
      case 'applied': {
        this.lastFrame = Math.max(this.lastFrame, event.frame);
        const body = this.actions.applied(event.seq, event.frame);
        if (body) this.emit('applied', { seq: event.seq, frame: event.frame, body });
        return;
      }
      case 'refused': {
        this.lastFrame = Math.max(this.lastFrame, event.frame);
        const body = this.actions.refused(event.seq, event.frame, event.reason);
        if (body) this.emit('refused', { seq: event.seq, frame: event.frame, reason: event.reason, body });
        return;
      }
      case 'inventory':
        this.stacks = event.stacks;
        return this.emit('inventory', event.stacks);
      case 'chunk_snapshot':
        return this.world.snapshot(event);
      case 'chunk_changes':
        this.lastFrame = Math.max(this.lastFrame, event.frame);
        if (this.world.changes(event)) this.tell({ kind: 'resync', chunk: event.chunk });
        return;
      case 'chunk_forget':
        return this.world.forget(event.chunk);
      case 'avatar':
        return this.avatars.came(event);
      case 'avatar_gone':
        return this.avatars.went(event.body);
      case 'pong':
        return this.ponged(event);
      case 'goodbye':
        return this.dismissed(event);
      case 'moved':
        return this.emit('moved', event);
    }
  }

  private saw(bytes: Uint8Array): void {
    const message = serverStates.decode(bytes);
    if (this.now !== 'in_world') return; // it overtook the welcome
    this.avatars.state(message, this.around.clock.now());
    this.lastFrame = Math.max(this.lastFrame, message.frame);
  }

  private welcomed(welcome: Message<'welcome'>): void {
    this.greeting = welcome;
    this.lastFrame = welcome.frame;
    this.poseAt = -Infinity;
    this.world.clear();
    this.avatars.clear();
    this.become('in_world', '');
    this.ping();
    this.emit('welcome', welcome);
    this.actions.welcomed(welcome.lastSeq);
    this.connecting?.resolve();
    this.connecting = null;
  }

  private ponged({ nonce, frame }: Message<'pong'>): void {
    this.lastFrame = Math.max(this.lastFrame, frame);
    if (nonce !== this.pingNonce || this.pingAt === null) return;
    const sample = this.around.clock.now() - this.pingAt;
    this.pingAt = null;
    this.rtt = this.rtt === null ? sample : this.rtt + (sample - this.rtt) / 4;
  }

  private dismissed(goodbye: Message<'goodbye'>): void {
    this.emit('goodbye', goodbye);
    const { reason, detail } = goodbye;
    if (reason === GoodbyeReason.LEFT || reason === GoodbyeReason.REPLACED)
      return this.close(detail || 'you left');
    const error = new Error(detail || `goodbye, reason ${reason}`);
    this.lost(error, reason === GoodbyeReason.DRAINING ? DRAINING_MS_MIN : 0);
  }
}
