// The playground: joins the world of the server that serves this page, shows it, and plays in it.
//   ?name=Ada   the name of a new player      ?guest   a new player that this browser does not remember
//   ?carrier=webrtc|websocket   this way or not at all
//   ?quality=0|1|2   coarse, without shadows, all of it; else it goes by how fast frames come
import { Client, localTokens, memoryTokens, SignalingError } from '@everframe/client';
import type { CarrierChoice } from '@everframe/client';
import { byId } from './dom.js';
import { Game } from './game.js';
import { announce } from './probe.js';

const question = new URLSearchParams(location.search);
const nameWanted = sessionStorage.getItem('everframe.name') ?? question.get('name') ?? undefined;
sessionStorage.removeItem('everframe.name');

const client = new Client({
  url: location.origin,
  carrier: (question.get('carrier') ?? 'auto') as CarrierChoice,
  tokens: question.has('guest') ? memoryTokens() : localTokens(location.origin),
  ...(nameWanted ? { name: nameWanted } : {}),
});
announce(client);

function cover(text: string, ready: boolean, again: boolean): void {
  byId('cover-text').textContent = text;
  byId('cover-ready').hidden = !ready;
  byId('again').hidden = !again;
  byId('cover').classList.remove('gone');
}

byId('again').onclick = () => {
  cover('Finding the way into the world …', false, false);
  void enter();
};
byId('new-player').onsubmit = (event) => {
  event.preventDefault();
  const name = (byId('name') as HTMLInputElement).value.trim();
  if (name) sessionStorage.setItem('everframe.name', name);
  client.close('starting as someone new');
  client.forgetToken();
  location.reload();
};

let game: Game | null = null;
client.on('state', ({ state, reason }) => {
  if (state === 'waiting' && !game) cover(`${reason}. Trying again …`, false, false);
  if (state === 'closed' && game) cover(`Your session is over: ${reason}.`, false, true);
});

async function enter(): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    if (error instanceof SignalingError && error.code === 'unknown_token') {
      // The world was made anew since this browser was here: its old player exists nowhere any more.
      client.forgetToken();
      return enter();
    }
    return cover(`The world does not take you in: ${(error as Error).message}.`, false, true);
  }
  if (!game) {
    game = new Game(client, await client.content());
    byId('play').onclick = () => game?.play();
  }
  cover(`Welcome, ${client.welcome!.name}.`, true, false);
}

enter().catch((error: unknown) => cover(`Something is wrong: ${(error as Error).message}`, false, true));
