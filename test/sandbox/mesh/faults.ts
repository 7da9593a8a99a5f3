/**
 * Faults on command. Each either strikes what is there now, or waits for the next N occasions (or for all until
 * cleared). Nothing here knows how a fault is carried out: the parts ask whether one is due.
 */

/** How many of the next occasions a fault strikes. */
export type Occasions = number | 'until-cleared';

/** Points in the life of a connection at which it can be cut or fall silent, before what arrived takes effect. */
export type Stage = 'upgrade' | 'open' | 'begin' | 'attach' | 'publish' | 'settle';

/** `drop`: the TCP connection is cut and what arrived has no effect. `silence`: it has, but no answer ever comes. */
export type StageAction = 'drop' | 'silence';

export type TokenFault =
  /** The connection is cut without an answer. */
  | { readonly kind: 'down' }
  /** Never answered. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'status'; readonly status: number }
  /** 200 with HTML, as a proxy's error page. */
  | { readonly kind: 'not-json' }
  /** 200 without an access token. */
  | { readonly kind: 'no-token' }
  /** 200 with a token that the broker will refuse. */
  | { readonly kind: 'worthless-token' };

/** What a publisher is answered instead of the truth. */
export type PublishAnswer =
  /** No answer at all; the message is lost, or taken nevertheless. */
  | { readonly kind: 'unanswered'; readonly message: 'lost' | 'stored' }
  | { readonly kind: 'released' }
  | { readonly kind: 'modified' }
  | { readonly kind: 'rejected'; readonly condition: string };

export interface AmqpCondition {
  readonly condition: string;
  readonly description: string;
}

/** `truncated`: an answer other than 101 whose body never ends. */
export type UpgradeHang = 'no-answer' | 'truncated';

export interface UpgradeRefusal {
  readonly status: number;
  readonly retryAfterS?: number;
}

/** A fault loaded for coming occasions. */
class Charge<T> {
  #value: T | undefined;
  #left = 0;

  load(value: T, occasions: Occasions): void {
    this.#value = value;
    this.#left = occasions === 'until-cleared' ? Infinity : occasions;
  }

  /** The fault due on this occasion, which uses it up. */
  take(): T | undefined {
    if (this.#left <= 0) return undefined;
    this.#left -= 1;
    return this.#value;
  }

  clear(): void {
    this.#left = 0;
  }
}

/** The faults that wait for an occasion. */
export class Charges {
  readonly upgradeRefusal = new Charge<UpgradeRefusal>();
  readonly upgradeHang = new Charge<UpgradeHang>();
  readonly openHang = new Charge<'hang'>();
  readonly openRefusal = new Charge<AmqpCondition>();
  readonly sessionRefusal = new Charge<AmqpCondition>();
  readonly attachRefusal = new Charge<AmqpCondition>();
  readonly publishAnswer = new Charge<PublishAnswer>();
  readonly token = new Charge<TokenFault>();
  readonly managementRefusal = new Charge<UpgradeRefusal>();
  readonly stages: Readonly<Record<Stage, Charge<StageAction>>> = {
    upgrade: new Charge(),
    open: new Charge(),
    begin: new Charge(),
    attach: new Charge(),
    publish: new Charge(),
    settle: new Charge(),
  };

  clear(): void {
    const { stages, ...others } = this;
    for (const charge of [...Object.values(others), ...Object.values(stages)]) charge.clear();
  }
}

/** What strikes connections that exist, carried out by whoever holds them. */
export interface Strikes {
  dropConnections(): void;
  goSilent(deafMs: number | undefined): void;
  resume(): void;
  closeConnections(error: AmqpCondition): void;
  endSessions(error: AmqpCondition): void;
  detachLinks(error: AmqpCondition, which: LinkSelection): void;
  restart(downMs: number): Promise<void>;
}

/** Links by what the client does with them. */
export type LinkSelection = 'all' | 'consumers' | 'publishers';

const DESCRIPTION = 'a fault on command';

/** The switches that tests throw. Counts default to one occasion. */
export class Faults {
  readonly #charges: Charges;
  readonly #strikes: Strikes;

  constructor(charges: Charges, strikes: Strikes) {
    this.#charges = charges;
    this.#strikes = strikes;
  }

  /** Destroys every client's TCP connection, hanging upgrades included. */
  dropConnections(): void {
    this.#strikes.dropConnections();
  }

  /**
   * Half-open: existing connections carry no more bytes either way, the sockets stay. `deafMs`: how long after the
   * client has given its socket up the broker takes to notice; without it, at once.
   */
  goSilent(options: { readonly deafMs?: number } = {}): void {
    this.#strikes.goSilent(options.deafMs);
  }

  /** Closes every AMQP connection with an error, e.g. `amqp:connection:forced`. */
  closeConnections(condition: string, description = DESCRIPTION): void {
    this.#strikes.closeConnections({ condition, description });
  }

  endSessions(condition: string, description = DESCRIPTION): void {
    this.#strikes.endSessions({ condition, description });
  }

  detachLinks(condition: string, which: LinkSelection = 'all', description = DESCRIPTION): void {
    this.#strikes.detachLinks({ condition, description }, which);
  }

  /** The broker process goes and comes back: all connections gone, nothing listens for `downMs`, queues are kept. */
  restart(downMs = 0): Promise<void> {
    return this.#strikes.restart(downMs);
  }

  refuseUpgrades(status: number, occasions: Occasions = 1, retryAfterS?: number): void {
    this.#charges.upgradeRefusal.load(
      { status, ...(retryAfterS !== undefined && { retryAfterS }) },
      occasions,
    );
  }

  hangUpgrades(occasions: Occasions = 1, manner: UpgradeHang = 'no-answer'): void {
    this.#charges.upgradeHang.load(manner, occasions);
  }

  /** Accepts the upgrade (or plain TCP connection) and never says a word of AMQP. */
  hangOpens(occasions: Occasions = 1): void {
    this.#charges.openHang.load('hang', occasions);
  }

  /** Answers Open, then closes with an error, as a connection limit does. */
  refuseOpens(condition: string, occasions: Occasions = 1, description = DESCRIPTION): void {
    this.#charges.openRefusal.load({ condition, description }, occasions);
  }

  refuseSessions(condition: string, occasions: Occasions = 1, description = DESCRIPTION): void {
    this.#charges.sessionRefusal.load({ condition, description }, occasions);
  }

  refuseAttaches(condition: string, occasions: Occasions = 1, description = DESCRIPTION): void {
    this.#charges.attachRefusal.load({ condition, description }, occasions);
  }

  /** Cuts or silences a connection at the moment it reaches a stage. */
  at(stage: Stage, action: StageAction, occasions: Occasions = 1): void {
    this.#charges.stages[stage].load(action, occasions);
  }

  answerPublishes(answer: PublishAnswer, occasions: Occasions = 1): void {
    this.#charges.publishAnswer.load(answer, occasions);
  }

  tokenEndpoint(fault: TokenFault, occasions: Occasions = 1): void {
    this.#charges.token.load(fault, occasions);
  }

  /** Management API and its readiness check answer with this status. */
  refuseManagement(status: number, occasions: Occasions = 1, retryAfterS?: number): void {
    this.#charges.managementRefusal.load(
      { status, ...(retryAfterS !== undefined && { retryAfterS }) },
      occasions,
    );
  }

  /** Unloads every waiting fault and lets silent connections speak again. What a fault has cut stays cut. */
  clearFaults(): void {
    this.#charges.clear();
    this.#strikes.resume();
  }
}
