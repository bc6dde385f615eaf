// Shapes: what each entity of the content pack looks like in each of its states. A key that is not known
// here is drawn by its kind, with the radius and height that the pack gives.
import type { ContentEntity } from '@everframe/client';
import type * as THREE from 'three';
import { Brush } from './brush.js';

export interface Shape {
  solid: THREE.BufferGeometry | null;
  /** Drawn unlit: flames. */
  glow: THREE.BufferGeometry | null;
  /** It moves in the wind. */
  sways: boolean;
}
export interface Look {
  depleted: boolean;
  open: boolean;
  lit: boolean;
}
interface Size {
  radius: number; // metres
  height: number;
}

const BARK = 0x6b4a32;
const PALE_BARK = 0xdedacd;
const WOOD = 0xa5753f;
const DARK_WOOD = 0x7d5530;
const STONE = 0x8b8f94;
const DARK_STONE = 0x666b72;
const IRON = 0xc0603a;
const COPPER = 0x3fa98b;
const QUARTER = Math.PI / 2;

const stump =
  (bark: number) =>
  (b: Brush, { radius }: Size): void => {
    b.post(bark, radius * 1.15, radius * 0.9, 0.45, 8, { rough: 0.03 });
    b.post(0xcfa672, radius * 0.8, radius * 0.8, 0.02, 8, { at: [0, 0.44, 0] });
  };

function pine(b: Brush, { radius, height }: Size): void {
  b.post(BARK, radius * 0.75, radius * 0.25, height * 0.8, 7);
  for (let i = 0; i < 5; ++i) {
    const part = i / 4;
    b.cone(
      [0x1f4a34, 0x24543a, 0x2a5f40, 0x316a46, 0x39774e][i]!,
      height * (0.235 - 0.16 * part),
      height * 0.3,
      8,
      {
        at: [0, height * (0.17 + 0.55 * part), 0],
        turn: [0, i * 1.1, 0],
        rough: 0.1,
        vary: 0.12,
      },
    );
  }
}
function oak(b: Brush, { radius, height }: Size): void {
  b.post(BARK, radius, radius * 0.55, height * 0.5, 7, { rough: 0.04 });
  if (!b.coarse)
    b.post(BARK, radius * 0.4, radius * 0.2, height * 0.3, 5, {
      at: [0, height * 0.32, 0],
      turn: [0, 0.4, 0.8],
    });
  const crown: [number, number, number, number, number][] = [
    [0, 0.72, 0, 0.27, 0x4d7c35],
    [0.2, 0.58, 0.09, 0.19, 0x557f34],
    [-0.19, 0.6, 0.1, 0.2, 0x47752f],
    [0.03, 0.58, -0.21, 0.19, 0x4a7a38],
    [-0.06, 0.86, -0.02, 0.17, 0x5f8f3f],
  ];
  for (const [x, y, z, size, paint] of b.coarse ? crown.slice(0, 3) : crown) {
    b.stone(paint, height * size, 1, { at: [x * height, y * height, z * height], vary: 0.13 });
  }
}
function birch(b: Brush, { radius, height }: Size): void {
  b.post(PALE_BARK, radius * 0.6, radius * 0.25, height * 0.75, 7);
  for (const y of b.coarse ? [] : [0.08, 0.2, 0.27, 0.41, 0.5]) {
    b.box(0x3a3835, [radius * 0.5, 0.06, radius * 0.5], { at: [radius * 0.18, height * y, radius * 0.12] });
  }
  const crown: [number, number, number, number][] = [
    [0, 0.62, 0, 0.17],
    [0.08, 0.75, 0.05, 0.15],
    [-0.07, 0.8, -0.04, 0.13],
    [0.01, 0.91, 0, 0.1],
  ];
  for (const [x, y, z, size] of b.coarse ? crown.slice(0, 3) : crown) {
    b.stone(0x8aa63f, height * size, 1, {
      at: [x * height, y * height, z * height],
      scale: [1, 1.25, 1],
      vary: 0.13,
    });
  }
}
function bushBody(b: Brush, { radius, height }: Size): void {
  b.stone(0x44702f, radius * 0.75, 1, { at: [0, height * 0.45, 0], scale: [1, 0.8, 1] });
  if (b.coarse) return;
  b.stone(0x4d7b33, radius * 0.55, 1, { at: [radius * 0.45, height * 0.35, radius * 0.2] });
  b.stone(0x3d672c, radius * 0.55, 1, { at: [-radius * 0.4, height * 0.36, -radius * 0.25] });
}
function berryBush(b: Brush, size: Size): void {
  bushBody(b, size);
  for (let i = 0; i < (b.coarse ? 0 : 14); ++i) {
    const turn = i * 2.4;
    const up = 0.25 + 0.5 * ((i * 0.37) % 1);
    b.stone(0xc8263f, 0.07, 0, {
      at: [Math.cos(turn) * size.radius * 0.78, up * size.height, Math.sin(turn) * size.radius * 0.78],
      rough: 0,
    });
  }
}
function mushroom(b: Brush, { radius, height }: Size): void {
  if (b.coarse) return;
  for (const [x, z, size] of [
    [0, 0, 1.4],
    [radius * 1.1, radius * 0.5, 0.9],
    [-radius * 0.8, radius * 0.7, 0.7],
  ]) {
    b.post(0xe9dfc8, radius! * 0.25 * size!, radius * 0.2 * size!, height * 0.7 * size!, 6, {
      at: [x!, 0, z!],
    });
    b.cone(0xb5482c, radius * size!, height * 0.55 * size!, 8, { at: [x!, height * 0.55 * size!, z!] });
  }
}
function reeds(b: Brush, { radius, height }: Size): void {
  for (let i = 0; i < 11; i += b.coarse ? 2 : 1) {
    const turn = i * 2.4;
    const out = radius * Math.sqrt(i / 11);
    const tall = height * (0.7 + 0.3 * ((i * 0.61) % 1));
    const at: [number, number, number] = [Math.cos(turn) * out, 0, Math.sin(turn) * out];
    b.cone(i % 2 ? 0x8f9a4b : 0x7c8a3d, 0.035, tall, 4, {
      at,
      turn: [0.12 * Math.sin(turn), 0, 0.12 * Math.cos(turn)],
    });
    if (i % 3 === 0 && !b.coarse) b.post(0x6b4a2a, 0.05, 0.05, 0.22, 5, { at: [at[0], tall * 0.8, at[2]] });
  }
}
const rock =
  (paint: number) =>
  (b: Brush, { radius, height }: Size): void => {
    b.stone(paint, 1, 1, {
      at: [0, height * 0.4, 0],
      scale: [radius, height * 0.62, radius * 0.9],
      rough: 0.16,
    });
    if (b.coarse) return;
    b.stone(DARK_STONE, 1, 0, {
      at: [radius * 0.6, height * 0.15, radius * 0.35],
      scale: [radius * 0.45, height * 0.35, radius * 0.45],
      rough: 0.12,
    });
  };
