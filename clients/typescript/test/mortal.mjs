/** The points of an order at which its customer may die, for a process as for a page. */

/** In the order of time. */
export const POINTS = [
  "before-writing", "while-writing", "after-writing", "before-sending", "in-flight", "after-answer", "before-noting", "after-noting", "after-all",
];

const pause = (ms) => new Promise((go) => setTimeout(go, ms));

/** A customer that dies at one point, after a delay. `die` is called once, and nothing that follows it is waited for. */
export class Mortal {
  constructor(point, delay, die) {
    this.point = point;
    this.delay = delay;
    this.die = die;
  }

  async at(here) {
    if (here !== this.point) return;
    await pause(this.delay);
    this.die();
    await new Promise(() => {});
  }

  /** A storage of intents that is left at a point. `writeHalf` leaves a write unfinished, if that can be made to happen. */
  intents(storage, writeHalf = () => {}) {
    const { set, create } = storage;
    storage.create = async (id, text) => {
      await this.at("before-writing");
      if (this.point === "while-writing") writeHalf(id, text);
      await this.at("while-writing");
      const kept = await create.call(storage, id, text);
      await this.at("after-writing");
      return kept;
    };
    storage.set = async (id, text) => {
      await this.at("before-noting");
      await set.call(storage, id, text);
      await this.at("after-noting");
    };
    return storage;
  }

  fetch = async (...request) => {
    await this.at("before-sending");
    const answer = fetch(...request);
    answer.catch(() => {});
    await this.at("in-flight");
    const response = await answer;
    await this.at("after-answer");
    return response;
  };
}
