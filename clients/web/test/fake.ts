// For tests: a virtual clock, and a server in memory behind the shapes of RTCPeerConnection, fetch and
// WebSocket.
import { clientEvents, clientStates, serverEvents, serverStates } from '../src/index.js';
import type {
  ClientEvent,
  Clock,
  DataChannel,
  Message,
  PoseUpdate,
  ServerEvent,
  StateMessage,
} from '../src/index.js';

export class VirtualClock implements Clock {
  private time = 0;
  private timers: { at: number; what: () => void }[] = [];

  now(): number {
    return this.time;
  }
  after(ms: number, what: () => void): () => void {
    const timer = { at: this.time + ms, what };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((one) => one !== timer));
  }
  /** Lets time pass, timer by timer, and what waits for promises settle in between. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (let step = 0; step < 10_000; ++step) {
      await settled();
      const next = this.timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((one) => one !== next);
      this.time = next.at;
      next.what();
    }
    this.time = end;
    await settled();
  }
}

export async function settled(): Promise<void> {
  for (let i = 0; i < 3; ++i) await new Promise((resolve) => setImmediate(resolve));
}

class FakeChannel implements DataChannel {
  binaryType = '';
  readyState = 'connecting';
  bufferedAmount = 0;
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;

  constructor(
    readonly label: string,
    readonly options: unknown,
    private readonly sent: (bytes: Uint8Array) => void,
  ) {}
  send(bytes: Uint8Array): void {
    if (this.readyState !== 'open') throw new Error('not open');
    this.sent(bytes.slice());
  }
  open(): void {
    this.readyState = 'open';
    this.onopen?.({});
  }
  close(): void {
    this.readyState = 'closed';
    this.onclose?.({});
  }
  deliver(bytes: Uint8Array): void {
    this.onmessage?.({ data: bytes.slice().buffer as ArrayBuffer });
  }
}

export class FakeSession {
  connectionState = 'new';
  localDescription: { sdp: string } | null = null;
  /** UDP is blocked: the channels never open. */
  blocked = false;
  onconnectionstatechange: ((event: unknown) => void) | null = null;
  closed = false;
  readonly channels: FakeChannel[] = [];
  readonly heard: ClientEvent[] = [];
  readonly poses: PoseUpdate[] = [];

  createDataChannel(label: string, options: unknown): DataChannel {
    const channel = new FakeChannel(label, options, (bytes) => {
      if (label === 'events') this.heard.push(clientEvents.decode(bytes));
      else this.poses.push(clientStates.decode(bytes));
    });
    this.channels.push(channel);
    return channel;
  }
  async createOffer(): Promise<{ type: string; sdp: string }> {
    return { type: 'offer', sdp: 'the offer' };
  }
  async setLocalDescription({ sdp }: { sdp: string }): Promise<void> {
    this.localDescription = { sdp };
  }
  async setRemoteDescription(): Promise<void> {
    if (this.blocked) return;
    this.connectionState = 'connected';
    for (const channel of this.channels) channel.open();
  }
  close(): void {
    this.closed = true;
  }

  get actions(): { seq: number; what: string }[] {
    return this.heard.flatMap((one) =>
      one.kind === 'action' ? [{ seq: one.seq, what: one.body.what }] : [],
    );
  }
  say(event: ServerEvent): void {
    this.channels[0]!.deliver(serverEvents.encode(event));
  }
  show(state: StateMessage): void {
    this.channels[1]!.deliver(serverStates.encode(state));
  }
  welcome(lastSeq = 0): void {
    this.say(welcomeOf(lastSeq));
  }
  vanish(): void {
    this.connectionState = 'failed';
    this.onconnectionstatechange?.({});
  }
}

export function welcomeOf(lastSeq: number): Message<'welcome'> {
  return {
    kind: 'welcome',
    version: 1,
    player: 7n,
    body: 107n,
    name: 'Ada',
    position: { x: 0, y: 0, z: 0 },
    yaw: 0,
    frame: 10,
    lastSeq,
    stateHz: 30,
    viewChunks: 4,
    chunkSize: 32_000,
    contentHash: 1n,
    wallMs: 1_000_000,
  };
}

/** A connect WebSocket; with a tunnel in it, if it was asked for one. */
export class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  binaryType = '';
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly requests: { type: string; token?: string; name?: string }[] = [];
  readonly heard: ClientEvent[] = [];
  readonly poses: PoseUpdate[] = [];

  constructor(private readonly server: FakeServer) {
    server.sockets.push(this);
    queueMicrotask(() => {
      this.readyState = server.socketsOpen ? 1 : 3;
      if (server.socketsOpen) this.onopen?.({});
      else this.onclose?.({});
    });
  }
  send(data: string | Uint8Array): void {
    if (typeof data !== 'string') {
      if (data[0] === 0) this.heard.push(clientEvents.decode(data.slice(1)));
      else this.poses.push(clientStates.decode(data.slice(1)));
      return;
    }
    const request = JSON.parse(data);
    this.requests.push(request);
    const refusal = this.server.refusals.shift();
    const reply =
      refusal === undefined
        ? { type: request.type === 'offer' ? 'answer' : 'tunnel', sdp: 'the answer', token: 'secret', player: '7' }
        : { error: refusal };
    queueMicrotask(() => {
      this.onmessage?.({ data: JSON.stringify(reply) });
      if (request.type === 'tunnel' && this.server.welcomesAtOnce) this.welcome();
    });
  }
  say(event: ServerEvent): void {
    this.deliver(0, serverEvents.encode(event));
  }
  show(state: StateMessage): void {
    this.deliver(1, serverStates.encode(state));
  }
  welcome(lastSeq = 0): void {
    this.say(welcomeOf(lastSeq));
  }
  close(): void {
    this.readyState = 3;
  }
  vanish(): void {
    this.readyState = 3;
    this.onclose?.({});
  }
  private deliver(channel: number, bytes: Uint8Array): void {
    const frame = new Uint8Array(1 + bytes.length);
    frame[0] = channel;
    frame.set(bytes, 1);
    this.onmessage?.({ data: frame.buffer });
  }
}

/** Every connection that a client makes is one more session. */
export class FakeServer {
  readonly sessions: FakeSession[] = [];
  readonly sockets: FakeSocket[] = [];
  udpBlocked = false;
  socketsOpen = true;
  /** The welcome in the same packet as the tunnel's answer. */
  welcomesAtOnce = false;
  readonly offers: { sdp: string; token?: string; name?: string }[] = [];
  /** What the next connect requests are answered with, before answers. */
  refusals: ({ code: string; message: string } | 'unreachable')[] = [];

  get last(): FakeSession {
    return this.sessions[this.sessions.length - 1]!;
  }
  readonly PeerConnection = ((server: FakeServer) =>
    class extends FakeSession {
      constructor() {
        super();
        this.blocked = server.udpBlocked;
        server.sessions.push(this);
      }
    })(this);
  readonly WebSocket = ((server: FakeServer) =>
    class extends FakeSocket {
      constructor() {
        super(server);
      }
    })(this) as unknown as typeof globalThis.WebSocket;
  readonly fetch = (async (_url: string, { body }: { body: string }) => {
    this.offers.push(JSON.parse(body));
    const refusal = this.refusals.shift();
    if (refusal === 'unreachable') throw new Error('connection refused');
    const reply = refusal
      ? { error: refusal }
      : { type: 'answer', sdp: 'the answer', token: 'secret', player: '7', content: '00' };
    return { text: async () => JSON.stringify(reply) };
  }) as unknown as typeof globalThis.fetch;
}