const vein =
  (paint: number) =>
  (b: Brush, size: Size): void => {
    rock(0x77746f)(b, size);
    const { radius, height } = size;
    for (let i = 0; i < (b.coarse ? 3 : 7); ++i) {
      const turn = i * 2.4;
      const up = 0.25 + 0.55 * ((i * 0.618) % 1);
      const out = radius * (1.02 - 0.5 * up);
      b.stone(paint, radius * 0.2, 0, {
        at: [Math.cos(turn) * out, up * height, Math.sin(turn) * out * 0.9],
        vary: 0.2,
        turn: [i, i, 0],
      });
    }
  };
function rubble(b: Brush, { radius }: Size): void {
  if (b.coarse) return;
  for (let i = 0; i < 6; ++i) {
    const turn = i * 2.4;
    b.stone(0x6d6f72, radius * (0.16 + 0.04 * (i % 3)), 0, {
      at: [Math.cos(turn) * radius * 0.6, 0.06, Math.sin(turn) * radius * 0.6],
      scale: [1, 0.5, 1],
    });
  }
}
function twigs(b: Brush, { radius, height }: Size): void {
  if (b.coarse) return;
  for (let i = 0; i < 6; ++i) {
    b.cone(0x75604a, 0.03, height * 0.5, 4, {
      at: [Math.cos(i * 1.05) * radius * 0.2, 0, Math.sin(i * 1.05) * radius * 0.2],
      turn: [Math.sin(i * 1.05) * 0.5, 0, -Math.cos(i * 1.05) * 0.5],
    });
  }
}
function flint(b: Brush, { radius }: Size): void {
  if (b.coarse) return;
  b.stone(0x3d4248, radius * 1.1, 0, { at: [0, 0.05, 0], scale: [1.2, 0.5, 0.8] });
  b.stone(0x555b63, radius * 0.7, 0, { at: [radius * 1.2, 0.04, radius * 0.5], scale: [1, 0.5, 0.8] });
}

