/** An amount in minor units (1250 is 12.50 in EUR) and its ISO 4217 currency. */
export interface Money {
  readonly amount: number;
  readonly currency: string;
}
