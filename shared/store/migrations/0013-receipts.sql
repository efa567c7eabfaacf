-- An answer that one gateway began and another one has ended has a row of each. The later one tells
-- of the whole answer and names the earlier one here.
alter table requests add column continues text;
create index requests_by_continued on requests (continues) where continues is not null;

-- What the workers have signed of their attempts, in their order. Null in rows from before.
alter table requests add column receipts jsonb;
