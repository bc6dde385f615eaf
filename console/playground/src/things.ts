// Things: the world's entities on the screen. One InstancedMesh for each type in each of its states; an entity is a row in
// one of them. Adding, changing and removing touch one row; a frame in which nothing happens touches none.
import { DEPLETED, LIT, OPEN } from '@everframe/client';
import type { Content, ContentEntity, Entity, World } from '@everframe/client';
import * as THREE from 'three';
import { shapeOf } from './shapes.js';

const ROWS_AT_FIRST = 32;
const SHAKE_S = 0.28;
const FIRES_LIT_MAX = 4; // lamps cost every pixel
const UNKNOWN: ContentEntity =
  { key: 'unknown', name: 'Something unknown', kind: 'unknown', hp: 1, radius_mm: 300, height_mm: 600 };

/** An entity, with what drawing and aiming ask of it in every frame. Metres and radians. */
export interface Thing {
  entity: Entity;
  def: ContentEntity;
  x: number;
  y: number;
  z: number;
  yaw: number;
  size: number;
  pool: Pool;
  row: number;
  index: number; // in Things.list
  shaken: number; // when; seconds
}

const matrix = new THREE.Matrix4();
const turn = new THREE.Quaternion();
const place = new THREE.Vector3();
const scale = new THREE.Vector3();
const euler = new THREE.Euler(0, 0, 0, 'YXZ');

class Pool {
  readonly rows: Thing[] = [];
  private meshes: THREE.InstancedMesh[] = [];
  private capacity = 0;

  constructor(
    private readonly scene: THREE.Scene,
    private readonly parts: { geometry: THREE.BufferGeometry; material: THREE.Material; shadow: boolean }[],
    readonly glows: boolean,
  ) {}

  add(thing: Thing): void {
    thing.pool = this;
    thing.row = this.rows.push(thing) - 1;
    if (this.rows.length > this.capacity) this.grow();
    for (const mesh of this.meshes) mesh.count = this.rows.length;
    this.put(thing, 0, 0);
  }
  remove(thing: Thing): void {
    const last = this.rows.pop()!;
    if (last !== thing) {
      this.rows[thing.row] = last;
      last.row = thing.row;
      this.put(last, 0, 0);
    }
    for (const mesh of this.meshes) mesh.count = this.rows.length;
  }
  put(thing: Thing, leanX: number, leanZ: number): void {
    matrix.compose(
      place.set(thing.x, thing.y, thing.z),
      turn.setFromEuler(euler.set(leanX, thing.yaw, leanZ)),
      scale.setScalar(thing.size),
    );
    for (const mesh of this.meshes) {
      mesh.setMatrixAt(thing.row, matrix);
      mesh.instanceMatrix.needsUpdate = true;
    }
  }

  private grow(): void {
    this.capacity = Math.max(ROWS_AT_FIRST, 2 * this.capacity);
    const old = this.meshes;
    this.meshes = this.parts.map(({ geometry, material, shadow }, i) => {
      const mesh = new THREE.InstancedMesh(geometry, material, this.capacity);
      mesh.instanceMatrix.setUsage(THREE.DynamicDrawUsage);
      if (old[i]) mesh.instanceMatrix.array.set(old[i].instanceMatrix.array);
      mesh.castShadow = mesh.receiveShadow = shadow;
      mesh.frustumCulled = false; // they stand all around
      this.scene.add(mesh);
      return mesh;
    });
    for (const mesh of old) {
      this.scene.remove(mesh);
      mesh.dispose();
    }
  }
}

export class Things {
  /** In no order; a thing's place changes when another goes. */
  readonly list: Thing[] = [];
  private readonly byId = new Map<bigint, Thing>();
  private readonly pools = new Map<string, Pool>();
  private readonly shaking: Thing[] = [];
  private readonly still: THREE.Material;
  private readonly swaying: THREE.Material;
  private readonly flames = new THREE.MeshBasicMaterial({ vertexColors: true });
  private readonly lamps: THREE.PointLight[] = [];

  constructor(
    private readonly scene: THREE.Scene,
    private readonly content: Content,
    world: World,
    wind: { value: number },
  ) {
    this.still = new THREE.MeshLambertMaterial({ vertexColors: true });
    this.swaying = inTheWind(new THREE.MeshLambertMaterial({ vertexColors: true }), wind);
    for (let i = 0; i < FIRES_LIT_MAX; ++i) {
      const lamp = new THREE.PointLight(0xff9440, 0, 14, 1.6);
      this.lamps.push(lamp);
      scene.add(lamp);
    }
    for (const entity of world.entities.values()) this.add(entity);
    world.on('added', (entity) => this.add(entity));
    world.on('changed', ({ entity, before }) => this.change(entity, before));
    world.on('removed', (entity) => this.remove(entity.id));
  }

  get(id: bigint): Thing | undefined {
    return this.byId.get(id);
  }

  /** Once a frame. */
  animate(seconds: number, eye: THREE.Vector3): void {
    for (let i = this.shaking.length - 1; i >= 0; --i) {
      const thing = this.shaking[i]!;
      const part = (seconds - thing.shaken) / SHAKE_S;
      const over = part >= 1 || thing.index < 0;
      const lean = over ? 0 : 0.05 * Math.sin(part * 18) * (1 - part);
      if (thing.index >= 0) thing.pool.put(thing, lean, lean * 0.7);
      if (over) {
        this.shaking[i] = this.shaking[this.shaking.length - 1]!;
        this.shaking.pop();
      }
    }
    this.light(seconds, eye);
  }

