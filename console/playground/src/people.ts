// People: the other players' bodies: three instanced meshes for all of them, and a name over each head.
import type { Avatar, Avatars, Shown } from '@everframe/client';
import * as THREE from 'three';
import { Brush } from './brush.js';

const PEOPLE_MAX = 512; // drawn; who comes after that is not
const NAME_HEIGHT_M = 2.12;
const STEP_M = 0.75;

interface Person {
  avatar: Avatar;
  colour: THREE.Color;
  tag: THREE.Sprite;
  shown: Shown;
  known: boolean;
  walked: number; // metres, for the legs
  pace: number; // 0 stands, 1 walks
  lastX: number;
  lastZ: number;
}

function torso(): THREE.BufferGeometry {
  return new Brush()
    .box(0xffffff, [0.46, 0.62, 0.26], { at: [0, 1.12, 0], vary: 0.05 })
    .box(0xe4e4e4, [0.13, 0.58, 0.16], { at: [-0.31, 1.12, 0], turn: [0, 0, -0.06] })
    .box(0xe4e4e4, [0.13, 0.58, 0.16], { at: [0.31, 1.12, 0], turn: [0, 0, 0.06] })
    .box(0xb0b0b0, [0.32, 0.36, 0.14], { at: [0, 1.18, 0.2] })
    .done()!;
}
function skin(): THREE.BufferGeometry {
  return new Brush()
    .box(0xe0ac84, [0.14, 0.1, 0.14], { at: [0, 1.47, 0] })
    .box(0xe8b890, [0.3, 0.3, 0.28], { at: [0, 1.64, 0] })
    .box(0x4a3426, [0.32, 0.12, 0.31], { at: [0, 1.8, 0.01] })
    .box(0x4a3426, [0.32, 0.2, 0.07], { at: [0, 1.69, 0.13] })
    .box(0x2b2622, [0.045, 0.05, 0.02], { at: [-0.07, 1.66, -0.145] })
    .box(0x2b2622, [0.045, 0.05, 0.02], { at: [0.07, 1.66, -0.145] })
    .box(0xe0ac84, [0.11, 0.12, 0.12], { at: [-0.33, 0.79, 0] })
    .box(0xe0ac84, [0.11, 0.12, 0.12], { at: [0.33, 0.79, 0] })
    .done()!;
}
function leg(): THREE.BufferGeometry {
  return new Brush()
    .box(0x3d4658, [0.19, 0.72, 0.22], { at: [0, -0.36, 0] })
    .box(0x3a2c20, [0.2, 0.14, 0.32], { at: [0, -0.75, -0.04] })
    .done()!;
}

function nameTag(name: string): THREE.Sprite {
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d')!;
  const font = '600 44px system-ui, sans-serif';
  pen.font = font;
  canvas.width = Math.ceil(Math.min(640, pen.measureText(name).width)) + 48;
  canvas.height = 72;
  pen.font = font;
  pen.fillStyle = 'rgba(16, 24, 32, 0.62)';
  pen.beginPath();
  pen.roundRect(0, 0, canvas.width, canvas.height, 30);
  pen.fill();
  pen.fillStyle = '#fff';
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(name, canvas.width / 2, canvas.height / 2 + 3, canvas.width - 40);
  const texture = new THREE.CanvasTexture(canvas);
  texture.colorSpace = THREE.SRGBColorSpace;
  const sprite = new THREE.Sprite(
    new THREE.SpriteMaterial({ map: texture, transparent: true, depthWrite: false }),
  );
  sprite.scale.set((0.26 * canvas.width) / canvas.height, 0.26, 1);
  return sprite;
}

const matrix = new THREE.Matrix4();
const turn = new THREE.Quaternion();
const place = new THREE.Vector3();
const one = new THREE.Vector3(1, 1, 1);
const euler = new THREE.Euler(0, 0, 0, 'YXZ');

export class People {
  private readonly list: Person[] = [];
  private readonly torsos: THREE.InstancedMesh;
  private readonly skins: THREE.InstancedMesh;
  private readonly legs: THREE.InstancedMesh;

