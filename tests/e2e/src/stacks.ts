// Stacks: foreign WebRTC implementations, and one exchange with the server that a test twists. `play` runs in
// Node with any of them, and in a page.
import { RTCPeerConnection as Libdatachannel } from 'node-datachannel/polyfill';
import wrtc from '@roamhq/wrtc';
import { RTCPeerConnection as Werift } from 'werift';
import type { PeerConnection } from '@everframe/client';

export type Constructor = new () => PeerConnection;

// werift (0.24) numbers channels by ICE's role instead of DTLS's, takes a limit that is absent for one of 0, and forgets
// that a channel with one is unordered. What it announces (RFC 8832 sections 5.1 and 6) is put right here.
class PutRight extends Werift {
  private channels = 0;

  constructor() {
    super({ iceServers: [] });
  }
  override createDataChannel(label: string, options: { ordered: boolean; maxRetransmits?: number }): any {
    const channel = super.createDataChannel(label, { ...options, id: 2 * this.channels++ });
    const waiting: [unknown, number, Buffer][] = (this.sctpTransport as any).dataChannelQueue;
    const announcement = waiting[waiting.length - 1]![2];
    announcement[1] = (options.ordered ? 0 : 0x80) | (options.maxRetransmits === undefined ? 0 : 1);
    return channel;
  }
}

/** Why werift is spared some tests. */
export const STALLS = 'its own SCTP stalls once datagrams were lost, whoever the server is';

export const stacks: Record<'libdatachannel' | 'wrtc' | 'werift', Constructor> = {
  libdatachannel: Libdatachannel as unknown as Constructor,
  wrtc: wrtc.RTCPeerConnection as unknown as Constructor,
  werift: PutRight as unknown as Constructor,
};

/** `sdp` with another port for its candidate on this machine. */
function moved(sdp: string, port: number): string {
  const out = sdp.replace(/ 127\.0\.0\.1 \d+ typ host/g, ` 127.0.0.1 ${port} typ host`);
  if (out === sdp) throw new Error('the answer names no candidate on 127.0.0.1');
  return out;
}

/** `stack`, but the server is reached by another port of this machine. */
export function redirected(stack: Constructor, port: number): Constructor {
  return class extends (stack as new () => any) {
    setRemoteDescription({ type, sdp }: { type: 'answer'; sdp: string }): Promise<void> {
      return super.setRemoteDescription({ type, sdp: moved(sdp, port) });
    }
  } as unknown as Constructor;
}
/** The same for a page, as code that runs in it first. */
export function redirectedPage(port: number): string {
  return `{
    ${moved.toString()}
    const { prototype } = RTCPeerConnection;
    const { setRemoteDescription } = prototype;
    prototype.setRemoteDescription = function ({ type, sdp }) {
      return setRemoteDescription.call(this, { type, sdp: moved(sdp, ${port}) });
    };
  }`;
}

export interface Plan {
  /** What one side is told is not what the other says: a certificate's fingerprint, or ICE's password. */
  twist?: 'offered fingerprint' | 'answered fingerprint' | 'answered password';
  /** After the welcome. */
  say?: { channel: 'events' | 'state'; text?: string; size?: number };
  closeChannel?: 'events' | 'state';
  /** Until a message on events is so long. */
  bytes?: number;
  /** At most. */
  ms: number;
}
export interface Played {
  opened: boolean;
  /** First bytes of the messages on events. */
  kinds: number[];
  goodbye: number[];
  /** The longest message on events, in bytes. */
  longest: number;
  closed: boolean;
}

/** Until a goodbye, a closed channel, or the plan's time. Self-contained: its text is given to pages too. */
export async function play(RTC: any, origin: string, plan: Plan): Promise<Played> {
  const peer = new RTC();
  const played: Played = { opened: false, kinds: [], goodbye: [], longest: 0, closed: false };
  const twisted = (sdp: string, side: 'offered' | 'answered'): string => {
    if (!plan.twist?.startsWith(side)) return sdp;
    const line = plan.twist.endsWith('password') ? /(a=ice-pwd:)(..)/i : /(a=fingerprint:sha-256 )(..)/i;
    return sdp.replace(line, (_all, name: string, two: string) => name + (two === '00' ? '11' : '00'));
  };
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(resolve, plan.ms);
    const end = (): void => {
      clearTimeout(late);
      setTimeout(resolve, 50); // what else there is to hear
    };
    const channels: any = {
      events: peer.createDataChannel('events', { ordered: true, protocol: 'everframe.1' }),
      state: peer.createDataChannel('state', { ordered: false, maxRetransmits: 0, protocol: 'everframe.1' }),
    };
    for (const name of ['events', 'state']) {
      const channel = channels[name];
      channel.binaryType = 'arraybuffer';
      channel.onopen = () => (played.opened = true);
      channel.onclose = () => {
        played.closed = true;
        end();
      };
    }
    channels.events.onmessage = ({ data }: { data: any }) => {
      const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
      played.kinds.push(bytes[0]!);
      played.longest = Math.max(played.longest, bytes.length);
      if (plan.bytes && bytes.length >= plan.bytes) end();
      if (bytes[0] === 0x4b) {
        played.goodbye = Array.from(bytes);
        end();
      }
      if (bytes[0] !== 0x40) return;
      const { say, closeChannel } = plan;
      if (say) channels[say.channel].send(say.text ?? new Uint8Array(say.size ?? 0).fill(1));
      if (closeChannel) channels[closeChannel].close();
    };
    (async () => {
      await peer.setLocalDescription(await peer.createOffer());
      const offer: string = peer.localDescription.sdp;
      const reply = await fetch(`${origin}/v1/connect`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ type: 'offer', sdp: twisted(offer, 'offered') }),
      });
      const { sdp } = (await reply.json()) as { sdp: string };
      await peer.setRemoteDescription({ type: 'answer', sdp: twisted(sdp, 'answered') });
    })().catch(reject);
  });
  await peer.close();
  return played;
}
