// UdpPath: a network between clients and a server: forwards datagrams both ways, loses some of them by seeded
// dice, and can change every client's address, as a NAT does that forgets.
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';

const CLIENTS_MAX = 64;

// Mulberry32: the same seed loses the same datagrams, as far as they come in the same order.
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class UdpPath {
  /** Where clients reach it, on 127.0.0.1. */
  port = 0;
  forwarded = 0;
  lost = 0;
  private readonly front = createSocket('udp4');
  private readonly backs = new Map<string, Socket>(); // towards the server, by client
  private readonly roll: () => number;

  constructor(
    private readonly serverPort: number,
    /** The part that is lost, each way; 1: all. */
    public loss: number,
    seed: number,
  ) {
    this.roll = dice(seed);
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.front.bind(0, '127.0.0.1', resolve));
    this.port = this.front.address().port;
    this.front.on('message', (bytes, from) => this.towardsServer(bytes, from));
    return this;
  }

  /** The server sees every client at another address from now on. */
  rebind(): void {
    for (const back of this.backs.values()) back.close();
    this.backs.clear();
  }

  close(): void {
    this.rebind();
    this.front.close();
  }

  private passes(): boolean {
    const through = this.roll() >= this.loss;
    if (through) ++this.forwarded;
    else ++this.lost;
    return through;
  }

  private towardsServer(bytes: Buffer, client: RemoteInfo): void {
    const key = `${client.address}:${client.port}`;
    let back = this.backs.get(key);
    if (!back) {
      if (this.backs.size >= CLIENTS_MAX) throw new Error('too many clients on one path');
      back = createSocket('udp4');
      back.on('message', (reply) => {
        if (this.passes()) this.front.send(reply, client.port, client.address);
      });
      back.on('error', () => {}); // the server is away: UDP loses it
      this.backs.set(key, back);
    }
    if (this.passes()) back.send(bytes, this.serverPort, '127.0.0.1');
  }
}
