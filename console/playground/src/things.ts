// Things: the world's entities on the screen. One pool of instances for each type in each of its states; an
// entity is a row in one of them. Adding, changing and removing touch one row; a frame allocates nothing.
import { DEPLETED, LIT, OPEN } from '@everframe/client';
import type { Content, ContentEntity, Entity, World } from '@everframe/client';
import * as THREE from 'three';
import { shapeOf } from './shapes.js';
import type { Look } from './shapes.js';

const ROWS_AT_FIRST = 32;
const SHAKE_S = 0.28;
const NEAR_M = 34; // farther things have few triangles and cast no shadow
const ALWAYS_M = 20; // what is behind the player, but casts its shadow before
const FIRES_LIT_MAX = 3; // lamps cost every pixel, also dark ones
const FIRE_FAR_M = 50;
const UNKNOWN: ContentEntity = {
  key: 'unknown',
  name: 'Something unknown',
  kind: 'unknown',
  hp: 1,
  radius_mm: 300,
  height_mm: 600,
};

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
const sight = new THREE.Frustum();
const projection = new THREE.Matrix4();
const bounds = new THREE.Sphere();

interface Part {
  geometry: THREE.BufferGeometry;
  material: THREE.Material;
  shadow: boolean;
}

// The same things, near in full and far in few triangles. In every frame the rows in sight are copied to the
// front of the meshes, so that what is behind the player costs nothing on the graphics card.
class Pool {
  readonly rows: Thing[] = [];
  private matrices = new Float32Array(0);
  private near: THREE.InstancedMesh[] = [];
  private far: THREE.InstancedMesh[] = [];

  constructor(
    private readonly scene: THREE.Scene,
    private readonly nearParts: readonly Part[],
    private readonly farParts: readonly Part[],
    private readonly height: number,
    readonly glows: boolean,
  ) {}

  add(thing: Thing): void {
    thing.pool = this;
    thing.row = this.rows.push(thing) - 1;
    if (16 * this.rows.length > this.matrices.length) this.grow();
    this.put(thing, 0, 0);
  }
  remove(thing: Thing): void {
    const last = this.rows.pop()!;
    if (last === thing) return;
    this.rows[thing.row] = last;
    last.row = thing.row;
    this.put(last, 0, 0);
  }
  put(thing: Thing, leanX: number, leanZ: number): void {
    matrix.compose(
      place.set(thing.x, thing.y, thing.z),
      turn.setFromEuler(euler.set(leanX, thing.yaw, leanZ)),
      scale.setScalar(thing.size),
    );
    matrix.toArray(this.matrices, 16 * thing.row);
  }

  show(eye: THREE.Vector3): void {
    let near = 0;
    let far = 0;
    for (let row = 0; row < this.rows.length; ++row) {
      const thing = this.rows[row]!;
      const away = (thing.x - eye.x) ** 2 + (thing.z - eye.z) ** 2;
      if (away > ALWAYS_M ** 2) {
        bounds.radius = 1.5 + 0.6 * this.height;
        bounds.center.set(thing.x, thing.y + 0.5 * this.height, thing.z);
        if (!sight.intersectsSphere(bounds)) continue;
      }
      if (away < NEAR_M ** 2) copyRow(this.matrices, row, this.near, near++);
      else copyRow(this.matrices, row, this.far, far++);
    }
    settle(this.near, near);
    settle(this.far, far);
  }

  private grow(): void {
    const capacity = Math.max(ROWS_AT_FIRST, this.matrices.length / 8);
    const old = this.matrices;
    this.matrices = new Float32Array(16 * capacity);
    this.matrices.set(old);
    for (const mesh of [...this.near, ...this.far]) {
      this.scene.remove(mesh);
      mesh.dispose();
    }
    const make = ({ geometry, material, shadow }: Part): THREE.InstancedMesh => {
      const mesh = new THREE.InstancedMesh(geometry, material, capacity);
      mesh.instanceMatrix.setUsage(THREE.DynamicDrawUsage);
      mesh.castShadow = mesh.receiveShadow = shadow;
      mesh.frustumCulled = false; // show() has done it, row by row
      this.scene.add(mesh);
      return mesh;
    };
    this.near = this.nearParts.map(make);
    this.far = this.farParts.map(make);
  }
}

function copyRow(from: Float32Array, row: number, meshes: THREE.InstancedMesh[], to: number): void {
  for (let k = 0; k < meshes.length; ++k) {
    const array = meshes[k]!.instanceMatrix.array;
    for (let i = 0; i < 16; ++i) array[16 * to + i] = from[16 * row + i]!;
  }
}
function settle(meshes: THREE.InstancedMesh[], count: number): void {
  for (let k = 0; k < meshes.length; ++k) {
    const mesh = meshes[k]!;
    mesh.visible = count > 0;
    mesh.count = count;
    mesh.instanceMatrix.needsUpdate = count > 0;
  }
}

