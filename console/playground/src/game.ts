// Game: joins the parts: what keys and mouse mean, what an answer means, and the frame.
import { DEPLETED, LIT, OPEN } from '@everframe/client';
import type { ActionBody, Client, Content, Outcome, Stack } from '@everframe/client';
import * as THREE from 'three';
import { aimedAt, reachTo } from './aim.js';
import { byId } from './dom.js';
import { Ghost } from './ghost.js';
import { Hud } from './hud.js';
import { People } from './people.js';
import { Player } from './player.js';
import { expose } from './probe.js';
import { Scenery } from './scenery.js';
import { Things } from './things.js';
import type { Thing } from './things.js';

const HIT_EVERY_MS = 320;
const POSE_AGAIN_MS = 1_000; // also when nothing moved: the last one may have been lost
const STATUS_EVERY_MS = 250;
const SLOW_FRAME_MS = 30; // on average, for QUALITY_AFTER_MS: one step down in quality
const QUALITY_AFTER_MS = 2_500;

// No graphics card: then the page starts with the least, instead of finding that out frame by frame.
function drawnBySoftware(): boolean {
  const gl = document.createElement('canvas').getContext('webgl2');
  const names = gl?.getExtension('WEBGL_debug_renderer_info');
  const name = gl && names ? String(gl.getParameter(names.UNMASKED_RENDERER_WEBGL)) : '';
  gl?.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|software/i.test(name);
}

const STATE_WORDS: Record<string, string> = {
  connecting: 'connecting …',
  in_world: '',
  waiting: 'the server is away, coming back …',
  closed: 'ended',
};

export class Game {
  private readonly renderer: THREE.WebGLRenderer;
  private readonly scene = new THREE.Scene();
  private readonly camera = new THREE.PerspectiveCamera(70, 1, 0.08, 900);
  private readonly scenery: Scenery;
  private readonly things: Things;
  private readonly people: People;
  private readonly player: Player;
  private readonly ghost: Ghost;
  private readonly hud: Hud;
  private readonly pace = { fps: 0, frameMs: 0 };
  private readonly way = new THREE.Vector3();
  private aimed: Thing | null = null;
  private chosen: number | null = null; // slot of the hotbar
  private hitting = false;
  private hitAt = 0;
  private dragging = false;
  private last = 0;
  private frames = 0;
  private countedAt = 0;
  private slowSince = 0;
  private quality: number; // 2: all, 1: no shadows, 0: no grass and coarse pixels
  private readonly qualityStays: boolean; // ?quality=0|1|2 asked for it
  private readonly sent = { x: NaN, z: NaN, yaw: NaN, pitch: NaN, at: 0 };
  private readonly pose = { position: { x: 0, y: 0, z: 0 }, yaw: 0, pitch: 0 };

  constructor(
    private readonly client: Client,
    private readonly content: Content,
  ) {
    const canvas = byId('view') as HTMLCanvasElement;
    const slow = drawnBySoftware();
    const asked = new URLSearchParams(location.search).get('quality');
    this.qualityStays = /^[012]$/.test(asked ?? '');
    this.quality = this.qualityStays ? Number(asked) : slow ? 0 : 2;
    this.renderer = new THREE.WebGLRenderer({
      canvas,
      antialias: this.quality > 0,
      powerPreference: 'high-performance',
    });
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = THREE.PCFSoftShadowMap;
    this.renderer.toneMapping = THREE.ACESFilmicToneMapping;
    this.renderer.toneMappingExposure = 1.12;
    this.scenery = new Scenery(this.scene);
    this.things = new Things(this.scene, content, client.world, this.scenery.wind);
    this.people = new People(this.scene, client.avatars);
    const edge = (content.rules.world_size_mm ?? 1e12) / 2000;
    this.player = new Player(this.camera, content.rules.speed_mm_s / 1000, edge);
    this.ghost = new Ghost(this.scene, this.things, content);
    this.hud = new Hud(content, client, {
      craft: (recipe, times) => this.act({ what: 'craft', recipe, times }),
      choose: (slot) => this.choose(slot),
      give: (stack) => this.give(stack),
      fetch: (target, { item, count }) => this.act({ what: 'transfer', target, item, count, direction: 1 }),
      closeChest: (target) => {
        this.hud.closePanels();
        this.act({ what: 'interact', target });
      },
    });
    this.listen();
    this.adapt();
    const { player, things, renderer, pace } = this;
    expose({ client, content, player, things, renderer, pace });
    requestAnimationFrame(this.frame);
  }

  play(): void {
    byId('cover').classList.add('gone');
    byId('view').focus();
    this.grab();
  }

  // ---- the server ----

