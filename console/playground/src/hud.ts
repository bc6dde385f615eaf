// Hud: everything over the picture: crosshair and what it is on, inventory, things to build, crafting, the
// open chest, connection, messages. It changes when something changed, not in every frame.
import type { Client, Content, Entity, ItemCount, Stack } from '@everframe/client';
import { byId, el, icon } from './dom.js';
import { iconOf } from './icons.js';

const TOAST_MS = 3_600;
const TOASTS_MAX = 6;

export interface Label {
  name: string;
  hp: number;
  hpMax: number;
  hints: string;
  near: boolean;
}
export interface HudActions {
  craft(recipe: number, times: number): void;
  choose(slot: number): void;
  /** A stack in the inventory was clicked: it goes into the open chest, or to the ground. */
  give(stack: Stack): void;
  /** A stack in the open chest was clicked. */
  fetch(chest: bigint, stack: Stack): void;
  closeChest(chest: bigint): void;
}

export class Hud {
  private labelled = '';
  private told = '';
  private carried = new Map<number, number>();
  private chosen: number | null = null;
  private chest: bigint | null = null;

  constructor(
    private readonly content: Content,
    private readonly client: Client,
    private readonly actions: HudActions,
  ) {
    byId('world').textContent = content.name;
    this.inventory(client.inventory, false);
    client.on('inventory', (stacks) => this.inventory(stacks, true));
    byId('hud').hidden = false;
  }

  count(item: number): number {
    return this.carried.get(item) ?? 0;
  }
  payable(cost: readonly ItemCount[]): boolean {
    return cost.every(({ item, count }) => this.count(item) >= count);
  }

  // ---- crosshair, connection, messages ----

  label(label: Label | null): void {
    const key = label ? `${label.name} ${label.hp} ${label.hints} ${label.near}` : '';
    if (key === this.labelled) return;
    this.labelled = key;
    const box = byId('label');
    box.hidden = !label;
    byId('crosshair').classList.toggle('on', Boolean(label?.near));
    if (!label) return;
    box.classList.toggle('far', !label.near);
    byId('label-name').textContent = label.name;
    byId('label-hint').textContent = label.near ? label.hints : 'too far away';
    const bar = byId('label-hp');
    bar.hidden = label.hpMax <= 1;
    (bar.firstElementChild as HTMLElement).style.width =
      `${Math.max(0, Math.min(1, label.hp / label.hpMax)) * 100}%`;
    byId('label-count').textContent = label.hpMax > 1 ? `${label.hp} / ${label.hpMax}` : '';
  }

  /** A few times a second. */
  status(fps: number): void {
    const { client } = this;
    const text = [
      client.latencyMs === null ? '– ms' : `${client.latencyMs.toFixed(client.latencyMs < 10 ? 1 : 0)} ms`,
      client.carrier === 'websocket' ? 'WebSocket' : 'WebRTC',
      `frame ${client.frame}`,
      client.avatars.all.size === 0 ? 'nobody else near' : `${client.avatars.all.size + 1} players near`,
      `${fps} fps`,
    ].join('  ·  ');
    if (text !== this.told) byId('status').textContent = this.told = text;
  }

  connection(state: string, words: string): void {
    byId('connection').dataset['state'] = state;
    byId('connection-text').textContent = words;
  }

  toast(text: string, kind: 'good' | 'bad' | 'news' = 'news', picture = ''): void {
    const list = byId('toasts');
    const toast = el('div', `toast ${kind}`, picture ? icon(picture) : null, text);
    list.prepend(toast);
    while (list.childElementCount > TOASTS_MAX) list.lastElementChild!.remove();
    setTimeout(() => toast.classList.add('going'), TOAST_MS - 400);
    setTimeout(() => toast.remove(), TOAST_MS);
  }

  // ---- inventory, building ----

  private inventory(stacks: readonly Stack[], tell: boolean): void {
    const before = this.carried;
    this.carried = new Map();
    for (const { item, count } of stacks) this.carried.set(item, this.count(item) + count);
    byId('inventory').replaceChildren(
      ...stacks.map((stack) => this.slot(stack, () => this.actions.give(stack))),
    );
    byId('inventory-empty').hidden = stacks.length > 0;
    if (tell) {
      for (const [item, count] of this.carried) {
        const more = count - (before.get(item) ?? 0);
        const known = this.content.items[item];
        if (more > 0)
          this.toast(`+${more}  ${known?.name ?? item}`, 'good', iconOf(known?.key ?? '', known?.name ?? ''));
      }
    }
    this.hotbar();
    this.recipes();
    this.refreshChest();
  }