  shake(id: bigint, seconds: number): void {
    const thing = this.byId.get(id);
    if (!thing) return;
    thing.shaken = seconds;
    if (!this.shaking.includes(thing)) this.shaking.push(thing);
  }

  /** A mesh of its own, such as a ghost of what is to be built. */
  meshOf(type: number, material: THREE.Material): THREE.Mesh {
    const shape = shapeOf(this.content.entities[type] ?? UNKNOWN, { depleted: false, open: false, lit: false });
    return new THREE.Mesh(shape.solid ?? new THREE.BufferGeometry(), material);
  }

  private add(entity: Entity): void {
    const def = this.content.entities[entity.type] ?? UNKNOWN;
    const thing: Thing = {
      entity, def, x: 0, y: 0, z: 0, yaw: 0, size: 1, pool: this.poolOf(entity), row: 0,
      index: this.list.length, shaken: 0,
    };
    this.list.push(thing);
    this.byId.set(entity.id, thing);
    this.settle(thing);
    thing.pool.add(thing);
  }

  private change(entity: Entity, before: Entity): void {
    const thing = this.byId.get(entity.id);
    if (!thing) return;
    thing.entity = entity;
    thing.def = this.content.entities[entity.type] ?? UNKNOWN;
    this.settle(thing);
    const pool = this.poolOf(entity);
    if (pool !== thing.pool) {
      thing.pool.remove(thing);
      pool.add(thing);
    } else {
      pool.put(thing, 0, 0);
    }
    if (entity.hp < before.hp) this.shake(entity.id, performance.now() / 1000);
  }

  private remove(id: bigint): void {
    const thing = this.byId.get(id);
    if (!thing) return;
    this.byId.delete(id);
    thing.pool.remove(thing);
    const last = this.list.pop()!;
    if (last !== thing) {
      this.list[thing.index] = last;
      last.index = thing.index;
    }
    thing.index = -1;
  }

  private settle(thing: Thing): void {
    const { id, position, yaw } = thing.entity;
    thing.x = position.x / 1000;
    thing.y = position.y / 1000;
    thing.z = position.z / 1000;
    thing.yaw = (yaw / 180_000) * Math.PI;
    // What grew differs in size, each always in the same way.
    const grown = thing.def.kind === 'tree' || thing.def.kind === 'bush' || thing.def.kind === 'rock';
    thing.size = grown ? 0.86 + 0.28 * ((Number(id % 1009n) * 0.618) % 1) : 1;
  }

  private poolOf(entity: Entity): Pool {
    const key = `${entity.type} ${entity.state & (DEPLETED | OPEN | LIT)}`;
    let pool = this.pools.get(key);
    if (!pool) {
      const shape = shapeOf(this.content.entities[entity.type] ?? UNKNOWN, {
        depleted: (entity.state & DEPLETED) !== 0, open: (entity.state & OPEN) !== 0, lit: (entity.state & LIT) !== 0,
      });
      const parts = [];
      if (shape.solid) {
        parts.push({ geometry: shape.solid, material: shape.sways ? this.swaying : this.still, shadow: true });
      }
      if (shape.glow) parts.push({ geometry: shape.glow, material: this.flames, shadow: false });
      pool = new Pool(this.scene, parts, shape.glow !== null);
      this.pools.set(key, pool);
    }
    return pool;
  }

  // The lamps go to the fires that are nearest.
  private light(seconds: number, eye: THREE.Vector3): void {
    for (const lamp of this.lamps) {
      lamp.intensity = 0;
      lamp.userData['far'] = 60 * 60;
    }
    for (const pool of this.pools.values()) {
      if (!pool.glows) continue;
      for (const fire of pool.rows) {
        const far = (fire.x - eye.x) ** 2 + (fire.z - eye.z) ** 2;
        let farthest = this.lamps[0]!;
        for (const lamp of this.lamps) if (lamp.userData['far'] > farthest.userData['far']) farthest = lamp;
        if (far >= farthest.userData['far']) continue;
        farthest.userData['far'] = far;
        farthest.position.set(fire.x, fire.y + 0.9, fire.z);
        farthest.intensity = 16 + 3 * Math.sin(seconds * 11 + fire.row) + 2 * Math.sin(seconds * 23);
      }
    }
  }
}

// Higher parts of what grows lean more, each thing in its own time.
function inTheWind(material: THREE.Material, wind: { value: number }): THREE.Material {
  material.onBeforeCompile = (shader) => {
    shader.uniforms['wind'] = wind;
    shader.vertexShader = shader.vertexShader
      .replace('#include <common>', '#include <common>\nuniform float wind;')
      .replace('#include <begin_vertex>', `#include <begin_vertex>
        #ifdef USE_INSTANCING
          float own = instanceMatrix[3].x * 0.31 + instanceMatrix[3].z * 0.23;
          float bend = transformed.y * transformed.y * 0.0016 + 0.004 * transformed.y;
          transformed.x += bend * sin(wind * 1.15 + own);
          transformed.z += bend * cos(wind * 0.9 + own * 1.3);
        #endif`);
  };
  return material;
}
