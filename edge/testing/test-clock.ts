import { type Clock, systemClock, type Timer } from "../../platform/clock/index.ts";

interface Alarm {
  readonly due: number;
  readonly callback: () => void;
  readonly timer: Timer;
}

/** Real time, that a test can make leap: whatever falls due in the leap happens at once. */
export class TestClock implements Clock {
  #leaptMs = 0;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return systemClock.now() + this.#leaptMs;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#leaptMs;
  }

  after(ms: number, callback: () => void): Timer {
    const alarm: Alarm = {
      due: this.monotonic() + ms,
      callback,
      timer: systemClock.after(ms, () => this.#fire(alarm)),
    };
    this.#alarms.add(alarm);
    return {
      cancel: () => {
        alarm.timer.cancel();
        this.#alarms.delete(alarm);
      },
    };
  }

  endOfTurn(callback: () => void): void {
    systemClock.endOfTurn(callback);
  }

  leap(ms: number): void {
    this.#leaptMs += ms;
    const due = [...this.#alarms].filter((alarm) => alarm.due <= this.monotonic());
    for (const alarm of due.sort((a, b) => a.due - b.due)) this.#fire(alarm);
  }

  #fire(alarm: Alarm): void {
    alarm.timer.cancel();
    if (this.#alarms.delete(alarm)) alarm.callback();
  }
}