// Structures stand along x, two radii long.
function woodWall(b: Brush, { radius, height }: Size): void {
  const planks = 6;
  for (let i = 0; i < planks; ++i) {
    const width = (2 * radius) / planks;
    b.box(i % 2 ? WOOD : 0x9a6c39, [width * 0.95, height * (i % 2 ? 0.985 : 1), 0.12], {
      at: [-radius + width * (i + 0.5), height / 2, 0],
      vary: 0.1,
    });
  }
  for (const y of [0.15, 0.85]) b.box(DARK_WOOD, [2 * radius, 0.14, 0.2], { at: [0, height * y, 0] });
}
function stoneWall(b: Brush, { radius, height }: Size): void {
  const rows = 6;
  for (let row = 0; row < rows; ++row) {
    const tall = height / rows;
    const shift = row % 2 ? 0.25 : 0;
    for (let i = 0; i < 4; ++i) {
      const from = Math.max(0, (i - shift) / 4);
      const to = row % 2 && i === 3 ? 1 : Math.min(1, (i + 1 - shift) / 4);
      const width = 2 * radius * (to - from);
      b.box((row * 4 + i) % 3 ? STONE : 0x7b8086, [width * 0.97, tall * 0.95, 0.3 + 0.03 * ((row + i) % 3)], {
        at: [-radius + radius * (from + to), tall * (row + 0.5), 0],
        vary: 0.1,
      });
    }
  }
}
function floor(b: Brush, { radius }: Size): void {
  for (let i = 0; i < 5; ++i) {
    const width = (2 * radius) / 5;
    b.box(i % 2 ? WOOD : 0x97693a, [width * 0.96, 0.08, 2 * radius], {
      at: [-radius + width * (i + 0.5), 0.04, 0],
      vary: 0.1,
    });
  }
}
const door =
  (open: boolean) =>
  (b: Brush, { radius, height }: Size): void => {
    const post = 0.18;
    for (const side of [-1, 1]) {
      b.box(DARK_WOOD, [post, height, 0.24], { at: [side * (radius - post / 2), height / 2, 0] });
    }
    b.box(DARK_WOOD, [2 * radius, 0.2, 0.24], { at: [0, height - 0.1, 0] });
    const wide = 2 * (radius - post);
    const turn = open ? -1.75 : 0;
    const hinge = -radius + post;
    const along = (x: number): [number, number, number] => [
      hinge + Math.cos(turn) * x,
      (height - 0.2) / 2,
      -Math.sin(turn) * x,
    ];
    for (let i = 0; i < 5; ++i) {
      b.box(i % 2 ? 0xb27d43 : 0xa8763e, [(wide / 5) * 0.97, height - 0.24, 0.09], {
        at: along((wide * (i + 0.5)) / 5),
        turn: [0, turn, 0],
      });
    }
    b.box(0x3b3b40, [0.12, 0.12, 0.22], { at: along(wide * 0.9), turn: [0, turn, 0] });
  };
function fence(b: Brush, { radius, height }: Size): void {
  for (const x of [-1, 0, 1]) {
    b.post(DARK_WOOD, 0.08, 0.06, height, 6, { at: [x * (radius - 0.08), 0, 0] });
  }
  for (const y of [0.4, 0.8]) b.box(WOOD, [2 * radius, 0.1, 0.06], { at: [0, height * y, 0] });
}
const chest =
  (open: boolean) =>
  (b: Brush, { radius, height }: Size): void => {
    const wide = radius * 1.6;
    const deep = radius;
    b.box(DARK_WOOD, [wide, height * 0.62, deep], { at: [0, height * 0.31, 0] });
    if (open) b.box(0x2c2018, [wide * 0.88, 0.02, deep * 0.85], { at: [0, height * 0.625, 0], vary: 0 });
    const hinge = open ? -1.9 : 0;
    b.box(WOOD, [wide, height * 0.3, deep], {
      at: open ? [0, height * 0.95, -deep * 0.55] : [0, height * 0.77, 0],
      turn: [hinge, 0, 0],
    });
    for (const x of [-0.36, 0.36]) {
      b.box(0x45464c, [0.07, height * 0.64, deep * 1.03], { at: [x * wide, height * 0.32, 0], vary: 0.03 });
    }
    if (!open) b.box(0xd2a94a, [0.12, 0.14, 0.06], { at: [0, height * 0.62, deep * 0.51] });
  };
