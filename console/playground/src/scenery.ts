// Scenery: what is there whatever the world holds: light, sky, hills on the horizon, clouds, ground and
// grass. All of it follows the camera; nothing is allocated after the start.
import * as THREE from 'three';
import { Brush } from './brush.js';

export const FOG_COLOUR = 0xc3d9e6;
const SUN = new THREE.Vector3(0.55, 0.62, 0.38).normalize();
const GRASS_COUNT = 9_000;
const GRASS_SPAN_M = 56;

const SCATTER = /* glsl */ `
  float scatter(vec2 p) { return fract(sin(dot(p, vec2(127.1, 311.7))) * 43758.5453); }`;

// Smooth noise that repeats, made once: much cheaper to look up in every pixel than to compute there.
function noiseTexture(): THREE.DataTexture {
  const side = 256;
  const cells = 32;
  let seed = 11;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const layers = [cells, cells * 4].map((count) => ({
    count,
    values: Array.from({ length: count * count }, random),
  }));
  const bytes = new Uint8Array(4 * side * side);
  const smooth = (t: number): number => t * t * (3 - 2 * t);
  for (let y = 0; y < side; ++y) {
    for (let x = 0; x < side; ++x) {
      layers.forEach(({ count, values }, layer) => {
        const u = (x / side) * count;
        const v = (y / side) * count;
        const i = Math.floor(u);
        const j = Math.floor(v);
        const at = (di: number, dj: number): number =>
          values[((j + dj) % count) * count + ((i + di) % count)]!;
        const fu = smooth(u - i);
        const fv = smooth(v - j);
        const top = at(0, 0) + (at(1, 0) - at(0, 0)) * fu;
        const bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * fu;
        bytes[4 * (y * side + x) + layer] = 255 * (top + (bottom - top) * fv);
      });
    }
  }
  const texture = new THREE.DataTexture(bytes, side, side);
  texture.wrapS = texture.wrapT = THREE.RepeatWrapping;
  texture.minFilter = THREE.LinearMipmapLinearFilter;
  texture.magFilter = THREE.LinearFilter;
  texture.anisotropy = 4;
  texture.generateMipmaps = true;
  texture.needsUpdate = true;
  return texture;
}

function sky(): THREE.Mesh {
  const material = new THREE.ShaderMaterial({
    side: THREE.BackSide,
    depthWrite: false,
    fog: false,
    uniforms: { sun: { value: SUN }, haze: { value: new THREE.Color(FOG_COLOUR) } },
    vertexShader: `varying vec3 way;
      void main() {
        way = position;
        gl_Position = projectionMatrix * mat4(mat3(viewMatrix)) * vec4(position, 1.0);
      }`,
    fragmentShader: `varying vec3 way; uniform vec3 sun; uniform vec3 haze;
      void main() {
        vec3 w = normalize(way);
        float up = max(w.y, 0.0);
        vec3 colour = mix(haze, vec3(0.16, 0.41, 0.78), 1.0 - pow(1.0 - up, 2.6));
        float near = max(dot(w, sun), 0.0);
        colour += vec3(1.0, 0.83, 0.55) * (0.28 * pow(near, 8.0) + 0.6 * pow(near, 90.0));
        colour = mix(colour, vec3(1.0, 0.97, 0.88), smoothstep(0.9993, 0.9997, near));
        gl_FragColor = vec4(colour, 1.0);
        #include <colorspace_fragment>
      }`,
  });
  const mesh = new THREE.Mesh(new THREE.SphereGeometry(10, 24, 16), material);
  mesh.frustumCulled = false;
  mesh.renderOrder = -10;
  return mesh;
}

function hills(): THREE.Mesh {
  const brush = new Brush();
  for (let i = 0; i < 44; ++i) {
    const turn = (i / 44) * 2 * Math.PI + 0.07 * Math.sin(i * 5.3);
    const far = 430 + 90 * Math.sin(i * 2.7);
    const tall = 34 + 46 * Math.abs(Math.sin(i * 1.31)) * Math.abs(Math.sin(i * 0.53 + 1));
    brush.cone([0x8fb0c4, 0x9ab9c9, 0x86a8bf][i % 3]!, 62 + 26 * Math.sin(i * 3.1) ** 2, tall, 6, {
      at: [Math.cos(turn) * far, -3, Math.sin(turn) * far],
      turn: [0, i, 0],
      rough: 5,
      vary: 0.04,
    });
  }
  const mesh = new THREE.Mesh(brush.done()!, new THREE.MeshBasicMaterial({ vertexColors: true, fog: false }));
  mesh.frustumCulled = false;
  mesh.renderOrder = -8;
  return mesh;
}

