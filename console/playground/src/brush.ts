// Brush: low-poly geometry made in code. Parts are painted, placed and joined into one buffer with a colour
// for each face; faces differ a little in brightness, so that flat colours do not look flat.
import * as THREE from 'three';
import { mergeGeometries } from 'three/examples/jsm/utils/BufferGeometryUtils.js';

export interface Placement {
  at?: [number, number, number];
  turn?: [number, number, number]; // radians about x, y, z
  scale?: [number, number, number] | number;
  /** How far corners are moved at random, metres. */
  rough?: number;
  /** How much faces differ in brightness, 0 to 1. */
  vary?: number;
}

// The same numbers on every machine and every visit.
function chance(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const corner = new THREE.Vector3();
const colour = new THREE.Color();

function roughen(geometry: THREE.BufferGeometry, amount: number, seed: number): void {
  const position = geometry.getAttribute('position');
  for (let i = 0; i < position.count; ++i) {
    corner.fromBufferAttribute(position, i);
    // Corners at one place move together, or the surface would tear.
    const key =
      (Math.round(corner.x * 997) * 73_856_093) ^
      (Math.round(corner.y * 997) * 19_349_663) ^
      (Math.round(corner.z * 997) * 83_492_791);
    const random = chance(key ^ seed);
    random();
    position.setXYZ(
      i,
      corner.x + (random() - 0.5) * 2 * amount,
      corner.y + (random() - 0.5) * 2 * amount,
      corner.z + (random() - 0.5) * 2 * amount,
    );
  }
}

export class Brush {
  private parts: THREE.BufferGeometry[] = [];
  private seed = 7;

  /** Coarse: few triangles, for what is far away; what nobody sees from there may be left out. */
  constructor(readonly coarse = false) {}

  add(geometry: THREE.BufferGeometry, paint: number, place: Placement = {}): this {
    const { at = [0, 0, 0], turn = [0, 0, 0], scale = 1, rough = 0, vary = 0.08 } = place;
    const part = geometry.index ? geometry.toNonIndexed() : geometry;
    if (rough > 0) roughen(part, rough, ++this.seed);
    const size =
      typeof scale === 'number' ? new THREE.Vector3(scale, scale, scale) : new THREE.Vector3(...scale);
    const rotation = new THREE.Quaternion().setFromEuler(new THREE.Euler(...turn));
    part.applyMatrix4(new THREE.Matrix4().compose(new THREE.Vector3(...at), rotation, size));
    part.deleteAttribute('uv');
    part.computeVertexNormals();
    const count = part.getAttribute('position').count;
    const colours = new Float32Array(3 * count);
    const random = chance(++this.seed * 7919);
    for (let i = 0; i < count; i += 3) {
      colour.set(paint).multiplyScalar(1 + (random() - 0.5) * 2 * vary);
      for (let k = 0; k < 3; ++k) colour.toArray(colours, 3 * (i + k));
    }
    part.setAttribute('color', new THREE.BufferAttribute(colours, 3));
    this.parts.push(part);
    return this;
  }

  box(paint: number, size: [number, number, number], place: Placement = {}): this {
    return this.add(new THREE.BoxGeometry(...size), paint, place);
  }
  /** Standing on its `at`. */
  cone(paint: number, radius: number, height: number, sides: number, place: Placement = {}): this {
    const cone = new THREE.ConeGeometry(
      radius,
      height,
      this.coarse ? Math.min(5, sides) : sides,
      1,
      this.coarse,
    ).translate(0, height / 2, 0);
    return this.add(cone, paint, place);
  }
  post(
    paint: number,
    bottom: number,
    top: number,
    height: number,
    sides: number,
    place: Placement = {},
  ): this {
    const post = new THREE.CylinderGeometry(
      top,
      bottom,
      height,
      this.coarse ? 4 : sides,
      1,
      this.coarse,
    ).translate(0, height / 2, 0);
    return this.add(post, paint, place);
  }
  stone(paint: number, radius: number, detail: number, place: Placement = {}): this {
    return this.add(new THREE.IcosahedronGeometry(radius, this.coarse ? 0 : detail), paint, {
      rough: radius * 0.14,
      ...place,
    });
  }

  /** Nothing if nothing was added. */
  done(): THREE.BufferGeometry | null {
    if (this.parts.length === 0) return null;
    const joined = mergeGeometries(this.parts);
    for (const part of this.parts) part.dispose();
    this.parts = [];
    return joined;
  }
}
