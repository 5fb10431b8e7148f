import type { Subscription } from "./bus.ts";

interface Member<Receive> {
  readonly receive: Receive;
  readonly queue: string | undefined;
  closed: boolean;
}

/** Who is subscribed, by subject. */
export class SubjectTable<Receive> {
  readonly #members = new Map<string, readonly Member<Receive>[]>();
  readonly #receivers = new Map<string, Receivers<Receive>>();

  add(subject: string, receive: Receive, queue: string | undefined): Subscription {
    const member: Member<Receive> = { receive, queue, closed: false };
    this.#change(subject, [...(this.#members.get(subject) ?? []), member]);
    return {
      close: () => {
        if (member.closed) return;
        member.closed = true;
        this.#change(
          subject,
          (this.#members.get(subject) ?? []).filter((other) => other !== member),
        );
      },
    };
  }

  /** Those who are subscribed now; who joins later is not among them. */
  receiversOf(subject: string): Receivers<Receive> | undefined {
    return this.#receivers.get(subject);
  }

  #change(subject: string, members: readonly Member<Receive>[]): void {
    if (members.length === 0) {
      this.#members.delete(subject);
      this.#receivers.delete(subject);
    } else {
      this.#members.set(subject, members);
      this.#receivers.set(subject, new Receivers(members));
    }
  }
}

/** Everybody without a queue, and of each queue group one after another. */
class Receivers<Receive> {
  readonly #single: Member<Receive>[] = [];
  readonly #groups = new Map<string, { readonly members: Member<Receive>[]; next: number }>();

  constructor(members: readonly Member<Receive>[]) {
    for (const member of members) {
      if (member.queue === undefined) {
        this.#single.push(member);
        continue;
      }
      const group = this.#groups.get(member.queue);
      if (group === undefined) this.#groups.set(member.queue, { members: [member], next: 0 });
      else group.members.push(member);
    }
  }

  /** Hands one message out; who has unsubscribed meanwhile gets nothing. @returns to how many it went. */
  each(deliver: (receive: Receive) => void): number {
    let count = 0;
    for (const member of this.#single) {
      if (member.closed) continue;
      deliver(member.receive);
      count++;
    }
    for (const group of this.#groups.values()) {
      for (let tried = 0; tried < group.members.length; tried++) {
        const member = group.members[group.next++ % group.members.length];
        if (member === undefined || member.closed) continue;
        deliver(member.receive);
        count++;
        break;
      }
    }
    return count;
  }
}