function clouds(): THREE.Mesh {
  const brush = new Brush();
  for (let i = 0; i < 15; ++i) {
    const turn = i * 2.4;
    const far = 120 + 300 * Math.sqrt((i + 0.5) / 15);
    for (let k = 0; k < 4; ++k) {
      const size = 13 + 8 * Math.abs(Math.sin(i * 3 + k));
      brush.stone(0xffffff, 1, 1, {
        at: [
          Math.cos(turn) * far + (k - 1.5) * 15,
          120 + 30 * Math.sin(i * 1.7),
          Math.sin(turn) * far + 7 * Math.sin(k * 2 + i),
        ],
        scale: [size * 1.3, size * 0.42, size],
        vary: 0.03,
      });
    }
  }
  const material = new THREE.MeshLambertMaterial({
    vertexColors: true,
    fog: false,
    transparent: true,
    opacity: 0.85,
    emissive: 0x8fa6bb,
    emissiveIntensity: 0.5,
  });
  const mesh = new THREE.Mesh(brush.done()!, material);
  mesh.frustumCulled = false;
  mesh.renderOrder = -7;
  return mesh;
}

function ground(noise: THREE.Texture): THREE.Mesh {
  const material = new THREE.MeshLambertMaterial({ color: 0xffffff });
  material.onBeforeCompile = (shader) => {
    shader.uniforms['noise'] = { value: noise };
    shader.vertexShader = shader.vertexShader
      .replace('#include <common>', '#include <common>\nvarying vec2 spot;')
      .replace(
        '#include <begin_vertex>',
        '#include <begin_vertex>\nspot = (modelMatrix * vec4(position, 1.0)).xz;',
      );
    shader.fragmentShader = shader.fragmentShader
      .replace('#include <common>', '#include <common>\nvarying vec2 spot;\nuniform sampler2D noise;')
      .replace(
        '#include <color_fragment>',
        `
        vec2 broad = texture2D(noise, spot * 0.0011).rg;
        vec2 fine = texture2D(noise, spot * 0.022).rg;
        vec3 meadow = mix(vec3(0.15, 0.26, 0.072), vec3(0.25, 0.33, 0.105), broad.g * 0.6 + fine.r * 0.4);
        float bare = smoothstep(0.62, 0.85, broad.r) * smoothstep(0.35, 0.6, fine.r);
        meadow = mix(meadow, vec3(0.27, 0.21, 0.13), bare * 0.7);
        diffuseColor.rgb = meadow * (0.82 + 0.36 * fine.g);`,
      );
  };
  const mesh = new THREE.Mesh(new THREE.PlaneGeometry(1, 1).rotateX(-Math.PI / 2), material);
  mesh.scale.setScalar(1_400);
  mesh.receiveShadow = true;
  mesh.frustumCulled = false;
  return mesh;
}