function workbench(b: Brush, { radius, height }: Size): void {
  b.box(WOOD, [radius * 2, 0.12, radius * 1.05], { at: [0, height - 0.06, 0] });
  for (const x of [-1, 1]) {
    for (const z of [-1, 1]) {
      b.box(DARK_WOOD, [0.13, height - 0.12, 0.13], {
        at: [x * radius * 0.85, (height - 0.12) / 2, z * radius * 0.4],
      });
    }
  }
  b.box(DARK_WOOD, [radius * 1.7, 0.08, radius * 0.8], { at: [0, height * 0.3, 0] });
  b.box(0x5b6067, [0.3, 0.1, 0.14], { at: [radius * 0.5, height + 0.05, 0], turn: [0, 0.5, 0] });
  b.box(0xbb8a4e, [0.5, 0.05, 0.05], { at: [radius * 0.3, height + 0.04, 0.12], turn: [0, 0.5, 0] });
  b.post(0x8d5f35, 0.09, 0.09, 0.5, 6, { at: [-radius * 0.7, height + 0.09, 0.2], turn: [0, 0, -QUARTER] });
}
function campfire(b: Brush, { radius }: Size): void {
  for (let i = 0; i < 9; ++i) {
    const turn = (i / 9) * 2 * Math.PI;
    b.stone(i % 2 ? STONE : DARK_STONE, 0.14, 0, {
      at: [Math.cos(turn) * radius * 0.85, 0.08, Math.sin(turn) * radius * 0.85],
      turn: [i, i * 2, 0],
    });
  }
  for (let i = 0; i < 4; ++i) {
    const turn = i * QUARTER + 0.4;
    b.post(0x523a29, 0.07, 0.06, radius * 1.15, 6, {
      at: [Math.cos(turn) * radius * 0.5, 0.05, -Math.sin(turn) * radius * 0.5],
      turn: [0, turn, 1.05],
    });
  }
}
function flames(b: Brush, { radius }: Size): void {
  b.cone(0xff8a1f, radius * 0.42, 0.75, 6, { at: [0, 0.1, 0], rough: 0.05, vary: 0.15 });
  b.cone(0xffc542, radius * 0.28, 0.55, 6, { at: [0.05, 0.1, 0.05], rough: 0.04, vary: 0.1 });
  b.cone(0xff5a14, radius * 0.22, 0.45, 5, { at: [-0.12, 0.08, 0.08], turn: [0.2, 0, 0.2] });
}
function pile(b: Brush): void {
  b.stone(0xb89a6a, 0.27, 1, { at: [0, 0.2, 0], scale: [1, 0.8, 1], rough: 0.04 });
  b.post(0x8f744c, 0.1, 0.06, 0.12, 7, { at: [0, 0.37, 0] });
  b.post(0x6d4b2c, 0.105, 0.105, 0.03, 7, { at: [0, 0.37, 0] });
}
function cylinder(b: Brush, { radius, height }: Size): void {
  b.post(0xb0a58f, radius, radius, Math.max(0.1, height), 10);
}

type Draw = (b: Brush, size: Size) => void;
interface Model {
  whole: (look: Look) => Draw;
  spent?: Draw;
  glow?: Draw;
  sways?: boolean;
}
const plain =
  (draw: Draw): ((look: Look) => Draw) =>
  () =>
    draw;

const TREE: Model = { whole: plain(oak), spent: stump(BARK), sways: true };
const ROCK: Model = { whole: plain(rock(STONE)), spent: rubble };
const BUSH: Model = { whole: plain(bushBody), spent: twigs, sways: true };
const WALL: Model = { whole: plain(woodWall) };

const BY_KEY: Record<string, Model> = {
  pine: { ...TREE, whole: plain(pine) },
  oak: TREE,
  birch: { whole: plain(birch), spent: stump(PALE_BARK), sways: true },
  rock: ROCK,
  boulder: { ...ROCK, whole: plain(rock(0x7f8388)) },
  iron_ore: { whole: plain(vein(IRON)), spent: rubble },
  copper_ore: { whole: plain(vein(COPPER)), spent: rubble },
  flint: { whole: plain(flint) },
  berry_bush: { whole: plain(berryBush), spent: bushBody, sways: true },
  mushroom: { whole: plain(mushroom), spent: () => {} },
  reeds: { whole: plain(reeds), spent: twigs, sways: true },
  wood_wall: WALL,
  stone_wall: { whole: plain(stoneWall) },
  wood_floor: { whole: plain(floor) },
  door: { whole: ({ open }) => door(open) },
  fence: { whole: plain(fence) },
};
const BY_KIND: Record<string, Model> = {
  tree: TREE,
  rock: ROCK,
  ore: { whole: plain(vein(IRON)), spent: rubble },
  bush: BUSH,
  structure: WALL,
  container: { whole: ({ open }) => chest(open) },
  station: { whole: plain(workbench) },
  fire: { whole: plain(campfire), glow: flames },
  item_pile: { whole: plain(pile) },
};

/** `coarse`: for what is far away. */
export function shapeOf(entity: ContentEntity, look: Look, coarse: boolean): Shape {
  const size: Size = { radius: Math.max(0.05, entity.radius_mm / 1000), height: entity.height_mm / 1000 };
  const flat = entity.kind === 'structure' && size.height === 0;
  const model = BY_KEY[entity.key] ??
    (flat ? { whole: plain(floor) } : BY_KIND[entity.kind]) ?? { whole: plain(cylinder) };
  const solid = new Brush(coarse);
  (look.depleted ? (model.spent ?? model.whole(look)) : model.whole(look))(solid, size);
  const glow = new Brush(coarse);
  if (look.lit && model.glow) model.glow(glow, size);
  return { solid: solid.done(), glow: glow.done(), sways: Boolean(model.sways) && !look.depleted };
}
