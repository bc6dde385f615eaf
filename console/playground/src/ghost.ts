// Ghost: what is about to be built, where it would stand: on the ground ahead, on a grid of half a metre,
// turned by quarters. Green if it can be paid for and nothing is seen to be in its way; the server decides.
import type { Content } from '@everframe/client';
import * as THREE from 'three';
import type { Player } from './player.js';
import type { Things } from './things.js';

const GRID_M = 0.5;
const FAR_M = 3.6;

export interface Site {
  type: number;
  position: { x: number; y: number; z: number }; // millimetres
  yaw: number; // thousandths of a degree
}

export class Ghost {
  private type: number | null = null;
  private mesh: THREE.Mesh | null = null;
  private quarters = 0;
  private readonly material = new THREE.MeshBasicMaterial({
    transparent: true,
    opacity: 0.45,
    depthWrite: false,
  });
  private readonly way = new THREE.Vector3();

  constructor(
    private readonly scene: THREE.Scene,
    private readonly things: Things,
    private readonly content: Content,
  ) {}

  get chosen(): number | null {
    return this.type;
  }
  choose(type: number | null): void {
    if (this.mesh) this.scene.remove(this.mesh);
    this.mesh = null;
    this.type = type;
    if (type === null) return;
    this.mesh = this.things.meshOf(type, this.material);
    this.mesh.renderOrder = 5;
    this.scene.add(this.mesh);
  }
  turn(): void {
    this.quarters = (this.quarters + 1) % 4;
  }

  /** Once a frame. */
  follow(player: Player, payable: boolean): void {
    if (!this.mesh || this.type === null) return;
    player.camera.getWorldDirection(this.way);
    // Where the view meets the ground, or as far as arms reach.
    const down = -this.way.y;
    const level = Math.hypot(this.way.x, this.way.z) || 1e-6;
    const ahead = down > 0.01 ? Math.min(FAR_M, (player.camera.position.y / down) * level) : FAR_M;
    const out = Math.max(1.2, ahead);
    const snap = (value: number): number => Math.round(value / GRID_M) * GRID_M;
    this.mesh.position.set(
      snap(player.x + (this.way.x / level) * out),
      0,
      snap(player.z + (this.way.z / level) * out),
    );
    // A wall faces who builds it.
    const facing = Math.round(player.yaw / (Math.PI / 2)) + this.quarters;
    this.mesh.rotation.y = (((facing % 4) + 4) % 4) * (Math.PI / 2);
    this.material.color.set(payable && this.free() ? 0x58e08a : 0xff5a4d);
  }

  site(): Site | null {
    if (!this.mesh || this.type === null) return null;
    const { x, z } = this.mesh.position;
    return {
      type: this.type,
      position: { x: Math.round(x * 1000), y: 0, z: Math.round(z * 1000) },
      yaw: Math.round((this.mesh.rotation.y / Math.PI) * 180_000),
    };
  }

  private free(): boolean {
    const def = this.content.entities[this.type!];
    if (!def || !this.mesh) return false;
    const { x, z } = this.mesh.position;
    const own = footprint(def.kind, def.radius_mm, def.height_mm);
    for (let i = 0; i < this.things.list.length; ++i) {
      const thing = this.things.list[i]!;
      const other = thing.def;
      if (other.kind === 'item_pile' || other.radius_mm === 0) continue;
      const flatter = (def.height_mm === 0) !== (other.height_mm === 0);
      if (flatter && !NATURAL.has(other.kind)) continue;
      const apart = own + footprint(other.kind, other.radius_mm, other.height_mm);
      if ((thing.x - x) ** 2 + (thing.z - z) ** 2 < apart * apart) return false;
    }
    return true;
  }
}

const NATURAL = new Set(['tree', 'rock', 'ore', 'bush']);

// As src/world/build.cpp measures it.
function footprint(kind: string, radiusMm: number, heightMm: number): number {
  return (kind === 'structure' && heightMm > 0 ? radiusMm / 2 : radiusMm) / 1000;
}
