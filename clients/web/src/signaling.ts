// Signaling: the exchange of spec/wire.md section 1: one offer, one answer, over a WebSocket or, where that
// does not come up, as a POST. The WebSocket is kept for a tunnel until close().
import type { Who } from './carrier.js';
import type { Surroundings } from './surroundings.js';

export interface Answer {
  /** Empty for a tunnel. */
  sdp: string;
  token: string;
  /** The player's id in decimal. */
  player: string;
  /** The content pack's hash in hexadecimal. */
  content: string;
}

const OPEN = 1; // WebSocket.readyState

/** Codes after which the same request cannot succeed. */
const FINAL = new Set([
  'bad_json',
  'bad_request',
  'bad_offer',
  'unknown_token',
  'too_large',
  'bad_content_type',
]);

/** The server's refusal, or `unreachable`. */
export class SignalingError extends Error {
  override name = 'SignalingError';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
  /** Whether the same request may succeed later. */
  get passing(): boolean {
    return !FINAL.has(this.code);
  }
}

export const EXCHANGE_MS_MAX = 15_000;
const PATH = '/v1/connect';

/** Of a reply's text; throws what it refuses. */
export function readReply(text: string, type: 'answer' | 'tunnel'): Answer {
  let reply: any;
  try {
    reply = JSON.parse(text);
  } catch {
    throw new SignalingError('unreachable', 'what answered is no Everframe server: its reply is not JSON');
  }
  if (reply?.error) throw new SignalingError(String(reply.error.code), String(reply.error.message));
  const sdp = type === 'tunnel' ? '' : reply?.sdp;
  if (reply?.type !== type || typeof sdp !== 'string' || typeof reply.token !== 'string') {
    throw new SignalingError('unreachable', 'what answered is no Everframe server: its reply is no answer');
  }
  return { sdp, token: reply.token, player: String(reply.player), content: String(reply.content) };
}

export function requestOf(type: 'offer' | 'tunnel', { token, name }: Who, sdp?: string): string {
  return JSON.stringify({
    type,
    ...(sdp === undefined ? {} : { sdp }),
    ...(token ? { token } : {}),
    ...(name ? { name } : {}),
  });
}

export class Signaling {
  private kept: WebSocket | null = null; // after an answer: a tunnel may be asked for on it

  constructor(
    private readonly origin: string,
    private readonly around: Surroundings,
  ) {}

  /** Throws a SignalingError. */
  async offer(sdp: string, who: Who): Promise<Answer> {
    const request = requestOf('offer', who, sdp);
    return readReply((await this.overWebSocket(request)) ?? (await this.overPost(request)), 'answer');
  }

  /** Open or opening, without listeners, and the caller's from now on. Null: there is none here. */
  takeSocket(): WebSocket | null {
    const kept = this.kept;
    this.kept = null;
    if (kept?.readyState === OPEN) return kept;
    const { WebSocket } = this.around;
    if (!WebSocket) return null;
    try {
      const socket = new WebSocket(this.origin.replace(/^http/, 'ws') + PATH);
      socket.binaryType = 'arraybuffer';
      return socket;
    } catch {
      return null;
    }
  }

  close(): void {
    this.kept?.close();
    this.kept = null;
  }

  // Nothing if the WebSocket brought no reply: then POST is tried.
  private overWebSocket(request: string): Promise<string | null> {
    const socket = this.takeSocket();
    if (!socket) return Promise.resolve(null);
    return new Promise((resolve) => {
      const end = (reply: string | null): void => {
        stop();
        socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
        if (reply === null) socket.close();
        else this.kept = socket;
        resolve(reply);
      };
      const stop = this.around.clock.after(EXCHANGE_MS_MAX, () => end(null));
      socket.onopen = () => socket.send(request);
      socket.onmessage = (event) => end(String(event.data));
      socket.onclose = socket.onerror = () => end(null);
    });
  }

  private async overPost(request: string): Promise<string> {
    const abort = new AbortController();
    const stop = this.around.clock.after(EXCHANGE_MS_MAX, () => abort.abort());
    try {
      const reply = await this.around.fetch(this.origin + PATH, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: request,
        signal: abort.signal,
      });
      return await reply.text();
    } catch (error) {
      throw new SignalingError('unreachable', `${this.origin} does not answer (${(error as Error).message})`);
    } finally {
      stop();
    }
  }
}
