// Actions: the player's actions in order, from the wish to the answer (spec/wire.md section 4). Each gets
// the next sequence number when it is first sent, and is sent again after every reconnect until its answer
// came: so it takes effect exactly once. What is refused before it entered the server's queue is sent again
// by itself, with all after it.
import { UNANSWERED_MAX } from './messages.js';
import type { ActionBody } from './messages.js';
import type { Clock } from './surroundings.js';

/** Actions that may wait here for their turn; more are refused at once. */
export const WAITING_MAX = 256;
/** Until an action that the server was too busy for is sent again. */
export const BUSY_MS = 250;

export interface Outcome {
  seq: number;
  /** The frame that holds it, or that refused it. */
  frame: number;
  applied: boolean;
  /** 0 if applied; numbers of the content pack's `refusals`. */
  reason: number;
}

/** Whether the action took effect cannot be known (any more). */
export class ActionLost extends Error {
  override name = 'ActionLost';
}

interface Entry {
  seq: number;
  readonly body: ActionBody;
  accepted: boolean;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
}

export class Actions {
  private sent: Entry[] = []; // by ascending seq, unanswered
  private waiting: Entry[] = []; // without a seq yet
  private nextSeq = 0; // 0: the player is not known yet
  private open = false;
  private stopHolding: (() => void) | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly send: (seq: number, body: ActionBody) => void,
  ) {}

  get unanswered(): number {
    return this.sent.length + this.waiting.length;
  }

  act(body: ActionBody): Promise<Outcome> {
    if (this.waiting.length >= WAITING_MAX) {
      return Promise.reject(new Error(`${WAITING_MAX} actions wait already: slow down`));
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ seq: 0, body, accepted: false, resolve, reject });
      this.pump();
    });
  }

  /** A session began. */
  welcomed(lastSeq: number): void {
    this.nextSeq = Math.max(this.nextSeq, lastSeq + 1);
    this.open = true;
    this.resend(0);
  }
  /** The session is gone; another is to come. */
  closed(): void {
    this.open = false;
    this.release();
  }
  /** No session is to come for this player: what is unanswered stays unknown. */
  abandon(why: string): void {
    this.closed();
    this.nextSeq = 0;
    const lost = [...this.sent, ...this.waiting];
    this.sent = [];
    this.waiting = [];
    for (const entry of lost) entry.reject(new ActionLost(why));
  }

  accepted(seq: number): void {
    const entry = this.sent.find((one) => one.seq === seq);
    if (entry) entry.accepted = true;
  }
  /** Null if it was not the answer to anything that waits. */
  applied(seq: number, frame: number): ActionBody | null {
    return this.answer({ seq, frame, applied: true, reason: 0 });
  }
  refused(seq: number, frame: number, reason: number): ActionBody | null {
    if (frame !== 0) return this.answer({ seq, frame, applied: false, reason });
    if (!this.stopHolding && this.sent.some((entry) => entry.seq === seq)) {
      this.stopHolding = this.clock.after(BUSY_MS, () => {
        this.stopHolding = null;
        if (this.open) this.resend(seq);
      });
    }
    return null;
  }

  private answer(outcome: Outcome): ActionBody | null {
    const index = this.sent.findIndex((entry) => entry.seq === outcome.seq);
    if (index < 0) return null;
    const [entry] = this.sent.splice(index, 1);
    entry!.resolve(outcome);
    this.pump();
    return entry!.body;
  }

  private resend(from: number): void {
    for (const entry of this.sent) if (entry.seq >= from) this.send(entry.seq, entry.body);
    this.pump();
  }

  private pump(): void {
    while (this.open && !this.stopHolding && this.waiting.length > 0) {
      const oldest = this.sent[0]?.seq ?? this.nextSeq;
      if (this.nextSeq - oldest >= UNANSWERED_MAX) return;
      const entry = this.waiting.shift()!;
      entry.seq = this.nextSeq++;
      this.sent.push(entry);
      this.send(entry.seq, entry.body);
    }
  }

  private release(): void {
    this.stopHolding?.();
    this.stopHolding = null;
  }
}
