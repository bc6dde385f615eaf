// Stacks: foreign WebRTC implementations, and one exchange with the server that a test twists. `play` runs in
// Node with any of them, and in a page.
import { RTCPeerConnection as Libdatachannel } from 'node-datachannel/polyfill';
import wrtc from '@roamhq/wrtc';
import { RTCPeerConnection as Werift } from 'werift';
import type { PeerConnection } from '@everframe/client';

export type Constructor = new () => PeerConnection;

export const stacks: Record<'libdatachannel' | 'wrtc' | 'werift', Constructor> = {
  libdatachannel: Libdatachannel as unknown as Constructor,
  wrtc: wrtc.RTCPeerConnection as unknown as Constructor,
  werift: class extends Werift {
    constructor() {
      super({ iceServers: [] });
    }
  } as unknown as Constructor,
};

/** `stack`, but the answer's candidate is a port on this machine. */
export function redirected(stack: Constructor, port: () => number): Constructor {
  return class extends (stack as new () => any) {
    setRemoteDescription({ type, sdp }: { type: 'answer'; sdp: string }): Promise<void> {
      const moved = sdp.replace(/ 127\.0\.0\.1 \d+ typ host/g, ` 127.0.0.1 ${port()} typ host`);
      if (moved === sdp) throw new Error('the answer names no candidate on 127.0.0.1');
      return super.setRemoteDescription({ type, sdp: moved });
    }
  } as unknown as Constructor;
}

export interface Plan {
  twistOffer?: boolean; // another fingerprint than the certificate's
  twistAnswer?: boolean;
  /** After the welcome. */
  say?: { channel: 'events' | 'state'; text?: string; size?: number };
  closeChannel?: 'events' | 'state';
  /** At most. */
  ms: number;
}
export interface Played {
  opened: boolean;
  /** First bytes of the messages on events. */
  kinds: number[];
  goodbye: number[];
  closed: boolean;
}

/** Until a goodbye, a closed channel, or the plan's time. Self-contained: its text is given to pages too. */
export async function play(RTC: any, origin: string, plan: Plan): Promise<Played> {
  const peer = new RTC();
  const played: Played = { opened: false, kinds: [], goodbye: [], closed: false };
  const twist = (sdp: string): string =>
    sdp.replace(/(a=fingerprint:sha-256 )(..)/i, (_all, name: string, byte: string) => name + (byte === '00' ? '11' : '00'));
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
        body: JSON.stringify({ type: 'offer', sdp: plan.twistOffer ? twist(offer) : offer }),
      });
      const { sdp } = (await reply.json()) as { sdp: string };
      await peer.setRemoteDescription({ type: 'answer', sdp: plan.twistAnswer ? twist(sdp) : sdp });
    })().catch(reject);
  });
  await peer.close();
  return played;
}