export class Things {
  /** In no order; a thing's place changes when another goes. */
  readonly list: Thing[] = [];
  private readonly byId = new Map<bigint, Thing>();
  private readonly pools = new Map<string, Pool>();
  private readonly drawn: Pool[] = []; // the same ones
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
      lamp.visible = false;
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
  animate(seconds: number, camera: THREE.Camera): void {
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
    camera.updateMatrixWorld();
    sight.setFromProjectionMatrix(
      projection.multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse),
    );
    for (let i = 0; i < this.drawn.length; ++i) this.drawn[i]!.show(camera.position);
    this.light(seconds, camera.position);
  }

  shake(id: bigint, seconds: number): void {
    const thing = this.byId.get(id);
    if (!thing) return;
    thing.shaken = seconds;
    if (!this.shaking.includes(thing)) this.shaking.push(thing);
  }

  /** A mesh of its own, such as a ghost of what is to be built. */
  meshOf(type: number, material: THREE.Material): THREE.Mesh {
    const plain = { depleted: false, open: false, lit: false };
    const shape = shapeOf(this.content.entities[type] ?? UNKNOWN, plain, false);
    return new THREE.Mesh(shape.solid ?? new THREE.BufferGeometry(), material);
  }

  private add(entity: Entity): void {
    const def = this.content.entities[entity.type] ?? UNKNOWN;
    const thing: Thing = {
      entity,
      def,
      x: 0,
      y: 0,
      z: 0,
      yaw: 0,
      size: 1,
      pool: this.poolOf(entity),
      row: 0,
      index: this.list.length,
      shaken: 0,
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
      const def = this.content.entities[entity.type] ?? UNKNOWN;
      const look = {
        depleted: (entity.state & DEPLETED) !== 0,
        open: (entity.state & OPEN) !== 0,
        lit: (entity.state & LIT) !== 0,
      };
      const glows = shapeOf(def, look, true).glow !== null;
      pool = new Pool(
        this.scene,
        this.partsOf(def, look, false),
        this.partsOf(def, look, true),
        def.height_mm / 1000,
        glows,
      );
      this.pools.set(key, pool);
      this.drawn.push(pool);
    }
    return pool;
  }

  private partsOf(def: ContentEntity, look: Look, coarse: boolean): Part[] {
    const { solid, glow, sways } = shapeOf(def, look, coarse);
    const parts: Part[] = [];
    if (solid) parts.push({ geometry: solid, material: sways ? this.swaying : this.still, shadow: !coarse });
    if (glow) parts.push({ geometry: glow, material: this.flames, shadow: false });
    return parts;
  }

  // The lamps go to the fires that are nearest. All burn or none: their number is compiled into every
  // material.
  private light(seconds: number, eye: THREE.Vector3): void {
    let lit = false;
    for (const lamp of this.lamps) {
      lamp.intensity = 0;
      lamp.userData['far'] = FIRE_FAR_M ** 2;
    }
    for (let i = 0; i < this.drawn.length; ++i) {
      const pool = this.drawn[i]!;
      if (!pool.glows) continue;
      for (const fire of pool.rows) {
        const far = (fire.x - eye.x) ** 2 + (fire.z - eye.z) ** 2;
        let farthest = this.lamps[0]!;
        for (const lamp of this.lamps) if (lamp.userData['far'] > farthest.userData['far']) farthest = lamp;
        if (far >= farthest.userData['far']) continue;
        farthest.userData['far'] = far;
        farthest.position.set(fire.x, fire.y + 0.9, fire.z);
        farthest.intensity = 16 + 3 * Math.sin(seconds * 11 + fire.row) + 2 * Math.sin(seconds * 23);
        lit = true;
      }
    }
    for (const lamp of this.lamps) lamp.visible = lit;
  }
}

// Higher parts of what grows lean more, each thing in its own time.
function inTheWind(material: THREE.Material, wind: { value: number }): THREE.Material {
  material.onBeforeCompile = (shader) => {
    shader.uniforms['wind'] = wind;
    shader.vertexShader = shader.vertexShader
      .replace('#include <common>', '#include <common>\nuniform float wind;')
      .replace(
        '#include <begin_vertex>',
        `#include <begin_vertex>
        #ifdef USE_INSTANCING
          float own = instanceMatrix[3].x * 0.31 + instanceMatrix[3].z * 0.23;
          float bend = transformed.y * transformed.y * 0.0016 + 0.004 * transformed.y;
          transformed.x += bend * sin(wind * 1.15 + own);
          transformed.z += bend * cos(wind * 0.9 + own * 1.3);
        #endif`,
      );
  };
  return material;
}