  private listen(): void {
    const { client } = this;
    this.arrive();
    client.on('welcome', ({ contentHash }) => {
      // A server that came back with another content pack: what the numbers mean must be asked anew.
      if (BigInt(`0x${this.content.hash}`) !== contentHash) return location.reload();
      this.arrive();
    });
    client.on('moved', ({ position }) => this.player.put(position.x / 1000, position.z / 1000));
    client.on('state', ({ state }) => this.hud.connection(state, STATE_WORDS[state] ?? state));
    client.on('goodbye', ({ detail }) => this.hud.toast(detail || 'The server said goodbye.', 'bad'));
    client.avatars.on('came', ({ name }) => this.hud.toast(`${name} is near`));
    client.world.on('changed', ({ entity }) => entity.id === this.hud.openChest && this.hud.refreshChest());
    client.on('refused', ({ reason }) => {
      const refusal = this.content.refusals.find(({ code }) => code === reason);
      this.hud.toast(refusal?.text ?? `Refused (reason ${reason})`, 'bad');
    });
    addEventListener('resize', () => this.resize());
    addEventListener('keydown', (event) => this.key(event, true));
    addEventListener('keyup', (event) => this.key(event, false));
    addEventListener('blur', () => this.letGo());
    const canvas = byId('view');
    canvas.addEventListener('pointerdown', (event) => this.pointer(event, true));
    addEventListener('pointerup', (event) => this.pointer(event, false));
    addEventListener('pointermove', (event) => {
      if (document.pointerLockElement === canvas || this.dragging)
        this.player.turn(event.movementX, event.movementY);
    });
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    document.addEventListener('pointerlockchange', () => !document.pointerLockElement && this.letGo());
  }

  private arrive(): void {
    const welcome = this.client.welcome;
    if (!welcome) return;
    this.player.put(welcome.position.x / 1000, welcome.position.z / 1000);
    this.player.yaw = (welcome.yaw / 180_000) * Math.PI;
    byId('player-name').textContent = welcome.name;
    this.hud.connection(this.client.state, STATE_WORDS[this.client.state] ?? '');
    this.sent.at = 0;
  }

  private act(body: ActionBody): Promise<Outcome | null> {
    // Refusals are told by the event; what is lost with the session is told by the session's end.
    return this.client.act(body).catch(() => null);
  }

  private give({ item, count }: Stack): void {
    const target = this.hud.openChest;
    if (target !== null) void this.act({ what: 'transfer', target, item, count, direction: 0 });
    else void this.act({ what: 'drop', item, count });
  }

  // ---- keys and mouse ----

