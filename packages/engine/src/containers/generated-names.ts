// Names for containers that were given none: an adjective and a mineral, so that people can say and remember them.
const adjectives =
  'amber bold brisk calm clever cosy crisp daring dapper deft eager early fair fleet frank fresh gentle glad golden grand happy hardy honest humble jolly keen kind lively lucid lucky mellow merry mild neat nimble noble patient placid plucky polite proud quick quiet rapid ready robust serene sharp silent simple sleek smooth snug sober solid steady sturdy sunny swift tender tidy tranquil trusty upbeat vivid warm wise witty zesty'.split(
    ' ',
  );
const minerals =
  'agate alum amethyst apatite azurite barite basalt beryl borax calcite chalk chert cinnabar citrine cobalt copper coral corundum diamond diorite dolomite emerald feldspar flint fluorite gabbro galena garnet gneiss granite graphite gypsum halite hematite iolite jade jasper kyanite lapis malachite marble mica obsidian olivine onyx opal pearl peridot pumice pyrite quartz ruby rutile sapphire schist selenite slate spinel sulfur talc topaz turquoise zircon zeolite'.split(
    ' ',
  );

function pick(words: string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? 'plain';
}

/** Tries before a number is added. */
const plainTries = 6;

/** A name for which `isTaken` says no. */
export function generateName(isTaken: (name: string) => boolean): string {
  for (let tries = 0; ; tries++) {
    const suffix = tries < plainTries ? '' : String(Math.floor(Math.random() * 10 ** Math.min(tries, 9)));
    const name = `${pick(adjectives)}_${pick(minerals)}${suffix}`;
    if (!isTaken(name)) return name;
  }
}
