// World: what the client knows of the chunks in its view: a replica that the server's messages keep up
// (spec/wire.md section 4). A change that does not fit the chunk's version makes it ask for the chunk anew,
// and ignore the chunk until the snapshot comes.
import { Emitter } from './emitter.js';
import type { EntityView, Message } from './messages.js';

export interface Entity extends EntityView {
  /** The chunk that it stands in. */
  readonly chunk: bigint;
}

export interface WorldEvents {
  added: Entity;
  /** Same id, new values; `before` is what it replaces. */
  changed: { entity: Entity; before: Entity };
  removed: Entity;
  chunk: { code: bigint; version: number };
  forgotten: bigint;
}

interface Chunk {
  version: number;
  readonly ids: Set<bigint>;
  stale: boolean; // a resync is under way
}

export class World extends Emitter<WorldEvents> {
  private readonly all = new Map<bigint, Entity>();
  private readonly chunks = new Map<bigint, Chunk>();

  get entities(): ReadonlyMap<bigint, Entity> {
    return this.all;
  }
  get chunkCount(): number {
    return this.chunks.size;
  }
  /** Undefined: the chunk is not in view. */
  versionOf(code: bigint): number | undefined {
    return this.chunks.get(code)?.version;
  }

  snapshot({ chunk: code, version, entities }: Message<'chunk_snapshot'>): void {
    const old = this.chunks.get(code);
    const chunk: Chunk = { version, ids: new Set(), stale: false };
    this.chunks.set(code, chunk);
    for (const entity of entities) this.put(code, chunk, entity);
    for (const id of old?.ids ?? []) if (!chunk.ids.has(id)) this.take(code, id);
    this.emit('chunk', { code, version });
  }

  /** True: the chunk must be asked for anew. */
  changes(message: Message<'chunk_changes'>): boolean {
    const chunk = this.chunks.get(message.chunk);
    if (!chunk || chunk.stale) return false;
    if (message.fromVersion !== chunk.version) {
      chunk.stale = true;
      return true;
    }
    chunk.version = message.version;
    for (const id of message.removed) {
      chunk.ids.delete(id);
      this.take(message.chunk, id);
    }
    for (const entity of message.upserts) this.put(message.chunk, chunk, entity);
    this.emit('chunk', { code: message.chunk, version: message.version });
    return false;
  }

  forget(code: bigint): void {
    const chunk = this.chunks.get(code);
    if (!chunk) return;
    this.chunks.delete(code);
    for (const id of chunk.ids) this.take(code, id);
    this.emit('forgotten', code);
  }

  clear(): void {
    for (const code of [...this.chunks.keys()]) this.forget(code);
  }

  private put(code: bigint, chunk: Chunk, view: EntityView): void {
    const entity: Entity = { ...view, chunk: code };
    const before = this.all.get(view.id);
    if (before && before.chunk !== code) this.chunks.get(before.chunk)?.ids.delete(view.id);
    chunk.ids.add(view.id);
    this.all.set(view.id, entity);
    if (before) this.emit('changed', { entity, before });
    else this.emit('added', entity);
  }

  // Only from the chunk that it is in: one that has crossed over is another chunk's.
  private take(code: bigint, id: bigint): void {
    const entity = this.all.get(id);
    if (entity?.chunk !== code) return;
    this.all.delete(id);
    this.emit('removed', entity);
  }
}