  private slot(stack: Stack, clicked: () => void): HTMLElement {
    const item = this.content.items[stack.item];
    const name = item?.name ?? `item ${stack.item}`;
    const slot = el(
      'button',
      'slot',
      icon(iconOf(item?.key ?? '', name)),
      el('b', '', stack.count > 1 ? `${stack.count}` : ''),
    );
    slot.append(el('span', 'slot-name', name));
    slot.title = name;
    slot.onclick = clicked;
    return slot;
  }

  choose(slot: number | null): void {
    this.chosen = slot;
    this.hotbar();
    byId('build-hint').hidden = slot === null;
  }

  private hotbar(): void {
    byId('hotbar').replaceChildren(
      ...this.content.builds.slice(0, 9).map(({ entity, cost }, i) => {
        const def = this.content.entities[entity];
        const price = el(
          'span',
          'price',
          ...cost.map(({ item, count }) => {
            const known = this.content.items[item];
            return el(
              'span',
              this.count(item) >= count ? 'have' : 'lack',
              icon(iconOf(known?.key ?? '', known?.name ?? '')),
              `${count}`,
            );
          }),
        );
        const button = el(
          'button',
          i === this.chosen ? 'build on' : 'build',
          el('kbd', '', `${i + 1}`),
          el('span', 'build-name', def?.name ?? `${entity}`),
          price,
        );
        button.classList.toggle('poor', !this.payable(cost));
        button.onclick = () => this.actions.choose(i);
        return button;
      }),
    );
  }

  // ---- panels ----

  get panelOpen(): boolean {
    return !byId('craft').hidden || !byId('chest').hidden;
  }
  closePanels(): void {
    byId('craft').hidden = byId('chest').hidden = true;
    this.chest = null;
  }
  toggleCraft(): boolean {
    const panel = byId('craft');
    const open = panel.hidden;
    this.closePanels();
    panel.hidden = !open;
    return open;
  }

  private recipes(): void {
    byId('recipes').replaceChildren(
      ...this.content.recipes.map((recipe, i) => {
        const made = recipe.outputs[0] ? this.content.items[recipe.outputs[0].item] : undefined;
        const needs = el(
          'span',
          'price',
          ...recipe.inputs.map(({ item, count }) => {
            const known = this.content.items[item];
            const part = el(
              'span',
              this.count(item) >= count ? 'have' : 'lack',
              icon(iconOf(known?.key ?? '', known?.name ?? '')),
              `${Math.min(this.count(item), 999)}/${count}`,
            );
            part.title = known?.name ?? '';
            return part;
          }),
        );
        const station =
          recipe.station === null
            ? null
            : el(
                'span',
                'station',
                `at a ${this.content.entities[recipe.station]?.name.toLowerCase() ?? 'station'}`,
              );
        const row = el(
          'div',
          'recipe',
          icon(iconOf(made?.key ?? '', made?.name ?? '')),
          el('div', 'recipe-words', el('b', '', recipe.name), station, needs),
        );
        const most = Math.min(
          recipe.times_max,
          ...recipe.inputs.map(({ item, count }) => Math.floor(this.count(item) / count)),
        );
        for (const times of new Set([1, Math.min(5, recipe.times_max)])) {
          const button = el('button', 'make', `× ${times}`);
          button.disabled = most < times;
          button.onclick = () => this.actions.craft(i, times);
          row.append(button);
        }
        row.classList.toggle('poor', most < 1);
        return row;
      }),
    );
  }

  /** The chest that stacks go into, if its panel is open. */
  get openChest(): bigint | null {
    return this.chest;
  }
  showChest(entity: Entity): void {
    this.closePanels();
    this.chest = entity.id;
    byId('chest').hidden = false;
    byId('chest-name').textContent = this.content.entities[entity.type]?.name ?? 'Container';
    byId('chest-close').onclick = () => this.actions.closeChest(entity.id);
    this.refreshChest();
  }
  refreshChest(): void {
    if (this.chest === null) return;
    const id = this.chest;
    const entity = this.client.world.entities.get(id);
    if (!entity) return this.closePanels();
    byId('chest-stacks').replaceChildren(
      ...entity.stacks.map((stack) => this.slot(stack, () => this.actions.fetch(id, stack))),
    );
    byId('chest-empty').hidden = entity.stacks.length > 0;
  }
}