// Tufts stand on a square that wraps around the camera: the vertex shader moves each to its nearest copy.
function grass(wind: { value: number }, noise: THREE.Texture): { mesh: THREE.Mesh; eye: THREE.Vector2 } {
  const blades = new Float32Array(3 * 3 * 3);
  for (let i = 0; i < 3; ++i) {
    const turn = (i * 2 * Math.PI) / 3;
    const [x, z] = [Math.cos(turn) * 0.05, Math.sin(turn) * 0.05];
    blades.set([x - z * 0.5, 0, z + x * 0.5, x + z * 0.5, 0, z - x * 0.5, x * 3.2, 0.3, z * 3.2], 9 * i);
  }
  const geometry = new THREE.InstancedBufferGeometry();
  geometry.setAttribute('position', new THREE.BufferAttribute(blades, 3));
  geometry.instanceCount = GRASS_COUNT;
  const spots = new Float32Array(4 * GRASS_COUNT);
  let seed = 1;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let i = 0; i < GRASS_COUNT; ++i) {
    spots.set(
      [random() * GRASS_SPAN_M, random() * GRASS_SPAN_M, random() * 6.28, 0.6 + random() * 0.7],
      4 * i,
    );
  }
  geometry.setAttribute('spot', new THREE.InstancedBufferAttribute(spots, 4));
  const eye = new THREE.Vector2();
  const material = new THREE.ShaderMaterial({
    side: THREE.DoubleSide,
    fog: true,
    uniforms: THREE.UniformsUtils.merge([THREE.UniformsLib.fog, { eye: { value: eye }, wind }]),
    vertexShader: `attribute vec4 spot; uniform vec2 eye; uniform float wind; uniform sampler2D noise;
      varying vec3 shade;
      #include <fog_pars_vertex>
      ${SCATTER}
      void main() {
        vec2 base = eye + mod(spot.xy - eye, ${GRASS_SPAN_M.toFixed(1)}) - ${(GRASS_SPAN_M / 2).toFixed(1)};
        float away = length(base - eye);
        const float span = ${GRASS_SPAN_M.toFixed(1)};
        float size = spot.w * (1.0 - smoothstep(span * 0.3, span * 0.5, away));
        size *= smoothstep(0.25, 0.5, texture2D(noise, base * 0.004).r);
        float c = cos(spot.z), s = sin(spot.z);
        vec3 p = vec3(c * position.x - s * position.z, position.y, s * position.x + c * position.z) * size;
        vec2 sway = vec2(sin(wind * 1.7 + base.x * 0.6), cos(wind * 1.3 + base.y * 0.6));
        p.xz += position.y * 0.25 * sway * size;
        shade = mix(vec3(0.16, 0.27, 0.07), vec3(0.36, 0.47, 0.15), position.y / 0.3);
        shade *= 0.85 + 0.3 * scatter(base);
        vec4 mvPosition = viewMatrix * vec4(p.x + base.x, p.y, p.z + base.y, 1.0);
        gl_Position = projectionMatrix * mvPosition;
        #include <fog_vertex>
      }`,
    fragmentShader: `varying vec3 shade;
      #include <fog_pars_fragment>
      void main() {
        gl_FragColor = vec4(shade, 1.0);
        #include <colorspace_fragment>
        #include <fog_fragment>
      }`,
  });
  material.uniforms['eye'] = { value: eye };
  material.uniforms['wind'] = wind;
  material.uniforms['noise'] = { value: noise };
  const mesh = new THREE.Mesh(geometry, material);
  mesh.frustumCulled = false;
  return { mesh, eye };
}

export class Scenery {
  /** Seconds, for what moves in the wind. */
  readonly wind = { value: 0 };
  readonly sun: THREE.DirectionalLight;
  private readonly following: THREE.Object3D[];
  private readonly clouds: THREE.Mesh;
  private readonly grass: { mesh: THREE.Mesh; eye: THREE.Vector2 };

  constructor(scene: THREE.Scene) {
    scene.fog = new THREE.Fog(FOG_COLOUR, 45, 150);
    scene.add(new THREE.HemisphereLight(0xd6eaff, 0x8f9a6a, 2.3));
    const sun = (this.sun = new THREE.DirectionalLight(0xfff0d2, 2.2));
    sun.castShadow = true;
    sun.shadow.mapSize.set(2048, 2048);
    Object.assign(sun.shadow.camera, { left: -45, right: 45, top: 45, bottom: -45, near: 1, far: 220 });
    sun.shadow.bias = -0.0006;
    sun.shadow.normalBias = 0.05;
    const noise = noiseTexture();
    this.clouds = clouds();
    this.grass = grass(this.wind, noise);
    this.following = [sky(), hills(), ground(noise)];
    scene.add(sun, sun.target, this.clouds, this.grass.mesh, ...this.following);
  }

  set grassShown(shown: boolean) {
    this.grass.mesh.visible = shown;
  }

  follow(camera: THREE.Camera, seconds: number): void {
    const { x, z } = camera.position;
    this.wind.value = seconds;
    this.grass.eye.set(x, z);
    for (const one of this.following) one.position.set(x, one.position.y, z);
    this.clouds.position.set(x, 0, z);
    this.clouds.rotation.y = seconds * 0.002;
    // In whole steps, so that the shadows' edges do not crawl.
    const [tx, tz] = [Math.round(x / 4) * 4, Math.round(z / 4) * 4];
    this.sun.target.position.set(tx, 0, tz);
    this.sun.position.set(tx + SUN.x * 110, SUN.y * 110, tz + SUN.z * 110);
  }
}