  private key(event: KeyboardEvent, down: boolean): void {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!byId('cover').classList.contains('gone')) return;
    if (event.code.startsWith('Arrow') || event.code === 'Space') event.preventDefault();
    this.player.press(event.code, down);
    if (!down || event.repeat) return;
    if (/^Digit[0-9]$/.test(event.code)) return this.choose(Number(event.code[5]) - 1);
    if (event.code === 'KeyB') return this.build();
    if (event.code === 'KeyR') return this.ghost.turn();
    if (event.code === 'KeyE') return this.use();
    if (event.code === 'KeyF') return this.collect();
    if (event.code === 'Escape') return this.hud.closePanels();
    if (event.code !== 'KeyC') return;
    if (this.hud.toggleCraft()) document.exitPointerLock();
    else this.grab();
  }

  private pointer(event: PointerEvent, down: boolean): void {
    if (!down) {
      this.hitting = this.dragging = false;
      return;
    }
    if (this.hud.panelOpen) {
      this.hud.closePanels();
      return this.grab();
    }
    if (event.button === 2) return this.build();
    if (event.button !== 0) return;
    if (document.pointerLockElement !== byId('view')) {
      // The first click only takes hold of the mouse; where that is not possible, dragging looks around.
      this.dragging = true;
      return this.grab();
    }
    this.hitting = true;
    this.hit(performance.now());
  }

  private grab(): void {
    // Refused when a panel was left by Escape just before: the next click tries again.
    Promise.resolve(byId('view').requestPointerLock?.()).catch(() => {});
  }
  private letGo(): void {
    this.player.releaseAll();
    this.hitting = this.dragging = false;
  }

  private choose(slot: number): void {
    const build = this.content.builds[slot];
    this.chosen = build && slot !== this.chosen ? slot : null;
    this.ghost.choose(this.chosen === null ? null : build!.entity);
    this.hud.choose(this.chosen);
  }

  private build(): void {
    const site = this.ghost.site();
    if (site) void this.act({ what: 'build', ...site });
  }

  private hit(now: number): void {
    const target = this.aimed;
    if (!target || now - this.hitAt < HIT_EVERY_MS) return;
    this.hitAt = now;
    if (!this.near(target)) return;
    const { id } = target.entity;
    if (this.harvestable(target)) {
      this.things.shake(id, now / 1000);
      void this.act({ what: 'harvest', target: id });
    } else if (target.def.kind === 'item_pile' || target.def.key === 'flint') {
      void this.act({ what: 'pick_up', target: id });
    }
  }

  private use(): void {
    const target = this.aimed;
    if (!target || !this.near(target)) return;
    const { entity, def } = target;
    const shut = (entity.state & OPEN) === 0;
    if (def.kind !== 'container' || shut) void this.act({ what: 'interact', target: entity.id });
    if (def.kind !== 'container') return;
    this.hud.showChest(entity);
    document.exitPointerLock();
  }

  private collect(): void {
    if (this.aimed && this.near(this.aimed)) void this.act({ what: 'pick_up', target: this.aimed.entity.id });
  }

  private near(thing: Thing): boolean {
    return reachTo(thing, this.player) <= this.content.rules.reach_mm / 1000;
  }
  private harvestable({ def, entity }: Thing): boolean {
    const can = def.harvestable ?? ['tree', 'rock', 'ore', 'bush'].includes(def.kind);
    return can && (entity.state & DEPLETED) === 0;
  }

  // ---- the frame ----

  private readonly frame = (now: number): void => {
    requestAnimationFrame(this.frame);
    const started = performance.now();
    const dt = Math.min(0.1, Math.max(0, (now - this.last) / 1000));
    this.last = now;
    this.player.move(dt, this.things);
    this.tell(now);
    this.camera.getWorldDirection(this.way);
    this.aimed = aimedAt(this.things, this.camera.position, this.way);
    if (this.hitting) this.hit(now);
    const build = this.chosen === null ? null : this.content.builds[this.chosen];
    if (build) this.ghost.follow(this.player, this.hud.payable(build.cost));
    this.scenery.follow(this.camera, now / 1000);
    this.things.animate(now / 1000, this.camera);
    this.people.animate(now, dt);
    this.renderer.render(this.scene, this.camera);
    this.describe();
    this.measure(now, performance.now() - started);
  };

  private tell(now: number): void {
    const { player, sent, pose } = this;
    const moved =
      player.x !== sent.x || player.z !== sent.z || player.yaw !== sent.yaw || player.pitch !== sent.pitch;
    if (!moved && now - sent.at < POSE_AGAIN_MS) return;
    pose.position.x = player.x * 1000;
    pose.position.z = player.z * 1000;
    pose.yaw = (player.yaw / Math.PI) * 180_000;
    pose.pitch = (player.pitch / Math.PI) * 180_000;
    if (!this.client.sendPose(pose)) return;
    sent.x = player.x;
    sent.z = player.z;
    sent.yaw = player.yaw;
    sent.pitch = player.pitch;
    sent.at = now;
  }

  private labelled: { thing: Thing | null; entity: unknown; near: boolean } = {
    thing: null,
    entity: null,
    near: false,
  };

  private describe(): void {
    const thing = this.aimed;
    const near = thing !== null && this.near(thing);
    const old = this.labelled;
    if (old.thing === thing && old.near === near && old.entity === thing?.entity) return;
    old.thing = thing;
    old.near = near;
    old.entity = thing?.entity;
    if (!thing) return this.hud.label(null);
    const { entity, def } = thing;
    this.hud.label({
      name: this.nameOf(thing),
      hp: entity.hp,
      hpMax: def.hp,
      hints: this.hintsFor(thing),
      near,
    });
  }

  private nameOf({ entity, def }: Thing): string {
    if (def.kind !== 'item_pile' || entity.stacks.length === 0) return def.name;
    return entity.stacks
      .map(({ item, count }) => `${count} ${this.content.items[item]?.name ?? ''}`)
      .join(', ');
  }

  private hintsFor(thing: Thing): string {
    const { entity, def } = thing;
    if (entity.state & DEPLETED) return 'nothing left: it regrows';
    const hints: string[] = [];
    if (this.harvestable(thing)) {
      const tool = def.tool && def.tool_required ? `click: harvest with a ${def.tool}` : 'click: harvest';
      hints.push(tool);
    }
    const use = entity.state & OPEN || entity.state & LIT;
    if (def.kind === 'container') hints.push(use ? 'E: look inside' : 'E: open');
    else if (def.kind === 'fire') hints.push(use ? 'E: put out' : 'E: light');
    else if (def.toggles) hints.push(use ? 'E: close' : 'E: open');
    const mine = entity.owner !== 0n && entity.owner === this.client.welcome?.player;
    if (def.kind === 'item_pile' || (def.collectable && (mine || entity.owner === 0n)))
      hints.push('F: pick up');
    return hints.join('  ·  ');
  }

  private measure(now: number, ms: number): void {
    this.pace.frameMs += (ms - this.pace.frameMs) * 0.05;
    ++this.frames;
    if (now - this.countedAt < STATUS_EVERY_MS) return;
    const average = (now - this.countedAt) / this.frames;
    this.pace.fps = Math.round(1000 / average);
    this.frames = 0;
    this.countedAt = now;
    this.hud.status(this.pace.fps);
    if (average < SLOW_FRAME_MS || document.hidden || this.qualityStays) this.slowSince = now;
    if (now - this.slowSince > QUALITY_AFTER_MS && this.quality > 0) {
      this.slowSince = now;
      --this.quality;
      this.adapt();
    }
  }

  // A smooth walk matters more than shadows and fine pixels.
  private adapt(): void {
    this.scenery.sun.castShadow = this.quality > 1;
    this.scenery.grassShown = this.quality > 0;
    this.resize();
  }

  private resize(): void {
    const { innerWidth: width, innerHeight: height } = window;
    this.renderer.setPixelRatio([0.6, 1, Math.min(2, devicePixelRatio)][this.quality]!);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
  }
}
