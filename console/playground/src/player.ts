// Player: the body that is ours: where it stands and looks, moved by keys and mouse. Metres and radians; the
// server hears of it by poses, and may put it elsewhere.
import * as THREE from 'three';
import { keepOut } from './aim.js';
import type { Things } from './things.js';

const EYE_M = 1.65;
const WALK_M_S = 4.2;
const RUN_M_S = 7.2;
const LOOK_PER_PIXEL = 0.0022;
const PITCH_MAX = 1.5;
const MARGIN_M = 1;

export class Player {
  x = 0;
  z = 0;
  yaw = 0;
  pitch = 0;
  /** Where it is being walked to by itself, if so. */
  goal: { x: number; z: number; reached: () => void } | null = null;
  private readonly keys = new Set<string>();
  private readonly body = { x: 0, z: 0 };
  private speed = 0;
  private walked = 0;

  constructor(
    readonly camera: THREE.PerspectiveCamera,
    private readonly speedMax: number,
    private readonly edge: number,
  ) {
    camera.rotation.order = 'YXZ';
  }

  press(code: string, down: boolean): void {
    if (down) this.keys.add(code);
    else this.keys.delete(code);
  }
  releaseAll(): void {
    this.keys.clear();
  }
  turn(pixelsX: number, pixelsY: number): void {
    this.yaw -= pixelsX * LOOK_PER_PIXEL;
    this.pitch = Math.max(-PITCH_MAX, Math.min(PITCH_MAX, this.pitch - pixelsY * LOOK_PER_PIXEL));
  }
  put(x: number, z: number): void {
    this.x = x;
    this.z = z;
  }

  move(dt: number, things: Things): void {
    const forward = this.axis('KeyW', 'ArrowUp') - this.axis('KeyS', 'ArrowDown');
    const right = this.axis('KeyD', 'ArrowRight') - this.axis('KeyA', 'ArrowLeft');
    const wanted = forward || right ? (this.keys.has('ShiftLeft') ? RUN_M_S : WALK_M_S) : 0;
    this.speed += (Math.min(wanted, this.speedMax) - this.speed) * Math.min(1, dt * 12);
    if (forward || right) {
      this.goal = null;
      const step = (this.speed * dt) / Math.hypot(forward, right);
      const s = Math.sin(this.yaw);
      const c = Math.cos(this.yaw);
      this.body.x = this.x + (-s * forward + c * right) * step;
      this.body.z = this.z + (-c * forward - s * right) * step;
      keepOut(things, this.body);
      this.walked += Math.hypot(this.body.x - this.x, this.body.z - this.z);
      this.put(this.body.x, this.body.z);
    } else if (this.goal) {
      this.approach(this.goal, dt);
    }
    const limit = this.edge - MARGIN_M;
    this.put(Math.max(-limit, Math.min(limit, this.x)), Math.max(-limit, Math.min(limit, this.z)));
    const bob = 0.022 * Math.sin(this.walked * 4.4) * Math.min(1, this.speed / WALK_M_S);
    this.camera.position.set(this.x, EYE_M + bob, this.z);
    this.camera.rotation.set(this.pitch, this.yaw, 0);
  }

  // Straight ahead, through what stands there: it is a script that walks.
  private approach(goal: { x: number; z: number; reached: () => void }, dt: number): void {
    const far = Math.hypot(goal.x - this.x, goal.z - this.z);
    const step = Math.min(far, Math.min(RUN_M_S, this.speedMax * 0.9) * dt);
    if (far > 1e-6) {
      this.yaw = Math.atan2(this.x - goal.x, this.z - goal.z);
      this.put(this.x + ((goal.x - this.x) / far) * step, this.z + ((goal.z - this.z) / far) * step);
    }
    if (far - step > 0.01) return;
    this.goal = null;
    goal.reached();
  }

  private axis(code: string, other: string): number {
    return this.keys.has(code) || this.keys.has(other) ? 1 : 0;
  }
}
