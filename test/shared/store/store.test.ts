import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasSqlState, SqlState } from '#shared/store/store.ts'
import pg from 'pg'
import { until } from '../../helpers/until.ts'
import { openStore, STORE_KINDS } from '../../helpers/stores/stores.ts'

for (const kind of STORE_KINDS) {
  test(`a store in ${kind.name}`, async (t) => {
    const made = await kind.start(t)
    await made.store.query('create table notes (id integer primary key, text text not null)')

    await t.test('gives rows with numbers, dates and JSON as they are', async () => {
      const [row] = await made.store.query<Record<string, unknown>>(
        `select 9007199254740991::int8 as big, 12.5::numeric as exact, 0.25::float8 as rough,
           '2026-01-02T03:04:05Z'::timestamptz as at, '{"a": [1]}'::jsonb as json,
           $1::text as text, $2::text as nothing, $3::text[] as list`,
        [`it's "ü"`, null, ['a', 'b,c']]
      )
      assert.deepEqual(row, {
        big: 9007199254740991,
        exact: 12.5,
        rough: 0.25,
        at: new Date('2026-01-02T03:04:05Z'),
        json: { a: [1] },
        text: `it's "ü"`,
        nothing: null,
        list: ['a', 'b,c']
      })
    })

    await t.test('keeps all of a transaction, or nothing', async () => {
      const { store } = made
      await store.transaction(async (tx) => {
        await tx.query('insert into notes values (1, $1)', ['one'])
        await tx.query('insert into notes values (2, $1)', ['two'])
      })
      const failed = store.transaction(async (tx) => {
        await tx.query('insert into notes values (3, $1)', ['three'])
        throw new Error('changed my mind')
      })
      await assert.rejects(failed, /changed my mind/)
      const refused = store.transaction(async (tx) => {
        await tx.query('insert into notes values (4, $1)', ['four'])
        await tx.query('insert into notes values (1, $1)', ['one again'])
      })
      await assert.rejects(refused, (error) => hasSqlState(error, SqlState.uniqueViolation))
      const rows = await store.query<{ id: number }>('select id from notes order by id')
      assert.deepEqual(rows, [{ id: 1 }, { id: 2 }])
    })

    await t.test('lets nobody use a transaction after its end', async () => {
      const tx = await made.store.transaction(async (session) => session)
      assert.throws(() => tx.query('select 1'), /after its end/)
    })

    await t.test('keeps statements and transactions of many connections apart', async (t) => {
      const { store, url } = made
      await store.query('create table sums (id integer primary key, total integer not null)')
      await store.query('insert into sums values (1, 0), (2, 0)')
      const others = await Promise.all([0, 1, 2].map(() => openStore(t, url)))
      const all = [store, ...others]
      const work = all.flatMap((each, who) =>
        Array.from({ length: 25 }, async (_, i) => {
          // Each with a text of its own, so that a statement of another would be noticed.
          const [row] = await each.query<Record<string, number>>(
            `select $1::int + ${who} as sum_${who}_${i}`,
            [i]
          )
          assert.deepEqual(row, { [`sum_${who}_${i}`]: who + i })
          await each
            .transaction(async (tx) => {
              const [locked] = await tx.query<{ total: number }>(
                'select total from sums where id = 1 for update'
              )
              await tx.query('update sums set total = $1 where id = 1', [locked!.total + 1])
              if (i % 5 === 0) throw new Error('on purpose')
              await tx.query('update sums set total = total + 1 where id = 2')
            })
            .catch((error: Error) => assert.equal(error.message, 'on purpose'))
        })
      )
      await Promise.all(work)
      const rows = await store.query<{ total: number }>('select total from sums order by id')
      assert.deepEqual(rows, [{ total: 80 }, { total: 80 }])
    })

    await t.test('tells a notice to every listener, and only once it is committed', async (t) => {
      const { store, url } = made
      const other = await openStore(t, url)
      const heard: string[] = []
      const stop = await store.listen('news', { onNotice: (text) => heard.push(`here ${text}`) })
      await other.listen('news', { onNotice: (text) => heard.push(`there ${text}`) })
      await other.listen('else', { onNotice: (text) => heard.push(`else ${text}`) })
      await other
        .transaction(async (tx) => {
          await tx.query("select pg_notify('news', 'rolled back')")
          throw new Error('no')
        })
        .catch(() => {})
      await other.notify('news', 'first')
      await until(() => heard.length === 2)
      await stop()
      await store.notify('news', 'second')
      await until(() => heard.length === 3)
      assert.deepEqual(heard.toSorted(), ['here first', 'there first', 'there second'])
    })

    await t.test('goes on when a client dies inside a transaction', async () => {
      const { store, url } = made
      const dying = new pg.Client(url)
      dying.on('error', () => {})
      await dying.connect()
      await dying.query('begin')
      await dying.query("insert into notes values (99, 'never')")
      ;(
        dying as unknown as { connection: { stream: { destroy: () => void } } }
      ).connection.stream.destroy()
      await until(async () => {
        const rows = await store.query('select 1 from notes where id = 99')
        return rows.length === 0
      })
    })
  })
}
