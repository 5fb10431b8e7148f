import type { Timer } from "../../platform/clock/index.ts";
import { ShiftedClock } from "../../platform/clock/testing.ts";

interface Alarm {
  readonly due: number;
  readonly callback: () => void;
  readonly timer: Timer;
}

/** Real time, that a test can make leap: whatever falls due in the leap happens at once. */
export class TestClock extends ShiftedClock {
  readonly #alarms = new Set<Alarm>();

  override after(ms: number, callback: () => void): Timer {
    const alarm: Alarm = { due: this.monotonic() + ms, callback, timer: super.after(ms, () => this.#fire(alarm)) };
    this.#alarms.add(alarm);
    return {
      cancel: () => {
        alarm.timer.cancel();
        this.#alarms.delete(alarm);
      },
    };
  }

  leap(ms: number): void {
    this.goForward(ms);
    const due = [...this.#alarms].filter((alarm) => alarm.due <= this.monotonic());
    for (const alarm of due.sort((a, b) => a.due - b.due)) this.#fire(alarm);
  }

  #fire(alarm: Alarm): void {
    alarm.timer.cancel();
    if (this.#alarms.delete(alarm)) alarm.callback();
  }
}
