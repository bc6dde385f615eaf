// Signaling: the exchange of spec/wire.md section 1: one offer, one answer, over a WebSocket or, where that
// does not come up, as a POST.
import type { Surroundings } from './surroundings.js';

export interface Offer {
  sdp: string;
  token?: string;
  name?: string;
}
export interface Answer {
  sdp: string;
  token: string;
  /** The player's id in decimal. */
  player: string;
  /** The content pack's hash in hexadecimal. */
  content: string;
}

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

function read(text: string): Answer {
  let reply: any;
  try {
    reply = JSON.parse(text);
  } catch {
    throw new SignalingError('unreachable', 'what answered is no Everframe server: its reply is not JSON');
  }
  if (reply?.error) throw new SignalingError(String(reply.error.code), String(reply.error.message));
  if (reply?.type !== 'answer' || typeof reply.sdp !== 'string' || typeof reply.token !== 'string') {
    throw new SignalingError('unreachable', 'what answered is no Everframe server: its reply is no answer');
  }
  return { sdp: reply.sdp, token: reply.token, player: String(reply.player), content: String(reply.content) };
}

// Nothing if the WebSocket brought no reply: then POST is tried.
function overWebSocket(origin: string, request: string, around: Surroundings): Promise<string | null> {
  const WebSocket = around.WebSocket;
  if (!WebSocket) return Promise.resolve(null);
  return new Promise((resolve) => {
    let socket: WebSocket;
    try {
      socket = new WebSocket(origin.replace(/^http/, 'ws') + PATH);
    } catch {
      return resolve(null);
    }
    const stop = around.clock.after(EXCHANGE_MS_MAX, () => end(null));
    const end = (reply: string | null): void => {
      stop();
      socket.onmessage = socket.onclose = socket.onerror = null;
      socket.close();
      resolve(reply);
    };
    socket.onopen = () => socket.send(request);
    socket.onmessage = (event) => end(String(event.data));
    socket.onclose = socket.onerror = () => end(null);
  });
}

async function overPost(origin: string, request: string, around: Surroundings): Promise<string> {
  const abort = new AbortController();
  const stop = around.clock.after(EXCHANGE_MS_MAX, () => abort.abort());
  try {
    const reply = await around.fetch(origin + PATH, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: request,
      signal: abort.signal,
    });
    return await reply.text();
  } catch (error) {
    throw new SignalingError('unreachable', `${origin} does not answer (${(error as Error).message})`);
  } finally {
    stop();
  }
}

/** Throws a SignalingError. */
export async function exchange(origin: string, offer: Offer, around: Surroundings): Promise<Answer> {
  const request = JSON.stringify({ type: 'offer', ...offer });
  return read((await overWebSocket(origin, request, around)) ?? (await overPost(origin, request, around)));
}