  constructor(
    private readonly scene: THREE.Scene,
    private readonly avatars: Avatars,
  ) {
    const material = new THREE.MeshLambertMaterial({ vertexColors: true });
    const mesh = (geometry: THREE.BufferGeometry, count: number): THREE.InstancedMesh => {
      const made = new THREE.InstancedMesh(geometry, material, count);
      made.count = 0;
      made.castShadow = true;
      made.frustumCulled = false;
      scene.add(made);
      return made;
    };
    this.torsos = mesh(torso(), PEOPLE_MAX);
    this.skins = mesh(skin(), PEOPLE_MAX);
    this.legs = mesh(leg(), 2 * PEOPLE_MAX);
    for (const avatar of avatars.all.values()) this.add(avatar);
    avatars.on('came', (avatar) => this.add(avatar));
    avatars.on('went', (avatar) => this.remove(avatar));
  }

  /** Once a frame. `now` in milliseconds. */
  animate(now: number, dt: number): void {
    let row = 0;
    for (let i = 0; i < this.list.length && row < PEOPLE_MAX; ++i) {
      const person = this.list[i]!;
      const known = this.avatars.look(person.avatar.body, now, person.shown);
      person.tag.visible = known;
      if (known) this.draw(person, row++, dt);
    }
    this.torsos.count = this.skins.count = row;
    this.legs.count = 2 * row;
    this.torsos.instanceMatrix.needsUpdate = this.skins.instanceMatrix.needsUpdate = true;
    this.legs.instanceMatrix.needsUpdate = true;
    if (this.torsos.instanceColor) this.torsos.instanceColor.needsUpdate = true;
  }

  private draw(person: Person, row: number, dt: number): void {
    const { shown } = person;
    const x = shown.x / 1000;
    const y = shown.y / 1000;
    const z = shown.z / 1000;
    const step = person.known ? Math.hypot(x - person.lastX, z - person.lastZ) : 0;
    person.known = true;
    person.lastX = x;
    person.lastZ = z;
    person.walked += step;
    person.pace += ((step > 0.5 * dt ? 1 : 0) - person.pace) * Math.min(1, dt * 10);
    const stride = Math.sin((person.walked / STEP_M) * Math.PI) * person.pace;
    const yaw = (shown.yaw / 180_000) * Math.PI;
    const up = y + 0.03 * Math.abs(stride);
    matrix.compose(place.set(x, up, z), turn.setFromEuler(euler.set(0, yaw, 0)), one);
    this.torsos.setMatrixAt(row, matrix);
    this.torsos.setColorAt(row, person.colour);
    this.skins.setMatrixAt(row, matrix);
    for (let side = 0; side < 2; ++side) {
      const out = side === 0 ? -0.12 : 0.12;
      place.set(x + Math.cos(yaw) * out, up + 0.82, z - Math.sin(yaw) * out);
      turn.setFromEuler(euler.set((side === 0 ? 0.65 : -0.65) * stride, yaw, 0));
      this.legs.setMatrixAt(2 * row + side, matrix.compose(place, turn, one));
    }
    person.tag.position.set(x, y + NAME_HEIGHT_M, z);
  }

  private add(avatar: Avatar): void {
    const colour = new THREE.Color().setHSL((Number(avatar.player % 997n) * 0.618) % 1, 0.55, 0.5);
    const tag = nameTag(avatar.name);
    this.scene.add(tag);
    const shown = { x: 0, y: 0, z: 0, yaw: 0, pitch: 0 };
    this.list.push({ avatar, colour, tag, shown, known: false, walked: 0, pace: 0, lastX: 0, lastZ: 0 });
  }
  private remove(avatar: Avatar): void {
    const index = this.list.findIndex((person) => person.avatar === avatar);
    if (index < 0) return;
    const [person] = this.list.splice(index, 1);
    this.scene.remove(person!.tag);
    person!.tag.material.map?.dispose();
    person!.tag.material.dispose();
  }
}
