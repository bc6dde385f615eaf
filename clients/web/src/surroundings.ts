// Surroundings: what the client needs from outside, so that tests and other runtimes can give it: time,
// chance, a place to keep the token, WebRTC, WebSocket, fetch. Browsers have them all; Node needs an
// RTCPeerConnection constructor (node-datachannel's polyfill, @roamhq/wrtc) or, before version 22, a WebSocket
// (ws): either will do, both bring the player in wherever one of them gets through.

export interface Clock {
  /** Milliseconds from any start, never backwards. */
  now(): number;
  /** Calls `what` once, later; returns what prevents it. */
  after(ms: number, what: () => void): () => void;
}

export interface TokenStore {
  load(): string | null;
  save(token: string | null): void;
}

/** The part of RTCDataChannel that is used. */
export interface DataChannel {
  binaryType: string;
  readonly readyState: string;
  readonly bufferedAmount: number;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(bytes: Uint8Array<ArrayBuffer>): void;
}
/** The part of RTCPeerConnection that is used. */
export interface PeerConnection {
  readonly connectionState: string;
  readonly localDescription: { readonly sdp?: string } | null;
  onconnectionstatechange: ((event: any) => void) | null;
  createDataChannel(
    label: string,
    options: { ordered: boolean; maxRetransmits?: number; protocol: string },
  ): DataChannel;
  createOffer(): Promise<any>;
  setLocalDescription(description?: any): Promise<void>;
  setRemoteDescription(description: { type: 'answer'; sdp: string }): Promise<void>;
  close(): void;
}

export interface Surroundings {
  clock: Clock;
  random: () => number;
  tokens: TokenStore;
  /** Null: there is no WebRTC, all goes through the WebSocket. */
  PeerConnection: (new () => PeerConnection) | null;
  WebSocket: typeof globalThis.WebSocket | null;
  fetch: typeof globalThis.fetch;
}

const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, what) {
    const timer = setTimeout(what, ms);
    return () => clearTimeout(timer);
  },
};

/** Keeps the token for as long as the process lives. */
export function memoryTokens(token: string | null = null): TokenStore {
  return { load: () => token, save: (saved) => void (token = saved) };
}

/** Keeps the token in localStorage, one per server; where that is missing or forbidden, in memory. */
export function localTokens(origin: string): TokenStore {
  const key = `everframe.token ${origin}`;
  const memory = memoryTokens();
  return {
    load() {
      try {
        return globalThis.localStorage.getItem(key) ?? memory.load();
      } catch {
        return memory.load();
      }
    },
    save(token) {
      memory.save(token);
      try {
        if (token === null) globalThis.localStorage.removeItem(key);
        else globalThis.localStorage.setItem(key, token);
      } catch {
        // A browser that forbids storage still plays: the token then lasts as long as the page.
      }
    },
  };
}

/** What is not given is the system's own. Throws if there is nothing that could carry a session as wanted. */
export function surroundings(
  origin: string,
  given: Partial<Surroundings>,
  wanted: 'auto' | 'webrtc' | 'websocket',
): Surroundings {
  const own = (globalThis.RTCPeerConnection as unknown as Surroundings['PeerConnection'] | undefined) ?? null;
  const PeerConnection = given.PeerConnection === undefined ? own : given.PeerConnection;
  const WebSocket = given.WebSocket === undefined ? (globalThis.WebSocket ?? null) : given.WebSocket;
  if ((!PeerConnection || wanted === 'websocket') && (!WebSocket || wanted === 'webrtc')) {
    throw new Error(
      'there is no RTCPeerConnection or WebSocket here: pass that of node-datachannel/polyfill, or that of ws',
    );
  }
  return {
    clock: given.clock ?? systemClock,
    random: given.random ?? Math.random,
    tokens: given.tokens ?? localTokens(origin),
    PeerConnection,
    WebSocket,
    fetch: given.fetch ?? globalThis.fetch.bind(globalThis),
  };
}
