import pg from "pg";

/** What the domains and the gateway have written down, held against each other. Each query gives what should not be. */
const AUDITS = {
  "a booking whose state is not final": `
    select id, status, steps from bookings.booking
    where status = 'paying' or (jsonb_array_length(steps) > 0 and not (steps @> '[{"do":"watch"}]' and status <> 'paying'))`,
  "a payment that was begun and came to nothing definite": `
    select id, state from payments.payment where state in ('pending', 'authorized') and void_reason is null`,
  "money kept that is not the price of a confirmed booking": `
    select b.id, b.status, coalesce(p.kept, 0) as kept, t.total
    from bookings.booking b
    cross join lateral (select sum((s -> 'price' ->> 'amount')::int) as total from jsonb_array_elements(b.seats) s) t
    left join (select booking_id, sum(captured - refunded) as kept from payments.payment group by 1) p on p.booking_id = b.id
    where coalesce(p.kept, 0) <> case b.status when 'confirmed' then t.total else 0 end`,
  "a payment of which the gateway knows better": `
    select coalesce(p.id, g.reference) as id, p.state, g.state as "gateway says"
    from (select * from payments.payment where method = 'mock') p
    full join mock_gateway.payment g on g.reference = p.id
    where g.id is null or p.id is null or (p.captured, p.refunded) is distinct from (g.captured, g.refunded)`,
  "a seat that is booked for nobody, or for two": `
    select coalesce(e.seat, b.seat) as seat, e.booking_id, b.id
    from engine.booked_seat e
    full join (
      select id, showtime_id, (s ->> 'seat')::int as seat
      from bookings.booking, jsonb_array_elements(seats) s where status = 'confirmed'
    ) b on (b.showtime_id, b.seat, b.id) = (e.showtime_id, e.seat, e.booking_id)
    where e.seat is null or b.seat is null`,
  "a seat without its ticket, or a good ticket without its seat": `
    select coalesce(t.booking_id, b.id) as booking, coalesce(t.seat, b.seat) as seat
    from (select * from tickets.ticket where voided_at is null) t
    full join (
      select id, (s ->> 'seat')::int as seat
      from bookings.booking, jsonb_array_elements(seats) s where status = 'confirmed'
    ) b on (b.id, b.seat) = (t.booking_id, t.seat)
    where t.seat is null or b.seat is null`,
} as const;

export type Finding = readonly [audit: string, ...rows: unknown[]];

/** Empty when everything is as it should be. */
export async function audit(databaseUrl: string): Promise<Finding[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const findings: Finding[] = [];
    for (const [name, query] of Object.entries(AUDITS)) {
      const { rows } = await client.query(query);
      if (rows.length > 0) findings.push([name, ...rows]);
    }
    return findings;
  } finally {
    await client.end();
  }
}

/** What the gateway has taken less what it gave back, in minor units. */
export async function keptByGateway(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ kept: number }>(
      "select coalesce(sum(captured - refunded), 0)::int as kept from mock_gateway.payment",
    );
    return rows[0]?.kept ?? 0;
  } finally {
    await client.end();
  }
}
